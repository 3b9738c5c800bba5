"""The parts of a plan's text that stand beneath its changes: guards, and what is to be said of unchanged objects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from regsync.model.plan import Action, Change, Guard
from regsync.report.lines import Line, Style, line
from regsync.report.table import Row, position, table

MOST_NAMES = 5
"""How many live registries are named where they measure alike."""


def notes_of_unchanged(changes: Sequence[Change]) -> list[Line]:
    """Notes on objects that stay as they are, equal ones together: a registry may hold hundreds of a kind."""
    about: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is Action.NO_OP:
            for note in change.notes:
                about.setdefault(note, []).append(change)
    lines = []
    for note, noted in about.items():
        others = f" and {len(noted) - 1} more unchanged (--detail full)" if noted[1:] else ", unchanged"
        lines.append(line(f"note: {noted[0].address}{others}: {note}"))
    return lines


def guard_lines(guards: Sequence[Guard]) -> list[Line]:
    """A line for all live registries that measure alike; for each refusal what refuses, where, and how to lift it."""
    if not guards:
        return []
    alike: dict[str, list[str]] = {}
    for registry, group in groupby(guards, key=lambda each: each.registry):
        alike.setdefault(" · ".join(map(_measure, group)), []).append(registry)
    measures = []
    for text, names in alike.items():
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        where = f"   in {', '.join(names[:MOST_NAMES])}{more}"
        if len(alike) == 1:
            where = "   in each live registry" if names[1:] else ""
        measures.append(text + where)
    first, *others = measures
    lines = [line(f"Guards: {first}"), *(line(f"        {each}") for each in others)]
    refusals = [
        Row(
            marker="!",
            address=each.registry,
            verb="refused",
            rest=(each.text, position(each.origin)),
            style=Style.ERROR,
            help=f"to lift this guard alone, for this run: {each.override}",
        )
        for each in guards
        if not each.ok
    ]
    return lines + table(refusals)


def _measure(guard: Guard) -> str:
    if not guard.ok:
        return f"{guard.text} REFUSED"
    return guard.text if guard.name == "protected" else f"{guard.text} ok"  # "protected none touched" says it
