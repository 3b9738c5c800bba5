"""The support code's own tests: a part that lies would make every test that leans on it worthless."""

from __future__ import annotations

import json
import socket
import ssl
from email.message import Message
from pathlib import Path

import httpx
import pytest

from tests.support.golden import hold_against
from tests.support.packs import make_pack
from tests.support.proxy import Corrupt, FaultProxy, Passed, Reset, Respond, Stall, Truncate
from tests.support.scripted import Answer, ScriptedServer
from tests.support.servers import PASSWORD, USER, DistributionServer, Served

BLOB = b"twelve bytes"
DIGEST = "sha256:d4ce2c527afe674c7a086bd74e256019e3d5dcdb31eeb6eaadef5ada8c4383b9"


def push_blob(base: str, repository: str) -> httpx.Response:
    started = httpx.post(f"{base}/v2/{repository}/blobs/uploads/")
    location = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": DIGEST})
    return httpx.put(location, content=iter([BLOB]))  # an iterator travels in chunks


def hello(method: str, path: str, headers: Message, body: bytes) -> Answer:
    return (
        200,
        [("Set-Cookie", "a"), ("Set-Cookie", "b")],
        f"{method} {path} {headers['X-Mark']} {body!r}".encode(),
    )


def test_the_real_server_answers_and_its_log_counts(
    distribution: DistributionServer, unique_path: str
) -> None:
    assert push_blob(distribution.url, unique_path).status_code == 201
    answer = httpx.get(f"{distribution.url}/v2/{unique_path}/blobs/{DIGEST}")
    assert answer.content == BLOB
    mine = [served for served in distribution.requests() if unique_path in served.path]
    assert [served.method for served in mine] == ["POST", "PUT", "GET"]
    assert mine[-1] == Served("GET", f"/v2/{unique_path}/blobs/{DIGEST}", 200)


def test_the_tls_server_wants_its_authority_and_a_login(distribution_tls: DistributionServer) -> None:
    context = ssl.create_default_context(cafile=distribution_tls.ca_file)
    with httpx.Client(base_url=distribution_tls.url, verify=context) as client:
        assert client.get("/v2/").status_code == 401
        assert client.get("/v2/", auth=(USER, "wrong")).status_code == 401
        assert client.get("/v2/", auth=(USER, PASSWORD)).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{distribution_tls.url}/v2/")


def test_a_server_refuses_deletes_when_told_to(tmp_path: Path) -> None:
    with DistributionServer(tmp_path, delete=False) as server:
        push_blob(server.url, "kept")
        assert httpx.delete(f"{server.url}/v2/kept/blobs/{DIGEST}").status_code == 405


def test_a_scripted_server_says_what_the_script_says() -> None:
    with ScriptedServer(hello) as server:
        answer = httpx.post(f"{server.url}/a?b=c", headers={"X-Mark": "m"}, content=iter([b"1", b"2"]))
        assert answer.text == "POST /a?b=c m b'12'"
        assert answer.headers.get_list("Set-Cookie") == ["a", "b"]
        assert httpx.head(f"{server.url}/a").headers["Content-Length"] == "16"
        assert [(seen.method, seen.body) for seen in server.requests] == [("POST", b"12"), ("HEAD", b"")]


def test_a_script_that_fails_fails_its_test() -> None:
    def broken(method: str, path: str, headers: Message, body: bytes) -> Answer:
        raise KeyError(path)

    with (
        pytest.raises(KeyError, match="/x"),
        ScriptedServer(broken) as server,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        httpx.get(f"{server.url}/x")


def test_the_proxy_passes_on_what_it_has_no_rule_for(
    distribution: DistributionServer, unique_path: str
) -> None:
    with FaultProxy(distribution.url) as proxy:
        started = httpx.post(f"{proxy.url}/v2/{unique_path}/blobs/uploads/")
        assert started.headers["Location"].startswith(f"{proxy.url}/v2/{unique_path}/")
        assert push_blob(proxy.url, unique_path).status_code == 201
        head = httpx.head(f"{proxy.url}/v2/{unique_path}/blobs/{DIGEST}")
        assert head.headers["Content-Length"] == str(len(BLOB))
        assert httpx.get(f"{proxy.url}/v2/{unique_path}/blobs/{DIGEST}").content == BLOB
        assert proxy.requests[-1] == Passed("GET", f"/v2/{unique_path}/blobs/{DIGEST}", None, 200)


def test_the_proxy_fails_as_told_and_only_so_often(
    distribution: DistributionServer, unique_path: str
) -> None:
    push_blob(distribution.url, unique_path)
    blob = f"/v2/{unique_path}/blobs/{DIGEST}"
    busy = Respond(429, {"Retry-After": "1"}, b"slow down")
    with FaultProxy(distribution.url) as proxy, httpx.Client(base_url=proxy.url) as client:
        for fault in (busy, busy, Corrupt(), Truncate(5), Reset(), Reset(forwarded=True)):
            proxy.on("GET", r"/blobs/sha256:", fault)
        assert client.head(blob).status_code == 200  # another method meets no fault
        assert [client.get(blob).headers["Retry-After"] for _ in range(2)] == ["1", "1"]
        assert client.get(blob).content == bytes([BLOB[0] ^ 0xFF]) + BLOB[1:]
        with pytest.raises(httpx.RemoteProtocolError, match="received 5 bytes, expected 12"):
            client.get(blob)
        for _ in range(2):
            with pytest.raises(httpx.ReadError):
                client.get(blob)
        assert client.get(blob).content == BLOB
        assert [passed.status for passed in proxy.requests] == [200, None, None, 200, 200, None, 200, 200]


def test_a_stall_ends_with_its_proxy(distribution: DistributionServer) -> None:
    with FaultProxy(distribution.url) as proxy:
        proxy.on("GET", "/v2/", Stall(3600))
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{proxy.url}/v2/", timeout=0.1)
        assert httpx.get(f"{proxy.url}/v2/").status_code == 200


def test_a_connection_that_leaves_the_machine_is_refused() -> None:
    with socket.socket() as outward, pytest.raises(RuntimeError, match=r"tests stay on loopback"):
        outward.connect(("192.0.2.1", 443))


def test_a_pack_has_what_palette_asks_for(tmp_path: Path) -> None:
    pack = make_pack(tmp_path, "redis", "7.2.0", chart=True, files={"README.md": None, "notes.txt": "hello"})
    described = json.loads((pack / "pack.json").read_text())
    assert (described["name"], described["version"]) == ("redis", "7.2.0")
    assert (pack / described["charts"][0]).is_file()
    assert (pack / "notes.txt").read_text() == "hello"
    assert not (pack / "README.md").exists()


def test_a_text_that_is_not_the_approved_one_fails_with_the_difference(tmp_path: Path) -> None:
    approved = tmp_path / "new" / "greeting.txt"
    hold_against(approved, "hello\nworld\n", update=True)
    hold_against(approved, "hello\nworld\n", update=False)
    with pytest.raises(pytest.fail.Exception, match=r"(?s)-world.*\+moon.*justw golden"):
        hold_against(approved, "hello\nmoon\n", update=False)
