"""`import`: manifests for what is live, and with --unmanaged what no manifest names."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import typer

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.plan import default_paths, gather_variables, open_workspace
from regsync.cli.status import FAILED, OK
from regsync.manifest.target import read_targets
from regsync.model.errors import UsageError
from regsync.model.reference import is_repository
from regsync.model.registry import RegistryType
from regsync.report.importing import render_imported, render_strays, render_unreadable
from regsync.run.adopting.importing import Wish

_OF_ENDPOINTS = ("out", "pull_packs", "repository", "kind", "ca_file", "connect_to")
_OF_MANIFESTS = ("var", "var_file")


def run(
    context: typer.Context,
    endpoints: list[str] | None,
    *,
    out: Path | None,
    pull_packs: Path | None,
    repositories: list[str] | None,
    kind: RegistryType | None,
    ca_file: Path | None,
    connect_to: str | None,
    parallelism: int,
) -> int:
    console: Console = context.obj
    _refuse(context, _OF_MANIFESTS, "manifests are read with --unmanaged only")
    targets = read_targets(endpoints or (), kind, console.root)
    if not targets:
        raise UsageError(
            "no endpoint to import from",
            hint="regsync import https://harbor.example.com/team; --unmanaged takes manifests instead",
        )
    if repositories and len(targets) > 1:
        raise UsageError("--repository names repositories of one registry", hint="import one at a time")
    for name in repositories or ():
        if not is_repository(name):
            raise UsageError(
                f"--repository {name}: no repository has such a name", hint="leave host and tag out"
            )
    wish = Wish(targets, out, pull_packs, tuple(repositories or ()), connect_to, ca_file)
    with Display(console) as display, open_workspace(console, display, parallelism) as workspace:
        imported = workspace.adopt(wish)
    console.out(render_imported(imported))
    if imported.written:
        console.note(f"next: regsync plan {' '.join(each.file for each in imported.written)}")
    return FAILED if imported.unreadable else OK


def unmanaged(
    context: typer.Context,
    paths: list[str] | None,
    *,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
    parallelism: int,
) -> int:
    console: Console = context.obj
    _refuse(context, _OF_ENDPOINTS, "beside --unmanaged, the manifests say it all and nothing is written")
    with Display(console) as display, open_workspace(console, display, parallelism) as workspace:
        found, unreadable = workspace.strays(
            default_paths(console, paths, "import --unmanaged"),
            gather_variables(console, assignments, variable_files),
        )
    console.out(render_strays(found))
    console.err(render_unreadable(unreadable))
    if any(each.strays for each in found):
        console.note(
            "pasted under `content:` of its document, a line has that artifact deleted by the next apply"
        )
    return FAILED if unreadable else OK


def _refuse(context: typer.Context, names: Collection[str], why: str) -> None:
    """Raise for options that would do nothing."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(why, param_hint=parameter.opts[0])
