"""Requests to a vendor's own API beside `/v2/`, on the registry's own host."""

from __future__ import annotations

from email.message import Message

import pytest

from regsync.model.errors import AuthenticationFailed, RegsyncError
from regsync.model.registry import Auth
from regsync.transport.messages import Bytes, Scope
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import (
    ANONYMOUS,
    JSON,
    LOGIN,
    OK,
    SECRET,
    TOKEN,
    basic,
    oci_error,
    transport,
    unauthorized,
)

API = "/api/v2.0/projects/team/repositories/a%252Fb/artifacts?page_size=100"
TAGS = "/v2/team/app/tags/list"
PULL = Scope("team/app", ("pull",))


def harbor(method: str, path: str, headers: Message, body: bytes) -> Answer:
    """Tokens on `/v2/`, and an API that takes any login but those."""
    login = headers["Authorization"]
    if path.startswith("/service/token"):
        return 200, JSON, b'{"token": "t0ken", "access_token": ""}'
    if path.startswith("/api/"):
        link = {"Link": f'<{path}&page=2>; rel="next"'}
        return (200, {**JSON, **link}, b"[]") if login else oci_error(401, "UNAUTHORIZED", "unauthorized")
    if login is None:
        realm = f'Bearer realm="http://{headers["Host"]}/service/token",service="harbor-registry"'
        return unauthorized(realm)
    return OK


@pytest.mark.parametrize(
    ("auth", "login"), [(LOGIN, basic()), (TOKEN, "Bearer ready-made-token")], ids=["password", "token"]
)
def test_an_api_sees_the_login_itself_while_the_registry_sees_tokens(auth: Auth, login: str) -> None:
    with ScriptedServer(harbor) as server, transport(server.url, auth=auth) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        http.request("GET", API, direct=True, expect={200})
        http.request("GET", TAGS, scope=PULL, expect={200})
    seen = [(each.path, each.headers["Authorization"]) for each in server.requests]
    assert (API, login) in seen
    bearers = {carried for path, carried in seen if path == TAGS}
    assert bearers == {"Bearer t0ken" if auth is LOGIN else login}


def test_an_api_refuses_those_who_have_no_login() -> None:
    with (
        ScriptedServer(harbor) as server,
        transport(server.url, auth=ANONYMOUS) as http,
        pytest.raises(AuthenticationFailed, match="no login was sent"),
    ):
        http.request("GET", API, direct=True, expect={200})


def test_the_lists_of_an_api_have_pages_too() -> None:
    with ScriptedServer(harbor) as server, transport(server.url, auth=LOGIN) as http:
        assert http.request("GET", API, direct=True, expect={200}).next_query == "page_size=100&page=2"


def test_nothing_is_written_to_an_api_while_planning() -> None:
    with (
        ScriptedServer(harbor) as server,
        transport(server.url, auth=LOGIN, read_only=True) as http,
        pytest.raises(RegsyncError, match="planning never writes"),
    ):
        http.request("POST", "/api/v2.0/projects", body=Bytes(b"{}"), direct=True, expect={201})
    assert server.requests == []


def test_a_login_can_be_recognised_and_not_read() -> None:
    with ScriptedServer(harbor) as server, transport(server.url, auth=LOGIN) as http:
        assert not http.logs_in_as("robot", SECRET)
        http.ping()
        assert http.logs_in_as("robot", SECRET)
        assert not http.logs_in_as("robot", "another")
        assert SECRET not in repr(vars(http))
