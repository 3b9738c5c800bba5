"""`plan` and `show`: ask for a plan, print it, save it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from regsync.cli.console import Console, now
from regsync.cli.display import Display
from regsync.cli.options import DEFAULT_PATH, DetailOption
from regsync.cli.status import plan_status
from regsync.content.cache import IndexCache, ManifestCache
from regsync.manifest.variables import Variables
from regsync.model.errors import Refused, UsageError
from regsync.model.plan import Overrides, Plan, PlanRequest, ResourceType, Selection
from regsync.report.guards import lifting
from regsync.report.plan import Detail, Observation, render_plan
from regsync.report.table import position
from regsync.run.planfile import is_plan_file, read_plan, write_plan
from regsync.run.revisions.base import Since
from regsync.run.workspace import Workspace
from regsync.sources.archives import Archives


def default_paths(console: Console, paths: list[str] | None, command: str) -> tuple[str, ...]:
    """The manifests that the user named to `command`, else the folder that is looked for. Raises UsageError where neither
    is."""
    for path in paths or ():
        if is_plan_file(console.root / path):
            raise UsageError(
                f"{path} is a saved plan, not a manifest",
                hint=f"regsync show {path} prints it, regsync apply {path} carries it out",
            )
    if paths:
        return tuple(paths)
    if (console.root / DEFAULT_PATH).is_dir():
        return (DEFAULT_PATH,)
    raise UsageError(
        f"no manifests: name a file or folder, or keep them in {DEFAULT_PATH}/",
        hint=f"regsync {command} PATH",
    )


def gather_variables(
    console: Console, assignments: list[str] | None, variable_files: list[Path] | None
) -> Variables:
    """Template variables: --var over --var-file over REGSYNC_VAR__x."""
    return Variables.resolve(assignments or (), variable_files or (), console.environment, root=console.root)


def request(
    console: Console,
    paths: list[str] | None,
    command: str,
    *,
    target: list[str] | None,
    exclude: list[str] | None,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
    max_deletes: int | None,
    max_delete_share: int | None,
    allow_empty: list[str] | None,
    unprotect: list[str] | None,
    adopt: list[str] | None,
    send_secrets: list[str] | None,
) -> PlanRequest:
    """What the planning options of `command` ask for."""
    return PlanRequest(
        paths=default_paths(console, paths, command),
        selection=Selection(tuple(target or ()), tuple(exclude or ())),
        overrides=Overrides(
            max_deletes=max_deletes,
            max_delete_share=max_delete_share,
            allow_empty=tuple(allow_empty or ()),
            unprotect=tuple(unprotect or ()),
            adopt=tuple(adopt or ()),
            send_secrets=tuple(send_secrets or ()),
        ),
        variables=gather_variables(console, assignments, variable_files).values,
    )


def since(base: str | None, assignments: list[str] | None, variable_files: list[Path] | None) -> Since | None:
    """What --base and the template variables ask for."""
    return None if base is None else Since(base, tuple(assignments or ()), tuple(variable_files or ()))


def open_workspace(console: Console, display: Display, parallelism: int) -> Workspace:
    cache = cache_directory(console.environment)
    return Workspace(
        console.root,
        environment=console.environment,
        indexes=IndexCache(cache),
        manifests=ManifestCache(cache / "manifests"),
        sink=display,
        parallelism=parallelism,
        trace=logging.getLogger("regsync.transport").debug,
        archives=Archives(cache / "charts"),
    )


def cache_directory(environment: Mapping[str, str]) -> Path:
    """REGSYNC_CACHE_DIR, else `regsync` in the user's cache directory."""
    if named := environment.get("REGSYNC_CACHE_DIR"):
        return Path(named)
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "regsync"


def run(
    console: Console,
    wanted: PlanRequest,
    *,
    out: Path | None,
    detailed: bool,
    detail: DetailOption,
    parallelism: int,
    since: Since | None = None,
) -> int:
    if out is not None and str(out) == "-":
        raise UsageError("--out needs a file", hint="regsync show --json FILE prints a saved plan as JSON")
    begun = time.monotonic()
    with (
        Display(console) as display,
        open_workspace(console, display, parallelism) as workspace,
    ):
        plan, _ = workspace.plan(wanted, since)
        requests = sum(workspace.requests.values())
        check_names(plan, workspace.idle(wanted))
    if out is not None:
        write_plan(console.root / out, plan, timestamp=now())
    if not console.as_json:
        seen = Observation(len(plan.changes) + plan.unmanaged, time.monotonic() - begun, requests)
        print_plan(console, plan, detail, observed=seen)
        if out is not None:
            console.note(f"saved to {out}; {_next_step(console, plan, out)}")
    return plan_status(plan, detailed=detailed)


def _next_step(console: Console, plan: Plan, out: Path) -> str:
    """What may be done with a plan that was saved."""
    if plan.refused:
        return "apply refuses it while a guard stands against it: lift the guard, and plan again"
    if not plan.has_changes:
        return "there is nothing in it to apply"
    place = "" if console.root == Path() else f"-C {console.root} "
    return f"apply exactly this with: regsync {place}apply {out}"


def print_plan(
    console: Console, plan: Plan, detail: DetailOption, *, observed: Observation | None = None
) -> None:
    console.out(render_plan(plan, detail=Detail(detail.value), observed=observed))


def show(console: Console, file: Path, *, detail: DetailOption) -> int:
    path = console.root / file
    plan = console.reports.plan = read_plan(path)
    if console.as_json:
        console.json(json.loads(path.read_text(encoding="utf-8")))
    else:
        print_plan(console, plan, detail)
    return 0


def check_names(plan: Plan, idle: Sequence[str]) -> None:
    """Raise UsageError for an option that names nothing, as the `idle` targets and excludes do: a typing error must not
    pass for a run with nothing to do. Where a part is unreadable, nobody can tell."""
    for pattern in idle:
        option = "--target" if pattern in plan.request.selection.targets else "--exclude"
        raise UsageError(
            f"{option} {pattern} matches nothing",
            hint="it is a shell glob on whole addresses, as in the plan: */nginx:1.25.0, prod/*; "
            "or the name of a live registry: prod",
        )
    if plan.errored:
        return
    addresses = {str(change.address) for change in plan.changes}
    registries = {each.name for each in plan.registries}
    overrides = plan.request.overrides
    for option, named, known, hint in (
        ("--adopt", overrides.adopt, addresses, "write a whole address, as in the plan"),
        (
            "--send-secrets",
            overrides.send_secrets,
            {str(each.address) for each in plan.changes if each.type is ResourceType.REGISTRATION},
            "write the whole address of a registration, as in the plan: prod/@palette/prod",
        ),
        ("--unprotect", overrides.unprotect, addresses, "write a whole address, as in the plan"),
        (
            "--allow-empty",
            overrides.allow_empty,
            registries,
            f"live registries: {', '.join(sorted(registries))}",
        ),
    ):
        for name in named:
            if name not in known:
                raise UsageError(f"{option} {name} names nothing", hint=hint)


def refuse_guards(plan: Plan) -> None:
    """Raise Refused where a guard stands against the plan, naming each with its override."""
    standing = [guard for guard in plan.guards if not guard.ok]
    if standing:
        measures = "; ".join(
            f"{guard.registry}: {guard.text} ({position(guard.origin)})" for guard in standing
        )
        raise Refused(
            f"refused by {'a guard' if len(standing) == 1 else 'guards'}, nothing was written: {measures}",
            hint=lifting(standing),
        )
