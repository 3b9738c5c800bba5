from __future__ import annotations

from regsync.palette.pace import BURST, PER_SECOND, Pace
from tests.transport.rig import Clock


def waited(clock: Clock) -> float:
    return round(sum(clock.pauses), 6)


def test_a_burst_leaves_at_once_and_the_rest_evenly() -> None:
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    for _ in range(BURST):
        pace("GET", "/v1/registries/metadata")
    assert waited(clock) == 0
    for _ in range(PER_SECOND):
        pace("POST", "/v1/registries/oci/basic/validate")
    assert waited(clock) == 1


def test_resources_are_counted_each_for_itself() -> None:
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    for _ in range(BURST):
        pace("GET", "/v1/registries/metadata")
        pace("POST", "/v1/packs/search")
    assert waited(clock) == 0
    pace("GET", "/v1/packs/nginx/registries/1")
    assert waited(clock) == 1 / PER_SECOND


def test_who_was_quiet_has_a_burst_again() -> None:
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    for _ in range(3):
        for _ in range(BURST):
            pace("GET", "/v1/registries/metadata")
        clock.now += 1
    assert waited(clock) == 0
