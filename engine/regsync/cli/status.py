"""Exit statuses, each decided in one place from the object that is also printed."""

from __future__ import annotations

from regsync.model.outcome import Outcome, Status
from regsync.model.plan import Action, Plan

OK = 0
FAILED = 1
CHANGES = 2
INVALID = 3
REFUSED = 4
USAGE = 64


def plan_status(plan: Plan, *, detailed: bool) -> int:
    """1 something unreadable · 4 a guard or a blocked change · 2 changes, where `detailed` · 0."""
    if plan.errored:
        return FAILED
    if plan.refused or any(change.action is Action.BLOCKED for change in plan.changes):
        return REFUSED
    return CHANGES if detailed and plan.has_changes else OK


def outcome_status(outcome: Outcome) -> int:
    """130/143 interrupted · 1 failed, skipped or unreadable · 4 something refused · 0."""
    if outcome.signal is not None:
        return 128 + outcome.signal
    ended = {result.status for result in outcome.results}
    if outcome.plan.errored or ended & {Status.FAILED, Status.SKIPPED, Status.RUNNING}:
        return FAILED
    return REFUSED if Status.REFUSED in ended else OK
