"""The plan: every change with its reason, the guards that stand over it, and what could not be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from regsync.model.content import FileDiff
from regsync.model.diagnostic import Origin
from regsync.model.reference import Address
from regsync.model.settings import Json
from regsync.model.state import Unreadable


class Action(StrEnum):
    NO_OP = "no-op"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    BLOCKED = "blocked"

    @property
    def writes(self) -> bool:
        return self not in (Action.NO_OP, Action.BLOCKED)


class Cause(StrEnum):
    """Who made live and desired differ: the manifest (or a folder it names), somebody's hand, or both."""

    MANIFEST = "manifest"
    DRIFT = "drift"
    BOTH = "both"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a change is what it is. Programs that read plans should treat one that they do not know as unspecified."""

    EQUAL = "equal"
    MISSING = "missing"
    CONTENT_DIFFERS = "content-differs"
    TITLE_DIFFERS = "title-differs"
    OTHER_CONTENT = "other-content"
    OTHER_OWNER = "other-owner"
    TOMBSTONE = "tombstone"
    PRUNE = "prune"
    WITHHELD = "withheld"
    BASE_REPOSITORY = "base-repository"
    SETTINGS_DIFFER = "settings-differ"
    FIXED_SETTING = "fixed-setting"
    IMMUTABLE_TAG = "immutable-tag"
    NOT_CREATED = "not-created"
    NOT_OFFERED = "not-offered"
    ABSENT = "absent"
    SAME_ENDPOINT = "same-endpoint"
    NAME_TAKEN = "name-taken"
    SECRETS_SENT = "secrets-sent"
    CONTENT_CHANGES = "content-changes"
    REGISTRATION_CHANGES = "registration-changes"
    SYNC_FAILED = "sync-failed"
    NOT_SYNCED = "not-synced"
    NOT_LISTED = "not-listed"


class ResourceType(StrEnum):
    ARTIFACT = "artifact"
    REPOSITORY = "repository"
    PROJECT = "project"
    REGISTRATION = "registration"
    """A registry as Palette knows it."""
    SYNC = "sync"
    """One synchronization of a registration: Palette lists the registry's content anew."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the content of a change comes from: the folder as shown, its files and their bytes. An archive from elsewhere
    has a URL, its own bytes, and no files that are known."""

    shown: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Another region that has an artifact already, to be taken over byte by byte so that digests agree everywhere.

    `digest` is what stands there under `address`. With `replicated` it is None: the content goes there with this plan,
    the registry's own replication brings it on, and all that is to be done here is to wait for it.
    """

    address: Address
    digest: str | None = None
    replicated: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One object and what is to happen to it.

    `before` and `after` are JSON objects, None where the object is absent on that side. Artifacts have `digest`,
    `content`, `title`, `owner`, `tags` before, and `content`, `title`, `owner` after, for a copy from another region
    also the `digest`; repositories, projects and registrations have the settings that the manifest writes. A sync has the
    `status` of the last one before, and `confirm` after: the artifacts, `name:version`, that Palette must list then.
    `wanted` is set on a blocked change: the action that is held back. A change has a `source` or a `copy`, or neither.
    """

    address: Address
    type: ResourceType
    action: Action
    cause: Cause
    reason: Reason
    why: str
    """The reason in words, without the address ("the tag exists with other content")."""
    origin: Origin | None = None
    """The manifest position that decides it."""
    before: Mapping[str, Json] | None = None
    after: Mapping[str, Json] | None = None
    binding: Mapping[str, str] = field(default_factory=dict)
    source: Source | None = None
    diffs: tuple[FileDiff, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    wanted: Action | None = None
    copy: Copy | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A limit that stops the whole apply when it is exceeded. `override` is the exact option that lifts it."""

    name: str
    registry: str
    ok: bool
    text: str
    """What is measured against what: `deletes 7/5`."""
    override: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a plan. A replace counts in `add` and in `delete`."""

    add: int = 0
    change: int = 0
    delete: int = 0
    blocked: int = 0
    unchanged: int = 0
    unmanaged: int = 0
    unreadable: int = 0

    @property
    def changes(self) -> int:
        return self.add + self.change + self.delete


@dataclass(frozen=True, slots=True)
class Selection:
    """Shell globs on addresses, or names of live registries: only what some target matches (all, where there is none)
    and no exclude matches."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def includes(self, address: Address) -> bool:
        if self.targets and not any(address.matches(each) for each in self.targets):
            return False
        return not any(address.matches(each) for each in self.excludes)

    def reaches(self, registry: str) -> bool:
        """Whether any address of a live registry may be included; False spares it every request."""
        targeted = not self.targets or any(_may_match(registry, each) for each in self.targets)
        return targeted and not any(self.leaves_out(registry, each) for each in self.excludes)

    @staticmethod
    def leaves_out(registry: str, exclude: str) -> bool:
        """Whether an exclude alone leaves out a live registry as a whole."""
        return exclude in _names(registry) or fnmatchcase(f"{registry}/", exclude)


