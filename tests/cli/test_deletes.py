"""Deletes on a real server: prune, tombstones, guards, and two teams that share a registry."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import IMAGE_MANIFEST, sound_tags
from tests.support.servers import DistributionServer
from tests.support.team import VERSION, Team

PRUNING: dict[str, Any] = {"policy": {"prune": "managed"}}


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published kafka, nginx and redis, and prunes."""
    return published(
        Team(tmp_path / "team", distribution.url, unique_path, **PRUNING), "kafka", "nginx", "redis"
    )


@pytest.fixture
def other(team: Team, distribution: DistributionServer, tmp_path: Path) -> Team:
    """Another team that has published vault to the same place, and prunes, too."""
    return published(Team(tmp_path / "other", distribution.url, team.base, name="other", **PRUNING), "vault")


def published(team: Team, *names: str) -> Team:
    for name in names:
        team.pack(name)
    assert team.apply().status == 0
    return team


def tag_by_hand(server: DistributionServer, repository: str, tag: str, new: str) -> None:
    """Give what a tag points to a second tag."""
    with closing(HTTPConnection(server.host, timeout=30)) as connection:
        connection.request("GET", f"/v2/{repository}/manifests/{tag}", headers={"Accept": IMAGE_MANIFEST})
        manifest = connection.getresponse().read()
        headers = {"Content-Type": IMAGE_MANIFEST}
        connection.request("PUT", f"/v2/{repository}/manifests/{new}", manifest, headers)
        assert connection.getresponse().status == 201


def test_what_no_manifest_names_any_more_is_pruned(team: Team, distribution: DistributionServer) -> None:
    team.declare({"packs": "../packs/nginx-*"})
    ran = team.apply()
    assert ran.status == 0
    assert "Apply complete! 0 added, 0 changed, 2 deleted. 2 unchanged." in ran.out
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx")
    assert team.is_settled()


def test_an_older_version_is_pruned_and_the_new_one_stays(
    team: Team, distribution: DistributionServer
) -> None:
    team.pack("nginx", "1.26.0")
    team.declare({"packs": ["../packs/nginx-1.26.0", "../packs/[kr]*"]})
    assert team.apply().status == 0
    assert sound_tags(distribution, team.base).keys() == {
        *team.tags("kafka", "redis"),
        team.tag("nginx", "1.26.0"),
    }
    assert team.is_settled()


def test_a_tombstone_deletes_its_tag_and_no_other_tag_of_the_same_digest(
    team: Team, distribution: DistributionServer
) -> None:
    tag_by_hand(distribution, team.repository("redis"), VERSION, "stable")
    team.declare({"packs": "../packs/[kn]*"}, {"absent": f"redis:{VERSION}"}, policy={"prune": "off"})
    ran = team.apply()
    assert ran.status == 0
    assert f"- {team.address('redis')}   deleted" in ran.out
    assert sound_tags(distribution, team.base).keys() == {
        *team.tags("kafka", "nginx"),
        team.tag("redis", "stable"),
    }
    assert team.is_settled()


def test_deletes_past_the_limit_stop_the_whole_apply(team: Team, distribution: DistributionServer) -> None:
    team.pack("vault")
    team.declare({"packs": "../packs/[nv]*"}, policy={"prune": "managed", "maxDeletes": 1})
    ran = team.apply()
    assert ran.status == 4
    assert "deletes 2/1" in ran.err
    assert "--max-deletes 2" in ran.err
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis")

    assert team.apply("--max-deletes", "2").status == 0
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "vault")


def test_what_is_protected_stays_until_it_is_named(team: Team, distribution: DistributionServer) -> None:
    team.declare({"packs": "../packs/[kn]*"}, policy={"prune": "managed", "protect": ["redis:*"]})
    ran = team.apply()
    assert ran.status == 4
    assert f"--unprotect {team.address('redis')}" in ran.err
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis")

    assert team.apply("--unprotect", team.address("redis")).status == 0
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")


def test_no_delete_while_a_change_is_blocked(team: Team, distribution: DistributionServer) -> None:
    team.pack("nginx", values="changed: true\n")
    team.declare({"packs": "../packs/[nk]*"})
    assert team.apply().status == 4
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis")


def test_a_manifest_that_names_nothing_deletes_nothing(team: Team, distribution: DistributionServer) -> None:
    team.declare({"absent": "vault:1.0.0"})
    ran = team.apply()
    assert ran.status == 4
    assert "--allow-empty team" in ran.err
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis")


def test_only_what_is_selected_is_written(team: Team, distribution: DistributionServer) -> None:
    team.pack("vault")
    team.pack("minio")
    team.declare({"packs": "../packs/[nvm]*"})
    ran = team.apply("--target", "*/vault:*", "--target", "*/redis:*", "--exclude", "*/redis:*")
    assert ran.status == 0
    assert "Apply complete! 1 added, 0 changed, 0 deleted." in ran.out
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis", "vault")


def test_two_teams_in_one_place_leave_each_other_alone(
    team: Team, other: Team, distribution: DistributionServer
) -> None:
    everything = sound_tags(distribution, team.base)
    assert everything.keys() == team.tags("kafka", "nginx", "redis", "vault")
    for each in (team, other, team):
        assert each.is_settled()
        assert each.apply().status == 0
    assert sound_tags(distribution, team.base) == everything


def test_equal_content_of_another_team_is_no_change(team: Team, other: Team) -> None:
    other.pack("nginx")
    assert other.is_settled()
    assert "belongs to team; its content is equal" in other.plan("--detail", "full").out


def test_other_content_of_another_team_is_blocked_until_it_is_adopted(
    team: Team, other: Team, distribution: DistributionServer
) -> None:
    before = sound_tags(distribution, team.base)
    other.declare(policy={"prune": "managed", "overwrite": "allow"})
    other.pack("nginx", values="theirs: true\n")
    ran = other.apply()
    assert ran.status == 4
    assert f"! {other.address('nginx')}   blocked" in ran.out
    assert "it belongs to team" in ran.out
    assert sound_tags(distribution, team.base) == before

    assert other.apply("--adopt", other.address("nginx")).status == 0
    assert other.is_settled()
    blocked = team.plan()
    assert blocked.status == 4
    assert "it belongs to other" in blocked.out


def test_a_tombstone_for_what_another_team_has_is_blocked(
    team: Team, other: Team, distribution: DistributionServer
) -> None:
    other.declare({"packs": "../packs/*"}, {"absent": f"redis:{VERSION}"})
    assert other.apply().status == 4
    assert team.tag("redis") in sound_tags(distribution, team.base)
    assert other.apply("--adopt", other.address("redis")).status == 0
    assert team.tag("redis") not in sound_tags(distribution, team.base)


def test_a_server_that_forbids_deletes_says_how_to_allow_them(tmp_path: Path) -> None:
    with DistributionServer(tmp_path / "server", delete=False) as server:
        team = published(Team(tmp_path / "team", server.url, "team", **PRUNING), "nginx", "redis")
        team.declare({"packs": "../packs/nginx-*"})
        ran = team.apply()
        assert ran.status == 1
        assert f"x {team.address('redis')}   delete failed" in ran.out
        assert "storage.delete.enabled" in ran.out
        assert sound_tags(server, team.base).keys() == team.tags("nginx", "redis")
