"""Packs that people pushed with tar and oras, as Palette's guide has them do, before there was a manifest for them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.audit import sound_tags
from tests.support.hand import push_base_by_hand, push_by_hand
from tests.support.servers import DistributionServer, tool
from tests.support.team import VERSION, Team

Push = Callable[[str, str, str, Path], None]
"""Pushes an archive to a host, a repository and a tag."""


def push_with_oras(host: str, repository: str, tag: str, archive: Path) -> None:
    reference = f"{host}/{repository}:{tag}"
    command: list[str | Path] = [tool("oras"), "push", "--plain-http", reference, archive.name]
    subprocess.run(command, cwd=archive.parent, check=True)


PUSHES = [
    pytest.param(partial(push_by_hand, "1.0.0"), id="oras-1.0.0"),
    pytest.param(partial(push_by_hand, "1.3.3"), id="oras-1.3.3"),
    pytest.param(push_with_oras, id="oras-program"),
]
# The directory in which tar is run, and what it is told to pack.
SPELLINGS = [("..", "My packs, old"), ("..", "./My packs, old/"), (".", ".")]


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    team = Team(tmp_path / "team", distribution.url, unique_path)
    team.pack("nginx")
    return team


def archived(team: Team, spelling: tuple[str, str] = SPELLINGS[0]) -> Path:
    """The team's pack as `tar -czvf NAME-VERSION.tar.gz FOLDER` of GNU tar packs it, from somebody's own copy."""
    folder = team.root.parent / "My packs, old"
    shutil.copytree(team.root / "packs" / f"nginx-{VERSION}", folder)
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    archive = team.root.parent / f"nginx-{VERSION}.tar.gz"
    subprocess.run(["tar", "-czvf", archive, spelling[1]], cwd=folder / spelling[0], check=True)
    return archive


@pytest.mark.parametrize("spelling", SPELLINGS, ids=["folder", "slashes", "dot"])
@pytest.mark.parametrize("push", PUSHES)
def test_a_pack_that_was_pushed_by_hand_is_no_change(
    push: Push, spelling: tuple[str, str], team: Team, distribution: DistributionServer
) -> None:
    push(distribution.host, team.repository("nginx"), VERSION, archived(team, spelling))
    assert team.is_settled()


@pytest.mark.parametrize("version", ["1.0.0", "1.3.3"])
def test_a_base_repository_that_was_pushed_by_hand_is_no_change(
    version: str, team: Team, distribution: DistributionServer
) -> None:
    push_base_by_hand(version, distribution.host, f"{team.base}/spectro-packs/archive")
    push_by_hand(version, distribution.host, team.repository("nginx"), VERSION, archived(team))
    assert team.is_settled()


@pytest.mark.parametrize("push", PUSHES)
def test_a_changed_value_is_blocked_and_under_overwrite_an_update(
    push: Push, team: Team, distribution: DistributionServer
) -> None:
    push(distribution.host, team.repository("nginx"), VERSION, archived(team))
    pushed = sound_tags(distribution, team.base)
    values = team.root / "packs" / f"nginx-{VERSION}" / "values.yaml"
    values.write_text(values.read_text().replace("replicas: 1", "replicas: 3"))

    for ran in (team.plan(), team.apply()):
        assert ran.status == 4
        assert f"! {team.address('nginx')}   blocked" in ran.out
        assert "the tag exists with other content" in ran.out
        assert changed_lines(ran.out) == ["-    replicas: 1", "+    replicas: 3"]
        assert "help: raise the version at packs/nginx-1.25.0/pack.json:" in ran.out
        assert "set policy.overwrite: allow below spec at registries/team.yaml:4" in ran.out
        assert "delete it there: the next apply pushes it again" in ran.out
    assert sound_tags(distribution, team.base) == pushed

    team.declare(policy={"overwrite": "allow"})
    planned = team.plan("--detailed-exitcode")
    assert planned.status == 2
    assert f"~ {team.address('nginx')}   update" in planned.out
    assert changed_lines(planned.out) == ["-    replicas: 1", "+    replicas: 3"]
    assert team.apply().status == 0
    assert sound_tags(distribution, team.base).keys() == pushed.keys()
    assert sound_tags(distribution, team.base) != pushed
    assert team.is_settled()


def changed_lines(plan: str) -> list[str]:
    """The lines of a plan's file diffs that were taken away or added."""
    return [line.strip() for line in plan.splitlines() if line.startswith(("      -", "      +"))]
