"""Charts that were fetched once, kept on disk under their digests, and verified whenever they are read again.

Knows bytes only.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from regsync.model.errors import ContentError, ProtocolError
from regsync.model.reference import is_digest

LARGEST = 64 << 20
"""Bytes of the largest archive that is fetched; Helm loads no chart that has more than 100 MiB unpacked."""

_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Archive:
    """Bytes in a file, which can be read any number of times."""

    path: Path
    digest: str
    size: int

    def open(self) -> BinaryIO:
        return self.path.open("rb")

    def read(self) -> bytes:
        return self.path.read_bytes()


class Archives:
    """What was fetched, in `directory`; without one, or where nothing can be written there, it lasts only as long as
    this object."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()

    def get(self, digest: str) -> Archive | None:
        """What is kept under a digest; None where nothing is, or something else by now."""
        if self._directory is None or not is_digest(digest):
            return None
        path = self._directory / digest.replace(":", "-")
        state, size = hashlib.new(digest.partition(":")[0]), 0
        try:
            with path.open("rb") as file:
                while data := file.read(_PIECE):
                    state.update(data)
                    size += len(data)
        except OSError:
            return None
        return Archive(path, digest, size) if digest.endswith(f":{state.hexdigest()}") else None

    def keep(self, stream: BinaryIO | io.BufferedIOBase, what: str, expected: str | None = None) -> Archive:
        """Keep the bytes of `stream`, which must have the digest that is expected. `what` names them in messages.

        Raises ProtocolError for other bytes and for too many, ContentError where the disk is full.
        """
        algorithm = expected.partition(":")[0] if expected else "sha256"
        state, size = hashlib.new(algorithm), 0
        file = self._temporary_file()
        temporary = Path(file.name)
        try:
            with file:
                while data := stream.read(_PIECE):
                    state.update(data)
                    size += len(data)
                    if size > LARGEST:
                        raise ProtocolError(f"{what} has more than {LARGEST >> 20} MiB, which no chart has")
                    _write(file, data, what)
            digest = f"{algorithm}:{state.hexdigest()}"
            if expected not in (None, digest):
                raise ProtocolError(
                    f"{what} has the digest {digest}, but {expected} was stated",
                    hint="it was replaced or damaged after it was published: ask its publisher which is right",
                )
            return Archive(temporary.replace(temporary.with_name(digest.replace(":", "-"))), digest, size)
        finally:
            temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what was not to last."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def _temporary_file(self) -> tempfile._TemporaryFileWrapper[bytes]:
        with self._lock:
            if self._directory is not None:
                with suppress(OSError):
                    self._directory.mkdir(parents=True, exist_ok=True)
                    return _new_file(self._directory)
            self._temporary = tempfile.TemporaryDirectory(prefix="regsync-")
            self._directory = Path(self._temporary.name)
            return _new_file(self._directory)


def _new_file(directory: Path) -> tempfile._TemporaryFileWrapper[bytes]:
    return tempfile.NamedTemporaryFile(prefix=".new-", dir=directory, delete=False)


def _write(file: tempfile._TemporaryFileWrapper[bytes], data: bytes, what: str) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise ContentError(
            f"cannot keep {what}: {error.strerror}", hint="REGSYNC_CACHE_DIR names the cache"
        ) from None
