from __future__ import annotations

import socket
import threading
from email.message import Message

import pytest

from regsync.model.errors import RegistryError
from regsync.transport.messages import Bytes
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import LOGIN, OK, html, transport
from tests.transport.test_login import PULL, TokenRegistry

BLOB = "/v2/team/app/blobs/sha256:0"
TAGS = "/v2/team/app/tags/list"


def test_every_request_to_the_registry_is_paced_and_nothing_else() -> None:
    paced: list[tuple[str, str]] = []
    tokens = TokenRegistry()
    with ScriptedServer(lambda *_: OK) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            answer = tokens(method, path, headers, body)
            if answer is not OK or path == "/v2/":
                return answer
            if path == "/v2/moved":
                return 307, {"Location": BLOB}, b""
            return (307, {"Location": f"{other.url}/blob"}, b"") if path == BLOB else OK

        with (
            ScriptedServer(script) as server,
            transport(server.url, auth=LOGIN, pace=lambda *asked: paced.append(asked)) as http,
        ):
            http.request("PUT", f"{TAGS}?digest=sha256:0", scope=PULL, body=Bytes(b"1"), expect={200})
            http.request("GET", "/v2/moved", scope=PULL, expect={200})
            own = [seen for seen in server.requests if not seen.path.startswith("/token")]
            assert paced == [(seen.method, seen.path.partition("?")[0]) for seen in own]
            assert paced[2:] == [("PUT", TAGS), ("GET", "/v2/moved"), ("GET", BLOB)]
            assert len(other.requests) == 1


def test_repeated_attempts_and_downloads_are_paced_with_the_path_as_sent() -> None:
    paced: list[tuple[str, str]] = []
    answers = [OK, html(503), OK, OK]
    with (
        ScriptedServer(lambda *_: answers.pop(0)) as server,
        transport(server.url, base_path="/base", pace=lambda *asked: paced.append(asked)) as http,
    ):
        http.request("GET", TAGS, expect={200})
        with http.stream(BLOB):
            pass
        assert paced == [("GET", f"/base{path}") for path in ("/v2/", TAGS, TAGS, BLOB)]


def test_who_waits_for_the_pace_holds_up_nobody() -> None:
    waiting, other_done = threading.Event(), threading.Event()
    outcome: list[bool] = []

    def pace(method: str, path: str) -> None:
        if method == "PUT":
            waiting.set()
            outcome.append(other_done.wait(10))

    with (
        ScriptedServer(lambda *_: OK) as server,
        transport(server.url, parallelism=1, pace=pace) as http,
    ):
        slow = threading.Thread(target=http.request, args=("PUT", TAGS), kwargs={"expect": {200}})
        slow.start()
        assert waiting.wait(10)
        http.request("GET", TAGS, expect={200})
        other_done.set()
        slow.join()
        assert outcome == [True]
        assert [seen.method for seen in server.requests] == ["GET", "GET", "PUT"]


def test_all_requests_that_left_are_counted() -> None:
    tokens = TokenRegistry()
    answers = [html(503), OK]
    with ScriptedServer(lambda *_: OK) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            answer = tokens(method, path, headers, body)
            if answer is OK and path == BLOB:
                return 307, {"Location": f"{other.url}/blob"}, b""
            return answers.pop(0) if answer is OK and path == TAGS else answer

        with ScriptedServer(script) as server, transport(server.url, auth=LOGIN) as http:
            assert http.requests == 0
            http.request("GET", TAGS, scope=PULL, expect={200})
            with http.stream(BLOB, scope=PULL):
                pass
            assert http.requests == len(server.requests) + len(other.requests) == 8


def test_threads_are_counted_together() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport(server.url) as http:
        threads = [
            threading.Thread(target=http.request, args=("GET", TAGS), kwargs={"expect": {200}})
            for _ in range(8)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert http.requests == len(server.requests) == 9


def test_what_found_no_connection_did_not_leave() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with transport(f"http://127.0.0.1:{port}") as http:
        with pytest.raises(RegistryError, match="connection refused"):
            http.ping()
        assert http.requests == 0
