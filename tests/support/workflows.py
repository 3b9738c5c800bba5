"""Runs the jobs of a GitHub workflow: its own shell lines by bash, with stand-ins for actions, for `pip` and for `gh`.

Knows as much of expressions as the examples use; what it does not know is an error, never an empty text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support import gh
from tests.support.servers import tool

EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
COMPARISON = re.compile(r"(\S+) (==|!=) (\S+)")
ENGINE = Path(__file__).resolve().parents[2] / "engine"


def stand_ins(folder: Path) -> Path:
    """Make a folder for PATH: regsync as it is here, `pip`, which installs nothing, and the stand-in for `gh`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in {
        "regsync": f'exec "{sys.executable}" -m regsync "$@"',
        "gh": f'exec "{sys.executable}" -m tests.support.gh "$@"',
        "pip": '[ "$1" = install ] && [ -n "$2" ]',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{command}\n")
        (folder / name).chmod(0o755)
    for name in ("jq", "git", "curl"):
        tool(name)
    return folder


def shell(
    command: Sequence[str], script: str, *, cwd: Path, programs: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the shell lines of a CI system with the stand-ins in `programs`; stdout has stderr in it."""
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    python = os.pathsep.join([str(ENGINE), str(ENGINE.parent)])
    return subprocess.run(
        [*command, "-c", script],
        cwd=cwd,
        env={**os.environ, "PATH": path, "PYTHONPATH": python, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )


@dataclass
class Ended:
    """How a job went: whether all steps did, and what they printed."""

    ok: bool = True
    said: str = ""
    statuses: dict[str, int] = field(default_factory=dict)


class Hub:
    """GitHub as far as the workflows know it. Its state lies in a folder, where the stand-in for `gh` finds it."""

    def __init__(self, folder: Path, workflows: Path, values: Mapping[str, str]) -> None:
        folder.mkdir()
        self.folder = folder
        self._workflows = workflows
        self._values = {
            "github.token": "a-token",
            "github.repository": gh.REPOSITORY,
            "vars.REGSYNC_PACKAGE": "regsync",
            "vars.AWS_ROLE": "",
            "vars.PUSHGATEWAY_URL": "",
            **values,
        }
        self._programs = stand_ins(folder / "bin")
        self._runs = 0

    @property
    def state(self) -> dict[str, Any]:
        return gh.load(self.folder)

    def comments(self, number: int) -> list[str]:
        return [each["body"] for each in self.state["comments"].get(str(number), [])]

    def add(self, what: str, **entry: Any) -> None:
        """Let GitHub know of a pull request (`pulls`) or a run (`runs`)."""
        state = self.state
        state[what].append(entry)
        gh.save(self.folder, state)

    def run(self, file: str, name: str, checkout: Path, values: Mapping[str, str], **variables: str) -> Ended:
        """Run the job `name` of a workflow in a checkout; `values` are those of its expressions."""
        self._runs += 1
        workflow = YAML(typ="safe").load(self._workflows / file)
        job = workflow["jobs"][name]
        scratch = self.folder / f"runner-{self._runs}"
        scratch.mkdir()
        known = {**self._values, **values, "runner.temp": str(scratch)}
        shared = {
            "RUNNER_TEMP": str(scratch),
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": gh.REPOSITORY,
            "GITHUB_REPOSITORY_ID": "1",
            "GITHUB_STEP_SUMMARY": str(scratch / "summary.md"),
            "GH_STAND_IN": str(self.folder),
            **variables,
        }
        if not _holds(job.get("if", ""), known):
            return Ended(ok=False, said="skipped")
        ended = Ended()
        for step in job["steps"]:
            condition = step.get("if", "")
            runs = (ended.ok or "cancelled()" in condition) and _holds(condition, known)
            ok = not runs or self._step(step, checkout, known, {**workflow["env"], **shared}, ended)
            if "id" in step:
                known[f"steps.{step['id']}.outcome"] = ("success" if ok else "failure") if runs else "skipped"
            ended.ok = ended.ok and (ok or step.get("continue-on-error", False))
        return ended

    def _step(
        self,
        step: dict[str, Any],
        checkout: Path,
        known: dict[str, str],
        variables: dict[str, str],
        ended: Ended,
    ) -> bool:
        if "uses" in step:
            return self._action(step, known)
        outputs = Path(known["runner.temp"]) / "outputs"
        outputs.write_text("")
        variables = {**variables, "GITHUB_OUTPUT": str(outputs), **step.get("env", {})}
        done = shell(
            ["bash", "-e"],
            step["run"],
            cwd=checkout,
            programs=self._programs,
            variables={name: _filled(text, known) for name, text in variables.items()},
        )
        ended.said += done.stdout
        ended.statuses[step["name"]] = done.returncode
        for line in outputs.read_text().splitlines():
            name, _, value = line.partition("=")
            known[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode == 0

    def _action(self, step: dict[str, Any], known: dict[str, str]) -> bool:
        """Keep what is uploaded. Checkouts, interpreters, clouds and code scanning are there without their actions."""
        action = step["uses"].partition("@")[0]
        if action != "actions/upload-artifact":
            return action in {"actions/checkout", "actions/setup-python", "github/codeql-action/upload-sarif"}
        given = {name: _filled(str(value), known) for name, value in step["with"].items()}
        file = Path(given["path"])
        if not file.is_file():
            return given["if-no-files-found"] == "ignore"
        to = self.folder / gh.ARTIFACTS / str(self._runs) / given["name"]
        to.mkdir(parents=True)
        shutil.copy(file, to)
        return True


def _filled(text: str, known: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: known[found[1]], text)


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    """Whether a condition is met that says `A == B && C != 'text'`."""
    for part in condition.removeprefix("${{").removesuffix("}}").split("&&"):
        if part.strip() in {"", "!cancelled()"}:
            continue
        found = COMPARISON.fullmatch(part.strip())
        assert found, f"no such condition is known here: {part}"
        left, right = (each.strip("'") if each.startswith("'") else known[each] for each in found.group(1, 3))
        if (left == right) is (found[2] == "!="):
            return False
    return True
