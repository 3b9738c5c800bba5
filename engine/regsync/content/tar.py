"""Reading tar archives as a stream, compressed or not, in bounded memory and without touching the file system.

Knows the formats that tar programs write (v7, ustar, GNU, PAX), and nothing of packs or charts. The standard library's reader
is not used: it takes sizes in extended headers on trust and has been led into endless loops by them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from gzip import BadGzipFile
from typing import Protocol

from isal import igzip, isal_zlib

BLOCK = 512
CHUNK = 1 << 18
MAX_HEADER = 1 << 20
"""Bytes of one extended header. Names need a few hundred; macOS adds extended attributes."""

MAX_NAME = 2048
"""Characters in a member's path or link target."""

_FILE_TYPES = (b"0", b"\0", b"7")


class Readable(Protocol):
    """All that a stream of bytes needs here; `read` may return less than it is asked for, nothing only at the end."""

    def read(self, size: int, /) -> bytes: ...


class BadArchive(Exception):
    """The stream is no archive that can be read safely. The message completes the sentence "the archive …"."""


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry: its path with neither `.` nor empty components (empty for the archive's root), and for links the
    target: a symlink's as written, a hard link's as a path like the others. `name` is the path as written."""

    path: str
    kind: Kind
    size: int
    executable: bool
    target: str = ""
    name: str = ""


class TarReader:
    """Iterates over the members of an archive; `data()` gives the bytes of the one that iteration stands at.

    What `stream` raises passes through. One that checks a digest at its end must see that end: call `drain()` when
    done, also after BadArchive. `limit` caps the bytes that decompression may yield, of which `left` are left;
    `compressed` tells whether there is any.
    Raises BadArchive for anything that is damaged, escapes the archive, or is neither file, folder nor link.
    """

    def __init__(self, stream: Readable, *, limit: int) -> None:
        self._raw = io.BufferedReader(_Raw(stream), CHUNK)
        self._source: io.BufferedIOBase = self._raw
        self.compressed = self._raw.peek(2)[:2] == b"\x1f\x8b"
        if self.compressed:
            self._source = igzip.IGzipFile(fileobj=self._raw, mode="rb")  # type: ignore[no-untyped-call]  # untyped in its stubs
        self.left = limit
        self._pending = 0  # bytes of the current member that were not read yet
        self._is_tar = False  # whether a header was read

    def __iter__(self) -> Iterator[Member]:
        extended: dict[str, str] = {}
        while header := self._header():
            size = _number(header[124:136])
            kind = header[156:157]
            if kind in (b"x", b"g", b"L", b"K"):
                payload = self._extension(size)
                if kind == b"x":
                    extended |= _pax(payload)
                elif kind == b"g":
                    _refuse_global(_pax(payload))
                else:
                    extended["path" if kind == b"L" else "linkpath"] = _text(payload.split(b"\0", 1)[0])
                continue
            member = _member(header, kind, size, extended)
            extended = {}
            self._pending = member.size
            yield member
            for _ in self.data():
                pass
            self._read(-member.size % BLOCK)
        # What follows the archive's end counts for the check sum of the compressed stream.
        while self._source_read(CHUNK):
            pass

    def data(self) -> Iterator[bytes]:
        """The current member's bytes, a bounded piece at a time, once."""
        while self._pending:
            chunk = self._read(min(self._pending, CHUNK))
            self._pending -= len(chunk)
            yield chunk

    def drain(self) -> None:
        """Read the underlying stream to its end."""
        while self._raw.read(CHUNK):
            pass

    def _header(self) -> bytes | None:
        """The next header block, None at the end of the archive."""
        block = self._source_read(BLOCK)
        if not block or not block.strip(b"\0"):
            return None
        if len(block) < BLOCK:
            raise BadArchive("is cut short" if self._is_tar else "is no tar archive")
        if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 0x20:
            raise BadArchive("is no tar archive, or damaged")
        self._is_tar = True
        return block

    def _extension(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise BadArchive("has a header of absurd size")
        return self._read(size + -size % BLOCK)[:size]

    def _read(self, size: int) -> bytes:
        data = self._source_read(size)
        if len(data) < size:
            raise BadArchive("is cut short")
        return data

    def _source_read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        try:
            data = self._source.read(size)
        except EOFError as failure:
            raise BadArchive("is cut short") from failure
        except (BadGzipFile, isal_zlib.error) as failure:  # type: ignore[misc] # its stub says it is an instance
            raise BadArchive("is damaged") from failure
        self.left -= len(data)
        if self.left < 0:
            raise BadArchive("unpacks to more than it may hold")
        return data


class _Raw(io.RawIOBase):
    """Makes any object with `read` the raw side of a buffered reader, which may then rely on full buffers."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # no buffer type before 3.12
        filled = 0
        while filled < len(buffer) and (data := self._stream.read(len(buffer) - filled)):
            buffer[filled : filled + len(data)] = data
            filled += len(data)
        return filled


def _member(header: bytes, kind: bytes, size: int, extended: Mapping[str, str]) -> Member:
    if any(key.startswith("GNU.sparse.") for key in extended):
        raise BadArchive("holds a sparse file")
    if "path" in extended:
        name = extended["path"]
    else:
        name = _text(header[:100].split(b"\0", 1)[0])
        prefix = header[345:500].split(b"\0", 1)[0]
        if prefix and header[257:263] == b"ustar\0":
            name = f"{_text(prefix)}/{name}"
    target = extended["linkpath"] if "linkpath" in extended else _text(header[157:257].split(b"\0", 1)[0])
    if len(name) > MAX_NAME or len(target) > MAX_NAME:
        raise BadArchive("has a name of absurd length")
    path = _inside(name)
    executable = bool(_number(header[100:108]) & 0o100)
    if kind == b"5" or (kind in _FILE_TYPES and name.endswith("/")):
        return Member(path, Kind.FOLDER, 0, executable, name=name)
    if kind == b"2":
        return Member(path, Kind.SYMLINK, 0, executable, target, name)
    if kind == b"1":
        return Member(path, Kind.HARDLINK, 0, executable, _inside(target), name)
    if kind in _FILE_TYPES:
        if written := extended.get("size"):
            if not written.isascii() or not written.isdecimal() or len(written) > 20:
                raise BadArchive("has a damaged header")
            size = int(written)
        return Member(path, Kind.FILE, size, executable, name=name)
    raise BadArchive("holds something that is neither file, folder nor link")


def _inside(name: str) -> str:
    """`name` without `.` and empty components. Raises BadArchive where it leads out of the archive."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise BadArchive("has a path that leads out of it")
    return "/".join(parts)


def _number(field: bytes) -> int:
    """A number field: octal digits, or (GNU) a binary number behind a set top bit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b"\0 ")
    if not digits:
        return 0
    if digits.translate(None, b"01234567"):
        raise BadArchive("is no tar archive, or damaged")
    return int(digits, 8)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as failure:
        raise BadArchive("has a name that is not UTF-8") from failure


def _pax(payload: bytes) -> dict[str, str]:
    """The records of a PAX header (POSIX pax), each `LENGTH KEY=VALUE\\n` where LENGTH counts the whole record."""
    records: dict[str, str] = {}
    at = 0
    while at < len(payload):
        digits, space, _ = payload[at : at + 20].partition(b" ")
        length = int(digits) if space and digits.isdigit() else 0
        record = payload[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or at + length > len(payload):
            raise BadArchive("has a damaged header")
        if key in (b"path", b"linkpath", b"size") or key.startswith(b"GNU.sparse."):
            records[_text(key)] = _text(value[:-1])
        at += length
    return records


def _refuse_global(records: Mapping[str, str]) -> None:
    """Defaults for all members, in practice a comment of `git archive`. Those that matter here are never used."""
    if records:
        raise BadArchive("sets names or sizes for all its files at once")
