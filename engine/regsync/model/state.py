"""Desired state and live state. Absent, unreadable and not looked at are three different things here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from regsync.model.content import Content
from regsync.model.diagnostic import Origin
from regsync.model.palette import DesiredRegistration, Lookup, UnwantedRegistration
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.settings import Json


@dataclass(frozen=True, slots=True)
class DesiredArtifact:
    """A pack or chart that a registry must hold. `shown` is how messages name its folder or archive; layers of charts have
    no title."""

    address: Address
    content: Content
    title: str
    shown: str
    origin: Origin
    """The manifest line that asks for it."""
    version_origin: Origin
    """The line that gives its version: where to raise it."""
    packed: int | None = None
    """Bytes of its archive where that comes from elsewhere and its files are not at hand."""
    verbatim: bool = False
    """Whether it is copied from another registry as it stands there, without a mark."""


@dataclass(frozen=True, slots=True)
class DesiredAbsence:
    """A tombstone: this artifact must not be there."""

    address: Address
    origin: Origin


@dataclass(frozen=True, slots=True)
class DesiredRepository:
    """A repository that must be there: a base repository, or where repositories are created before their first push
    also that of a pack; where repositories lie in projects, also a project, which its address tells. `beneath` is the
    prefix of the repositories in it.

    `explicit`: it must exist itself; else whatever lives beneath it stands for it. `create`: regsync may create it.
    """

    address: Address
    origin: Origin
    base: bool = True
    explicit: bool = False
    create: bool = True
    settings: Mapping[str, Json] = field(default_factory=dict)

    @property
    def beneath(self) -> str:
        return self.address.path + "/"


@dataclass(frozen=True, slots=True)
class DesiredRegistry:
    """All that one live registry must hold, each tuple sorted by address."""

    spec: RegistrySpec
    artifacts: tuple[DesiredArtifact, ...]
    absences: tuple[DesiredAbsence, ...]
    repositories: tuple[DesiredRepository, ...]
    registrations: tuple[DesiredRegistration, ...] = ()
    """In Palette; of several regions the default one has those of the document."""
    unregistered: tuple[UnwantedRegistration, ...] = ()

    @property
    def of_palette(self) -> tuple[DesiredRegistration | UnwantedRegistration, ...]:
        """All that Palette is asked about."""
        return (*self.registrations, *self.unregistered)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the manifests and folders say, one entry per live registry, sorted by document; the regions of one stand in
    the order in which the manifest names them."""

    registries: tuple[DesiredRegistry, ...]
    files: int
    """Manifest files read."""

    def registrations_in(self, palette: str) -> list[DesiredRegistration]:
        """All that a Palette must have."""
        everything = (each for registry in self.registries for each in registry.registrations)
        return [each for each in everything if each.spec.palette.name == palette]


@dataclass(frozen=True, slots=True)
class LiveArtifact:
    """What a tag points to.

    `content` is the content digest, None where it is no pack or chart that can be read (*other content*). `title` is
    the layer's, `owner` the mark of the one who pushed it (None: no mark), `marked` whether a mark of ours speaks of
    this very layer. `tags` are this tag and, where known, its siblings on the digest. `immutable`: a rule in the
    registry keeps everyone from moving or deleting the tag. `chart` is what a chart's own annotations call it,
    `name:tag`, and `provenance` digest and size of what signs it.
    """

    address: Address
    digest: str
    content: str | None
    title: str | None = None
    owner: str | None = None
    marked: bool = False
    layer_digest: str | None = None
    layer_size: int | None = None
    tags: tuple[str, ...] = ()
    immutable: bool = False
    chart: str | None = None
    provenance: tuple[str, int] | None = None
    note: str | None = None
    """What is unusual about its form, for a note in the plan ("pushed by oras 1.1 or later")."""


@dataclass(frozen=True, slots=True)
class LiveRepository:
    """A repository or project that is there, with those of its settings that were read.

    `owner` and `marks` are what regsync wrote beside it: who created it, and by setting the fingerprint of the value
    that was last written (`regsync.model.settings.fingerprint`). They count only where `marks_read`.
    """

    address: Address
    settings: Mapping[str, Json] = field(default_factory=dict)
    owner: str | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    marks_read: bool = False


class UnreadableScope(StrEnum):
    REGISTRY = "registry"
    REPOSITORY = "repository"
    TAG = "tag"
    """One address alone: a tag, or without one the settings of a repository."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a live registry that gave no trustworthy answer. Nothing in it may be created or deleted."""

    registry: str
    scope: UnreadableScope
    reason: str
    path: str = ""
    tag: str | None = None
    hint: str | None = None

    @property
    def address(self) -> str:
        if self.scope is UnreadableScope.REGISTRY:
            return self.registry
        return str(Address(self.registry, self.path, self.tag))

    @property
    def is_of_palette(self) -> bool:
        """Whether it is about a registration, and no content is hidden."""
        return Address(self.registry, self.path).registration is not None

    def covers(self, address: Address) -> bool:
        """Whether `address` lies in this part."""
        if address.registry != self.registry:
            return False
        if self.scope is UnreadableScope.REGISTRY:
            return True
        return address.path == self.path and (
            self.scope is UnreadableScope.REPOSITORY or address.tag == self.tag
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What a live registry cannot do whoever logs in, as it has shown what kind of `server` it is. Empty where nothing
    that it cannot do is known."""

    server: str = ""
    no_deletes: str | None = None
    """Where it cannot delete: what to do instead."""
    most_parts: int | None = None
    """How many parts the name of a repository may have, where that is few."""
    packs: str | None = None
    """The condition under which it takes packs."""
    charts: str | None = None
    """The condition under which it takes charts."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one or more reads found in a live registry; `merged` puts several together.

    `absent` holds only what the registry itself said is not there. What is in no field was not looked at, and
    the planner treats it as unreadable.
    """

    artifacts: Mapping[Address, LiveArtifact] = field(default_factory=dict)
    repositories: Mapping[Address, LiveRepository] = field(default_factory=dict)
    """Repositories and projects that were asked for and are there."""
    absent: frozenset[Address] = frozenset()
    unreadable: tuple[Unreadable, ...] = ()
    listed: frozenset[str] = frozenset()
    """Repository prefixes (see `RegistrySpec.prefixes`) whose repositories and tags were all listed (for prune)."""
    notes: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def merged(cls, parts: Iterable[Observed]) -> Observed:
        """One observation out of several; the same scope of the same registry is unreadable only once. Limits are of a
        registry as a whole, and no part has any."""
        artifacts: dict[Address, LiveArtifact] = {}
        repositories: dict[Address, LiveRepository] = {}
        absent: set[Address] = set()
        unreadable: dict[tuple[str, str], Unreadable] = {}
        listed: set[str] = set()
        notes: list[str] = []
        for part in parts:
            artifacts.update(part.artifacts)
            repositories.update(part.repositories)
            absent |= part.absent
            for each in part.unreadable:
                unreadable.setdefault((each.scope, each.address), each)
            listed |= part.listed
            notes += part.notes
        return cls(
            artifacts,
            repositories,
            frozenset(absent),
            tuple(unreadable.values()),
            frozenset(listed),
            tuple(notes),
        )


@dataclass(frozen=True, slots=True)
class LivePalette:
    """What one Palette answered, by the address of each registration that was asked for."""

    lookups: Mapping[Address, Lookup] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveState:
    """What was observed, by live registry's name, and by the name of each Palette."""

    registries: Mapping[str, Observed]
    palettes: Mapping[str, LivePalette] = field(default_factory=dict)
