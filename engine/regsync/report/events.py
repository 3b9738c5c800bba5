"""A run as a stream of JSON lines, in the shape of Terraform's machine-readable UI.

Knows the records of `schemas/events.schema.json`; neither the stream nor the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from regsync import __version__
from regsync.model.codec import fingerprint, plan_counts
from regsync.model.diagnostic import Diagnostic, Severity
from regsync.model.errors import ManifestInvalid, RegsyncError
from regsync.model.events import (
    Ended,
    Event,
    Finished,
    Found,
    Observing,
    Planned,
    Progressed,
    ReadingFolders,
    Started,
    Stopping,
    Waiting,
)
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Change, Copy, Guard, Plan
from regsync.model.settings import Json
from regsync.model.state import Unreadable
from regsync.report.findings import outcome_headline, plan_headline
from regsync.report.lines import clean, show_bytes
from regsync.report.machine import diagnostic_to_json, error_to_json
from regsync.report.verbs import attempted, planned

UI_VERSION = "1.0"
"""Keys and types of records may be added within a major version."""

Record = dict[str, Json]

_RESULT_TYPE = {
    Status.APPLIED: "apply_complete",
    Status.FAILED: "apply_errored",
    Status.SKIPPED: "apply_skipped",
    Status.REFUSED: "apply_refused",
    Status.ALREADY: "apply_already",
}
_RESULT_LEVEL = {Status.FAILED: "error", Status.SKIPPED: "warn", Status.REFUSED: "error"}


def version_record(timestamp: str) -> Record:
    """The first line of every event stream."""
    return _record(timestamp, "version", f"regsync {__version__}", {"regsync": __version__, "ui": UI_VERSION})


def event_records(event: Event, timestamp: str) -> list[Record]:
    """The lines of the event stream that tell of `event`, at an RFC 3339 time; a plan takes a line per change."""
    match event:
        case ReadingFolders(done, total):
            return [
                _record(timestamp, "read_progress", f"Read {done} of {total} folders", _progress(done, total))
            ]
        case Observing(done, total, waiting):
            told: Record = {**_progress(done, total), "waiting": list(waiting)}
            return [_record(timestamp, "observe_progress", f"Observed {done} of {total}", told)]
        case Found(diagnostic):
            return [_diagnostic_record(diagnostic, timestamp)]
        case Planned(plan, requests):
            return _plan_records(plan, requests, timestamp)
        case Started(change):
            return [_hook(timestamp, "apply_start", change, f"{attempted(change)} started")]
        case Progressed(change, sent, total):
            message = f"{show_bytes(sent)} of {show_bytes(total)} sent"
            return [_hook(timestamp, "apply_progress", change, message, sent_bytes=sent, total_bytes=total)]
        case Waiting(change, text):
            return [_hook(timestamp, "apply_waiting", change, text, waiting_for=text)]
        case Finished(result):
            return [_result_record(result, timestamp)]
        case Stopping(running):
            message = f"Interrupted: nothing new is started, {running} still running"
            return [_record(timestamp, "stopping", message, {"running": running}, level="warn")]
        case Ended(outcome):
            return [_outcome_record(outcome, timestamp)]


def error_records(error: RegsyncError, timestamp: str) -> list[Record]:
    """Why the run could not go on, so that the stream is JSON to its end, usage errors included."""
    if isinstance(error, ManifestInvalid):
        return [_diagnostic_record(each, timestamp) for each in error.diagnostics]
    return [
        _record(timestamp, "diagnostic", error.message, {"diagnostic": error_to_json(error)}, level="error")
    ]


def _record(timestamp: str, kind: str, message: str, more: Record, *, level: str = "info") -> Record:
    return {
        "@level": level,
        "@message": clean(message),
        "@module": "regsync",
        "@timestamp": timestamp,
        "type": kind,
        **more,
    }


def _progress(done: int, total: int) -> Record:
    return {"done": done, "total": total}


def _diagnostic_record(diagnostic: Diagnostic, timestamp: str) -> Record:
    level = "error" if diagnostic.severity is Severity.ERROR else "warn"
    return _record(
        timestamp,
        "diagnostic",
        diagnostic.summary,
        {"diagnostic": diagnostic_to_json(diagnostic)},
        level=level,
    )


def _plan_records(plan: Plan, requests: Mapping[str, int], timestamp: str) -> list[Record]:
    counts = plan_counts(plan)
    changes: Record = {"operation": "plan", "remove": counts.pop("delete"), **counts}
    return [
        *(_planned_record(each, timestamp) for each in plan.changes if each.action is not Action.NO_OP),
        *(_unreadable_record(each, timestamp) for each in plan.unreadable),
        *(_guard_record(each, timestamp) for each in plan.guards),
        _record(
            timestamp,
            "change_summary",
            plan_headline(plan),
            {"changes": changes, "plan_id": fingerprint(plan)[:8], "requests": dict(requests)},
        ),
    ]


def _planned_record(change: Change, timestamp: str) -> Record:
    told: Record = {
        **_resource(change),
        "cause": change.cause.value,
        "reason": change.reason.value,
        "why": change.why,
        "origin": asdict(change.origin) if change.origin else None,
        "wanted": change.wanted.value if change.wanted else None,
        "copy": _copy(change.copy) if change.copy else None,
        "before": dict(change.before) if change.before is not None else None,
        "after": dict(change.after) if change.after is not None else None,
    }
    message = f"{change.address}: {planned(change)}: {change.why}"
    level = "warn" if change.action is Action.BLOCKED else "info"
    return _record(timestamp, "planned_change", message, {"change": told}, level=level)


def _copy(copy: Copy) -> Record:
    return {"address": str(copy.address), "digest": copy.digest, "replicated": copy.replicated}


def _unreadable_record(unreadable: Unreadable, timestamp: str) -> Record:
    found: Record = {
        "address": unreadable.address,
        "scope": unreadable.scope.value,
        "reason": unreadable.reason,
        "hint": unreadable.hint,
    }
    message = f"{unreadable.address}: unreadable: {unreadable.reason}"
    return _record(timestamp, "unreadable", message, {"unreadable": found}, level="error")


def _guard_record(guard: Guard, timestamp: str) -> Record:
    judged: Record = {
        "name": guard.name,
        "registry": guard.registry,
        "ok": guard.ok,
        "text": guard.text,
        "override": guard.override,
    }
    message = f"{guard.registry}: {guard.text}: {'ok' if guard.ok else 'refused'}"
    return _record(timestamp, "guard", message, {"guard": judged}, level="info" if guard.ok else "error")


def _resource(change: Change) -> Record:
    return {
        "resource": {"addr": str(change.address), "type": change.type.value},
        "action": change.action.value,
    }


def _hook(
    timestamp: str, kind: str, change: Change, message: str, *, level: str = "info", **more: Json
) -> Record:
    hook: Record = {**_resource(change), **more}
    return _record(timestamp, kind, f"{change.address}: {message}", {"hook": hook}, level=level)


def _result_record(result: Result, timestamp: str) -> Record:
    return _hook(
        timestamp,
        _RESULT_TYPE[result.status],
        result.change,
        f"{attempted(result.change)} {result.status}" + (f": {result.detail}" if result.detail else ""),
        level=_RESULT_LEVEL.get(result.status, "info"),
        detail=result.detail,
        hint=result.hint,
        sent_bytes=result.sent,
        elapsed_seconds=result.seconds,
    )


def _outcome_record(outcome: Outcome, timestamp: str) -> Record:
    summary = outcome.summary
    changes: Record = {
        "operation": "apply",
        "add": summary.added,
        "change": summary.changed,
        "remove": summary.deleted,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "refused": summary.refused,
        "already": summary.already,
        "unchanged": summary.unchanged,
        "not_compared": outcome.plan.not_compared,
    }
    more: Record = {
        "changes": changes,
        "sent_bytes": outcome.sent,
        "elapsed_seconds": outcome.seconds,
        "signal": outcome.signal,
        "requests": dict(outcome.requests),
    }
    return _record(timestamp, "change_summary", outcome_headline(outcome), more)
