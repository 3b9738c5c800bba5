"""A Palette in memory, for whole runs: it keeps what it is given, and after a sync lists what it is to confirm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from regsync.model.palette import (
    DesiredRegistration,
    LiveRegistration,
    LiveSync,
    Lookup,
    PaletteSpec,
    UnwantedRegistration,
)
from regsync.model.plan import Change
from regsync.model.state import LivePalette
from regsync.palette.base import Finding, Secrets, Synchronization

Registered = dict[str, LiveRegistration]
"""What a Palette has, by name."""


class MemoryPalette:
    """The Palette of `spec`, whose registrations outlive it."""

    requests = 0

    def __init__(self, spec: PaletteSpec, registered: Registered) -> None:
        self.spec = spec
        self.registered = registered
        self.read_only = True

    def observe(
        self, wanted: Sequence[DesiredRegistration], unwanted: Sequence[UnwantedRegistration]
    ) -> LivePalette:
        names = {each.address: each.spec.name for each in wanted}
        names |= {each.address: each.spec.name for each in unwanted}
        return LivePalette(
            {
                address: Lookup(self.registered.get(name), external_id="of-the-tenant")
                for address, name in names.items()
            }
        )

    def secrets(self, desired: DesiredRegistration) -> Secrets:
        return Secrets()

    def register(self, change: Change, desired: DesiredRegistration, secrets: Secrets) -> None:
        assert not self.read_only
        name = desired.spec.name
        self.registered[name] = LiveRegistration(name, f"uid-of-{name}", change.after or {}, desired.owner)

    def unregister(self, change: Change) -> None:
        assert not self.read_only
        del self.registered[change.address.registration or ""]

    def synchronize(
        self,
        desired: DesiredRegistration,
        wanted: Synchronization,
        waiting: Callable[[str], None],
        stop: threading.Event,
    ) -> str:
        assert not self.read_only
        live = self.registered[desired.spec.name]
        listed = live.listed | {str(each) for each in wanted.confirm}
        sync = LiveSync("Completed", last_synced="2026-01-02T03:04:05Z")
        self.registered[desired.spec.name] = replace(live, sync=sync, listed=listed)
        return f"synchronized, {len(wanted.confirm)} listed"

    def check(self, desired: Sequence[DesiredRegistration]) -> list[Finding]:
        return []

    def sts(self, partition: str) -> tuple[str, str]:
        return "123456789012", "of-the-tenant"

    def allow_writes(self) -> None:
        self.read_only = False

    def close(self) -> None:
        pass
