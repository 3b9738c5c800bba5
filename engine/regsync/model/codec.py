"""A plan as a JSON document and back: the form of saved plans and of JSON reports. Knows no files and no clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from regsync import __version__
from regsync.model.content import CONTENT_ALGORITHM, FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Origin
from regsync.model.errors import Refused
from regsync.model.plan import (
    Action,
    Cause,
    Change,
    Guard,
    Overrides,
    Plan,
    PlanRequest,
    Reason,
    RegistryView,
    ResourceType,
    Selection,
    Source,
)
from regsync.model.reference import Address
from regsync.model.settings import Json
from regsync.model.state import Unreadable, UnreadableScope

FORMAT_VERSION = "1.0"
"""Readers ignore keys that they do not know and refuse a major version that they do not know."""

_ENVELOPE = ("format_version", "regsync_version", "timestamp", "plan_id", "fingerprint")
_ACTIONS: Mapping[Action, tuple[str, ...]] = {
    action: ("delete", "create") if action is Action.REPLACE else (action.value,) for action in Action
}

T = TypeVar("T")
U = TypeVar("U")
Object = Mapping[str, Any]
"""A JSON object of a document that somebody else may have written: nothing in it is known to have its type."""


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
        return _decode_plan(content)
    except (KeyError, TypeError, ValueError) as broken:
        raise Refused(f"the plan cannot be read: {broken}", hint=written_by) from broken


def _fingerprint(document: Mapping[str, Json]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode_plan(plan: Plan) -> dict[str, Json]:
    summary = plan.summary
    return {
        "content_algorithm": CONTENT_ALGORITHM,
        "request": _encode_request(plan.request),
        "registries": [
            {"name": each.name, "type": each.type, "endpoint": each.endpoint, "region": each.region}
            for each in plan.registries
        ],
        "resource_changes": [_encode_change(change) for change in plan.changes],
        "guards": [
            {
                "name": guard.name,
                "registry": guard.registry,
                "ok": guard.ok,
                "text": guard.text,
                "override": guard.override,
                "origin": _optional(guard.origin, _encode_origin),
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
        "summary": {
            "add": summary.add,
            "change": summary.change,
            "delete": summary.delete,
            "blocked": summary.blocked,
            "unchanged": summary.unchanged,
            "unmanaged": summary.unmanaged,
            "not_compared": summary.unreadable,
            "outside_selection": plan.outside,
        },
        "errored": plan.errored,
        "complete": not plan.errored and not plan.outside,
        "applyable": plan.has_changes and not plan.refused,
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
        },
        "variables": dict(request.variables),
    }


def _encode_change(change: Change) -> Json:
    return {
        "address": str(change.address),
        "type": change.type.value,
        "change": {
            "actions": list(_ACTIONS[change.action]),
            "before": None if change.before is None else dict(change.before),
            "after": None if change.after is None else dict(change.after),
        },
        "wanted": None if change.wanted is None else list(_ACTIONS[change.wanted]),
        "cause": change.cause.value,
        "reason": change.reason.value,
        "why": change.why,
        "origin": _optional(change.origin, _encode_origin),
        "binding": dict(change.binding),
        "source": _optional(change.source, _encode_source),
        "diffs": [
            {
                "path": diff.path,
                "status": diff.status.value,
                "before": _optional(diff.before, _encode_file),
                "after": _optional(diff.after, _encode_file),
                "lines": list(diff.lines),
                "note": diff.note,
            }
            for diff in change.diffs
        ],
        "notes": list(change.notes),
        "help": change.help,
    }


def _encode_origin(origin: Origin) -> Json:
    return {"file": origin.file, "line": origin.line, "column": origin.column}


def _encode_source(source: Source) -> Json:
    return {"shown": source.shown, "files": source.files, "size": source.size}


def _encode_file(entry: FileEntry) -> Json:
    return {
        "path": entry.path,
        "sha256": entry.sha256,
        "size": entry.size,
        "executable": entry.executable,
    }


def _decode_plan(document: Object) -> Plan:
    summary = _take(document, "summary", dict)
    return Plan(
        request=_decode_request(_take(document, "request", dict)),
        registries=_each(document, "registries", _decode_registry),
        changes=_each(document, "resource_changes", _decode_change),
        guards=_each(document, "guards", _decode_guard),
        unreadable=_each(document, "unreadable", _decode_unreadable),
        notes=_texts(document, "notes"),
        unmanaged=_take(summary, "unmanaged", int),
        not_compared=_take(summary, "not_compared", int),
        outside=_take(summary, "outside_selection", int),
        manifest_files=_take(document, "manifest_files", int),
    )


def _decode_request(document: Object) -> PlanRequest:
    selection = _take(document, "selection", dict)
    overrides = _take(document, "overrides", dict)
    return PlanRequest(
        paths=_texts(document, "paths"),
        selection=Selection(_texts(selection, "targets"), _texts(selection, "excludes")),
        overrides=Overrides(
            max_deletes=_maybe(overrides, "max_deletes", int),
            max_delete_share=_maybe(overrides, "max_delete_share", int),
            allow_empty=_texts(overrides, "allow_empty"),
            unprotect=_texts(overrides, "unprotect"),
            adopt=_texts(overrides, "adopt"),
        ),
        variables=_take(document, "variables", dict),
    )


def _decode_registry(document: Object) -> RegistryView:
    return RegistryView(
        name=_take(document, "name", str),
        type=_take(document, "type", str),
        endpoint=_take(document, "endpoint", str),
        region=_maybe(document, "region", str),
    )


def _decode_guard(document: Object) -> Guard:
    return Guard(
        name=_take(document, "name", str),
        registry=_take(document, "registry", str),
        ok=_take(document, "ok", bool),
        text=_take(document, "text", str),
        override=_take(document, "override", str),
        origin=_optional(document["origin"], _decode_origin),
    )


def _decode_unreadable(document: Object) -> Unreadable:
    return Unreadable(
        registry=_take(document, "registry", str),
        scope=UnreadableScope(document["scope"]),
        reason=_take(document, "reason", str),
        path=_take(document, "path", str),
        tag=_maybe(document, "tag", str),
        hint=_maybe(document, "hint", str),
    )


def _decode_change(document: Object) -> Change:
    change = _take(document, "change", dict)
    return Change(
        address=Address.parse(_take(document, "address", str)),
        type=ResourceType(document["type"]),
        action=_action(_texts(change, "actions")),
        cause=Cause(document["cause"]),
        reason=Reason(document["reason"]),
        why=_take(document, "why", str),
        origin=_optional(document["origin"], _decode_origin),
        before=_maybe(change, "before", dict),
        after=_maybe(change, "after", dict),
        binding={key: _take(document["binding"], key, str) for key in _take(document, "binding", dict)},
        source=_optional(document["source"], _decode_source),
        diffs=_each(document, "diffs", _decode_diff),
        notes=_texts(document, "notes"),
        help=_maybe(document, "help", str),
        wanted=None if document["wanted"] is None else _action(_texts(document, "wanted")),
    )


def _action(actions: tuple[str, ...]) -> Action:
    for action, words in _ACTIONS.items():
        if words == actions:
            return action
    raise ValueError(f"unknown actions {', '.join(actions)}")


def _decode_diff(document: Object) -> FileDiff:
    return FileDiff(
        path=_take(document, "path", str),
        status=FileStatus(document["status"]),
        before=_optional(document["before"], _decode_file),
        after=_optional(document["after"], _decode_file),
        lines=_texts(document, "lines"),
        note=_maybe(document, "note", str),
    )


def _decode_file(document: Object) -> FileEntry:
    return FileEntry(
        path=_take(document, "path", str),
        sha256=_take(document, "sha256", str),
        size=_take(document, "size", int),
        executable=_take(document, "executable", bool),
    )


def _decode_source(document: Object) -> Source:
    return Source(_take(document, "shown", str), _take(document, "files", int), _take(document, "size", int))


def _decode_origin(document: Object) -> Origin:
    return Origin(_take(document, "file", str), _take(document, "line", int), _take(document, "column", int))


def _optional(value: T | None, convert: Callable[[T], U]) -> U | None:
    return None if value is None else convert(value)


def _take(document: Object, key: str, kind: type[T]) -> T:
    value = document[key]
    if not isinstance(value, kind):
        raise TypeError(f"`{key}` is not of type {kind.__name__}")
    return value


def _maybe(document: Object, key: str, kind: type[T]) -> T | None:
    return None if document[key] is None else _take(document, key, kind)


def _each(document: Object, key: str, decode: Callable[[Object], T]) -> tuple[T, ...]:
    return tuple(decode(element) for element in _take(document, key, list))


def _texts(document: Object, key: str) -> tuple[str, ...]:
    return tuple(_take({key: element}, key, str) for element in _take(document, key, list))
