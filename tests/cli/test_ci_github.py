"""The workflows for GitHub, run by their own shell lines: planned, commented, merged, applied, and looked at by night."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import gh
from tests.support.audit import sound_tags
from tests.support.forge import Forge
from tests.support.servers import DistributionServer
from tests.support.team import Team
from tests.support.workflows import Ended, Hub

WORKFLOWS = Path(__file__).resolve().parents[2] / "examples/ci/github"
MARKER = "<!-- regsync:plan:"


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published kafka."""
    team = Team(tmp_path / "team", distribution.url, unique_path, policy={"overwrite": "never"})
    team.pack("kafka")
    assert team.apply().status == 0
    return team


@pytest.fixture
def site(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(team, tmp_path, monkeypatch)


class Site:
    """The team's repository on GitHub, with its three workflows."""

    def __init__(self, team: Team, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        values = {
            "vars.REGSYNC_ALLOW_HOSTS": "127.0.0.1",
            "secrets.HARBOR_PASSWORD": "",
            "secrets.PALETTE_API_KEY": "",
        }
        self.forge = Forge(team, folder / "checkouts", monkeypatch)
        self.hub = Hub(folder / "hub", WORKFLOWS, values)
        self._heads: dict[str, tuple[int, str]] = {}

    def propose(self, branch: str, *names: str, values: str | None = None) -> int:
        """Open a pull request that adds packs, and return its number."""
        self.forge.open_pull_request(branch)
        for name in names:
            self.forge.team.pack(name, values=values)
        number = len(self._heads) + 7
        self._heads[branch] = (number, self.forge.commit())
        return number

    def plan(self, branch: str, *, owner: str = gh.REPOSITORY, job: str = "plan") -> Ended:
        number, head = self._heads[branch]
        values = {
            "github.event.pull_request.number": str(number),
            "github.event.pull_request.head.sha": head,
            "github.event.pull_request.head.repo.full_name": owner,
        }
        checkout = self.forge.check_out(branch)
        run = self.hub.run("plan.yml", job, checkout, values, GITHUB_BASE_REF="main")
        conclusion = "success" if run.ok else "failure"
        self.hub.add(
            "runs",
            id=len(list(self.hub.folder.glob("runner-*"))),
            head_sha=head,
            conclusion=conclusion,
            head_repository={"full_name": owner},
        )
        return run

    def merge(self, branch: str) -> str:
        number, head = self._heads[branch]
        sha = self.forge.merge(branch)
        self.hub.add("pulls", number=number, merged_at="2026-01-01", merge_commit_sha=sha, head={"sha": head})
        return sha

    def apply(self, sha: str) -> Ended:
        return self.hub.run("apply.yml", "apply", self.forge.check_out_main(), {}, GITHUB_SHA=sha)

    def night(self) -> Ended:
        return self.hub.run("nightly.yml", "drift", self.forge.check_out_main(), {})


def test_what_was_approved_is_applied(site: Site, team: Team, distribution: DistributionServer) -> None:
    number = site.propose("nginx", "nginx")
    assert site.plan("nginx", job="validate").ok
    planned = site.plan("nginx")
    assert planned.ok, planned.said
    [comment] = site.hub.comments(number)
    assert comment.startswith(MARKER)
    assert "nginx:1.25.0" in comment
    assert team.tag("nginx") not in sound_tags(distribution, team.base)

    applied = site.apply(site.merge("nginx"))
    assert applied.ok, applied.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")
    assert "apply complete" in site.hub.comments(number)[1].lower()
    assert team.is_settled()


def test_the_comment_is_written_anew_in_its_place(site: Site, team: Team) -> None:
    number = site.propose("nginx", "nginx")
    state = site.hub.state
    state["comments"][str(number)] = [
        {"id": 1, "user": {"type": "User"}, "body": f"{MARKER} of somebody else -->"}
    ]
    gh.save(site.hub.folder, state)
    assert site.plan("nginx").ok
    team.pack("redis")
    site.forge.commit()
    assert site.plan("nginx").ok
    theirs, ours = site.hub.comments(number)
    assert "of somebody else" in theirs
    assert "redis:1.25.0" in ours

    team.write("registries/team.yaml", "kind: Nonsense\n")
    site.forge.commit()
    broken = site.plan("nginx")
    assert broken.statuses["Plan"] == 3
    theirs, ours = site.hub.comments(number)
    assert "redis:1.25.0" not in ours
    assert "Nonsense" in ours


def test_a_merge_in_between_is_not_slipped_in(
    site: Site, team: Team, distribution: DistributionServer
) -> None:
    for name in ("nginx", "redis"):
        site.propose(name, name)
        assert site.plan(name).ok
    redis = site.merge("redis")
    nginx = site.merge("nginx")
    applied = site.apply(nginx)
    assert applied.statuses["Apply"] == 4
    assert "Open a new pull request" in applied.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka", "nginx")

    assert site.apply(redis).ok  # its own apply was only late
    assert team.is_settled()


def test_nothing_is_applied_that_no_plan_was_approved_for(
    site: Site, team: Team, distribution: DistributionServer
) -> None:
    site.propose("fork", "nginx")
    assert site.plan("fork", owner="stranger/registries").said == "skipped"
    state = site.hub.state
    state["runs"][-1]["conclusion"] = "success"  # as far as GitHub knows, and with an artifact that they made
    gh.save(site.hub.folder, state)
    unplanned = site.apply(site.merge("fork"))
    assert unplanned.statuses["Find the plan that was approved"] == 4
    assert "Apply" not in unplanned.statuses
    assert "without a successful plan" in unplanned.said
    [told] = site.hub.comments(7)
    assert told.startswith(
        "**regsync: nothing is applied.** Pull request 7 was merged without a successful plan"
    )

    pushed = site.apply(site.forge.commit())
    assert pushed.statuses["Find the plan that was approved"] == 4
    assert "merged by no pull request" in pushed.said
    assert sound_tags(distribution, team.base).keys() == team.tags("kafka")


def test_a_blocked_plan_is_no_approval(site: Site, team: Team) -> None:
    number = site.propose("change", "kafka", values="replicas: 3\n")
    planned = site.plan("change")
    assert planned.statuses["Plan"] == 4
    assert "blocked" in site.hub.comments(number)[0]
    assert not list((site.hub.folder / gh.ARTIFACTS).glob("*/regsync-plan-*"))
    assert not site.apply(site.merge("change")).ok


@pytest.fixture
def hand(team: Team, distribution: DistributionServer, tmp_path: Path) -> Team:
    """Somebody who has pushed kafka anew, past everything."""
    hand = Team(tmp_path / "hand", distribution.url, team.base, policy={"overwrite": "allow"})
    hand.pack("kafka", values="by: hand\n")
    assert hand.apply().status == 0
    return hand


def test_what_a_hand_blocks_does_not_hold_up_others(
    site: Site, team: Team, hand: Team, distribution: DistributionServer
) -> None:
    number = site.propose("nginx", "nginx")
    planned = site.plan("nginx")
    assert planned.ok, planned.said
    assert "::warning title=Blocked by what somebody pushed::" in planned.said
    [comment] = site.hub.comments(number)
    assert comment.startswith(MARKER)
    assert "> [!WARNING]\n> What is blocked here was not caused by this pull request" in comment

    applied = site.apply(site.merge("nginx"))
    assert applied.statuses["Apply"] == 4
    assert "Delete by hand what somebody pushed by hand" in applied.said
    assert team.tag("nginx") in sound_tags(distribution, team.base)
    assert "kafka:1.25.0" in site.hub.comments(number)[1]


def test_what_a_pull_request_itself_cannot_have_is_red_whatever_a_hand_has_done(
    site: Site, team: Team, hand: Team
) -> None:
    site.propose("change", "kafka", values="replicas: 3\n")
    assert site.plan("change").statuses["Plan"] == 4


def test_without_a_list_of_hosts_nothing_is_sent(site: Site, team: Team) -> None:
    site.hub = Hub(
        site.hub.folder.with_name("careless"),
        WORKFLOWS,
        {"vars.REGSYNC_ALLOW_HOSTS": "", "secrets.HARBOR_PASSWORD": "x"},
    )
    site.propose("nginx", "nginx")
    planned = site.plan("nginx")
    assert planned.statuses["Plan"] == 1
    assert "regsync endpoints lists the hosts" in planned.said


def test_one_issue_is_kept_while_something_differs(
    site: Site, team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    def issue() -> tuple[str, int]:
        [only] = site.hub.state["issues"]
        return only["state"], len(only["comments"])

    assert site.night().ok
    assert site.hub.state["issues"] == []

    hand = Team(tmp_path / "hand", distribution.url, team.base, policy={"overwrite": "allow"})
    hand.pack("kafka", values="by: hand\n")
    assert hand.apply().status == 0
    assert site.night().ok
    assert issue() == ("OPEN", 0)
    assert "kafka:1.25.0" in site.hub.state["issues"][0]["body"]
    assert site.night().ok
    assert issue() == ("OPEN", 0)  # as last night

    team.pack("redis")
    site.forge.commit()  # pushed to main past everything, and so never applied
    assert site.night().ok
    assert issue() == ("OPEN", 1)
    assert "redis:1.25.0" in site.hub.state["issues"][0]["comments"][0]

    team.declare(policy={"overwrite": "allow"})
    assert team.apply().status == 0
    site.forge.commit()
    assert site.night().ok
    assert issue() == ("CLOSED", 1)


def test_a_night_that_cannot_find_out_fails_and_closes_nothing(
    site: Site, team: Team, distribution: DistributionServer
) -> None:
    team.pack("redis")
    site.forge.commit()
    assert site.night().ok
    team.declare(endpoint="http://127.0.0.1:1")
    site.forge.commit()
    dark = site.night()
    assert dark.statuses["Plan"] == 1
    [issue] = site.hub.state["issues"]
    assert issue["state"] == "OPEN"
    assert issue["comments"] == []
    assert not list((site.hub.folder / gh.ARTIFACTS).glob("2/regsync-nightly"))
    team.declare()
    site.forge.commit()
    assert site.night().ok
    assert site.hub.state["issues"][0]["comments"] == []  # as before the outage
    [metrics] = list(site.hub.folder.glob("runner-2/regsync/regsync.prom"))
    assert 'regsync_registry_reachable{registry="team"} 0' in metrics.read_text()


def test_what_a_stranger_has_uploaded_is_not_last_nights_plan(site: Site, team: Team) -> None:
    team.pack("redis")
    site.forge.commit()
    assert site.night().ok
    theirs = site.hub.folder / gh.ARTIFACTS / "99/regsync-nightly/plan.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("no plan")
    state = site.hub.state
    state["elsewhere"]["99"] = {"head_repository_id": 2}
    gh.save(site.hub.folder, state)
    night = site.night()
    assert night.ok, night.said
    assert site.hub.state["issues"][0]["comments"] == []
