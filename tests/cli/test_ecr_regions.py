"""The regions of one manifest in Amazon ECR: what one takes over from another, and failures that stay where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.aws_wire import Wire
from tests.support.ecr import AWAY, HOME, PLAN, EcrTeam, writes
from tests.support.team import VERSION


@pytest.fixture
def team(aws: Aws, tmp_path: Path) -> EcrTeam:
    team = EcrTeam(tmp_path, aws)
    for each in ("nginx", "redis"):
        team.pack(each)
    return team


@pytest.fixture
def settled(team: EcrTeam) -> EcrTeam:
    """The team after it has published its packs in both regions."""
    assert team.apply().status == 0
    team.aws.front.calls.clear()
    return team


def delete_tags(team: EcrTeam, region: str, *names: str) -> None:
    for each in names:
        ids = [{"imageTag": VERSION}]
        client = team.aws.client(region=region)
        assert not client.batch_delete_image(repositoryName=team.repository(each), imageIds=ids)["failures"]
    team.aws.front.calls.clear()


def standings(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    """How each artifact stands by region, by `repository:tag`."""
    [table] = document["parity"]
    return {row["artifact"]: row["standings"] for row in table["artifacts"]}


@pytest.mark.parametrize("target", [f"@{HOME}", f"@{HOME}*", f"@{HOME}/*"])
def test_one_region_alone_is_selected_in_each_form_and_not_compared_with_others(
    settled: EcrTeam, target: str
) -> None:
    ran = settled.plan("--target", settled.name + target)
    assert ran.status == 0
    assert "No changes" in ran.out
    assert "Parity" not in ran.out


@pytest.mark.parametrize(("region", "source"), [(AWAY, HOME), (HOME, AWAY)])
def test_a_tag_that_was_deleted_in_one_region_is_copied_back_from_the_other(
    region: str, source: str, settled: EcrTeam
) -> None:
    before = settled.live(source)
    delete_tags(settled, region, "nginx")
    [(address, change)] = settled.changes().items()
    assert (address, change["change"]["actions"]) == (settled.at(region, "nginx"), ["create"])
    assert change["copy"]["address"] == settled.at(source, "nginx")
    ran = settled.apply()
    assert ran.status == 0
    assert f"from   {settled.at(source, 'nginx')}   verbatim, " in ran.out
    assert {(each.region, each.resource.rpartition("/")[2]) for each in writes(settled.aws.front.calls)} == {
        (region, "nginx")
    }
    assert settled.live(region) == settled.live(source) == before
    assert settled.is_settled()


def test_what_somebody_pushed_in_one_region_is_copied_as_it_stands(team: EcrTeam) -> None:
    digest = team.push_by_hand("nginx", AWAY)
    plan = team.planned()
    assert standings(plan)[team.tag("nginx")] == {HOME: "missing", AWAY: "equal"}
    assert team.apply().status == 0
    assert team.live(HOME) == team.live(AWAY)
    assert team.live(HOME)[team.tag("nginx")] == digest
    assert team.is_settled()


def test_equal_content_under_another_digest_is_a_warning_and_no_change(team: EcrTeam) -> None:
    team.push_by_hand("nginx", AWAY)
    team.declare(regions=[HOME])
    assert team.apply().status == 0
    team.declare()
    assert team.apply().status == 0
    assert team.is_settled()
    assert standings(team.planned()) == {
        team.tag("nginx"): {HOME: "equal", AWAY: "other-digest"},
        team.tag("redis"): {HOME: "equal", AWAY: "equal"},
    }
    ran = team.plan()
    assert "warning: 1 artifact with equal content under another digest; Palette remembers digests" in ran.out


def test_a_region_that_is_down_fails_alone(team: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.registries.ecr.session.ATTEMPTS", 2)
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    team.aws.front.take_down(AWAY)
    ran = team.apply()
    assert ran.status == 1
    assert f"? team@{AWAY} " in ran.out
    assert "the connection broke off" in ran.out
    assert "Apply incomplete: applied 5, failed 0" in ran.out
    assert team.live(HOME).keys() == team.tags("nginx", "redis")
    team.aws.front.reset()
    assert team.apply().status == 0
    assert team.live(AWAY) == team.live(HOME)


def test_a_region_that_lets_nobody_in_fails_alone(team: EcrTeam) -> None:
    team.aws.front.deny("*", f"arn:aws:ecr:{AWAY}:*")
    ran = team.apply()
    assert ran.status == 1
    assert f"? team@{AWAY}" in ran.out
    assert f'"Resource": "arn:aws:ecr:{AWAY}:{team.aws.account}:repository/' in ran.out
    assert {each.region for each in writes(team.aws.front.calls)} == {HOME}
    team.aws.front.reset()
    assert team.live(AWAY) == {}
    assert team.live(HOME).keys() == team.tags("nginx", "redis")


def test_a_region_where_nothing_may_be_pushed_fails_alone(team: EcrTeam) -> None:
    team.aws.front.deny("PutImage", f"arn:aws:ecr:{AWAY}:*/nginx")
    ran = team.apply()
    assert ran.status == 1
    assert f"x {team.at(AWAY, 'nginx')}" in ran.out
    assert '"Action": "ecr:PutImage"' in ran.out
    team.aws.front.reset()
    assert team.live(HOME).keys() - team.live(AWAY).keys() == team.tags("nginx")


def test_a_saved_plan_of_copies_that_failed_in_part_is_resumed_with_the_same_file(settled: EcrTeam) -> None:
    delete_tags(settled, AWAY, "nginx", "redis")
    settled.planned()
    settled.aws.front.deny("PutImage", "*/redis")
    assert settled.run("apply", PLAN).status == 1
    assert settled.live(AWAY).keys() == settled.tags("nginx")
    settled.aws.front.reset()
    resumed = settled.run("apply", PLAN)
    assert resumed.status == 0
    assert f"= {settled.at(AWAY, 'nginx')}   already so" in resumed.out
    assert settled.live(AWAY) == settled.live(HOME)
    assert settled.is_settled()


def test_a_saved_copy_is_refused_where_something_else_stands_by_now(settled: EcrTeam) -> None:
    delete_tags(settled, AWAY, "nginx")
    settled.planned()
    with Wire(settled.aws) as wire:
        wire.push(settled.repository("nginx"), VERSION)
    settled.aws.front.calls.clear()
    ran = settled.run("apply", PLAN)
    assert ran.status == 4
    assert f"! {settled.at(AWAY, 'nginx')}" in ran.out
    assert "not approved: " in ran.out
    assert writes(settled.aws.front.calls) == []
