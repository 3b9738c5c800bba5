"""What the program asks of Amazon ECR: how much for a plan, and how it goes on where AWS asks it to slow down."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws, AwsFront, Role
from tests.support.ecr import HOME, LIFECYCLE, POLICY, EcrTeam, actions
from tests.support.ministack import MinistackServer, Scope
from tests.support.team import VERSION, Team

REPOSITORIES = 150
TAGS = {"team": "platform"}


class Account:
    """An account that somebody else fills, quickly: nothing is checked or counted."""

    def __init__(self, ministack: MinistackServer, aws: Aws) -> None:
        self._ministack = ministack
        self._scope = Scope(aws.account, HOME)

    def create(self, name: str) -> None:
        self._ask("CreateRepository", repositoryName=name)

    def set_all(self, name: str) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in TAGS.items()]
        self._ask("TagResource", resourceArn=self._scope.arn(name), tags=pairs)
        self._ask("PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=json.dumps(LIFECYCLE))
        self._ask("SetRepositoryPolicy", repositoryName=name, policyText=json.dumps(POLICY))

    def _ask(self, action: str, **parameters: Any) -> None:
        assert self._ministack.api(self._scope, action, parameters).status == 200


@pytest.fixture
def account(ministack: MinistackServer, aws: Aws) -> Account:
    return Account(ministack, aws)


@pytest.fixture
def team(aws: Aws, tmp_path: Path) -> EcrTeam:
    return EcrTeam(tmp_path / "team", aws, regions=[HOME])


def packs(team: Team, count: int) -> list[str]:
    """Write as many packs, and return the repositories that they belong to, the base repository first."""
    names = [f"pack-{number:03}" for number in range(count)]
    for each in names:
        team.pack(each)
    return [team.repository("").removesuffix("/"), *map(team.repository, names)]


def fill(team: EcrTeam, account: Account, repositories: list[str], layouts: Path) -> None:
    """Let a region hold the packs as the program makes them, which shows in a directory of layouts."""
    local = Team(team.root, str(layouts), team.base)
    assert local.apply().status == 0
    team.declare()
    account.create(repositories[0])
    for each in repositories[1:]:
        account.create(each)
        [manifest] = json.loads((layouts / each / "index.json").read_bytes())["manifests"]
        _, _, digest = manifest["digest"].partition(":")
        team.aws.fill(each, {VERSION: (layouts / each / "blobs" / "sha256" / digest).read_bytes()})


def cost(team: EcrTeam) -> Counter[str]:
    """How often a plan that finds nothing to do asks for each action; the program counts as AWS does."""
    team.aws.front.calls.clear()
    ran = team.plan("--detailed-exitcode")
    assert ran.status == 0, ran.out
    assert f" · {len(team.aws.front.calls)} requests\n" in ran.out
    return actions(team.aws.front.calls)


def test_a_plan_with_nothing_to_do_costs_a_call_per_repository_and_a_few(
    team: EcrTeam, account: Account, tmp_path: Path
) -> None:
    repositories = packs(team, REPOSITORIES)
    fill(team, account, repositories, tmp_path / "layouts")
    role = f"arn:aws:iam::{team.aws.account}:role/push-packs"
    team.aws.front.roles[role] = Role()
    login = {"auth": {"method": "sts", "roleArn": role}}
    team.declare(**login)
    number = len(repositories)
    bound = number + -(-number // 100) + 4

    first = cost(team)
    assert first["BatchGetImage"] == REPOSITORIES
    assert first.total() - first["BatchGetImage"] <= bound

    again = cost(team)
    assert again.keys() == {"AssumeRole", "DescribeImages", "DescribeRepositories"}
    assert again.total() <= bound

    for each in repositories:
        account.set_all(each)
    team.declare(**login, repositories={"tags": TAGS, **team.write_policies()})
    assert cost(team).total() <= bound + 3 * number


@contextmanager
def slowed_down(front: AwsFront, action: str, *at: int) -> Iterator[None]:
    """Let AWS throttle an action twice each time that so many requests have come."""
    over = threading.Event()

    def watch() -> None:
        for number in at:
            while len(front.calls) < number and not over.wait(0.005):
                pass
            front.throttle(action, 2)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def test_five_hundred_repositories_are_read_although_aws_throttles(team: EcrTeam, account: Account) -> None:
    for each in packs(team, 500):
        account.create(each)
    front = team.aws.front
    front.calls.clear()
    with slowed_down(front, "DescribeImages", 200, 400):
        ran = team.plan()
    assert [each.status for each in front.calls].count(400) == 4
    assert ran.status == 0
    assert "Plan: 500 to add, 0 to change, 0 to delete. 501 unchanged." in ran.out


def test_an_apply_goes_on_where_aws_throttles(team: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    for each in ("nginx", "redis"):
        team.pack(each)
    front = team.aws.front
    for each in ("CreateRepository", "InitiateLayerUpload", "CompleteLayerUpload", "PutImage"):
        front.throttle(each)
    assert team.apply().status == 0
    assert [each.status for each in front.calls].count(429) == 3
    assert team.live().keys() == team.tags("nginx", "redis")
