"""Two plans of the same manifests, made one after the other: what differs now and did not then, and the other way round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from regsync.model.codec import change_fingerprint
from regsync.model.plan import Action, Change, Plan
from regsync.model.reference import Address
from regsync.model.settings import Json
from regsync.report.lines import Line, Style, line, show_count
from regsync.report.plan import MARKER
from regsync.report.table import Row, position, table
from regsync.report.verbs import attempted

FORMAT_VERSION = "1.0"
"""Keys may be added within a major version."""


@dataclass(frozen=True, slots=True)
class Since:
    """What became of each difference between manifests and live registries, by address.

    `new` are there now only, `resolved` were there then only, `altered` are there both times but not the same, `same` are.
    `unknown` were there then, and what became of them cannot be told: that part was not read, or not asked for.
    `unknown_before` are there now, and may have been there then, for the same reasons. `not_compared` counts the desired
    objects that lie now in what could not be read.
    """

    new: tuple[Change, ...]
    altered: tuple[Change, ...]
    same: tuple[Change, ...]
    resolved: tuple[Change, ...]
    unknown: tuple[Change, ...]
    unknown_before: tuple[Change, ...]
    not_compared: int = 0


def compare(old: Plan, new: Plan) -> Since:
    """Hold the differences of two plans against each other. A pure function."""
    then, now = _differences(old), _differences(new)
    both = [each for address, each in now.items() if address in then]
    gone = [each for address, each in then.items() if address not in now]
    come = [each for address, each in now.items() if address not in then]
    seen_now, seen_then = _seen(new), _seen(old)
    return Since(
        new=tuple(each for each in come if seen_then(each.address)),
        altered=tuple(each for each in both if _about(each) != _about(then[each.address])),
        same=tuple(each for each in both if _about(each) == _about(then[each.address])),
        resolved=tuple(each for each in gone if seen_now(each.address)),
        unknown=tuple(each for each in gone if not seen_now(each.address)),
        unknown_before=tuple(each for each in come if not seen_then(each.address)),
        not_compared=new.not_compared,
    )


def render_since(since: Since) -> list[Line]:
    """The comparison as it is printed; what stayed the same is counted only. Markers in column 0: that of the action for
    what differs now, `=` resolved, `?` unknown."""
    lines = table(rows_of(since))
    if lines:
        lines.append(line())
    return [*lines, line(f"Since then: {show_fates(since)}. {show_rest(since)}", Style.STRONG)]


def rows_of(since: Since) -> list[Row]:
    """All that did not stay the same."""
    return [
        *(_row(each, MARKER[each.action], "new", Style.WARNING) for each in since.new),
        *(_row(each, MARKER[each.action], "unknown before", Style.WARNING) for each in since.unknown_before),
        *(_row(each, MARKER[each.action], "altered", Style.CHANGE) for each in since.altered),
        *(_row(each, "=", "resolved", Style.ADD) for each in since.resolved),
        *(_row(each, "?", "unknown", Style.ERROR) for each in since.unknown),
    ]


def show_fates(since: Since) -> str:
    """`1 new, 2 altered, 0 resolved, 3 unknown`."""
    counts = f"{len(since.new)} new, {len(since.altered)} altered, {len(since.resolved)} resolved"
    if since.unknown:
        counts += f", {len(since.unknown)} unknown"
    if since.unknown_before:
        counts += f", {len(since.unknown_before)} unknown before"
    return counts


def show_rest(since: Since) -> str:
    """What the fates do not count."""
    same = f"{show_count(len(since.same), 'difference')} as before."
    dark = show_count(since.not_compared, "object")
    return f"{same} {dark} could not be compared now." if since.not_compared else same


def since_to_json(since: Since) -> dict[str, Json]:
    """The comparison as `schemas/since.schema.json` describes it."""
    return {
        "format_version": FORMAT_VERSION,
        "new": _listed(since.new),
        "altered": _listed(since.altered),
        "same": _listed(since.same),
        "resolved": _listed(since.resolved),
        "unknown": _listed(since.unknown),
        "unknown_before": _listed(since.unknown_before),
        "not_compared": since.not_compared,
    }


def _differences(plan: Plan) -> Mapping[Address, Change]:
    return {each.address: each for each in plan.changes if each.action is not Action.NO_OP}


def _about(change: Change) -> tuple[object, ...]:
    """What makes a difference the same one."""
    return change.action, change.wanted, change.reason, change.before, change.after


def _seen(plan: Plan) -> Callable[[Address], bool]:
    """Whether a plan that has no difference at an address did look there: the object stands in it as it should be, or its
    registry was compared."""
    settled = {each.address for each in plan.changes if each.action is Action.NO_OP}
    compared = {each.name for each in plan.registries} | {
        each.name.partition("@")[0] for each in plan.registries
    }

    def seen(address: Address) -> bool:
        hidden = any(each.covers(address) for each in plan.unreadable)
        asked = plan.request.selection.includes(address)
        return address in settled or (address.registry in compared and not hidden and asked)

    return seen


def _row(change: Change, marker: str, word: str, style: Style) -> Row:
    return Row(
        marker=marker,
        address=str(change.address),
        verb=word,
        rest=(f"{attempted(change)}: {change.why}", position(change.origin)),
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
