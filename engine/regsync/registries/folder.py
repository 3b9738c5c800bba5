"""A directory in which files are replaced whole: on disk before they have their name, one writer at a time.

Knows files, locks and how the system's errors are told; knows nothing of what the files hold.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from regsync.model.errors import NotARegistry, PermissionDenied, RegistryError, Unsupported

if sys.platform != "win32":
    import fcntl

LOCK = ".regsync-lock"
UNFINISHED = ".regsync-unfinished"
"""What is being written. The lock's holder writes one file at a time, so whoever gets the lock may remove it."""

LOCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory and how messages name it. Failures are RegistryErrors; writing needs the lock."""

    path: Path
    shown: str

    def open(self, name: str) -> BufferedReader | None:
        """A file, None where there is none."""
        with failures(f"{self.shown}/{name}"):
            try:
                return (self.path / name).open("rb")
            except FileNotFoundError:
                self._refuse_dangling()
                return None

    def size(self, name: str) -> int | None:
        """A file's size in bytes, None where there is none."""
        with failures(f"{self.shown}/{name}"):
            try:
                return (self.path / name).stat().st_size
            except FileNotFoundError:
                return None

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """Put a file in place whole: until all of it is on disk, what was there stays."""
        target, unfinished = self.path / name, self.path / UNFINISHED
        Folder(target.parent, self.shown).make()
        with failures(f"{self.shown}/{name}"):
            try:
                with unfinished.open("xb") as file:
                    file.writelines(parts)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(target)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            _sync(target.parent)

    def sweep(self) -> None:
        """Remove what a writer that died left behind."""
        with failures(self.shown):
            (self.path / UNFINISHED).unlink(missing_ok=True)

    def make(self) -> None:
        """Create the directory with those above it."""
        if not self.path.is_dir():
            Folder(self.path.parent, self.shown).make()
            with failures(self.shown):
                self.path.mkdir(exist_ok=True)
                _sync(self.path.parent)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock file against other processes; the system lets go of it when the holder dies."""
        if sys.platform == "win32":
            raise Unsupported("layout directories cannot be written on Windows: it has no flock")
        deadline = time.monotonic() + LOCK_SECONDS
        with failures(f"{self.shown}/{LOCK}"):
            file = (self.path / LOCK).open("ab")
        with file:
            while True:
                with failures(f"{self.shown}/{LOCK}"):
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError:
                        if time.monotonic() > deadline:
                            raise RegistryError(
                                f"another process has been writing to {self.shown} for {LOCK_SECONDS:.0f} seconds",
                                hint="wait for it to finish, then apply again",
                            ) from None
                time.sleep(0.02)
            yield

    def walk(self, leave_out: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """Every directory beneath this one by relative path, with its files; none called as in `leave_out`."""

        def failed(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        self.check()
        with failures(self.shown):
            for path, folders, files in os.walk(self.path, onerror=failed):
                folders[:] = [each for each in folders if each not in leave_out]
                yield Path(path).relative_to(self.path).as_posix(), files

    def check(self) -> None:
        """Raise what stands against reading the directory; a missing one is no failure."""
        with failures(self.shown):
            try:
                os.scandir(self.path).close()
            except FileNotFoundError:
                self._refuse_dangling()
            except NotADirectoryError as error:
                raise NotARegistry(f"{self.shown} is not a directory") from error

    def _refuse_dangling(self) -> None:
        """Tell what is missing from what is out of reach: a link to a volume that is not mounted."""
        for each in (self.path, *self.path.parents):
            if each.is_symlink() and not each.exists():
                raise RegistryError(f"{self.shown} cannot be reached: {each.name} is a link to nothing")


def _sync(directory: Path) -> None:
    """Bring the names in a directory to disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def failures(shown: str) -> Iterator[None]:
    """Turn the system's errors into RegistryErrors that name the file."""
    try:
        yield
    except OSError as error:
        reason = f"{shown}: {error.strerror or error}"
        if isinstance(error, PermissionError):
            raise PermissionDenied(reason) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RegistryError(
                f"{reason}; what was there is unchanged", hint="make room, then apply again"
            ) from error
        raise RegistryError(reason) from error
