"""A plan as a JSON document and back: the form of saved plans and of JSON reports. Knows no files and no clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from regsync import __version__
from regsync.model.content import CONTENT_ALGORITHM, FileEntry
from regsync.model.decode import ACTIONS, decode_plan, optional
from regsync.model.diagnostic import Origin
from regsync.model.errors import Refused
from regsync.model.parity import Parity, parity
from regsync.model.plan import Action, Cause, Change, Copy, Plan, PlanRequest, Source
from regsync.model.settings import Json

FORMAT_VERSION = "1.0"
"""Readers ignore keys that they do not know and refuse a major version that they do not know."""

_ENVELOPE = (
    "format_version",
    "regsync_version",
    "timestamp",
    "plan_id",
    "fingerprint",
    "run",
    "resource_drift",
)
"""Keys that do not count in the fingerprint: when and how the plan was made, and what follows from the rest."""


def plan_to_json(plan: Plan, *, timestamp: str) -> dict[str, Json]:
    """A plan in the shape of Terraform's JSON plans, as `schemas/plan.schema.json` describes it.

    `timestamp` is an RFC 3339 time. It and the program's version do not count in the fingerprint.
    """
    document = _encode_plan(plan)
    mark = _fingerprint(document)
    return {
        "format_version": FORMAT_VERSION,
        "regsync_version": __version__,
        "timestamp": timestamp,
        "plan_id": mark[:8],
        "fingerprint": mark,
        **document,
        "resource_drift": [_encode_drift(each) for each in drifted(plan)],
    }


def pieces(document: Mapping[str, Json]) -> Iterator[str]:
    """The text of a JSON document piece by piece: a line per key, and lists of objects a line per object."""
    for number, (key, value) in enumerate(document.items()):
        yield f"{',' if number else '{'}\n {json.dumps(key)}: "
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for index, each in enumerate(value):
                yield f"{',' if index else '['}\n  {json.dumps(each)}"
            yield "\n ]"
        else:
            yield json.dumps(value)
    yield "\n}\n"


def drifted(plan: Plan) -> list[Change]:
    """What somebody's hand has changed, alone or beside the manifest."""
    return [
        each
        for each in plan.changes
        if each.action is not Action.NO_OP and each.cause in (Cause.DRIFT, Cause.BOTH)
    ]


def change_fingerprint(change: Change) -> str:
    """64 hex digits that stay the same from run to run as long as the same is to be done about the same object for the
    same reason, so that one drift is one issue and not one a night. What is live now does not count."""
    return digest_of(str(change.address), change.reason.value, change.after)


