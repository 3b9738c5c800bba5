"""A run as the text that a terminal shows, without colours."""

from __future__ import annotations

from collections.abc import Iterator

from regsync.model.errors import ManifestInvalid
from regsync.report.diagnostics import render_diagnostics, render_error
from regsync.report.lines import Line, line, plain
from regsync.report.outcome import render_outcome
from regsync.report.plan import Detail, Observation, render_plan
from regsync.report.run import Run
from regsync.report.since import render_since


def render_text(run: Run) -> Iterator[str]:
    """Findings, plan, outcome and error, as far as there are any, with everything that changes; or a comparison."""
    if run.since is not None:
        yield plain(render_since(run.since))
        return
    parts: list[list[Line]] = [render_diagnostics(run.diagnostics)]
    if run.plan is not None:
        seen = Observation(
            len(run.plan.changes) + run.plan.unmanaged, run.seconds, sum(run.requests.values())
        )
        parts.append(render_plan(run.plan, detail=Detail.FULL, observed=seen if run.requests else None))
    if run.outcome is not None:
        parts.append(render_outcome(run.outcome))
    if run.error is not None and not isinstance(run.error, ManifestInvalid):
        parts.append(render_error(run.error))
    for number, part in enumerate(each for each in parts if each):
        yield plain([line(), *part] if number else part)
