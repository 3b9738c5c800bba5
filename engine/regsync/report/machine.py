"""Diagnostics for programs: Terraform's JSON shape with codes added.

Knows the document of `schemas/diagnostics.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from regsync.model.diagnostic import Diagnostic, Origin, Severity, has_errors
from regsync.model.errors import RegsyncError
from regsync.model.settings import Json

FORMAT_VERSION = "1.0"
"""Keys may be added within a major version."""


def diagnostics_to_json(diagnostics: Iterable[Diagnostic]) -> dict[str, Json]:
    """All of `diagnostics`, sorted by position, in the shape of `terraform validate -json`."""
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    errors = sum(1 for each in ordered if each.severity is Severity.ERROR)
    return {
        "format_version": FORMAT_VERSION,
        "valid": not has_errors(ordered),
        "error_count": errors,
        "warning_count": len(ordered) - errors,
        "diagnostics": [diagnostic_to_json(each) for each in ordered],
    }


def diagnostic_to_json(diagnostic: Diagnostic) -> dict[str, Json]:
    """One diagnostic. `range` and `snippet` are left out where there is none, as Terraform does."""
    document: dict[str, Json] = {
        "severity": diagnostic.severity.value,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail or "",
        "code": diagnostic.code,
        "help": diagnostic.help,
        "related": [{"message": each.label, "range": _range(each.origin, 1)} for each in diagnostic.related],
    }
    origin, snippet = diagnostic.origin, diagnostic.snippet
    if origin:
        document["range"] = _range(origin, snippet.length if snippet else 1)
    if origin and snippet:
        start = origin.column - 1
        document["snippet"] = {
            "context": None,
            "code": snippet.text,
            "start_line": origin.line,
            "highlight_start_offset": start,
            "highlight_end_offset": start + snippet.length,
            "values": [],
        }
    return document


def error_to_json(error: RegsyncError) -> dict[str, Json]:
    """What kept a run from going on, as a diagnostic without a code: no file is to blame."""
    return {
        "severity": "error",
        "summary": error.message,
        "detail": "",
        "code": None,
        "help": error.hint,
        "related": [],
    }


def _range(origin: Origin, length: int) -> Json:
    """Lines and columns count from 1, columns in characters; the end is exclusive."""
    return {
        "filename": origin.file,
        "start": {"line": origin.line, "column": origin.column},
        "end": {"line": origin.line, "column": origin.column + length},
    }
