"""Registrations for tests: what one wants and Palette has, and the plan that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from regsync.model.diagnostic import Origin
from regsync.model.palette import (
    DesiredRegistration,
    Listing,
    LiveRegistration,
    LiveSync,
    Lookup,
    PaletteSpec,
    RegistrationSpec,
)
from regsync.model.plan import Plan, PlanRequest
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, RegistrySpec, SecretRef, Tls
from regsync.model.settings import Json
from regsync.model.state import DesiredArtifact, DesiredRegistry, LivePalette, LiveState, Unreadable
from regsync.planner.build import build_plan
from tests.support.states import FILE, a_registry, a_request, a_spec, desired, live, there, wanted

NAME = Address.of_registration("harbor", "harbor")
SYNC = NAME.sync
AT = Origin(FILE, 50, 3)
PALETTE = PaletteSpec("prod", "https://palette.example.com", SecretRef("env", "KEY", AT), AT)
SETTINGS: dict[str, Json] = {
    "type": "basic",
    "provider": "pack",
    "endpoint": "https://harbor.example.com",
    "basePath": "",
    "baseContentPath": "team",
    "synchronization": True,
    "auth": "basic",
    "username": "robot",
    "password.version": 2,
    "certificate": "",
    "insecureSkipVerify": False,
}
LOGIN = Auth(AuthMethod.BASIC, username="robot", password=SecretRef("env", "PASSWORD", AT, version=2))
DONE = LiveSync("Completed", last_synced="2026-11-20T05:00:00Z")


def registered(
    settings: Mapping[str, Json] = SETTINGS,
    *artifacts: DesiredArtifact,
    registry: RegistrySpec | None = None,
    auth: Auth = LOGIN,
    may_replace: bool = False,
    document: str = "harbor",
    name: str | None = None,
) -> DesiredRegistration:
    """What `document` registers, under its own name unless another is given; Palette must list `artifacts`."""
    name = name or document
    path = str(settings.get("baseContentPath", "team"))
    spec = RegistrationSpec(PALETTE, name, path, dict(settings), auth, Tls(), AT, replace=may_replace)
    listings = [
        Listing(each.address.path.rpartition("/")[2], each.address.tag or "", each.address)
        for each in artifacts
    ]
    return DesiredRegistration(
        Address.of_registration(document, name), spec, registry or a_spec(document), tuple(listings)
    )


def in_palette(settings: Mapping[str, Json] = SETTINGS, **other: Any) -> Lookup:
    fields: dict[str, Any] = {"owner": "platform", "sync": DONE, "listed": frozenset({"nginx:1.0.0"})}
    return Lookup(LiveRegistration("harbor", "uid-1", dict(settings), **fields | other))


def planned(
    registration: DesiredRegistration,
    found: Lookup | None,
    *,
    state: LiveState | None = None,
    request: PlanRequest | None = None,
    registry: DesiredRegistry | None = None,
    dark: Iterable[Unreadable] = (),
) -> Plan:
    """A plan for a registry that holds nginx, and what Palette has of it."""
    held = registry or a_registry(wanted("nginx"))
    lookups = {} if found is None else {registration.address: found}
    seen = state or live(there("nginx"))
    seen = replace(seen, palettes={"prod": LivePalette(lookups, tuple(dark))})
    return build_plan(request or a_request(), desired(replace(held, registrations=(registration,))), seen)
