"""What a Palette offers to the rest: observe registrations, carry out changes of them, synchronize. Knows no wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from regsync.model.palette import DesiredRegistration, Listing, PaletteSpec, UnwantedRegistration
from regsync.model.plan import Change
from regsync.model.registry import Auth, SecretRef
from regsync.model.state import LivePalette


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a registration's login, by the manifest's names (`password`, `secretAccessKey`, also a `username`
    that is written as a reference)."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)


def references(auth: Auth) -> dict[str, SecretRef]:
    """The secrets that a login refers to, by the names of `Secrets`."""
    written = {
        "username": auth.username,
        "password": auth.password,
        "token": auth.token,
        "accessKeyId": auth.aws.access_key_id,
        "secretAccessKey": auth.aws.secret_access_key,
        "sessionToken": auth.aws.session_token,
    }
    return {name: each for name, each in written.items() if isinstance(each, SecretRef)}


@dataclass(frozen=True, slots=True)
class Synchronization:
    """What a sync is to bring about: `confirm` is what Palette must list afterwards; `force`: even where it believes to
    know the artifacts already, since some were overwritten."""

    confirm: tuple[Listing, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: what was looked at, whether it is as it should be (None: for information only), what was found
    and what to do."""

    what: str
    ok: bool | None
    found: str = ""
    hint: str | None = None


class Palette(Protocol):
    """One Palette. Thread-safe."""

    spec: PaletteSpec

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repeated ones included."""

    def observe(
        self, wanted: Sequence[DesiredRegistration], unwanted: Sequence[UnwantedRegistration]
    ) -> LivePalette:
        """Look up every registration by its name. Never raises for what Palette can answer."""

    def secrets(self, desired: DesiredRegistration) -> Secrets:
        """Resolve the references of its login. Raises AuthenticationFailed, with the reference's position, where one leads
        nowhere. Reaches nothing."""

    def register(self, change: Change, desired: DesiredRegistration, secrets: Secrets) -> None:
        """Validate, then create, update or replace a registration behind its precondition: `change.before` must still be
        what is live. Its first sync is left to `synchronize`.

        Raises Conflict where live state is another by now, other RegistryErrors where it fails.
        """

    def unregister(self, change: Change) -> None:
        """Delete a registration behind its precondition."""

    def synchronize(
        self,
        desired: DesiredRegistration,
        wanted: Synchronization,
        waiting: Callable[[str], None],
        stop: threading.Event,
    ) -> str | None:
        """Have Palette list the registry anew, wait until it has, and confirm what it must list.

        `waiting` is told in a few words what is waited for, time and again. Returns what has come about in a few words
        ("synchronized, 12 listed"; where the manifest does not wait: "started"). Raises RegistryErrors where the sync
        fails or what must be listed is not there at the time-out, which names it. None where `stop`
        was set before that.
        """

    def check(self, desired: Sequence[DesiredRegistration]) -> list[Finding]:
        """Try the key, and have Palette validate each registration with its secrets. Stores nothing."""

    def sts(self, partition: str) -> tuple[str, str]:
        """The account from which Palette assumes roles, and the tenant's external ID."""

    def allow_writes(self) -> None:
        """Leave the read-only mode in which every Palette is opened."""

    def close(self) -> None: ...


Opener = Callable[[PaletteSpec, Mapping[str, str], Callable[[str], None]], Palette]


def open_palette(spec: PaletteSpec, environment: Mapping[str, str], trace: Callable[[str], None]) -> Palette:
    """Open a Palette read-only. Reaches nothing yet."""
    palette: Palette = import_module("regsync.palette.tenant").open_palette(spec, environment, trace)
    return palette
