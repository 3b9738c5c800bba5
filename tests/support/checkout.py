"""A project in a real git repository: the branch `main`, a pull request on top of it, and hands that push past both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran
from tests.support.packs import make_pack
from tests.support.project import Project

IDENTITY = {
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git in a folder, and return what it prints."""
    command = ["git", "-c", "protocol.file.allow=always", *(os.fspath(each) for each in arguments)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


class Checkout(Project):
    """A project whose registry is the untracked directory `live`. The project may lie in a folder of the repository."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch, folder: str = "") -> None:
        super().__init__(top / folder)
        for name, value in IDENTITY.items():
            monkeypatch.setenv(name, value)
        self.top = top
        self.root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str | Path) -> str:
        return git(self.top, *arguments)

    def commit(self, message: str = "Change something") -> None:
        """Commit everything but the registry."""
        self.git("add", "-A", "--", ":/", ":!*live")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def values(self, name: str, text: str, version: str = "1.0.0") -> None:
        """Change the values of a pack."""
        (self.root / "packs" / f"{name}-{version}" / "values.yaml").write_text(text)

    def merge(self) -> None:
        """What is here becomes main, is applied, and a pull request begins on top of it."""
        self.commit("Merge")
        assert self.run("apply", "--auto-approve").status == 0
        self.git("switch", "-q", "-c", "pull-request")

    def push_by_hand(self, name: str, values: str, version: str = "1.0.0") -> None:
        """Somebody pushes another pack under the same tag, as the same owner."""
        hand = Project(self.top.parent / "hand")
        shutil.rmtree(hand.root, ignore_errors=True)
        make_pack(hand.root / "packs", name, version, files={"values.yaml": values})
        hand.registry(endpoint=os.fspath(self.root / "live"), policy="{overwrite: allow}")
        assert hand.run("apply", "--auto-approve").status == 0

    def remove_by_hand(self, name: str) -> None:
        """Somebody removes a repository."""
        shutil.rmtree(self.root / "live/team/spectro-packs/archive" / name)

    def causes(self, *options: str, base: str = "main") -> dict[str, str]:
        """`action cause` of each change of a plan, by the name of the pack and its version."""
        ran = self.plan(*options, base=base)
        assert ran.status in (0, 4), ran.err
        changes = self.saved()["resource_changes"]
        return {
            each["address"].rpartition("/")[2]: f"{each['change']['actions'][0]} {each['cause']}"
            for each in changes
            if each["change"]["actions"] != ["no-op"]
        }

    def plan(self, *options: str, base: str = "main") -> Ran:
        return self.run("plan", "--base", base, "--out", self.top.parent / "plan.json", *options)

    def saved(self) -> Any:
        """The plan that was made last, as JSON."""
        return json.loads((self.top.parent / "plan.json").read_text())
