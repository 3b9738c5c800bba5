"""An outcome as text: what an apply did, what it did not do, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from signal import Signals
from typing import TypeAlias

from regsync.model.outcome import Outcome, Result, Status
from regsync.report.lines import Line, Style, line, show_bytes, show_count, show_seconds
from regsync.report.plan import MARKER, STYLE, Detail, from_line, unreadable_rows
from regsync.report.table import Row, table
from regsync.report.typed import render_typed
from regsync.report.verbs import attempted, done

Hints: TypeAlias = Mapping[tuple[str, str | None], str | None]
"""By live registry and reason."""

_MARKER = {Status.FAILED: "x", Status.SKIPPED: ".", Status.REFUSED: "!", Status.ALREADY: "="}
_STYLE = {
    Status.FAILED: Style.ERROR,
    Status.SKIPPED: Style.WARNING,
    Status.REFUSED: Style.WARNING,
    Status.ALREADY: Style.DIM,
}


def render_outcome(outcome: Outcome, *, detail: Detail = Detail.CHANGES) -> list[Line]:
    """The outcome as it is printed, a row per change: all of them, or in a summary those that did not come about.

    Markers in column 0: that of the action where it was applied, `x` failed, `.` skipped, `!` refused, `=` already
    so, `?` unreadable.
    """
    fine = (Status.APPLIED, Status.ALREADY)
    shown = [each for each in outcome.results if detail is not Detail.SUMMARY or each.status not in fine]
    hints = hints_of(shown)
    rows = [result_row(each, detail, hints) for each in shown]
    rows += unreadable_rows(outcome.plan, detail)
    lines = table(rows)
    if rows:
        lines.append(line())
    if detail is not Detail.SUMMARY:
        lines += render_typed(outcome, full=detail is Detail.FULL)
    return lines + _conclusion(outcome)


def hints_of(results: Sequence[Result]) -> Hints:
    """What helps against each failure: one may meet hundreds, and what is done about the first helps all."""
    hints: dict[tuple[str, str | None], str | None] = {}
    for each in results:
        if each.status is Status.FAILED:
            hints.setdefault((each.change.address.registry, each.detail), each.hint)
    return hints


def result_row(result: Result, detail: Detail, hints: Hints) -> Row:
    """How a change ended, as a row; `hints` is what `hints_of` says of all results."""
    change, status = result.change, result.status
    if status is Status.APPLIED:
        verb, came = done(result)
        spent = f"in {show_seconds(result.seconds)}"
        return Row(
            marker=MARKER[change.action],
            address=str(change.address),
            verb=verb,
            rest=(came, f"{show_bytes(result.sent)} {spent}" if result.sent else spent),
            style=STYLE[change.action],
            below=tuple(from_line(change)) if detail is Detail.FULL else (),
        )
    return Row(
        marker=_MARKER[status],
        address=str(change.address),
        verb="already so" if status is Status.ALREADY else f"{attempted(change)} {status}",
        rest=(result.detail or "",),
        style=_STYLE[status],
        help=hints.get((change.address.registry, result.detail), result.hint) or "",
    )


def is_complete(outcome: Outcome) -> bool:
    """Whether all came about that was to be made, and all was compared."""
    summary = outcome.summary
    undone = summary.failed + summary.skipped + summary.refused
    return not undone and outcome.signal is None and not outcome.plan.errored


def show_verdict(outcome: Outcome) -> str:
    """How the apply ended, in a line: what was done, and where it is incomplete what was not."""
    summary = outcome.summary
    if is_complete(outcome):
        done = f"{summary.added} added, {summary.changed} changed, {summary.deleted} deleted"
        return f"Apply complete! {done}."
    applied = sum(1 for each in outcome.results if each.status is Status.APPLIED)
    counts = (
        f"applied {applied}, failed {summary.failed}, skipped {summary.skipped}, refused {summary.refused}"
    )
    if outcome.plan.not_compared:
        counts += f", not compared {outcome.plan.not_compared}"
    how = "incomplete" if outcome.signal is None else f"interrupted by {Signals(outcome.signal).name}"
    return f"Apply {how}: {counts}."


def what_is_left(outcome: Outcome) -> str:
    """What to do after an apply that is not complete. The same plan again may bring about what failed or was skipped."""
    summary = outcome.summary
    refused = "what was refused would be refused again" if summary.refused else ""
    if summary.failed or summary.skipped or outcome.plan.errored or outcome.signal is not None:
        text = "Plan again to see what is left; a saved plan may be applied again"
        return f"{text}, but {refused}." if refused else f"{text}."
    return f"Make a new plan, have it reviewed, and apply that: {refused}."


def show_spent(outcome: Outcome) -> str:
    """What stayed as it is, and what the rest took."""
    summary = outcome.summary
    kept = f"{summary.unchanged} unchanged" + (f", {summary.already} already so" if summary.already else "")
    requests = sum(outcome.requests.values())
    spent = f" with {show_count(requests, 'request')}" if requests else ""
    return f"{kept}. {show_bytes(outcome.sent)} sent{spent} in {show_seconds(outcome.seconds)}"


def _conclusion(outcome: Outcome) -> list[Line]:
    text = f"{show_verdict(outcome)} {show_spent(outcome)}"
    if is_complete(outcome):
        return [line(text, Style.STRONG)]
    return [line(text, Style.ERROR), line(what_is_left(outcome))]
