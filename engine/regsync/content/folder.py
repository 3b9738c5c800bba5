"""Reading a pack's folder: its files, their hashes, and what cannot be archived. Knows nothing of what they mean."""

from __future__ import annotations

import os
import stat
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


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder still to be read: where it is, the path it has in the pack (with a final `/`, empty for the pack's
    own), and the real paths of all folders it lies in, itself the last."""

    path: str
    prefix: str
    within: tuple[str, ...]


def read_folder(folder: Path, shown: str) -> Folder:
    """Walk `folder` and hash every file, in constant memory. Never raises for what is wrong with the folder.

    Links that stay inside count as what they point to; all others are problems, as are devices, names that no
    other machine could hold, and what cannot be read. `shown` is how messages name the folder.
    """
    found = Folder()
    real = os.path.realpath(folder)
    todo = [_Place(os.fspath(folder), "", (real,))]
    entries = size = 0
    while todo:
        place = todo.pop()
        names: set[str] = set()
        try:
            with os.scandir(place.path) as scan:
                listing = list(scan)
        except OSError as failure:
            found.problems.append(_unreadable(shown, place.prefix.rstrip("/"), failure))
            continue
        for entry in listing:
            path = normal(place.prefix + entry.name)
            if is_junk(entry.name):
                found.junk.append(path)
                continue
            if problem := _name_problem(shown, path, names):
                found.problems.append(problem)
                continue
            entries += 1
            try:
                beneath = _enter(entry, path, place, real, shown)
                if isinstance(beneath, Diagnostic):
                    found.problems.append(beneath)
                elif beneath is not None:
                    todo.append(beneath)
                else:
                    found.files.append(_hash(entry.path, path))
                    size += found.files[-1].size
            except OSError as failure:
                found.problems.append(_unreadable(shown, path, failure))
            if entries > MAX_ENTRIES or size > MAX_SIZE:
                found.problems.append(
                    finding(
                        Code.PACK_TOO_LARGE,
                        f"`{shown}` is larger than any pack can be",
                        Origin(shown, 1, 1),
                        detail=f"A pack has at most {MAX_ENTRIES:,} files and folders and {MAX_SIZE:,} bytes.",
                        help="name the pack's own folder, or move what is no part of the pack out of it",
                    )
                )
                return found
    return found


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


def _enter(
    entry: os.DirEntry[str], path: str, place: _Place, real: str, shown: str
) -> _Place | Diagnostic | None:
    """The folder behind `entry` where it is one, None where it is a file, else what is wrong with it."""
    if entry.is_symlink():
        return _follow(entry, path, place, real, shown)
    if entry.is_dir(follow_symlinks=False):
        return _Place(entry.path, f"{path}/", (*place.within, os.path.join(place.within[-1], entry.name)))
    if entry.is_file(follow_symlinks=False):
        return None
    return finding(
        Code.FILE_SPECIAL,
        f"`{path}` is a device, pipe or socket",
        Origin(f"{shown}/{path}", 1, 1),
        help="remove it from the pack's folder",
    )


def _follow(
    entry: os.DirEntry[str], path: str, place: _Place, real: str, shown: str
) -> _Place | Diagnostic | None:
    """The same for a link."""
    at = Origin(f"{shown}/{path}", 1, 1)
    target = os.path.realpath(entry.path)
    if target != real and not target.startswith(real + os.sep):
        return finding(
            Code.LINK_LEAVES,
            f"`{path}` is a link that leaves the pack's folder",
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


def _unreadable(shown: str, path: str, failure: OSError) -> Diagnostic:
    where = f"{shown}/{path}" if path else shown
    return finding(
        Code.FILE_UNREADABLE,
        f"`{where}` cannot be read: {failure.strerror or failure}",
        Origin(where, 1, 1),
        help="make it readable to the user that runs regsync",
    )


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
