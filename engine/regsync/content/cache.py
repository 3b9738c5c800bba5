"""Contents of layers that were read once, kept on disk under the layer's digest. Never in the way when it fails."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from regsync.model.content import CONTENT_ALGORITHM, Content, FileEntry
from regsync.model.reference import is_digest

_FORM = f"{CONTENT_ALGORITHM}/1"
"""Raised when a layer would be read differently: entries of another form are misses."""


class IndexCache:
    """One small file per layer in `directory`. A layer's digest always means the same bytes, so an entry never ages.

    Entries carry a check sum; what is damaged counts as unknown. Nothing that goes wrong with files raises: a
    directory that cannot be written is no cache.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, layer_digest: str) -> tuple[Content | None] | None:
        """What is known of a layer: its content, or None inside the tuple where it is no pack. None: unknown."""
        source = self._file(layer_digest)
        try:
            check, _, body = source.read_text("utf-8").partition("\n")
            if check != sha256(body.encode()).hexdigest():
                return None
            entry = json.loads(body)
            if (entry["form"], entry["layer"]) != (_FORM, layer_digest):
                return None
            files = entry["files"]
        except (OSError, ValueError, KeyError):
            return None
        return (None if files is None else Content.of(_entry(each) for each in files),)

    def put(self, layer_digest: str, content: Content | None) -> None:
        """Remember the content of a layer, None for one that is no pack."""
        files = None if content is None else [_row(each) for each in content.files]
        body = json.dumps({"form": _FORM, "layer": layer_digest, "files": files}, separators=(",", ":"))
        target = self._file(layer_digest)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self._directory)
        except OSError:
            return
        try:
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(f"{sha256(body.encode()).hexdigest()}\n{body}")
            Path(temporary).replace(target)
        except OSError:
            Path(temporary).unlink(missing_ok=True)

    def _file(self, layer_digest: str) -> Path:
        if not is_digest(layer_digest):
            raise ValueError(f"not a digest: {layer_digest!r}")
        return self._directory / layer_digest.replace(":", "-")


def _row(entry: FileEntry) -> list[str | int | bool]:
    return [entry.path, entry.sha256, entry.size, entry.executable]


def _entry(row: Sequence[str | int | bool]) -> FileEntry:
    path, digest, size, executable = row
    return FileEntry(str(path), str(digest), int(size), bool(executable))
