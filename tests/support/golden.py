"""Holds what the program prints against the text that a reviewer has approved."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest


def hold_against(path: Path, text: str, *, update: bool) -> None:
    """Fail with the difference unless the file at `path` has exactly this text; with `update`, write it there."""
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    approved = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text != approved:
        difference = difflib.unified_diff(
            approved.splitlines(), text.splitlines(), str(path), "printed", lineterm=""
        )
        pytest.fail("\n".join([*difference, "", "If the new text is meant: ./justw golden"]), pytrace=False)
