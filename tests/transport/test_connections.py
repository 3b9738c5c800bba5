"""How connections are kept, and what ends them."""

from __future__ import annotations

import socket
import threading

import pytest

from regsync.model.errors import ProtocolError, RegistryError
from regsync.transport.messages import Bytes
from tests.support.loopback import Handler, LoopbackServer
from tests.support.scripted import ScriptedServer
from tests.transport.rig import OK, REGISTRY, transport

UPLOAD = "/v2/team/app/blobs/uploads/1"


class Server(LoopbackServer):
    """Answers everything with 200, or refuses uploads unread; `clients` has the port that each request came from."""

    def __init__(self, *, ends: bool = False, refuses: bool = False) -> None:
        super().__init__()
        self.ends = ends
        self.refuses = refuses
        self.clients: list[int] = []
        self.ended = threading.Semaphore(0)

    def handle(self, request: Handler) -> None:
        self.clients.append(request.client_address[1])
        if self.refuses and request.command == "PUT":
            request.answer(413, list(REGISTRY.items()), b"{}")
            request.close_connection = True
            return
        for _ in request.body():
            pass
        request.answer(200, list(REGISTRY.items()), b"{}")
        if self.ends:
            request.connection.shutdown(socket.SHUT_RDWR)
            self.ended.release()


def test_a_connection_is_used_again() -> None:
    with Server() as server, transport(server.url) as http:
        for _ in range(3):
            http.request("GET", "/v2/a/tags/list", expect={200})
            http.request("HEAD", "/v2/a/manifests/1", expect={200})
            http.request("PUT", UPLOAD, body=Bytes(b"12"), expect={200})
        assert len(server.clients) == 10
        assert len(set(server.clients)) == 1


def test_a_kept_connection_that_the_server_has_ended_is_not_used() -> None:
    with Server(ends=True) as server, transport(server.url) as http:
        http.ping()
        for _ in range(3):
            assert server.ended.acquire(timeout=10)
            http.request("PUT", UPLOAD, body=Bytes(b"12"), expect={200}, retry=False)
        assert len(set(server.clients)) == 4


def test_an_upload_that_is_refused_before_it_was_read_fails_with_the_answer() -> None:
    body = Bytes(b"x" * 30_000_000)
    with Server(refuses=True) as server, transport(server.url) as http:
        with pytest.raises(RegistryError, match="413"):
            http.request("PUT", UPLOAD, body=body, expect={201}, retry=False)
        http.request("GET", "/v2/a/tags/list", expect={200})


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    with (
        ScriptedServer(lambda *_: OK) as server,
        transport(server.url) as http,
        pytest.raises(ProtocolError, match="cannot be sent") as raised,
    ):
        http.request("GET", "/v2/a/x", headers={"X-Mark": "secret\r\nX-More: 1"}, expect={200})
    assert "secret" not in str(raised.value)


def test_what_is_no_http_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            for _ in range(5):
                with listener.accept()[0] as client:
                    client.sendall(b"SSH-2.0-server\r\n")
                    client.recv(65536)

        thread = threading.Thread(target=greet)
        thread.start()
        with (
            transport(f"http://127.0.0.1:{listener.getsockname()[1]}") as http,
            pytest.raises(RegistryError, match=r"not HTTP: 'SSH-2\.0-server"),
        ):
            http.ping()
        thread.join()
