"""How long it takes to tell of a plan of thousands of changes."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.plan import Action, Plan
from regsync.report.markdown import render_markdown
from regsync.report.run import Run
from tests.support.plans import make_change, make_plan

CHANGES, LINES = 5_000, 40


def large_plan() -> Plan:
    """Build a plan of changes of all kinds in four registries, each with a diff."""
    entry = FileEntry("values.yaml", "1" * 64, 2048)
    lines = ("@@ -1,20 +1,20 @@", *(f"{'-+'[number % 2]}replicas: {number}" for number in range(LINES)))
    diffs = (FileDiff("values.yaml", FileStatus.CHANGED, entry, entry, lines),)
    actions = (Action.CREATE, Action.UPDATE, Action.DELETE, Action.BLOCKED)
    return make_plan(
        *(
            make_change(
                f"harbor-{number % 4}/team/pack-{number}:1.0.0", actions[number // 4 % 4], diffs=diffs
            )
            for number in range(CHANGES)
        )
    )


def markdown_seconds(rounds: int) -> tuple[float, ...]:
    """Measure the comment for a pull request, once for each round."""
    run = Run("plan", datetime.now(UTC), plan=large_plan())
    seconds = []
    for _ in range(rounds):
        start = perf_counter()
        render_markdown(run)
        seconds.append(perf_counter() - start)
    return tuple(seconds)
