"""What the scripted server and the fault proxy share: an HTTP/1.1 server on a free loopback port, a thread a connection.

Knows how bodies travel and how a server ends with all its connections; what is answered, it does not know.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024
Fields = Sequence[tuple[str, str]]


def fields(headers: Mapping[str, str] | Fields) -> Fields:
    """Return headers as pairs, however they were given."""
    return list(headers.items()) if isinstance(headers, Mapping) else headers


class Handler(BaseHTTPRequestHandler):
    """Hands every request, whatever its method, to the owner of its server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        self.server.owner.handle(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Print nothing: the owner keeps the log."""

    def body(self) -> Iterator[bytes]:
        """Read the request's body piece by piece, however it is framed."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self._line().partition(b";")[0], 16):
                yield from self._exactly(size)
                self._line()
            while self._line().strip():
                pass
        else:
            yield from self._exactly(int(self.headers.get("Content-Length", "0")))

    def _line(self) -> bytes:
        if line := self.rfile.readline():
            return line
        raise ConnectionResetError("the client left in the middle of its body")

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(CHUNK, size))
            if not piece:
                raise ConnectionResetError("the client left in the middle of its body")
            size -= len(piece)
            yield piece

    def answer(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole answer; its length is stated unless the headers state one."""
        self.start_answer(status, headers)
        if not any(name.lower() == "content-length" for name, _ in headers) and status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def start_answer(self, status: int, headers: Fields) -> None:
        """Send the status line and these headers, and nothing of our own beside them."""
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: LoopbackServer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what went wrong for the test; a connection that its client broke off is nothing wrong."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | ssl.SSLError):
            self.owner.errors.append(error)

    def close_connections(self) -> None:
        """End the connections that clients keep alive, so that their threads end too."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class LoopbackServer:
    """An HTTP server for the time of its context; an error in a handler is raised at the end of the context."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.errors: list[BaseException] = []
        self.closing = threading.Event()
        self._server = _Server(self)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def handle(self, request: Handler) -> None:
        """Answer one request; called in the connection's thread."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        if self.errors and error is None:
            raise self.errors[0]
