"""Real packs, published by the program, as a real server and clients that no one here wrote see them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.audit import sound_layout_tags, sound_tags
from tests.support.clients import (
    call,
    differing,
    pull_with_oras,
    pull_with_regctl,
    pull_with_the_oras_sdk,
)
from tests.support.servers import DistributionServer
from tests.support.team import LOGIN, Team, login_to

Pull = Callable[[DistributionServer, str, Path], None]
SOME_USER = 12345


@pytest.fixture(scope="module")
def published(
    corpus: Path, distribution_tls: DistributionServer, tmp_path_factory: pytest.TempPathFactory
) -> Team:
    """The team that has applied all real packs to the server with a login and a private authority."""
    root = tmp_path_factory.mktemp("published")
    team = a_team(root / "team", corpus, distribution_tls, f"test-{uuid.uuid4().hex[:12]}")
    command = [sys.executable, "-m", "regsync", "apply", "--auto-approve"]
    home = {"HOME": str(root), "XDG_CACHE_HOME": str(root / "cache")}
    done = subprocess.run(
        command, cwd=team.root, env=LOGIN | home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return team


@pytest.fixture
def as_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)


def a_team(root: Path, packs: Path, server: DistributionServer, base: str) -> Team:
    team = Team(root, server.url, base, **login_to(server))
    team.declare({"packs": f"{packs}/*"})
    return team


@pytest.mark.parametrize("pull", [pull_with_regctl, pull_with_the_oras_sdk, pull_with_oras])
def test_every_pack_that_others_pull_is_its_folder(
    pull: Pull, published: Team, corpus: Path, distribution_tls: DistributionServer, tmp_path: Path
) -> None:
    packs = published.references(corpus)
    assert len(packs) == 25
    assert differing(packs, partial(pull, distribution_tls), tmp_path) == []


def test_the_server_holds_each_pack_whole_and_nothing_else(
    published: Team, corpus: Path, distribution_tls: DistributionServer
) -> None:
    assert set(sound_tags(distribution_tls, published.base)) == set(published.references(corpus).values())


def test_the_next_plan_is_empty_and_asks_for_each_tag_once(
    published: Team, corpus: Path, distribution_tls: DistributionServer, as_robot: None
) -> None:
    before = len(distribution_tls.requests())
    assert published.is_settled()
    asked = distribution_tls.requests()[before:]
    assert {each.method for each in asked} <= {"GET", "HEAD"}
    assert len(asked) <= len(published.references(corpus)) + 5


def test_the_next_plan_is_empty_on_another_machine(
    published: Team, corpus: Path, distribution_tls: DistributionServer, as_robot: None, tmp_path: Path
) -> None:
    copy = tmp_path / "checkout"
    with umask(0o077):
        shutil.copytree(corpus, copy, copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if os.geteuid() == 0:
            os.chown(path, SOME_USER, SOME_USER)
    elsewhere = a_team(tmp_path / "elsewhere", copy, distribution_tls, published.base)
    assert elsewhere.is_settled()


@contextmanager
def umask(mask: int) -> Iterator[None]:
    previous = os.umask(mask)
    try:
        yield
    finally:
        os.umask(previous)


def test_regctl_reads_every_pack_from_a_layout(corpus: Path, tmp_path: Path) -> None:
    registry, scratch = tmp_path / "registry", tmp_path / "scratch"
    scratch.mkdir()
    team = Team(tmp_path / "team", "../../registry", "bundle")
    team.declare({"packs": f"{corpus}/*"})
    assert team.apply().status == 0
    assert team.is_settled()

    def pull(name: str, to: Path) -> None:
        call("regctl", "artifact", "get", f"ocidir://{registry}/{name}", "--output", to)

    packs = team.references(corpus)
    assert set(sound_layout_tags(registry)) == set(packs.values())
    assert differing(packs, pull, scratch) == []
