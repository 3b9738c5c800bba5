"""An outcome as text: what an apply did, what it did not do, and why."""

from __future__ import annotations

from signal import Signals

from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action
from regsync.report.lines import Line, Style, line, show_bytes, show_count, show_seconds
from regsync.report.plan import MARKER, STYLE, Detail, from_line, unreadable_rows
from regsync.report.table import Row, table

DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
}
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
    hints: dict[tuple[str, str | None], str | None] = {}
    for each in shown:
        if (
            each.status is Status.FAILED
        ):  # one failure may meet hundreds: what is done about the first helps all
            hints.setdefault((each.change.address.registry, each.detail), each.hint)
    rows = [
        _row(each, detail, hints.get((each.change.address.registry, each.detail), each.hint))
        for each in shown
    ]
    rows += unreadable_rows(outcome.plan, detail)
    lines = table(rows)
    if rows:
        lines.append(line())
    return lines + _conclusion(outcome)


def _row(result: Result, detail: Detail, hint: str | None) -> Row:
    change, status = result.change, result.status
    if status is Status.APPLIED:
        spent = f"in {show_seconds(result.seconds)}"
        return Row(
            marker=MARKER[change.action],
            address=str(change.address),
            verb=DONE[change.action],
            rest=(f"{show_bytes(result.sent)} {spent}" if result.sent else spent,),
            style=STYLE[change.action],
            below=tuple(from_line(change)) if detail is Detail.FULL else (),
        )
    action = change.wanted or change.action
    return Row(
        marker=_MARKER[status],
        address=str(change.address),
        verb="already so" if status is Status.ALREADY else f"{action} {status}",
        rest=(result.detail or "",),
        style=_STYLE[status],
        help=hint or "",
    )


def _conclusion(outcome: Outcome) -> list[Line]:
    summary = outcome.summary
    kept = f"{summary.unchanged} unchanged" + (f", {summary.already} already so" if summary.already else "")
    requests = sum(outcome.requests.values())
    spent = f" with {show_count(requests, 'request')}" if requests else ""
    sent = f"{show_bytes(outcome.sent)} sent{spent} in {show_seconds(outcome.seconds)}"
    undone = summary.failed + summary.skipped + summary.refused
    if not undone and outcome.signal is None and not outcome.plan.errored:
        done = f"{summary.added} added, {summary.changed} changed, {summary.deleted} deleted"
        return [line(f"Apply complete! {done}. {kept}. {sent}", Style.STRONG)]
    applied = sum(1 for each in outcome.results if each.status is Status.APPLIED)
    counts = (
        f"applied {applied}, failed {summary.failed}, skipped {summary.skipped}, refused {summary.refused}"
    )
    if outcome.plan.not_compared:
        counts += f", not compared {outcome.plan.not_compared}"
    how = "incomplete" if outcome.signal is None else f"interrupted by {Signals(outcome.signal).name}"
    return [
        line(f"Apply {how}: {counts}. {kept}. {sent}", Style.ERROR),
        line("Plan again to see what is left; a saved plan may be applied again."),
    ]
