"""Has Palette synchronize a registry, waits until it has, and confirms what it lists then. Writes no registration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from regsync.model.errors import NotFound, RateLimited, RegistryError, Unreachable
from regsync.model.palette import DesiredRegistration, Listing, LiveSync
from regsync.palette.api import PaletteApi, Summary
from regsync.palette.base import Synchronization, references
from regsync.palette.failures import listed
from regsync.palette.lookup import HUNG, Directory, by_name, hangs, is_version, versions
from regsync.palette.wire import Document, sync_of, text

_BUSY = frozenset({400, 409, 422, 423})
"""With which Palette may refuse to start what runs already: it documents none."""


FIRST_PAUSE = 0.25
"""Seconds: small registries are listed at once."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: the first and the longest pause between two looks, and how old a run must be to count as hung."""

    first: float = field(default_factory=lambda: FIRST_PAUSE)
    longest: float = 10.0
    hung: float = HUNG


class _Stopped(Exception):
    """The run is to end."""


@dataclass(slots=True)
class _Sync:
    api: PaletteApi
    desired: DesiredRegistration
    wanted: Synchronization
    registry: Summary
    waiting: Callable[[str], None]
    stop: threading.Event
    waits: Waits
    clock: Callable[[], float]
    began: float
    pause: float
    last: LiveSync = field(default_factory=lambda: LiveSync(""))

    def carry_out(self) -> str:
        if not self.desired.spec.wait:
            busy = self._look().running
            self._start(force=self.wanted.force or self._hangs())
            return "started, while another one is running" if busy else "started"
        before = self._started()
        self._await_end(before)
        self._confirm()
        count = len(self.wanted.confirm)
        return f"synchronized, {count} listed" if count else "synchronized"

    def _started(self) -> LiveSync:
        """Start a synchronization of our own, and return what the one before had come to. One that runs already may have
        passed by what is new."""
        while True:
            while self._look().running and not self._hangs():
                self._wait("another synchronization has not ended")
            before = self.last
            try:
                self._start(force=self.wanted.force or before.running)
            except RegistryError as error:
                if error.status not in _BUSY or not self._look().running:
                    raise
                self._wait(f"another synchronization has begun: {error.message}")
            else:
                self.pause = self.waits.first
                return before

    def _await_end(self, before: LiveSync) -> None:
        ran = False
        while True:
            said = f"Palette says {self.last.status}" if self.last.status else "Palette says nothing"
            self._wait(f"the synchronization has not ended ({said})")
            sync = self._look()
            if sync.succeeded and sync.last_synced != before.last_synced:
                return
            if sync.failed and (ran or sync != before):
                raise RegistryError(
                    f"Palette could not synchronize {self.registry.name}: {sync.message or sync.status}",
                    hint=_after_failure(self.desired),
                )
            ran = ran or sync.running

    def _confirm(self) -> None:
        """Raise RegistryError at the time-out unless all is listed that must be. Everything is looked up once at least."""
        left = by_name(self.wanted.confirm)
        count = sum(len(group) for _, group in left)
        self.pause = self.waits.first
        while True:
            missing, valueless, done = [], [], 0
            for name, group in left:
                if self.stop.is_set():
                    raise _Stopped
                unlisted, empty = self._unconfirmed(name, group)
                missing += unlisted
                valueless += empty
                done += len(group)
                self.waiting(f"confirming {done} of {count}")
            registered = any(each.uid == self.registry.uid for each in self.api.names())
            lacking = [
                f"Palette does not list {listed(missing)}" if missing else "",
                f"it shows no values of {listed(valueless)}" if valueless else "",
                "" if registered else f"{self.registry.name} is not among its registries",
            ]
            if not any(lacking):
                return
            left = by_name([*missing, *valueless])
            count = len(missing) + len(valueless)
            self._wait("; ".join(each for each in lacking if each))

    def _unconfirmed(self, name: str, group: list[Listing]) -> tuple[list[Listing], list[Listing]]:
        """Which of these versions are not listed, and which are listed without the values that they have."""
        try:
            pack = self._read(lambda: self.api.pack(name, self.registry.uid))
        except NotFound:
            return group, []
        found = {each: next((one for one in versions(pack) if is_version(each, one)), None) for each in group}
        missing = [each for each, version in found.items() if version is None]
        valueless = [
            each
            for each, version in found.items()
            if version and each.valued and not self._has_values(pack, version.pack_uid)
        ]
        return missing, valueless

    def _has_values(self, pack: Document, uid: str) -> bool:
        """Whether a version has values, which may come with all versions of its name or only by itself."""
        told = _values(pack).get(uid)
        if told is None:
            try:
                told = _values(self._read(lambda: self.api.pack_version(uid))).get(uid, "")
            except NotFound:
                return False
        return bool(told.strip())

    def _start(self, *, force: bool) -> None:
        try:
            self.api.start_sync(self.registry.type, self.registry.uid, force=force)
        except NotFound as error:
            raise RegistryError(f"{self.registry.name} is gone by now: {error.message}") from None

    def _look(self) -> LiveSync:
        status = self._read(lambda: self.api.sync_status(self.registry.type, self.registry.uid))
        if status.get("isSyncSupported") is False:
            raise RegistryError(
                f"Palette does not synchronize {self.registry.name}: its switch is off",
                hint="plan again to see what was changed meanwhile",
            )
        self.last = sync_of(status) or LiveSync("")
        return self.last

    def _read(self, read: Callable[[], Document]) -> Document:
        """Read something. What passes is waited for like all the rest."""
        while True:
            try:
                return read()
            except (RateLimited, Unreachable) as error:
                self._wait(error.message)

    def _hangs(self) -> bool:
        return hangs(self.last, self.waits.hung)

    def _wait(self, what: str) -> None:
        """Pause, since of `what`. Raises RegistryError, which tells that, after the time that the manifest gives."""
        spec = self.desired.spec
        waited = self.clock() - self.began
        if waited >= spec.timeout:
            at = self.desired.registry.at("palette.sync.timeout")
            raise RegistryError(
                f"after {waited:.0f} s, {what}",
                hint=f"Palette may go on by itself: plan again later, or raise palette.sync.timeout ({at})",
            )
        self.waiting(what)
        if self.stop.wait(min(self.pause, spec.timeout - waited)):
            raise _Stopped
        self.pause = min(1.5 * self.pause, self.waits.longest)


