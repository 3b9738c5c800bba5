"""What an artifact holds, independent of how it is packed: files, their digest, and how two contents differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

CONTENT_ALGORITHM = "regsync-content-v1"


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One file: path relative to the pack's folder (NFC, `/`), sha256 of its bytes in hex, size in bytes."""

    path: str
    sha256: str
    size: int
    executable: bool = False


def content_digest(files: Iterable[FileEntry]) -> str:
    """The identity of a pack: `sha256:` over the algorithm's name and, in byte order of the paths, path NUL sha256 LF.

    Modes, times, owners and the archive's own bytes do not count.
    """
    state = hashlib.sha256(f"{CONTENT_ALGORITHM}\n".encode())
    for entry in sorted(files, key=lambda each: each.path.encode()):
        state.update(entry.path.encode() + b"\0" + entry.sha256.encode() + b"\n")
    return "sha256:" + state.hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """A pack's files, sorted by the bytes of their paths, and the digest that identifies them."""

    digest: str
    files: tuple[FileEntry, ...]

    @classmethod
    def of(cls, files: Iterable[FileEntry]) -> Content:
        ordered = tuple(sorted(files, key=lambda each: each.path.encode()))
        return cls(content_digest(ordered), ordered)

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
