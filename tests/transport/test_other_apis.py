"""What the transport does for servers that are no registries: keys in headers of their own, and other words for errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

import pytest

from regsync.model.errors import AuthenticationFailed, RegistryError, RegsyncError, Unreachable
from regsync.transport.client import Transport
from regsync.transport.credentials import Credential, Kind
from regsync.transport.messages import Bytes, Response
from regsync.transport.redact import Redactor
from regsync.transport.server import Server
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import OK, Clock, html, make_spec, unauthorized

KEY = "a-key-of-somebody"
SEARCH = "/v1/search"


class KeyLogins:
    def __init__(self, key: str = KEY) -> None:
        self.key = key

    def current(self) -> Credential:
        return Credential(Kind.KEY, self.key, "env:KEY", header="X-Key")

    def renewed(self, refused: Credential) -> Credential:
        raise AssertionError("a key is not renewed")


@contextmanager
def api(url: str, key: str = KEY, **options: Any) -> Iterator[Transport]:
    clock = Clock()
    given: dict[str, Any] = {"environment": {}, "greets": False, "logins": KeyLogins(key)}
    opened = Transport(make_spec(url), clock=clock, sleep=clock.sleep, **{**given, **options})
    try:
        yield opened
    finally:
        opened.close()


def test_a_key_is_sent_from_the_start_in_its_own_header() -> None:
    with ScriptedServer(lambda *_: OK) as server, api(server.url) as http:
        http.request("GET", SEARCH, expect={200})
        [seen] = server.requests
        assert (seen.headers["X-Key"], seen.headers["Authorization"]) == (KEY, None)


def test_a_key_is_not_sent_on_to_where_a_redirect_leads() -> None:
    with ScriptedServer(lambda *_: OK) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            return (302, {"Location": f"{other.url}/x"}, b"") if path == SEARCH else OK

        with ScriptedServer(script) as server, api(server.url) as http:
            http.request("GET", SEARCH, expect={200})
            assert other.requests[0].headers["X-Key"] is None


@pytest.mark.parametrize("challenge", [None, "Basic realm=x", "Bearer realm={tokens}"])
def test_a_key_is_traded_for_nothing(challenge: str | None) -> None:
    with ScriptedServer(lambda *_: OK) as tokens:
        answer = unauthorized(challenge.format(tokens=f'"{tokens.url}"') if challenge else None)
        with (
            ScriptedServer(lambda *_: answer) as server,
            api(server.url) as http,
            pytest.raises(AuthenticationFailed),
        ):
            http.request("GET", SEARCH, expect={200})
        assert len(server.requests) == 1
        assert tokens.requests == []


def test_what_no_header_can_have_is_no_key() -> None:
    with (
        ScriptedServer(lambda *_: OK) as server,
        api(server.url, "a\nb") as http,
        pytest.raises(AuthenticationFailed, match="the key of env:KEY has characters that no key has"),
    ):
        http.request("GET", SEARCH, expect={200})


def test_planning_sends_what_is_known_to_be_harmless() -> None:
    with (
        ScriptedServer(lambda *_: OK) as server,
        api(server.url, read_only=True, harmless={f"POST {SEARCH}"}) as http,
    ):
        http.request("POST", f"{SEARCH}?limit=5", body=Bytes(b"{}"), expect={200})
        for method, path in (("PUT", SEARCH), ("POST", f"{SEARCH}/more"), ("POST", f"/a?{SEARCH}")):
            with pytest.raises(RegsyncError, match="planning never writes"):
                http.request(method, path, expect={200})
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "attempts"), [(500, 1), (502, 5)])
def test_a_server_has_statuses_of_its_own_that_may_pass(status: int, attempts: int) -> None:
    with (
        ScriptedServer(lambda *_: html(status)) as server,
        api(server.url, retried={502}) as http,
    ):
        with pytest.raises(Unreachable):
            http.request("GET", SEARCH, expect={200})
        assert len(server.requests) == attempts


def test_a_server_has_words_of_its_own_for_errors() -> None:
    def explain(
        response: Response, spec: Server, redact: Redactor, *, own: bool, login: str | None, accepted: bool
    ) -> RegistryError:
        return RegistryError(redact(f"{response.body.decode()} {login} {own}"))

    echo: Answer = (400, {}, f"no to {KEY} and body-secret".encode())
    with ScriptedServer(lambda *_: echo) as server, api(server.url, explain=explain) as http:
        http.mask("body-secret")
        with pytest.raises(RegistryError, match=r"^no to \*\*\* and \*\*\* env:KEY True$"):
            http.request("GET", SEARCH, expect={200})