def _may_match(registry: str, target: str) -> bool:
    """Whether a glob may match an address in this registry; a `*` before the first slash may stand for the slash too."""
    name, star, _ = target.partition("/")[0].partition("*")
    return target in _names(registry) or fnmatchcase(registry, name + star)


def _names(registry: str) -> tuple[str, str]:
    """What stands for all of a live registry: its name, and that of its document."""
    return registry, registry.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Overrides:
    """Guards lifted one by one on the command line."""

    max_deletes: int | None = None
    max_delete_share: int | None = None
    allow_empty: tuple[str, ...] = ()
    unprotect: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    send_secrets: tuple[str, ...] = ()
    """Registrations whose secrets are sent anew, whether their version was raised or not."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan was asked for; recorded in a saved plan so that apply can ask for the same again.

    `paths` are relative to `-C`. `variables` are the resolved template variables.
    """

    paths: tuple[str, ...]
    selection: Selection = field(default_factory=Selection)
    overrides: Overrides = field(default_factory=Overrides)
    variables: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegistryView:
    """What a report says of a live registry."""

    name: str
    type: str
    endpoint: str
    region: str | None = None
    default_region: str | None = None
    """Of the document that it is one region of."""


@dataclass(frozen=True, slots=True)
class Base:
    """What causes were told against: the commit, in hex, that HEAD and `ref` have in common."""

    ref: str
    commit: str

    def __str__(self) -> str:
        return f"{self.commit[:12]}, the merge base with {self.ref}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that apply would do and everything that reports show; pure data.

    `changes` are sorted by address and hold no-ops too. Two plans of equal facts are equal, whatever order the
    facts came in.
    """

    request: PlanRequest
    registries: tuple[RegistryView, ...]
    changes: tuple[Change, ...]
    guards: tuple[Guard, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[str, ...] = ()
    unmanaged: int = 0
    not_compared: int = 0
    """Desired objects that lie in an unreadable part."""
    outside: int = 0
    """Changes that the selection left out."""
    manifest_files: int = 0
    base: Base | None = None
    """None where causes are what can be known without one. Information: nothing that is approved depends on it."""

    @property
    def errored(self) -> bool:
        return bool(self.unreadable)

    @property
    def refused(self) -> bool:
        return not all(guard.ok for guard in self.guards)

    @property
    def has_changes(self) -> bool:
        return any(change.action.writes for change in self.changes)

    @property
    def summary(self) -> Summary:
        count = dict.fromkeys(Action, 0)
        for change in self.changes:
            count[change.action] += 1
        return Summary(
            add=count[Action.CREATE] + count[Action.REPLACE],
            change=count[Action.UPDATE],
            delete=count[Action.DELETE] + count[Action.REPLACE],
            blocked=count[Action.BLOCKED],
            unchanged=count[Action.NO_OP],
            unmanaged=self.unmanaged,
            unreadable=self.not_compared,
        )
