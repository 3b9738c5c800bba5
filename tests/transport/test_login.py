from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.registry import Auth, AuthMethod, SecretRef
from regsync.transport.client import Transport
from regsync.transport.messages import CATALOG, Scope
from regsync.transport.tokens import merge_scopes
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import (
    AT,
    JSON,
    LOGIN,
    OK,
    SECRET,
    TOKEN,
    Clock,
    basic,
    html,
    oci_error,
    transport,
    unauthorized,
)

PULL = Scope("team/app", ("pull",))
PUSH = Scope("team/app", ("pull", "push"))
TAGS = "/v2/team/app/tags/list"


@dataclass
class TokenRegistry:
    """A registry that wants bearer tokens, and its token endpoint, as a script.

    `accepts` judges Authorization headers of the registry; `issue` answers the token endpoint, by default with
    tokens t1, t2, …; `scope` is what challenges ask for.
    """

    accepts: Callable[[str], bool] = lambda value: value.startswith("Bearer t")
    issue: Callable[[dict[str, list[str]], Message, str], Answer] | None = None
    scope: str | None = None
    realm: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        parts = urlsplit(path)
        if parts.path == "/token":
            fields = parse_qs(body.decode() if method == "POST" else parts.query)
            with self.lock:
                self.asked.append(fields)
            if self.issue:
                return self.issue(fields, headers, method)
            return token(f"t{len(self.asked)}")
        if self.accepts(headers["Authorization"] or ""):
            return OK
        realm = self.realm or f"http://{headers['Host']}/token"
        wanted = f',scope="{self.scope}"' if self.scope else ""
        return unauthorized(f'Bearer realm="{realm}",service="the registry"{wanted}')


def token(value: str, **fields: Any) -> Answer:
    return 200, JSON, json.dumps({"token": value, **fields}).encode()


@contextmanager
def serving(script: TokenRegistry, **fields: Any) -> Iterator[tuple[Transport, ScriptedServer]]:
    with ScriptedServer(script) as server, transport(server.url, **{"auth": LOGIN, **fields}) as http:
        yield http, server


def sent(server: ScriptedServer) -> list[str | None]:
    """The Authorization of each request to the registry itself."""
    return [seen.headers["Authorization"] for seen in server.requests if not seen.path.startswith("/token")]


def test_basic_goes_along_from_the_first_challenge_on() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return OK if headers["Authorization"] == basic() else unauthorized("Basic realm=x")

    with ScriptedServer(script) as server, transport(server.url, auth=LOGIN) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, basic(), basic(), basic()]


def test_nothing_is_looked_up_or_sent_where_nothing_is_asked() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport(server.url, auth=Auth()) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, None]


def test_a_login_that_is_written_out_is_used_at_an_open_registry_too() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport(server.url, auth=LOGIN) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, basic()]


def test_a_ready_token_goes_as_it_is() -> None:
    script = TokenRegistry(accepts=lambda value: value == "Bearer ready-made-token")
    with serving(script, auth=TOKEN) as (http, server):
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, "Bearer ready-made-token", "Bearer ready-made-token"]
        assert script.asked == []


def test_a_token_with_a_line_break_is_never_sent() -> None:
    with (
        serving(TokenRegistry(), auth=TOKEN, environment={"REGISTRY_TOKEN": "a\r\nX: y"}) as (http, _),
        pytest.raises(AuthenticationFailed, match="env:REGISTRY_TOKEN has characters that no token has"),
    ):
        http.ping()


def test_a_token_is_fetched_with_the_login_and_kept_for_its_scopes() -> None:
    script = TokenRegistry()
    with serving(script) as (http, server):
        for scope in (PULL, PULL, PUSH, PULL, CATALOG):
            http.request("GET", TAGS, scope=scope, expect={200})
        assert [each.get("scope") for each in script.asked] == [
            None,  # the login itself, at /v2/
            ["repository:team/app:pull"],
            ["repository:team/app:pull,push"],
            ["registry:catalog:*"],
        ]
        assert {each["service"][0] for each in script.asked} == {"the registry"}
        assert sent(server) == [None, *(f"Bearer t{number}" for number in (1, 2, 2, 3, 2, 4))]
        asked = [seen.headers["Authorization"] for seen in server.requests if seen.path.startswith("/token")]
        assert set(asked) == {basic()}


def test_without_credentials_an_anonymous_token_is_asked_for() -> None:
    script = TokenRegistry()
    with serving(script, auth=Auth()) as (http, server):
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert [each.get("scope") for each in script.asked] == [["repository:team/app:pull"]]
        assert sent(server) == [None, "Bearer t1"]
        assert all(seen.headers["Authorization"] in {None, "Bearer t1"} for seen in server.requests)


