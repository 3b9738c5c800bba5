"""The way of a pull request on a real git repository and a real server: planned, merged, applied, and what may come between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import sound_tags
from tests.support.forge import Forge
from tests.support.proxy import FaultProxy, Respond
from tests.support.servers import DistributionServer
from tests.support.team import Team

ALLOW: dict[str, Any] = {"overwrite": "allow", "prune": "managed"}


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published kafka, redis and vault."""
    team = Team(tmp_path / "team", distribution.url, unique_path, policy=ALLOW)
    for name in ("kafka", "redis", "vault"):
        team.pack(name)
    assert team.apply().status == 0
    return team


@pytest.fixture
def forge(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    return Forge(team, tmp_path / "checkouts", monkeypatch)


@pytest.fixture
def hand(team: Team, distribution: DistributionServer, tmp_path: Path) -> Team:
    """Somebody who pushes past git, under the team's name."""
    return Team(tmp_path / "hand", distribution.url, team.base, policy={"overwrite": "allow"})


def causes(file: Path) -> dict[str, str]:
    """`action cause` of each change of a saved plan, by the name of the pack."""
    changes = json.loads(file.read_text())["resource_changes"]
    return {
        each["address"]
        .rpartition("/")[2]
        .partition(":")[0]: f"{each['change']['actions'][0]} {each['cause']}"
        for each in changes
        if each["change"]["actions"] != ["no-op"]
    }


def squeezed(text: str) -> str:
    """A text whose columns do not hang on the longest address."""
    return " ".join(text.split())


def test_a_pull_request_from_its_plan_to_an_empty_one(
    team: Team, forge: Forge, hand: Team, distribution: DistributionServer
) -> None:
    forge.open_pull_request("nginx")
    team.pack("nginx")
    team.pack("redis", values="replicas: 3\n")
    team.pack("vault", values="replicas: 3\n")
    forge.commit()
    for name in ("kafka", "vault"):
        hand.pack(name, values="by: hand\n")
    assert hand.apply().status == 0

    planned, file = forge.plan("nginx")
    assert planned.status == 0
    assert causes(file) == {
        "nginx": "create manifest",
        "redis": "update manifest",
        "vault": "update both",
        "kafka": "update drift",
    }

    forge.merge("nginx")
    applied = forge.apply(file)
    assert applied.status == 0
    assert "Apply complete! 1 added, 3 changed, 0 deleted." in applied.out
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx", "redis", "vault")
    assert team.is_settled()


def test_another_merge_in_between_is_not_slipped_in(
    team: Team, forge: Forge, distribution: DistributionServer
) -> None:
    for name in ("nginx", "zookeeper"):
        forge.open_pull_request(name)
        team.pack(name)
        forge.commit()
    _, file = forge.plan("nginx")
    forge.merge("zookeeper")
    forge.merge("nginx")

    applied = forge.apply(file)
    assert applied.status == 4
    assert f"! {team.address('zookeeper')} create refused not approved" in squeezed(applied.out)
    live = sound_tags(distribution, team.base)
    assert team.tag("nginx") in live
    assert team.tag("zookeeper") not in live

    forge.open_pull_request("again")
    forge.commit()  # with nothing in it
    planned, file = forge.plan("again")
    assert planned.status == 0
    forge.merge("again")
    assert forge.apply(file).status == 0
    assert team.is_settled()


def test_a_conflicting_push_by_hand_is_refused(
    team: Team, forge: Forge, hand: Team, distribution: DistributionServer
) -> None:
    forge.open_pull_request("change")
    team.pack("nginx")
    team.pack("redis", values="replicas: 3\n")
    forge.commit()
    _, file = forge.plan("change")
    forge.merge("change")
    hand.pack("redis", values="by: hand\n")
    assert hand.apply().status == 0
    theirs = sound_tags(distribution, team.base)[team.tag("redis")]

    applied = forge.apply(file)
    assert applied.status == 4
    assert f"! {team.address('redis')} update refused not approved: live digest: expected" in squeezed(
        applied.out
    )
    live = sound_tags(distribution, team.base)
    assert live[team.tag("redis")] == theirs
    assert team.tag("nginx") in live


def test_an_apply_that_was_cut_short_is_resumed_with_the_same_file(
    team: Team, forge: Forge, distribution: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    with FaultProxy(distribution.url) as proxy:
        forge.open_pull_request("change")
        team.declare(connectTo=proxy.url)
        team.pack("nginx")
        team.pack("zookeeper")
        forge.commit()
        _, file = forge.plan("change")
        forge.merge("change")

        proxy.on("PUT", "/zookeeper/manifests/", Respond(503), times=5)
        assert forge.apply(file).status == 1
        assert team.tag("zookeeper") not in sound_tags(distribution, team.base)

        resumed = forge.apply(file)
        assert resumed.status == 0
        assert f"= {team.address('nginx')} already so" in squeezed(resumed.out)
        assert team.is_settled()
    assert team.tags("nginx", "zookeeper") <= sound_tags(distribution, team.base).keys()
