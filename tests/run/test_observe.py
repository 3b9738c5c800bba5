"""What reading live registries tells while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from regsync.model.events import Event, Observing
from regsync.model.palette import DesiredRegistration, UnwantedRegistration
from regsync.model.state import DesiredState, LivePalette, Observed
from regsync.registries.base import Reading
from regsync.run.observe import observe, read_all
from tests.support.memory_palette import MemoryPalette
from tests.support.registrations import PALETTE


def answer() -> Reading:
    return Reading(Observed())


def test_it_names_the_registries_that_have_not_answered_all() -> None:
    told: list[Event] = []
    with ThreadPoolExecutor(1) as pool:
        read_all({"edge": [answer], "prod": [answer, answer]}, pool, told.append)
    assert told == [
        Observing(0, 3, ("edge", "prod")),
        Observing(1, 3, ("prod",)),
        Observing(2, 3, ("prod",)),
        Observing(3, 3),
    ]


class Slow(MemoryPalette):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(PALETTE, {})
        self.let = threading.Event()

    def observe(
        self, wanted: Sequence[DesiredRegistration], unwanted: Sequence[UnwantedRegistration]
    ) -> LivePalette:
        self.let.wait(60)
        return super().observe(wanted, unwanted)


def test_it_names_the_palettes_that_have_not_answered() -> None:
    told: list[Event] = []
    slow = Slow()

    def hear(event: Event) -> None:
        told.append(event)
        slow.let.set()

    with ThreadPoolExecutor(1) as pool:
        observe(DesiredState((), files=1), {}, {"hub": slow}, pool=pool, sink=hear)
    assert told == [Observing(0, 1, ("palette hub",)), Observing(1, 1)]
