"""Real packs, published by the program in two regions of Amazon ECR, as AWS and a client that no one here wrote see them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.support.aws import Aws, AwsFront
from tests.support.aws_wire import pull_with_regctl
from tests.support.clients import differing
from tests.support.ecr import AWAY, HOME, EcrTeam, actions, writes
from tests.support.ministack import MinistackServer

REPOSITORIES = {"tagMutability": "IMMUTABLE", "scanOnPush": True}


@pytest.fixture(scope="module")
def published(
    ministack: MinistackServer, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EcrTeam]:
    """The team that has applied all real packs to both regions, which held nothing."""
    root = tmp_path_factory.mktemp("published")
    with AwsFront(ministack) as front, closing(Aws(front, ministack, root)) as aws:
        team = a_team(root / "team", aws, corpus)
        command = [sys.executable, "-m", "regsync", "apply", "--auto-approve"]
        home = {"HOME": str(root), "XDG_CACHE_HOME": str(root / "cache")}
        done = subprocess.run(
            command, cwd=team.root, env=aws.environment | home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield team


@pytest.fixture(autouse=True)
def logged_in(published: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in published.aws.environment.items():
        monkeypatch.setenv(name, value)


def a_team(root: Path, aws: Aws, packs: Path) -> EcrTeam:
    team = EcrTeam(root, aws, repositories=REPOSITORIES)
    team.declare({"packs": f"{packs}/*"})
    return team


@pytest.mark.parametrize(("region", "first"), [(HOME, 0), (AWAY, 1)])
def test_every_pack_that_regctl_pulls_is_its_folder(
    region: str, first: int, published: EcrTeam, corpus: Path, tmp_path: Path
) -> None:
    packs = published.references(corpus)
    assert len(packs) == 25
    here = dict([*packs.items()][first::2])  # the others, in the other region
    pull = partial(pull_with_regctl, published.aws, region=region)
    published.aws.password(region)  # makes the client, before several threads ask for it
    assert differing(here, pull, tmp_path) == []


def test_both_regions_hold_each_pack_under_one_digest_and_nothing_else(
    published: EcrTeam, corpus: Path
) -> None:
    assert published.live(HOME).keys() == set(published.references(corpus).values())
    assert published.live(HOME) == published.live(AWAY)


def test_each_repository_was_created_as_it_is_written(published: EcrTeam, corpus: Path) -> None:
    names = {reference.partition(":")[0] for reference in published.references(corpus).values()}
    base = published.repository("").removesuffix("/")
    for region in (HOME, AWAY):
        found = published.aws.client(region=region).describe_repositories(maxResults=1000)["repositories"]
        assert {each["repositoryName"] for each in found} == {base, *names}
        assert {each["imageTagMutability"] for each in found} == {"IMMUTABLE"}
        assert all(each["imageScanningConfiguration"]["scanOnPush"] for each in found)


@pytest.mark.parametrize("machine", ["the same", "another"])
def test_the_next_plan_is_empty(
    machine: str, published: EcrTeam, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, calls = published, published.aws.front.calls
    if machine == "the same":
        monkeypatch.setenv("XDG_CACHE_HOME", str(published.root.parent / "cache"))
    else:
        packs = shutil.copytree(corpus, tmp_path / "packs", copy_function=shutil.copyfile)
        team = a_team(tmp_path / "team", published.aws, packs)
    calls.clear()
    ran = team.plan("--detailed-exitcode")
    assert ran.status == 0
    assert "No changes." in ran.out
    assert "Parity of team in 2 regions: 25 equal" in ran.out
    assert writes(calls) == []
    for region in (HOME, AWAY):
        cost = actions(each for each in calls if each.region == region)
        assert cost["DescribeImages"] == 21  # packs in several versions share a repository
        assert cost["BatchGetImage"] <= 21
        assert cost.total() - cost["BatchGetImage"] <= 22 + 1 + 4
