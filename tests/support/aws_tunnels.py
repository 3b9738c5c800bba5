"""A way to AWS under its own names: a proxy whose tunnels, whatever host they are for, lead to the front over TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from tests.support.aws import AwsFront
from tests.support.aws_bucket import authority
from tests.support.loopback import CHUNK, Handler, LoopbackServer


class Tunnels(LoopbackServer):
    """An HTTPS proxy. `hosts` has every host and port that a tunnel was asked for; the certificates are the bucket's
    authority's."""

    def __init__(self, front: AwsFront) -> None:
        super().__init__()
        self.hosts: set[tuple[str, int]] = set()
        self._front = front

    def handle(self, request: Handler) -> None:
        host, _, port = request.path.partition(":")
        self.hosts.add((host, int(port)))
        request.answer(200, [], b"")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert(host).configure_cert(context)
        name, _, number = self._front.host.partition(":")
        with (
            context.wrap_socket(request.connection, server_side=True) as client,
            socket.create_connection((name, int(number))) as front,
        ):
            back = threading.Thread(target=relay, args=(front, client), daemon=True)
            back.start()
            relay(client, front)
            back.join()
        request.close_connection = True


def relay(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until there is no more, and say so."""
    with suppress(OSError):
        while part := source.recv(CHUNK):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
