"""Whole runs of the program against a real registry server that wants tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.support.team import LOGIN, Team
from tests.support.tokens import ANYONE, EVERYTHING, TokenServer

WRITTEN = {"method": "basic", "username": USER, "password": {"env": "REGISTRY_PASSWORD"}}
READER = frozenset({"pull"})


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with TokenServer({USER: PASSWORD}, {USER: EVERYTHING}) as tokens:
        yield tokens


@pytest.fixture
def server(tokens: TokenServer, tmp_path: Path) -> Iterator[DistributionServer]:
    with DistributionServer(tmp_path / "server", token=tokens) as server:
        yield server


@pytest.fixture
def team(server: DistributionServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team that logs in with a password, and has two packs."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    team = Team(tmp_path / "team", server.url, "team", auth=WRITTEN)
    team.pack("nginx")
    team.pack("redis")
    return team


def test_packs_are_published_pruned_and_settled(team: Team, tokens: TokenServer) -> None:
    assert team.apply().status == 0
    assert team.is_settled()
    planned = {each.scopes for each in tokens.asked[-3:]}
    assert all("push" not in scope for scopes in planned for scope in scopes)
    team.declare({"packs": "../packs/nginx-*"}, policy={"prune": "managed"})
    assert team.apply().status == 0
    assert team.is_settled()
    assert ("registry:catalog:*",) in {each.scopes for each in tokens.asked}
    assert (f"repository:{team.repository('redis')}:pull,delete",) in {each.scopes for each in tokens.asked}


def test_anyone_plans_where_anyone_may_pull(
    team: Team, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.rights[ANYONE] = READER
    assert team.apply().status == 0
    monkeypatch.delenv("REGISTRY_PASSWORD")
    tokens.asked.clear()
    team.declare(auth={"method": "none"})
    assert team.is_settled()
    assert {each.user for each in tokens.asked} == {ANYONE}
    team.pack("vault")
    ran = team.apply()
    assert ran.status == 1
    assert "no login was sent" in ran.out


def test_a_login_that_docker_keeps_as_a_refresh_token_publishes(
    team: Team,
    server: DistributionServer,
    tokens: TokenServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens.refresh_tokens["refresh-me"] = USER
    logins = {"auths": {server.host: {"identitytoken": "refresh-me"}}}
    (tmp_path / "config.json").write_text(json.dumps(logins))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    team.declare(auth={"method": "docker"})
    assert team.apply().status == 0
    assert team.is_settled()
    assert {each.method for each in tokens.asked} == {"POST"}


def test_a_login_without_the_right_is_told_from_one_that_is_wrong(
    team: Team, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.rights[USER] = READER
    ran = team.apply()
    assert ran.status == 1
    assert f"x {team.address('nginx')}   create failed" in ran.out
    assert "the login from env:REGISTRY_PASSWORD is good, but not for this" in ran.out
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-this-one")
    ran = team.plan()
    assert ran.status == 1
    assert "the login from env:REGISTRY_PASSWORD was refused" in ran.out
    assert "+ team/" not in ran.out
