"""What people read on Amazon ECR, as the program prints it: streams and exit status in one golden text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.ecr import AWAY, HOME, EcrTeam
from tests.support.project import told

OURS = "111122223333"
OTHERS, THEIRS = "123456789012", "444455556666"
REPOSITORIES = {"tagMutability": "IMMUTABLE", "scanOnPush": True}
POLICIES = {"lifecyclePolicyFile": "../policies/keep.json", "policyFile": "../policies/read.json"}
VALUES = "pack:\n  namespace: nginx\nmanifests:\n  nginx:\n    replicas: {replicas}\n    timeout: 30\n"

Printed = Callable[..., None]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat no call of the API and other failed requests at once, and let the clock of reports stand still."""
    monkeypatch.setattr("regsync.registries.ecr.session.ATTEMPTS", 1)
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760000000")


@pytest.fixture
def team(tmp_path: Path, aws: Aws) -> EcrTeam:
    """A team with two packs for two regions that hold nothing."""
    team = EcrTeam(tmp_path, aws, name="ecr-prod", repositories=REPOSITORIES)
    team.pack(values=VALUES.format(replicas=1))
    team.pack("redis", "7.2.1")
    return team


@pytest.fixture
def printed(team: EcrTeam, golden: Callable[[str, str], None]) -> Printed:
    """Return a function `printed(name, *command lines)`: runs them one after the other and compares what all say."""

    def run(name: str, *commands: str) -> None:
        runs = [(f"regsync {each}", team.run(*each.split())) for each in commands]
        golden(f"cli/ecr-{name}", told(*runs).replace(team.aws.account, OURS))

    return run


def applied(team: EcrTeam, *options: str) -> None:
    assert team.run("-q", "apply", "--auto-approve", *options).status == 0


def write_policies(team: EcrTeam, *, kept: int = 5, reader: str = THEIRS) -> None:
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": kept}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    statement = {"Effect": "Allow", "Principal": {"AWS": reader}, "Action": ["ecr:BatchGetImage"]}
    documents: dict[str, Any] = {
        "keep": {"rules": [rule]},
        "read": {"Version": "2012-10-17", "Statement": [statement]},
    }
    for name, document in documents.items():
        team.write(f"policies/{name}.json", json.dumps(document))


def test_two_regions_that_hold_nothing(team: EcrTeam, printed: Printed) -> None:
    printed(
        "create",
        "plan --detailed-exitcode",
        "plan --detail summary --target ecr-prod@eu-west-1/*",
        "-q apply --auto-approve",
        "plan --detailed-exitcode",
    )


def test_who_moved_a_setting(team: EcrTeam, printed: Printed) -> None:
    write_policies(team)
    team.declare(repositories={**REPOSITORIES, **POLICIES})
    applied(team)
    here, there = team.aws.client(), team.aws.client(region=AWAY)
    there.put_image_tag_mutability(repositoryName=team.repository("redis"), imageTagMutability="MUTABLE")
    there.delete_repository_policy(repositoryName=team.repository("nginx"))
    printed("drift", "plan")
    write_policies(team, reader=OTHERS)
    here.put_image_scanning_configuration(
        repositoryName=team.repository("nginx"), imageScanningConfiguration={"scanOnPush": False}
    )
    printed("drift-and-change", "plan", "plan --detail full --target *@eu-west-1/*/nginx")
    printed("healed", "-q apply --auto-approve --detail summary", "plan --detailed-exitcode")


def test_what_one_region_lacks_comes_from_the_other(team: EcrTeam, printed: Printed) -> None:
    applied(team)
    team.aws.client(region=AWAY).batch_delete_image(
        repositoryName=team.repository("nginx"), imageIds=[{"imageTag": "1.25.0"}]
    )
    printed("copy", "plan", "apply --auto-approve --parallelism 1 --detail full", "plan")


def test_an_encryption_that_aws_cannot_change(team: EcrTeam, printed: Printed) -> None:
    applied(team)
    team.declare(repositories={**REPOSITORIES, "encryption": {"type": "KMS"}})
    printed("blocked-encryption", "plan", "-q apply --auto-approve --detail summary")


