"""Sends single requests over pooled connections and says in plain words why one broke. The only user of httpcore.

Knows sockets, TLS and proxies; knows nothing of logins, redirects or retries. httpcore is used bare, because httpx above it
doubles the processor time of a request for conveniences (cookies, redirects, logins, decoding) that must not happen here.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import httpcore

from regsync.model.errors import ContentError, ProtocolError, Unreachable
from regsync.model.registry import RegistrySpec
from regsync.transport.messages import Body, Headers
from regsync.transport.origins import Endpoint, Origin, Target
from regsync.transport.proxies import Proxies
from regsync.transport.redact import redact_url
from regsync.transport.retry import Again
from regsync.transport.tls import explain, make_context

READS = frozenset({"GET", "HEAD"})
CHUNK = 256 * 1024
IDLE_SECONDS = 30.0

_BROKEN = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    UnicodeError,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds without progress after which a connection is given up. `stored` is how long a registry may take to
    answer a write: it hashes and moves whole layers first."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 60.0
    stored: float = 300.0


class Answer:
    """One answer whose body may still be on its way. Must be closed."""

    def __init__(
        self, target: Target, response: httpcore.Response, fail: Callable[[Exception], NoReturn]
    ) -> None:
        self.target = target
        self.status = response.status
        self.headers = Headers(response.headers)
        self._response = response
        self._fail = fail
        self._body: bytes | None = None
        self._loaded = False

    def parts(self) -> Iterator[bytes]:
        """The body as it comes, not decoded. Raises Again where it breaks off."""
        try:
            yield from self._response.iter_stream()
        except _BROKEN as error:
            self._fail(error)

    def read(self, limit: int) -> bytes | None:
        """The whole body, or None if it is larger than `limit`. Raises Again where it breaks off."""
        if self._loaded:
            return self._body
        parts: list[bytes] = []
        size = 0
        for part in self.parts():
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
        return b"".join(parts)

    def load(self, limit: int) -> None:
        """Read the body now, so that the connection is free for the next request."""
        try:
            self._body = self.read(limit)
            self._loaded = True
        finally:
            self.close()

    def close(self) -> None:
        self._response.close()


class Wire:
    """The connections of one live registry: to itself, and to the hosts that it sends us to."""

    def __init__(
        self,
        spec: RegistrySpec,
        endpoint: Endpoint,
        environment: Mapping[str, str],
        parallelism: int,
        timeouts: Timeouts,
    ) -> None:
        self._spec = spec
        self._endpoint = endpoint
        self._proxies = Proxies(environment)
        self._parallelism = parallelism
        self._timeouts = timeouts
        self._pools: dict[tuple[str, str | None, bool], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: Body | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Answer:
        """Send one request and return the answer as soon as its headers are here.

        Raises Again for what may pass (refused, reset, timed out), Unreachable for what will not (an unknown name, a
        certificate), ContentError where the body has fewer bytes than it said.
        """
        reached = self._endpoint.connect if target.own else target.origin
        fields = [("Host", target.origin.authority), *headers.items()]
        if body is not None:
            fields.append(("Content-Length", str(body.size)))
        elif method in {"POST", "PUT", "PATCH"}:
            fields.append(("Content-Length", "0"))
        port = None if reached.has_default_port else reached.port
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=reached.scheme, host=reached.host, port=port, target=target.path),
            headers=fields,
            content=_parts(body, sent) if body is not None else None,
            extensions={
                "timeout": {
                    "connect": self._timeouts.connect,
                    "read": self._timeouts.read if method in READS else self._timeouts.stored,
                    "write": self._timeouts.write,
                }
            },
        )

        def fail(error: Exception) -> NoReturn:
            self._fail(error, method, target, reached)

        try:
            return Answer(target, self._pool(reached, own=target.own).handle_request(request), fail)
        except _BROKEN as error:
            fail(error)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, reached: Origin, *, own: bool) -> httpcore.ConnectionPool:
        proxy = self._proxies.url_for(reached)
        key = (reached.scheme, proxy, own)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._new_pool(reached, proxy, own=own)
            return self._pools[key]

    def _new_pool(self, reached: Origin, proxy: str | None, *, own: bool) -> httpcore.ConnectionPool:
        renamed = own and reached.host != self._endpoint.origin.host
        name = self._endpoint.origin.host if renamed else None
        secure = reached.scheme == "https"
        context = make_context(self._spec, own=own, server_name=name) if secure else None
        if proxy is None:
            return httpcore.ConnectionPool(
                ssl_context=context,
                max_connections=None,
                max_keepalive_connections=self._parallelism,
                keepalive_expiry=IDLE_SECONDS,
            )
        parts = urlsplit(proxy)
        login = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
        return httpcore.HTTPProxy(
            proxy_url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
            proxy_auth=(login[0].encode(), login[1].encode()) if login else None,
            proxy_ssl_context=make_context(self._spec, own=False) if parts.scheme == "https" else None,
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=self._parallelism,
            keepalive_expiry=IDLE_SECONDS,
        )

    def _fail(self, error: Exception, method: str, target: Target, reached: Origin) -> NoReturn:
        """Say what broke: by its cause, which httpcore's exceptions have as their argument."""
        what = f"{method} {redact_url(target.url)}"
        if reached != target.origin:
            what += f" (connected to {reached})"
        host, proxy = reached.host, self._proxies.url_for(reached)
        if proxy:
            what += f" (through the proxy {redact_url(proxy)})"
            host = urlsplit(proxy).hostname or ""
        cause = error.args[0] if error.args else error
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            reason, hint = explain(cause, target.origin.host, self._spec)
            raise Unreachable(f"{what}: {reason}", hint=hint) from None
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            raise Unreachable(f"{what}: no host has the name {host}", hint="check its spelling") from None
        if isinstance(error, UnicodeError):
            raise Unreachable(f"{what}: {host} is no host name") from None
        if isinstance(error, httpcore.LocalProtocolError):
            raise ProtocolError(f"{what}: cannot be sent: {error}") from None
        if isinstance(error, httpcore.ProxyError):
            raise Unreachable(
                f"{what}: the proxy refused the connection: {error}",
                hint="check HTTPS_PROXY and NO_PROXY",
            ) from None
        raise Again(Unreachable(f"{what}: {_reason(error, cause)}", hint=_HINTS.get(type(error)))) from None


_HINTS = {
    httpcore.ConnectError: "is the registry up, and is the port right?",
    httpcore.ConnectTimeout: "is the registry up, and does a firewall let you through? HTTPS_PROXY names a proxy",
}


def _reason(error: Exception, cause: object) -> str:
    match error:
        case httpcore.ConnectTimeout():
            return "no connection within the time-out"
        case httpcore.TimeoutException():
            return "no answer within the time-out"
        case httpcore.RemoteProtocolError():
            return f"the connection broke off: {error}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(error) or type(error).__name__


def _parts(body: Body, sent: Callable[[int], None] | None) -> Iterable[bytes]:
    """A body piece by piece; `sent` hears of each piece after it has left."""
    left = body.size
    with body.open() as file:
        while left:
            part = file.read(min(CHUNK, left))
            if not part:
                raise ContentError(f"the upload ends {left} bytes before its stated size of {body.size}")
            yield part
            left -= len(part)
            if sent:
                sent(len(part))
