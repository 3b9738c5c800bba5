"""Endpoints that give out tokens beside a registry's own, and what a registry shows of itself."""

from __future__ import annotations

import json
from email.message import Message

import pytest

from regsync.model.errors import AuthenticationFailed, NotARegistry, ProtocolError, RegistryError, Unreachable
from regsync.transport.messages import Greeting
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import ANONYMOUS, JSON, LOGIN, OK, SECRET, html, oci_error, transport, unauthorized

FORM = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "open-sesame"}
TOKEN: Answer = (200, JSON, b'{"access_token": "t0ken", "expires_in": 3599}')


def oauth_error(status: int, code: str, description: str) -> Answer:
    return status, JSON, json.dumps({"error": code, "error_description": description}).encode()


def test_a_form_is_posted_even_while_planning() -> None:
    with (
        ScriptedServer(lambda *_: TOKEN) as server,
        transport("https://reg.test", read_only=True) as http,
    ):
        assert http.trade(f"{server.url}/token", FORM)["access_token"] == "t0ken"
        (seen,) = server.requests
    assert (seen.method, seen.body) == (
        "POST",
        b"grant_type=client_credentials&client_id=me&client_secret=open-sesame",
    )
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_without_a_form_it_is_a_get_with_headers_of_ones_own() -> None:
    with ScriptedServer(lambda *_: TOKEN) as server, transport("https://reg.test") as http:
        http.trade(f"{server.url}/me?v=1", headers={"Metadata": "true"})
        (seen,) = server.requests
    assert (seen.method, seen.path, seen.headers["Metadata"]) == ("GET", "/me?v=1", "true")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (
            oauth_error(401, "invalid_client", "AADSTS7000215: Invalid secret.\r\nTrace ID: 7"),
            AuthenticationFailed,
            "401 invalid_client: AADSTS7000215: Invalid secret.",
        ),
        (oci_error(401, "UNAUTHORIZED", "no such user"), AuthenticationFailed, "401 UNAUTHORIZED: no such"),
        (html(404), AuthenticationFailed, "404 with a page of HTML"),
        ((400, JSON, b"[1]"), AuthenticationFailed, "400"),
        ((307, {"Location": "http://127.0.0.1:1/steal"}, b""), AuthenticationFailed, "307"),
        ((200, JSON, b"[]"), ProtocolError, "200 without a token"),
        (html(200), NotARegistry, "200 with a page of HTML"),
        (html(503), Unreachable, r"503 with a page of HTML \(5 attempts\)"),
    ],
)
def test_an_endpoint_that_gives_no_token(answer: Answer, kind: type[RegistryError], told: str) -> None:
    with (
        ScriptedServer(lambda *_: answer) as server,
        transport("https://reg.test") as http,
        pytest.raises(kind, match=told) as raised,
    ):
        http.trade(f"{server.url}/token", FORM)
    assert type(raised.value) is kind
    assert "Trace ID" not in raised.value.message


def test_a_refusal_has_the_endpoints_own_code() -> None:
    with (
        ScriptedServer(lambda *_: oauth_error(400, "unauthorized_client", "no")) as server,
        transport("https://reg.test") as http,
        pytest.raises(AuthenticationFailed) as raised,
    ):
        http.trade(f"{server.url}/token", FORM)
    assert (raised.value.code, raised.value.status) == ("unauthorized_client", 400)


def test_what_is_not_to_be_repeated_is_asked_once() -> None:
    with ScriptedServer(lambda *_: html(503)) as server, transport("https://reg.test") as http:
        with pytest.raises(Unreachable):
            http.trade(f"{server.url}/me", retry=False)
        assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/token", "nonsense token"])
def test_what_is_no_url_is_not_asked(url: str) -> None:
    with transport("https://reg.test") as http, pytest.raises(AuthenticationFailed, match="not an http"):
        http.trade(url, FORM)


def test_a_form_goes_only_where_credentials_may_go() -> None:
    environment = {"REGSYNC_ALLOW_HOSTS": "reg.test"}
    with (
        ScriptedServer(lambda *_: TOKEN) as server,
        transport("https://reg.test", environment=environment) as http,
    ):
        with pytest.raises(AuthenticationFailed, match=f"to {server.url}: REGSYNC_ALLOW_HOSTS"):
            http.trade(f"{server.url}/token", FORM)
        assert server.requests == []
        http.trade(f"{server.url}/me")


def test_secrets_of_a_form_are_masked_wherever_they_come_back() -> None:
    lines: list[str] = []
    answer = oauth_error(401, "invalid_client", f"{FORM['client_secret']} is wrong")
    with (
        ScriptedServer(lambda *_: answer) as server,
        transport("https://reg.test", log=lines) as http,
        pytest.raises(AuthenticationFailed, match=r"\*\*\* is wrong"),
    ):
        http.trade(f"{server.url}/token?code={FORM['client_secret']}", FORM)
    assert FORM["client_secret"] not in "".join(lines)


def test_a_registry_shows_what_it_is_when_it_is_first_reached() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport("http://reg.test", connect_to=server.url) as http:
        assert http.greeting is None
        http.ping()
        assert http.greeting == Greeting("reg.test", "")


@pytest.mark.parametrize("login", [True, False])
def test_it_shows_where_its_tokens_come_from_whoever_logs_in(login: bool) -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path.startswith("/jwt/auth"):
            return 200, JSON, b'{"token": "t"}'
        if headers["Authorization"] == "Bearer t":
            return OK
        return unauthorized(f'Bearer realm="http://{headers["Host"]}/jwt/auth",service="s"')

    environment = {"REGISTRY_PASSWORD": SECRET}
    auth = LOGIN if login else ANONYMOUS
    with (
        ScriptedServer(script) as server,
        transport(server.url, auth=auth, environment=environment) as http,
    ):
        http.ping()
        assert http.greeting is not None
        assert http.greeting.realm == f"{server.url}/jwt/auth"


def test_a_registry_that_is_down_shows_nothing() -> None:
    with ScriptedServer(lambda *_: html(403)) as server, transport(server.url) as http:
        with pytest.raises(RegistryError):
            http.ping()
        assert http.greeting is None
