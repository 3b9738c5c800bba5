"""What a live registry cannot do: blocked or noted in the plan, before anything is written. Knows no vendor."""

from __future__ import annotations

from collections.abc import Iterable

from regsync.model.plan import Action, Change, Reason
from regsync.model.registry import Provider, RegistrySpec
from regsync.model.state import Limits
from regsync.planner.compare import blocked, position
from regsync.planner.regions import is_pushed


def within(change: Change, limits: Limits, spec: RegistrySpec) -> Change:
    """`change`, blocked where the registry has no way to carry it out."""
    why, parts = change.why, change.address.path.count("/") + 1
    if change.action is Action.DELETE and limits.no_deletes:
        advice = limits.no_deletes
        if change.reason is Reason.PRUNE:
            advice += f", or set policy.prune: off {spec.place('policy.prune')}"
        why = f"{why}, but {limits.server} has no way to delete over its registry API"
        return blocked(change, Reason.NOT_OFFERED, why, advice)
    if change.action in (Action.CREATE, Action.UPDATE) and limits.most_parts and parts > limits.most_parts:
        why = f"{why}, but {limits.server} takes no repository name of more than {limits.most_parts} parts"
        return blocked(change, Reason.NOT_OFFERED, why, _shorter(spec))
    return change


def _shorter(spec: RegistrySpec) -> str:
    if spec.provider is Provider.HELM:
        return f"shorten the base content path at {position(spec.at('baseContentPaths'))}"
    return (
        "packs lie three names deep beneath their base content path: "
        f"choose another registry at {position(spec.at('endpoint'))}"
    )


def conditions(changes: Iterable[Change], limits: Limits, spec: RegistrySpec) -> list[str]:
    """Notes on what must hold for the pushes among `changes`."""
    condition = limits.packs if spec.provider is Provider.PACK else limits.charts
    if condition is None or not any(is_pushed(each) for each in changes):
        return []
    return [f"this is {limits.server}: {condition}"]
