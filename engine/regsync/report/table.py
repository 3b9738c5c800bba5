"""The rows of a report: a marker in column 0, an address, what becomes of it and why, in aligned columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regsync.model.diagnostic import Origin
from regsync.model.plan import Cause
from regsync.report.lines import Line, Style, clean, line

WIDEST_ADDRESS = 90
"""Columns that addresses are aligned to at most: one long name must not push every reason out of sight."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object. `below` are the indented lines that belong to it; `help` is what to do about it."""

    marker: str
    address: str
    verb: str
    rest: tuple[str, ...]
    style: Style
    cause: Cause = Cause.UNKNOWN
    below: tuple[Line, ...] = ()
    help: str = ""


def table(rows: Sequence[Row]) -> list[Line]:
    """The rows in aligned columns, each followed by what stands below it. An unknown cause is left out, and so is a help
    that stands below an earlier row."""
    addresses = [clean(row.address) for row in rows]
    causes = ["" if row.cause is Cause.UNKNOWN else f"({row.cause})" for row in rows]
    address_width = min(max(map(len, addresses), default=0), WIDEST_ADDRESS)
    verb_width = max((len(row.verb) for row in rows), default=0)
    cause_width = max(map(len, causes), default=0)
    lines: list[Line] = []
    given: set[str] = set()
    for row, address, cause in zip(rows, addresses, causes, strict=True):
        cells = [f"{row.marker} {address:<{address_width}}", f"{row.verb:<{verb_width}}"]
        if cause_width:
            cells[1] += f"  {cause:<{cause_width}}"
        cells += [each for each in row.rest if each]
        lines.append(line("   ".join(cells).rstrip(), row.style))
        lines += row.below
        if row.help and row.help not in given:
            given.add(row.help)
            first, *more = row.help.splitlines()
            lines += [below(f"help: {first}"), *(below(f"      {each}") for each in more)]
    return lines


def below(text: str, style: Style = Style.PLAIN) -> Line:
    """A line that belongs to the row above it."""
    return line(f"    {text}", style)


def position(origin: Origin | None) -> str:
    """`file:line`, as all reports but those of diagnostics give it."""
    return "" if origin is None else f"{origin.file}:{origin.line}"
