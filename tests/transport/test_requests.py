from __future__ import annotations

import io
import threading
from email.message import Message
from typing import BinaryIO

import pytest

from regsync.model.errors import (
    Conflict,
    ContentError,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    RegsyncError,
    Unreachable,
    Unsupported,
)
from regsync.transport.messages import Bytes, Scope
from regsync.transport.wire import CHUNK
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import JSON, OK, REGISTRY, Clock, html, oci_error, transport

TAGS = "/v2/team/app/tags/list"


class Script:
    """Answers pings with 200, all else with the given answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer | type[ConnectionResetError]) -> None:
        self.answers = list(answers)

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path.endswith("/v2/"):
            return OK
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, tuple):
            return answer
        raise answer  # the connection is closed without an answer


def asked(server: ScriptedServer) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in server.requests if not seen.path.endswith("/v2/")]


def test_a_request_says_what_it_is_and_asks_for_plain_bytes() -> None:
    with ScriptedServer(Script(OK)) as server, transport(server.url) as http:
        response = http.request("GET", TAGS, accept="application/json", headers={"X-Mark": "m"}, expect={200})
        headers = server.requests[-1].headers
        assert (headers["Host"], headers["Accept"], headers["X-Mark"]) == (
            server.host,
            "application/json",
            "m",
        )
        assert headers["Accept-Encoding"] == "identity"
        assert headers["User-Agent"].startswith("regsync/")
        assert (response.method, response.status, response.body) == ("GET", 200, b"{}")
        assert response.url == f"{server.url}{TAGS}"
        assert response.headers["content-TYPE"] == response.content_type == "application/json"


def test_cookies_are_never_sent_back() -> None:
    with (
        ScriptedServer(Script((200, {**REGISTRY, "Set-Cookie": "sid=1"}, b""))) as server,
        transport(server.url) as http,
    ):
        for _ in range(2):
            http.request("POST", TAGS, expect={200})
        assert all(seen.headers["Cookie"] is None for seen in server.requests)


def test_bodies_travel_with_their_length() -> None:
    with ScriptedServer(Script((201, {}, b""))) as server, transport(server.url) as http:
        http.request("POST", "/v2/a/blobs/uploads/", expect={201})
        http.request("PUT", "/v2/a/manifests/1", body=Bytes(b"x" * 200_000), expect={201})
        lengths = [
            (seen.headers["Content-Length"], seen.headers["Transfer-Encoding"]) for seen in server.requests
        ]
        assert lengths == [(None, None), ("0", None), ("200000", None)]
        assert server.requests[-1].body == b"x" * 200_000


def test_a_base_path_stands_before_the_api() -> None:
    with (
        ScriptedServer(Script(OK)) as server,
        transport(server.url, base_path="/artifactory/api/docker/team") as http,
    ):
        http.request("GET", TAGS, expect={200})
        assert [seen.path for seen in server.requests] == [
            "/artifactory/api/docker/team/v2/",
            f"/artifactory/api/docker/team{TAGS}",
        ]


def test_connect_to_reaches_another_address_under_the_endpoints_name() -> None:
    with ScriptedServer(
        Script((202, {"Location": "http://reg.test/v2/a/blobs/uploads/1"}, b""), OK)
    ) as server:
        with transport("https://reg.test", connect_to=server.url) as http:
            started = http.request("POST", "/v2/a/blobs/uploads/", expect={202})
            assert started.location == "https://reg.test/v2/a/blobs/uploads/1"
            http.request("PUT", f"{started.location}?digest=sha256:x", body=Bytes(b"1"), expect={200})
        assert {seen.headers["Host"] for seen in server.requests} == {"reg.test"}
        assert asked(server)[-1] == "PUT /v2/a/blobs/uploads/1?digest=sha256:x"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_planning_never_writes(method: str) -> None:
    with ScriptedServer(Script(OK)) as server, transport(server.url, read_only=True) as http:
        with pytest.raises(RegsyncError, match=f"{method} {TAGS}: not sent, because planning never writes"):
            http.request(method, TAGS, expect={200})
        assert server.requests == []
        http.request("HEAD", TAGS, expect={200})
        http.read_only = False
        http.request(method, TAGS, expect={200})


def test_an_answer_that_is_too_large_is_not_read() -> None:
    with ScriptedServer(Script((200, JSON, b"x" * 2001))) as server, transport(server.url) as http:
        with pytest.raises(ProtocolError, match="200 with more than 2000 bytes"):
            http.request("GET", TAGS, expect={200}, limit=2000)
        assert len(http.request("GET", TAGS, expect={200}, limit=2001).body) == 2001


@pytest.mark.parametrize("status", [408, 425, 429, 499, 500, 502, 503, 504, 522])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_may_pass_is_tried_again(status: int, method: str) -> None:
    clock = Clock()
    with (
        ScriptedServer(Script(html(status), html(status), OK)) as server,
        transport(server.url, clock=clock) as http,
    ):
        http.request(method, TAGS, body=Bytes(b"body") if method == "PUT" else None, expect={200})
        assert asked(server) == [f"{method} {TAGS}"] * 3
        assert {seen.body for seen in server.requests[1:]} == {b"body" if method == "PUT" else b""}
        assert len(clock.pauses) == 2
        assert clock.pauses[0] <= 0.5
        assert clock.pauses[1] <= 1.0


def test_a_lost_connection_is_tried_again() -> None:
    with (
        ScriptedServer(Script(ConnectionResetError, ConnectionResetError, OK)) as server,
        transport(server.url) as http,
    ):
        http.request("GET", TAGS, expect={200})
        assert len(asked(server)) == 3


def test_an_answer_cut_off_in_the_middle_is_tried_again() -> None:
    cut = (200, {**REGISTRY, "Content-Length": "9", "Connection": "close"}, b"half")
    with ScriptedServer(Script(cut, (200, REGISTRY, b"the whole"))) as server, transport(server.url) as http:
        assert http.request("GET", TAGS, expect={200}).body == b"the whole"


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (html(503), Unreachable, r"503 with a page of HTML \(5 attempts\)"),
        (oci_error(500, "UNKNOWN"), Unreachable, r"500 UNKNOWN: said the registry \(5 attempts\)"),
        (
            oci_error(429, "TOOMANYREQUESTS"),
            RateLimited,
            r"429 TOOMANYREQUESTS: said the registry \(5 attempts\)",
        ),
        (ConnectionResetError, Unreachable, r"the connection broke off: .* \(5 attempts\)"),
    ],
)
def test_patience_ends(answer: Answer, kind: type[RegistryError], reason: str) -> None:
    with ScriptedServer(Script(answer)) as server, transport(server.url) as http:
        with pytest.raises(kind, match=reason):
            http.request("GET", TAGS, expect={200})
        assert len(asked(server)) == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 413, 501])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    with ScriptedServer(Script(oci_error(status, "CODE"))) as server, transport(server.url) as http:
        with pytest.raises(RegistryError):
            http.request("PUT", TAGS, body=Bytes(b"1"), expect={200})
        assert len(asked(server)) == 1


def test_an_upload_without_retry_fails_at_once() -> None:
    with ScriptedServer(Script(html(502))) as server, transport(server.url) as http:
        with pytest.raises(Unreachable, match=r"502 with a page of HTML$"):
            http.request("PUT", "/v2/a/blobs/uploads/1", body=Bytes(b"1"), expect={201}, retry=False)
        assert len(asked(server)) == 1


def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    dated = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:28:09 GMT"}
    answers = ((429, {"Retry-After": "7"}, b""), (503, dated, b""), (503, {"Retry-After": "soon"}, b""), OK)
    clock = Clock()
    with ScriptedServer(Script(*answers)) as server, transport(server.url, clock=clock) as http:
        http.request("GET", TAGS, expect={200})
        assert clock.pauses[:2] == [7.0, 9.0]
        assert clock.pauses[2] <= 2.0


def test_retry_after_holds_for_every_request() -> None:
    clock = Clock()
    with (
        ScriptedServer(Script((429, {"Retry-After": "30"}, b""), OK)) as server,
        transport(server.url, clock=clock) as http,
    ):
        with pytest.raises(RateLimited):
            http.request("PUT", TAGS, body=Bytes(b"1"), expect={200}, retry=False)
        assert clock.pauses == []
        http.request("GET", TAGS, expect={200})
        assert clock.pauses == [30.0]


def test_a_wait_that_is_too_long_fails_at_once_with_what_was_asked_for() -> None:
    clock = Clock()
    with (
        ScriptedServer(Script((429, {"Retry-After": "21600"}, b""))) as server,
        transport(server.url, clock=clock) as http,
    ):
        with pytest.raises(RateLimited, match="429; it asks to wait 21600 s"):
            http.request("GET", TAGS, expect={200})
        assert len(asked(server)) == 1
        assert clock.pauses == []


@pytest.mark.parametrize(
    ("answer", "kind", "code", "reason"),
    [
        (
            oci_error(404, "MANIFEST_UNKNOWN"),
            NotFound,
            "MANIFEST_UNKNOWN",
            "404 MANIFEST_UNKNOWN: said the registry",
        ),
        (oci_error(404, "NAME_UNKNOWN"), NotFound, "NAME_UNKNOWN", "NAME_UNKNOWN"),
        (oci_error(404, "BLOB_UNKNOWN"), NotFound, "BLOB_UNKNOWN", "BLOB_UNKNOWN"),
        (oci_error(404, "NOT_FOUND"), NotFound, "NOT_FOUND", "NOT_FOUND"),
        (
            oci_error(404, "BLOB_UPLOAD_INVALID"),
            ProtocolError,
            "BLOB_UPLOAD_INVALID",
            "404 BLOB_UPLOAD_INVALID",
        ),
        (
            (404, {"Content-Type": "text/plain"}, b"404 page not found\n"),
            NotARegistry,
            None,
            "404 404 page not found",
        ),
        (html(404), NotARegistry, None, "404 with a page of HTML"),
        ((404, JSON, b'{"errors": "MANIFEST_UNKNOWN"}'), NotARegistry, None, "404$"),
        ((404, JSON, b'{"errors": [{"code": 7}]}'), NotARegistry, None, "404$"),
        (oci_error(403, "DENIED"), PermissionDenied, "DENIED", "403 DENIED"),
        (oci_error(400, "DENIED"), PermissionDenied, "DENIED", "400 DENIED"),
        (oci_error(405, "UNSUPPORTED"), Unsupported, "UNSUPPORTED", "405 UNSUPPORTED"),
        (
            (405, {"Content-Type": "text/plain"}, b"Method not allowed"),
            Unsupported,
            None,
            "405 Method not allowed",
        ),
        (oci_error(400, "UNSUPPORTED"), Unsupported, "UNSUPPORTED", "400 UNSUPPORTED"),
        (oci_error(412, "PRECONDITION"), Conflict, "PRECONDITION", "412 PRECONDITION"),
        (oci_error(409, "CONFLICT"), Conflict, "CONFLICT", "409 CONFLICT"),
        (oci_error(400, "TAG_INVALID"), ProtocolError, "TAG_INVALID", "400 TAG_INVALID"),
        (html(413), ProtocolError, None, "413 with a page of HTML"),
        ((307, {"Location": "/v2/elsewhere"}, b""), ProtocolError, None, "307"),
        (html(200), NotARegistry, None, "200 with a page of HTML"),
        ((200, JSON, b"{}"), ProtocolError, None, "200$"),
    ],
)
def test_other_answers_become_errors(
    answer: Answer, kind: type[RegistryError], code: str | None, reason: str
) -> None:
    with ScriptedServer(Script(answer)) as server, transport(server.url) as http:
        with pytest.raises(RegistryError, match=reason) as raised:
            http.request("PUT", "/v2/a/manifests/1?sig=sesame", body=Bytes(b"1"), expect={201})
        assert type(raised.value) is kind
        assert (raised.value.code, raised.value.status) == (code, answer[0])
        assert str(raised.value).startswith(f"PUT {server.url}/v2/a/manifests/1?sig=***: ")


def test_several_errors_are_told_together_and_bounded() -> None:
    one = '{"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown\\u001b[31m"}'
    body = f'{{"errors": [{",".join([one] * 5)}]}}'.encode()
    with (
        ScriptedServer(Script((400, {**JSON, "X-Request-Id": "r-17"}, body))) as server,
        transport(server.url) as http,
        pytest.raises(ProtocolError) as raised,
    ):
        http.request("PUT", "/v2/a/manifests/1", body=Bytes(b"1"), expect={201})
    told = "; ".join(["MANIFEST_BLOB_UNKNOWN: blob unknown\\x1b[31m"] * 3)
    assert str(raised.value).endswith(f": 400 {told}; and 2 more (request id r-17)")


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (REGISTRY, NotFound),
        ({"Docker-Distribution-Api-Version": "registry/2.0"}, NotARegistry),
        (JSON, NotARegistry),
        ({"Content-Type": "text/html"}, NotARegistry),
        ({}, NotARegistry),
    ],
)
def test_a_head_404_is_absence_only_from_what_looks_like_a_registry(
    headers: dict[str, str], kind: type[RegistryError]
) -> None:
    with (
        ScriptedServer(Script((404, {**headers, "Content-Length": "99"}, b""))) as server,
        transport(server.url) as http,
    ):
        with pytest.raises(RegistryError) as raised:
            http.request("HEAD", "/v2/a/manifests/1", expect={200})
        assert type(raised.value) is kind


def test_what_is_expected_is_returned_whatever_it_is() -> None:
    with ScriptedServer(Script(html(404))) as server, transport(server.url) as http:
        assert http.request("HEAD", TAGS, expect={200, 404}).status == 404


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (html(200), NotARegistry),
        ((200, JSON, b"{"), ProtocolError),
        ((200, JSON, b"[" * 100_000), ProtocolError),
    ],
)
def test_a_body_that_should_be_json(answer: Answer, kind: type[RegistryError]) -> None:
    with ScriptedServer(Script(answer)) as server, transport(server.url) as http:
        response = http.request("GET", TAGS, expect={200})
        with pytest.raises(kind):
            response.json()


def test_warnings_are_kept_once_and_bounded() -> None:
    many = ", ".join(f'299 - "warning {number}"' for number in range(50))
    answers = [
        (200, [("Warning", '299 - "old \\"x\\""'), ("Warning", '199 - "no"'), ("Warning", '299 - "b"')], b"")
    ]
    with (
        ScriptedServer(Script(*answers, *answers, (200, {"Warning": many}, b""))) as server,
        transport(server.url) as http,
    ):
        for _ in range(2):
            http.request("GET", TAGS, expect={200})
        assert http.warnings == ('old \\"x\\"', "b")
        http.request("GET", TAGS, expect={200})
        assert len(http.warnings) == 20


def test_progress_counts_what_left_and_takes_back_what_is_sent_again() -> None:
    counted: list[int] = []
    body = Bytes(b"x" * (CHUNK + 1))
    with ScriptedServer(Script(html(503), (201, {}, b""))) as server, transport(server.url) as http:
        http.request("PUT", "/v2/a/manifests/1", body=body, expect={201}, sent=counted.append)
        assert counted == [CHUNK, 1, -CHUNK - 1, CHUNK, 1]


def test_progress_of_a_failed_upload_is_taken_back() -> None:
    counted: list[int] = []
    with ScriptedServer(Script(html(503))) as server, transport(server.url) as http:
        with pytest.raises(Unreachable):
            http.request("PUT", "/v2/a/x", body=Bytes(b"12"), expect={201}, retry=False, sent=counted.append)
        assert counted == [2, -2]


class Shrunk:
    """A body that has fewer bytes than it says."""

    size = 10

    def open(self) -> BinaryIO:
        return io.BytesIO(b"only 7.")


def test_a_body_that_shrank_is_not_completed() -> None:
    with ScriptedServer(Script(OK)) as server, transport(server.url) as http:
        with pytest.raises(ContentError, match="ends 3 bytes before its stated size of 10"):
            http.request("PUT", "/v2/a/x", body=Shrunk(), expect={200})
        assert asked(server) == []
        http.request("GET", TAGS, expect={200})


def test_no_more_requests_are_under_way_than_allowed() -> None:
    too_many = threading.Event()
    lock = threading.Lock()
    under_way: list[int] = []
    most: list[int] = []

    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == "/v2/":
            return OK
        with lock:
            under_way.append(1)
            most.append(len(under_way))
            if len(under_way) > 3:
                too_many.set()
        too_many.wait(0.1)  # gives a fourth request the time to come
        with lock:
            under_way.pop()
        return OK

    with ScriptedServer(script) as server, transport(server.url, parallelism=3) as http:
        threads = [
            threading.Thread(target=http.request, args=("GET", TAGS), kwargs={"expect": {200}})
            for _ in range(6)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert max(most) <= 3
    assert len(most) == 6


def test_a_scope_may_be_one_or_several() -> None:
    assert str(Scope("a/b", ("pull", "push"))) == "repository:a/b:pull,push"
    with ScriptedServer(Script(OK)) as server, transport(server.url) as http:
        http.request("GET", TAGS, scope=Scope("a", ("pull",)), expect={200})
        http.request("GET", TAGS, scope=[Scope("a", ("pull",)), Scope("b", ("pull",))], expect={200})
