"""Puts plain text into generated Markdown so that it shows unchanged; what stands in backticks is code already."""

from __future__ import annotations

import re
from collections.abc import Callable

_CODE = re.compile(r"(`[^`]*`)")
_MARKS = re.compile(r"([<*_{\[])")


def prose(text: str) -> str:
    """Return text for a paragraph."""
    return _outside_code(text, lambda part: _MARKS.sub(r"\\\1", part))


def cell(text: str) -> str:
    """Return Markdown for the cell of a table."""
    return _outside_code(text, lambda part: part.replace("|", "\\|"))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    return "".join(part if part.startswith("`") else change(part) for part in _CODE.split(text))
