"""What becomes of an object, in a word: before, meanwhile and afterwards."""

from __future__ import annotations

from regsync.model.outcome import Result
from regsync.model.plan import Action, Change, ResourceType

_DOING = {
    Action.CREATE: "creating",
    Action.UPDATE: "updating",
    Action.REPLACE: "replacing",
    Action.DELETE: "deleting",
}
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
}


def planned(change: Change) -> str:
    """`create`, `sync`, `no-op`; `blocked` where it is held back."""
    return change.action.value if change.action is Action.BLOCKED else attempted(change)


def attempted(change: Change) -> str:
    """The same, but of a blocked change what is held back."""
    action = change.wanted or change.action
    return "sync" if _is_sync(change, action) else action.value


def doing(change: Change) -> str:
    """`creating`, `synchronizing`."""
    return "synchronizing" if _is_sync(change, change.action) else _DOING[change.action]


def to_be_done(change: Change) -> str:
    """`created`, `synchronized`, of what is still to come."""
    return "synchronized" if _is_sync(change, change.action) else _DONE[change.action]


def done(result: Result) -> tuple[str, str]:
    """`created`, `synchronized`, and what else came about, if anything ("12 listed")."""
    if result.change.type is ResourceType.SYNC and result.detail:
        word, _, more = result.detail.partition(", ")  # nobody waited for one that was "started"
        return word, more
    return _DONE[result.change.action], ""


def _is_sync(change: Change, action: Action) -> bool:
    return change.type is ResourceType.SYNC and action is Action.UPDATE
