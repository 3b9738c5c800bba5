"""Sends single requests over kept connections and says in plain words why one broke.

Knows HTTP/1.1 as the standard library speaks it; knows nothing of logins, redirects or retries.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    InvalidURL,
    RemoteDisconnected,
)
from typing import NoReturn
from urllib.parse import urlsplit

from regsync.model.errors import ContentError, ProtocolError, Unreachable
from regsync.transport.connections import Connections, NoConnection, Proxy, ProxyRefused
from regsync.transport.messages import Body, Headers
from regsync.transport.origins import Endpoint, Origin, Target
from regsync.transport.proxies import Proxies
from regsync.transport.redact import redact_url
from regsync.transport.retry import Again
from regsync.transport.server import Server
from regsync.transport.tls import explain, make_context

READS = frozenset({"GET", "HEAD"})
CHUNK = 256 * 1024


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
        self,
        target: Target,
        response: HTTPResponse,
        done: Callable[[bool], None],
        fail: Callable[[Exception], NoReturn],
    ) -> None:
        self.target = target
        self.status = response.status
        self.headers = Headers(response.headers.raw_items())
        self._response = response
        self._done = done
        self._fail = fail
        self._body: bytes | None = None
        self._loaded = False
        self._closed = False

    def parts(self) -> Iterator[bytes]:
        """The body as it comes, not decoded. Raises Again where it breaks off."""
        response = self._response
        try:
            while response.length != 0 and (part := response.read1(CHUNK)):
                yield part
            if response.length:
                raise IncompleteRead(b"", response.length)
        except (OSError, HTTPException) as error:
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
        """Free the connection: for the next request if the body was read to its end."""
        if not self._closed:
            self._closed = True
            whole = self._response.isclosed() or self._response.length == 0
            self._response.close()
            self._done(whole)


class Wire:
    """The connections of one live registry: to itself, and to the hosts that it sends us to."""

    def __init__(
        self,
        spec: Server,
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
        self._connections: dict[tuple[Origin, bool], Connections] = {}
        self._lock = threading.Lock()
        self.requests = 0
        """How many requests have left, whole or in part."""

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
        connections = self._to(reached, own=target.own)
        fields = {"Host": target.origin.authority, **connections.extra_headers, **headers}
        if body is not None:
            fields["Content-Length"] = str(body.size)
        elif method in {"POST", "PUT", "PATCH"}:
            fields["Content-Length"] = "0"

        limit = self._timeouts.connect

        def fail(error: Exception) -> NoReturn:
            self._fail(error, method, target, reached, limit)

        try:
            connection = connections.take(limit)
        except NoConnection as error:
            fail(error)
        with self._lock:
            self.requests += 1
        try:
            limit = self._timeouts.write
            connection.sock.settimeout(limit)
            all_left = _ask(connection, method, target, connections.prefix, fields, body, sent)
            limit = self._timeouts.read if method in READS else self._timeouts.stored
            connection.sock.settimeout(limit)
            response = connection.getresponse()
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError | HTTPException):
                fail(error)
            raise

        def done(whole: bool) -> None:
            if whole and all_left and connection.sock:
                connections.give_back(connection)
            else:
                connection.close()

        return Answer(target, response, done, fail)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for connections in self._connections.values():
                connections.close()

    def _to(self, reached: Origin, *, own: bool) -> Connections:
        with self._lock:
            if (reached, own) not in self._connections:
                self._connections[reached, own] = self._new_connections(reached, own=own)
            return self._connections[reached, own]

    def _new_connections(self, reached: Origin, *, own: bool) -> Connections:
        url = self._proxies.url_for(reached)
        proxy = None
        if url:
            secure = urlsplit(url).scheme == "https"
            proxy = Proxy.parse(url, make_context(self._spec, own=False) if secure else None)
        return Connections(
            reached,
            proxy,
            make_context(self._spec, own=own) if reached.scheme == "https" else None,
            self._endpoint.origin.host if own else reached.host,
            self._parallelism,
        )

    def _fail(self, error: Exception, method: str, target: Target, reached: Origin, limit: float) -> NoReturn:
        """Say what broke; `limit` is the time-out that held then, in seconds."""
        what = f"{method} {redact_url(target.url)}"
        if reached != target.origin:
            what += f" (connected to {reached})"
        host, proxy = reached.host, self._proxies.url_for(reached)
        if proxy:
            what += f" (through the proxy {redact_url(proxy)})"
            host = urlsplit(proxy).hostname or ""
        connecting = isinstance(error, NoConnection)
        cause = error.__cause__ if connecting else error
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            reason, hint = explain(cause, target.origin.host, self._spec)
            raise Unreachable(f"{what}: {reason}", hint=hint) from None
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            raise Unreachable(f"{what}: no host has the name {host}", hint="check its spelling") from None
        if isinstance(cause, UnicodeError):
            raise Unreachable(f"{what}: {host} is no host name") from None
        if isinstance(cause, ProxyRefused):
            raise Unreachable(
                f"{what}: the proxy refused the connection: {cause}", hint="check HTTPS_PROXY and NO_PROXY"
            ) from None
        silent = isinstance(cause, TimeoutError)
        if silent:
            reason = f"no {'connection to' if connecting else 'answer from'} {host} within {limit:g} s"
        else:
            reason = _reason(cause)
        raise Again(
            Unreachable(f"{what}: {reason}", hint=_HINTS.get((connecting, silent))), silent=silent
        ) from None


# By whether no connection came about, and whether a time-out went by.
_HINTS = {
    (True, False): "is the server up, and is the port right?",
    (True, True): "is the server up, and does a firewall let you through? HTTPS_PROXY names a proxy",
    (
        False,
        True,
    ): "it took the connection and then kept silent: is it overloaded or half down, is the port right, or "
    "does a proxy in between hold its answers back?",
}


def _reason(cause: BaseException | None) -> str:
    match cause:
        case RemoteDisconnected():
            return "the connection broke off: no answer came"
        case IncompleteRead():
            return "the connection broke off: the answer is not complete"
        case HTTPException():
            return f"the connection broke off: not HTTP: {str(cause)[:80]!r}"
        case OSError(strerror=str(text)):
            return text.lower()
    return str(cause) or type(cause).__name__


def _ask(
    connection: HTTPConnection,
    method: str,
    target: Target,
    prefix: str,
    fields: Mapping[str, str],
    body: Body | None,
    sent: Callable[[int], None] | None,
) -> bool:
    """Send a request; False where not all of it left.

    A server may refuse an upload, and end the connection, before it has all of it: then its answer counts.
    """
    try:
        connection.putrequest(method, prefix + target.path, skip_host=True, skip_accept_encoding=True)
        for name, value in fields.items():
            connection.putheader(name, value)
    except (ValueError, InvalidURL):  # their texts have the value, which may be a secret
        what = f"{method} {redact_url(target.url)}"
        raise ProtocolError(f"{what}: cannot be sent: HTTP has no place for a character in it") from None
    try:
        connection.endheaders()
        for part in _parts(body) if body else ():
            rest = memoryview(part)
            while rest:  # unlike sendall, each step forward has its own time-out
                rest = rest[connection.sock.send(rest) :]
            if sent:
                sent(len(part))
    except (ConnectionError, ssl.SSLError):
        return False
    return True


def _parts(body: Body) -> Iterator[bytes]:
    left = body.size
    with body.open() as file:
        while left:
            part = file.read(min(CHUNK, left))
            if not part:
                raise ContentError(f"the upload ends {left} bytes before its stated size of {body.size}")
            yield part
            left -= len(part)
