"""The pipeline for Azure: the shell lines of its stages, run against an Azure DevOps of the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.audit import sound_tags
from tests.support.forge import Forge
from tests.support.loopback import Handler, LoopbackServer
from tests.support.servers import DistributionServer
from tests.support.team import Team
from tests.support.workflows import shell, stand_ins

FILE = Path(__file__).resolve().parents[2] / "examples/ci/azure/azure-pipelines.yml"


class DevOps(LoopbackServer):
    """Knows one pull request, and the builds of it that succeeded."""

    merged = ""
    builds: tuple[int, ...] = ()

    def handle(self, request: Handler) -> None:
        assert request.headers["Authorization"] == "Bearer a-token"
        path = request.path.partition("?")[0]
        match request.command, path:
            case "POST", "/team/project/_apis/git/repositories/repository/pullrequestquery":
                [query] = json.loads(b"".join(request.body()))["queries"]
                assert query["type"] == "lastMergeCommit"
                pull = {
                    "pullRequestId": 7,
                    "status": "completed",
                    "lastMergeSourceCommit": {"commitId": "head"},
                }
                found = {self.merged: [pull]} if query["items"] == [self.merged] else {}
                answer: dict[str, Any] = {"results": [found]}
            case "GET", "/team/project/_apis/build/builds":
                assert "branchName=refs/pull/7/merge" in request.path
                answer = {"value": [{"id": each} for each in self.builds]}
            case asked:
                raise AssertionError(f"nobody has taught this Azure {asked}")
        request.answer(200, [], json.dumps(answer).encode())


@pytest.fixture
def devops() -> Iterator[DevOps]:
    with DevOps() as devops:
        yield devops


class Agent:
    """Runs the steps of the pipeline that are shell lines."""

    def __init__(self, folder: Path, devops: DevOps) -> None:
        self.temp = folder / "temp"
        self.staging = folder / "staging"
        for each in (self.temp, self.staging):
            each.mkdir()
        self._programs = stand_ins(folder / "bin")
        self._variables = {
            "TF_BUILD": "True",
            "REGSYNC_PACKAGE": "regsync",
            "REGSYNC_ALLOW_HOSTS": "127.0.0.1",
            "AGENT_TEMPDIRECTORY": str(self.temp),
            "BUILD_ARTIFACTSTAGINGDIRECTORY": str(self.staging),
            "BUILD_REPOSITORY_ID": "repository",
            "SYSTEM_ACCESSTOKEN": "a-token",
            "SYSTEM_COLLECTIONURI": f"{devops.url}/team/",
            "SYSTEM_DEFINITIONID": "3",
            "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
            "SYSTEM_TEAMPROJECTID": "project",
        }
        stages = YAML(typ="safe").load(FILE)["stages"]
        self._steps = {each["stage"]: list(_steps(each["jobs"][0])) for each in stages}

    def run(self, stage: str, name: str, checkout: Path, **variables: str) -> CompletedProcess[str]:
        [step] = [each for each in self._steps[stage] if each.get("displayName") == name]
        variables = {**self._variables, **variables}
        return shell(["bash"], step["bash"], cwd=checkout, programs=self._programs, variables=variables)


def _steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = (
        job["strategy"]["runOnce"]["deploy"]["steps"] if "strategy" in job else job["steps"]
    )
    return steps


@pytest.fixture
def agent(tmp_path: Path, devops: DevOps) -> Agent:
    folder = tmp_path / "agent"
    folder.mkdir()
    return Agent(folder, devops)


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    return Team(tmp_path / "team", distribution.url, unique_path)


@pytest.fixture
def forge(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    return Forge(team, tmp_path / "checkouts", monkeypatch)


def test_what_was_approved_is_applied_and_nothing_else(
    team: Team, forge: Forge, devops: DevOps, agent: Agent, distribution: DistributionServer
) -> None:
    forge.open_pull_request("nginx")
    team.pack("nginx")
    forge.commit()
    planned = agent.run("plan", "Plan", forge.check_out("nginx"))
    assert planned.returncode == 0, planned.stdout
    assert "##vso[task.uploadsummary]" in planned.stdout
    devops.merged = forge.merge("nginx")
    team.pack("redis")
    later = forge.commit()

    unplanned = agent.run(
        "apply", "Find the plan that was approved", team.root, BUILD_SOURCEVERSION=devops.merged
    )
    assert (unplanned.returncode, "without a successful plan" in unplanned.stdout) == (4, True)
    devops.builds = (12,)
    pushed = agent.run("apply", "Find the plan that was approved", team.root, BUILD_SOURCEVERSION=later)
    assert (pushed.returncode, "merged by no pull request" in pushed.stdout) == (4, True)
    found = agent.run(
        "apply", "Find the plan that was approved", team.root, BUILD_SOURCEVERSION=devops.merged
    )
    assert re.findall(r"variable=(\w+)\](\w+)", found.stdout) == [("planBuild", "12"), ("planCommit", "head")]

    (agent.staging / "plan").rename(agent.temp / "approved")  # what DownloadPipelineArtifact does
    applied = agent.run("apply", "Apply", forge.check_out_main())
    assert applied.returncode == 4
    assert "Open a new pull request" in applied.stdout
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx")


def test_a_night_warns_of_what_differs(team: Team, forge: Forge, agent: Agent) -> None:
    team.pack("nginx")
    forge.commit()
    first = agent.run("nightly", "Plan", forge.check_out_main())
    assert first.returncode == 0
    assert "result=SucceededWithIssues" in first.stdout
    (agent.staging / "nightly").rename(agent.temp / "last")
    second = agent.run("nightly", "Plan", forge.check_out_main())
    assert "Since then: 0 new, 0 altered, 0 resolved." in second.stdout
    assert "addbuildtag]regsync-nightly" in second.stdout

    team.declare(endpoint="http://127.0.0.1:1")
    forge.commit()
    dark = agent.run("nightly", "Plan", forge.check_out_main())
    assert dark.returncode == 1
    assert "addbuildtag" not in dark.stdout  # and so no plan for tomorrow
    assert "Since then" not in dark.stdout


def test_what_a_hand_blocks_does_not_hold_up_others(
    team: Team, forge: Forge, agent: Agent, distribution: DistributionServer, tmp_path: Path
) -> None:
    team.pack("kafka")
    forge.commit()
    hand = Team(tmp_path / "hand", distribution.url, team.base)
    hand.pack("kafka", values="by: hand\n")
    assert hand.apply().status == 0
    forge.open_pull_request("nginx")
    team.pack("nginx")
    forge.commit()
    planned = agent.run("plan", "Plan", forge.check_out("nginx"))
    assert planned.returncode == 0, planned.stdout
    assert "type=warning]What is blocked here was not caused by this pull request" in planned.stdout
    team.pack("kafka", values="replicas: 3\n")
    forge.commit()
    assert agent.run("plan", "Plan", forge.check_out("nginx")).returncode == 4
