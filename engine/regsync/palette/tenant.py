"""One Palette, that is the tenant that an API key belongs to: all that base.Palette offers, put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from regsync.model.palette import DesiredRegistration, PaletteSpec, UnwantedRegistration
from regsync.model.plan import Change
from regsync.model.state import LivePalette
from regsync.palette.api import PaletteApi
from regsync.palette.base import Finding, Palette, Secrets, Synchronization, references
from regsync.palette.check import check
from regsync.palette.lookup import observe
from regsync.palette.register import register, unregister
from regsync.palette.sync import Waits, synchronize
from regsync.transport.credentials import resolve


def open_palette(spec: PaletteSpec, environment: Mapping[str, str], trace: Callable[[str], None]) -> Palette:
    """Open a Palette read-only. Reaches nothing yet."""
    return Tenant(spec, environment, trace)


class Tenant:
    """See base.Palette. `waits` are the pauses of waiting, `clock` and `sleep` count in seconds."""

    def __init__(
        self,
        spec: PaletteSpec,
        environment: Mapping[str, str],
        trace: Callable[[str], None],
        waits: Waits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.spec = spec
        self._environment = environment
        self._api = PaletteApi(spec, environment, trace, clock, sleep)
        self._waits = waits or Waits()
        self._clock = clock
        self._sleep = sleep
        self._sts: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        return self._api.http.requests

    def observe(
        self, wanted: Sequence[DesiredRegistration], unwanted: Sequence[UnwantedRegistration]
    ) -> LivePalette:
        return observe(self._api, self.sts, wanted, unwanted)

    def secrets(self, desired: DesiredRegistration) -> Secrets:
        found = {
            name: resolve(reference, self._environment)
            for name, reference in references(desired.spec.auth).items()
        }
        self._api.http.mask(*found.values())
        return Secrets(found)

    def register(self, change: Change, desired: DesiredRegistration, secrets: Secrets) -> None:
        register(self._api, change, desired, secrets, self.sts, self._sleep)

    def unregister(self, change: Change) -> None:
        unregister(self._api, change)

    def synchronize(
        self,
        desired: DesiredRegistration,
        wanted: Synchronization,
        waiting: Callable[[str], None],
        stop: threading.Event,
    ) -> str | None:
        return synchronize(self._api, desired, wanted, waiting, stop, self._waits, self._clock)

    def check(self, desired: Sequence[DesiredRegistration]) -> list[Finding]:
        return check(self._api, str(self.spec.api_key), desired, self.secrets, self.sts)

    def sts(self, partition: str) -> tuple[str, str]:
        with self._lock:
            if partition not in self._sts:
                self._sts[partition] = self._api.sts(partition)
            return self._sts[partition]

    def allow_writes(self) -> None:
        self._api.http.read_only = False

    def close(self) -> None:
        self._api.http.close()