def test_an_immutable_tag_with_other_content(team: EcrTeam, printed: Printed) -> None:
    applied(team)
    team.pack(values=VALUES.format(replicas=3))
    team.pack("redis", "7.2.2")
    printed("immutable-tag", "plan", "-q apply --auto-approve --detail summary")


def test_a_repository_of_another_owner(team: EcrTeam, printed: Printed) -> None:
    team.name = "data-team"
    team.declare()
    applied(team)
    team.name = "ecr-prod"
    team.declare(repositories={**REPOSITORIES, "scanOnPush": False})
    printed("other-owner", "plan", f"plan --adopt {team.at(HOME, 'nginx', None)} --target *@us-east-1/*")


def test_regions_that_hold_different_things(team: EcrTeam, printed: Printed) -> None:
    for name in ("cert-manager", "kyverno"):
        team.pack(name)
    team.declare(regions=[HOME], repositories={})
    applied(team)
    team.push_by_hand("kyverno", AWAY)  # the same content, in other bytes
    team.declare(repositories={})
    applied(team, "--exclude", "*redis*")
    team.declare(regions=[HOME], repositories={}, policy={"overwrite": "allow"})
    team.pack(values=VALUES.format(replicas=3))
    applied(team)
    team.aws.front.deny("DescribeImages", f"arn:aws:ecr:{AWAY}:*cert-manager")
    team.declare(repositories={})
    printed("parity", "plan", "plan --detail full")


def test_a_region_that_is_down(team: EcrTeam, printed: Printed) -> None:
    applied(team)
    team.pack("k8s", "1.29.1")
    team.aws.front.take_down(AWAY)
    printed("region-down", "plan", "-q apply --auto-approve --detail summary", "registries check")


def test_what_may_not_be_read_in_many_repositories(team: EcrTeam, printed: Printed) -> None:
    """The same words are not said forty times."""
    for number in range(6):
        team.pack(f"pack-{number}")
    team.aws.front.deny("Describe*", f"arn:aws:ecr:{AWAY}:*")
    only = "--target *@eu-west-1/*"
    printed("denied-reads", f"plan {only}", f"plan {only} --detail full", "registries check")


def test_what_may_not_be_written_in_many_repositories(team: EcrTeam, printed: Printed) -> None:
    team.declare(regions=[HOME])
    for number in range(6):
        team.pack(f"pack-{number}")
    team.aws.front.deny("PutImage")
    printed("denied-writes", "-q apply --auto-approve --detail summary")


def test_what_is_left_half_made_is_named_and_finished(team: EcrTeam, printed: Printed) -> None:
    write_policies(team)
    team.declare(regions=[HOME], repositories=POLICIES)
    team.aws.front.deny("SetRepositoryPolicy")
    printed("half-made", "apply --auto-approve --parallelism 1 --detail summary")
    team.aws.front.reset()
    finish = "-q apply --auto-approve --detail summary"
    printed("half-made-finished", "plan", finish, "plan --detailed-exitcode")


def test_regions_that_ecr_replicates_to(team: EcrTeam, printed: Printed) -> None:
    team.declare(repositories={**REPOSITORIES, "replicated": True})
    printed("replicated", "plan")
    applied(team, "--target", f"*@{HOME}/*")
    printed("replicated-in-part", "plan")


def test_repositories_that_others_create(team: EcrTeam, printed: Printed) -> None:
    team.declare(regions=[HOME], repositories={"create": False})
    printed("not-created", "plan")


def test_nobody_is_logged_in(team: EcrTeam, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    printed("login-missing", "plan", "registries check")


def test_an_access_key_that_aws_does_not_know(
    team: EcrTeam, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
    printed("login-unknown", "plan", "registries check")


def test_the_account_of_somebody_else(team: EcrTeam, printed: Printed) -> None:
    team.declare(endpoint=team.aws.host("{{ .spectro.system.aws.region }}").replace(team.aws.account, THEIRS))
    printed("other-account", "plan", "registries check")
