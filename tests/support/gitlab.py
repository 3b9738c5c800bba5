"""Stands in for GitLab: its API on loopback, as far as the example asks it, and a runner of jobs by their own shell lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.loopback import Handler, LoopbackServer
from tests.support.workflows import Ended, shell, stand_ins

PROJECT = "42"
TOKEN = "a-token"


class GitLab(LoopbackServer):
    """The project 42. Every job that is run belongs to a pipeline of its own."""

    def __init__(self, folder: Path, file: Path, **variables: str) -> None:
        super().__init__()
        self.folder = folder
        self.requests: dict[int, dict[str, Any]] = {}
        """Merge requests by number, each with its `pipelines`, newest first."""
        self._jobs = YAML(typ="safe").load(file)
        self._programs = stand_ins(folder / "bin")
        self._variables = variables

    def run(self, name: str, checkout: Path, **variables: str) -> Ended:
        """Run a job in a checkout, with its cache; what it keeps is under `artifacts` of its pipeline."""
        job = self._jobs[name]
        cached = [Path(each) for each in job.get("cache", {}).get("paths", [])]
        for each in cached:
            if (self.folder / "cache" / each).is_dir():
                shutil.copytree(self.folder / "cache" / each, checkout / each)
        ours = {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": PROJECT,
            "REGSYNC_READ_TOKEN": TOKEN,
        }
        done = shell(
            ["bash", "-eo", "pipefail"],
            "\n".join(job["script"]),
            cwd=checkout,
            programs=self._programs,
            variables={**self._variables, **variables, **ours},
        )
        for each in cached:
            shutil.copytree(checkout / each, self.folder / "cache" / each, dirs_exist_ok=True)
        allowed = job.get("allow_failure", {}).get("exit_codes", [])
        ok = done.returncode == 0 or done.returncode in allowed
        return Ended(ok, done.stdout, {name: done.returncode})

    def keep(self, number: int, pipeline: int, checkout: Path, *, ok: bool) -> None:
        """Let a merge request have a pipeline whose artifacts are what a job left in its checkout."""
        for each in self._jobs["regsync-plan"]["artifacts"]["paths"]:
            to = self.folder / "artifacts" / str(pipeline) / each
            if (checkout / each).is_file():
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(checkout / each, to)
        entry = {"id": pipeline, "project_id": int(PROJECT), "status": "success" if ok else "failed"}
        self.requests[number]["pipelines"].insert(0, entry)

    def handle(self, request: Handler) -> None:
        assert request.command == "GET"
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        path = request.path.partition("?")[0].removeprefix(f"/api/v4/projects/{PROJECT}/").split("/")
        match path:
            case "jobs", job, "artifacts", *file:
                request.answer(200, [], self.folder.joinpath("artifacts", job, *file).read_bytes())
            case _:
                request.answer(
                    200, [("Content-Type", "application/json")], json.dumps(list(self._listed(path))).encode()
                )

    def _listed(self, path: list[str]) -> Iterator[object]:
        match path:
            case "repository", "commits", sha, "merge_requests":
                yield from (
                    {
                        "iid": number,
                        "state": "merged",
                        "merge_commit_sha": each["merged"],
                        "squash_commit_sha": None,
                        "sha": None,
                    }
                    for number, each in self.requests.items()
                    if each["merged"] == sha
                )
            case "merge_requests", number, "pipelines":
                yield from self.requests[int(number)]["pipelines"]
            case "pipelines", pipeline, "jobs":  # one job each, under the number of its pipeline
                yield {"id": int(pipeline), "name": "regsync-plan", "status": "success"}
            case _:
                raise AssertionError(f"nobody has taught this GitLab {path}")
