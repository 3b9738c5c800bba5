"""How syncs go in the Palette of the tests: how long they run, how they end, and what is known after them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.palette_packs import Pack
from tests.support.palette_rules import Refusal, Registration

COMPLETED, FAILED, IN_PROGRESS = "Completed", "Failed", "InProgress"


class NotListed(Exception):
    """A registry that Palette cannot read; `code` is what a validation answers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Ending:
    """How a sync ends: as it does, or with this message; a sync that hangs ends only by `forceSync`."""

    message: str = ""
    hangs: bool = False


HANGS = Ending(hangs=True)


@dataclass
class Run:
    """A sync that runs: what it has listed, or why it fails, and for how many looks at its status it goes on."""

    packs: Sequence[Pack]
    problem: str
    looks: float
    forced: bool


class Clock:
    """The time of day as Palette writes it; no two answers are equal."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=1))
            return self._last.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._last.microsecond // 1000:03}Z"


class Syncs:
    """`looks` is for how many looks at its status a sync runs: None until `finish`. `next` says how the next ones end, in
    this order; those after them end well. While one runs, another is refused, or, with `accepts_when_busy`, accepted and
    forgotten."""

    def __init__(self, list_packs: Callable[[Registration], list[Pack]], clock: Clock) -> None:
        self.looks: int | None = 2
        self.next: deque[Ending] = deque()
        self.accepts_when_busy = False
        self._list_packs = list_packs
        self._clock = clock
        self._runs: dict[str, Run] = {}

    def start(self, live: Registration, *, forced: bool = False) -> None:
        """Begin a sync; a forced one takes the place of the one that runs."""
        if not live.sync_status:  # it was null
            supported = bool(live.spec.get("isSyncSupported"))
            live.document["status"] = {"syncStatus": {"isSyncSupported": supported, "status": ""}}
        if not live.sync_status.get("isSyncSupported"):
            raise Refusal(400, "SyncNotSupported", "Synchronization is not supported for the registry")
        if live.sync_status["status"] == IN_PROGRESS and not forced:
            if self.accepts_when_busy:
                return
            raise Refusal(409, "SyncInProgress", "Synchronization of the registry is already in progress")
        ending = self.next.popleft() if self.next else Ending()
        packs, problem = [], ending.message
        try:
            packs = self._list_packs(live) if ending == Ending() else []
        except NotListed as why:
            problem = str(why)
        looks = float("inf") if ending.hangs or self.looks is None else self.looks
        self._runs[live.uid] = Run(packs, problem, looks, forced)
        live.sync_status.update(status=IN_PROGRESS, message="", lastRunTime=self._clock())

    def look(self, live: Registration) -> None:
        """Somebody has asked how far the sync is."""
        run = self._runs.get(live.uid)
        if run:
            run.looks -= 1
            if run.looks < 0:
                self.finish(live)

    def finish(self, live: Registration) -> None:
        """End the sync that runs now."""
        run = self._runs.pop(live.uid)
        if run.problem:
            live.sync_status.update(status=FAILED, message=run.problem)
            return
        # Palette keeps what it knows under a version; only a forced sync reads that anew.
        known = {} if run.forced else live.packs
        found = {(each.name, each.version): each for each in run.packs}
        live.packs = {key: known.get(key, each) for key, each in found.items()}
        live.sync_status.update(status=COMPLETED, message="", lastSyncedTime=self._clock())
