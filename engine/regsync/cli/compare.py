"""`show --compare`: what has changed between two saved plans."""

from __future__ import annotations

from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.status import OK
from regsync.report.since import compare, render_since, since_to_json
from regsync.run.planfile import read_plan


def run(console: Console, old: Path, new: Path) -> int:
    plan = console.reports.plan = read_plan(console.root / new)
    since = compare(read_plan(console.root / old), plan)
    if console.as_json:
        console.json(since_to_json(since))
    else:
        console.out(render_since(since))
    return OK
