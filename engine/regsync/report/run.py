"""What a report tells of: one run of the program, however it ended. Knows no format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import RegsyncError
from regsync.model.outcome import Outcome
from regsync.model.plan import Plan
from regsync.report.since import Since


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What a CI system says of the run: commit, URL of the run, what started it (`pull_request`, `schedule`). Empty where
    it is not known."""

    commit: str = ""
    url: str = ""
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `validate`, `plan`, `apply` or `show`.

    `plan` is None where there is none, `outcome` where nothing was applied; `diagnostics` are of the manifests, packs
    and charts; `error` is what kept the run from going on. `requests` were sent, by live registry. `status` is the exit
    status. `seconds` is how long it took, `started` has a zone. `subject` is what tells it from other runs on the same
    commit and is known before anything is read: the folder it works in, paths, selection. Empty where nobody asks.
    """

    command: str
    started: datetime
    seconds: float = 0.0
    status: int = 0
    plan: Plan | None = None
    outcome: Outcome | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    error: RegsyncError | None = None
    requests: Mapping[str, int] = field(default_factory=dict)
    surrounding: Surrounding = field(default_factory=Surrounding)
    subject: tuple[str, ...] = ()
    since: Since | None = None
    """What `show --compare` found. The plan is the newer one then."""
    folder: str = ""
    """The directory that all paths are relative to, seen from the one where the program was started; empty where they
    are the same."""
