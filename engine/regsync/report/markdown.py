"""A run as one comment in a pull request: what matters first, what is long folded, in GitHub-flavoured Markdown.

Knows the parts and their order. How foreign text is kept harmless stands in `neutral`, what fits in `budget`.
"""

from __future__ import annotations

import json
from datetime import UTC
from hashlib import sha256

from regsync.model.codec import fingerprint
from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import ManifestInvalid
from regsync.model.outcome import Outcome
from regsync.model.plan import Action, Plan
from regsync.report.budget import SEPARATOR, Budget
from regsync.report.conclusion import caveats, nothing_to_say, show_kept, show_no_changes, show_planned
from regsync.report.diagnostics import show_severities
from regsync.report.lines import Style
from regsync.report.markdown_parts import error_part, findings_part, outcome_parts, plan_parts
from regsync.report.neutral import code, link
from regsync.report.outcome import is_complete, show_verdict, what_is_left
from regsync.report.run import Run

LIMIT = 65_536
"""Characters of a comment on GitHub. GitLab takes 1,000,000 in a note, Azure DevOps 150,000, Bitbucket 32,768."""

LEAST_LIMIT = 1_000
"""The counts and the link fit into this, whatever the run."""

_NOTICE = 180
"""Bytes that are kept free for saying that something is left out."""


def render_markdown(run: Run, *, limit: int = LIMIT) -> str:
    """The run as Markdown of at most `limit` bytes of UTF-8, and so of at most as many characters, however they are
    counted. The limit is `LEAST_LIMIT` or more.

    The first line is a marker which stays the same for the same subject, so that a comment can be found again and
    replaced. Where not everything fits, less is told of the changes: a line each and some of their diffs, then a table
    of the most dangerous ones, then their counts; a note says which, and how many lines are left out.
    """
    if run.plan and not run.outcome and not run.error and nothing_to_say(run.plan):
        quiet = f"**regsync plan:** {show_no_changes(run.plan)}"
        return f"{_marker(run)}\n{quiet}\n\n{_footer(run, show_kept(run.plan))}\n"
    top = [f"{_marker(run)}\n### {_heading(run)}", *_alert(run)]
    footer = _footer(run)
    size = sum(len(each.encode()) + SEPARATOR for each in [*top, footer])
    budget = Budget(limit - size - _NOTICE)
    parts, cut = _parts(run, budget)
    if budget.left_out:
        how = f"{cut}; " if cut else ""
        left_out = f"{budget.left_out:,} {'line' if budget.left_out == 1 else 'lines'} left out"
        top.append(f"> [!NOTE]\n> Shortened to {limit:,} bytes: {how}{left_out}.")
    return "\n\n".join(each for each in [*top, *parts, footer] if each) + "\n"


def _marker(run: Run) -> str:
    """A subject that the caller does not give is what the plan tells of it: not enough for two folders with equal names,
    and nothing where a run ends before there is a plan."""
    subject: list[object] = [*run.subject]
    plan = _plan(run)
    if plan and not subject:
        request = plan.request
        documents = sorted({each.name.partition("@")[0] for each in plan.registries})
        subject = [request.paths, request.selection.targets, request.selection.excludes, documents]
    mark = sha256(json.dumps(subject).encode()).hexdigest()[:12]
    return f"<!-- regsync:{_command(run)}:{mark} -->"


def _plan(run: Run) -> Plan | None:
    return run.outcome.plan if run.outcome else run.plan


def _command(run: Run) -> str:
    return "plan" if run.command == "show" else run.command


def _heading(run: Run) -> str:
    if run.outcome:
        return f"regsync: {show_verdict(run.outcome)}"
    how = ""
    if run.error:
        how = " refused" if run.error.exit_status == 4 else " failed"
    found = show_planned(run.plan) if run.plan else show_severities(_findings(run))
    if not found and not run.error:
        found = "no findings"
    return f"regsync {_command(run)}{how}" + (f": {found}" if found else "")


def _alert(run: Run) -> list[str]:
    """What may do harm, if anything."""
    lines = []
    if run.outcome:
        lines = [] if is_complete(run.outcome) else [*_undone(run.outcome), what_is_left(run.outcome)]
    elif run.plan:
        lines = _dangers(run.plan)
    return ["\n".join(["> [!CAUTION]", *(f"> - {each}" for each in lines)])] if lines else []


def _undone(outcome: Outcome) -> list[str]:
    summary = outcome.summary
    counts = {
        "failed": summary.failed,
        "skipped": summary.skipped,
        "refused": summary.refused,
        "not compared": outcome.plan.not_compared,
    }
    return [f"{number} {what}" for what, number in counts.items() if number]


def _dangers(plan: Plan) -> list[str]:
    actions = [each.action for each in plan.changes]
    counts = {
        "to delete": actions.count(Action.DELETE),
        "to replace": actions.count(Action.REPLACE),
        "blocked": actions.count(Action.BLOCKED),
    }
    dangers = [", ".join(f"{number} {what}" for what, number in counts.items() if number)]
    dangers += [each.text for each in caveats(plan) if each.style is Style.ERROR]
    texts = (text for each in plan.changes for text in (*each.binding.values(), *each.notes))
    skips = any((each.after or {}).get("insecureSkipVerify") is True for each in plan.changes)
    if skips or any("insecureSkipVerify" in each for each in (*texts, *plan.notes)):
        dangers.append("certificates are not verified (insecureSkipVerify)")
    return [each for each in dangers if each]


def _footer(run: Run, *first: str) -> str:
    plan = _plan(run)
    at = run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    parts = [
        *first,
        f"commit {code(run.surrounding.commit[:12])}" if run.surrounding.commit else "",
        f"plan-id {code(fingerprint(plan)[:8])}" if plan else "",
        f"observed {at}" if run.command == "plan" else at,
        link("the whole run", run.surrounding.url),
    ]
    return f"<sub>{' · '.join(each for each in parts if each)}</sub>"


def _parts(run: Run, budget: Budget) -> tuple[list[str], str]:
    """What stands between the alerts and the footer, and what is told of the changes where not all of it fits."""
    findings = _findings(run)
    in_the_way = bool(run.error) or not run.plan
    parts: list[str] = []
    below: list[str] = []
    if run.error and not isinstance(run.error, ManifestInvalid):
        parts.append(error_part(run.error, budget))
    if findings:
        (parts if in_the_way else below).append(findings_part(findings, budget, fold=not in_the_way))
    changes: list[str] = []
    cut = ""
    if run.outcome:
        changes, cut = outcome_parts(run.outcome, budget)
    elif run.plan:
        changes, cut = plan_parts(run.plan, budget)
    return [*parts, *changes, *below], cut


def _findings(run: Run) -> tuple[Diagnostic, ...]:
    """Each once: those of an error may be those of the run too."""
    of_error = run.error.diagnostics if isinstance(run.error, ManifestInvalid) else ()
    return tuple(dict.fromkeys([*run.diagnostics, *of_error]))
