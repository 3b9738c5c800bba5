"""Text of others in GitHub-flavoured Markdown, so that none of it becomes markup, a link, a mention or another cell.

Knows how GitHub and its parser read; what is said stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from regsync.report.lines import clean

LONGEST = 300
"""Characters of a text inside a sentence or a cell."""

MOST_BACKTICKS = 20
"""Longer runs are shortened: cmark-gfm, GitHub's parser, gives up on code spans that begin with more than 80."""

_LONG_RUN = re.compile(f"`{{{MOST_BACKTICKS + 1},}}")
_RUN = re.compile("`+")
_WORDS = re.compile(r"[A-Za-z][A-Za-z ,;()'-]*")
_URL = re.compile(r"https?://[A-Za-z0-9.:/?=&_%~-]{1,200}")


def code(text: str) -> str:
    """A code span, the one place where GitHub links nothing: no mention, issue, commit, or address. Empty where the text
    is."""
    shown = _cut(_safe(text))
    if not shown:
        return ""
    ticks = "`" * (_longest_run([shown]) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def words(text: str) -> str:
    """The same for a sentence, which stands as it is where it holds nothing but words: GitHub links none of those."""
    return text if len(text) <= LONGEST and _WORDS.fullmatch(text) else code(text)


def html_code(text: str) -> str:
    """The same inside an HTML block, where Markdown is not read."""
    return f"<code>{escape(_cut(clean(text)))}</code>"


def link(title: str, url: str) -> str:
    """A link, and nothing where the address could be anything but a plain one."""
    return f"[{title}]({url})" if _URL.fullmatch(url) else ""


def table_row(cells: Sequence[str]) -> str:
    """A row of a table; its cells are Markdown. Rows are split at pipes before code spans are looked for."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def table_head(cells: Sequence[str]) -> str:
    """The two lines that begin a table."""
    return f"{table_row(cells)}\n|{' --- |' * len(cells)}"


def fence(lines: Sequence[str], language: str = "") -> str:
    """Lines as they are, in a fence that none of them ends."""
    safe = [_safe(each) for each in lines]
    ticks = "`" * max(3, _longest_run(safe) + 1)
    return "\n".join([ticks + language, *safe, ticks])


def folded(summary: str, body: str) -> str:
    """Markdown that is shown when it is clicked on; `summary` is HTML."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _safe(text: str) -> str:
    return _LONG_RUN.sub("`" * MOST_BACKTICKS + "…", clean(text))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _longest_run(texts: Sequence[str]) -> int:
    return max((len(run) for text in texts if "`" in text for run in _RUN.findall(text)), default=0)
