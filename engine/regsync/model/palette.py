"""Registrations: registries as Palette knows them, what manifests want of them and what Palette has. Knows no API.

The settings of a registration have these names, nearly all of them those of the manifest: `type` (`basic` or `ecr`),
`provider` (`pack` or `helm`), `endpoint` (as Palette's form takes it: basic with a scheme, ecr without, a template as it
is written), `basePath`, `baseContentPath`, `defaultRegion`, `private` and `partition` (ecr only), `synchronization`,
`auth` (`none`, `basic`, `token`, `credentials`, `sts`), `username`, `accessKeyId`, `roleArn`, `externalId`,
`certificate` (PEM), `insecureSkipVerify`; and `password.version`, `token.version`, `secretAccessKey.version`, … (whole
numbers), which stand for the secrets themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from regsync.model.diagnostic import Origin
from regsync.model.reference import Address
from regsync.model.registry import Auth, RegistrySpec, SecretRef, Tls
from regsync.model.settings import Json, canonical

FIRST_VERSION = 1
"""The version of a secret for which none is written down."""


Place: TypeAlias = tuple[Json, ...]


def place_of(settings: Mapping[str, Json]) -> Place:
    """What a registration is of, whatever it is called: equal for all spellings of its type, provider, endpoint and
    paths."""
    names = ("type", "provider", "endpoint", "basePath", "baseContentPath")
    return tuple(canonical(name, settings.get(name)) for name in names)


@dataclass(frozen=True, slots=True)
class PaletteSpec:
    """A Palette: the URL of its API, without a path, and the key to it."""

    name: str
    host: str
    api_key: SecretRef
    origin: Origin
    tls: Tls = field(default_factory=Tls)
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    """Positions of the written fields below `spec`, by dotted name (`tls.caFile`)."""

    def at(self, name: str) -> Origin:
        """Where field `name` stands, else the whole of `tls` for one of its fields, else the document."""
        whole = self.origins.get(name.partition(".")[0], self.origin)
        return self.origins.get(name, whole)


@dataclass(frozen=True, slots=True)
class RegistrationSpec:
    """What a manifest says of one registration; a Registry document has one for each base content path.

    `settings` are all that Palette's form asks for, of the names above, with the defaults of what is not written; of a
    secret its version, compared only where one is written. `externalId` is missing where the tenant's own is to be used.
    `wait`: whether an apply waits for synchronizations, `timeout` for how many seconds. `replace`: whether it may be
    deleted and created anew where it cannot be changed.
    """

    palette: PaletteSpec
    name: str
    base_content_path: str
    settings: Mapping[str, Json]
    auth: Auth
    """How Palette logs in. Its secrets are resolved by an apply, before the first write."""
    tls: Tls
    """What Palette trusts: `ca_file` and `insecure_skip_verify` only."""
    origin: Origin
    replace: bool = False
    wait: bool = True
    timeout: int = 600


@dataclass(frozen=True, slots=True)
class Unwanted:
    """`palette.absent`: no registration may have this name."""

    palette: PaletteSpec
    name: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Listing:
    """A pack or chart as Palette lists it. `address` is that of its artifact in the default region, `valued` whether it
    has values to show; None where that is not known."""

    name: str
    version: str
    address: Address
    valued: bool | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class DesiredRegistration:
    """A registration that must be there. `registry` is the live registry that Palette falls back to (of several regions
    the default one), `listings` what it must list of it, sorted; empty where it does not synchronize."""

    address: Address
    spec: RegistrationSpec
    registry: RegistrySpec
    listings: tuple[Listing, ...] = ()

    @property
    def owner(self) -> str:
        return self.registry.owner

    @property
    def synchronizes(self) -> bool:
        return self.spec.settings.get("synchronization") is True

    @property
    def prefix(self) -> str:
        """What the repositories of its artifacts begin with."""
        base = self.registry.repository(self.spec.base_content_path)
        return f"{base}/" if base else ""

    def binding(self) -> dict[str, str]:
        """To what an approval is bound: another Palette, key or login is another change."""
        return _binding(self.spec.palette, str(self.spec.auth))


@dataclass(frozen=True, slots=True)
class UnwantedRegistration:
    """A registration that must not be there."""

    address: Address
    spec: Unwanted
    owner: str
    """Of the document that says so."""

    def binding(self) -> dict[str, str]:
        """As that of a registration, without a login."""
        return _binding(self.spec.palette, "")


def _binding(palette: PaletteSpec, auth: str) -> dict[str, str]:
    parts = {
        "palette": palette.host,
        "apiKey": str(palette.api_key),
        "palette tls": palette.tls.shown,
        "auth": auth,
    }
    return {key: value for key, value in parts.items() if value}


@dataclass(frozen=True, slots=True)
class LiveSync:
    """The last synchronization, in Palette's words; times are RFC 3339, None where there was none. `hung`: it has been
    running for so long that another one may be forced."""

    status: str
    message: str = ""
    last_run: str | None = None
    last_synced: str | None = None
    hung: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status.lower() in ("completed", "success")

    @property
    def failed(self) -> bool:
        return self.status.lower() in ("failed", "error")

    @property
    def running(self) -> bool:
        return self.status.lower() in ("inprogress", "running", "syncing", "pending")


@dataclass(frozen=True, slots=True)
class LiveRegistration:
    """A registration that is there. `settings` hold all that can be read, with defaults for what Palette leaves out; of
    secrets the versions that regsync wrote down, `FIRST_VERSION` where it did not. `owner` is the mark of who registered
    it, `listed` what of the desired listings Palette has (`name:version`)."""

    name: str
    uid: str
    settings: Mapping[str, Json]
    owner: str | None = None
    sync: LiveSync | None = None
    listed: frozenset[str] = frozenset()
    is_default: bool = False
    """Whether it is one that Palette comes with, which nobody can change."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found where a registration is wanted, or unwanted. Palette itself said so: what it did not answer is
    unreadable.

    `taken_by` is what else has the name, in words ("a Helm registry"); `twins` are the names of other registrations at the
    wanted place, looked for where `live` is not there itself; `external_id` is the tenant's own, where it was asked for.
    """

    live: LiveRegistration | None = None
    taken_by: str | None = None
    twins: tuple[str, ...] = ()
    external_id: str | None = None
