"""`iam`: the policies that regsync and Palette need for the registries of Amazon ECR. Reaches nothing."""

from __future__ import annotations

from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.options import ReportFormat
from regsync.cli.plan import default_paths, gather_variables
from regsync.cli.status import OK
from regsync.manifest.load import load
from regsync.model.diagnostic import has_errors
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.registries.ecr.iam import access
from regsync.report.iam import iam_to_json, render_iam


def run(
    console: Console,
    paths: list[str] | None,
    *,
    output: ReportFormat,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
) -> int:
    named = default_paths(console, paths, "iam")
    variables = gather_variables(console, assignments, variable_files)
    # Policies speak of base content paths: no pack has to be read, nor even to be there.
    loaded = load([Path(each) for each in named], root=console.root, variables=variables, with_content=False)
    if has_errors(loaded.diagnostics):
        raise ManifestInvalid(loaded.diagnostics)
    found = access(loaded.declarations)
    if not found:
        raise UsageError(
            f"nothing to grant: no registry of type ecr or ecr-public in {', '.join(named)}",
            hint="name the file that declares the registry, too",
        )
    if output is ReportFormat.JSON:
        console.json(iam_to_json(found))
    else:
        console.out(render_iam(found))
    return OK
