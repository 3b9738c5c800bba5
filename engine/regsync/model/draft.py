"""Manifests that are to be written, and what was found for them. Knows no file and no wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from regsync.model.reference import is_digest
from regsync.model.registry import Provider, RegistryType
from regsync.model.settings import Json
from regsync.model.state import Unreadable


@dataclass(frozen=True, slots=True)
class Target:
    """A registry as an endpoint on the command line names it.

    `type` is None where only asking can tell it. `endpoint` is that of a manifest, a directory as it was written.
    `paths` are the repository paths to look beneath, none for all. `slug` is what to call it.
    """

    endpoint: str
    slug: str
    type: RegistryType | None
    paths: tuple[str, ...] = ()
    region: str = ""

    def __str__(self) -> str:
        return f"{self.endpoint}/{self.paths[0]}" if len(self.paths) == 1 else self.endpoint

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the names of the repositories begin with that are looked at."""
        return tuple(f"{path}/" for path in self.paths) or ("",)


@dataclass(frozen=True, slots=True)
class Seen:
    """A live artifact or, without a tag, a repository.

    `digest` is that of its OCI manifest, `content` what identifies a pack or chart. `local` is where its folder or archive
    was put, as the manifest names it; `reason` says why no manifest can name it.
    """

    base: str
    name: str
    tag: str = ""
    digest: str = ""
    content: str = ""
    local: str = ""
    reason: str = ""

    @property
    def shown(self) -> str:
        """`name:tag`, which is enough beneath a base content path."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    @property
    def short_digest(self) -> str:
        return self.digest[:19] if is_digest(self.digest) else ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A document of kind Registry. What has no value is not written.

    `packs` is a path or glob that stands for all content; without it the content is what was `seen` and has a place on
    disk, and the rest of it becomes comments. `settings` are those of repositories, `project` those of projects.
    `base` says whether base repositories are there, or to be made.
    """

    name: str
    provider: Provider
    type: RegistryType
    endpoint: str
    base_content_paths: tuple[str, ...]
    region: str = ""
    regions: tuple[str, ...] = ()
    connect_to: str | None = None
    ca_file: str | None = None
    base: bool = True
    settings: Mapping[str, Json] = field(default_factory=dict)
    project: Mapping[str, Json] = field(default_factory=dict)
    packs: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def managed(self) -> tuple[Seen, ...]:
        """What could be named, were there a folder or archive of it."""
        return tuple(each for each in self.seen if not each.reason)

    @property
    def unmanaged(self) -> tuple[Seen, ...]:
        return tuple(each for each in self.seen if each.reason)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, as messages name it, and the documents in it."""

    file: str
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to. `folder` is where content was put, None where it was not asked for; `pulled` counts what
    was, and `known` what was there before. `elsewhere` are repositories that hold neither packs nor charts."""

    written: tuple[Written, ...]
    unreadable: tuple[Unreadable, ...]
    elsewhere: tuple[Seen, ...] = ()
    folder: str | None = None
    pulled: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Stray:
    """A live artifact that no manifest names: `owner` is whose mark it bears, `regions` are those that have it, all of
    them where there are none."""

    base: str
    name: str
    tag: str
    owner: str | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Strays:
    """What no manifest names beneath the base content paths of one Registry document. `first` is its first base content
    path, `position` is where its tombstones go, and `live` counts all that was found."""

    document: str
    owner: str
    position: str
    first: str
    live: int
    strays: tuple[Stray, ...]
