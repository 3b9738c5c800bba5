"""A run as one JSON document: a plan, an outcome, or findings, each with the run that it is of.

Knows the documents of `schemas/plan.schema.json`, `schemas/outcome.schema.json` and `schemas/diagnostics.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from regsync import __version__
from regsync.model.codec import change_fingerprint, pieces, plan_to_json
from regsync.model.decode import ACTIONS
from regsync.model.errors import ManifestInvalid
from regsync.model.outcome import OutcomeSummary, Result
from regsync.model.settings import Json
from regsync.report.machine import diagnostic_to_json, diagnostics_to_json, error_to_json
from regsync.report.outcome import is_complete
from regsync.report.run import Run
from regsync.report.since import since_to_json

FORMAT_VERSION = "1.0"
"""Of outcomes. Keys may be added within a major version."""

Document = dict[str, Json]


def render_json(run: Run) -> Iterator[str]:
    """The document of a run, piece by piece: of an apply its outcome; of a plan, made or shown, the plan, which can be
    applied as a saved one; of two plans their comparison; where there is none of these, what was found."""
    if run.since is not None:
        return pieces(since_to_json(run.since))
    if run.command == "apply":
        return pieces(_outcome(run))
    if run.plan is not None:
        return pieces({**plan_to_json(run.plan, timestamp=_ended(run)), "run": _run(run)})
    return pieces(_findings(run))


def _run(run: Run) -> Document:
    return {
        "command": run.command,
        "exit_status": run.status,
        "started": _rfc3339(run.started),
        "seconds": round(run.seconds, 3),
        "requests": dict(run.requests),
        "error": None if run.error is None else {"message": run.error.message, "hint": run.error.hint},
        "commit": run.surrounding.commit,
        "url": run.surrounding.url,
        "trigger": run.surrounding.trigger,
    }


def _findings(run: Run) -> Document:
    document = diagnostics_to_json(run.diagnostics)
    if run.error is not None and not isinstance(run.error, ManifestInvalid):
        found = [error_to_json(run.error), *(diagnostic_to_json(each) for each in run.diagnostics)]
        errors = sum(each["severity"] == "error" for each in found)
        document |= {"valid": False, "error_count": errors, "diagnostics": [*found]}
    return {**document, "run": _run(run)}


def _outcome(run: Run) -> Document:
    outcome, plan = run.outcome, run.plan
    planned: Document = {} if plan is None else plan_to_json(plan, timestamp="")
    summary = OutcomeSummary() if outcome is None else outcome.summary
    return {
        "format_version": FORMAT_VERSION,
        "regsync_version": __version__,
        "timestamp": _ended(run),
        "run": _run(run),
        "plan_id": planned.get("plan_id"),
        "plan_fingerprint": planned.get("fingerprint"),
        "planned": planned.get("summary"),
        "summary": {**asdict(summary), "not_compared": 0 if plan is None else plan.not_compared},
        "complete": outcome is not None and is_complete(outcome),
        "signal": None if outcome is None else outcome.signal,
        "sent_bytes": 0 if outcome is None else outcome.sent,
        "results": [] if outcome is None else [_result(each) for each in outcome.results],
        "unreadable": planned.get("unreadable", []),
        "guards": planned.get("guards", []),
        "diagnostics": [diagnostic_to_json(each) for each in run.diagnostics],
    }


def _result(result: Result) -> Document:
    change = result.change
    return {
        "address": str(change.address),
        "type": change.type.value,
        "actions": list(ACTIONS[change.action]),
        "wanted": None if change.wanted is None else list(ACTIONS[change.wanted]),
        "status": result.status.value,
        "detail": result.detail,
        "hint": result.hint,
        "sent_bytes": result.sent,
        "seconds": round(result.seconds, 3),
        "cause": change.cause.value,
        "reason": change.reason.value,
        "why": change.why,
        "origin": None if change.origin is None else asdict(change.origin),
        "fingerprint": change_fingerprint(change),
    }


def _ended(run: Run) -> str:
    return _rfc3339(run.started + timedelta(seconds=run.seconds))


def _rfc3339(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
