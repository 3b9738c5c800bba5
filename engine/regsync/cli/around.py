"""The commands around plan and apply: to begin with, to look things up, to ask for rights. As in `app`, bodies only hand
options on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer
from typer.core import TyperGroup

from regsync.cli import options as o

around = typer.Typer(rich_markup_mode=None)
registries_app = typer.Typer(
    help="Look at the registries themselves.", no_args_is_help=True, rich_markup_mode=None
)
config_app = typer.Typer(help="Look at the settings in force.", no_args_is_help=True, rich_markup_mode=None)
around.add_typer(registries_app, name="registries")
around.add_typer(config_app, name="config")


@registries_app.command("check")
def registries_check(
    context: typer.Context,
    paths: o.Paths = None,
    variables: o.Vars = None,
    variable_files: o.VarFiles = None,
    parallelism: o.Parallelism = 8,
) -> int:
    """Reach every registry of the manifests and log in. Writes nothing."""
    from regsync.cli.check import run

    return run(
        context.obj, paths, assignments=variables, variable_files=variable_files, parallelism=parallelism
    )


@around.command()
def lock(
    context: typer.Context,
    paths: o.Paths = None,
    update: o.Update = None,
    variables: o.Vars = None,
    variable_files: o.VarFiles = None,
    parallelism: o.Parallelism = 8,
) -> int:
    """Pin the charts that come from elsewhere. What is missing in the lock files is added, the rest is kept."""
    from regsync.cli.lock import run

    return run(
        context.obj,
        paths,
        update=update or [],
        assignments=variables,
        variable_files=variable_files,
        parallelism=parallelism,
    )


@around.command()
def iam(
    context: typer.Context,
    paths: o.Paths = None,
    output: o.ReportForm = o.ReportFormat.TEXT,
    variables: o.Vars = None,
    variable_files: o.VarFiles = None,
) -> int:
    """Print the IAM policies that registries of Amazon ECR need. For a plan, an apply, and for Palette."""
    from regsync.cli.iam import run

    return run(context.obj, paths, output=output, assignments=variables, variable_files=variable_files)


@around.command()
def endpoints(
    context: typer.Context,
    paths: o.Paths = None,
    output: o.ReportForm = o.ReportFormat.TEXT,
    variables: o.Vars = None,
    variable_files: o.VarFiles = None,
) -> int:
    """Print where each registry is, what goes there, and the hosts that a firewall must let through."""
    from regsync.cli.endpoints import run

    return run(context.obj, paths, output=output, assignments=variables, variable_files=variable_files)


@around.command()
def explain(
    context: typer.Context,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="A diagnostic's code; none lists them all.")
    ] = None,
) -> int:
    """Explain a diagnostic's code. What it means, why it matters, what to do."""
    from regsync.cli.reference import explain as run

    return run(context.obj, code)


@around.command()
def schema(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="Registry, ContentSet, Palette, …; none lists them."),
    ] = None,
) -> int:
    """Print the JSON schema of a manifest kind or of a report."""
    from regsync.cli.reference import schema as run

    return run(context.obj, kind)


@config_app.command("show")
def config_show(context: typer.Context) -> int:
    """Print every option that a variable sets, and the variables that regsync reads."""
    from regsync.cli.reference import config as run

    return run(context.obj, cast(TyperGroup, context.find_root().command))


@around.command()
def version() -> int:
    """Print the version."""
    from regsync import __version__

    typer.echo(f"regsync {__version__}")
    return 0


@around.command()
def init(
    context: typer.Context,
    endpoint: o.Endpoint,
    packs: o.Packs = Path("packs"),
    out: o.ManifestOut = None,
    kind: o.Kind = None,
) -> int:
    """Write a first manifest, for a folder of packs and a registry."""
    from regsync.cli.init import run

    return run(context.obj, endpoint, packs=packs, out=out, kind=kind)


@around.command("import")
def import_(
    context: typer.Context,
    endpoints: o.Endpoints = None,
    out: o.ManifestOut = None,
    pull_packs: o.PullPacks = None,
    unmanaged: o.Unmanaged = False,
    repository: o.Repository = None,
    kind: o.Kind = None,
    ca_file: o.CaFile = None,
    connect_to: o.ConnectTo = None,
    var: o.Vars = None,
    var_file: o.VarFiles = None,
    parallelism: o.Parallelism = 8,
) -> int:
    """Write manifests for what is live in registries. The next plan has nothing to do then.

    Registries are only read. Logins are those of docker (docker login), and what the AWS SDK finds for Amazon ECR.
    """
    from regsync.cli import importing as command

    if unmanaged:
        return command.unmanaged(
            context, endpoints, assignments=var, variable_files=var_file, parallelism=parallelism
        )
    return command.run(
        context,
        endpoints,
        out=out,
        pull_packs=pull_packs,
        repositories=repository,
        kind=kind,
        ca_file=ca_file,
        connect_to=connect_to,
        parallelism=parallelism,
    )
