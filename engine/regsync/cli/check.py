"""`registries check`: is every registry there, does it let us in, and may we read where packs or charts go? And does Palette
take our key, and the registrations that it is to have?

One artifact stands for all of them, so that a check stays short."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.plan import default_paths, gather_variables, open_workspace
from regsync.cli.status import FAILED, OK
from regsync.model.diagnostic import has_errors
from regsync.model.errors import ManifestInvalid, RegsyncError
from regsync.model.registry import RegistrySpec, RegistryType
from regsync.model.state import DesiredRegistry
from regsync.palette.base import Finding
from regsync.registries.base import Registry
from regsync.report.lines import Line, Style, line
from regsync.run.preflight import try_reading
from regsync.run.threads import results


def run(
    console: Console,
    paths: list[str] | None,
    *,
    assignments: list[str] | None,
    variable_files: list[Path] | None,
    parallelism: int,
) -> int:
    with (
        Display(console) as display,
        open_workspace(console, display, parallelism) as workspace,
    ):
        checked = workspace.check(
            default_paths(console, paths, "registries check"),
            gather_variables(console, assignments, variable_files),
        )
        if has_errors(checked.diagnostics):
            raise ManifestInvalid(checked.diagnostics)
        opened = workspace.registries(checked.desired)
        registries = [(each, opened[each.spec.name]) for each in checked.desired.registries]
        registries.sort(key=lambda each: each[0].spec.name)
        palettes = workspace.palettes(checked.desired)
        pool = ThreadPoolExecutor(len(registries) or 1)
        try:
            findings = {
                name: each.check(checked.desired.registrations_in(name))
                for name, each in sorted(palettes.items())
            }
            failures = list(results(pool, lambda each: _failure(*each), registries))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    width = max((len(desired.spec.name) for desired, _ in registries), default=0)
    for (desired, _), failure in zip(registries, failures, strict=True):
        console.out(_lines(desired.spec.name.ljust(width), desired.spec, failure))
    for name, found in findings.items():
        console.out([line(), line(f"{name}   {palettes[name].spec.host}", Style.STRONG)])
        console.out([each for finding in found for each in _finding(finding)])
    refused = any(finding.ok is False for found in findings.values() for finding in found)
    return FAILED if any(failures) or refused else OK


def _failure(desired: DesiredRegistry, registry: Registry) -> RegsyncError | None:
    try:
        try_reading(registry, desired.artifacts[0].address if desired.artifacts else None)
    except RegsyncError as error:
        return error
    return None


def _finding(finding: Finding) -> list[Line]:
    word, style = {True: ("ok", Style.ADD), False: ("failed", Style.ERROR), None: ("", Style.PLAIN)}[
        finding.ok
    ]
    lines = [line(f"{word:<9}{finding.what}   {finding.found}".rstrip(), style)]
    if finding.hint:
        first, *more = finding.hint.splitlines()
        lines += [line(f"         help: {first}"), *(line(f"               {each}") for each in more)]
    return lines


def _lines(name: str, spec: RegistrySpec, failure: RegsyncError | None) -> list[Line]:
    where = f"{name}   {spec.type} {spec.shown_endpoint}"
    if failure is None:
        login = "" if spec.type is RegistryType.LAYOUT else f"   login: {spec.auth}"
        return [line(f"ok       {where}{login}", Style.ADD)]
    lines = [line(f"failed   {where}   {failure.message}", Style.ERROR)]
    if failure.hint:
        lines.append(line(f"         help: {failure.hint}"))
    return lines
