"""In which order changes are carried out, and what a failure holds back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Change, Plan, ResourceType
from regsync.planner.repositories import holds_nothing_back

_STAGE = {
    ResourceType.PROJECT: "projects",
    ResourceType.REPOSITORY: "prepare",
    ResourceType.ARTIFACT: "push",
    ResourceType.REGISTRATION: "register",
    ResourceType.SYNC: "sync",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Changes that may run side by side once the stage before has ended."""

    name: str
    changes: tuple[Change, ...]


def stages(plan: Plan) -> tuple[Stage, ...]:
    """Projects first, then repositories, then what goes into them, then what replication brings on, then the settings of
    the repositories that came with it, then registrations; then deletes; and last what Palette is to list of it all.
    Empty stages are left out."""
    names = (
        "projects",
        "prepare",
        "push",
        "replicate",
        "settle",
        "register",
        "delete",
        "unregister",
        "sync",
    )
    sorted_in: dict[str, list[Change]] = {name: [] for name in names}
    for change in plan.changes:
        if change.action is Action.DELETE:
            sorted_in["unregister" if change.type is ResourceType.REGISTRATION else "delete"].append(change)
        elif change.copy and change.copy.replicated:
            sorted_in["settle" if change.type is ResourceType.REPOSITORY else "replicate"].append(change)
        elif change.action.writes:
            sorted_in[_STAGE[change.type]].append(change)
    return tuple(Stage(name, tuple(sorted_in[name])) for name in names if sorted_in[name])


def held_back_by(change: Change, undone: Iterable[Result]) -> Result | None:
    """What `change` depends on and what did not come about.

    For what replication brings that is its source, for a delete all that was to be created or pushed in its live
    registry, for that of a registration the other registrations of its document, for a sync see `_keeps_from_sync`, for all else the creation of its repository and project.
    """
    for result in undone:
        other = result.change
        if change.type is ResourceType.SYNC:
            if _keeps_from_sync(change, result):
                return result
            continue
        if change.copy and change.copy.replicated:
            if other.address == change.copy.address:
                return result
            continue
        if other.address.registry != change.address.registry:
            continue
        is_delete = Action.DELETE in (other.action, other.wanted)
        if change.action is Action.DELETE and not is_delete and precedes_delete(other, change):
            return result
        if _creates_container(other) and other.address in change.address.within:
            return result
    return None


def precedes_delete(other: Change, delete: Change) -> bool:
    """Whether `other`, of the same registry, must have come about before anything is deleted."""
    if ResourceType.REGISTRATION in (other.type, delete.type):
        return other.type is delete.type
    return not holds_nothing_back(other)


def _keeps_from_sync(sync: Change, result: Result) -> bool:
    """Whether Palette is better not told to list the content anew: its registration did not come about, something failed
    in the region that it lists, or a tag was not moved in another one, so that regions disagree."""
    other, after = result.change, sync.after or {}
    if other.type is ResourceType.REGISTRATION:
        return other.address.sync == sync.address
    if result.status not in (Status.FAILED, Status.SKIPPED):
        return False
    if other.address.registry == after["registry"]:
        return True
    same_document = other.address.registry.partition("@")[0] == sync.address.registry
    return same_document and other.type is ResourceType.ARTIFACT and other.action is Action.UPDATE


def _creates_container(change: Change) -> bool:
    return change.type is not ResourceType.ARTIFACT and Action.CREATE in (change.action, change.wanted)
