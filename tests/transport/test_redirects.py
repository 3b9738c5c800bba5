from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message

import pytest

from regsync.model.errors import NotARegistry, PermissionDenied, ProtocolError, RegistryError
from regsync.transport.client import Transport
from regsync.transport.messages import Bytes
from tests.support.scripted import Answer, Script, ScriptedServer
from tests.transport.rig import LOGIN, OK, basic, oci_error, transport, unauthorized

BLOB = "/v2/team/app/blobs/sha256:0"
TAGS = "/v2/team/app/tags/list"
BYTES: Answer = (200, {"Content-Type": "application/octet-stream"}, b"blob")


def registry(answer: Callable[[str, str], Answer]) -> Script:
    """A registry with a Basic login; beyond it `answer(method, path)` speaks."""

    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if headers["Authorization"] != basic():
            return unauthorized("Basic realm=x")
        return OK if path == "/v2/" else answer(method, path)

    return script


@contextmanager
def two(
    answer: Callable[[str, str, str], Answer], elsewhere: Script
) -> Iterator[tuple[Transport, ScriptedServer, ScriptedServer]]:
    """A registry whose `answer(other's URL, method, path)` may lead to another host."""
    with (
        ScriptedServer(elsewhere) as other,
        ScriptedServer(registry(lambda method, path: answer(other.url, method, path))) as server,
        transport(server.url, auth=LOGIN) as http,
    ):
        yield http, server, other


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_follow_to_another_host_without_credentials(status: int, method: str) -> None:
    def answer(other: str, method: str, path: str) -> Answer:
        return status, {"Location": f"{other}/blob?sig=1"}, b"see there"

    with two(answer, lambda *_: BYTES) as (http, _, other):
        response = http.request(method, BLOB, headers={"Accept": "x/y"}, expect={200})
        assert response.body == (b"blob" if method == "GET" else b"")
        assert response.url == f"{other.url}/blob?sig=***"
        (seen,) = other.requests
        assert (seen.method, seen.path, seen.headers["Accept"]) == (method, "/blob?sig=1", "x/y")
        assert seen.headers["Authorization"] is None


def test_within_the_registry_credentials_go_along() -> None:
    def answer(method: str, path: str) -> Answer:
        return (307, {"Location": "../blobs/moved"}, b"") if path == BLOB else BYTES

    with ScriptedServer(registry(answer)) as server, transport(server.url, auth=LOGIN) as http:
        assert http.request("GET", BLOB, expect={200}).body == b"blob"
        assert server.requests[-1].headers["Authorization"] == basic()


def test_a_way_back_from_elsewhere_carries_no_credentials() -> None:
    with two(
        lambda other, method, path: (307, {"Location": f"{other}/hop"}, b""),
        lambda method, path, headers, body: (307, {"Location": f"http://{back[0]}/v2/secret/blobs/x"}, b""),
    ) as (http, server, _):
        back = [server.host]
        with pytest.raises(PermissionDenied):
            http.request("GET", BLOB, expect={200})
        assert server.requests[-1].path == "/v2/secret/blobs/x"
        assert server.requests[-1].headers["Authorization"] is None


