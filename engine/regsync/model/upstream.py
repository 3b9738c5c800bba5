"""Charts that come from elsewhere: what a manifest asks for, and what was pinned for it. Knows no file and no wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from regsync.model.diagnostic import Diagnostic, Origin
from regsync.model.registry import Auth, Tls

Asked: TypeAlias = tuple[str, str, str, int]
"""What a lock file answers: repository, name, version and `newest`; whoever asks the same is given the same."""


@dataclass(frozen=True, slots=True)
class UpstreamChart:
    """A chart in a chart repository (`https://…`) or in another registry (`oci://…`), as a manifest asks for it.

    `version` is a version or a range, of which the `newest` so many are taken, none younger than `min_age` seconds.
    `origin` is where it is asked for, `origins` are the positions of its fields, by dotted name.
    """

    repository: str
    name: str
    version: str
    origin: Origin
    newest: int = 1
    min_age: int = 0
    auth: Auth = field(default_factory=Auth)
    tls: Tls = field(default_factory=Tls)
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)

    @property
    def asked(self) -> Asked:
        """By what a lock file knows it."""
        return self.repository, self.name, self.version, self.newest

    @property
    def is_oci(self) -> bool:
        return self.repository.startswith("oci://")

    def at(self, name: str) -> Origin:
        """Where a field stands, else the whole."""
        return self.origins.get(name, self.origin)


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of a chart, told so that it can only be this one.

    `source` is the URL of the archive, or `oci://HOST/REPOSITORY:TAG`; `digest` that of the archive or of the OCI
    manifest; `content` the digest that identifies the chart, `size` the bytes of its archive.
    """

    version: str
    source: str
    digest: str
    content: str
    size: int


@dataclass(frozen=True, slots=True)
class UpstreamItem:
    """A chart that a manifest takes from elsewhere, and under which base content path it goes.

    `pins` are what `lock`, the lock file beside the manifest, has for it; `shown_lock` is how messages name that.
    """

    chart: UpstreamChart
    base_content_path: str
    lock: Path
    shown_lock: str
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a lock file has for one ask: what it had before, what it has now, and which versions were too fresh."""

    chart: UpstreamChart
    before: tuple[Pin, ...]
    after: tuple[Pin, ...]
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LockFile:
    """One lock file: what it has now, what was dropped since no manifest asks for it, and whether it was written."""

    shown: str
    entries: tuple[Pinned, ...]
    dropped: tuple[Asked, ...]
    written: bool


@dataclass(frozen=True, slots=True)
class Locking:
    """What became of all lock files, and why some charts could not be pinned."""

    files: tuple[LockFile, ...]
    diagnostics: tuple[Diagnostic, ...]
