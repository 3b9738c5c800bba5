"""What an apply did, change by change, in the past tense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from regsync.model.plan import Action, Change, Plan


class Status(StrEnum):
    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, because something it needs failed or the run was interrupted."""
    REFUSED = "refused"
    """Not written: blocked, or not what was approved."""
    ALREADY = "already"
    """Approved, and found to be so already."""
    RUNNING = "running"
    """Not ended yet. Stands only in what is known of an apply that was interrupted and has not ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one change ended. `detail` says why, and of a sync that was applied what came about; `sent` is bytes
    uploaded."""

    change: Change
    status: Status
    detail: str | None = None
    hint: str | None = None
    sent: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OutcomeSummary:
    added: int = 0
    changed: int = 0
    deleted: int = 0
    failed: int = 0
    skipped: int = 0
    refused: int = 0
    already: int = 0
    running: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """An apply that has ended, or what is known of one by now. `results` are sorted by address, one per change that was to be made."""

    plan: Plan
    results: tuple[Result, ...]
    seconds: float = 0.0
    signal: int | None = None
    """The signal that interrupted it."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """Requests sent meanwhile, by live registry, repeated ones included."""

    @property
    def sent(self) -> int:
        return sum(result.sent for result in self.results)

    @property
    def summary(self) -> OutcomeSummary:
        def applied(*actions: Action) -> int:
            return sum(
                1 for each in self.results if each.status is Status.APPLIED and each.change.action in actions
            )

        def ended(status: Status) -> int:
            return sum(1 for each in self.results if each.status is status)

        return OutcomeSummary(
            added=applied(Action.CREATE, Action.REPLACE),
            changed=applied(Action.UPDATE),
            deleted=applied(Action.DELETE, Action.REPLACE),
            failed=ended(Status.FAILED),
            skipped=ended(Status.SKIPPED),
            refused=ended(Status.REFUSED),
            already=ended(Status.ALREADY),
            running=ended(Status.RUNNING),
            unchanged=self.plan.summary.unchanged,
        )
