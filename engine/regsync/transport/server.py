"""What the transport has to know of a server: where it is, how to log in, whom to trust. Knows no manifest."""

from __future__ import annotations

from typing import Protocol

from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, Tls


class Server(Protocol):
    """A live registry, as its RegistrySpec describes it, or something else that speaks HTTP."""

    @property
    def endpoint(self) -> str:
        """A URL without a path."""

    @property
    def shown_endpoint(self) -> str:
        """The same as messages have it."""

    @property
    def base_path(self) -> str:
        """What stands before `/v2/`."""

    @property
    def connect_to(self) -> str | None:
        """The URL to connect to in the endpoint's stead."""

    @property
    def auth(self) -> Auth: ...

    @property
    def tls(self) -> Tls: ...

    def at(self, name: str) -> Origin:
        """Where the user has written a field below `spec`, for messages."""
