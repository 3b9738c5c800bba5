"""The pipeline for GitLab, run by its own shell lines against a GitLab of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import sound_tags
from tests.support.checkout import git
from tests.support.forge import Forge
from tests.support.gitlab import PROJECT, GitLab
from tests.support.servers import DistributionServer
from tests.support.team import Team
from tests.support.workflows import Ended

FILE = Path(__file__).resolve().parents[2] / "examples/ci/gitlab/.gitlab-ci.yml"


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published kafka."""
    team = Team(tmp_path / "team", distribution.url, unique_path)
    team.pack("kafka")
    assert team.apply().status == 0
    return team


@pytest.fixture
def forge(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    return Forge(team, tmp_path / "checkouts", monkeypatch)


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLab]:
    with GitLab(tmp_path / "gitlab", FILE, REGSYNC_ALLOW_HOSTS="127.0.0.1") as gitlab:
        yield gitlab


def propose(forge: Forge, gitlab: GitLab, *names: str) -> tuple[int, Ended, Path]:
    """Open a merge request that adds packs, and plan it; return its number, how that went and its checkout."""
    number = len(gitlab.requests) + 1
    forge.open_pull_request(names[0])
    for name in names:
        forge.team.pack(name)
    forge.commit()
    gitlab.requests[number] = {"merged": None, "pipelines": []}
    checkout = forge.check_out(names[0])
    base = git(checkout, "rev-parse", "origin/main").strip()
    ran = gitlab.run("regsync-plan", checkout, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    gitlab.keep(number, 100 + number, checkout, ok=ran.ok)
    return number, ran, checkout


def merge(forge: Forge, gitlab: GitLab, number: int, branch: str) -> Ended:
    sha = gitlab.requests[number]["merged"] = forge.merge(branch)
    return gitlab.run("regsync-apply", forge.check_out_main(), CI_COMMIT_SHA=sha)


def test_what_was_approved_is_applied(
    forge: Forge, gitlab: GitLab, team: Team, distribution: DistributionServer
) -> None:
    number, planned, checkout = propose(forge, gitlab, "nginx")
    assert planned.ok, planned.said
    reports = checkout / "regsync-reports"
    assert json.loads((reports / "terraform.json").read_text()) == {"create": 1, "update": 0, "delete": 0}
    assert json.loads((reports / "codequality.json").read_text()) == []
    assert "nginx:1.25.0" in (reports / "junit.xml").read_text()
    assert team.tag("nginx") not in sound_tags(distribution, team.base)

    applied = merge(forge, gitlab, number, "nginx")
    assert applied.ok, applied.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")
    assert team.is_settled()


def test_a_merge_in_between_is_not_slipped_in(
    forge: Forge, gitlab: GitLab, team: Team, distribution: DistributionServer
) -> None:
    nginx, _, _ = propose(forge, gitlab, "nginx")
    propose(forge, gitlab, "redis")
    forge.merge("redis")
    applied = merge(forge, gitlab, nginx, "nginx")
    assert applied.statuses == {"regsync-apply": 4}
    assert "Open a new merge request" in applied.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")


def test_nothing_is_applied_that_no_plan_was_approved_for(
    forge: Forge, gitlab: GitLab, team: Team, distribution: DistributionServer
) -> None:
    number, _, checkout = propose(forge, gitlab, "nginx")
    gitlab.keep(number, 900, checkout, ok=False)  # a push after the plan, whose own plan failed
    failed = merge(forge, gitlab, number, "nginx")
    assert failed.statuses == {"regsync-apply": 4}
    assert "without a successful plan" in failed.said

    gitlab.requests[number]["pipelines"] = [{"id": 101, "project_id": int(PROJECT) + 1, "status": "success"}]
    stranger = gitlab.run(
        "regsync-apply", forge.check_out_main(), CI_COMMIT_SHA=gitlab.requests[number]["merged"]
    )
    assert "without a successful plan" in stranger.said

    pushed = gitlab.run("regsync-apply", forge.check_out_main(), CI_COMMIT_SHA=forge.commit())
    assert "merged by no merge request" in pushed.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka")


def test_what_a_hand_blocks_does_not_hold_up_others(
    forge: Forge, gitlab: GitLab, team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    hand = Team(tmp_path / "hand", distribution.url, team.base, policy={"overwrite": "allow"})
    hand.pack("kafka", values="by: hand\n")
    assert hand.apply().status == 0
    number, planned, _ = propose(forge, gitlab, "nginx")
    assert planned.ok, planned.said
    assert "was not caused by this merge request" in planned.said
    applied = merge(forge, gitlab, number, "nginx")
    assert applied.statuses == {"regsync-apply": 4}
    assert "Delete by hand what somebody pushed by hand" in applied.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")
    team.pack("kafka", values="replicas: 3\n")
    _, refused, _ = propose(forge, gitlab, "redis")
    assert refused.statuses == {"regsync-plan": 4}


def test_a_night_tells_what_is_new_since_the_last_one(forge: Forge, gitlab: GitLab, team: Team) -> None:
    first = gitlab.run("regsync-nightly", forge.check_out_main())
    assert (first.ok, first.statuses) == (True, {"regsync-nightly": 0})
    team.pack("redis")
    forge.commit()
    second = gitlab.run("regsync-nightly", forge.check_out_main())
    assert (second.ok, second.statuses) == (True, {"regsync-nightly": 2})
    assert "Since then: 1 new, 0 altered, 0 resolved." in second.said

    metrics = gitlab.folder / "cache/regsync-nightly/regsync.prom"
    [succeeded] = [
        each for each in metrics.read_text().splitlines() if each.startswith("regsync_last_success")
    ]
    team.declare(endpoint="http://127.0.0.1:1")
    forge.commit()
    dark = gitlab.run("regsync-nightly", forge.check_out_main())
    assert (dark.ok, dark.statuses) == (False, {"regsync-nightly": 1})
    assert succeeded in metrics.read_text()
    assert "Since then" not in dark.said
    team.declare()
    forge.commit()
    after = gitlab.run("regsync-nightly", forge.check_out_main())
    assert "Since then: 0 new, 0 altered, 0 resolved." in after.said
