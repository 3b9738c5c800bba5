"""What is made of the answers that a Palette, or something in its stead, gives to requests of any sort."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import trustme

from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    RegsyncError,
    Unreachable,
    Unsupported,
)
from regsync.model.registry import Tls
from regsync.model.state import LivePalette
from regsync.palette import api as api_module
from regsync.palette.api import PaletteApi
from regsync.transport.wire import Timeouts
from tests.palette.rig import PASSWORD, Ticking, a_palette, desired, look, register, tenant, world
from tests.support.palette import GARBAGE, GATEWAY_TIMEOUT, LOGIN_PAGE, SERVER_ERROR, TOO_MANY, PaletteServer
from tests.support.proxy import Reset, Respond, Stall
from tests.support.scripted import Answer, ScriptedServer

NAMES = "/v1/registries/metadata"


def problem(found: LivePalette) -> tuple[str, str]:
    [one] = found.unreadable
    return one.reason, one.hint or ""


def observed(server: PaletteServer, key: str, **options: Any) -> tuple[str, str]:
    with tenant(server.url, key, **options) as palette:
        return problem(look(palette, desired(server.url)))


@contextmanager
def an_api(url: str) -> Iterator[PaletteApi]:
    clock = Ticking()
    environment = {"PALETTE_API_KEY": "the-key-of-palette"}
    api = PaletteApi(a_palette(url), environment, lambda line: None, clock, clock.sleep)
    try:
        yield api
    finally:
        api.http.close()


def test_a_wrong_key_is_told_with_its_reference() -> None:
    with PaletteServer() as server:
        reason, hint = observed(server, "wrong-key-of-somebody")
        assert reason.endswith("401 Unauthorized: The API key is invalid")
        assert "env:PALETTE_API_KEY was refused" in hint
        assert "registries/palette.yaml:4:20" in hint
        assert len(server.requests) == 1


def test_the_key_of_a_projects_user_is_told_for_what_it_is() -> None:
    with PaletteServer() as server:
        reason, hint = observed(server, server.project_key)
        assert "403 Forbidden" in reason
        assert "must be one of a tenant admin" in hint


def test_a_key_that_is_not_set_is_told_before_anything_leaves() -> None:
    with PaletteServer() as server:
        reason, _ = observed(server, "", environment={"PALETTE_API_KEY": ""})
        assert "env:PALETTE_API_KEY is empty" in reason
        assert server.requests == []


@pytest.mark.parametrize("key", ["two\nlines", "späßchen", "with space"])
def test_what_no_key_can_be_is_not_sent(key: str) -> None:
    with PaletteServer() as server:
        reason, _ = observed(server, key)
        assert reason == "the key of env:PALETTE_API_KEY has characters that no key has"
        assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (LOGIN_PAGE, "200 with a page of HTML, which is not Palette's API"),
        (GARBAGE, "200 with a body that is no JSON, which is not Palette's API"),
        (Respond(200, {}, b"[]"), "200 without an object, which is not Palette's API"),
        (Respond(200, {}, b'{"items": 1}'), "200 without a list of objects"),
        (Respond(200, {}, b"{}"), "200 without a list of objects"),
        (Respond(404, {}, b"404 page not found"), "404"),
        (Respond(403, {"Content-Type": "text/html"}, b"<html>Forbidden</html>"), "403 with a page of HTML"),
    ],
)
def test_what_is_not_palette_is_told_so(fault: Respond, told: str) -> None:
    with PaletteServer() as server:
        server.fail("GET", NAMES, fault, times=9)
        reason, hint = observed(server, server.api_key)
        assert told in reason
        assert "another program answers in Palette's stead: check spec.host" in hint
        assert len(server.requests) == 1


def test_an_answer_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_LIMIT", 2000)
    with PaletteServer() as server:
        server.fail("GET", NAMES, Respond(200, {}, b" " * 2001))
        assert "more than 2000 bytes" in observed(server, server.api_key)[0]


@pytest.mark.parametrize(
    "fault", [TOO_MANY, GATEWAY_TIMEOUT, Respond(502, {}, b""), Respond(503, {}, b""), Reset()]
)
def test_what_passes_is_tried_again(fault: Any) -> None:
    with world() as (server, palette):
        server.fail("GET", NAMES, fault, times=2)
        server.fail("POST", "*/validate", fault, times=2)
        register(palette, desired(server.url))
        assert len(server.asked("POST", "*/validate")) == 3


def test_a_gateway_that_stays_in_trouble_is_given_up() -> None:
    with PaletteServer() as server:
        server.fail("GET", NAMES, GATEWAY_TIMEOUT, times=9)
        reason, hint = observed(server, server.api_key)
        assert reason.endswith("504 with a page of HTML (5 attempts)")
        assert "in trouble" in hint


def test_a_plain_500_has_a_reason_and_is_not_tried_again() -> None:
    with PaletteServer() as server:
        server.fail("GET", NAMES, SERVER_ERROR, times=9)
        assert "500 OperationFailed: operation failed" in observed(server, server.api_key)[0]
        assert len(server.requests) == 1


def test_retry_after_is_obeyed() -> None:
    clock = Ticking()
    with PaletteServer() as server:
        server.fail("GET", NAMES, Respond(429, {"Retry-After": "7"}, b""))
        with tenant(server.url, server.api_key, clock=clock) as palette:
            assert look(palette, desired(server.url)).unreadable == ()
        assert any(6 < pause <= 7 for pause in clock.pauses)


def test_what_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts = api_module._TIMEOUTS
    assert (timeouts.read, timeouts.stored) == (30, 30)
    monkeypatch.setattr(api_module, "_TIMEOUTS", Timeouts(1, 0.05, 0.05, 0.05))
    with PaletteServer() as server:
        server.fail("GET", NAMES, Stall(0.2), times=9)
        assert "no answer from 127.0.0.1 within 0.05 s (2 attempts)" in observed(server, server.api_key)[0]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RegistryError), (405, Unsupported), (409, RegistryError), (422, RegistryError)],
)
def test_refusals_have_palettes_words_and_numbers(status: int, kind: type[RegistryError]) -> None:
    body = b'{"code": "SomeCode", "message": "it\\nis so", "ref": "r-1", "details": null}'

    def script(method: str, path: str, headers: Message, sent: bytes) -> Answer:
        return status, {"Content-Type": "application/json", "AuditUid": "a-2"}, body

    with ScriptedServer(script) as server, an_api(server.url) as api, pytest.raises(kind) as error:
        api.names()
    assert error.value.message.endswith(f"{status} SomeCode: it is so (ref r-1, audit a-2)")
    assert (error.value.code, error.value.status) == ("SomeCode", status)


def test_the_key_goes_to_palette_alone() -> None:
    with ScriptedServer(lambda *_: (200, {}, b'{"items": []}')) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            if path.startswith(NAMES):
                return 302, {"Location": f"{other.url}/login"}, b""
            return 200, {}, b'{"items": []}'

        with ScriptedServer(script) as server, an_api(server.url) as api:
            with pytest.raises(NotARegistry, match="from where a redirect led to"):
                api.names()
            assert api.summaries() == []
            assert [seen.headers["ApiKey"] for seen in server.requests] == ["the-key-of-palette"] * 2
            assert [seen.headers["ApiKey"] for seen in other.requests] == [None]
            assert all(seen.headers["Authorization"] is None for seen in server.requests)
            assert all(seen.headers["ProjectUid"] is None for seen in server.requests)


def test_an_error_from_where_a_redirect_led_to_is_not_palettes() -> None:
    answer: Answer = (404, {}, b'{"code": "ResourceNotFound", "message": "not found"}')
    with (
        ScriptedServer(lambda *_: answer) as other,
        ScriptedServer(lambda *_: (307, {"Location": f"{other.url}/x"}, b"")) as server,
        an_api(server.url) as api,
        pytest.raises(NotARegistry),
    ):
        api.pack("nginx", "1")


def test_no_challenge_makes_the_key_a_password() -> None:
    with ScriptedServer(lambda *_: (200, {}, b'{"token": "t"}')) as tokens:
        challenge = f'Bearer realm="{tokens.url}/token",service="x"'
        answer = (401, {"WWW-Authenticate": challenge}, b"{}")
        with (
            ScriptedServer(lambda *_: answer) as server,
            an_api(server.url) as api,
            pytest.raises(AuthenticationFailed, match="401"),
        ):
            api.names()
        assert tokens.requests == []


def test_only_hosts_that_may_see_credentials_see_the_key() -> None:
    with PaletteServer() as server:
        environment = {"REGSYNC_ALLOW_HOSTS": "*.example.com"}
        reason, hint = observed(server, server.api_key, environment=environment)
        assert "REGSYNC_ALLOW_HOSTS does not name this host" in reason
        assert "add 127.0.0.1" in hint
        assert server.requests == []
        with tenant(server.url, server.api_key, environment={"REGSYNC_ALLOW_HOSTS": "127.0.0.1"}) as palette:
            assert look(palette, desired(server.url)).unreadable == ()


def test_a_private_authority_is_trusted_where_the_manifest_says_so(tmp_path: Path) -> None:
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with PaletteServer(tls=authority) as server:
        reason, hint = observed(server, server.api_key)
        assert "from an authority that is not trusted here" in reason
        assert "tls.caFile (registries/palette.yaml:1:1)" in hint
        for trusted in (Tls(ca_file=file), Tls(insecure_skip_verify=True)):
            with tenant(server.url, server.api_key, tls=trusted) as palette:
                assert look(palette, desired(server.url)).unreadable == ()


def test_secrets_are_in_no_text_even_where_palette_echoes_them() -> None:
    lines: list[str] = []
    with PaletteServer() as server:
        body = {"code": f"c-{PASSWORD}", "message": f"{PASSWORD} and {server.api_key}", "ref": server.api_key}
        echo = Respond(400, {"AuditUid": PASSWORD}, json.dumps(body).encode())
        server.fail("POST", "*/validate", echo)
        with tenant(server.url, server.api_key, trace=lines.append) as palette:
            with pytest.raises(RegistryError) as error:
                register(palette, desired(server.url))
            assert palette.check([desired(server.url)])[-1].ok
        told = "\n".join([error.value.message, error.value.hint or "", error.value.code or "", *lines])
        assert PASSWORD not in told
        assert server.api_key not in told
        assert len(lines) == len(server.requests)


def test_read_only_means_reads_and_searches() -> None:
    with PaletteServer() as server, tenant(server.url, server.api_key, writes=False) as palette:
        api = palette._api
        assert api.latest(["1"]) == {"1": {}}
        for write in (
            lambda: api.validate("basic", {}),
            lambda: api.create("basic", {}),
            lambda: api.update("basic", "1", {}),
            lambda: api.delete("basic", "1"),
            lambda: api.start_sync("basic", "1", force=False),
        ):
            with pytest.raises(RegsyncError, match="planning never writes"):
                write()
        assert [str(each) for each in server.requests] == ["POST /v1/packs/search"]


def test_names_of_packs_are_one_segment_of_a_path() -> None:
    with ScriptedServer(lambda *_: (200, {}, b"{}")) as server, an_api(server.url) as api:
        api.pack("stable/a b", "1")
        assert server.requests[0].path == "/v1/packs/stable%2Fa%20b/registries/1"


def test_an_endless_list_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MOST_PAGES", 3)
    page = b'{"items": [], "listmeta": {"continue": "again"}}'
    with (
        ScriptedServer(lambda *_: (200, {}, page)) as server,
        an_api(server.url) as api,
        pytest.raises(ProtocolError, match="do not come to an end"),
    ):
        api.latest(["1"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationFailed), (403, PermissionDenied), (429, RateLimited), (503, Unreachable)],
)
def test_errors_are_told_apart_by_kind(status: int, kind: type[RegistryError]) -> None:
    answer: Answer = (status, {}, b'{"code": "C", "message": "m"}')
    with ScriptedServer(lambda *_: answer) as server, an_api(server.url) as api, pytest.raises(kind):
        api.names()
