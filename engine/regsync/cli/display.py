"""What is seen while a run goes on. Events come from many threads; one thread drains them, so that nothing that prints
needs a lock.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event as Signal
from threading import Thread
from types import TracebackType

from regsync.cli.console import Console
from regsync.cli.views import JsonView, LineView, Quiet, View
from regsync.model.events import Event


class Display:
    """The sink of a run. A context manager: events are shown until it is left; `pause` waits for those so far."""

    def __init__(self, console: Console) -> None:
        self._queue: SimpleQueue[Event | Signal | None] = SimpleQueue()
        self._reports = console.reports
        self._view = _view(console)
        self._failure: Exception | None = None
        self._thread = Thread(target=self._drain, name="display", daemon=True)

    def __call__(self, event: Event) -> None:
        self._reports.see(event)
        self._queue.put(event)

    def __enter__(self) -> Display:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def pause(self) -> None:
        """Clear a moving display away before something else is printed. Raises what has broken it."""
        cleared = Signal()
        self._queue.put(cleared)
        cleared.wait()
        if self._failure is not None:
            raise self._failure

    def _drain(self) -> None:
        item: Event | Signal | None = Signal()
        while item is not None:
            try:
                item = self._queue.get(timeout=0.2)
            except Empty:
                self._safely(self._view.tick)
                continue
            if item is None or isinstance(item, Signal):
                self._safely(self._view.close)
            else:
                self._safely(self._view.show, item)
            if isinstance(item, Signal):
                item.set()

    def _safely(self, action: Callable[..., None], *arguments: Event) -> None:
        """A reader that goes away must not stop what runs: nothing more is shown, and the failure comes at the end."""
        try:
            action(*arguments)
        except Exception as failure:  # noqa: BLE001  raised again when the display is left
            self._failure, self._view = failure, Quiet()


def _view(console: Console) -> View:
    if console.as_json:
        return JsonView(console)
    if console.verbosity < 0:
        return Quiet()
    if console.live():
        from regsync.cli.live import LiveView

        return LiveView(color=console.colors(sys.stderr))
    return LineView(console)
