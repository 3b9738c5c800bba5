"""Reading single files of a pack's folder, by their paths in the pack's content, in bounded memory."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from regsync.content.rules import normal
from regsync.model.errors import ContentError

CHUNK = 1 << 18
TEXT_LIMIT = 8 << 20
"""Bytes of the largest file that is read as a whole."""

# A pipe put in a file's place must not block the open, and Windows must not translate line ends.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def regular(descriptor: int) -> os.stat_result:
    """What is told of an open file. Raises OSError where something else was put in its place."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no longer a regular file")
    return status


def chunks_of(descriptor: int, size: int) -> Iterator[bytes]:
    """The bytes of an open file that was said to have `size`, a bounded piece at a time. Raises OSError."""
    step = min(max(size + 1, 1 << 12), CHUNK)
    while data := os.read(descriptor, step):
        yield data
        if len(data) == size < step:  # less than was asked for: its end needs no second call
            return


def open_file(folder: str, path: str) -> io.FileIO:
    """Open the file at `path` of a pack's content, unbuffered. Raises OSError."""
    return io.FileIO(_open(folder, path))


def read_chunks(folder: str, path: str) -> Iterator[bytes]:
    """The bytes of a file, a bounded piece at a time. Raises OSError."""
    descriptor = _open(folder, path)
    try:
        yield from chunks_of(descriptor, regular(descriptor).st_size)
    finally:
        os.close(descriptor)


def read_file(folder: str, path: str, shown: str) -> bytes:
    """One file as a whole; `shown` is the folder in messages. Raises ContentError where the file is gone, unreadable
    or larger than TEXT_LIMIT."""
    data = bytearray()
    with reading(f"{shown}/{path}"):
        for chunk in read_chunks(folder, path):
            data += chunk
            if len(data) > TEXT_LIMIT:
                raise ContentError(f"{shown}/{path} is larger than {TEXT_LIMIT:,} bytes")
    return bytes(data)


@contextmanager
def reading(shown: str) -> Iterator[None]:
    """Says of which file an OSError speaks: turns it into a ContentError."""
    try:
        yield
    except OSError as failure:
        raise ContentError(
            f"{shown} cannot be read: {failure.strerror or failure}",
            hint="run again when nothing else writes to the folder",
        ) from failure


def _open(folder: str, path: str) -> int:
    """A descriptor of a file. Where the folder holds the name in another Unicode form than the content's, it is
    searched for."""
    try:
        return os.open(f"{folder}/{path}", READ)
    except FileNotFoundError:
        if path.isascii():
            raise
        return os.open(_spelled(folder, path), READ)


def _spelled(folder: str, path: str) -> str:
    """Where `path` lies when names are compared in their normal form."""
    location = folder
    for part in path.split("/"):
        same = (name for name in os.listdir(location) if normal(name) == part)
        location = os.path.join(location, next(same, part))
    return location
