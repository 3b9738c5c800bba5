"""A saved plan is an approval: which changes of a fresh plan were approved, and what is to be said of the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Change, Plan, ResourceType
from regsync.model.reference import Address, is_digest
from regsync.model.settings import Json, canonical
from regsync.planner.regions import is_pushed, takes_content

LONGEST_TERM = 60
"""Characters of a setting that a refusal gives."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A fresh plan cut down to what was approved; `results` tell of all that was approved but is so already, and of
    all that would change but was not approved."""

    plan: Plan
    results: tuple[Result, ...]


def approve(approved: Plan, fresh: Plan, *, gone: Callable[[Change], bool]) -> Approved:
    """Match `fresh` against `approved`, change by change.

    A change matches by address, type, action, before, after, binding and the digest of a copy; never by cause, reason or
    diff. `gone` tells of an approved delete that `fresh` does not name whether the registry was seen to have no such
    tag.
    """
    expected = {change.address: change for change in approved.changes}
    kept: list[Change] = []
    results: list[Result] = []
    changes = [_by_the_approved_way(expected.get(each.address), each) for each in fresh.changes]
    brought = _brought(changes)
    for change in changes:
        then = expected.pop(change.address, None)
        if then is not None and _same(then, change):
            kept.append(change)
        elif change.action is Action.NO_OP and then is not None and then.action.writes:
            results.append(_already(then, change))
        elif change.action is Action.NO_OP:
            kept.append(change)
        elif then is not None or change.address not in brought:
            results.append(
                Result(change, Status.REFUSED, f"not approved: {_differences(then, change)}", _HINT)
            )
    results += [
        Result(then, Status.ALREADY)
        if then.action is Action.DELETE and gone(then)
        else Result(then, Status.REFUSED, _no_longer(then, fresh), _HINT)
        for then in expected.values()
        if then.action.writes and not _unreadable(then.address, fresh)
    ]
    return Approved(replace(fresh, changes=tuple(kept)), tuple(results))


_HINT = "make a new plan, have it reviewed, and apply that"


def _by_the_approved_way(then: Change | None, now: Change) -> Change:
    """`now`, coming from its folder or by replication where that was approved, though another region has it by now: a
    partial apply brings that about, and nobody has approved a copy of what is there."""
    if then is None or then.action is not now.action:
        return now
    if now.type is not ResourceType.ARTIFACT:
        return replace(now, copy=then.copy, why=then.why) if then.copy and not now.copy else now
    if now.copy is None or now.copy.replicated:
        return now
    if then.copy and not (then.copy.replicated and then.copy.address == now.copy.address):
        return now
    content = {name: (now.after or {}).get(name) for name in ("content", "title")}
    return replace(
        now, copy=then.copy, source=then.source, why=then.why, after={**(then.after or {}), **content}
    )


def _brought(changes: Sequence[Change]) -> set[Address]:
    """The repositories that come with what is replicated into them; as long as nothing is pushed, none is created."""
    into = {
        pushed: {
            replace(each.address, tag=None)
            for each in changes
            if takes_content(each) and is_pushed(each) is pushed
        }
        for pushed in (True, False)
    }
    return into[False] - into[True]


def _same(then: Change, now: Change) -> bool:
    if then.type is not now.type:
        return False
    if then.type is ResourceType.REPOSITORY and then.copy and now.action is Action.UPDATE:
        # That replication creates it was approved, and that it gets these settings then: only that is left to do.
        return (_wanted(then), then.binding) == (_wanted(now), now.binding)
    return then.action is now.action and _terms(then) == _terms(now)


def _terms(change: Change) -> dict[str, object]:
    """What an approval is about, by the words that a refusal uses."""
    return {**_live(change), **_wanted(change), **_way(change), **change.binding}


def _live(change: Change) -> dict[str, object]:
    if change.type is ResourceType.SYNC:
        return {}  # it is approved as such, whatever Palette did by itself since then
    before: Mapping[str, Json] = change.before or {}
    if change.type is not ResourceType.ARTIFACT:
        return {f"live {name}": canonical(name, value) for name, value in before.items()}
    return {
        "live digest": "absent" if change.before is None else before.get("digest", "absent"),
        "tags to be removed": before.get("tags") if change.action is Action.DELETE else None,
    }


def _wanted(change: Change) -> dict[str, object]:
    if change.type is ResourceType.SYNC:
        return {}
    after: Mapping[str, Json] = change.after or {}
    if change.type is not ResourceType.ARTIFACT:
        return {name: canonical(name, value) for name, value in after.items()}
    return {
        "content": "absent" if change.after is None else after.get("content"),
        "title": after.get("title"),
    }


def _way(change: Change) -> dict[str, object]:
    """How it comes about. A copy is approved with its digest, since it brings whatever stands there; from which region
    those very bytes are taken does not matter."""
    copy = change.copy
    if change.type is not ResourceType.ARTIFACT:
        return {"created by": "replication" if copy else "regsync"}
    if copy is None:
        return {"comes from": "its folder"}
    if copy.replicated:
        return {"comes from": f"{copy.address} by replication"}
    return {"comes from": "another region", "digest to be copied": copy.digest}


def _already(then: Change, now: Change) -> Result:
    if then.binding != now.binding:
        return Result(then, Status.REFUSED, f"not approved: {_differing_terms(then, now)}", _HINT)
    if then.action is Action.DELETE and now.before is not None:
        return Result(then, Status.REFUSED, "its delete was approved, but the manifests want it now", _HINT)
    wanted, there = _wanted(then), _wanted(now)
    others = [name for name in sorted({*wanted, *there}) if wanted.get(name) != there.get(name)]
    if not others:
        return Result(then, Status.ALREADY)
    found = "; ".join(_already_other(name, wanted.get(name), there.get(name)) for name in others)
    return Result(then, Status.REFUSED, f"not approved: {found}", _HINT)


def _already_other(name: str, approved: object, found: object) -> str:
    expected, there = _show(approved), _show(found)
    if expected == there:
        return f"{name}: another document than was approved is wanted now and live already"
    return f"{name} {expected} was approved, {there} is wanted now and live already"


def _no_longer(then: Change, fresh: Plan) -> str:
    declared = {name for each in fresh.registries for name in (each.name, each.name.partition("@")[0])}
    if then.address.registry not in declared:
        return f"approved, but no manifest here declares {then.address.registry}"
    return "approved, but the manifests no longer ask for it"


def _differences(then: Change | None, now: Change) -> str:
    if then is None:
        return f"{now.action} was not in the plan"
    if then.action is Action.NO_OP:
        return f"it was unchanged in the plan, {now.action} now ({now.why})"
    if then.action is not now.action:
        return f"expected {then.action}, found {now.action} ({now.why})"
    return _differing_terms(then, now)


def _differing_terms(then: Change, now: Change) -> str:
    old, new = _terms(then), _terms(now)
    return "; ".join(
        _differing_term(name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _differing_term(name: str, approved: object, found: object) -> str:
    expected, there = _show(approved), _show(found)
    if expected == there:
        return f"{name}: another document than was approved"
    return f"{name}: expected {expected}, found {there}"


def _show(value: object) -> str:
    """A term as a refusal gives it: digests short and long documents not at all, since the plan file has them whole."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value[:19] + "…" if is_digest(value) else value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST_TERM else "a long document"


def _unreadable(address: Address, fresh: Plan) -> bool:
    return any(each.covers(address) for each in fresh.unreadable)
