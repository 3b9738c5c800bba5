"""Whole runs of the program against a registry of Azure: from empty to full, and what stands against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.registries.azure import pusher
from tests.support.acr import ADMIN, HOST, READ, TOKEN, AcrFront
from tests.support.audit import sound_tags
from tests.support.cli import regsync
from tests.support.entra import PUSHER
from tests.support.servers import PASSWORD, DistributionServer
from tests.support.team import VERSION, Team

BASIC = {"method": "basic", "username": TOKEN, "password": {"env": "REGISTRY_PASSWORD"}}


@pytest.fixture
def team(acr: AcrFront, unique_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team with two packs for a registry of Azure; the environment has the secret of an application that may push."""
    for name, value in {**pusher(acr), "REGISTRY_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    team = a_team(acr, tmp_path / "team", unique_path)
    team.pack("nginx")
    team.pack("redis")
    return team


def a_team(acr: AcrFront, root: Path, base: str) -> Team:
    return Team(
        root,
        f"https://{HOST}",
        base,
        type="acr",
        connectTo=acr.url,
        tls={"caFile": str(acr.ca_file)},
        auth={"method": "azure"},
    )


@pytest.mark.parametrize("login", ["an Entra identity", "a user of the registry"])
def test_a_registry_is_filled_and_the_next_plan_is_empty(
    login: str, team: Team, acr: AcrFront, distribution: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.declare(auth={"method": "azure"} if login == "an Entra identity" else BASIC)
    first = team.plan()
    assert (first.status, "Plan: 3 to add" in first.out) == (0, True)
    ran = team.apply()
    assert ran.status == 0, ran.out + ran.err
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis")
    acr.requests.clear()
    assert team.is_settled()
    assert {each.split()[0] for each in acr.asked("/v2/")} <= {"GET", "HEAD"}
    monkeypatch.setenv("XDG_CACHE_HOME", str(team.root / "another machine"))
    assert team.is_settled()
    assert acr.data.carried == []


def test_what_no_manifest_names_is_untagged_and_nothing_else(
    team: Team, acr: AcrFront, distribution: DistributionServer
) -> None:
    assert team.apply().status == 0
    acr.requests.clear()
    team.declare({"packs": "../packs/nginx-*"}, policy={"prune": "managed"})
    ran = team.apply()
    assert ran.status == 0, ran.out + ran.err
    assert acr.asked("DELETE") == [f"DELETE /acr/v1/{team.repository('redis')}/_tags/{VERSION}"]
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx")
    assert team.is_settled()


def test_a_locked_tag_is_blocked_in_the_plan(team: Team, acr: AcrFront) -> None:
    assert team.apply().status == 0
    acr.locks.add((team.repository("nginx"), VERSION, "write"))
    team.pack("nginx", values="changed: true\n")
    team.declare(policy={"overwrite": "allow"})
    acr.requests.clear()
    ran = team.plan()
    assert ran.status == 4
    assert f"! {team.address('nginx')}   blocked" in ran.out
    assert "a rule in the registry keeps everyone from moving this tag" in ran.out
    assert {each.split()[0] for each in acr.asked("/v2/")} <= {"GET", "HEAD"}


def test_an_identity_that_may_only_read_is_told_which_role_it_lacks(team: Team, acr: AcrFront) -> None:
    acr.rights[PUSHER] = READ
    assert team.plan().status == 0
    ran = team.apply()
    assert ran.status == 1
    assert "the login needs the role AcrPush on the registry" in ran.out


def test_a_wrong_password_is_told_before_anything_else(
    team: Team, acr: AcrFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-this-one")
    team.declare(auth={**BASIC, "username": ADMIN})
    ran = team.apply()
    assert ran.status == 1
    assert "the login from env:REGISTRY_PASSWORD was refused" in ran.out
    assert "az acr update --name team --admin-enabled true" in ran.out
    assert "not-this-one" not in ran.out + ran.err
    assert not acr.asked("PUT")


def test_a_check_says_who_logs_in(team: Team) -> None:
    ran = regsync("registries", "check", cwd=team.root)
    assert ran.status == 0, ran.out
    assert ran.out == f"ok       team   acr https://{HOST}   login: azure\n"


def test_the_hosts_behind_a_registry_are_named(team: Team) -> None:
    ran = team.run("endpoints")
    assert ran.status == 0
    shown = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "*.blob.core.windows.net layers (or team.<region>.data.azurecr.io, where dedicated" in "\n".join(
        shown
    )
    assert "login.microsoftonline.com Entra (AZURE_AUTHORITY_HOST names another)" in shown
    team.declare(auth=BASIC)
    assert "login.microsoftonline.com" not in team.run("endpoints").out


def test_an_approval_is_bound_to_the_identity(team: Team) -> None:
    assert team.plan("--out", "plan.json").status == 0
    assert json.loads((team.root / "plan.json").read_text())["resource_changes"]
    team.declare(auth={"method": "azure", "clientId": PUSHER})
    ran = team.run("apply", "plan.json")
    assert ran.status == 4
    assert f"azure clientId={PUSHER}" in ran.out


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({"method": "azure", "tenant": "a/b"}, "tenant"),
        ({"method": "azure", "clientId": "me"}, "clientId"),
        ({"method": "azure", "password": {"env": "X"}}, "password"),
    ],
)
def test_a_login_that_is_none_is_found_by_its_position(
    team: Team, auth: dict[str, object], told: str
) -> None:
    team.declare(auth=auth)
    ran = team.plan()
    assert ran.status == 3
    assert "registries/team.yaml:" in ran.err + ran.out
    assert told in ran.err + ran.out
