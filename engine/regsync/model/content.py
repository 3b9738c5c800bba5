"""What an artifact holds, independent of how it is packed: files, their digest, and how two contents differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter

CONTENT_ALGORITHM = "regsync-content-v1"


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file: path relative to the pack's folder (NFC, `/`), sha256 of its bytes in hex, size in bytes."""

    path: str
    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A pack's files, sorted by the bytes of their paths, and the digest that identifies them.

    The digest is `sha256:` over the algorithm's name and, in byte order of the paths, path NUL sha256 LF. Modes, times,
    owners and the archive's own bytes do not count.
    """

    digest: str
    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> Content:
        # Text compares by code points, which is the order of its UTF-8 bytes too.
        ordered = tuple(sorted(files, key=attrgetter("path")))
        listing = "".join(f"{each.path}\0{each.sha256}\n" for each in ordered)
        state = sha256(f"{CONTENT_ALGORITHM}\n{listing}".encode())
        return cls(f"sha256:{state.hexdigest()}", ordered)

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.files)


class FileStatus(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How one file differs. `lines` is a unified diff without file headers (`@@ …`, ` `, `+`, `-` lines), empty for
    binary files and for texts that are not shown; `before` and `after` are the entries on either side."""

    path: str
    status: FileStatus
    before: FileEntry | None
    after: FileEntry | None
    lines: tuple[str, ...] = ()
    note: str | None = None
