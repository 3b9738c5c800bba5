"""`show --compare`: what has changed between two saved plans."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.reports import Report
from regsync.cli.status import OK
from regsync.model.errors import UsageError
from regsync.report.since import compare, render_since, since_to_json
from regsync.run.planfile import read_plan

FORMATS = ("json", "markdown", "github-summary", "text")
"""Formats of reports that have a form for a comparison."""


def refuse_other_formats(reports: Iterable[Report]) -> None:
    """Raise UsageError for a report that cannot tell what has changed between two plans."""
    for each in reports:
        if each.format not in FORMATS:
            raise UsageError(
                f"--report {each}: a comparison cannot be written as {each.format}",
                hint=f"with --compare: {', '.join(FORMATS)}; without, show writes the whole plan in any format",
            )


def run(console: Console, old: Path, new: Path) -> int:
    refuse_other_formats(console.reports.wanted)
    plan = read_plan(console.root / new)
    since = compare(read_plan(console.root / old), plan)
    console.reports.plan, console.reports.since = plan, since
    if console.as_json:
        console.json(since_to_json(since))
    else:
        console.out(render_since(since))
    return OK
