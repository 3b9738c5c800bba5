"""What the regions of one document hold, as a table: the artifacts in which they disagree, and how many agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from regsync.model.parity import Parity, ParityRow, Standing
from regsync.report.lines import Line, Style, line, show_count

MOST_ROWS = 20
"""How many artifacts are shown unless everything is asked for."""

_WORD = {
    Standing.EQUAL: "equal",
    Standing.OTHER_DIGEST: "other digest",
    Standing.DIFFERS: "differs",
    Standing.MISSING: "missing",
    Standing.UNREADABLE: "unreadable",
}


def render_parity(tables: Sequence[Parity], *, full: bool) -> list[Line]:
    """A table for each document of several regions, before anything is applied."""
    return [each for table in tables for each in _table(table, full)]


def _table(table: Parity, full: bool) -> list[Line]:
    agreed = Counter(each for row in table.rows if (each := _agreed(row)) is not None)
    uneven = [row for row in table.rows if _agreed(row) is None]
    counts = [f"{agreed[each]} {_WORD[each]}" for each in Standing if agreed[each]]
    counts += [f"{len(uneven)} uneven"] if uneven else []
    heading = f"Parity of {table.registry} in {show_count(len(table.regions), 'region')}: {', '.join(counts)}"
    lines = [line(heading, Style.STRONG)]
    shown = table.rows if full else uneven[:MOST_ROWS]
    if shown:
        lines += _rows(table, shown)
    if len(uneven) > MOST_ROWS and not full:
        lines.append(
            line(f"    … {show_count(len(uneven) - MOST_ROWS, 'more artifact')} (--detail full)", Style.DIM)
        )
    others = sum(1 for row in table.rows if Standing.OTHER_DIGEST in row.standings.values())
    if others:
        lines.append(
            line(
                f"    warning: {show_count(others, 'artifact')} with equal content under another digest; Palette "
                "remembers digests, so a cluster that moves to that region may not find what it looks for",
                Style.WARNING,
            )
        )
    return [*lines, line()]


def _agreed(row: ParityRow) -> Standing | None:
    """How the artifact stands in every region; None where they disagree."""
    standings = set(row.standings.values())
    return standings.pop() if len(standings) == 1 else None


def _rows(table: Parity, rows: Sequence[ParityRow]) -> list[Line]:
    cells = [["", *table.regions]]
    cells += [
        [
            row.artifact,
            *(_WORD[row.standings[each]] if each in row.standings else "" for each in table.regions),
        ]
        for row in rows
    ]
    widths = [max(len(each) for each in column) for column in zip(*cells, strict=True)]
    return [
        line("    " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for row in cells
    ]
