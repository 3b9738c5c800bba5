"""Diagnostics for programs: Terraform's JSON shape with codes added, and GitHub's annotation lines.

Knows the document of `schemas/diagnostics.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from regsync.model.diagnostic import Diagnostic, Origin, Severity, has_errors
from regsync.model.settings import Json
from regsync.report.lines import Line, Style, clean

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


def github_annotations(diagnostics: Iterable[Diagnostic]) -> list[Line]:
    """A workflow command per diagnostic, errors first: GitHub shows ten errors and ten warnings of a step beside the
    code, and all of them in the log."""
    ordered = sorted(diagnostics, key=lambda each: (each.severity is not Severity.ERROR, *each.sort_key()))
    return [Line(Style.PLAIN, _annotation(each)) for each in ordered]  # `line()` would disarm the commands


def _range(origin: Origin, length: int) -> Json:
    """Lines and columns count from 1, columns in characters; the end is exclusive."""
    return {
        "filename": origin.file,
        "start": {"line": origin.line, "column": origin.column},
        "end": {"line": origin.line, "column": origin.column + length},
    }


def _annotation(diagnostic: Diagnostic) -> str:
    properties = {"title": diagnostic.code}
    origin = diagnostic.origin
    if origin:
        length = diagnostic.snippet.length if diagnostic.snippet else 1
        properties = {
            "file": origin.file,
            "line": str(origin.line),
            "col": str(origin.column),
            "endLine": str(origin.line),
            "endColumn": str(origin.column + length),
            **properties,
        }
    named = ",".join(f"{key}={_escape(clean(value), ':,')}" for key, value in properties.items())
    paragraphs = [
        diagnostic.summary,
        *(f"{each.label}: {each.origin}" for each in diagnostic.related),
        diagnostic.detail,
        diagnostic.help and f"help: {diagnostic.help}",
    ]
    message = "\n".join(clean(each) for text in paragraphs if text for each in text.splitlines())
    return f"::{diagnostic.severity} {named}::{_escape(message)}"


def _escape(text: str, more: str = "") -> str:
    """GitHub's escapes: percent and line ends everywhere, and in properties what separates them."""
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in text)
