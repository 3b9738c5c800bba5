"""Holds requests to `/v2` back so that they stay within what AWS lets an account do in a region. Knows no HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from regsync.registries.ecr.actions import PER_SECOND, actions_of


class Pace:
    """Spreads requests evenly, by action; shared by all live registries of one account and region. Thread-safe."""

    def __init__(
        self,
        service: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._service = service
        self._clock = clock
        self._sleep = sleep
        self._free_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> None:
        """Wait until a request may leave."""
        for action in actions_of(self._service, method, path):
            if action in PER_SECOND:
                wait = self._take_turn(action)
                if wait > 0:
                    self._sleep(wait)

    def _take_turn(self, action: str) -> float:
        """How long to wait for one's turn, in seconds."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._free_at.get(action, now))
            self._free_at[action] = turn + 1 / PER_SECOND[action]
        return turn - now
