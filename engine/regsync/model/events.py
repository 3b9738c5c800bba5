"""What happens while a run goes on, for progress displays and the NDJSON stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from regsync.model.diagnostic import Diagnostic
from regsync.model.outcome import Outcome, Result
from regsync.model.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class ReadingFolders:
    """Packs are being read from disk; `done` of `total` folders."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Observing:
    """Live registries are being read; `done` of `total` reads so far (the total may grow). `waiting` are the live registries
    that have not answered all of theirs; `palette NAME` is a Palette."""

    done: int
    total: int
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A diagnostic that does not stop the run."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan is made; `requests` were sent for it, by live registry."""

    plan: Plan
    requests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A change is being applied."""

    change: Change


@dataclass(frozen=True, slots=True)
class Progressed:
    """Bytes of a change's upload: `sent` of `total`."""

    change: Change
    sent: int
    total: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change waits for something that goes on elsewhere: for what, in a few words."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    result: Result


@dataclass(frozen=True, slots=True)
class Stopping:
    """The first interrupt: nothing new is started, what runs is finished."""

    running: int


@dataclass(frozen=True, slots=True)
class Ended:
    outcome: Outcome


Event: TypeAlias = (
    ReadingFolders
    | Observing
    | Found
    | Planned
    | Started
    | Progressed
    | Waiting
    | Finished
    | Stopping
    | Ended
)
Sink: TypeAlias = Callable[[Event], None]
