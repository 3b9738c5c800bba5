"""The connections to one origin: opened straight or through a proxy, and kept for the next request.

Knows sockets, TLS and CONNECT; knows nothing of requests.
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import cast
from urllib.parse import unquote, urlsplit

from regsync.transport.origins import Origin

IDLE_SECONDS = 30.0


class NoConnection(Exception):
    """No connection came about. The cause says why."""


class ProxyRefused(Exception):
    """The proxy opens no tunnel. The text is the status that it answered."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, with what it wants to see of us in Proxy-Authorization. `tls` is for proxies that speak TLS."""

    origin: Origin
    headers: dict[str, str]
    tls: ssl.SSLContext | None

    @classmethod
    def parse(cls, url: str, tls: ssl.SSLContext | None) -> Proxy:
        parts = urlsplit(url)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        headers = (
            {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"} if parts.username else {}
        )
        return cls(Origin.parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"), headers, tls)


class Connections:
    """The connections to one origin, at most `most_idle` of them kept. Thread-safe.

    `tls` is None for plain HTTP; `name` is what the certificate must be for.
    """

    def __init__(
        self, reached: Origin, proxy: Proxy | None, tls: ssl.SSLContext | None, name: str, most_idle: int
    ) -> None:
        self._reached = reached
        self._proxy = proxy
        self._tls = tls
        self._name = name
        self._most_idle = most_idle
        # A proxy for plain HTTP is asked itself, for whole URLs. One that tunnels sees no request.
        forwards = proxy is not None and tls is None
        self.prefix = str(reached) if forwards else ""
        self.extra_headers = proxy.headers if proxy and forwards else {}
        self._idle: list[tuple[float, HTTPConnection]] = []
        self._closed = False
        self._lock = threading.Lock()

    def take(self, timeout: float) -> HTTPConnection:
        """The connection that was given back last, or a new one. Raises NoConnection; `timeout` is in seconds."""
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            # What can be read while nothing was asked is the end of the connection.
            if time.monotonic() - since < IDLE_SECONDS and not _is_readable(connection.sock):
                return connection
            connection.close()
        try:
            return self._open(timeout)
        except (OSError, HTTPException, ProxyRefused, UnicodeError) as error:
            raise NoConnection from error

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection whose last answer was read to its end."""
        with self._lock:
            if not self._closed and len(self._idle) < self._most_idle:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle, and from now on what is given back."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop()[1].close()

    def _open(self, timeout: float) -> HTTPConnection:
        first = self._proxy.origin if self._proxy else self._reached
        sock = socket.create_connection((first.host, first.port), timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy and self._proxy.tls:
                sock = self._proxy.tls.wrap_socket(sock, server_hostname=first.host)
            if self._tls:
                if self._proxy:
                    _tunnel(sock, self._reached, self._proxy)
                sock = _secure(sock, self._tls, self._name)
        except BaseException:
            sock.close()
            raise
        connection = HTTPConnection(first.host, first.port)
        connection.sock = sock
        return connection


def _is_readable(sock: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows, whose select takes any socket
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _tunnel(sock: socket.socket, reached: Origin, proxy: Proxy) -> None:
    host = f"[{reached.host}]" if ":" in reached.host else reached.host
    goal = f"{host}:{reached.port}"
    lines = [f"CONNECT {goal} HTTP/1.1", *(f"{k}: {v}" for k, v in ({"Host": goal} | proxy.headers).items())]
    sock.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
    answer = HTTPResponse(sock, method="CONNECT")
    try:
        answer.begin()
        if answer.status != 200:
            raise ProxyRefused(f"{answer.status} {answer.reason}".strip())
    finally:
        answer.close()


def _secure(sock: socket.socket, context: ssl.SSLContext, name: str) -> socket.socket:
    if not isinstance(sock, ssl.SSLSocket):
        return context.wrap_socket(sock, server_hostname=name)
    # The standard library has no TLS within TLS. Loaded here: few proxies speak TLS, and urllib3 takes its time.
    from urllib3.util.ssltransport import SSLTransport  # noqa: PLC0415 - see above

    return cast(socket.socket, SSLTransport(sock, context, server_hostname=name))