def test_a_mount_asks_for_both_repositories() -> None:
    script = TokenRegistry()
    with serving(script, auth=Auth()) as (http, _):
        scopes = (PUSH, Scope("other/app", ("pull",)))
        http.request("POST", "/v2/team/app/blobs/uploads/?mount=x&from=other/app", scope=scopes, expect={200})
        assert script.asked[-1]["scope"] == ["repository:team/app:pull,push", "repository:other/app:pull"]


def test_what_the_server_misses_is_asked_for_first_and_then_known() -> None:
    script = TokenRegistry(
        scope="repository:team/app:pull,push", accepts=lambda value: value == "Bearer wide"
    )

    def issue(fields: dict[str, list[str]], headers: Message, method: str) -> Answer:
        return token("wide" if "push" in str(fields.get("scope")) else "narrow")

    script.issue = issue
    with serving(script, auth=Auth()) as (http, server):
        with_other = (PULL, Scope("other", ("pull",)))
        http.request("GET", TAGS, scope=with_other, expect={200})
        http.request("GET", TAGS, scope=with_other, expect={200})
        assert script.asked[-1]["scope"] == ["repository:team/app:pull,push", "repository:other:pull"]
        assert sent(server)[-2:] == ["Bearer wide", "Bearer wide"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"token": "t-a", "access_token": "t-b"}, "Bearer t-b"),
        ({"token": "t-a", "access_token": ""}, "Bearer t-a"),
        ({"access_token": "t-b"}, "Bearer t-b"),
    ],
)
def test_access_token_is_preferred_unless_it_is_empty(answer: dict[str, str], expected: str) -> None:
    script = TokenRegistry(issue=lambda *_: (200, JSON, json.dumps(answer).encode()))
    with serving(script) as (http, server):
        http.ping()
        assert sent(server) == [None, expected]


@pytest.mark.parametrize(
    ("lifetime", "still", "no_more"),
    [(None, 45, 55), (300, 285, 295), (5, 45, 55), ("soon", 45, 55)],
)
def test_a_token_is_renewed_before_it_ends(lifetime: object, still: float, no_more: float) -> None:
    clock = Clock()
    script = TokenRegistry()
    script.issue = lambda *_: token(f"t{len(script.asked)}", expires_in=lifetime)
    with serving(script, auth=Auth(), clock=clock) as (http, server):
        http.request("GET", TAGS, scope=PULL, expect={200})
        start = clock.now
        clock.now = start + still
        http.request("GET", TAGS, scope=PULL, expect={200})
        clock.now = start + no_more
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, "Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_refused_token_is_renewed_once_and_then_it_is_over() -> None:
    valid = {"Bearer t1", "Bearer t2"}
    script = TokenRegistry(accepts=lambda value: value in valid)
    with serving(script) as (http, server):
        http.request("GET", TAGS, scope=PULL, expect={200})
        valid.clear()
        valid.add("Bearer t3")
        http.request("GET", TAGS, scope=PULL, expect={200})
        valid.clear()
        with pytest.raises(PermissionDenied, match="401 UNAUTHORIZED: authentication required"):
            http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server)[3:] == ["Bearer t2", "Bearer t3", "Bearer t3", "Bearer t4"]


