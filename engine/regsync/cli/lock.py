"""`lock`: pins the charts that manifests take from elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from regsync.cli.console import Console, now
from regsync.cli.display import Display
from regsync.cli.plan import default_paths, gather_variables, open_workspace
from regsync.cli.status import FAILED, INVALID, OK
from regsync.report.diagnostics import render_diagnostics
from regsync.report.lock import render_locking


def run(
    console: Console,
    paths: list[str] | None,
    *,
    update: list[str],
    assignments: list[str] | None,
    variable_files: list[Path] | None,
    parallelism: int,
) -> int:
    with Display(console) as display, open_workspace(console, display, parallelism) as workspace:
        locking = workspace.lock(
            default_paths(console, paths, "lock"),
            gather_variables(console, assignments, variable_files),
            update=update,
            now=datetime.fromisoformat(now()),
        )
    console.out(render_locking(locking))
    if not locking.diagnostics:
        return OK
    console.err(render_diagnostics(list(locking.diagnostics)))
    unusable = all(each.code != "RS304" for each in locking.diagnostics)
    return INVALID if unusable else FAILED
