"""`registries check`: is every registry there, does it let us in, and may we read where packs or charts go? And does Palette
take our key, and the registrations that it is to have?

One artifact stands for all of them, so that a check stays short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.plan import default_paths, gather_variables, open_workspace
from regsync.cli.status import FAILED, OK
from regsync.model.diagnostic import has_errors
from regsync.model.errors import AuthenticationFailed, ManifestInvalid, RegsyncError
from regsync.model.palette import DesiredRegistration
from regsync.model.registry import RegistrySpec, RegistryType
from regsync.model.state import DesiredRegistry
from regsync.palette.base import Finding, Palette
from regsync.registries.base import Registry
from regsync.report.lines import Line, Style, line
from regsync.run.preflight import preflight, try_reading
from regsync.run.threads import results

_SAID = {True: ("ok", Style.ADD), False: ("failed", Style.ERROR), None: ("note", Style.PLAIN)}


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
                name: [
                    *_tried(palette, checked.desired.registrations_in(name), workspace.open_anew, pool),
                    *palette.check(checked.desired.registrations_in(name)),
                ]
                for name, palette in sorted(palettes.items())
            }
            failures = list(results(pool, lambda each: _failure(*each), registries))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    width = max((len(desired.spec.name) for desired, _ in registries), default=0)
    for (desired, _), failure in zip(registries, failures, strict=True):
        console.out(_lines(desired.spec.name.ljust(width), desired.spec, failure))
    for name, found in findings.items():
        console.out([line(), *finding_lines(f"{name}   {palettes[name].spec.host}", found)])
    refused = any(finding.ok is False for found in findings.values() for finding in found)
    return FAILED if any(failures) or refused else OK


def _tried(
    palette: Palette,
    desired: Sequence[DesiredRegistration],
    open_registry: Callable[[RegistrySpec], Registry],
    pool: ThreadPoolExecutor,
) -> list[Finding]:
    """What an apply would find out by itself, before it asks Palette."""

    def tried(one: DesiredRegistration) -> Finding | None:
        what = f"registration {one.spec.name}"
        try:
            palette.secrets(one)
        except AuthenticationFailed:
            return None  # as the check of Palette tells
        try:
            if not preflight(one, open_registry):
                return None
        except RegsyncError as error:
            return Finding(what, ok=False, found=error.message, hint=error.hint)
        return Finding(what, ok=True, found=f"{one.registry.shown_endpoint}, tried as Palette will")

    return [each for each in results(pool, tried, desired) if each]


def _failure(desired: DesiredRegistry, registry: Registry) -> RegsyncError | None:
    try:
        try_reading(registry, desired.artifacts[0].address if desired.artifacts else None)
    except RegsyncError as error:
        return error
    return None


def finding_lines(title: str, findings: Sequence[Finding]) -> list[Line]:
    """What a check of one Palette has found, below its name."""
    lines = [line(title, Style.STRONG)]
    for each in findings:
        word, style = _SAID[each.ok]
        lines.append(line(f"{word:<9}{each.what}   {each.found}".rstrip(), style))
        lines += _help(each.hint)
    return lines


def _help(hint: str | None) -> list[Line]:
    first, *more = (hint or "").splitlines() or [""]
    return (
        [line(f"         help: {first}"), *(line(f"               {text}") for text in more)] if first else []
    )


def _lines(name: str, spec: RegistrySpec, failure: RegsyncError | None) -> list[Line]:
    where = f"{name}   {spec.type} {spec.shown_endpoint}"
    if failure is None:
        login = "" if spec.type is RegistryType.LAYOUT else f"   login: {spec.auth}"
        return [line(f"ok       {where}{login}", Style.ADD)]
    return [line(f"failed   {where}   {failure.message}", Style.ERROR), *_help(failure.hint)]
