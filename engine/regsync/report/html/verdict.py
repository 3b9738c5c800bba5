"""What everybody reads first, as HTML: how a run stands in one line, and its numbers. Knows nothing of single changes."""

from __future__ import annotations

from collections.abc import Sequence
from signal import Signals
from typing import NamedTuple

from regsync.model.diagnostic import has_errors
from regsync.model.errors import ManifestInvalid, Refused
from regsync.model.outcome import Outcome
from regsync.model.plan import Plan, Selection
from regsync.report.conclusion import show_held, show_unreadable
from regsync.report.diagnostics import show_severities
from regsync.report.html.markup import Html, element, join
from regsync.report.lines import show_bytes, show_count, show_seconds
from regsync.report.run import Run


class _Total(NamedTuple):
    """A number of the headline; `kind` gives it its colour."""

    kind: str
    marker: str
    number: int
    label: str


def verdict(run: Run, plan: Plan | None) -> tuple[str, str, list[str]]:
    """Its tone, the one line that everybody reads, and what must be known beside it."""
    if plan is None:
        return _verdict_without_plan(run)
    said = _caveats(plan)
    if run.outcome:
        return _verdict_of_apply(run.outcome, said)
    blocked = plan.summary.blocked
    number = sum(each.action.writes for each in plan.changes)
    if blocked and number:
        said.append(f"{show_count(blocked, 'change')} blocked: apply does the rest.")
    planned = show_count(number, "change")
    if plan.refused or isinstance(run.error, Refused):
        return "bad", f"Refused: {planned} planned", said
    if run.error:
        return "bad", f"regsync {run.command} could not go on: {planned} planned", said
    if plan.unreadable:
        return "bad", f"Incomplete plan: {planned}", said
    if number:
        return ("warn" if blocked or plan.summary.delete else "change"), f"{planned} planned", said
    if blocked:
        return "warn", f"Nothing to apply: {show_count(blocked, 'change')} blocked", said
    if plan.request.selection == Selection():
        return "good", "No changes", [show_held(plan), *said]
    return "good", "No changes in what is selected", said


def _caveats(plan: Plan) -> list[str]:
    """What the numbers do not say."""
    said = []
    if plan.refused:
        said.append("While a guard stands against it, apply writes nothing.")
    if plan.unreadable:
        said.append(f"{show_unreadable(plan)}.")
    if plan.outside:
        said.append(f"Partial: {show_count(plan.outside, 'change')} outside the selection.")
    return said


def _verdict_without_plan(run: Run) -> tuple[str, str, list[str]]:
    said = show_severities(run.diagnostics)
    if isinstance(run.error, ManifestInvalid) or has_errors(run.diagnostics):
        findings = run.error.diagnostics if isinstance(run.error, ManifestInvalid) else run.diagnostics
        return "bad", "The manifests are not valid", [show_severities(findings)]
    if run.error:
        return "bad", f"regsync {run.command} could not go on", []
    return ("warn" if said else "good"), "The manifests are valid", [said] if said else []


def _verdict_of_apply(outcome: Outcome, said: list[str]) -> tuple[str, str, list[str]]:
    summary = outcome.summary
    requests = sum(outcome.requests.values())
    spent = f" with {show_count(requests, 'request')}" if requests else ""
    said = [f"{show_bytes(outcome.sent)} sent{spent} in {show_seconds(outcome.seconds)}.", *said]
    if outcome.signal is None and not (
        summary.failed or summary.skipped or summary.refused or outcome.plan.errored
    ):
        return "good", "Apply complete", said
    how = "incomplete" if outcome.signal is None else f"interrupted by {Signals(outcome.signal).name}"
    said.append("Plan again to see what is left; a saved plan may be applied again.")
    return "bad", f"Apply {how}", said


def render_totals(outcome: Outcome | None, plan: Plan) -> Html:
    """The numbers, and how large a part of all objects each is."""
    numbers = _numbers_of_apply(outcome) if outcome else _numbers_of_plan(plan)
    tiles = (
        element(
            "li",
            element(
                "span", element("span", each.marker, aria_hidden="true"), f" {each.number}", class_="number"
            ),
            " ",
            each.label,
            class_=f"{each.kind}{'' if each.number else ' none'}",
        )
        for each in numbers
    )
    return join([element("ul", *tiles, class_="totals"), _bar(numbers)])


def _numbers_of_plan(plan: Plan) -> list[_Total]:
    summary = plan.summary
    return [
        _Total("create", "+", summary.add, "to add"),
        _Total("update", "~", summary.change, "to change"),
        _Total("delete", "-", summary.delete, "to delete"),
        _Total("blocked", "!", summary.blocked, "blocked"),
        _Total("no-op", "=", summary.unchanged, "unchanged"),
        _Total("unmanaged", "·", summary.unmanaged, "unmanaged"),
        _Total("unreadable", "?", summary.unreadable, "not compared"),
    ]


def _numbers_of_apply(outcome: Outcome) -> list[_Total]:
    summary = outcome.summary
    return [
        _Total("create", "+", summary.added, "added"),
        _Total("update", "~", summary.changed, "changed"),
        _Total("delete", "-", summary.deleted, "deleted"),
        _Total("failed", "x", summary.failed, "failed"),
        *([_Total("running", ">", summary.running, "still running")] if summary.running else []),
        _Total("skipped", ".", summary.skipped, "skipped"),
        _Total("refused", "!", summary.refused, "refused"),
        _Total("already", "=", summary.already, "already so"),
        _Total("no-op", "=", summary.unchanged, "unchanged"),
        _Total("unreadable", "?", outcome.plan.not_compared, "not compared"),
    ]


def _bar(numbers: Sequence[_Total]) -> Html:
    """The same as a bar, in which even one of ten thousand can be seen."""
    whole = sum(each.number for each in numbers)
    left, drawn = 0, []
    for each in numbers:
        if each.number:
            width = max(6, each.number * 1000 // whole)
            drawn.append(element("rect", class_=each.kind, x=str(left), width=str(width), height="8"))
            left += width
    box = f"0 0 {left or 1} 8"
    return element("svg", *drawn, class_="bar", viewBox=box, preserveAspectRatio="none", aria_hidden="true")
