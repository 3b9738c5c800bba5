"""Tags in Amazon ECR: those that never move, and those that go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.aws_wire import Wire
from tests.support.ecr import AWAY, HOME, MANY, EcrTeam, actions, writes
from tests.support.team import VERSION

PRUNING = {"policy": {"prune": "managed"}}
OVERWRITING = {"policy": {"overwrite": "allow"}}


@pytest.fixture
def team(aws: Aws, tmp_path: Path) -> EcrTeam:
    return EcrTeam(tmp_path, aws)


def publish(team: EcrTeam, *packs: str, **spec: Any) -> None:
    """Publish packs, and let the next calls be the first that are known."""
    for each in packs:
        team.pack(each)
    team.declare(**spec)
    assert team.apply().status == 0
    team.aws.front.calls.clear()


def repositories(team: EcrTeam) -> set[str]:
    return {
        each["repositoryName"]
        for region in (HOME, AWAY)
        for each in team.aws.client(region=region).describe_repositories(maxResults=MANY)["repositories"]
    }


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"repositories": {"tagMutability": "IMMUTABLE"}}, id="overwrite-never"),
        pytest.param(OVERWRITING, id="overwrite-allowed-and-somebody-made-it-immutable"),
    ],
)
def test_a_pack_that_changed_under_an_immutable_tag_is_blocked_and_never_tried(
    spec: dict[str, Any], team: EcrTeam
) -> None:
    publish(team, "nginx", **spec)
    before = team.live()
    for region in (HOME, AWAY):
        team.aws.client(region=region).put_image_tag_mutability(
            repositoryName=team.repository("nginx"), imageTagMutability="IMMUTABLE"
        )
    team.pack("nginx", values="replicas: 2\n")
    team.pack("redis")
    team.aws.front.calls.clear()
    ran = team.apply()
    assert ran.status == 4
    for region in (HOME, AWAY):
        assert f"! {team.at(region, 'nginx')} " in ran.out
    assert (
        "the tag exists with other content, and its repository never moves this tag (tagMutability)"
        in ran.out
    )
    assert "      +replicas: 2\n" in ran.out
    assert "help: raise the version at packs/nginx-1.25.0/pack.json:" in ran.out
    touched = {each.resource.rpartition("/")[2] for each in writes(team.aws.front.calls)}
    assert touched == {"redis"}
    for region in (HOME, AWAY):
        live = team.live(region)
        assert live[team.tag("nginx")] == before[team.tag("nginx")]
        assert team.tag("redis") in live


def test_only_tags_that_an_exclusion_names_are_moved(team: EcrTeam) -> None:
    versions = ("1.25.0", "1.26.0-dev")
    for each in versions:
        team.pack("nginx", each)
    mutability = {"tagMutability": "IMMUTABLE_WITH_EXCLUSION", "tagMutabilityExclusions": ["*-dev"]}
    publish(team, repositories=mutability, **OVERWRITING)
    before = team.live()
    for each in versions:
        team.pack("nginx", each, values="replicas: 2\n")
    assert team.apply().status == 4
    after = team.live()
    assert {tag for tag in before if before[tag] != after[tag]} == {team.tag("nginx", "1.26.0-dev")}
    assert after == team.live(AWAY)
    assert list(team.changes()) == [team.at(AWAY, "nginx"), team.at(HOME, "nginx")]


def test_prune_deletes_tags_of_ours_alone_and_no_repository(team: EcrTeam) -> None:
    publish(team, "kafka", "nginx", "redis", **PRUNING)
    everything = repositories(team)
    with Wire(team.aws, AWAY) as wire:
        ours = wire("GET", f"/v2/{team.repository('redis')}/manifests/{VERSION}").content
        assert wire.put(team.repository("redis"), "stable", ours).status_code == 201
        wire.push(team.repository("kafka"), "by-hand")
    team.declare({"packs": "../packs/nginx-*"}, **PRUNING)
    team.aws.front.calls.clear()
    ran = team.apply()
    assert ran.status == 0
    assert "Apply complete! 0 added, 0 changed, 4 deleted." in ran.out
    calls = writes(team.aws.front.calls)
    assert actions(calls) == {"BatchDeleteImage": 4}
    assert team.live(HOME).keys() == team.tags("nginx")
    assert team.live(AWAY).keys() == {
        *team.tags("nginx"),
        team.tag("redis", "stable"),
        team.tag("kafka", "by-hand"),
    }
    assert repositories(team) == everything


def test_a_tombstone_deletes_its_tag_in_each_region_and_no_other_tag_of_the_digest(team: EcrTeam) -> None:
    publish(team, "nginx", "redis")
    with Wire(team.aws) as wire:
        ours = wire("GET", f"/v2/{team.repository('redis')}/manifests/{VERSION}").content
        assert wire.put(team.repository("redis"), "stable", ours).status_code == 201
    team.declare({"packs": "../packs/nginx-*"}, {"absent": f"redis:{VERSION}"})
    ran = team.apply()
    assert ran.status == 0
    assert f"- {team.at(AWAY, 'redis')}   deleted" in ran.out
    assert team.live(HOME).keys() == {*team.tags("nginx"), team.tag("redis", "stable")}
    assert team.live(AWAY).keys() == team.tags("nginx")
    assert team.is_settled()


def test_nothing_is_deleted_in_a_region_where_something_is_blocked(team: EcrTeam) -> None:
    publish(team, "kafka", "nginx", **PRUNING)
    team.aws.client(region=AWAY).put_image_tag_mutability(
        repositoryName=team.repository("nginx"), imageTagMutability="IMMUTABLE"
    )
    team.pack("nginx", values="replicas: 2\n")
    team.declare({"packs": "../packs/nginx-*"}, policy={"prune": "managed", "overwrite": "allow"})
    assert team.apply().status == 4
    assert team.live(HOME).keys() == team.tags("nginx")
    assert team.live(AWAY).keys() == team.tags("kafka", "nginx")
