"""A team's git repository as a forge has it: branches, pull requests, merges, and the checkouts that its CI makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checkout import IDENTITY, git
from tests.support.cli import Ran, regsync
from tests.support.team import Team


class Forge:
    """The repository is the team's folder; every pull request begins where main is."""

    def __init__(self, team: Team, checkouts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in IDENTITY.items():
            monkeypatch.setenv(name, value)
        self.team = team
        self._checkouts = checkouts
        self._git("init", "-q", "-b", "main")
        self.commit()

    def commit(self) -> str:
        """Commit all that the team has written, and return the commit."""
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "Change something")
        return self._git("rev-parse", "HEAD").strip()

    def open_pull_request(self, branch: str) -> None:
        """What the team writes from now on belongs to a new branch."""
        self._git("switch", "-q", "-c", branch, "main")

    def merge(self, branch: str) -> str:
        """Merge a branch into main, and return the commit that main has then."""
        self._git("switch", "-q", "main")
        self._git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        return self._git("rev-parse", "HEAD").strip()

    def check_out(self, branch: str) -> Path:
        """What CI plans: main with a pull request merged into it."""
        checkout = self._clone()
        git(checkout, "merge", "-q", "--no-ff", "-m", "Merge", f"origin/{branch}")
        return checkout

    def check_out_main(self) -> Path:
        """What CI applies."""
        return self._clone()

    def plan(self, branch: str) -> tuple[Ran, Path]:
        """Plan a pull request as CI does, and return the plan file, too."""
        checkout = self.check_out(branch)
        file = checkout / ".git/plan.json"
        return regsync("-C", checkout, "plan", "--base", "origin/main", "--out", file), file

    def apply(self, file: Path) -> Ran:
        """Apply a saved plan to main as CI does."""
        return regsync("-C", self.check_out_main(), "apply", file)

    def _clone(self) -> Path:
        self._checkouts.mkdir(exist_ok=True)
        checkout = self._checkouts / str(len(list(self._checkouts.iterdir())))
        git(self._checkouts, "clone", "-q", "--branch", "main", self.team.root, checkout)
        return checkout

    def _git(self, *arguments: str) -> str:
        return git(self.team.root, *arguments)
