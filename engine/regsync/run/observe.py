"""Observes all live registries and Palettes side by side; what a failing one hides stays its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import chain, zip_longest
from queue import Empty, SimpleQueue

from regsync.model.events import Observing, Sink
from regsync.model.registry import Prune
from regsync.model.settings import differing
from regsync.model.state import DesiredRegistry, DesiredState, LivePalette, LiveState, Observed
from regsync.palette.base import Palette
from regsync.registries.base import Read, Reading, Registry, Wanted
from regsync.run.threads import LONGEST_NAP


def observe(
    desired: DesiredState,
    registries: Mapping[str, Registry],
    palettes: Mapping[str, Palette],
    *,
    pool: ThreadPoolExecutor,
    sink: Sink,
) -> LiveState:
    """Read what every live registry must hold, and what lies beneath its base paths where prune needs it; and meanwhile
    what Palettes know of them.

    In three rounds, each asking for no more than the one before leaves open: artifacts; repositories; and to whom those
    belong whose settings differ.
    """
    asked = {name: pool.submit(_look_up, each, desired) for name, each in palettes.items()}
    found = {each.spec.name: Observed() for each in desired.registries}
    for ask in (_artifacts, _repositories, _owners):
        reads = {
            each.spec.name: registries[each.spec.name].reads(ask(each, found[each.spec.name]))
            for each in desired.registries
        }
        seen = read_all(reads, pool, sink)
        found = {name: Observed.merged((found[name], seen[name])) for name in found}
    _await(asked, sink)
    return LiveState(
        {name: replace(observed, limits=registries[name].limits()) for name, observed in found.items()},
        {name: future.result() for name, future in asked.items()},
    )


def _look_up(palette: Palette, desired: DesiredState) -> LivePalette:
    name = palette.spec.name
    return palette.observe(
        desired.registrations_in(name),
        [each for one in desired.registries for each in one.unregistered if each.spec.palette.name == name],
    )


def _await(asked: Mapping[str, Future[LivePalette]], sink: Sink) -> None:
    """Wait for what Palettes know, and tell for which; they count as one read each."""
    told: tuple[str, ...] = ()
    while True:
        left = tuple(f"palette {name}" for name, each in sorted(asked.items()) if not each.done())
        if left != told:
            sink(Observing(len(asked) - len(left), len(asked), left))
            told = left
        if not left:
            return
        wait(asked.values(), LONGEST_NAP)


def _artifacts(desired: DesiredRegistry, _: Observed) -> Wanted:
    tags: dict[str, list[str]] = {}
    for address in chain((a.address for a in desired.artifacts), (a.address for a in desired.absences)):
        if address.tag is not None:
            tags.setdefault(address.path, []).append(address.tag)
    spec = desired.spec
    return Wanted(
        tags={path: tuple(sorted(found)) for path, found in sorted(tags.items())},
        beneath=spec.prefixes if spec.policy.prune is Prune.MANAGED else (),
    )


def _repositories(desired: DesiredRegistry, observed: Observed) -> Wanted:
    """Those that must be there themselves, and those beneath which nothing that stays was found. What could not be read
    is not asked again."""
    staying = [each.address.path for each in desired.artifacts if each.address in observed.artifacts]
    return Wanted(
        repositories=tuple(
            each.address.path
            for each in desired.repositories
            if (each.explicit or not any(path.startswith(each.beneath) for path in staying))
            and not any(part.covers(each.address) for part in observed.unreadable)
        )
    )


def _owners(desired: DesiredRegistry, observed: Observed) -> Wanted:
    live = observed.repositories
    return Wanted(
        owners=tuple(
            each.address.path
            for each in desired.repositories
            if each.address in live
            and not live[each.address].marks_read
            and differing(each.settings, live[each.address].settings)
        )
    )


def read_all(reads: Mapping[str, list[Read]], pool: ThreadPoolExecutor, sink: Sink) -> dict[str, Observed]:
    """Run all reads, registries in turn so that a slow one does not hold up the others, and the reads they bring."""
    found: dict[str, list[Observed]] = {name: [] for name in reads}
    queued = [
        task
        for row in zip_longest(*([(name, read) for read in each] for name, each in reads.items()))
        for task in row
        if task is not None
    ]
    finished: SimpleQueue[tuple[str, Future[Reading]]] = SimpleQueue()
    left: Counter[str] = Counter()

    def submit(name: str, read: Read) -> None:
        left[name] += 1
        pool.submit(read).add_done_callback(lambda future: finished.put((name, future)))

    for name, read in queued:
        submit(name, read)
    done, total = 0, len(queued)
    if queued:
        sink(Observing(done, total, _waiting(left)))
    while done < total:
        try:
            name, future = finished.get(timeout=LONGEST_NAP)
        except Empty:
            continue
        reading = future.result()
        found[name].append(reading.observed)
        for read in reading.more:
            submit(name, read)
        left[name] -= 1
        done, total = done + 1, total + len(reading.more)
        sink(Observing(done, total, _waiting(left)))
    return {name: Observed.merged(parts) for name, parts in found.items()}


def _waiting(left: Mapping[str, int]) -> tuple[str, ...]:
    """The live registries with reads left; one that is looked at before it has a name is not told of."""
    return tuple(sorted(name for name, count in left.items() if name and count))
