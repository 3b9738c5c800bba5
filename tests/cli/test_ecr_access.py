"""What `iam` grants, held against all that AWS was asked for; and `registries check` and `endpoints` beside a live account."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws, Call, Role
from tests.support.aws_tunnels import Tunnels
from tests.support.cli import Ran
from tests.support.ecr import AWAY, HOME, MANY, EcrTeam, Hand, actions, writes
from tests.support.iam import allowed_actions, allows

EVERYTHING: dict[str, Any] = {
    "repositories": {
        "tagMutability": "MUTABLE_WITH_EXCLUSION",
        "tagMutabilityExclusions": ["v*"],
        "scanOnPush": True,
        "tags": {"team": "platform"},
        "lifecyclePolicyFile": "lifecycle.json",
        "policyFile": "policy.json",
    },
    "policy": {"prune": "managed", "overwrite": "allow", "maxDeleteShare": 100},
}
LITTLE: dict[str, Any] = {"repositories": {"create": False, "base": False}}
# What no run here can ask for, and why.
BY_ECR = "ECR itself asks KMS for it, in the name of who creates a repository"
NEVER_HERE = {
    "ecr:DescribeRegistry": "asked where an image has no replication status, and ministack knows of no replication",
    "kms:CreateGrant": BY_ECR,
    "kms:DescribeKey": BY_ECR,
    "kms:RetireGrant": BY_ECR,
}
BIG = {"images.bin": random.Random(1).randbytes(3 << 19)}  # worth asking whether it is there already


class Witness(EcrTeam):
    """Takes down what its runs ask AWS for: those that only look, and all."""

    def __init__(self, root: Path, aws: Aws, **spec: Any) -> None:
        self.looking: list[Call] = []
        self.every: list[Call] = []
        super().__init__(root, aws, **spec)
        self.write_policies()

    def run(self, *arguments: str | Path) -> Ran:
        self.aws.front.calls.clear()
        ran = super().run(*arguments)
        self.every += self.aws.front.calls
        if "apply" not in arguments:
            self.looking += self.aws.front.calls
        return ran


@pytest.fixture
def role(aws: Aws) -> str:
    arn = f"arn:aws:iam::{aws.account}:role/push-packs"
    aws.front.roles[arn] = Role()
    return arn


@pytest.fixture
def team(aws: Aws, role: str, tmp_path: Path) -> Witness:
    return Witness(tmp_path, aws, auth={"method": "sts", "roleArn": role})


def hold_against_policies(team: Witness) -> None:
    """Each run was granted all that it asked for, and nothing is granted that no run has asked for.

    For ECR Public, where ministack has nothing, tables are held against each other (tests/registries/test_iam.py).
    """
    [registry] = json.loads(team.run("iam", "--format", "json").out)["registries"]
    policies = {name: each["document"] for name, each in registry["policies"].items()}
    own = policies["assume-role"]
    assert not_granted(team.looking, policies["plan"], own) == set()
    assert not_granted(team.every, policies["apply"], own) == set()
    assert never_used(policies["plan"], team.looking) == set()
    assert never_used(policies["apply"], team.every) <= NEVER_HERE.keys()
    assert never_used(own, team.looking) == set()


def not_granted(calls: Iterable[Call], *documents: Mapping[str, Any]) -> set[tuple[str, str]]:
    needed = {each for call in calls for each in call.permissions}
    return {each for each in needed if not any(allows(document, *each) for document in documents)}


def never_used(document: Mapping[str, Any], calls: Iterable[Call]) -> set[str]:
    return allowed_actions(document) - {action for call in calls for action, _ in call.permissions}


def test_policies_grant_all_that_a_manifest_with_everything_asks_for_and_no_more(team: Witness) -> None:
    team.declare(**EVERYTHING)
    for each in ("kafka", "nginx"):
        team.pack(each)
    team.pack("redis", files=BIG)
    team.push_by_hand("nginx", AWAY)  # to be read from its layer, and copied
    for ran in (team.run("registries", "check"), team.plan(), team.apply(), team.plan()):
        assert ran.status == 0, ran.out

    hand = Hand(team, AWAY)
    hand.mutability("redis", "IMMUTABLE")
    hand.scanning("redis", False)
    hand.tag("redis", team="somebody")
    hand("delete_lifecycle_policy", "redis")
    hand("delete_repository_policy", "redis")
    assert team.apply().status == 0

    team.pack("nginx", values="replicas: 2\n")
    team.declare({"packs": "../packs/[nr]*"}, **EVERYTHING)
    assert team.apply().status == 0
    assert team.is_settled()
    assert {"BatchDeleteImage", "SetRepositoryPolicy"} <= actions(team.every).keys()
    hold_against_policies(team)


def test_policies_grant_all_that_a_manifest_with_little_asks_for_and_no_more(team: Witness) -> None:
    team.declare(**LITTLE)
    team.pack("nginx")
    team.pack("redis", files=BIG)
    team.push_by_hand("nginx")
    hand = Hand(team, AWAY)
    hand("create_repository", "nginx")
    for each in (hand, Hand(team, HOME)):
        each("create_repository", "redis")
    for ran in (team.plan(), team.apply()):
        assert ran.status == 0, ran.out
    assert team.is_settled()
    assert team.live(HOME) == team.live(AWAY)
    hold_against_policies(team)


def test_policies_grant_what_replication_and_a_key_of_one_s_own_ask_for(team: Witness) -> None:
    key = f"arn:aws:kms:{{{{ .spectro.system.aws.region }}}}:{team.aws.account}:key/0a1b2c3d"
    team.declare(repositories={"replicated": True, "encryption": {"type": "KMS", "key": key}})
    team.pack("nginx")
    team.pack("redis", files=BIG)
    team.push_by_hand("nginx")  # into a repository with another encryption
    ran = team.plan()
    assert ran.status == 4
    assert "encryption cannot be changed" in ran.out
    ran = team.apply()
    assert ran.status == 1
    assert "ecr:DescribeImageReplicationStatus" in ran.out  # which ministack does not know
    hold_against_policies(team)
    for region, name in ((HOME, "redis"), (AWAY, "nginx")):
        [made] = team.aws.client(region=region).describe_repositories(
            repositoryNames=[team.repository(name)]
        )["repositories"]
        assert made["encryptionConfiguration"]["kmsKey"] == key.replace(
            "{{ .spectro.system.aws.region }}", region
        )


def test_a_check_logs_in_to_each_region_and_writes_nothing(team: Witness) -> None:
    team.pack("nginx")
    ran = team.run("registries", "check")
    assert ran.status == 0
    assert actions(team.looking)["GetAuthorizationToken"] == 2
    assert writes(team.looking) == []
    for region in (HOME, AWAY):
        assert f"ok       team@{region}   ecr {team.aws.host(region)}" in ran.out


def test_a_check_reads_where_packs_go(team: Witness) -> None:
    team.pack("nginx")
    team.aws.front.deny("DescribeImages", f"arn:aws:ecr:{AWAY}:*")
    ran = team.run("registries", "check")
    assert ran.status == 1
    assert f"ok       team@{HOME}" in ran.out
    assert f"{team.at(AWAY, 'nginx', None)}: ecr:DescribeImages is denied" in ran.out


def test_a_check_names_the_region_that_is_down(team: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.registries.ecr.session.ATTEMPTS", 1)
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    team.pack("nginx")
    team.aws.front.take_down(AWAY)
    ran = team.run("registries", "check")
    assert ran.status == 1
    assert f"ok       team@{HOME}" in ran.out
    assert f"failed   team@{AWAY}" in ran.out


def test_all_that_is_reached_and_created_stands_among_the_endpoints(
    aws: Aws, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = Witness(tmp_path, aws, auth={"method": "sts", "roleArn": role}, connectTo=None)
    for each in ("nginx", "redis"):
        team.pack(each)
    told = json.loads(team.run("endpoints", "--format", "json").out)["registries"]
    assert team.every == []
    with Tunnels(aws.front) as proxy:
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", aws.environment["SSL_CERT_FILE"])
        assert team.apply().status == 0
    allowed = {(host["name"], host["port"]): host["purpose"] for each in told for host in each["hosts"]}
    assert proxy.hosts == {host for host, purpose in allowed.items() if purpose != "layers"}
    for each in told:
        made = aws.client(region=each["region"]).describe_repositories(maxResults=MANY)["repositories"]
        assert {one["name"] for one in each["repositories"]} == {one["repositoryName"] for one in made}
