"""Where a registry is and which URLs are its own. Knows addresses, not connections, logins or rights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from regsync.transport.redact import redact_url
from regsync.transport.server import Server

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_CHARACTERS = re.compile(r"[!-~]+")
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_NEXT = re.compile(r"(?i);\s*rel\s*=\s*\"?next\b")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what credentials are bound to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Origin:
        """The origin of an absolute http or https URL. Raises ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError(f"not an http or https URL: {redact_url(url)}")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        return cls(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])

    @property
    def has_default_port(self) -> bool:
        return self.port == _DEFAULT_PORTS[self.scheme]

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: no port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.has_default_port else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes. `own` targets are the registry's: only they see its credentials and certificate."""

    origin: Origin
    path: str
    own: bool

    @property
    def url(self) -> str:
        """The URL as it is; it may hold secrets."""
        return f"{self.origin}{self.path}"


class Endpoint:
    """A registry's address: its endpoint, the base path before `/v2/`, and where to connect in its stead."""

    def __init__(self, spec: Server) -> None:
        self.origin = Origin.parse(spec.endpoint)
        self.connect = Origin.parse(spec.connect_to) if spec.connect_to else self.origin
        self.base_path = spec.base_path.rstrip("/")
        # Behind a plain-HTTP tunnel a server builds Locations and realms with the scheme that it sees itself.
        port = _DEFAULT_PORTS[self.connect.scheme] if self.origin.has_default_port else self.origin.port
        seen_behind_tunnel = Origin(self.connect.scheme, self.origin.host, port)
        self._own = frozenset({self.origin, self.connect, seen_behind_tunnel})

    def target(self, reference: str, base: Target | None = None) -> Target:
        """Resolve a `/v2/…` path, or a Location or realm as some answer from `base` gave it.

        Own URLs come out on the endpoint's origin whatever name the server has for itself. Raises ValueError for
        what is no http or https URL.
        """
        if not _URL_CHARACTERS.fullmatch(reference):
            raise ValueError(f"not an http or https URL: {redact_url(reference)!r}")
        if reference.startswith("/v2/") and (base is None or base.own):
            return Target(self.origin, self.base_path + reference, own=True)
        url = urljoin(base.url if base else str(self.origin), reference)
        origin = Origin.parse(url)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if origin not in self._own:
            return Target(origin, path, own=False)
        # A server behind a path-stripping proxy does not know of the base path.
        return Target(self.origin, self.base_path + path if path.startswith("/v2/") else path, own=True)


def next_query(link: str) -> str | None:
    """The query of what a Link header names as the next page; None where it names none.

    Nothing but the query counts: a link to elsewhere would leave the registry, and some servers put a wrong host or path
    into it. Raises ValueError for a next page without one.
    """
    for found in _LINK.finditer(link):
        if _NEXT.search(found[2]):
            query = urlsplit(found[1]).query
            if not query:
                raise ValueError(f"a next page without a query: {redact_url(found[1])}")
            return query
    return None


def is_downgrade(source: Target, goal: Target) -> bool:
    """Whether going from `source` to `goal` would leave TLS."""
    return source.origin.scheme == "https" and goal.origin.scheme == "http"