def synchronize(
    api: PaletteApi,
    desired: DesiredRegistration,
    wanted: Synchronization,
    waiting: Callable[[str], None],
    stop: threading.Event,
    waits: Waits,
    clock: Callable[[], float],
) -> str | None:
    """See Palette.synchronize. `clock` counts seconds."""
    if stop.is_set():
        return None
    registry = Directory.read(api).find(desired.spec.name)
    if registry is None:
        raise RegistryError(
            f"Palette does not have {desired.spec.name}", hint="plan again to see what was changed meanwhile"
        )
    run = _Sync(api, desired, wanted, registry, waiting, stop, waits, clock, began=clock(), pause=waits.first)
    try:
        return run.carry_out()
    except _Stopped:
        return None


def _after_failure(desired: DesiredRegistration) -> str:
    hint = "see that Palette itself may read the registry, then apply again"
    if not references(desired.spec.auth):
        return hint
    at = desired.registry.at("palette.auth")
    return (
        f"{hint}\nPalette logs in with the secrets that it was last sent: where one was rotated, raise its `version` ({at}), "
        f"or send it anew: regsync apply --send-secrets {desired.address}"
    )


def _values(pack: Document) -> dict[str, str]:
    """The values of each version, by its uid."""
    values = pack.get("packValues")
    return {
        text(each, "packUid"): text(each, "values")
        for each in (values if isinstance(values, list) else ())
        if isinstance(each, dict)
    }