def digest_of(*facts: object) -> str:
    """The sha256 of facts in their order, in hex."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=dict).encode()).hexdigest()


def plan_counts(plan: Plan) -> dict[str, int]:
    """The counts of a plan by the names that all documents give them."""
    summary = plan.summary
    return {
        "add": summary.add,
        "change": summary.change,
        "delete": summary.delete,
        "blocked": summary.blocked,
        "unchanged": summary.unchanged,
        "unmanaged": summary.unmanaged,
        "not_compared": summary.unreadable,
        "outside_selection": plan.outside,
    }


def fingerprint(plan: Plan) -> str:
    """64 hex digits that are equal for equal plans, whoever made them and when. The plan id is the first eight."""
    return _fingerprint(_encode_plan(plan))


def plan_from_json(document: object) -> Plan:
    """The plan that `plan_to_json` wrote.

    Raises Refused for what is no plan, for an unknown format or content algorithm, and for a plan that was altered.
    """
    if not isinstance(document, dict) or "resource_changes" not in document or "fingerprint" not in document:
        raise Refused("this is not a plan of regsync", hint="save one with `regsync plan --out FILE`")
    written_by = f"it was written by regsync {document.get('regsync_version')}; use that one, or plan again"
    found = str(document.get("format_version"))
    if found.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise Refused(
            f"the plan has format {found}, and this regsync reads {FORMAT_VERSION}", hint=written_by
        )
    algorithm = document.get("content_algorithm")
    if algorithm != CONTENT_ALGORITHM:
        raise Refused(
            f"the plan tells contents apart by {algorithm}, and this regsync by {CONTENT_ALGORITHM}",
            hint=written_by,
        )
    content = {key: value for key, value in document.items() if key not in _ENVELOPE}
    if _fingerprint(content) != document["fingerprint"]:
        raise Refused(
            "the plan was altered after it was saved: its fingerprint does not fit", hint="plan again"
        )
    try:
        return decode_plan(content)
    except (KeyError, TypeError, ValueError) as broken:
        raise Refused(f"the plan cannot be read: {broken}", hint=written_by) from broken


def _fingerprint(document: Mapping[str, Json]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode_plan(plan: Plan) -> dict[str, Json]:
    return {
        "content_algorithm": CONTENT_ALGORITHM,
        "request": _encode_request(plan.request),
        "registries": [
            {
                "name": each.name,
                "type": each.type,
                "endpoint": each.endpoint,
                "region": each.region,
                "default_region": each.default_region,
            }
            for each in plan.registries
        ],
        "resource_changes": [_encode_change(change) for change in plan.changes],
        "parity": [_encode_parity(each) for each in parity(plan)],
        "guards": [
            {
                "name": guard.name,
                "registry": guard.registry,
                "ok": guard.ok,
                "text": guard.text,
                "override": guard.override,
                "origin": optional(guard.origin, _encode_origin),
            }
            for guard in plan.guards
        ],
        "unreadable": [
            {
                "address": each.address,
                "registry": each.registry,
                "scope": each.scope.value,
                "path": each.path,
                "tag": each.tag,
                "reason": each.reason,
                "hint": each.hint,
            }
            for each in plan.unreadable
        ],
        "notes": list(plan.notes),
        "manifest_files": plan.manifest_files,
        "summary": {**plan_counts(plan)},
        "errored": plan.errored,
        "complete": not plan.errored and not plan.outside,
        "applyable": plan.has_changes and not plan.refused,
        **({"base": {"ref": plan.base.ref, "commit": plan.base.commit}} if plan.base else {}),
    }


def _encode_request(request: PlanRequest) -> Json:
    overrides = request.overrides
    return {
        "paths": list(request.paths),
        "selection": {
            "targets": list(request.selection.targets),
            "excludes": list(request.selection.excludes),
        },
        "overrides": {
            "max_deletes": overrides.max_deletes,
            "max_delete_share": overrides.max_delete_share,
            "allow_empty": list(overrides.allow_empty),
            "unprotect": list(overrides.unprotect),
            "adopt": list(overrides.adopt),
            "send_secrets": list(overrides.send_secrets),
        },
        "variables": dict(request.variables),
    }


def _encode_change(change: Change) -> Json:
    return {
        "address": str(change.address),
        "type": change.type.value,
        "change": {
            "actions": list(ACTIONS[change.action]),
            "before": None if change.before is None else dict(change.before),
            "after": None if change.after is None else dict(change.after),
        },
        "wanted": None if change.wanted is None else list(ACTIONS[change.wanted]),
        "cause": change.cause.value,
        "reason": change.reason.value,
        "why": change.why,
        "origin": optional(change.origin, _encode_origin),
        "binding": dict(change.binding),
        "source": optional(change.source, _encode_source),
        "copy": optional(change.copy, _encode_copy),
        "diffs": [
            {
                "path": diff.path,
                "status": diff.status.value,
                "before": optional(diff.before, _encode_file),
                "after": optional(diff.after, _encode_file),
                "lines": list(diff.lines),
                "note": diff.note,
            }
            for diff in change.diffs
        ],
        "notes": list(change.notes),
        "help": change.help,
    }


def _encode_drift(change: Change) -> Json:
    return {
        "address": str(change.address),
        "type": change.type.value,
        "cause": change.cause.value,
        "reason": change.reason.value,
        "why": change.why,
        "fingerprint": change_fingerprint(change),
    }


def _encode_parity(table: Parity) -> Json:
    return {
        "registry": table.registry,
        "regions": list(table.regions),
        "artifacts": [
            {
                "artifact": row.artifact,
                "standings": {region: standing.value for region, standing in row.standings.items()},
            }
            for row in table.rows
        ],
    }


def _encode_origin(origin: Origin) -> Json:
    return {"file": origin.file, "line": origin.line, "column": origin.column}


def _encode_source(source: Source) -> Json:
    return {"shown": source.shown, "files": source.files, "size": source.size}


def _encode_copy(copy: Copy) -> Json:
    return {"address": str(copy.address), "digest": copy.digest, "replicated": copy.replicated}


def _encode_file(entry: FileEntry) -> Json:
    return {
        "path": entry.path,
        "sha256": entry.sha256,
        "size": entry.size,
        "executable": entry.executable,
    }
