"""Guards as text: what they measured, what they refuse, and the two ways to lift one that refuses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from regsync.model.plan import Guard
from regsync.report.lines import Line, Style, line
from regsync.report.table import Row, position, table

MOST_NAMES = 5
"""How many live registries are named where they measure alike."""


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
            help=f"to lift this guard alone, for this run: {each.override}; for good: {_in_manifest(each)}",
        )
        for each in guards
        if not each.ok
    ]
    return lines + table(refusals)


def _measure(guard: Guard) -> str:
    if not guard.ok:
        return f"{guard.text} REFUSED"
    return guard.text if guard.name == "protected" else f"{guard.text} ok"  # "protected none touched" says it


def lifting(guards: Sequence[Guard]) -> str:
    """What to do where all that these guards refuse is meant: who cannot choose the options has the manifest."""
    options = " ".join(each.override for each in guards)
    return (
        f"where this is meant, plan and apply with {options}; or {', and '.join(map(_in_manifest, guards))}"
    )


def _in_manifest(guard: Guard) -> str:
    where = f" ({position(guard.origin)})" if guard.origin else ""
    number = guard.override.rpartition(" ")[2]
    match guard.name:
        case "deletes":
            return f"write spec.policy.maxDeletes: {number}{where}"
        case "share":
            return f"write spec.policy.maxDeleteShare: {number}{where}"
        case "protected":
            return f"take it out of spec.policy.protect{where}"
    return f"name what is to go in spec.content, as `absent`{where}"
