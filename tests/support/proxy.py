"""A reverse proxy between regsync and a real server that fails on demand, request by request."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

from tests.support.loopback import CHUNK, Fields, Handler, LoopbackServer, fields

UPSTREAM_SECONDS = 60.0
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer in the server's stead, which sees nothing: an error, a redirect, a page."""

    status: int
    headers: Mapping[str, str] | Fields = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection; with `forwarded` only after the server has done what was asked and has answered."""

    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """Wait so many seconds (less when the proxy closes) before the request goes on to the server."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncate:
    """Close the connection after so many bytes of the answer's body, the stated length being the whole one."""

    keep: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Change the first byte of the answer's body."""


Fault = Respond | Reset | Stall | Truncate | Corrupt


@dataclass(slots=True)
class Rule:
    """A fault for the next `times` requests with this method and a path that the pattern is found in."""

    method: str
    pattern: re.Pattern[str]
    fault: Fault
    times: int


@dataclass(frozen=True, slots=True)
class Passed:
    """One request that came to the proxy: path with query, the fault it met, the server's status if it got there."""

    method: str
    path: str
    fault: Fault | None
    status: int | None


class FaultProxy(LoopbackServer):
    """Passes requests on to a plain-HTTP server, Host header included, so that Locations name the proxy."""

    def __init__(self, upstream: str, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.requests: list[Passed] = []
        self._upstream = upstream.removeprefix("http://")
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def on(self, method: str, pattern: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next `times` requests with this method and a matching path (regular expression) meet the fault."""
        with self._lock:
            self._rules.append(Rule(method, re.compile(pattern), fault, times))

    def handle(self, request: Handler) -> None:
        fault = self._fault_for(request)
        if isinstance(fault, Respond):
            for _ in request.body():
                pass
            self._note(request, fault, None)
            request.answer(fault.status, fields(fault.headers), fault.body)
        elif fault == Reset():
            self._note(request, fault, None)
            reset(request)
        else:
            if isinstance(fault, Stall):
                self.closing.wait(fault.seconds)
            self._forward(request, fault)

    def _note(self, request: Handler, fault: Fault | None, status: int | None) -> None:
        """Log a request before its answer starts, so that a client never knows more than the log."""
        self.requests.append(Passed(request.command, request.path, fault, status))

    def _fault_for(self, request: Handler) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if rule.times and rule.method == request.command and rule.pattern.search(request.path):
                    rule.times -= 1
                    return rule.fault
        return None

    def _forward(self, request: Handler, fault: Fault | None) -> None:
        connection = HTTPConnection(self._upstream, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(request.body(), encode_chunked="Transfer-Encoding" in request.headers)
            with connection.getresponse() as response:
                self._note(request, fault, response.status)
                if fault == Reset(forwarded=True):
                    reset(request)
                else:
                    self._send(request, response, fault)
        finally:
            connection.close()

    def _send(self, request: Handler, response: HTTPResponse, fault: Fault | None) -> None:
        chunked = response.chunked
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        request.start_answer(response.status, [*kept, ("Transfer-Encoding", "chunked")] if chunked else kept)
        request.end_headers()
        for piece in spoiled(response, fault):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if isinstance(fault, Truncate):
            request.close_connection = True
        elif chunked:
            request.wfile.write(b"0\r\n\r\n")


def spoiled(response: HTTPResponse, fault: Fault | None) -> Iterator[bytes]:
    """Yield an answer's body piece by piece, with what the fault does to it."""
    left = fault.keep if isinstance(fault, Truncate) else None
    first = True
    while piece := response.read(CHUNK if left is None else min(CHUNK, left)):
        if first and isinstance(fault, Corrupt):
            piece = bytes([piece[0] ^ 0xFF]) + piece[1:]
        first = False
        if left is not None:
            left -= len(piece)
        yield piece


def reset(request: Handler) -> None:
    """Break the connection off so that the client sees a reset instead of an end."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True
