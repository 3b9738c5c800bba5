"""Packing packs and charts: a tar.gz whose bytes depend on the content alone, spooled so that memory stays bounded.

Knows the ustar and PAX formats as POSIX describes them; nothing of what the files mean.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from isal import isal_zlib

from regsync.content.files import read_chunks, reading
from regsync.model.content import Content, FileEntry
from regsync.model.errors import ContentError

SPOOL = 4 << 20
"""Bytes of a layer that are kept in memory; a larger one moves to a temporary file."""

_BLOCK = 512
# Of a ustar header: no link, magic and version, no owner's or group's name, no device. The check sum counts its own
# eight bytes as spaces.
_FIXED = bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\x000000000\0"
_FIXED_SUM = sum(_FIXED) + 8 * 0x20
_PIECE = 1 << 18
# Level 2 takes as long as level 1 and half as long as level 3, which saves 3 % more.
_LEVEL = 2


class SpooledLayer:
    """A packed layer that can be read any number of times, by several readers at once. Close it to free its space."""

    def __init__(self, digest: str, size: int, data: bytes, path: Path | None) -> None:
        self.digest = digest
        self.size = size
        self._data = data
        self._path = path

    def open(self) -> BinaryIO:
        """The layer's bytes from the start."""
        return io.BytesIO(self._data) if self._path is None else self._path.open("rb")

    def close(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> SpooledLayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def pack_archive(folder: Path, shown: str, content: Content, title: str) -> SpooledLayer:
    """Pack `folder` into the layer called `title` (`<name>-<version>.tar.gz`) under one top folder of that name.

    Entries are in byte order of their paths, times are the epoch's, owners nobody's, modes 0644 or 0755. Every folder
    has an entry before its files, as in what `tar` writes: unpackers exist that do not make missing parents. Each
    file must still be what `content` says. Raises ContentError, naming the file (`shown` is the folder in messages)
    or the disk that is full, and leaves nothing behind then.

    Equal contents give equal bytes with one build of the compressor; another may compress differently.
    """
    root = title.removesuffix(".tar.gz")
    with _spooled() as spool:
        _write(_Gzip(spool.write), os.fspath(folder), content, root, shown)
        return spool.finish()


def pack_files(files: Iterable[tuple[str, bytes]]) -> SpooledLayer:
    """Pack files at hand into a layer, in the order given and without entries for folders. Raises ContentError.

    Times are the epoch's, owners nobody's, modes 0644. Equal files give equal bytes, as with `pack_archive`.
    """
    with _spooled() as spool:
        gzip = _Gzip(spool.write)
        for path, data in files:
            gzip.write(_header(path, len(data), 0o644, b"0"))
            gzip.write(data)
            gzip.write(bytes(-len(data) % _BLOCK))
        gzip.write(bytes(2 * _BLOCK))
        gzip.finish()
        return spool.finish()


def copy_archive(file: Path, shown: str) -> SpooledLayer:
    """A layer of the very bytes of `file`, which others may replace at any time. Raises ContentError."""
    with _spooled() as spool, reading(shown), file.open("rb") as source:
        while data := source.read(_PIECE):
            spool.write(data)
        return spool.finish()


@contextmanager
def _spooled() -> Iterator[_Spool]:
    """A spool that leaves nothing behind when something is raised."""
    spool = _Spool()
    try:
        yield spool
    except BaseException:
        spool.discard()
        raise


def _write(gzip: _Gzip, folder: str, content: Content, root: str, shown: str) -> None:
    made = {""}
    for entry in content.files:
        path = f"{root}/{entry.path}"
        for parent in _missing_parents(path, made):
            gzip.write(_header(f"{parent}/", 0, 0o755, b"5"))
        gzip.write(_header(path, entry.size, 0o755 if entry.executable else 0o644, b"0"))
        _copy(gzip, folder, entry, shown)
        gzip.write(bytes(-entry.size % _BLOCK))
    gzip.write(bytes(2 * _BLOCK))
    gzip.finish()


def _missing_parents(path: str, made: set[str]) -> list[str]:
    """The folders that a path lies in and that `made` lacks, outermost first; they are added to it."""
    missing = []
    while (path := path.rpartition("/")[0]) not in made:
        missing.append(path)
    made.update(missing)
    return missing[::-1]


def _copy(gzip: _Gzip, folder: str, entry: FileEntry, shown: str) -> None:
    """Copy one file. It must have exactly the bytes that were planned."""
    state = sha256()
    left = entry.size
    try:
        for chunk in read_chunks(folder, entry.path):
            left -= len(chunk)
            if left < 0:
                break
            state.update(chunk)
            gzip.write(chunk)
    except OSError as failure:
        raise _changed(f"{shown}/{entry.path}", f" ({failure.strerror or failure})") from failure
    if left or state.hexdigest() != entry.sha256:
        raise _changed(f"{shown}/{entry.path}", "")


def _changed(path: str, why: str) -> ContentError:
    return ContentError(
        f"{path} changed while it was packed{why}",
        hint="plan again when nothing else writes to the folder",
    )


def _header(path: str, size: int, mode: int, kind: bytes) -> bytes:
    """The header of one entry: ustar, with a PAX header before it where ustar cannot hold the path."""
    raw = path.encode()
    prefix = b""
    if len(raw) > 100:
        # The prefix ends at a slash; the latest that fits leaves the shortest name.
        cut = raw.rfind(b"/", 0, min(156, len(raw) - 1))
        if cut > 0 and len(raw) - cut - 1 <= 100:
            prefix, raw = raw[:cut], raw[cut + 1 :]
    if len(raw) <= 100 and path.isascii():
        return _block(raw, size, mode, kind, prefix)
    record = _pax_record(b"path", path.encode())
    padded = record + bytes(-len(record) % _BLOCK)
    short = path.encode("ascii", "replace")[:100]
    return (
        _block(b"././@PaxHeader", len(record), 0o644, b"x", b"")
        + padded
        + _block(short, size, mode, kind, b"")
    )


def _block(name: bytes, size: int, mode: int, kind: bytes, prefix: bytes) -> bytes:
    """512 bytes: name, mode, uid, gid, size, mtime, check sum, type, link, magic, owner names, device, prefix."""
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, 0, 0, size, 0)
    total = sum(name) + sum(numbers) + sum(kind) + _FIXED_SUM + sum(prefix)
    return b"%s%s%06o\0 %s%s%s" % (
        name.ljust(100, b"\0"),
        numbers,
        total,
        kind,
        _FIXED,
        prefix.ljust(167, b"\0"),
    )


