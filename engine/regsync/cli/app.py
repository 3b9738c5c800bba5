"""The program and its main commands. Bodies only gather options and hand them on; rooms are imported when needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regsync.cli import options as o
from regsync.cli.around import around

if TYPE_CHECKING:
    from regsync.cli.console import Console

app = typer.Typer(
    name="regsync",
    help="Plan and apply for OCI registries: what YAML manifests say of packs and charts, compared with what is there.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(around)


@app.callback()
def settings(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Option("-C", metavar="DIR", envvar="REGSYNC_C", help="Act as if started in this directory."),
    ] = Path(),
    color: Annotated[
        o.Color, typer.Option("--color", envvar="REGSYNC_COLOR", help="Colour on terminals.")
    ] = o.Color.AUTO,
    log_format: Annotated[
        o.LogFormat,
        typer.Option("--log-format", envvar="REGSYNC_LOG_FORMAT", help="Form of the log on stderr."),
    ] = o.LogFormat.TEXT,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", envvar="REGSYNC_VERBOSE", help="Log every request.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", envvar="REGSYNC_QUIET", help="No progress, only results.")
    ] = False,
    no_input: Annotated[
        bool, typer.Option("--no-input", envvar="REGSYNC_NO_INPUT", help="Never ask; refuse instead.")
    ] = False,
) -> None:
    if context.resilient_parsing:
        return
    if not directory.is_dir():
        raise typer.BadParameter(f"{directory} is no directory", param_hint="-C")
    console: Console = context.obj
    console.root = directory
    console.color = color
    console.log_format = log_format
    console.verbosity = int(verbose) - int(quiet)
    console.interactive = not no_input
    console.start_logging()


@app.command()
def validate(
    context: typer.Context,
    paths: o.Paths = None,
    strict: o.Strict = False,
    output: o.Format = o.DiagnosticsFormat.FULL,
    variables: o.Vars = None,
    variable_files: o.VarFiles = None,
    report: o.Report = None,
    base: o.Base = None,
) -> int:
    """Check manifests, packs and charts offline. Syntax, schema, references, and what would break in Palette."""
    from regsync.cli.validate import run

    context.obj.reports.ask(context.obj, "validate", report, paths)
    return run(
        context.obj,
        paths,
        strict=strict,
        output=output,
        assignments=variables,
        variable_files=variable_files,
        base=base,
    )


@app.command()
def plan(
    context: typer.Context,
    paths: o.Paths = None,
    out: o.Out = None,
    detailed_exitcode: o.DetailedExitcode = False,
    detail: o.Detail = o.DetailOption.CHANGES,
    target: o.Targets = None,
    exclude: o.Excludes = None,
    var: o.Vars = None,
    var_file: o.VarFiles = None,
    parallelism: o.Parallelism = 8,
    report: o.Report = None,
    json: o.Json = False,
    max_deletes: o.MaxDeletes = None,
    max_delete_share: o.MaxDeleteShare = None,
    allow_empty: o.AllowEmpty = None,
    unprotect: o.Unprotect = None,
    adopt: o.Adopt = None,
    send_secrets: o.SendSecrets = None,
    base: o.Base = None,
) -> int:
    """Show what apply would do. Reads the registries, writes nothing."""
    from regsync.cli.plan import request, run, since

    context.obj.as_json = json
    context.obj.reports.ask(context.obj, "plan", report, paths, target, exclude)
    wanted = request(
        context.obj,
        paths,
        "plan",
        target=target,
        exclude=exclude,
        assignments=var,
        variable_files=var_file,
        max_deletes=max_deletes,
        max_delete_share=max_delete_share,
        allow_empty=allow_empty,
        unprotect=unprotect,
        adopt=adopt,
        send_secrets=send_secrets,
    )
    return run(
        context.obj,
        wanted,
        out=out,
        detailed=detailed_exitcode,
        detail=detail,
        parallelism=parallelism,
        since=since(base, var, var_file),
    )


@app.command()
def apply(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH|PLANFILE",
            help="Manifests, or folders of them (default: registries/), or one saved plan.",
            show_default=False,
        ),
    ] = None,
    auto_approve: o.AutoApprove = False,
    fail_fast: o.FailFast = False,
    detail: o.Detail = o.DetailOption.CHANGES,
    target: o.Targets = None,
    exclude: o.Excludes = None,
    var: o.Vars = None,
    var_file: o.VarFiles = None,
    parallelism: o.Parallelism = 8,
    report: o.Report = None,
    json: o.Json = False,
    max_deletes: o.MaxDeletes = None,
    max_delete_share: o.MaxDeleteShare = None,
    allow_empty: o.AllowEmpty = None,
    unprotect: o.Unprotect = None,
    adopt: o.Adopt = None,
    send_secrets: o.SendSecrets = None,
) -> int:
    """Make the registries what the manifests say. Asks first, unless it carries out a saved plan."""
    from regsync.cli import apply as command
    from regsync.cli.plan import request

    context.obj.as_json = json
    context.obj.reports.ask(context.obj, "apply", report, paths, target, exclude)
    saved = command.saved_plan(context.obj, paths)
    if saved is not None:
        _refuse_planning_options(context)
        return command.run_saved(
            context.obj, saved, fail_fast=fail_fast, detail=detail, parallelism=parallelism
        )
    wanted = request(
        context.obj,
        paths,
        "apply",
        target=target,
        exclude=exclude,
        assignments=var,
        variable_files=var_file,
        max_deletes=max_deletes,
        max_delete_share=max_delete_share,
        allow_empty=allow_empty,
        unprotect=unprotect,
        adopt=adopt,
        send_secrets=send_secrets,
    )
    return command.run(
        context.obj,
        wanted,
        auto_approve=auto_approve,
        fail_fast=fail_fast,
        detail=detail,
        parallelism=parallelism,
    )


def _refuse_planning_options(context: typer.Context) -> None:
    for name in o.PLANNING:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            recorded = "a saved plan has recorded its options; make a new plan to change them"
            raise typer.BadParameter(recorded, param_hint="--" + name.replace("_", "-"))


@app.command()
def show(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="PLANFILE", help="A plan saved by plan --out.")],
    compare: o.Compare = None,
    detail: o.Detail = o.DetailOption.CHANGES,
    json: o.JsonDocument = False,
    report: o.Report = None,
) -> int:
    """Print a saved plan again, or what has changed since an earlier one."""
    context.obj.as_json = json
    context.obj.reports.ask(context.obj, "show", report, reads=(file, compare))
    if compare is not None:
        from regsync.cli.compare import run as run_comparison

        return run_comparison(context.obj, compare, file)
    from regsync.cli.plan import show as run

    return run(context.obj, file, detail=detail)
