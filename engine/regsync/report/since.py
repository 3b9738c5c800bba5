"""Two plans of the same manifests, made one after the other: what differs now and did not then, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regsync.model.codec import change_fingerprint
from regsync.model.plan import Action, Change, Plan
from regsync.model.reference import Address
from regsync.model.settings import Json
from regsync.report.lines import Line, Style, line, show_count
from regsync.report.plan import MARKER
from regsync.report.table import Row, position, table

FORMAT_VERSION = "1.0"
"""Keys may be added within a major version."""


@dataclass(frozen=True, slots=True)
class Since:
    """What became of each difference between manifests and live registries, by address.

    `new` are there now only, `resolved` were there then only, `altered` are there both times but not the same, `same` are.
    `unknown` were there then, and what became of them cannot be told: that part was not read, or not asked for.
    """

    new: tuple[Change, ...]
    altered: tuple[Change, ...]
    same: tuple[Change, ...]
    resolved: tuple[Change, ...]
    unknown: tuple[Change, ...]


def compare(old: Plan, new: Plan) -> Since:
    """Hold the differences of two plans against each other. A pure function."""
    then, now = _differences(old), _differences(new)
    settled = {each.address for each in new.changes if each.action is Action.NO_OP}
    both = [each for address, each in now.items() if address in then]
    gone = [each for address, each in then.items() if address not in now]
    known = [each for each in gone if each.address in settled or _was_seen(each.address, new)]
    return Since(
        new=tuple(each for address, each in now.items() if address not in then),
        altered=tuple(each for each in both if _about(each) != _about(then[each.address])),
        same=tuple(each for each in both if _about(each) == _about(then[each.address])),
        resolved=tuple(known),
        unknown=tuple(each for each in gone if each not in known),
    )


def render_since(since: Since) -> list[Line]:
    """The comparison as it is printed; what stayed the same is counted only. Markers in column 0: that of the action for
    what differs now, `=` resolved, `?` unknown."""
    rows = [
        *(_row(each, MARKER[each.action], "new", Style.WARNING) for each in since.new),
        *(_row(each, MARKER[each.action], "altered", Style.CHANGE) for each in since.altered),
        *(_row(each, "=", "resolved", Style.ADD) for each in since.resolved),
        *(_row(each, "?", "unknown", Style.ERROR) for each in since.unknown),
    ]
    lines = table(rows)
    if rows:
        lines.append(line())
    counts = f"{len(since.new)} new, {len(since.altered)} altered, {len(since.resolved)} resolved"
    if since.unknown:
        counts += f", {len(since.unknown)} unknown"
    same = show_count(len(since.same), "difference")
    return [*lines, line(f"Since then: {counts}. {same} as before.", Style.STRONG)]


def since_to_json(since: Since) -> dict[str, Json]:
    """The comparison as `schemas/since.schema.json` describes it."""
    return {
        "format_version": FORMAT_VERSION,
        "new": _listed(since.new),
        "altered": _listed(since.altered),
        "same": _listed(since.same),
        "resolved": _listed(since.resolved),
        "unknown": _listed(since.unknown),
    }


def _differences(plan: Plan) -> Mapping[Address, Change]:
    return {each.address: each for each in plan.changes if each.action is not Action.NO_OP}


def _about(change: Change) -> tuple[object, ...]:
    """What makes a difference the same one."""
    return change.action, change.wanted, change.reason, change.before, change.after


def _was_seen(address: Address, plan: Plan) -> bool:
    """Whether an address that a plan does not name at all is known to be as it should: its registry was compared."""
    compared = {each.name for each in plan.registries} | {
        each.name.partition("@")[0] for each in plan.registries
    }
    hidden = any(each.covers(address) for each in plan.unreadable)
    return address.registry in compared and not hidden and plan.request.selection.includes(address)


def _row(change: Change, marker: str, word: str, style: Style) -> Row:
    return Row(
        marker=marker,
        address=str(change.address),
        verb=word,
        rest=(f"{change.wanted or change.action}: {change.why}", position(change.origin)),
        style=style,
    )


def _listed(changes: Sequence[Change]) -> list[Json]:
    return [
        {
            "address": str(each.address),
            "type": each.type.value,
            "action": each.action.value,
            "reason": each.reason.value,
            "why": each.why,
            "fingerprint": change_fingerprint(each),
        }
        for each in changes
    ]
