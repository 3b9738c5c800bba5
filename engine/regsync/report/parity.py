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


def show_standings(table: Parity) -> str:
    """`in 3 regions: 214 equal, 1 missing, 2 uneven`."""
    agreed = Counter(each for row in table.rows if (each := _agreed(row)) is not None)
    uneven = len(uneven_rows(table))
    counts = [f"{agreed[each]} {_WORD[each]}" for each in Standing if agreed[each]]
    counts += [f"{uneven} uneven"] if uneven else []
    return f"in {show_count(len(table.regions), 'region')}: {', '.join(counts)}"


def uneven_rows(table: Parity) -> list[ParityRow]:
    """The artifacts in which the regions disagree."""
    return [row for row in table.rows if _agreed(row) is None]


def show_warning(table: Parity) -> str:
    """What equal content under different digests means for clusters; empty where there is none."""
    others = sum(1 for row in table.rows if Standing.OTHER_DIGEST in row.standings.values())
    if not others:
        return ""
    return (
        f"warning: {show_count(others, 'artifact')} with equal content under another digest; Palette "
        "remembers digests, so a cluster that moves to that region may not find what it looks for"
    )


def cells(table: Parity, row: ParityRow) -> list[str]:
    """How the artifact stands, by region; empty where it is not known."""
    return [_WORD[row.standings[each]] if each in row.standings else "" for each in table.regions]


def _table(table: Parity, full: bool) -> list[Line]:
    lines = [line(f"Parity of {table.registry} {show_standings(table)}", Style.STRONG)]
    uneven = uneven_rows(table)
    shown = table.rows if full else uneven[:MOST_ROWS]
    if shown:
        lines += _rows(table, shown)
    if len(uneven) > MOST_ROWS and not full:
        lines.append(
            line(f"    … {show_count(len(uneven) - MOST_ROWS, 'more artifact')} (--detail full)", Style.DIM)
        )
    if warning := show_warning(table):
        lines.append(line(f"    {warning}", Style.WARNING))
    return [*lines, line()]


def _agreed(row: ParityRow) -> Standing | None:
    """How the artifact stands in every region; None where they disagree."""
    standings = set(row.standings.values())
    return standings.pop() if len(standings) == 1 else None


def _rows(table: Parity, rows: Sequence[ParityRow]) -> list[Line]:
    lines = [["", *table.regions], *([row.artifact, *cells(table, row)] for row in rows)]
    widths = [max(len(each) for each in column) for column in zip(*lines, strict=True)]
    return [
        line("    " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for row in lines
    ]
