"""What became of lock files, as text."""

from __future__ import annotations

from collections.abc import Iterator

from regsync.model.upstream import LockFile, Locking, Pin, Pinned
from regsync.report.lines import Line, Style, line


def render_locking(locking: Locking) -> list[Line]:
    """Each lock file with what changed in it, and a line that sums up."""
    lines = [each for file in locking.files if file.written for each in _file(file)]
    entries = [each for file in locking.files for each in file.entries]
    counts = {
        "pinned": sum(1 for each in entries if each.after and not each.before),
        "updated": sum(1 for each in entries if each.before and each.after != each.before),
        "kept": sum(1 for each in entries if each.before and each.after == each.before),
        "dropped": sum(len(file.dropped) for file in locking.files),
        "failed": len(locking.diagnostics),
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return [*lines, line(f"Charts from elsewhere: {told or 'none'}.", Style.STRONG)]


def _file(file: LockFile) -> Iterator[Line]:
    yield line(file.shown, Style.STRONG)
    for entry in file.entries:
        if entry.after != entry.before:
            yield from _entry(entry)
    for repository, name, version, _ in file.dropped:
        yield line(f"- {name} {version}   {repository}, which no manifest asks for", Style.DELETE)
    yield line()


def _entry(entry: Pinned) -> Iterator[Line]:
    chart = entry.chart
    versions = _versions(entry.after)
    if entry.before:
        yield line(f"~ {chart.name} {_versions(entry.before)} → {versions}   {chart.version}", Style.CHANGE)
    else:
        yield line(f"+ {chart.name} {versions}   {chart.version}", Style.ADD)
    before = {pin.version: pin.content for pin in entry.before}
    for pin in entry.after:
        yield line(f"    {pin.source}", Style.DIM)
        if before.get(pin.version, pin.content) != pin.content:
            yield line(
                f"    warning: {pin.version} has other content than when it was pinned: it was published anew",
                Style.WARNING,
            )
    if entry.held_back:
        yield line(f"    held back by minAge: {', '.join(entry.held_back)}")


def _versions(pins: tuple[Pin, ...]) -> str:
    return ", ".join(each.version for each in pins)
