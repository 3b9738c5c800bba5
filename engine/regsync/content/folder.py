"""Walking a folder of packs or charts: its files, their hashes, and what cannot be archived. Knows nothing of what they
mean."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from regsync.content.codes import Code, finding
from regsync.content.files import READ, chunks_of, regular
from regsync.content.rules import MAX_ENTRIES, MAX_SIZE, is_junk, normal, printable, refusal
from regsync.model.content import FileEntry
from regsync.model.diagnostic import Diagnostic, Origin


@dataclass(slots=True)
class Folder:
    """What was found in a folder: its files in no order, left-out junk (paths), and errors."""

    files: list[FileEntry] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """What lies in a folder: the files in no order, each by its path there and where it is on disk; the paths of what
    was left out; and errors."""

    files: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder still to be read: where it is, the path it has in the walk (with a final `/`, empty for the top), and
    the real paths of all folders it lies in, itself the last."""

    path: str
    prefix: str
    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """How messages name the folder and what it holds (`pack`, `chart`), and its real path."""

    shown: str
    what: str
    real: str


def read_folder(folder: Path, shown: str) -> Folder:
    """Walk a pack's folder and hash every file, in constant memory. Never raises for what is wrong with the folder.

    `shown` is how messages name the folder.
    """
    walked = walk(folder, shown, "pack", lambda path, is_folder: is_junk(path.rpartition("/")[2]))
    found = Folder(junk=walked.left_out, problems=walked.problems)
    size = 0
    for path, location in walked.files:
        try:
            found.files.append(_hash(location, path))
        except OSError as failure:
            found.problems.append(unreadable(shown, path, failure))
            continue
        size += found.files[-1].size
        if size > MAX_SIZE:
            found.problems.append(_too_large(_Names(shown, "pack", "")))
            break
    return found


def walk(folder: Path, shown: str, what: str, leave_out: Callable[[str, bool], bool]) -> Walk:
    """All files below `folder`. Never raises for what is wrong with it.

    Links that stay inside count as what they point to; all others are problems, as are devices, names that no
    other machine could hold, and what cannot be read. `leave_out` is asked with each path and whether it is a folder.
    """
    names = _Names(shown, what, os.path.realpath(folder))
    found = Walk()
    todo = [_Place(os.fspath(folder), "", (names.real,))]
    entries = 0
    while todo:
        place = todo.pop()
        seen: set[str] = set()
        try:
            with os.scandir(place.path) as scan:
                listing = list(scan)
        except OSError as failure:
            found.problems.append(unreadable(shown, place.prefix.rstrip("/"), failure))
            continue
        for entry in listing:
            path = normal(place.prefix + entry.name)
            try:
                if leave_out(path, _is_folder(entry)):
                    found.left_out.append(path)
                    continue
                if problem := _name_problem(shown, path, seen):
                    found.problems.append(problem)
                    continue
                beneath = _enter(entry, path, place, names)
            except OSError as failure:
                found.problems.append(unreadable(shown, path, failure))
                continue
            entries += 1
            if isinstance(beneath, Diagnostic):
                found.problems.append(beneath)
            elif beneath is not None:
                todo.append(beneath)
            else:
                found.files.append((path, entry.path))
            if entries > MAX_ENTRIES:
                found.problems.append(_too_large(names))
                return found
    return found


def unreadable(shown: str, path: str, failure: OSError) -> Diagnostic:
    """The finding about a file that cannot be read; `path` is empty for the folder itself."""
    where = f"{shown}/{path}" if path else shown
    return finding(
        Code.FILE_UNREADABLE,
        f"`{where}` cannot be read: {failure.strerror or failure}",
        Origin(where, 1, 1),
        help="make it readable to the user that runs regsync",
    )


def _too_large(names: _Names) -> Diagnostic:
    return finding(
        Code.PACK_TOO_LARGE,
        f"`{names.shown}` is larger than any {names.what} can be",
        Origin(names.shown, 1, 1),
        detail=f"A {names.what} has at most {MAX_ENTRIES:,} files and folders and {MAX_SIZE:,} bytes.",
        help=f"name the {names.what}'s own folder, or move what is no part of the {names.what} out of it",
    )


def _name_problem(shown: str, path: str, names: set[str]) -> Diagnostic | None:
    """Judge a path; `names` holds those already seen in the same folder."""
    why = refusal(path)
    if why is None and path in names:
        why = "has the same name as another file once both are written in Unicode's normal form (NFC)"
    names.add(path)
    if why is None:
        return None
    where = printable(path)
    return finding(
        Code.FILE_NAME,
        f"`{where}` {why}",
        Origin(f"{shown}/{where}", 1, 1),
        help="rename the file",
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir(follow_symlinks=False)


def _enter(entry: os.DirEntry[str], path: str, place: _Place, names: _Names) -> _Place | Diagnostic | None:
    """The folder behind `entry` where it is one, None where it is a file, else what is wrong with it."""
    if entry.is_symlink():
        return _follow(entry, path, place, names)
    if entry.is_dir(follow_symlinks=False):
        return _Place(entry.path, f"{path}/", (*place.within, os.path.join(place.within[-1], entry.name)))
    if entry.is_file(follow_symlinks=False):
        return None
    return finding(
        Code.FILE_SPECIAL,
        f"`{path}` is a device, pipe or socket",
        Origin(f"{names.shown}/{path}", 1, 1),
        help=f"remove it from the {names.what}'s folder",
    )


def _follow(entry: os.DirEntry[str], path: str, place: _Place, names: _Names) -> _Place | Diagnostic | None:
    """The same for a link."""
    at = Origin(f"{names.shown}/{path}", 1, 1)
    target = os.path.realpath(entry.path)
    if target != names.real and not target.startswith(names.real + os.sep):
        return finding(
            Code.LINK_LEAVES,
            f"`{path}` is a link that leaves the {names.what}'s folder",
            at,
            help="replace the link by a copy of what it points to",
        )
    try:
        mode = entry.stat().st_mode
    except OSError:
        return finding(
            Code.LINK_BROKEN, f"`{path}` is a link to nothing", at, help="remove or repair the link"
        )
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        return finding(
            Code.FILE_SPECIAL, f"`{path}` is a link to a device, pipe or socket", at, help="remove the link"
        )
    if target in place.within:
        return finding(
            Code.LINK_BROKEN,
            f"`{path}` is a link to a folder that it lies in itself",
            at,
            help="remove the link",
        )
    return _Place(entry.path, f"{path}/", (*place.within, target))


def _hash(location: str, path: str) -> FileEntry:
    descriptor = os.open(location, READ)
    try:
        status = regular(descriptor)
        state = sha256()
        size = 0
        for chunk in chunks_of(descriptor, status.st_size):
            state.update(chunk)
            size += len(chunk)
            if size > MAX_SIZE:
                break
    finally:
        os.close(descriptor)
    return FileEntry(path, state.hexdigest(), size, bool(status.st_mode & stat.S_IXUSR))
