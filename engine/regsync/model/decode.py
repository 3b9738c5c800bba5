"""A plan read back from its JSON document. Knows what each key must hold; trusts nothing that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Origin
from regsync.model.plan import (
    Action,
    Base,
    Cause,
    Change,
    Copy,
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
from regsync.model.state import Unreadable, UnreadableScope

ACTIONS: Mapping[Action, tuple[str, ...]] = {
    action: ("delete", "create") if action is Action.REPLACE else (action.value,) for action in Action
}

T = TypeVar("T")
U = TypeVar("U")
Object = Mapping[str, Any]
"""A JSON object of a document that somebody else may have written: nothing in it is known to have its type."""


def decode_plan(document: Object) -> Plan:
    """The plan in a document without its envelope. Raises KeyError, TypeError or ValueError where it is none."""
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
        base=optional(document.get("base"), _decode_base),
    )


def _decode_base(document: Object) -> Base:
    return Base(ref=_take(document, "ref", str), commit=_take(document, "commit", str))


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
            send_secrets=_texts(overrides, "send_secrets"),
        ),
        variables=_take(document, "variables", dict),
    )


def _decode_registry(document: Object) -> RegistryView:
    return RegistryView(
        name=_take(document, "name", str),
        type=_take(document, "type", str),
        endpoint=_take(document, "endpoint", str),
        region=_maybe(document, "region", str),
        default_region=_maybe(document, "default_region", str),
    )


def _decode_guard(document: Object) -> Guard:
    return Guard(
        name=_take(document, "name", str),
        registry=_take(document, "registry", str),
        ok=_take(document, "ok", bool),
        text=_take(document, "text", str),
        override=_take(document, "override", str),
        origin=optional(document["origin"], _decode_origin),
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
        origin=optional(document["origin"], _decode_origin),
        before=_maybe(change, "before", dict),
        after=_maybe(change, "after", dict),
        binding={key: _take(document["binding"], key, str) for key in _take(document, "binding", dict)},
        source=optional(document["source"], _decode_source),
        copy=optional(document["copy"], _decode_copy),
        diffs=_each(document, "diffs", _decode_diff),
        notes=_texts(document, "notes"),
        help=_maybe(document, "help", str),
        wanted=None if document["wanted"] is None else _action(_texts(document, "wanted")),
    )


def _action(actions: tuple[str, ...]) -> Action:
    for action, words in ACTIONS.items():
        if words == actions:
            return action
    raise ValueError(f"unknown actions {', '.join(actions)}")


def _decode_diff(document: Object) -> FileDiff:
    return FileDiff(
        path=_take(document, "path", str),
        status=FileStatus(document["status"]),
        before=optional(document["before"], _decode_file),
        after=optional(document["after"], _decode_file),
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


def _decode_copy(document: Object) -> Copy:
    return Copy(
        address=Address.parse(_take(document, "address", str)),
        digest=_maybe(document, "digest", str),
        replicated=_take(document, "replicated", bool),
    )


def _decode_origin(document: Object) -> Origin:
    return Origin(_take(document, "file", str), _take(document, "line", int), _take(document, "column", int))


def optional(value: T | None, convert: Callable[[T], U]) -> U | None:
    """What `convert` makes of `value`, None of None."""
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
