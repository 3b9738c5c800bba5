"""What all texts are made of: styled lines that are safe to print, and units. Knows no colours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Style(StrEnum):
    """What a line is, for whoever gives it a colour."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    WARNING = "warning"
    ERROR = "error"


class Line(NamedTuple):
    """One printed line, without its end. Make one with `line()`, so that nothing unsafe is ever printed."""

    style: Style
    text: str


# CI systems obey lines of a log: GitHub `::command::` at its start and `##[command]` anywhere, Azure `##vso[…]`.
_COMMAND = re.compile(r"^\s*(:)(?=:)|(#)(?=#(?:vso)?\[)")


def line(text: str = "", style: Style = Style.PLAIN) -> Line:
    """One line of a report, its text cleaned."""
    return Line(style, clean(text))


def clean(text: str) -> str:
    """`text` with all that could move a cursor, break a line, reorder letters or command a CI system made visible.

    Registries, archives and manifests supply parts of every report. Cleaning twice changes nothing.
    """
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
        )
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda found: found[0][:-1] + f"\\x{ord(found[0][-1]):02x}", text)
    return text


def plain(lines: Iterable[Line]) -> str:
    """The text without styles, every line ended."""
    return "".join(f"{each.text}\n" for each in lines)


def show_count(number: int, word: str) -> str:
    """`1 file`, `34 files`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def show_bytes(count: int) -> str:
    """Decimal units as package sizes are usually given: `812 B`, `96 kB`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1000:.0f} kB"
    size = count / 1_000_000
    return f"{size:.1f} MB" if size < 999.95 else f"{size / 1000:.1f} GB"


def show_seconds(seconds: float) -> str:
    """`0.8 s`, `1m10s`, `2h03m`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
