"""A proxy that lets a test act at the very moment when a certain request comes by."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from tests.support.loopback import Handler
from tests.support.proxy import FaultProxy

ARRIVAL_SECONDS = 60.0


class WatchingProxy(FaultProxy):
    """Calls what a test wants before the first request of a kind meets its fault or goes on to the server."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self._watched: list[tuple[str, re.Pattern[str], Callable[[], object]]] = []
        self._taking = threading.Lock()

    def before(self, method: str, pattern: str, action: Callable[[], object]) -> None:
        """Call `action`, in the connection's thread, when the next such request arrives."""
        with self._taking:
            self._watched.append((method, re.compile(pattern), action))

    def hold(self, method: str, pattern: str) -> Held:
        """Keep the next such request from the server until it is let go; no longer than the proxy lives."""
        held = Held(self.closing)
        self.before(method, pattern, held.keep)
        return held

    def handle(self, request: Handler) -> None:
        action = self._taken(request)
        if action:
            action()
        super().handle(request)

    def _taken(self, request: Handler) -> Callable[[], object] | None:
        with self._taking:
            for watched in self._watched:
                method, pattern, action = watched
                if method == request.command and pattern.search(request.path):
                    self._watched.remove(watched)
                    return action
        return None


class Held:
    """A request that is kept from the server."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._arrived = threading.Event()
        self._let_go = threading.Event()

    def keep(self) -> None:
        self._arrived.set()
        while not self._let_go.wait(0.02) and not self._closing.is_set():
            pass

    def await_arrival(self) -> None:
        assert self._arrived.wait(ARRIVAL_SECONDS), "the request that a test waits for never came"

    def let_go(self) -> None:
        self._let_go.set()
