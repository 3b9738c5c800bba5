"""Carries a plan out: stage by stage, side by side, each failure kept to its dependents."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from regsync.model.errors import Conflict, RegsyncError
from regsync.model.events import Ended, Finished, Progressed, Sink, Started
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Change, Copy, Overrides, Plan, ResourceType
from regsync.model.reference import Address
from regsync.model.state import DesiredRepository, DesiredState
from regsync.planner.order import Stage, held_back_by, stages
from regsync.planner.regions import takes_content
from regsync.registries.base import Copied, Payload, Registry
from regsync.run.desired import Source, Sources
from regsync.run.layers import Layers
from regsync.run.registrar import Registrar
from regsync.run.replication import PATIENCE, Patience, arrives, settle
from regsync.run.threads import results


@dataclass(slots=True)
class Stop:
    """Set by a signal handler or by --fail-fast: nothing new is started, what runs is finished."""

    event: threading.Event = field(default_factory=threading.Event)
    signal: int | None = None
    because: str = ""
    running: set[Address] = field(default_factory=set)
    outcome: Callable[[], Outcome] | None = None
    """What is known by now, from the moment the apply begins."""

    def __call__(self, because: str, signal: int | None = None) -> None:
        self.because = self.because or because
        self.signal = self.signal or signal
        self.event.set()


def apply(
    plan: Plan,
    desired: DesiredState,
    sources: Sources,
    registries: Mapping[str, Registry],
    registrar: Registrar,
    *,
    pool: ThreadPoolExecutor,
    sink: Sink,
    stop: Stop,
    fail_fast: bool = False,
    refused: Sequence[Result] = (),
    patience: Patience = PATIENCE,
) -> Outcome:
    """Execute every writing change of `plan` and report how each ended; `refused` are results decided before:
    what was refused holds back what depends on it, what was so already does not.

    `sources` is what artifacts are packed from, `registrar` carries out what is of Palette. Never raises for what a
    registry answers or a folder holds. Raises AuthenticationFailed, before anything is written, where a secret for
    Palette cannot be had.
    """
    registrar.prepare(plan.changes)
    undone = [each for each in refused if each.status is Status.REFUSED]
    asked = _requests(registries, registrar)
    overrides = plan.request.overrides
    run = _Run(
        plan,
        desired,
        sources,
        registries,
        registrar,
        sink,
        stop,
        fail_fast,
        patience,
        overrides,
        undone,
        asked,
    )
    run.results += refused
    run.results += [
        Result(change, Status.REFUSED, change.why, change.help)
        for change in plan.changes
        if change.action is Action.BLOCKED
    ]
    for name in {change.address.registry for change in plan.changes if change.action.writes}:
        if name in registries:  # a document of several regions is none, though Palette knows it as one
            registries[name].allow_writes()
    stop.outcome = run.outcome
    for stage in stages(plan):
        run.stage(stage, pool)
    outcome = run.outcome()
    sink(Ended(outcome))
    return outcome


def _requests(registries: Mapping[str, Registry], registrar: Registrar) -> dict[str, int]:
    return {
        **{name: registry.requests for name, registry in sorted(registries.items())},
        **registrar.requests,
    }


@dataclass(slots=True)
class _Run:
    plan: Plan
    desired: DesiredState
    sources: Sources
    registries: Mapping[str, Registry]
    registrar: Registrar
    sink: Sink
    stop: Stop
    fail_fast: bool
    patience: Patience
    overrides: Overrides
    undone: list[Result]
    asked: Mapping[str, int]
    """Requests that were sent before."""
    results: list[Result] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    stage_begun: float = 0.0

    def outcome(self) -> Outcome:
        """What is known by now; a signal handler may ask while threads are at work."""
        running = self.stop.running.copy()  # before the results: a change that ends meanwhile stands in both
        ended = list(self.results)
        missing = {each.address: each for each in self.plan.changes if each.action.writes}
        for each in ended:
            missing.pop(each.change.address, None)
        left = [
            Result(each, Status.RUNNING, "had not ended yet")
            if each.address in running
            else Result(each, Status.SKIPPED, self.stop.because)
            for each in missing.values()
        ]
        requests = _requests(self.registries, self.registrar)
        return Outcome(
            plan=self.plan,
            results=tuple(sorted([*ended, *left], key=lambda each: each.change.address)),
            seconds=time.monotonic() - self.begun,
            signal=self.stop.signal,
            requests={name: count - self.asked.get(name, 0) for name, count in requests.items()},
        )

    def stage(self, stage: Stage, pool: ThreadPoolExecutor) -> None:
        self.stage_begun = time.monotonic()
        layers = Layers([self.sources[each.address] for each in stage.changes if _is_packed(each)])
        undone = tuple(self.undone)

        def carry_out(change: Change) -> Result:
            source = self.sources[change.address] if _is_packed(change) else None
            with layers.kept(source):
                result = self._carry_out(change, source, layers, undone)
            self.results.append(result)
            self.stop.running.discard(change.address)
            self.sink(Finished(result))
            return result

        for result in results(pool, carry_out, _order(stage.changes)):
            if result.status is not Status.APPLIED:
                self.undone.append(result)

    def _carry_out(
        self,
        change: Change,
        source: Source | None,
        layers: Layers,
        undone: Sequence[Result],
    ) -> Result:
        self.stop.running.add(
            change.address
        )  # before the look at the stop: what goes on stands there for sure
        if self.stop.event.is_set():
            return Result(change, Status.SKIPPED, self.stop.because)
        obstacle = held_back_by(change, undone)
        if obstacle is not None:
            refused = obstacle.status is Status.REFUSED
            return Result(
                change,
                Status.REFUSED if refused else Status.SKIPPED,
                f"held back, since {obstacle.change.address} was not written",
            )
        self.sink(Started(change))
        begun = time.monotonic()
        sent = _Sent(change, self.sink)
        status, detail, hint = Status.APPLIED, None, None
        try:
            if change.type in (ResourceType.REGISTRATION, ResourceType.SYNC):
                status, detail = self._tell_palette(change, undone)
            elif change.copy and change.copy.replicated:
                status, detail, hint = self._follow(change, change.copy, sent)
            else:
                payload = self._payload(change, source, layers)
                sent.total = _size(payload)
                self.registries[change.address.registry].execute(change, payload, sent)
        except Conflict as error:
            status, detail, hint = Status.REFUSED, error.message, error.hint
        except RegsyncError as error:
            status, detail, hint = Status.FAILED, error.message, error.hint
        except Exception as error:
            status, detail = Status.FAILED, f"internal error: {type(error).__name__}: {error}"
            hint = "this is a bug in regsync; run again with REGSYNC_DEBUG=1 to see where"
            logging.getLogger(__name__).debug("%s: internal error", change.address, exc_info=True)
        if status is not Status.APPLIED and self.fail_fast:
            self.stop(f"{change.address} failed (--fail-fast)")
        return Result(change, status, detail, hint, sent.sent, time.monotonic() - begun)

    def _tell_palette(self, change: Change, undone: Sequence[Result]) -> tuple[Status, str | None]:
        if change.type is ResourceType.REGISTRATION:
            self.registrar.register(change)
            return Status.APPLIED, None
        left_out = {each.change.address for each in undone}
        detail = self.registrar.synchronize(change, left_out, self.sink, self.stop.event)
        if detail is None:
            return Status.SKIPPED, f"{self.stop.because}; Palette goes on by itself"
        return Status.APPLIED, detail

    def _payload(self, change: Change, source: Source | None, layers: Layers) -> Payload | Copied | None:
        if change.copy is not None:
            return self.registries[change.copy.address.registry].copied(change.copy)
        if source is None:
            return None
        return layers.payload(source, self.registries[change.address.registry].spec.owner)

    def _follow(self, change: Change, copy: Copy, sent: _Sent) -> tuple[Status, str | None, str | None]:
        """See to it that what replication brings has come, the settings of its repository included."""
        registry = self.registries[change.address.registry]
        if change.type is ResourceType.REPOSITORY:
            done = settle(self._repository(change.address), registry, self.overrides, sent)
            if done.action is Action.BLOCKED:
                return Status.REFUSED, done.why, done.help
        elif not arrives(
            copy,
            registry.spec.region or "",
            self.registries[copy.address.registry],
            self.stop.event,
            self.patience,
            self.stage_begun,
        ):
            return Status.SKIPPED, f"{self.stop.because}; replication goes on by itself", None
        return Status.APPLIED, None, None

    def _repository(self, address: Address) -> DesiredRepository:
        return next(
            each for one in self.desired.registries for each in one.repositories if each.address == address
        )


def _order(changes: Sequence[Change]) -> list[Change]:
    """By address, but equal contents side by side, and so one repository in all its regions: a layer that goes to several
    registries is packed once and let go soon, and no region waits for another."""
    alike: dict[object, list[Change]] = {}
    for change in changes:
        content = change.after and change.after.get("content")
        alike.setdefault(content or change.address.path, []).append(change)
    return [change for group in alike.values() for change in group]


def _is_packed(change: Change) -> bool:
    """Whether its content comes from a folder or archive."""
    return takes_content(change) and change.copy is None


def _size(payload: Payload | Copied | None) -> int:
    """Bytes to be sent at most."""
    if isinstance(payload, Copied):
        return sum(blob.size for blob in payload.blobs)
    if payload is None:
        return 0
    return payload.layer.size + len(payload.config or b"") + len(payload.provenance or b"")


class _Sent:
    """Counts the bytes of one upload and tells the sink of each part."""

    def __init__(self, change: Change, sink: Sink) -> None:
        self.change, self.sink = change, sink
        self.sent = self.total = 0

    def __call__(self, part: int) -> None:
        self.sent += part
        self.sink(Progressed(self.change, self.sent, self.total))
