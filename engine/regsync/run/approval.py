"""A saved plan is an approval: which changes of a fresh plan were approved, and what is to be said of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Change, Plan
from regsync.model.reference import Address, is_digest
from regsync.model.settings import Json


@dataclass(frozen=True, slots=True)
class Approved:
    """A fresh plan cut down to what was approved; `results` tell of all that was approved but is so already, and of
    all that would change but was not approved."""

    plan: Plan
    results: tuple[Result, ...]


def approve(approved: Plan, fresh: Plan, *, gone: Callable[[Change], bool]) -> Approved:
    """Match `fresh` against `approved`, change by change.

    A change matches by address, type, action, before, after and binding; never by cause, reason or diff. `gone` tells
    of an approved delete that `fresh` does not name whether the registry was seen to have no such tag.
    """
    expected = {change.address: change for change in approved.changes}
    kept: list[Change] = []
    results: list[Result] = []
    for change in fresh.changes:
        then = expected.pop(change.address, None)
        if then is not None and _same(then, change):
            kept.append(change)
        elif change.action is Action.NO_OP and then is not None and then.action.writes:
            results.append(_already(then, change))
        elif change.action is Action.NO_OP:
            kept.append(change)
        else:
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


def _same(then: Change, now: Change) -> bool:
    return then.type is now.type and then.action is now.action and _terms(then) == _terms(now)


def _terms(change: Change) -> dict[str, object]:
    """What an approval is about, by the words that a refusal uses."""
    before: Mapping[str, Json] = change.before or {}
    after: Mapping[str, Json] = change.after or {}
    return {
        "live digest": before.get("digest", "absent") if change.before is not None else "absent",
        "tags to be removed": before.get("tags") if change.action is Action.DELETE else None,
        "content": after.get("content") if change.after is not None else "absent",
        "title": after.get("title"),
        **{name: change.binding.get(name) for name in sorted(change.binding)},
    }


def _already(then: Change, now: Change) -> Result:
    wanted = (then.after or {}).get("content")
    there = (now.before or {}).get("content")
    if then.binding != now.binding:
        return Result(then, Status.REFUSED, f"not approved: {_differing_terms(then, now)}", _HINT)
    if then.action is Action.DELETE and now.before is not None:
        return Result(then, Status.REFUSED, "its delete was approved, but the manifests want it now", _HINT)
    if wanted == there:
        return Result(then, Status.ALREADY)
    return Result(
        then,
        Status.REFUSED,
        f"not approved: content {_show(wanted)} was approved, {_show(there)} is wanted now and live already",
        _HINT,
    )


def _no_longer(then: Change, fresh: Plan) -> str:
    if all(registry.name != then.address.registry for registry in fresh.registries):
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
        f"{name}: expected {_show(old.get(name))}, found {_show(new.get(name))}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _show(value: object) -> str:
    """A term as a refusal gives it: digests short, since the plan file has them whole."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = "none" if value is None else str(value)
    return text[:19] + "…" if is_digest(text) else text


def _unreadable(address: Address, fresh: Plan) -> bool:
    return any(each.covers(address) for each in fresh.unreadable)
