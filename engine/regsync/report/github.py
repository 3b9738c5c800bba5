"""A run for GitHub Actions: annotations as workflow commands, and outputs of a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from regsync.model.codec import fingerprint, plan_counts
from regsync.model.diagnostic import Diagnostic, Severity
from regsync.report.findings import Finding, findings, headline, of_diagnostics
from regsync.report.lines import Line, Style, clean, show_count
from regsync.report.run import Run

MOST_ANNOTATIONS = 10
"""Of each severity that GitHub shows of one step; more are dropped there without a word."""


def github_annotations(diagnostics: Iterable[Diagnostic]) -> list[Line]:
    """A workflow command per diagnostic, errors first: GitHub shows ten errors and ten warnings of a step beside the
    code, and all of them in the log."""
    ordered = sorted(diagnostics, key=lambda each: (each.severity is not Severity.ERROR, *each.sort_key()))
    # `line()` would disarm the commands
    return [Line(Style.PLAIN, _annotation(each)) for each in of_diagnostics(ordered)]


def render_github(run: Run) -> Iterator[str]:
    """Annotations of what must be looked at, as many as GitHub shows, and the counts as a notice."""
    shown: Counter[Severity] = Counter()
    for each in findings(run):
        shown[each.severity] += 1
        if shown[each.severity] <= MOST_ANNOTATIONS:
            yield _annotation(each) + "\n"
    more = [
        show_count(count - MOST_ANNOTATIONS, f"more {severity}")
        for severity, count in shown.items()
        if count > MOST_ANNOTATIONS
    ]
    told = ". Not shown here: ".join([headline(run), *([", ".join(more)] if more else [])])
    yield f"::notice title=regsync {_escape(clean(run.command), ':,')}::{_escape(clean(told))}\n"


def render_github_output(run: Run) -> Iterator[str]:
    """Lines for $GITHUB_OUTPUT, whose values are numbers, words and hex digits. Where there is no plan, all but the exit
    status are empty: nobody knows."""
    known: dict[str, str | int] = dict.fromkeys(
        ("has_changes", "add", "change", "delete", "blocked", "unreadable", "plan_id"), ""
    )
    if run.plan is not None:
        counts = plan_counts(run.plan)
        known = {
            "has_changes": str(run.plan.has_changes).lower(),
            **{name: counts[name] for name in ("add", "change", "delete", "blocked")},
            "unreadable": counts["not_compared"],
            "plan_id": fingerprint(run.plan)[:8],
        }
    for name, value in {**known, "exit_status": run.status}.items():
        yield f"{name}={value}\n"


def _annotation(finding: Finding) -> str:
    properties = {"title": finding.rule}
    origin = finding.origin
    if origin:
        properties = {
            "file": origin.file,
            "line": str(origin.line),
            "col": str(origin.column),
            "endLine": str(origin.line),
            "endColumn": str(origin.column + finding.length),
            **properties,
        }
    named = ",".join(f"{key}={_escape(clean(value), ':,')}" for key, value in properties.items())
    paragraphs = (finding.summary, *finding.paragraphs)
    message = "\n".join(clean(each) for text in paragraphs for each in text.splitlines())
    return f"::{finding.severity} {named}::{_escape(message)}"


def _escape(text: str, more: str = "") -> str:
    """GitHub's escapes: percent and line ends everywhere, and in properties what separates them."""
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in text)
