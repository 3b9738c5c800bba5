"""Pins the charts that manifests take from elsewhere, and writes the lock files that plans read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from regsync.manifest.lock import Locked, read_lock, render_lock
from regsync.manifest.nodes import SourceFile
from regsync.manifest.source import manifests_in
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import Diagnostic, Explanation, Severity
from regsync.model.errors import RegsyncError
from regsync.model.upstream import Asked, LockFile, Locking, Pin, Pinned, UpstreamChart, UpstreamItem
from regsync.run.atomic import write_text
from regsync.run.threads import results
from regsync.sources.choice import choose
from regsync.sources.upstreams import Upstreams

CODES = {
    "RS304": Explanation(
        "RS304",
        Severity.ERROR,
        "a chart from elsewhere cannot be pinned",
        "`regsync lock` did not find the chart, found no version that the manifest asks for, could not reach or log in "
        "to its source, or got something else than what was offered. What was pinned for it before stays; the other "
        "charts are pinned.",
    )
}


def lock(
    declarations: Iterable[Declaration],
    manifests: Collection[Path],
    upstreams: Upstreams,
    *,
    root: Path,
    update: Collection[str],
    now: datetime,
    pool: ThreadPoolExecutor,
) -> Locking:
    """Pin what is missing, and anew the charts that `update` names; keep the rest, and write what has changed.

    `manifests` are the files that were read: what none of them asks for is dropped where all manifests beside a lock
    file are among them. A lock file that cannot be used is left alone. Raises RegsyncError where one cannot be written.
    """
    problems: list[Diagnostic] = []
    books: dict[Path, _Book] = {}
    for item in (item for each in declarations for item in each.upstream):
        book = books.get(item.lock)
        if book is None:
            source = SourceFile(item.lock, item.shown_lock, root)
            locked = read_lock(source, problems)
            book = books[item.lock] = _Book(item, None if locked is None else _pins(locked))
        book.asked.setdefault(item.chart.asked, item.chart)
    usable = [book for book in books.values() if book.known is not None]
    wanted = [
        (book, chart)
        for book in usable
        for asked, chart in book.asked.items()
        if asked not in book.pins or chart.name in update
    ]

    def pin(job: tuple[_Book, UpstreamChart]) -> Pinned | Diagnostic:
        book, chart = job
        try:
            return _pin(chart, book.pins.get(chart.asked, ()), upstreams, now)
        except RegsyncError as error:
            origin = chart.at("version")
            return Diagnostic("RS304", Severity.ERROR, error.message, origin, help=error.hint)

    for (book, chart), result in zip(wanted, results(pool, pin, wanted), strict=True):
        if isinstance(result, Pinned):
            book.done[chart.asked] = result
        else:
            problems.append(result)
    files = tuple(book.write(manifests) for book in usable)
    return Locking(files, tuple(sorted(dict.fromkeys(problems), key=Diagnostic.sort_key)))


def _pin(chart: UpstreamChart, before: tuple[Pin, ...], upstreams: Upstreams, now: datetime) -> Pinned:
    source = upstreams.of(chart)
    choice = choose(chart, source, now)
    after = tuple(source.fetch(chart.name, offer).pin for offer in choice.offers)
    return Pinned(chart, before, after, choice.held_back)


def _pins(locked: Mapping[Asked, Locked]) -> dict[Asked, tuple[Pin, ...]]:
    return {asked: each.pins for asked, each in locked.items()}


@dataclass(slots=True)
class _Book:
    """A lock file in the making; `known` is what it had, None where it cannot be used."""

    item: UpstreamItem
    known: dict[Asked, tuple[Pin, ...]] | None
    asked: dict[Asked, UpstreamChart] = field(default_factory=dict)
    done: dict[Asked, Pinned] = field(default_factory=dict)

    @property
    def pins(self) -> Mapping[Asked, tuple[Pin, ...]]:
        return self.known or {}

    def write(self, manifests: Collection[Path]) -> LockFile:
        pins = self.pins
        entries = {
            asked: self.done.get(asked) or Pinned(chart, pins.get(asked, ()), pins.get(asked, ()))
            for asked, chart in self.asked.items()
        }
        after = {asked: entry.after for asked, entry in entries.items() if entry.after}
        unasked = {asked: each for asked, each in pins.items() if asked not in entries}
        dropped = tuple(sorted(unasked)) if set(manifests_in(self.item.lock.parent)) <= set(manifests) else ()
        if not dropped:
            after |= unasked
        written = after != pins
        if written:
            try:
                write_text(self.item.lock, [render_lock(after)])
            except OSError as error:
                raise RegsyncError(f"cannot write {self.item.shown_lock}: {error.strerror}") from None
        ordered = tuple(entry for _, entry in sorted(entries.items()))
        return LockFile(self.item.shown_lock, ordered, dropped, written)
