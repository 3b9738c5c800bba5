"""Charts that Palette does not list, so that its users type their names and versions: which, exactly so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from regsync.model.outcome import Outcome, Status
from regsync.model.plan import Action, Change, Plan, ResourceType
from regsync.model.reference import Address, chart_version
from regsync.report.lines import Line, Style, line

TITLE = "to type in Palette, exactly so: chart and version"

MOST_TYPED = 20
"""Charts that are named unless everything is asked for."""


class Typed(NamedTuple):
    """A chart as it is typed. Palette adds the base content path."""

    base_content_path: str
    name: str
    version: str


def as_typed(addresses: Iterable[Address]) -> list[Typed]:
    """The charts behind addresses of any regions, each once, sorted."""
    split = [(each.path.rpartition("/"), each.tag or "") for each in addresses]
    return sorted({Typed(path, name, chart_version(tag)) for (path, _, name), tag in split})


def typed_rows(found: Iterable[Typed], *, with_paths: bool) -> list[tuple[str, str]]:
    """Name and version, the base content path beside the version."""
    return [
        (each.name, each.version + (f" (base content path {each.base_content_path})" if with_paths else ""))
        for each in found
    ]


def to_type(run: Plan | Outcome) -> dict[str, list[tuple[str, str]]]:
    """The rows for each document that Palette does not synchronize: what a plan will push there, or an apply has pushed;
    where the registration is new, too, all that the registry holds."""
    plan, written = _written(run)
    unlisted = {
        each.name: each.name.partition("@")[0] for each in plan.registries if not each.synchronization
    }
    new = {each.address.registry for each in written if _registers(each)}
    kept = [each for each in plan.changes if each.action is Action.NO_OP]
    found: dict[str, list[Address]] = {}
    for change in (*written, *kept):
        document = unlisted.get(change.address.registry)
        is_there = change.type is ResourceType.ARTIFACT and change.after is not None
        if document and is_there and (change.action.writes or document in new):
            found.setdefault(document, []).append(change.address)
    charts = {document: as_typed(addresses) for document, addresses in sorted(found.items())}
    return {
        document: typed_rows(group, with_paths=len({each.base_content_path for each in group}) > 1)
        for document, group in charts.items()
    }


def render_typed(run: Plan | Outcome, *, full: bool) -> list[Line]:
    """A table for each such document, and an empty line behind it."""
    lines = []
    for document, rows in to_type(run).items():
        shown = rows if full else rows[:MOST_TYPED]
        width = max(len(name) for name, _ in shown)
        lines += [line(f"{document} is not synchronized; {TITLE}", Style.STRONG)]
        lines += [line(f"    {name:<{width}}   {version}") for name, version in shown]
        if len(shown) < len(rows):
            lines.append(line(f"    … {len(rows) - len(shown)} more: regsync endpoints", Style.DIM))
        lines.append(line())
    return lines


def _written(run: Plan | Outcome) -> tuple[Plan, list[Change]]:
    """The plan, and what of it is to come about or did."""
    if isinstance(run, Outcome):
        return run.plan, [each.change for each in run.results if each.status is Status.APPLIED]
    return run, [each for each in run.changes if each.action.writes]


def _registers(change: Change) -> bool:
    return change.type is ResourceType.REGISTRATION and change.action in (Action.CREATE, Action.REPLACE)
