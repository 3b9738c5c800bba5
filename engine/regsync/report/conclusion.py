"""What a plan comes to: how much it would change, how much stays, and what keeps it from being the whole truth."""

from __future__ import annotations

from regsync.model.codec import fingerprint
from regsync.model.plan import Plan, Selection
from regsync.report.lines import Line, Style, line, show_count


def conclusion(plan: Plan) -> list[Line]:
    """The last lines of a plan as text."""
    tail = f"{show_kept(plan)}.     plan-id {fingerprint(plan)[:8]}"
    if nothing_to_say(plan):
        return [line(show_no_changes(plan), Style.STRONG), line(tail)]
    return [line(f"Plan: {show_planned(plan)}. {tail}", Style.STRONG), *caveats(plan)]


def nothing_to_say(plan: Plan) -> bool:
    """Whether live and desired state are known to be the same; a selection or a refusal leaves that open."""
    return not any(
        (plan.has_changes, plan.summary.blocked, plan.errored, plan.not_compared, plan.refused, plan.outside)
    )


def show_no_changes(plan: Plan) -> str:
    """What is said of a plan with `nothing_to_say`; a selection does not speak for the rest."""
    whole = plan.request.selection == Selection()
    where = ". The registries hold what the manifests ask for" if whole else " in what is selected"
    return f"No changes{where}."


def show_planned(plan: Plan) -> str:
    """`1 to add, 2 to change, 1 to delete, 1 blocked`."""
    summary = plan.summary
    planned = f"{summary.add} to add, {summary.change} to change, {summary.delete} to delete"
    return planned + (f", {summary.blocked} blocked" if summary.blocked else "")


def show_kept(plan: Plan) -> str:
    """`214 unchanged, 3 unmanaged, 41 not compared`."""
    summary = plan.summary
    kept = [f"{summary.unchanged} unchanged"]
    if summary.unmanaged:
        kept.append(f"{summary.unmanaged} unmanaged")
    if summary.unreadable:
        kept.append(f"{summary.unreadable} not compared")
    return ", ".join(kept)


def caveats(plan: Plan) -> list[Line]:
    """What the counts do not say: a selection, parts that could not be read, guards that refuse."""
    lines = []
    if plan.outside:
        lines.append(line(f"partial: {show_count(plan.outside, 'change')} outside the selection"))
    if plan.unreadable:
        parts = show_count(len(plan.unreadable), "part")
        lines.append(
            line(
                f"incomplete: {parts} of the live registries could not be read; nothing is created or deleted there",
                Style.ERROR,
            )
        )
    if plan.refused:
        lines.append(line("refused: while a guard stands against it, apply writes nothing", Style.ERROR))
    return lines
