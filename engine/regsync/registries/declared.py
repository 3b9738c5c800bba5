"""Repositories and projects as declared: what must hold before their settings are written. Calls nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regsync.model.errors import Conflict
from regsync.model.plan import Change
from regsync.model.settings import Json, canonical, differing, seen


def check_meanwhile(change: Change, live: Mapping[str, Json]) -> None:
    """Raise Conflict unless what somebody created since the plan was made is what `change` would have created."""
    names = differing(change.after or {}, live)
    if names:
        raise Conflict(
            f"{change.address} exists by now, with another {listed(names)} than is wanted",
            hint="plan again to see what somebody created meanwhile",
        )


def outstanding(change: Change, live: Mapping[str, Json]) -> tuple[str, ...]:
    """The settings that still are not as wanted. Raises Conflict where one is not what the plan saw either."""
    wanted, before = change.after or {}, change.before or {}
    names = differing(wanted, live)
    moved = [
        name
        for name in names
        if canonical(name, seen(name, wanted[name], live.get(name))) != canonical(name, before.get(name))
    ]
    if moved:
        raise Conflict(
            f"{change.address} is not what the plan saw: its {listed(moved)} changed",
            hint="plan again to see what was changed meanwhile",
        )
    return names


def listed(names: Sequence[str]) -> str:
    """Names inside a sentence."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
