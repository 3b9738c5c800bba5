"""What the tests of Palette's adapter share: registrations, the changes that a plan would hold, and a Palette to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from regsync.model.diagnostic import Origin
from regsync.model.palette import (
    DesiredRegistration,
    Listing,
    LiveRegistration,
    Lookup,
    PaletteSpec,
    RegistrationSpec,
    Unwanted,
    UnwantedRegistration,
)
from regsync.model.plan import Action, Cause, Change, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, AwsLogin, SecretRef, Tls
from regsync.model.settings import Json
from regsync.model.state import LivePalette
from regsync.palette.sync import Waits
from regsync.palette.tenant import Tenant
from tests.support.palette import PaletteServer
from tests.support.states import a_spec
from tests.transport.rig import Clock

AT = Origin("registries/palette.yaml", 7, 9)
KEY = SecretRef("env", "PALETTE_API_KEY", Origin("registries/palette.yaml", 4, 20))
PASSWORD, SECRET_KEY = "pull-s3cret", "aws-s3cret-key"
HARBOR = "https://harbor.example.com"
ECR = "214575254960.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com"
ROLE = "arn:aws:iam::214575254960:role/palette-read"

BASIC_LOGIN = Auth(AuthMethod.BASIC, "robot", SecretRef("env", "PULL_PASSWORD", AT))
KEYS_LOGIN = Auth(
    AuthMethod.CREDENTIALS,
    aws=AwsLogin(access_key_id="AKIAEXAMPLE", secret_access_key=SecretRef("env", "SECRET_KEY", AT)),
)
ROLE_LOGIN = Auth(AuthMethod.STS, aws=AwsLogin(role_arn=ROLE))

BASIC: Mapping[str, Json] = {
    "type": "basic",
    "provider": "pack",
    "endpoint": HARBOR,
    "baseContentPath": "team",
    "synchronization": True,
    "auth": "basic",
    "username": "robot",
}
STS: Mapping[str, Json] = {
    "type": "ecr",
    "provider": "pack",
    "endpoint": ECR,
    "baseContentPath": "custom",
    "defaultRegion": "us-east-1",
    "synchronization": True,
    "private": True,
    "auth": "sts",
    "roleArn": ROLE,
}
KEYS: Mapping[str, Json] = {
    **{name: value for name, value in STS.items() if name not in ("roleArn", "defaultRegion")},
    "endpoint": "214575254960.dkr.ecr.us-east-1.amazonaws.com",
    "auth": "credentials",
    "accessKeyId": "AKIAEXAMPLE",
}
PUBLIC: Mapping[str, Json] = {
    **{name: value for name, value in KEYS.items() if name != "accessKeyId"},
    "auth": "none",
    "private": False,
}
_LOGINS = {"basic": BASIC_LOGIN, "credentials": KEYS_LOGIN, "sts": ROLE_LOGIN}


class Ticking(Clock):
    """Time that also passes a little whenever somebody looks."""

    def __call__(self) -> float:
        self.now += 0.02
        return self.now


def a_palette(host: str, **fields: Any) -> PaletteSpec:
    at = Origin("registries/palette.yaml", 1, 1)
    return PaletteSpec("prod", host, KEY, at, origins={"apiKey": KEY.origin}, **fields)


def desired(
    host: str,
    settings: Mapping[str, Json] = BASIC,
    *,
    name: str = "harbor-packs",
    listings: tuple[Listing, ...] = (),
    owner: str = "platform",
    **fields: Any,
) -> DesiredRegistration:
    """A registration as a manifest would have it. Further fields are those of its spec."""
    spec = RegistrationSpec(
        palette=a_palette(host),
        name=name,
        base_content_path=str(settings.get("baseContentPath", "")),
        settings=settings,
        auth=fields.pop("auth", _LOGINS.get(str(settings["auth"]), Auth(AuthMethod.NONE))),
        tls=Tls(),
        origin=AT,
        **fields,
    )
    registry = a_spec("harbor", owner=owner)
    return DesiredRegistration(Address.of_registration("harbor", name), spec, registry, listings)


def unwanted(host: str, name: str) -> UnwantedRegistration:
    address = Address.of_registration("harbor", name)
    return UnwantedRegistration(address, Unwanted(a_palette(host), name, AT), "platform")


def listing(name: str, version: str, *, valued: bool | None = True) -> Listing:
    return Listing(name, version, Address("harbor", f"team/spectro-packs/archive/{name}", version), valued)


def planned(wanted: DesiredRegistration, found: Lookup, action: Action | None = None) -> Change:
    """The change that a plan would hold of a registration."""
    live = found.live
    settings = dict(wanted.spec.settings)
    if settings["auth"] == "sts" and "externalId" not in settings:
        settings["externalId"] = found.external_id
    return Change(
        address=wanted.address,
        type=ResourceType.REGISTRATION,
        action=action or (Action.UPDATE if live else Action.CREATE),
        cause=Cause.UNKNOWN,
        reason=Reason.MISSING,
        why="",
        before=_before(live, settings) if live else None,
        after=settings,
    )


def removal(absent: UnwantedRegistration, live: LiveRegistration) -> Change:
    return Change(
        address=absent.address,
        type=ResourceType.REGISTRATION,
        action=Action.DELETE,
        cause=Cause.UNKNOWN,
        reason=Reason.ABSENT,
        why="",
        before=_before(live, live.settings),
    )


def _before(live: LiveRegistration, names: Mapping[str, Json]) -> dict[str, Json]:
    return {"uid": live.uid, **{name: live.settings.get(name) for name in names}}


@contextmanager
def tenant(
    host: str,
    key: str,
    *,
    writes: bool = True,
    trace: Callable[[str], None] = lambda line: None,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    **fields: Any,
) -> Iterator[Tenant]:
    clock = clock or Ticking()
    opened = Tenant(
        a_palette(host, **fields),
        {
            "PALETTE_API_KEY": key,
            "PULL_PASSWORD": PASSWORD,
            "SECRET_KEY": SECRET_KEY,
            **(environment or {}),
        },
        trace,
        Waits(first=0.001, longest=0.002),
        clock,
        clock.sleep,
    )
    if writes:
        opened.allow_writes()
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def world(**options: Any) -> Iterator[tuple[PaletteServer, Tenant]]:
    """A Palette without registrations of the tenant's, and the way to it."""
    with PaletteServer() as server, tenant(server.url, server.api_key, **options) as palette:
        yield server, palette


def look(palette: Tenant, *wanted: DesiredRegistration) -> LivePalette:
    return palette.observe(wanted, ())


def look_at(palette: Tenant, wanted: DesiredRegistration) -> Lookup:
    found = palette.observe([wanted], [])
    assert found.unreadable == ()
    return found.lookups[wanted.address]


def live_at(palette: Tenant, wanted: DesiredRegistration) -> LiveRegistration:
    live = look_at(palette, wanted).live
    assert live is not None
    return live


def register(palette: Tenant, wanted: DesiredRegistration, action: Action | None = None) -> LiveRegistration:
    """Plan and carry out, and read what came of it."""
    change = planned(wanted, look_at(palette, wanted), action)
    palette.register(change, wanted, palette.secrets(wanted))
    return live_at(palette, wanted)


def with_settings(wanted: DesiredRegistration, **settings: Json) -> DesiredRegistration:
    """The same with other settings; names with a dot are written with two underscores."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return replace(wanted, spec=replace(wanted.spec, settings={**wanted.spec.settings, **named}))
