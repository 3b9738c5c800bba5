"""What was imported, and what no manifest names, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from regsync.model.draft import Draft, Imported, Seen, Stray, Strays
from regsync.model.registry import Provider
from regsync.model.state import Unreadable
from regsync.report.lines import Line, Style, line, show_count
from regsync.report.table import Row, below, table

_MOST_ELSEWHERE = 10
_NEITHER = "holds neither packs nor charts"


def render_imported(imported: Imported) -> list[Line]:
    """Each file with its documents, what was left alone and why, what could not be read, and a line that sums up."""
    drafts = [draft for written in imported.written for draft in written.drafts]
    lines = []
    for written in imported.written:
        lines.append(line(written.file, Style.STRONG))
        lines += _columns([_document(draft) for draft in written.drafts])
        lines.append(line())
    if unmanaged := [each for draft in drafts for each in draft.unmanaged]:
        lines.append(line("Left alone, as nothing that a manifest could name:", Style.STRONG))
        lines += _columns([(_shown(each), each.reason) for each in unmanaged])
        lines.append(line())
    if imported.elsewhere:
        lines += [*_elsewhere(imported.elsewhere), line()]
    lines += render_unreadable(imported.unreadable)
    return [*lines, line(_summary(drafts, imported), Style.STRONG)]


def render_strays(found: Iterable[Strays]) -> list[Line]:
    """Tombstones to be pasted into documents: YAML, in which all else is a comment."""
    return [each for strays in found for each in _document_strays(strays)]


def render_unreadable(unreadable: Iterable[Unreadable]) -> list[Line]:
    """What could not be read, as a plan shows it."""
    rows = [
        Row("?", each.address, "unreadable", (each.reason,), Style.WARNING, help=each.hint or "")
        for each in unreadable
    ]
    return [*table(rows), line()] if rows else []


def _document(draft: Draft) -> tuple[str, ...]:
    where = ", ".join(path or "the top" for path in draft.base_content_paths)
    named = sum(1 for each in draft.managed if each.local)
    told = [show_count(len(draft.managed), draft.provider.noun)]
    if named < len(draft.managed):
        told.append(f"{len(draft.managed) - named} as comments")
    if draft.unmanaged:
        told.append(f"{len(draft.unmanaged)} left alone")
    regions = f"in {', '.join(draft.regions)}" if draft.regions else ""
    return draft.name, draft.provider, where, ", ".join(told), regions


def _summary(drafts: list[Draft], imported: Imported) -> str:
    counts = {
        provider: sum(len(draft.managed) for draft in drafts if draft.provider is provider)
        for provider in Provider
    }
    told = [show_count(count, provider.noun) for provider, count in counts.items() if count]
    text = f"Imported: {' and '.join(told) or 'nothing'}"
    if imported.folder is not None:
        text += f"; {imported.pulled} pulled into {imported.folder}, {imported.known} there already"
    if imported.unreadable:
        text += f"; {len(imported.unreadable)} not read"
    return f"{text}."


def _elsewhere(seen: tuple[Seen, ...]) -> Iterator[Line]:
    yield line(f"In no document: {_count(len(seen), 'repository', 'repositories')}", Style.STRONG)
    rows = [
        (each.name if each.reason or not each.base else f"{each.base}/{each.name}", each.reason or _NEITHER)
        for each in seen[:_MOST_ELSEWHERE]
    ]
    yield from _columns(rows)
    if len(seen) > _MOST_ELSEWHERE:
        yield below(f"and {len(seen) - _MOST_ELSEWHERE} more")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _document_strays(strays: Strays) -> Iterator[Line]:
    told = (
        f"{len(strays.strays)} of {strays.live} that are live are named by no manifest"
        if strays.strays
        else f"manifests name all that is live ({strays.live})"
    )
    where = f"   content {strays.position}" if strays.strays else ""
    yield line(f"# {strays.document}{where}   {told}", Style.STRONG)
    for each in strays.strays:
        yield line(f"    - {_tombstone(each, strays)}")


def _tombstone(stray: Stray, strays: Strays) -> str:
    absent = f'absent: "{stray.name}:{stray.tag}"'
    text = f"{{{absent}, path: {stray.base}}}" if stray.base != strays.first else absent
    told = []
    if stray.regions:
        told.append(f"only in {', '.join(stray.regions)}")
    if stray.owner not in (None, strays.owner):
        told.append(f"pushed by {stray.owner}: deleting it takes --adopt")
    return f"{text}   # {'; '.join(told)}" if told else text


def _shown(seen: Seen) -> str:
    return seen.shown if not seen.tag else f"{seen.base}/{seen.shown}".lstrip("/")


def _columns(rows: Sequence[tuple[str, ...]]) -> list[Line]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        below("   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        for row in rows
    ]
