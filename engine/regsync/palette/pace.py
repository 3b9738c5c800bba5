"""Holds requests back so that they stay within what Palette lets one address send. Knows no HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PER_SECOND = 10
"""Requests to each of the API's resources (Palette's API documentation, "rate limits")."""
BURST = 4
"""How many may leave at once: one less than Palette takes, since they do not arrive as evenly as they leave."""


class Pace:
    """Spreads requests by resource, that is by the first two segments of their paths. Thread-safe."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object] = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._even_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> None:
        """Wait until a request may leave."""
        wait = self._take_turn("/".join(path.split("/")[:3]))
        if wait > 0:
            self._sleep(wait)

    def _take_turn(self, resource: str) -> float:
        """How long to wait, in seconds: until one has come ahead of an even spread by no more than a burst."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._even_at.get(resource, now))
            self._even_at[resource] = turn + 1 / PER_SECOND
        return turn - now - (BURST - 1) / PER_SECOND
