"""Who caused each change: the plan that the merge base asks for, held against the one that the manifests ask for now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from regsync.model.plan import Action, Cause, Change, Plan, ResourceType
from regsync.model.settings import Json, canonical

_ACCESS = frozenset({"apiKey", "auth", "connectTo", "palette tls", "tls"})
"""How a live registry or Palette is reached. All else in a binding says which one it is."""

_OF_ARTIFACTS = ("content", "title")
"""What is wanted of an artifact. Owner and digest depend on where its bytes come from."""


def label(plan: Plan, base: Plan | None, blind: Collection[str] = ()) -> Plan:
    """`plan` with the cause of every change.

    `base` is the plan of the merge base against the same live state, None where that asks for nothing that can be
    understood: then no cause is known. What it leaves as it is, or does not speak of, the manifests have changed since; what
    it changes in the same way is drift; what it changes in another way, blocks, or is kept from by a guard on this very object
    that stands no more, is both. Of the live registries in `blind` it is not known what else the merge base wanted there.
    """
    then = {each.address: each for each in base.changes} if base else {}
    freed = _kept(base) - _kept(plan) if base else set()

    def cause(change: Change) -> Cause:
        if base is None:
            return Cause.UNKNOWN
        found = _cause(change, then.get(change.address), blind=change.address.registry in blind)
        return Cause.BOTH if found is Cause.DRIFT and str(change.address) in freed else found

    changes = (
        each if each.action is Action.NO_OP else replace(each, cause=cause(each)) for each in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def _cause(now: Change, then: Change | None, *, blind: bool) -> Cause:
    if then is not None and _place(then) != _place(now):
        return Cause.MANIFEST  # the base speaks of another live registry under this name
    if blind and (then is None or then.after is None or now.type is ResourceType.SYNC):
        return Cause.UNKNOWN
    if then is None or then.action is Action.NO_OP:
        return Cause.MANIFEST
    alike = then.action is now.action and _wanted(then) == _wanted(now)
    return Cause.DRIFT if alike else Cause.BOTH


def _kept(plan: Plan) -> set[str]:
    """The addresses that guards stand for: an override names each one that it would give up."""
    return {word for guard in plan.guards if not guard.ok for word in guard.override.split()}


def _place(change: Change) -> Mapping[str, str]:
    return {name: value for name, value in change.binding.items() if name not in _ACCESS}


def _wanted(change: Change) -> Mapping[str, Json] | None:
    if change.after is None:
        return None
    if change.type is ResourceType.ARTIFACT:
        return {name: change.after.get(name) for name in _OF_ARTIFACTS}
    return {name: canonical(name, value) for name, value in change.after.items()}
