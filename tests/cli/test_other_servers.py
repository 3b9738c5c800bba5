"""Servers that cannot do all that a manifest may ask for: the plan says so, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.memory_server import MemoryServer
from tests.support.team import VERSION, Team


@pytest.fixture
def server() -> Iterator[MemoryServer]:
    with MemoryServer() as server:
        yield server


def a_team(server: MemoryServer, root: Path, endpoint: str, **spec: Any) -> Team:
    """A team whose registry has a famous name and is a server of the tests."""
    team = Team(root, f"http://{endpoint}", "team", connectTo=server.url, auth={"method": "none"}, **spec)
    team.pack("nginx")
    return team


def test_a_delete_that_github_does_not_do_is_blocked_in_the_plan(
    server: MemoryServer, tmp_path: Path
) -> None:
    team = a_team(server, tmp_path, "ghcr.io")
    team.pack("redis")
    assert team.apply().status == 0
    team.declare({"packs": "../packs/nginx-*"}, {"absent": f"redis:{VERSION}"})
    server.requests.clear()
    ran = team.plan()
    assert ran.status == 4
    assert f"! {team.address('redis')}   blocked" in ran.out
    assert "but GitHub's container registry has no way to delete over its registry API" in ran.out
    assert "help: delete the version of the package on GitHub" in ran.out
    assert team.apply().status == 4
    assert {each.split()[0] for each in server.requests} == {"GET"}


def test_pruning_on_github_says_what_it_does_not_see(server: MemoryServer, tmp_path: Path) -> None:
    team = a_team(server, tmp_path, "ghcr.io", policy={"prune": "managed"})
    assert team.apply().status == 0
    team.pack("nginx", "1.26.0")
    team.declare({"packs": "../packs/nginx-1.26.0"})
    ran = team.plan("--detail", "full")
    assert ran.status == 4
    assert "GitHub's container registry has no catalogue" in ran.out
    assert "or set policy.prune: off at registries/team.yaml:" in ran.out
    assert not any("_catalog" in each for each in server.requests)


def test_packs_do_not_fit_on_docker_hub(server: MemoryServer, tmp_path: Path) -> None:
    team = a_team(server, tmp_path, "registry-1.docker.io")
    ran = team.apply()
    assert ran.status == 4
    assert "but Docker Hub takes no repository name of more than 2 parts" in ran.out
    assert "choose another registry at registries/team.yaml:" in ran.out
    assert {each.split()[0] for each in server.requests} <= {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("quay.io", "this is Quay: it takes packs only if its ALLOWED_OCI_ARTIFACT_TYPES"),
        ("registry.gitlab.com", "this is GitLab: it takes two names beneath a project"),
        ("europe-docker.pkg.dev", "this is Google Artifact Registry: <project>/<repository>"),
    ],
)
def test_what_must_hold_for_a_push_is_told_as_long_as_there_is_one(
    server: MemoryServer, tmp_path: Path, endpoint: str, told: str
) -> None:
    team = a_team(server, tmp_path, endpoint)
    assert told in team.plan().out
    assert team.apply().status == 0
    assert told not in team.plan().out


def test_of_a_server_that_shows_nothing_nothing_is_said(server: MemoryServer, tmp_path: Path) -> None:
    team = a_team(server, tmp_path, "registry.example.com")
    assert "this is" not in team.plan().out
    assert team.apply().status == 0
    team.declare({"absent": f"nginx:{VERSION}"})
    assert team.apply().status == 0
    assert server.store.tags(team.repository("nginx")) == ()
