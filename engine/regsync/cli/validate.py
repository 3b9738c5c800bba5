"""`validate`: manifests, packs and charts, offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.options import DiagnosticsFormat
from regsync.cli.plan import default_paths, gather_variables, open_workspace, since
from regsync.cli.status import INVALID, OK
from regsync.content.chart import Chart, lint_chart
from regsync.content.lint import lint_pack
from regsync.content.pack import Pack
from regsync.model.diagnostic import Diagnostic, Severity, has_errors
from regsync.report import machine
from regsync.report.diagnostics import render_diagnostics
from regsync.report.github import github_annotations
from regsync.report.junit import render_junit
from regsync.report.lines import Style, line, show_count
from regsync.report.sarif import render_sarif
from regsync.run.revisions.versions import kept_versions
from regsync.run.upstream import Upstream


def run(
    console: Console,
    paths: list[str] | None,
    *,
    strict: bool,
    output: DiagnosticsFormat,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
    base: str | None = None,
) -> int:
    wanted = default_paths(console, paths, "validate")
    found: list[Diagnostic] = []
    with Display(console) as display, open_workspace(console, display, 1) as workspace:
        checked = workspace.check(wanted, gather_variables(console, assignments, variable_files))
        if asked := since(base, assignments, variable_files):
            with workspace.base(asked, wanted, checked) as then:
                found += kept_versions(checked.desired, checked.sources, then)
            if then.invalid:
                console.note(f"note: versions were not looked at: invalid at {then.base}: {then.invalid}")
    found += checked.diagnostics
    for each in checked.read:
        found += lint_chart(each) if isinstance(each, Chart) else lint_pack(each)
    diagnostics = sorted(found, key=Diagnostic.sort_key)
    if strict:
        diagnostics = [replace(each, severity=Severity.ERROR) for each in diagnostics]
    console.reports.diagnostics = diagnostics
    status = INVALID if has_errors(diagnostics) else OK
    match output:
        case DiagnosticsFormat.JSON:
            console.json(machine.diagnostics_to_json(diagnostics))
        case DiagnosticsFormat.GITHUB:
            console.out(github_annotations(diagnostics))
        case DiagnosticsFormat.SARIF:
            console.text(render_sarif(console.reports.run(console, status, None)))
        case DiagnosticsFormat.JUNIT:
            console.text(render_junit(console.reports.run(console, status, None)))
        case _:
            console.out(render_diagnostics(diagnostics, concise=output is DiagnosticsFormat.CONCISE))
            if not diagnostics:
                packs = sum(isinstance(each, Pack) for each in checked.read)
                pinned = {each.pin for each in checked.sources.values() if isinstance(each, Upstream)}
                charts = len(checked.read) - packs + len(pinned)
                examined = [show_count(checked.desired.files, "file")]
                if packs or not charts:
                    examined.append(show_count(packs, "pack"))
                if charts:
                    examined.append(show_count(charts, "chart"))
                console.out([line(f"Valid. {', '.join(examined)}, nothing to report.", Style.STRONG)])
    return status
