"""Runs as reports are given them: builders with real-looking defaults, and a hypothesis strategy for any of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from regsync.model.diagnostic import Diagnostic, Origin, Related, Severity, Snippet
from regsync.model.errors import RegsyncError, Unreachable, UsageError
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Cause, Guard, Plan, Reason, ResourceType
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.run import Run, Surrounding
from tests.support.diagnostics import FINDINGS
from tests.support.plans import (
    make_change,
    make_plan,
    names,
    origins,
    outcomes,
    plans,
    tuples_of,
    unchanged,
    words,
)

STARTED = datetime(2026, 11, 21, 5, 31, tzinfo=UTC)
ARCHIVE = "harbor-prod/team/spectro-packs/archive"
CREATED = make_change(f"{ARCHIVE}/nginx:1.25.0", cause=Cause.MANIFEST)
DRIFTED = make_change(f"{ARCHIVE}/redis:7.2.1", Action.UPDATE, cause=Cause.DRIFT)
DELETED = make_change(f"{ARCHIVE}/old:0.9.1", Action.DELETE, cause=Cause.MANIFEST)
REPLACED = make_change(f"{ARCHIVE}/argo:6.0.0", Action.REPLACE, cause=Cause.MANIFEST)
BLOCKED = make_change(
    f"{ARCHIVE}/k8s:1.29.1", Action.BLOCKED, help="raise the version at packs/k8s-1.29.1/pack.json:3"
)
PROJECT = make_change(
    "harbor-prod/@project/team",
    Action.UPDATE,
    type=ResourceType.PROJECT,
    cause=Cause.BOTH,
    reason=Reason.SETTINGS_DIFFER,
    why="settings differ",
)
DARK = Unreadable("acr-dev", UnreadableScope.REGISTRY, "connection refused", hint="is it up?")
REFUSING = Guard(
    "deletes", "harbor-prod", False, "deletes 7/5", "--max-deletes 7", Origin("registries/prod.yaml", 9, 3)
)
PLAN = make_plan(
    CREATED,
    DRIFTED,
    DELETED,
    REPLACED,
    BLOCKED,
    PROJECT,
    *unchanged(9),
    guards=(REFUSING, replace(REFUSING, name="share", ok=True)),
    unreadable=(DARK,),
    unmanaged=3,
    not_compared=4,
)


def make_run(plan: Plan | None = PLAN, command: str = "plan", **more: Any) -> Run:
    """Build a run of `command` that made `plan`."""
    return Run(command=command, started=STARTED, plan=plan, **{"seconds": 3.25, "status": 1, **more})


OUTCOME = Outcome(
    PLAN,
    (
        Result(REPLACED, Status.FAILED, "503 after 5 tries", "apply again later", seconds=31.2),
        Result(BLOCKED, Status.REFUSED, "the tag exists with other content"),
        Result(CREATED, Status.APPLIED, sent=412_345, seconds=0.81),
        Result(DELETED, Status.SKIPPED, "argo was not written"),
        Result(DRIFTED, Status.APPLIED, sent=2_000, seconds=0.2),
        Result(PROJECT, Status.REFUSED, "not approved: expected update, found blocked"),
    ),
    seconds=33.1,
    requests={"harbor-prod": 31},
)
APPLIED = make_run(
    command="apply",
    outcome=OUTCOME,
    diagnostics=tuple(FINDINGS.values()),
    requests={"harbor-prod": 31},
    surrounding=Surrounding("abc1234", "https://ci.example.com/1", "schedule"),
)

diagnostics = st.builds(
    Diagnostic,
    code=words,
    severity=st.sampled_from(Severity),
    summary=words,
    origin=st.none() | origins,
    snippet=st.none() | st.builds(Snippet, words, st.integers(1, 99)),
    detail=st.none() | words,
    help=st.none() | words,
    related=tuples_of(st.builds(Related, origins, words), 2),
)
errors: st.SearchStrategy[RegsyncError | None] = st.none() | st.builds(
    lambda kind, message, hint: kind(message, hint=hint),
    st.sampled_from([UsageError, Unreachable]),
    words,
    st.none() | words,
)


def _run(outcome: Outcome | None, plan: Plan | None, **more: Any) -> Run:
    made = outcome.plan if outcome else plan
    return Run("apply" if outcome else "plan", STARTED, plan=made, outcome=outcome, **more)


runs = st.builds(
    _run,
    outcome=st.none() | outcomes,
    plan=st.none() | plans,
    seconds=st.floats(0, 10**6),
    status=st.sampled_from([0, 1, 2, 3, 4, 64, 130]),
    diagnostics=tuples_of(diagnostics, 3),
    error=errors,
    requests=st.dictionaries(names, st.integers(0, 10**6), max_size=2),
    folder=st.sampled_from(["", "infra", "../elsewhere"]),
)
