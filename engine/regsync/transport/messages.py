"""What callers of the transport hold in their hands: scopes, bodies to send, answers. Knows no connection."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from regsync.model.errors import NotARegistry, ProtocolError


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request needs to be allowed, as a token scope (`repository:team/app:pull,push`)."""

    repository: str
    actions: tuple[str, ...]
    kind: str = "repository"

    def __str__(self) -> str:
        return f"{self.kind}:{self.repository}:{','.join(self.actions)}"


CATALOG = Scope("catalog", ("*",), "registry")
"""The scope of `GET /v2/_catalog`."""


class Body(Protocol):
    """What a request sends. Opened anew for every attempt, so an upload can be repeated from its start."""

    @property
    def size(self) -> int: ...
    def open(self) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class Bytes:
    """A body that is in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class Headers(Mapping[str, str]):
    """An answer's headers by name in any case; values of a repeated header are joined with a comma."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.lower(), raw_value.strip()
            values[name] = f"{values[name]}, {value}" if name in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer.

    `url` is fit for messages: secrets are taken out. `location` is the Location header as an absolute URL, to be
    given to the next request as it is; it may hold secrets. `next_query` is that of a listing's next page, whose path is
    that of this one.
    """

    method: str
    url: str
    status: int
    headers: Headers
    body: bytes
    location: str | None = None
    next_query: str | None = None

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises NotARegistry for a page of HTML, ProtocolError for anything else that is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            if is_page(self.content_type, self.body):
                raise NotARegistry(
                    f"{self.method} {self.url}: {self.status} with a page of HTML, not a registry's answer",
                    hint="a proxy, a login page or a web server answers in the registry's stead: check the endpoint",
                    status=self.status,
                ) from None
            raise ProtocolError(
                f"{self.method} {self.url}: {self.status} with a body that is not JSON", status=self.status
            ) from None


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a registry shows of itself when it is first reached: the host that its endpoint names, and the URL where it
    has tokens given out (empty where it asks for none)."""

    host: str
    realm: str


def is_page(content_type: str, body: bytes) -> bool:
    """Whether an answer is a web page: what proxies, gateways and login portals send."""
    return content_type in {"text/html", "application/xhtml+xml"} or body[:64].lstrip().lower().startswith(
        (b"<!doctype html", b"<html")
    )
