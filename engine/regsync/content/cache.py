"""What was read from registries once and never changes: contents of layers and OCI manifests, kept on disk under their
digests. Never in the way when it fails."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from regsync.model.content import CONTENT_ALGORITHM, Content, FileEntry
from regsync.model.reference import is_digest

_FORM = f"{CONTENT_ALGORITHM}/1"
"""Raised when a layer would be read differently: entries of another form are misses."""


class _Files:
    """One small file per digest in a directory, with a check sum: what is damaged counts as unknown.

    Nothing that goes wrong with files raises: a directory that cannot be written is no cache.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, digest: str) -> bytes | None:
        """What was written for a digest; None where that is unknown."""
        source = self._file(digest)
        try:
            check, _, data = source.read_bytes().partition(b"\n")
        except OSError:
            return None
        return data if check == hashlib.sha256(data).hexdigest().encode() else None

    def write(self, digest: str, data: bytes) -> None:
        """Remember something for a digest, whole or not at all."""
        target = self._file(digest)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self._directory)
        except OSError:
            return
        try:
            with open(descriptor, "wb") as file:
                file.write(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
            Path(temporary).replace(target)
        except OSError:
            Path(temporary).unlink(missing_ok=True)

    def _file(self, digest: str) -> Path:
        if not is_digest(digest):
            raise ValueError(f"not a digest: {digest!r}")
        return self._directory / digest.replace(":", "-")


class IndexCache:
    """Contents of layers in `directory`. A layer's digest always means the same bytes, so an entry never ages."""

    def __init__(self, directory: Path) -> None:
        self._files = _Files(directory)

    def get(self, layer_digest: str) -> tuple[Content | None] | None:
        """What is known of a layer: its content, or None inside the tuple where it is no pack. None: unknown."""
        body = self._files.read(layer_digest)
        try:
            entry = json.loads(body or b"")
            if (entry["form"], entry["layer"]) != (_FORM, layer_digest):
                return None
            files = entry["files"]
        except (ValueError, KeyError):
            return None
        return (None if files is None else Content.of(_entry(each) for each in files),)

    def put(self, layer_digest: str, content: Content | None) -> None:
        """Remember the content of a layer, None for one that is no pack."""
        files = None if content is None else [_row(each) for each in content.files]
        entry = {"form": _FORM, "layer": layer_digest, "files": files}
        self._files.write(layer_digest, json.dumps(entry, separators=(",", ":")).encode())


class ManifestCache:
    """OCI manifests in `directory`: their media type, and the bytes that their digest is of."""

    def __init__(self, directory: Path) -> None:
        self._files = _Files(directory)

    def get(self, digest: str) -> tuple[str, bytes] | None:
        """Media type and bytes of an OCI manifest; None where it is unknown or what is kept is not it."""
        media_type, _, data = (self._files.read(digest) or b"").partition(b"\n")
        algorithm, _, expected = digest.partition(":")
        if hashlib.new(algorithm, data).hexdigest() != expected:
            return None
        return media_type.decode(), data

    def put(self, digest: str, media_type: str, data: bytes) -> None:
        """Remember an OCI manifest, whose digest was checked."""
        self._files.write(digest, media_type.encode() + b"\n" + data)


def _row(entry: FileEntry) -> list[str | int | bool]:
    return [entry.path, entry.sha256, entry.size, entry.executable]


def _entry(row: Sequence[str | int | bool]) -> FileEntry:
    path, digest, size, executable = row
    return FileEntry(str(path), str(digest), int(size), bool(executable))