def test_threads_share_one_fetch() -> None:
    second = threading.Event()

    def issue(fields: dict[str, list[str]], headers: Message, method: str) -> Answer:
        if len(script.asked) > 1:
            second.set()
        second.wait(0.1)  # gives a second fetch the time to come
        return token("t1")

    script = TokenRegistry(issue=issue)
    with serving(script, auth=Auth()) as (http, _):
        http.ping()
        threads = [
            threading.Thread(target=http.request, args=("GET", TAGS), kwargs={"scope": PULL, "expect": {200}})
            for _ in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(script.asked) == 1


@pytest.mark.parametrize("challenge", ["", None, 'Basic realm="harbor"'])
def test_harbors_401_for_what_is_forbidden_is_no_reason_to_log_in_again(challenge: str | None) -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == "/v2/" and headers["Authorization"]:
            return OK
        if path == "/v2/":
            return unauthorized("Basic realm=harbor")
        status, fields, _ = unauthorized(challenge)
        text = {"errors": [{"code": "UNAUTHORIZED", "message": "project x not found: project x not found"}]}
        return status, fields, json.dumps(text).encode()

    with ScriptedServer(script) as server, transport(server.url, auth=LOGIN) as http:
        with pytest.raises(PermissionDenied, match="401 UNAUTHORIZED: project x not found") as raised:
            http.request("GET", "/v2/x/app/tags/list", scope=PULL, expect={200})
        assert raised.value.hint is not None
        assert "the login from env:REGISTRY_PASSWORD is good, but not for this" in raised.value.hint
        assert len(server.requests) == 3


def test_where_tokens_are_not_honoured_basic_is_tried_for_this_request_only() -> None:
    script = TokenRegistry()

    def catalog_wants_basic(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == "/v2/_catalog":
            return OK if headers["Authorization"] == basic() else unauthorized('Basic realm="harbor"')
        return script(method, path, headers, body)

    with ScriptedServer(catalog_wants_basic) as server, transport(server.url, auth=LOGIN) as http:
        http.request("GET", "/v2/_catalog", scope=CATALOG, expect={200})
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, "Bearer t1", "Bearer t2", basic(), "Bearer t3"]


def test_no_credentials_say_how_to_give_some() -> None:
    with (
        ScriptedServer(lambda *_: unauthorized("Basic realm=x")) as server,
        transport(server.url, auth=Auth()) as http,
        pytest.raises(AuthenticationFailed, match=r"401 UNAUTHORIZED.*; no login was sent") as raised,
    ):
        http.request("GET", TAGS, scope=PULL, expect={200})
    assert raised.value.hint is not None
    assert f"docker login {server.host}" in raised.value.hint


def test_a_missing_variable_is_an_error_with_its_position_and_stays_one() -> None:
    with serving(TokenRegistry(), environment={}) as (http, server):
        for _ in range(2):
            with pytest.raises(
                AuthenticationFailed, match=r"registries/prod\.yaml:9:5: .*REGISTRY_PASSWORD is not set"
            ):
                http.request("GET", TAGS, scope=PULL, expect={200})
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (
            oci_error(401, "UNAUTHORIZED"),
            AuthenticationFailed,
            "the login from env:REGISTRY_PASSWORD was refused",
        ),
        (oci_error(403, "DENIED"), PermissionDenied, "403 DENIED"),
        ((200, JSON, b"{}"), ProtocolError, "200 without a token"),
        ((200, JSON, b"[]"), ProtocolError, "200 without a token"),
        ((200, JSON, b'{"token": 7}'), ProtocolError, "200 without a token"),
        ((200, JSON, b'{"token": "a\\r\\nX-Evil: 1"}'), ProtocolError, "200 without a token"),
        ((200, JSON, b'{"token": "' + b"x" * 200_000 + b'"}'), ProtocolError, "more than 131072 bytes"),
        (html(200), NotARegistry, "page of HTML"),
        (html(404), ProtocolError, "404 without a token"),
        ((307, {"Location": "http://127.0.0.1:1/steal"}, b""), ProtocolError, "307"),
        (html(500), Unreachable, r"500 with a page of HTML \(5 attempts\)"),
    ],
)
def test_a_token_endpoint_that_fails(answer: Answer, kind: type[RegistryError], reason: str) -> None:
    with (
        serving(TokenRegistry(issue=lambda *_: answer)) as (http, _),
        pytest.raises(kind, match=reason) as raised,
    ):
        http.ping()
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("realm", "reason"),
    [
        ("ftp://127.0.0.1/t", "no URL"),
        ("http://10.0.0.1/t", "plain HTTP"),
        ("https://169.254.169.254/t", "internal address"),
    ],
)
def test_a_realm_that_must_not_be_asked_is_an_error(realm: str, reason: str) -> None:
    with serving(TokenRegistry(realm=realm)) as (http, server):
        with pytest.raises(AuthenticationFailed, match=reason):
            http.ping()
        assert sent(server) == [None]


