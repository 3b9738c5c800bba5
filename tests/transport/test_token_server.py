"""The token dance with the real CNCF Distribution server: whatever it wants, from a service that gives out tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from regsync.model.errors import AuthenticationFailed, PermissionDenied
from regsync.model.reference import sha256_digest
from regsync.model.registry import Auth
from regsync.transport.client import Transport
from regsync.transport.messages import CATALOG, Bytes, Scope
from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.support.tokens import ANYONE, EVERYTHING, Asked, TokenServer
from tests.transport.rig import ANONYMOUS, LOGIN, transport

BLOB = b"a layer that takes its time"
DIGEST = sha256_digest(BLOB)
READER = frozenset({"pull"})
LONG, SHORT = 300.0, 2.0
ENVIRONMENT = {"REGISTRY_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributionServer]:
    folder = tmp_path_factory.mktemp("token-registry")
    with TokenServer({USER: PASSWORD}, {}) as tokens, DistributionServer(folder, token=tokens) as server:
        yield server


@pytest.fixture
def registry(servers: DistributionServer) -> DistributionServer:
    """The registry that wants tokens; its service gives USER every right, and anyone none."""
    assert servers.token is not None
    servers.token.rights = {USER: EVERYTHING}
    servers.token.refresh_tokens.clear()
    servers.token.asked.clear()
    servers.token.lives = LONG
    return servers


@pytest.fixture
def tokens(registry: DistributionServer) -> TokenServer:
    assert registry.token is not None
    return registry.token


def begin(http: Transport, repository: str) -> str:
    """Begin an upload and return where it goes on."""
    path, scope = f"/v2/{repository}/blobs/uploads/", Scope(repository, ("pull", "push"))
    started = http.request("POST", path, scope=scope, expect={202})
    assert started.location is not None
    return started.location


def finish(http: Transport, repository: str, location: str) -> None:
    http.request(
        "PUT",
        f"{location}&digest={DIGEST}",
        scope=Scope(repository, ("pull", "push")),
        headers={"Content-Type": "application/octet-stream"},
        body=Bytes(BLOB),
        expect={201},
        retry=False,
    )


def push(http: Transport, repository: str) -> None:
    finish(http, repository, begin(http, repository))


def pull(http: Transport, repository: str) -> bytes:
    with http.stream(f"/v2/{repository}/blobs/{DIGEST}", scope=Scope(repository, ("pull",))) as blob:
        return blob.read()


def statuses(server: DistributionServer, method: str, repository: str) -> list[int]:
    return [each.status for each in server.requests() if each.method == method and repository in each.path]


def opened(server: DistributionServer, **options: Any) -> AbstractContextManager[Transport]:
    return transport(server.url, **{"auth": LOGIN, "environment": ENVIRONMENT, **options})


def test_a_token_is_asked_for_each_set_of_scopes_and_kept(
    registry: DistributionServer, tokens: TokenServer, unique_path: str
) -> None:
    with opened(registry) as http:
        push(http, unique_path)
        push(http, unique_path)
        assert pull(http, unique_path) == BLOB
        http.request("GET", "/v2/_catalog", scope=CATALOG, expect={200})
    assert tokens.asked == [
        Asked("GET", USER, ()),
        Asked("GET", USER, (f"repository:{unique_path}:pull,push",)),
        Asked("GET", USER, (f"repository:{unique_path}:pull",)),
        Asked("GET", USER, ("registry:catalog:*",)),
    ]
    assert {each.status for each in registry.requests() if unique_path in each.path} <= {200, 201, 202}


def test_a_token_that_ends_in_the_middle_of_an_upload_is_fetched_anew(
    registry: DistributionServer, tokens: TokenServer, unique_path: str
) -> None:
    with opened(registry) as http:
        http.ping()
        tokens.lives = SHORT
        location = begin(http, unique_path)
        tokens.lives = LONG
        time.sleep(SHORT)
        finish(http, unique_path, location)
        assert pull(http, unique_path) == BLOB
    assert statuses(registry, "PUT", unique_path) == [401, 201]
    [scope] = tokens.asked[-2].scopes  # the server names the actions in any order
    assert scope in {f"repository:{unique_path}:pull,push", f"repository:{unique_path}:push,pull"}


def test_a_mount_takes_a_token_for_both_repositories(
    registry: DistributionServer, tokens: TokenServer, unique_path: str
) -> None:
    source, target = f"{unique_path}/one", f"{unique_path}/two"
    with opened(registry) as http:
        push(http, source)
        scopes = (Scope(target, ("pull", "push")), Scope(source, ("pull",)))
        path = f"/v2/{target}/blobs/uploads/?mount={DIGEST}&from={source}"
        http.request("POST", path, scope=scopes, expect={201})
        assert pull(http, target) == BLOB
    assert tokens.asked[2].scopes == (f"repository:{target}:pull,push", f"repository:{source}:pull")


def docker_login(folder: Path, server: DistributionServer, **entry: str) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps({"auths": {server.host: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def test_a_refresh_token_is_traded_by_post(
    registry: DistributionServer, tokens: TokenServer, unique_path: str, tmp_path: Path
) -> None:
    tokens.refresh_tokens["refresh-me"] = USER
    environment = docker_login(tmp_path, registry, identitytoken="refresh-me")
    with opened(registry, auth=Auth(), environment=environment) as http:
        push(http, unique_path)
    assert tokens.asked == [
        Asked("POST", USER, ()),
        Asked("POST", USER, (f"repository:{unique_path}:pull,push",)),
    ]


def test_a_refresh_token_that_nobody_knows_is_no_anonymous_login(
    registry: DistributionServer, tokens: TokenServer, tmp_path: Path
) -> None:
    environment = docker_login(tmp_path, registry, identitytoken="long-gone")
    with (
        opened(registry, auth=Auth(), environment=environment) as http,
        pytest.raises(AuthenticationFailed, match=r"401 UNAUTHORIZED.*config\.json \(auths\) was refused"),
    ):
        http.ping()
    assert tokens.asked == []


def test_anyone_pulls_where_that_is_allowed_and_pushing_takes_a_login(
    registry: DistributionServer, tokens: TokenServer, unique_path: str
) -> None:
    tokens.rights[ANYONE] = READER
    with opened(registry) as http:
        push(http, unique_path)
    tokens.asked.clear()
    with opened(registry, auth=Auth(), environment={}) as http:
        assert pull(http, unique_path) == BLOB
        with pytest.raises(AuthenticationFailed, match="no login was sent") as raised:
            push(http, unique_path)
    assert raised.value.hint is not None
    assert f"docker login {registry.host}" in raised.value.hint
    assert {each.user for each in tokens.asked} == {ANYONE}
    with (
        opened(registry, auth=ANONYMOUS) as http,
        pytest.raises(AuthenticationFailed, match="no login was sent"),
    ):
        push(http, unique_path)


def test_a_wrong_password_is_told_from_a_missing_right(
    registry: DistributionServer, tokens: TokenServer, unique_path: str
) -> None:
    with (
        opened(registry, environment={"REGISTRY_PASSWORD": "wrong-word"}) as http,
        pytest.raises(AuthenticationFailed, match="the login from env:REGISTRY_PASSWORD was refused"),
    ):
        push(http, unique_path)
    tokens.rights[USER] = READER
    with opened(registry) as http:
        with pytest.raises(PermissionDenied, match="401 UNAUTHORIZED") as raised:
            push(http, unique_path)
        assert raised.value.hint is not None
        assert "the login from env:REGISTRY_PASSWORD is good, but not for this" in raised.value.hint
    assert statuses(registry, "POST", unique_path) == [401, 401]
