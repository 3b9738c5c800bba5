"""What reading live registries tells while it goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from regsync.model.events import Event, Observing
from regsync.model.state import Observed
from regsync.registries.base import Reading
from regsync.run.observe import read_all


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
