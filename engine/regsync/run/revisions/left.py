"""What manifests named at the merge base, name no more, and leave behind in live registries: no change tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from regsync.model.events import Sink
from regsync.model.plan import Plan
from regsync.model.reference import Address
from regsync.model.state import DesiredState
from regsync.registries.base import Registry, Wanted
from regsync.run.observe import read_all

MOST_NAMES = 5
"""How many artifacts are named."""


def left_behind(
    then: DesiredState,
    now: DesiredState,
    plan: Plan,
    registries: Mapping[str, Registry],
    *,
    pool: ThreadPoolExecutor,
    sink: Sink,
) -> list[str]:
    """A note on what `then` named, `now` does not, and `plan` does not delete, as far as it is seen in the live registries
    of the plan."""
    named = {each.address for each in plan.changes}
    for registry in now.registries:
        named |= {each.address for each in registry.artifacts} | {each.address for each in registry.absences}
    looked_at = {each.name for each in plan.registries}
    dropped = [
        one.address
        for each in then.registries
        for one in each.artifacts
        if one.address.registry in looked_at
        and one.address not in named
        and plan.request.selection.includes(one.address)
    ]
    tags: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in sorted(dropped):
        of_registry = tags.setdefault(each.registry, {})
        of_registry[each.path] = (*of_registry.get(each.path, ()), each.tag or "")
    reads = {name: registries[name].reads(Wanted(tags=of_registry)) for name, of_registry in tags.items()}
    there = {address for seen in read_all(reads, pool, sink).values() for address in seen.artifacts}
    return _note(sorted(there & {*dropped}))


def _note(stay: list[Address]) -> list[str]:
    if not stay:
        return []
    shown = ", ".join(map(str, stay[:MOST_NAMES]))
    more = f" and {len(stay) - MOST_NAMES} more" if len(stay) > MOST_NAMES else ""
    verb = "stays" if len(stay) == 1 else "stay"
    return [f"no longer named, and {verb}: {shown}{more} (regsync import --unmanaged prints tombstones)"]
