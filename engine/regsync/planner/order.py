"""In which order changes are carried out, and what a failure holds back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from regsync.model.outcome import Result
from regsync.model.plan import Action, Change, Plan, ResourceType


@dataclass(frozen=True, slots=True)
class Stage:
    """Changes that may run side by side once the stage before has ended."""

    name: str
    changes: tuple[Change, ...]


def stages(plan: Plan) -> tuple[Stage, ...]:
    """Containers first, then what goes into them, deletes last; empty stages are left out."""
    names = ("prepare", "push", "delete")
    sorted_in: dict[str, list[Change]] = {name: [] for name in names}
    for change in plan.changes:
        if change.action is Action.DELETE:
            sorted_in["delete"].append(change)
        elif change.action.writes:
            sorted_in["prepare" if change.type is ResourceType.REPOSITORY else "push"].append(change)
    return tuple(Stage(name, tuple(sorted_in[name])) for name in names if sorted_in[name])


def held_back_by(change: Change, undone: Iterable[Result]) -> Result | None:
    """What `change` depends on and what did not come about: for a delete all that was to be created or updated in its
    live registry, for an artifact its own repository."""
    for result in undone:
        other = result.change
        if other.address.registry != change.address.registry:
            continue
        if change.action is Action.DELETE and Action.DELETE not in (other.action, other.wanted):
            return result
        if other.type is ResourceType.REPOSITORY and other.address.path == change.address.path:
            return result
    return None