def docker_login(folder: Path, server: ScriptedServer, **entry: str) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps({"auths": {server.host: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def test_an_identity_token_is_posted(tmp_path: Path) -> None:
    script = TokenRegistry()
    with ScriptedServer(script) as server:
        environment = docker_login(tmp_path, server, identitytoken="refresh-me", auth="bWU6")
        with transport(server.url, auth=Auth(), environment=environment, read_only=True) as http:
            http.request("GET", TAGS, scope=PULL, expect={200})
        assert script.asked[-1] == {
            "grant_type": ["refresh_token"],
            "service": ["the registry"],
            "scope": ["repository:team/app:pull"],
            "client_id": ["regsync"],
            "refresh_token": ["refresh-me"],
        }
        posted = [seen for seen in server.requests if seen.path == "/token"]
        assert {
            (seen.method, seen.headers["Content-Type"], seen.headers["Authorization"]) for seen in posted
        } == {("POST", "application/x-www-form-urlencoded", None)}


@pytest.mark.parametrize("status", [404, 405])
def test_where_that_is_unknown_an_identity_token_goes_as_a_password(tmp_path: Path, status: int) -> None:
    script = TokenRegistry()

    def issue(fields: dict[str, list[str]], headers: Message, method: str) -> Answer:
        if method == "POST":
            return oci_error(status, "UNSUPPORTED")
        return (
            token("t1")
            if headers["Authorization"] == basic("<token>", "refresh-me")
            else oci_error(401, "NO")
        )

    script.issue = issue
    with ScriptedServer(script) as server:
        environment = docker_login(tmp_path, server, identitytoken="refresh-me")
        with transport(server.url, auth=Auth(), environment=environment) as http:
            http.ping()


def test_docker_credentials_are_named_as_the_source(tmp_path: Path) -> None:
    with ScriptedServer(lambda *_: unauthorized("Basic realm=x")) as server:
        environment = docker_login(tmp_path, server, username="me", password="wrong-word")
        with (
            transport(server.url, auth=Auth(), environment=environment) as http,
            pytest.raises(AuthenticationFailed, match=r"docker config .*config\.json \(auths\) was refused"),
        ):
            http.ping()


def test_a_broken_docker_config_is_an_error_not_anonymous(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with (
        serving(TokenRegistry(), auth=Auth(), environment={"DOCKER_CONFIG": str(tmp_path)}) as (http, _),
        pytest.raises(AuthenticationFailed, match=r"config\.json: is not JSON"),
    ):
        http.request("GET", TAGS, scope=PULL, expect={200})


def test_method_none_does_not_look(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    auth = Auth(AuthMethod.NONE)
    with serving(TokenRegistry(), auth=auth, environment={"DOCKER_CONFIG": str(tmp_path)}) as (http, server):
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert sent(server) == [None, "Bearer t1"]


ALLOW = {"REGISTRY_PASSWORD": SECRET, "REGSYNC_ALLOW_HOSTS": "*.allowed.test"}


@pytest.mark.parametrize("auth", [LOGIN, Auth(AuthMethod.TOKEN, token=SecretRef("env", "UNSET", AT))])
def test_a_written_login_is_refused_before_anything_is_sent_elsewhere(auth: Auth) -> None:
    with serving(TokenRegistry(), auth=auth, environment=ALLOW) as (http, server):
        with pytest.raises(
            AuthenticationFailed, match=f"to {server.url}: REGSYNC_ALLOW_HOSTS does not name"
        ) as caught:
            http.ping()
        assert server.requests == []
        assert f"add {server.url.removeprefix('http://')} to REGSYNC_ALLOW_HOSTS" in str(caught.value.hint)


def test_docker_credentials_are_not_sent_where_they_are_not_allowed(tmp_path: Path) -> None:
    with ScriptedServer(TokenRegistry()) as server:
        environment = {**docker_login(tmp_path, server, username="me", password="secret-word"), **ALLOW}
        with (
            transport(server.url, auth=Auth(), environment=environment) as http,
            pytest.raises(AuthenticationFailed, match="REGSYNC_ALLOW_HOSTS"),
        ):
            http.ping()
        assert sent(server) == [None]


def test_without_credentials_every_host_may_be_read() -> None:
    with serving(TokenRegistry(), auth=Auth(), environment=ALLOW) as (http, _):
        http.request("GET", TAGS, scope=PULL, expect={200})


def test_the_tunnel_must_be_allowed_like_the_endpoint() -> None:
    with ScriptedServer(TokenRegistry()) as server:
        endpoint, tunnel = "https://reg.allowed.test", server.url
        with (
            transport(endpoint, auth=LOGIN, connect_to=tunnel, environment=ALLOW) as http,
            pytest.raises(AuthenticationFailed, match=f"to {tunnel}: REGSYNC_ALLOW_HOSTS"),
        ):
            http.ping()
        both = {**ALLOW, "REGSYNC_ALLOW_HOSTS": "*.allowed.test,127.0.0.1"}
        with transport(endpoint, auth=LOGIN, connect_to=tunnel, environment=both) as http:
            http.ping()


def test_credentials_go_to_another_realm_only_where_it_is_allowed() -> None:
    elsewhere = TokenRegistry()
    with ScriptedServer(elsewhere) as tokens:
        script = TokenRegistry(realm=f"{tokens.url}/token")
        with ScriptedServer(script) as server:
            port = server.url.rpartition(":")[2]
            environment = {**ALLOW, "REGSYNC_ALLOW_HOSTS": f"127.0.0.1:{port}"}
            with (
                transport(server.url, auth=LOGIN, environment=environment) as http,
                pytest.raises(AuthenticationFailed, match=f"to {tokens.url}: REGSYNC_ALLOW_HOSTS"),
            ):
                http.ping()
            assert tokens.requests == []
            with transport(server.url, auth=LOGIN) as http:
                http.ping()
            assert [seen.headers["Authorization"] for seen in tokens.requests] == [basic()]


def test_scopes_are_merged_in_their_first_order() -> None:
    scopes = ["repository:b:push", "aws", "repository:a:pull", "repository:b:pull,push"]
    assert merge_scopes(scopes) == ("repository:b:push,pull", "aws", "repository:a:pull")
