"""Ways to show events: plain lines, JSON lines, or nothing. The moving display stands in `live`."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from regsync.cli.console import Console, now
from regsync.model.events import (
    Event,
    Finished,
    Observing,
    Progressed,
    ReadingFolders,
    Started,
    Stopping,
    Waiting,
)
from regsync.model.outcome import Result, Status
from regsync.report.lines import Style, line, show_bytes, show_count, show_seconds
from regsync.report.verbs import doing, done

HEARTBEAT = 10.0
"""Seconds between the lines that name what is still running."""

MOST_NAMES = 3
"""How many of the live registries that are waited for are named."""


class View(Protocol):
    """One way to show events. Called from one thread only."""

    def show(self, event: Event) -> None: ...
    def tick(self) -> None:
        """Called a few times a second while nothing happens."""

    def close(self) -> None: ...


class Quiet:
    """Shows nothing."""

    def show(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


class JsonView:
    """A JSON object a line on stdout, for programs."""

    def __init__(self, console: Console) -> None:
        from regsync.report.events import event_records

        self._console = console
        self._records = event_records

    def show(self, event: Event) -> None:
        self._console.records(*self._records(event, now()))

    def tick(self) -> None: ...
    def close(self) -> None: ...


class LineView:
    """A line on stderr when a change has ended, and every ten seconds what is still going on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._reading: str | None = None
        self._running: dict[str, tuple[str, float, str]] = {}
        self._spoke = time.monotonic()

    def show(self, event: Event) -> None:
        match event:
            case ReadingFolders(done, total):
                self._reading = f"reading folders: {done} of {total} done" if done < total else None
            case Observing(done, total, waiting):
                reading = f"reading registries: {done} of {total} reads done{awaited(waiting)}"
                self._reading = reading if done < total else None
            case Started(change):
                what = f"{doing(change)} {change.address}"
                self._running[str(change.address)] = what, time.monotonic(), ""
                logging.getLogger(__name__).debug("%s", what)
            case Progressed(change, sent, total):
                what, begun, _ = self._running[str(change.address)]
                progress = f", {show_bytes(sent)} of {show_bytes(total)} sent"
                self._running[str(change.address)] = what, begun, progress
            case Waiting(change, text):
                what, begun, _ = self._running[str(change.address)]
                self._running[str(change.address)] = what, begun, f", {text}"
            case Finished(result):
                self._running.pop(str(result.change.address), None)
                if result.status is not Status.SKIPPED:
                    applied = result.status is Status.APPLIED
                    self._say(finished(result), Style.PLAIN if applied else Style.WARNING)
            case Stopping(running):
                self._say(stopping(running), Style.WARNING)
        self.tick()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._spoke < HEARTBEAT:
            return
        if self._reading:
            self._say(f"still {self._reading}")
        for what, begun, progress in self._running.values():
            self._say(f"still {what} ({show_seconds(now - begun)}{progress})")

    def close(self) -> None: ...

    def _say(self, text: str, style: Style = Style.PLAIN) -> None:
        self._spoke = time.monotonic()
        self._console.err([line(text, style)])


def awaited(waiting: Sequence[str]) -> str:
    """For which live registries a reading waits: the first of them by name."""
    if not waiting:
        return ""
    more = f" and {len(waiting) - MOST_NAMES} more" if len(waiting) > MOST_NAMES else ""
    return f", waiting for {', '.join(waiting[:MOST_NAMES])}{more}"


def finished(result: Result) -> str:
    """One line on how a change ended."""
    address = result.change.address
    if result.status is not Status.APPLIED:
        return f"{address}: {result.status}" + (f": {result.detail}" if result.detail else "")
    told = [each for each in (*done(result), show_bytes(result.sent) if result.sent else "") if each]
    return f"{address}: {', '.join(told)} in {show_seconds(result.seconds)}"


def stopping(running: int) -> str:
    """What the first interrupt leads to."""
    return f"interrupted: {show_count(running, 'change')} still running will be finished; once more aborts"