def _pax_record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE\\n`, where LENGTH counts its own digits too."""
    rest = len(key) + len(value) + 3
    length = rest
    while length != rest + len(str(length)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


class _Gzip:
    """Compresses what is written and hands it to `sink`.

    The compressor is fed in pieces of one size: its output depends on how the input is cut, and reads may return
    less on one machine than on another.
    """

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._pending = io.BytesIO()
        self._size = 0
        self._deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)

    def write(self, data: bytes) -> None:
        self._size += self._pending.write(data)
        if self._size < _PIECE:
            return
        with self._pending.getbuffer() as pending:
            whole = self._size - self._size % _PIECE
            for at in range(0, whole, _PIECE):
                self._sink(self._deflate.compress(pending[at : at + _PIECE]))
            rest = bytes(pending[whole : self._size])
        self._pending.seek(0)
        self._size = self._pending.write(rest)

    def finish(self) -> None:
        rest = self._pending.getbuffer()[: self._size]
        self._sink(self._deflate.compress(rest) + self._deflate.flush())


class _Spool:
    """Collects a layer: in memory first, in a temporary file once it is larger than SPOOL."""

    def __init__(self) -> None:
        self._state = sha256()
        self._size = 0
        self._file: BinaryIO = io.BytesIO()
        self._path: Path | None = None

    def write(self, data: bytes) -> None:
        self._state.update(data)
        self._size += len(data)
        with self._disk_errors():
            if self._path is None and self._size > SPOOL:
                self._move_to_disk()
            self._file.write(data)

    def finish(self) -> SpooledLayer:
        digest = f"sha256:{self._state.hexdigest()}"
        if isinstance(self._file, io.BytesIO):
            return SpooledLayer(digest, self._size, self._file.getvalue(), None)
        with self._disk_errors():
            self._file.close()
        return SpooledLayer(digest, self._size, b"", self._path)

    def discard(self) -> None:
        if self._path is not None:
            # Closing writes what is buffered, which fails again where the disk was full.
            with suppress(OSError):
                self._file.close()
            self._path.unlink(missing_ok=True)

    def _move_to_disk(self) -> None:
        assert isinstance(self._file, io.BytesIO)
        descriptor, path = tempfile.mkstemp(prefix="regsync-", suffix=".tar.gz")
        self._path = Path(path)
        data = self._file.getbuffer()
        self._file = open(descriptor, "wb")  # noqa: SIM115 - closed by finish or discard
        self._file.write(data)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            where = self._path.parent if self._path else "the temporary folder"
            raise ContentError(
                f"cannot write a packed layer to {where}: {failure.strerror or failure}",
                hint="free space there, or set TMPDIR to a folder that has some",
            ) from failure
