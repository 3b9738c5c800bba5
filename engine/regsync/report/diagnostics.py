"""Diagnostics and errors as text: what is wrong, where it stands in the source, and what helps."""

from __future__ import annotations

from collections.abc import Iterable

from regsync.model.diagnostic import Diagnostic, Origin, Severity, Snippet
from regsync.model.errors import ManifestInvalid, RegsyncError
from regsync.report.lines import Line, Style, clean, line, show_count

WIDEST_SOURCE = 120
"""Characters of a source line that are shown; a longer one is cut around what is marked."""

_STYLE = {Severity.ERROR: Style.ERROR, Severity.WARNING: Style.WARNING}


def render_diagnostics(diagnostics: Iterable[Diagnostic], *, concise: bool = False) -> list[Line]:
    """All of `diagnostics`, sorted by position, and their count; nothing where there are none.

    The full form shows the source line with a mark beneath it, further positions, notes and help. The concise one is
    `file:line:column: CODE summary` on a line each, for editors and grep.
    """
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    lines = []
    for each in ordered:
        lines += _concise(each) if concise else [*_full(each), line()]
    return [*lines, line(show_severities(ordered), Style.STRONG)] if ordered else []


def render_error(error: RegsyncError) -> list[Line]:
    """Why an operation could not go on: the diagnostics where the manifests are to blame, else message and hint."""
    if isinstance(error, ManifestInvalid):
        return render_diagnostics(error.diagnostics)
    lines = _paragraph("error: ", error.message, Style.ERROR)
    if error.hint:
        lines += _paragraph("  help: ", error.hint)
    return lines


def show_severities(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    severities = [each.severity for each in diagnostics]
    count = {each: severities.count(each) for each in Severity}
    return ", ".join(show_count(number, each.value) for each, number in count.items() if number)


def _concise(diagnostic: Diagnostic) -> list[Line]:
    where = f"{diagnostic.origin}: " if diagnostic.origin else ""
    return [line(f"{where}{diagnostic.code} {diagnostic.summary}", _STYLE[diagnostic.severity])]


def _full(diagnostic: Diagnostic) -> list[Line]:
    style = _STYLE[diagnostic.severity]
    lines = [line(f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.summary}", style)]
    gutter = " "
    if diagnostic.origin:
        gutter = " " * len(str(diagnostic.origin.line))
        lines.append(line(f"{gutter}--> {diagnostic.origin}"))
        if diagnostic.snippet:
            lines += _source(diagnostic.origin, diagnostic.snippet, gutter, style)
    lines += [line(f"{gutter} = {each.label}: {each.origin}") for each in diagnostic.related]
    if diagnostic.detail:
        lines += _paragraph(f"{gutter} = note: ", diagnostic.detail)
    if diagnostic.help:
        lines += _paragraph(f"{gutter} = help: ", diagnostic.help)
    return lines


def _source(origin: Origin, snippet: Snippet, gutter: str, style: Style) -> list[Line]:
    """The source line and a mark beneath. Both are measured as printed: a tab shows as two characters."""
    start = origin.column - 1
    cut = max(0, start - WIDEST_SOURCE // 2) if len(snippet.text) > WIDEST_SOURCE else 0
    end = cut + WIDEST_SOURCE
    before, marked, after = (
        clean(part)
        for part in (
            snippet.text[cut:start],
            snippet.text[start : min(start + snippet.length, end)],
            snippet.text[start + snippet.length : end],
        )
    )
    before = ("…" if cut else "") + before
    after += "…" if len(snippet.text) > end else ""
    return [
        line(f"{gutter} |"),
        line(f"{origin.line} | {before}{marked}{after}".rstrip()),
        line(f"{gutter} | {' ' * len(before)}{'^' * max(1, len(marked))}", style),
    ]


def _paragraph(label: str, text: str, style: Style = Style.PLAIN) -> list[Line]:
    """Text of one or more lines, further ones aligned beneath the first."""
    first, *others = text.splitlines() or [""]
    return [line(label + first, style), *(line(" " * len(label) + each, style) for each in others)]
