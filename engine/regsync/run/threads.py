"""Waiting for threads without going deaf: Python handles signals in the main thread, and only while that runs.

A main thread that is blocked does not wake up for a signal that another thread has caught, nor for one that came a moment
before it was blocked. So it never waits for long at a stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

LONGEST_NAP = 0.2
"""Seconds that the main thread is blocked at a stretch, which is how late a signal may be handled."""

T = TypeVar("T")
U = TypeVar("U")


def results(pool: ThreadPoolExecutor, function: Callable[[T], U], items: Iterable[T]) -> Iterator[U]:
    """What `function` returns for each item, in their order, as `pool.map` gives it."""
    for future in [pool.submit(function, item) for item in items]:
        while not wait([future], LONGEST_NAP).done:
            pass
        yield future.result()
