"""Saved plans as approvals, on a real server: what was reviewed is what is written, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import sound_tags
from tests.support.cli import Ran
from tests.support.proxy import FaultProxy, Respond
from tests.support.servers import DistributionServer
from tests.support.team import Team

FILE = "plan.json"


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published kafka, and has approved to publish nginx and redis, too."""
    team = Team(tmp_path / "team", distribution.url, unique_path, policy={"prune": "managed"})
    team.pack("kafka")
    assert team.apply().status == 0
    team.pack("nginx")
    team.pack("redis")
    assert team.plan("--out", FILE).status == 0
    return team


def plan_to_prune_kafka(team: Team, **spec: Any) -> None:
    team.declare({"packs": "../packs/[nr]*"}, **spec)
    assert team.plan("--out", FILE).status == 0


def apply_saved(team: Team) -> Ran:
    return team.run("apply", FILE)


def test_exactly_the_approved_plan_is_applied_and_then_nothing_is_left(
    team: Team, distribution: DistributionServer
) -> None:
    plan_to_prune_kafka(team)
    ran = apply_saved(team)
    assert ran.status == 0
    assert "Apply complete! 2 added, 0 changed, 1 deleted." in ran.out
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis")
    assert team.is_settled()

    again = apply_saved(team)
    assert again.status == 0
    assert again.out.count("already so") == 4  # three lines, and their count at the end


def test_an_apply_that_was_cut_short_is_resumed_with_the_same_file(
    team: Team, distribution: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    with FaultProxy(distribution.url) as proxy:
        plan_to_prune_kafka(team, connectTo=proxy.url)
        proxy.on("PUT", "/redis/manifests/", Respond(503), times=5)
        short = apply_saved(team)
        assert short.status == 1
        assert f"x {team.address('redis')}   create failed" in short.out
        assert f". {team.address('kafka')}   delete skipped" in short.out
        assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")

        resumed = apply_saved(team)
        assert resumed.status == 0
        assert f"= {team.address('nginx')}   already so" in resumed.out
        assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis")


def test_a_merge_in_between_is_named_and_not_written(team: Team, distribution: DistributionServer) -> None:
    team.pack("vault")
    ran = apply_saved(team)
    assert ran.status == 4
    assert f"! {team.address('vault')}   create refused   not approved: create was not in the plan" in ran.out
    assert team.tag("vault") not in sound_tags(distribution, team.base)
    assert team.tags("nginx", "redis") <= sound_tags(distribution, team.base).keys()


def test_a_pack_that_changed_since_is_not_what_was_approved(
    team: Team, distribution: DistributionServer
) -> None:
    team.pack("nginx", values="changed: true\n")
    ran = apply_saved(team)
    assert ran.status == 4
    assert f"! {team.address('nginx')}   create refused   not approved: content: expected" in ran.out
    assert team.tag("nginx") not in sound_tags(distribution, team.base)
    assert team.tag("redis") in sound_tags(distribution, team.base)


def test_a_tag_that_somebody_pushed_since_is_not_overwritten(
    team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    other = Team(tmp_path / "other", distribution.url, team.base, name="other")
    other.pack("nginx", values="theirs: true\n")
    assert other.apply().status == 0
    theirs = sound_tags(distribution, team.base)[team.tag("nginx")]
    ran = apply_saved(team)
    assert ran.status == 4
    assert f"! {team.address('nginx')}" in ran.out
    assert sound_tags(distribution, team.base)[team.tag("nginx")] == theirs


def test_another_registry_than_the_approved_one_is_not_written_to(
    team: Team, distribution: DistributionServer, unique_path: str
) -> None:
    before = sound_tags(distribution, team.base)
    team.declare(endpoint=distribution.url.replace("127.0.0.1", "localhost"))
    ran = apply_saved(team)
    assert ran.status == 4
    assert "not approved: endpoint: expected" in ran.out
    assert sound_tags(distribution, team.base) == before


def altered(team: Team, alter: str) -> Ran:
    path = team.root / FILE
    document: dict[str, Any] = json.loads(path.read_text())
    match alter:
        case "address":
            document["resource_changes"][0]["address"] += "-evil"
        case "format":
            document["format_version"] = "2.0"
        case "cut":
            path.write_text(path.read_text()[:-100])
            return apply_saved(team)
    path.write_text(json.dumps(document))
    return apply_saved(team)


@pytest.mark.parametrize("alter", ["address", "format", "cut"])
def test_a_file_that_was_altered_is_refused_as_a_whole(
    alter: str, team: Team, distribution: DistributionServer
) -> None:
    before = sound_tags(distribution, team.base)
    ran = altered(team, alter)
    assert ran.status == 4
    assert ran.err.startswith("error: ")
    assert sound_tags(distribution, team.base) == before


def test_the_selection_of_a_saved_plan_holds_for_its_apply(
    team: Team, distribution: DistributionServer
) -> None:
    assert team.plan("--out", FILE, "--target", "*/redis:*").status == 0
    ran = apply_saved(team)
    assert ran.status == 0
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "redis")
