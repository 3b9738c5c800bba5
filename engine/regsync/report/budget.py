"""What fits into a page of limited size: parts are taken as a whole or left out, and what is left out is counted.

Sizes are bytes of UTF-8. GitHub speaks of 65,536 characters, yet counts code points in some places and bytes in others,
and other hosts count UTF-16: no text has more of any of these than it has bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from regsync.report.lines import Line, Style, show_count
from regsync.report.neutral import MOST_BACKTICKS, fence, folded
from regsync.report.plan import Detail
from regsync.report.table import Row, table

SEPARATOR = 2
"""Bytes between two parts of a page: an empty line."""

_AROUND = len(folded("", fence(["`" * MOST_BACKTICKS], "diff"))) + SEPARATOR + 50
"""Bytes that a folded fence takes at most, beside its lines and its title."""

_MARKER = {"~": "!", "!": "!!", "±": "-+"}
"""What GitHub colours in a diff: lines that begin with `+`, `-` or, in orange, `!`."""


@dataclass(slots=True)
class Budget:
    """How many bytes a page may still take, and how many lines it could not take."""

    size: int
    left_out: int = 0

    def take(self, *texts: str, around: int = 0) -> bool:
        """Whether the texts fit, each as a line, and so many bytes around them; if so, they are taken."""
        size = around + sum(len(each.encode()) + 1 for each in texts)
        if size > self.size:
            return False
        self.size -= size
        return True

    def first(self, texts: Sequence[str], *, around: int) -> list[str]:
        """As many of the texts as fit, from the first one on, and so many bytes around them."""
        taken: list[str] = []
        for text in texts:
            if not self.take(text, around=0 if taken else around):
                break
            taken.append(text)
        return taken

    def part(self, text: str) -> str:
        """The text where it fits, else none."""
        if not text or self.take(text, around=SEPARATOR):
            return text
        self.left_out += text.count("\n") + 1
        return ""

    def fence(
        self, lines: Sequence[str], language: str = "", *, most: int | None = None, summary: str = ""
    ) -> str:
        """As many of the lines as fit, at most so many, in a fence that says how many more there are; folded where it has
        a summary, which is HTML."""
        shown = self.first(lines[:most], around=_AROUND + len(summary.encode()))
        self.left_out += len(lines[:most]) - len(shown)
        if not shown:
            return ""
        if hidden := len(lines) - len(shown):
            shown.append(f"… {show_count(hidden, 'more line')}")
        block = fence(shown, language)
        return folded(summary, block) if summary else block


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that a page tells of, in the fold of this title, which is HTML; `tell` says how much of it."""

    title: str
    tell: Callable[[Detail], Row]

    @property
    def brief(self) -> Row:
        """A line and nothing below it."""
        return replace(self.tell(Detail.SUMMARY), below=(), help="")


def folds(entries: Sequence[Entry], budget: Budget) -> tuple[list[str], bool]:
    """A folded diff for each title: a line for each entry, and below it as much as fits. The entries that come first
    have the first claim. Also whether all entries have their line."""
    groups: dict[str, list[Row]] = {}
    for each in entries:
        groups.setdefault(each.title, []).append(each.brief)
    shown: dict[str, list[Row]] = {
        title: []
        for title, rows in groups.items()
        if budget.take(*diff_lines(table(rows)), around=_AROUND + len(title.encode()))
    }
    for each in entries:
        if each.title in shown:
            shown[each.title].append(_told(each, budget))
        else:
            budget.left_out += 1 + _height(each.tell(Detail.FULL))
    blocks = [
        folded(f"{title} ({show_count(len(rows), 'change')})", fence(diff_lines(table(rows)), "diff"))
        for title, rows in shown.items()
    ]
    return blocks, len(shown) == len(groups)


def _told(entry: Entry, budget: Budget) -> Row:
    """All that is known of the entry, or what changes in it, or a line: as much as fits."""
    full = entry.tell(Detail.FULL)
    if budget.take(*_below(full)):
        return full
    short = entry.tell(Detail.CHANGES)
    if budget.take(*_below(short)):
        budget.left_out += max(0, _height(full) - _height(short))
        return short
    budget.left_out += _height(full)
    return entry.brief


def _height(row: Row) -> int:
    """How many lines stand below it."""
    return len(row.below) + len(row.help.splitlines())


def _below(row: Row) -> list[str]:
    return diff_lines(table([row])[1:])


def diff_lines(lines: Sequence[Line]) -> list[str]:
    """Lines of a report as text, with whatever gives them their colour in the first column."""
    return [_diff_line(each) for each in lines]


def _diff_line(line: Line) -> str:
    text = line.text
    if line.style in (Style.ADD, Style.DELETE) and text[:6].isspace() and text[6:7] in ("+", "-"):
        return f"{text[6]}{text[1:6]} {text[7:]}"
    if text[1:2] == " " and text[0] != " ":
        return f"{diff_marker(text[0]):<2}{text[1:]}"
    return text


def diff_marker(marker: str) -> str:
    """The marker of a row as GitHub colours it in a diff."""
    return _MARKER.get(marker, marker)
