"""Settings of repositories in Amazon ECR: who changed them, how they are healed, and what AWS cannot change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.ecr import AWAY, HOME, LIFECYCLE, EcrTeam, Hand, writes

OTHER = "210987654321"
FIRST, SECOND = LIFECYCLE["rules"][0], {**LIFECYCLE["rules"][0], "rulePriority": 2}
TWO_RULES = {"rules": [FIRST, SECOND]}
SHARED: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER},
        "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
    },
}
# Others.
ONE_RULE = {"rules": [FIRST]}
OPEN = {**SHARED, "Statement": {**SHARED["Statement"], "Principal": "*"}}
# The same as they were, as somebody else writes them.
TWO_RULES_TOO = {"rules": [SECOND, FIRST]}
SHARED_TOO = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": ["ecr:BatchGetImage", "ecr:getDownloadUrlForLayer"],
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{OTHER}:root"]},
        }
    ],
}
PLAIN: dict[str, Any] = {
    "tagMutability": "IMMUTABLE",
    "scanOnPush": True,
    "encryption": {"type": "AES256"},
    "tags": {"team": "platform", "cost-center": "42"},
    "lifecyclePolicyFile": "lifecycle.json",
    "policyFile": "policy.json",
}
EXCLUSIONS = {"tagMutabilityExclusions": ["latest", "dev-*"]}


@pytest.fixture
def team(aws: Aws, tmp_path: Path) -> EcrTeam:
    team = EcrTeam(tmp_path, aws, repositories=PLAIN)
    team.write_policies(TWO_RULES, SHARED)
    return team


@pytest.fixture
def hand(team: EcrTeam) -> Hand:
    return Hand(team, AWAY)


def publish(team: EcrTeam, *packs: str) -> None:
    for each in packs:
        team.pack(each)
    assert team.apply().status == 0


def told(team: EcrTeam) -> dict[str, tuple[str, str]]:
    """By address the cause and the reason in words of all updates; there is nothing else in the plan."""
    changes = team.changes()
    assert all(each["change"]["actions"] == ["update"] for each in changes.values())
    return {address: (each["cause"], each["why"].partition(";")[0]) for address, each in changes.items()}


def is_healed(team: EcrTeam) -> bool:
    """Whether an apply corrects all that is in the plan, for good."""
    return team.apply().status == 0 and team.is_settled()


Change = Callable[[Hand, str], None]
DRIFT: dict[str, tuple[str, Change]] = {
    "movable": ("tagMutability", lambda hand, pack: hand.mutability(pack, "MUTABLE")),
    "excluding": (
        "tagMutability",
        lambda hand, pack: hand.mutability(pack, "IMMUTABLE_WITH_EXCLUSION", "dev-*"),
    ),
    "unscanned": ("scanOnPush", lambda hand, pack: hand.scanning(pack, False)),
    "retagged": ("tags", lambda hand, pack: hand.tag(pack, team="somebody")),
    "untagged": ("tags", lambda hand, pack: hand.untag(pack, "cost-center")),
    "expiring": ("lifecyclePolicy", lambda hand, pack: hand.lifecycle(pack, ONE_RULE)),
    "keeping": ("lifecyclePolicy", lambda hand, pack: hand("delete_lifecycle_policy", pack)),
    "shared": ("policy", lambda hand, pack: hand.policy(pack, OPEN)),
    "private": ("policy", lambda hand, pack: hand("delete_repository_policy", pack)),
}
EXCLUDING_DRIFT: dict[str, tuple[str, Change]] = {
    "movable": (
        "tagMutability and tagMutabilityExclusions",
        lambda hand, pack: hand.mutability(pack, "MUTABLE"),
    ),
    "inverted": (
        "tagMutability",
        lambda hand, pack: hand.mutability(pack, "MUTABLE_WITH_EXCLUSION", "dev-*", "latest"),
    ),
    "narrowed": (
        "tagMutabilityExclusions",
        lambda hand, pack: hand.mutability(pack, "IMMUTABLE_WITH_EXCLUSION", "latest"),
    ),
}


@pytest.mark.parametrize(
    ("written", "drift"),
    [
        pytest.param(PLAIN, DRIFT, id="all-settings"),
        pytest.param(
            {"tagMutability": "IMMUTABLE_WITH_EXCLUSION", **EXCLUSIONS}, EXCLUDING_DRIFT, id="exclusions"
        ),
    ],
)
def test_what_somebody_changed_in_a_region_is_drift_and_healed(
    written: dict[str, Any], drift: dict[str, tuple[str, Change]], team: EcrTeam, hand: Hand
) -> None:
    team.declare(repositories=written)
    publish(team, *drift)
    for pack, (_, change) in drift.items():
        change(hand, pack)
    assert told(team) == {
        team.at(AWAY, pack, None): ("drift", f"{names} {'differ' if ' and ' in names else 'differs'}")
        for pack, (names, _) in drift.items()
    }
    team.aws.front.calls.clear()
    assert is_healed(team)
    healing = writes(team.aws.front.calls)
    assert {each.region for each in healing} == {AWAY}
    assert len(healing) <= 2 * len(drift)  # a call for the setting, and one for the mark that says so


def test_a_manifest_that_changed_is_told_from_a_hand_that_did(team: EcrTeam, hand: Hand) -> None:
    publish(team, "nginx", "redis")
    hand.mutability("redis", "MUTABLE_WITH_EXCLUSION", "v*")
    changed = {"tagMutability": "MUTABLE", "scanOnPush": False, "tags": {"team": "data", "cost-center": "42"}}
    team.declare(repositories={**PLAIN, **changed})
    team.write_policies(ONE_RULE, OPEN)
    causes = {address: cause for address, (cause, _) in told(team).items()}
    assert causes.pop(team.at(AWAY, "redis", None)) == "both"
    assert len(causes) == 5  # two packs and the base repository, twice
    assert set(causes.values()) == {"manifest"}
    assert is_healed(team)


def test_what_means_the_same_is_no_change(team: EcrTeam, hand: Hand) -> None:
    written = {**PLAIN, "tagMutability": "IMMUTABLE_WITH_EXCLUSION", **EXCLUSIONS}
    team.declare(repositories=written)
    publish(team, "nginx")
    hand.policy("nginx", SHARED_TOO)
    hand.lifecycle("nginx", TWO_RULES_TOO)
    hand.mutability("nginx", "IMMUTABLE_WITH_EXCLUSION", "dev-*", "latest")
    hand.tag("nginx", somebody="else")
    assert team.is_settled()
    team.declare(repositories={**written, "tagMutabilityExclusions": ["dev-*", "latest"]})
    team.write_policies(TWO_RULES_TOO, SHARED_TOO)
    assert team.is_settled()


def test_what_is_not_written_is_left_alone(team: EcrTeam, hand: Hand) -> None:
    publish(team, "nginx")
    team.declare(repositories={"scanOnPush": True})
    hand.mutability("nginx", "MUTABLE")
    hand.policy("nginx", OPEN)
    hand.tag("nginx", team="somebody")
    assert team.is_settled()


def test_an_encryption_that_differs_is_blocked_and_the_rest_goes_on(team: EcrTeam, hand: Hand) -> None:
    hand("create_repository", "nginx")
    team.declare(repositories={"encryption": {"type": "KMS"}})
    for each in ("nginx", "redis"):
        team.pack(each)
    there = team.at(AWAY, "nginx", None)
    for ran in (team.apply(), team.plan("--detailed-exitcode")):
        assert ran.status == 4
        assert f"! {there} " in ran.out
        assert "encryption cannot be changed once a repository exists" in ran.out
        assert 'encryption   {"type": "AES256"} → {"type": "KMS"}' in ran.out
    assert list(team.changes()) == [there]
    assert team.live(HOME) == team.live(AWAY)
    assert team.live(AWAY).keys() == team.tags("nginx", "redis")


def test_other_settings_are_corrected_where_the_encryption_differs(team: EcrTeam, hand: Hand) -> None:
    hand("create_repository", "nginx")
    team.declare(repositories={"encryption": {"type": "KMS"}, "scanOnPush": True})
    team.pack("nginx")
    ran = team.apply()
    assert ran.status == 0
    assert 'encryption stays {"type": "AES256"}' in ran.out
    [(address, left)] = team.changes().items()
    assert (address, left["wanted"]) == (team.at(AWAY, "nginx", None), ["update"])
    assert left["why"] == "encryption differs; encryption cannot be changed once a repository exists"


def test_a_repository_that_somebody_made_is_adopted_when_it_is_corrected(team: EcrTeam, hand: Hand) -> None:
    hand("create_repository", "nginx")
    team.pack("nginx")
    ran = team.apply()
    assert ran.status == 0
    assert "carries no mark; this update makes team its owner" in ran.out
    hand.scanning("nginx", False)
    assert told(team) == {team.at(AWAY, "nginx", None): ("drift", "scanOnPush differs")}


def test_another_team_s_repository_is_corrected_only_when_it_is_adopted(team: EcrTeam, hand: Hand) -> None:
    publish(team, "nginx")
    hand.tag("nginx", **{"regsync.owner": "data"})
    assert team.is_settled()
    hand.scanning("nginx", False)
    team.aws.front.calls.clear()
    ran = team.apply()
    assert ran.status == 4
    assert "scanOnPush differs, and it belongs to data" in ran.out
    assert writes(team.aws.front.calls) == []
    assert team.apply("--adopt", team.at(AWAY, "nginx", None)).status == 0
    assert team.is_settled()