def test_a_relative_redirect_of_another_host_stays_there() -> None:
    def elsewhere(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return (302, {"Location": "/v2/deeper"}, b"") if path == "/hop" else BYTES

    with two(lambda other, method, path: (307, {"Location": f"{other}/hop"}, b""), elsewhere) as (
        http,
        _,
        other,
    ):
        assert http.request("GET", BLOB, expect={200}).body == b"blob"
        assert [seen.path for seen in other.requests] == ["/hop", "/v2/deeper"]


@pytest.mark.parametrize("challenge", ["Basic realm=phish", 'Bearer realm="/token",service="phish"'])
def test_another_hosts_demand_for_a_login_is_not_met(challenge: str) -> None:
    with two(
        lambda other, method, path: (307, {"Location": f"{other}/blob"}, b""),
        lambda *_: unauthorized(challenge),
    ) as (http, server, other):
        with pytest.raises(PermissionDenied, match="/blob: 401") as raised:
            http.request("GET", BLOB, expect={200})
        assert raised.value.hint is not None
        assert "another host; its credentials are not sent there" in raised.value.hint
        assert [seen.path for seen in other.requests] == ["/blob"]
        assert [seen.path for seen in server.requests] == ["/v2/", "/v2/", BLOB]


def test_another_hosts_404_is_not_the_registrys_word() -> None:
    with two(
        lambda other, method, path: (307, {"Location": f"{other}/blob"}, b""),
        lambda *_: oci_error(404, "BLOB_UNKNOWN"),
    ) as (http, _, _other):
        for method in ("GET", "HEAD"):
            with pytest.raises(NotARegistry):
                http.request(method, BLOB, expect={200})


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/v2/team/app/blobs/sha256:0", "redirected more than 5 times"),
        ("ftp://x.test/blob", "redirected to not an http or https URL"),
        ("https://x.test:port/blob", "redirected to"),
    ],
)
def test_redirects_that_lead_nowhere(location: str, reason: str) -> None:
    with (
        ScriptedServer(registry(lambda method, path: (307, {"Location": location}, b""))) as server,
        transport(server.url, auth=LOGIN) as http,
        pytest.raises(ProtocolError, match=reason),
    ):
        http.request("GET", BLOB, expect={200})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_are_not_redirected(method: str) -> None:
    with two(lambda other, *_: (307, {"Location": f"{other}/x"}, b""), lambda *_: OK) as (http, _, other):
        with pytest.raises(ProtocolError, match=": 307"):
            http.request(method, TAGS, expect={200})
        assert other.requests == []


def test_an_upload_goes_on_where_its_location_says() -> None:
    def answer(method: str, path: str) -> Answer:
        return (
            (202, {"Location": "/v2/team/app/blobs/uploads/7?_state=x"}, b"")
            if method == "POST"
            else (201, {}, b"")
        )

    with ScriptedServer(registry(answer)) as server, transport(server.url, auth=LOGIN) as http:
        started = http.request("POST", "/v2/team/app/blobs/uploads/", expect={202})
        assert started.location == f"{server.url}/v2/team/app/blobs/uploads/7?_state=x"
        http.request("PUT", f"{started.location}&digest=sha256:0", body=Bytes(b"1"), expect={201})
        assert server.requests[-1].path == "/v2/team/app/blobs/uploads/7?_state=x&digest=sha256:0"
        assert server.requests[-1].headers["Authorization"] == basic()


def test_an_upload_to_another_host_in_the_clear_is_refused() -> None:
    with two(lambda other, *_: (202, {"Location": f"{other}/up"}, b""), lambda *_: OK) as (http, _, other):
        started = http.request("POST", "/v2/team/app/blobs/uploads/", expect={202})
        assert started.location == f"{other.url}/up"
        with pytest.raises(ProtocolError, match=f"sends us to {other.url}/up over plain HTTP; refused"):
            http.request("PUT", started.location, body=Bytes(b"1"), expect={201})
        assert other.requests == []


@pytest.mark.parametrize(
    ("link", "query"),
    [
        (f'<{TAGS}?last=b&n=2>; rel="next"', "last=b&n=2"),
        (f'<https://evil.test{TAGS}?last=b>; rel="next"', "last=b"),
        ("", None),
    ],
)
def test_the_next_page_is_never_elsewhere(link: str, query: str | None) -> None:
    with (
        ScriptedServer(registry(lambda *_: (200, {"Link": link}, b"{}"))) as server,
        transport(server.url, auth=LOGIN) as http,
    ):
        assert http.request("GET", TAGS, expect={200}).next_query == query


def test_an_impossible_next_page_is_no_end_of_the_list() -> None:
    with (
        ScriptedServer(
            registry(lambda *_: (200, {"Link": '<https://evil.test/>; rel="next"'}, b"{}"))
        ) as server,
        transport(server.url, auth=LOGIN) as http,
        pytest.raises(RegistryError, match="the next page is none of the registry's"),
    ):
        http.request("GET", TAGS, expect={200})
