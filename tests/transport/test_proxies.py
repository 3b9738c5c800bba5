from __future__ import annotations

import base64
import select
import socket
import ssl
from pathlib import Path

import pytest

from regsync.model.errors import Unreachable
from regsync.model.registry import Tls
from regsync.transport.messages import Bytes
from regsync.transport.origins import Origin
from regsync.transport.proxies import Proxies
from tests.support.loopback import Handler, LoopbackServer
from tests.support.scripted import ScriptedServer
from tests.transport.rig import OK, transport
from tests.transport.test_tls import Authority

PROXY = "http://proxy.test:3128"


def via(url: str, **environment: str) -> str | None:
    return Proxies(environment).url_for(Origin.parse(url))


def test_proxies_go_by_scheme_and_lower_case_wins() -> None:
    both = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://plain.test"}
    assert via("https://reg.test", **both) == PROXY
    assert via("http://reg.test", **both) == "http://plain.test"
    assert via("https://reg.test", HTTPS_PROXY="http://no.test", https_proxy=PROXY) == PROXY
    assert via("https://reg.test", ALL_PROXY="proxy.test:3128") == PROXY
    assert via("https://reg.test") is None


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("https://reg.test", "reg.test", True),
        ("https://reg.test", "other.test, REG.TEST", True),
        ("https://a.reg.test", "reg.test", True),
        ("https://a.reg.test", ".reg.test", True),
        ("https://a.reg.test", "*.reg.test", True),
        ("https://reg.test", "eg.test", False),
        ("https://reg.test:8443", "reg.test:8443", True),
        ("https://reg.test:8443", "reg.test:443", False),
        ("https://reg.test", "*", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3", "11.0.0.0/8,2.3", False),
        ("https://[2001:db8::1]:8443", "2001:db8::/32", True),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", True),
        ("https://reg.test", "", False),
        ("https://localhost:5000", "", True),
        ("http://127.0.0.1:5000", "", True),
        ("http://[::1]:5000", "", True),
        ("http://169.254.169.254", "", True),
    ],
)
def test_no_proxy_names_what_is_reached_directly(url: str, no_proxy: str, direct: bool) -> None:
    assert (via(url, HTTPS_PROXY=PROXY, HTTP_PROXY=PROXY, NO_PROXY=no_proxy) is None) is direct


def test_other_kinds_of_proxies_are_an_error_without_their_password() -> None:
    with pytest.raises(Unreachable, match=r"socks5://proxy\.test") as raised:
        via("https://reg.test", HTTPS_PROXY="socks5://me:hunter22@proxy.test")
    assert "hunter22" not in str(raised.value)


def test_a_proxy_with_an_impossible_port_is_refused() -> None:
    with pytest.raises(Unreachable, match=r"proxy\.test:notaport"):
        via("https://reg.test", HTTPS_PROXY="http://proxy.test:notaport")


def test_plain_http_is_forwarded_with_the_proxys_own_login() -> None:
    with ScriptedServer(lambda *_: OK) as proxy:
        environment = {"http_proxy": proxy.url.replace("http://", "http://me:p%40ss@")}
        with transport("http://reg.test", environment=environment) as http:
            http.ping()
        (seen,) = proxy.requests
        assert (seen.path, seen.headers["Host"]) == ("http://reg.test/v2/", "reg.test")
        assert seen.headers["Proxy-Authorization"] == "Basic " + base64.b64encode(b"me:p@ss").decode()


class Tunnel(LoopbackServer):
    """A CONNECT proxy that leads every tunnel to one server on loopback, or refuses it."""

    def __init__(self, goal: str | None, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.goal = goal
        self.asked: list[str] = []

    def handle(self, request: Handler) -> None:
        self.asked.append(f"{request.command} {request.path}")
        if self.goal is None:
            request.answer(407, [], b"")
            return
        host, _, port = self.goal.rpartition(":")
        with socket.create_connection((host, int(port))) as onward:
            request.send_response_only(200)
            request.end_headers()
            relay(request.connection, onward)
        request.close_connection = True


def relay(client: socket.socket, server: socket.socket) -> None:
    """Pass on bytes in both directions until one side ends."""
    others = {client: server, server: client}
    while True:
        waiting = isinstance(client, ssl.SSLSocket) and client.pending()
        for source in [client] if waiting else select.select([client, server], [], [])[0]:
            part = source.recv(65536)
            if not part:
                return
            others[source].sendall(part)


@pytest.mark.parametrize(
    ("endpoint", "connect_to", "asked"),
    [
        ("https://reg.test", None, "CONNECT reg.test:443"),
        ("https://reg.test", "https://tunnel.test:8443", "CONNECT tunnel.test:8443"),
    ],
)
def test_tls_goes_through_the_proxy_under_the_endpoints_name(
    tmp_path: Path, endpoint: str, connect_to: str | None, asked: str
) -> None:
    authority = Authority(tmp_path)
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context("reg.test")) as server,
        Tunnel(server.host) as proxy,
        transport(
            endpoint,
            connect_to=connect_to,
            environment={"HTTPS_PROXY": proxy.url},
            tls=Tls(authority.ca_file),
        ) as http,
    ):
        http.ping()
        http.close()
        assert proxy.asked == [asked]
        assert [seen.headers["Host"] for seen in server.requests] == ["reg.test"]


def test_a_proxy_may_speak_tls_itself(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context("reg.test")) as server,
        Tunnel(server.host, tls=authority.context()) as proxy,
        transport(
            "https://reg.test", environment={"HTTPS_PROXY": proxy.url}, tls=Tls(authority.ca_file)
        ) as http,
    ):
        assert http.request("PUT", "/v2/a/x", body=Bytes(b"x" * 100_000), expect={200}).status == 200
        http.close()
        assert proxy.asked == ["CONNECT reg.test:443"]
        assert [len(seen.body) for seen in server.requests] == [0, 100_000]


def test_a_proxy_that_is_not_there_is_named() -> None:
    environment = {"HTTPS_PROXY": "http://me:hunter22@127.0.0.1:1"}
    with (
        transport("https://reg.test", environment=environment) as http,
        pytest.raises(Unreachable, match=r"\(through the proxy http://127\.0\.0\.1:1\): connection refused"),
    ):
        http.ping()


def test_a_proxy_that_refuses_is_named_as_the_cause() -> None:
    with (
        Tunnel(None) as proxy,
        transport("https://reg.test", environment={"HTTPS_PROXY": proxy.url}) as http,
        pytest.raises(Unreachable, match="the proxy refused the connection: 407") as raised,
    ):
        http.ping()
    assert raised.value.hint == "check HTTPS_PROXY and NO_PROXY"
