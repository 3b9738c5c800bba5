"""Puts plain text into generated Markdown so that it shows unchanged; what stands in backticks is code already."""

from __future__ import annotations

import re
from html import escape

_CODE = re.compile(r"(`[^`]*`)")
_MARKS = re.compile(r"([<*_{\[])")


def prose(text: str) -> str:
    """Return text for a paragraph."""
    return "".join(part if part.startswith("`") else _MARKS.sub(r"\\\1", part) for part in _CODE.split(text))


def cell(text: str) -> str:
    """Return Markdown for the cell of a table."""
    return "".join(
        _code_with_bars(part) if part.startswith("`") else part.replace("|", "\\|")
        for part in _CODE.split(text)
    )


def _code_with_bars(code: str) -> str:
    """Return code so that nobody takes a bar in it for the end of the cell: GitHub does, where the site does not."""
    if "|" not in code:
        return code
    return f"<code>{escape(code.strip('`')).replace('|', '&#124;')}</code>"


def anchored(name: str, heading: str) -> tuple[str, ...]:
    """Return the lines of a heading that links find by a name of our own, on the site and in the repository alike."""
    return f'<a id="{name}"></a>', "", heading, ""
