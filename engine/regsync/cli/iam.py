"""`iam`: the policies that regsync and Palette need for the registries of Amazon ECR.

Asks Palette who will assume the roles that manifests name for it; reaches nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.options import ReportFormat
from regsync.cli.plan import default_paths, gather_variables
from regsync.cli.status import OK
from regsync.manifest.load import load
from regsync.model.access import Trustee
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import has_errors
from regsync.model.errors import ManifestInvalid, RegsyncError, UsageError
from regsync.model.registry import AuthMethod
from regsync.palette.base import open_palette
from regsync.registries.ecr.iam import access
from regsync.report.iam import iam_to_json, render_iam
from regsync.report.lines import Style, line


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
    found = access(loaded.declarations, _trustees(console, loaded.declarations))
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


def _trustees(console: Console, declarations: Iterable[Declaration]) -> dict[str, Trustee]:
    """Who assumes the roles of `spec.palette.auth`, by document. Where a Palette cannot be asked, that is said, and its
    placeholders stay."""
    found: dict[str, Trustee] = {}
    for declaration in declarations:
        for each in declaration.registrations[:1]:
            place = declaration.spec.aws
            if each.auth.method is not AuthMethod.STS or place is None:
                continue
            palette = open_palette(
                each.palette, console.environment, logging.getLogger("regsync.transport").debug
            )
            try:
                account, external_id = palette.sts(place.partition)
                written = each.auth.aws.external_id
                found[declaration.spec.declared] = Trustee(account, written or external_id)
            except RegsyncError as error:
                told = (
                    f"{declaration.spec.declared}: the trust policy keeps its placeholders: {error.message}"
                )
                console.err([line(told, Style.WARNING)])
                if error.hint:
                    console.err([line(f"  help: {error.hint}")])
            finally:
                palette.close()
    return found
