"""The parts of a comment: what keeps a run from going on, tables and folded diffs of changes, guards, parity, notes.

Each takes its place out of a budget, and is empty where there is nothing to tell or no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import RegsyncError
from regsync.model.outcome import Outcome, Status
from regsync.model.parity import Parity, parity
from regsync.model.plan import Action, Cause, Change, Plan, ResourceType
from regsync.model.settings import differing
from regsync.report.budget import Budget, Entry, diff_lines, diff_marker, folds
from regsync.report.conclusion import caveats, show_kept
from regsync.report.diagnostics import render_diagnostics, render_error, show_severities
from regsync.report.guards import MOST_NAMES, guard_lines
from regsync.report.lines import Style, line, show_count
from regsync.report.neutral import code, folded, html_code, table_head, table_row, words
from regsync.report.outcome import hints_of, result_row, show_spent
from regsync.report.parity import MOST_ROWS, cells, show_standings, show_warning, uneven_rows
from regsync.report.plan import (
    Detail,
    alike_settings,
    change_row,
    notes_of_unchanged,
    unreadable_rows,
)
from regsync.report.registrations import IN_PALETTE, to_be_listed
from regsync.report.table import Row, table
from regsync.report.typed import render_typed
from regsync.report.verbs import attempted

MOST_CHANGES = 50
"""Rows of the table of changes; the folded diffs hold all of them."""

MOST_LINES = 40
"""Lines of guards, of notes, and of what could not be read."""

DRIFT = "Drift not caused by this pull request"

_BY_DANGER = [Action.DELETE, Action.REPLACE, Action.BLOCKED, Action.UPDATE, Action.CREATE, Action.NO_OP]
_BY_CONCERN = [Status.FAILED, Status.REFUSED, Status.SKIPPED, Status.APPLIED, Status.ALREADY]

Parts = tuple[list[str], str]
"""What stands below each other, and what is told of the changes where not all of it fits."""


def error_part(error: RegsyncError, budget: Budget) -> str:
    """Why the run could not go on."""
    return budget.fence([each.text for each in render_error(error)])


def findings_part(findings: Sequence[Diagnostic], budget: Budget, *, fold: bool) -> str:
    """What is wrong with the manifests, packs and charts, and where."""
    lines = [each.text for each in render_diagnostics(findings)]
    return budget.fence(lines, summary=show_severities(findings) if fold else "")


def plan_parts(plan: Plan, budget: Budget) -> Parts:
    """What a plan would do, the most dangerous first. Where it was held against a base, what only a hand in the registry
    caused has a fold of its own and no row in the tables."""
    drift_apart = plan.base is not None
    changes = [each for each in plan.changes if each.action is not Action.NO_OP]
    changes.sort(key=lambda each: _BY_DANGER.index(each.action))
    drift = [each for each in changes if drift_apart and each.cause is Cause.DRIFT]
    asked = [each for each in changes if not (drift_apart and each.cause is Cause.DRIFT)]
    in_palette = [each for each in asked if each.type in IN_PALETTE]
    tell = partial(change_row, alike=alike_settings(plan.changes))
    entries = [Entry(html_code(each.address.registry), partial(tell, each)) for each in asked]
    drifted = [Entry(DRIFT, partial(tell, each)) for each in drift]
    notes = [*(line(f"note: {each}") for each in plan.notes), *notes_of_unchanged(plan.changes)]
    above = [
        budget.part(_lead(plan, len(drift))),
        budget.fence(diff_lines(guard_lines(plan.guards)), "diff", most=MOST_LINES),
        _unreadable(plan, budget),
    ]
    in_table = [one.brief for one, each in zip(entries, asked, strict=True) if each.type not in IN_PALETTE]
    table_of_changes = _changes(in_table, budget)
    above += [table_of_changes, budget.part(_palette(in_palette))]
    below = [
        _typed(plan, budget),
        *(budget.part(_parity(each)) for each in parity(plan)),
        budget.fence([each.text for each in notes], most=MOST_LINES, summary=show_count(len(notes), "note")),
    ]
    diffs, cut = _diffs([*entries, *drifted], budget, bool(table_of_changes))
    return [*above, *diffs, *below], cut


def outcome_parts(outcome: Outcome, budget: Budget) -> Parts:
    """What an apply did and did not do, failures first."""
    results = sorted(
        outcome.results,
        key=lambda each: (_BY_CONCERN.index(each.status), _BY_DANGER.index(each.change.action)),
    )
    tell = partial(result_row, hints=hints_of(results))
    entries = [Entry(html_code(each.change.address.registry), partial(tell, each)) for each in results]
    above = [budget.part(show_spent(outcome)), _unreadable(outcome.plan, budget)]
    table_of_changes = _changes([each.brief for each in entries], budget)
    typed = _typed(outcome, budget)
    diffs, cut = _diffs(entries, budget, bool(table_of_changes))
    return [*above, table_of_changes, typed, *diffs], cut


def _lead(plan: Plan, drift: int) -> str:
    """Which registries, what stays as it is there, and what the counts do not say."""
    names = [code(each.name) for each in plan.registries]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    parts = [", ".join(names[:MOST_NAMES]) + more, show_kept(plan)]
    if drift:
        parts.append(f"drift {show_count(drift, 'change')}")
    parts += [each.text for each in caveats(plan) if each.style is Style.PLAIN]
    return " · ".join(each for each in parts if each)


def _unreadable(plan: Plan, budget: Budget) -> str:
    rows = unreadable_rows(plan, Detail.CHANGES)
    return budget.fence(diff_lines(table(rows)), "diff", most=MOST_LINES)


def _changes(rows: Sequence[Row], budget: Budget) -> str:
    """A table of changes; a cause has a column where one is known."""
    known = any(row.cause is not Cause.UNKNOWN for row in rows)
    head = table_head(["", "registry", "address", "change", *(["cause"] if known else []), "why"])
    lines = [_row(each, known) for each in rows[:MOST_CHANGES]]
    shown = budget.first(lines, around=len(head) + 40)
    if not shown:
        return ""
    hidden = len(rows) - len(shown)
    return "\n".join([head, *shown]) + (f"\n\n… and {hidden:,} more" if hidden else "")


def _row(row: Row, with_cause: bool) -> str:
    registry, _, rest = row.address.partition("/")
    cause = [] if row.cause is Cause.UNKNOWN else [row.cause.value]
    why = " ".join(words(each) for each in row.rest if each)
    cells = [code(diff_marker(row.marker)), code(registry), code(rest), row.verb]
    return table_row([*cells, *(cause or [""] if with_cause else []), why])


def _palette(changes: Sequence[Change]) -> str:
    """What becomes of the registrations in Palette, where changes of them are planned."""
    if not changes:
        return ""
    rows = [
        table_row(
            [
                code(each.address.registration or ""),
                attempted(each) + (" blocked" if each.action is Action.BLOCKED else ""),
                _in_short(each),
                words(each.why),
            ]
        )
        for each in changes[:MOST_CHANGES]
    ]
    more = len(changes) - len(rows)
    head = table_head(["Palette registration", "change", "what", "why"])
    return "\n".join([head, *rows]) + (f"\n\n… and {more:,} more" if more else "")


def _in_short(change: Change) -> str:
    """The settings that differ; where there is one side only, what is registered; of a sync what it is to bring."""
    if change.type is ResourceType.SYNC:
        return code(to_be_listed(change, full=False))
    before, after = change.before, change.after
    if before is None or after is None:
        whole = after or before or {}
        return " ".join(code(str(whole[each])) for each in ("endpoint", "baseContentPath") if whole.get(each))
    return ", ".join(code(name) for name in differing(after, before))


def _typed(run: Plan | Outcome, budget: Budget) -> str:
    """What Palette's users must type, where there is such."""
    lines = [each.text for each in render_typed(run, full=True)[:-1]]
    return budget.fence(lines, most=MOST_LINES, summary="Charts to type in Palette") if lines else ""


def _parity(regions: Parity) -> str:
    """A table of the artifacts in which the regions disagree, where there are any."""
    uneven = uneven_rows(regions)
    if not uneven:
        return f"Parity of {code(regions.registry)} {show_standings(regions)}"
    head = table_head(["", *(code(each) for each in regions.regions)])
    rows = [table_row([code(row.artifact), *cells(regions, row)]) for row in uneven[:MOST_ROWS]]
    more = [f"… and {len(uneven) - MOST_ROWS:,} more"] if len(uneven) > MOST_ROWS else []
    below = [*more, *filter(None, [show_warning(regions)])]
    summary = f"Parity of {html_code(regions.registry)} {show_standings(regions)}"
    return folded(summary, "\n\n".join(["\n".join([head, *rows]), *below]))


def _diffs(entries: Sequence[Entry], budget: Budget, has_table: bool) -> Parts:
    """The folded diffs, and which step of the ladder is reached where they do not fit."""
    blocks, complete = folds(entries, budget)
    if complete:
        return blocks, "each change has a line, and its diff where that fits"
    kept = "a table of the most dangerous changes" if has_table else "the counts"
    return blocks, f"{kept} and the lines of some registries" if blocks else f"only {kept}"
