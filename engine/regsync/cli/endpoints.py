"""`endpoints`: where each registry is, what goes there, and which hosts that takes. Reaches nothing."""

from __future__ import annotations

from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.options import ReportFormat
from regsync.cli.plan import default_paths, gather_variables, open_workspace
from regsync.cli.status import OK
from regsync.model.diagnostic import has_errors
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.registries.acr.hosts import azure_hosts
from regsync.registries.ecr.hosts import aws_hosts
from regsync.report.endpoints import endpoints_to_json, render_endpoints


def run(
    console: Console,
    paths: list[str] | None,
    *,
    output: ReportFormat,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
) -> int:
    named = default_paths(console, paths, "endpoints")
    variables = gather_variables(console, assignments, variable_files)
    with Display(console) as display, open_workspace(console, display, 1) as workspace:
        checked = workspace.check(named, variables)
    if has_errors(checked.diagnostics):
        raise ManifestInvalid(checked.diagnostics)
    if not checked.desired.registries:
        raise UsageError(
            f"no document of kind Registry in {', '.join(named)}",
            hint="name the file that declares the registry, too",
        )
    reached = [
        (each, (*aws_hosts(each.spec), *azure_hosts(each.spec))) for each in checked.desired.registries
    ]
    if output is ReportFormat.JSON:
        console.json(endpoints_to_json(reached))
    else:
        console.out(render_endpoints(reached))
    return OK
