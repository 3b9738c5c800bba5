from __future__ import annotations

import socket
import threading

import pytest

from regsync.model.diagnostic import Origin
from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    Unreachable,
)
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import LOGIN, OK, REGISTRY, Clock, html, oci_error, transport, unauthorized


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        (200, {}, b""),
        (200, {"Content-Type": "application/json"}, b"true"),
        (200, {"Docker-Distribution-Api-Version": "registry/2.0", "Content-Type": "text/plain"}, b"ok"),
        unauthorized('Basic realm="x"'),
        (401, {"WWW-Authenticate": "Negotiate, Basic"}, b"<html>nginx says 401</html>"),
    ],
)
def test_what_answers_as_a_registry(answer: Answer) -> None:
    with ScriptedServer(lambda *_: answer) as server, transport(server.url) as http:
        http.ping()


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (html(200), NotARegistry, "200, but not as a registry answers"),
        ((200, {**REGISTRY, "Content-Type": "text/html"}, b"login"), NotARegistry, "200, but not"),
        ((200, {"Content-Type": "text/plain"}, b"hello"), NotARegistry, "200, but not"),
        (html(404), NotARegistry, "404, but not"),
        (oci_error(404, "NOT_FOUND"), NotARegistry, "404, but not"),
        (unauthorized(None), NotARegistry, "401 without a way to log in"),
        (unauthorized(""), NotARegistry, "401 without a way to log in"),
        (unauthorized("Negotiate, Digest x=y"), AuthenticationFailed, "spoken here: negotiate, digest"),
        (unauthorized('Bearer service="x"'), AuthenticationFailed, "spoken here: bearer"),
        (html(403), PermissionDenied, "403 with a page of HTML"),
        (
            (400, {"Content-Type": "text/plain"}, b"Client sent an HTTP request to an HTTPS server.\n"),
            RegistryError,
            "400 Client sent an HTTP request to an HTTPS server",
        ),
        ((503, {"Retry-After": "3600"}, b""), RateLimited, "asks to wait 3600 s"),
        (
            (302, {"Location": "http://127.0.0.1:1/login"}, b""),
            Unreachable,
            "127.0.0.1:1/login: connection refused",
        ),
    ],
)
def test_what_does_not_says_so_to_every_request_but_is_asked_once(
    answer: Answer, kind: type[RegistryError], reason: str
) -> None:
    answer = answer[0], {**dict(answer[1]), "Connection": "close"}, answer[2]
    with ScriptedServer(lambda *_: answer) as server, transport(server.url) as http:
        for _ in range(2):
            with pytest.raises(kind, match=reason):
                http.request("GET", "/v2/a/tags/list", expect={200})
        with pytest.raises(kind, match=reason), http.stream("/v2/a/blobs/x"):
            pass
        assert {seen.path for seen in server.requests} == {"/v2/"}


@pytest.mark.parametrize(
    "answer",
    [
        (400, {}, b"Client sent an HTTP request to an HTTPS server.\n"),
        (
            400,
            {"Content-Type": "text/html"},
            b"<html><center>The plain HTTP request was sent to HTTPS port</center>",
        ),
    ],
)
def test_a_port_that_speaks_tls_is_to_be_written_with_https(answer: Answer) -> None:
    at = Origin("registries/prod.yaml", 7, 13)
    with (
        ScriptedServer(lambda *_: answer) as server,
        transport(server.url, origins={"endpoint": at}) as http,
        pytest.raises(ProtocolError, match=": 400") as raised,
    ):
        http.ping()
    assert raised.value.hint == (
        "the port speaks TLS: write the endpoint with https:// (registries/prod.yaml:7:13)"
    )


def test_a_registry_that_redirects_to_another_is_to_be_written_as_that() -> None:
    with ScriptedServer(lambda *_: OK) as other:

        def elsewhere(*_: object) -> Answer:
            return 301, {"Location": f"{other.url}/v2/"}, b""

        with (
            ScriptedServer(elsewhere) as server,
            transport(server.url) as http,
            pytest.raises(NotARegistry, match=f"redirected elsewhere, to {other.url}/v2/") as raised,
        ):
            http.ping()
        assert raised.value.hint is not None
        assert "write it as the endpoint" in raised.value.hint


def test_a_registry_that_is_down_is_not_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with transport(f"http://127.0.0.1:{port}") as http:
        with pytest.raises(Unreachable, match=r"connection refused \(5 attempts\)") as raised:
            http.ping()
        with socket.create_server(("127.0.0.1", port)) as now_up:
            now_up.settimeout(0.01)
            with pytest.raises(Unreachable, match="connection refused") as again:
                http.request("GET", "/v2/a/tags/list", expect={200})
            with pytest.raises(TimeoutError):
                now_up.accept()
        assert again.value is not raised.value


def test_an_unknown_host_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    clock = Clock()
    with (
        transport("https://reg.invalid", clock=clock) as http,
        pytest.raises(Unreachable, match=r"no host has the name reg\.invalid$"),
    ):
        http.ping()
    assert clock.pauses == []


def test_a_host_that_can_be_none_is_said_at_once() -> None:
    with transport(f"https://{'x' * 64}.test") as http, pytest.raises(Unreachable, match="is no host name"):
        http.ping()


def test_many_threads_ask_once() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport(server.url) as http:
        threads = [threading.Thread(target=http.ping) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(server.requests) == 1


def test_a_wrong_password_is_tried_once_and_names_its_source() -> None:
    with (
        ScriptedServer(lambda *_: unauthorized('Basic realm="harbor"')) as server,
        transport(server.url, auth=LOGIN) as http,
    ):
        for _ in range(3):
            with pytest.raises(
                AuthenticationFailed, match="the login from env:REGISTRY_PASSWORD was refused"
            ) as raised:
                http.request("GET", "/v2/a/tags/list", expect={200})
        assert [bool(seen.headers["Authorization"]) for seen in server.requests] == [False, True]
        assert raised.value.hint == "check user name and secret (registries/prod.yaml:9:5)"
