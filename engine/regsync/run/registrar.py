"""Carries out what a plan says of Palette: registrations, each tried first, and their synchronizations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from regsync.model.errors import AuthenticationFailed
from regsync.model.events import Sink, Waiting
from regsync.model.palette import DesiredRegistration
from regsync.model.plan import Action, Change, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.state import DesiredState
from regsync.palette.base import Palette, Secrets, Synchronization
from regsync.registries.base import Registry
from regsync.run.preflight import preflight


@dataclass(slots=True)
class Registrar:
    """The Palettes of one run, by name. `open_registry` opens a live registry anew, with the login that Palette has."""

    desired: DesiredState
    palettes: Mapping[str, Palette]
    open_registry: Callable[[RegistrySpec], Registry]
    _secrets: dict[Address, Secrets] = field(default_factory=dict)

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by Palette."""
        return {f"palette {name}": each.requests for name, each in sorted(self.palettes.items())}

    def prepare(self, changes: Iterable[Change]) -> None:
        """Resolve the secrets that `changes` send, and let the Palettes that they are about be written to.

        Raises AuthenticationFailed where one cannot be had, naming them all.
        """
        missing: list[AuthenticationFailed] = []
        for change in changes:
            if change.type not in (ResourceType.REGISTRATION, ResourceType.SYNC) or not change.action.writes:
                continue
            palette = self._palette(change)
            if change.type is ResourceType.REGISTRATION and change.action is not Action.DELETE:
                try:
                    self._secrets[change.address] = palette.secrets(self._wanted(change.address))
                except AuthenticationFailed as error:
                    missing.append(error)
            elif change.type is ResourceType.SYNC:
                with suppress(
                    AuthenticationFailed
                ):  # none is sent, but Palette may tell of those that it has
                    palette.secrets(self._synchronized(change.address))
            palette.allow_writes()
        if missing:
            told = "; ".join(dict.fromkeys(each.message for each in missing))
            raise AuthenticationFailed(f"nothing was written: {told}", hint=missing[0].hint)

    def register(self, change: Change) -> None:
        """Create, update, replace or delete a registration. Raises RegistryErrors."""
        palette = self._palette(change)
        if change.action is Action.DELETE:
            palette.unregister(change)
            return
        desired = self._wanted(change.address)
        preflight(desired, self.open_registry)
        palette.register(change, desired, self._secrets[change.address])

    def synchronize(
        self, change: Change, left_out: Collection[Address], sink: Sink, stop: threading.Event
    ) -> str | None:
        """Have Palette list a registry anew and confirm what it must list, without the artifacts `left_out`, which did not
        come about. What came of it in a few words, None where `stop` was set before. Raises RegistryErrors."""
        desired = self._synchronized(change.address)
        after = change.after or {}
        names = after["confirm"]
        assert isinstance(names, list)
        wanted = Synchronization(
            confirm=tuple(
                each for each in desired.listings if str(each) in names and each.address not in left_out
            ),
            force=bool(after["force"]),
        )
        return self._palette(change).synchronize(
            desired, wanted, lambda text: sink(Waiting(change, text)), stop
        )

    def _registrations(self) -> list[DesiredRegistration]:
        return [each for one in self.desired.registries for each in one.registrations]

    def _wanted(self, address: Address) -> DesiredRegistration:
        return next(each for each in self._registrations() if each.address == address)

    def _synchronized(self, sync: Address) -> DesiredRegistration:
        return next(each for each in self._registrations() if each.address.sync == sync)

    def _palette(self, change: Change) -> Palette:
        everything = (each for one in self.desired.registries for each in one.of_palette)
        found = next(each for each in everything if change.address in (each.address, each.address.sync))
        return self.palettes[found.spec.palette.name]
