"""Lays a commit out as a folder for comparison with the work tree: what differs from the index is written from git's
objects, all else is the work tree's own, so that line ends, filters and LFS make no difference. Knows no manifest.

What is equal is linked to and not copied, whole folders at once. Not by hard links: they change a file's ctime, and git would
read the whole checkout again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from regsync.model.content import FileEntry
from regsync.model.errors import RegsyncError
from regsync.run.revisions.git import EXECUTABLE, LINK, SUBMODULE, Entry, ReadBlob, Repository

MARKERS = ("pack.json", "Chart.yaml")
"""What makes a folder one thing: no link may lead out of it."""

_POINTER = re.compile(rb"version https?://\S+\n(?:ext-\S+ \S+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n")
_POINTER_LIMIT = 1024
"""Bytes of the largest pointer (Git LFS, "spec.md")."""

_TEXT_LIMIT = 1 << 20
"""Bytes of the largest text whose line ends are made those of the work tree."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A commit laid out at `place` as the checkout is at `top`, each in its full path below `mirror` and `/`, so that
    relative paths lead out of either to the same.

    `pointers` are the files of LFS whose bytes are not at hand: the real path of each in the tree, and what it stands for.
    `opened` are the folders in which something may differ from the work tree, `strange` the submodules of which it is not
    known what the commit had there; both are relative to the top.
    """

    mirror: Path
    top: Path
    place: Path
    root: Path
    pointers: Mapping[Path, FileEntry]
    opened: frozenset[str]
    strange: frozenset[str]

    def at(self, path: Path) -> Path:
        """Where a path lies in the tree that is written relative to the root, or absolute."""
        if not path.is_absolute():
            return self.root / path
        real = Path(os.path.realpath(path))
        return self.place / real.relative_to(self.top) if real.is_relative_to(self.top) else path

    def real(self, path: Path) -> Path:
        """Where a path of the tree lies in the checkout, or beside it."""
        return Path(path.anchor) / path.relative_to(self.mirror) if path.is_relative_to(self.mirror) else path

    def is_strange(self, path: Path) -> bool:
        """Whether it is unknown what the commit had at a real path: it lies in, or holds, a submodule of another commit;
        or an absolute path led to it past the tree."""
        real = self.real(path)
        if not real.is_relative_to(self.top):
            return False
        inside = real.relative_to(self.top)
        past = not path.is_relative_to(self.mirror) and inside.as_posix() in self.opened
        strange = map(Path, self.strange)
        return past or any(inside.is_relative_to(each) or each.is_relative_to(inside) for each in strange)

    def stands_for_others(self, path: Path) -> bool:
        """Whether a pointer lies at or below a real path."""
        return any(each.is_relative_to(path) for each in self.pointers)


@contextmanager
def laid_out(repository: Repository, commit: str, root: Path, paths: Iterable[Path]) -> Iterator[Tree]:
    """The tree of a commit, which lasts as long as the context. Manifests will be looked for at `paths`, which are relative to
    `root` or absolute. Raises UsageError where git lacks something, RegsyncError where there is no room for it."""
    with TemporaryDirectory(prefix="regsync-base-") as temporary:
        mirror, top = Path(os.path.realpath(temporary)), repository.top
        place = mirror / top.relative_to(top.anchor)
        try:
            _surround(mirror, top)
            spared = os.fspath(mirror), os.fspath(top / ".git")
            layout = _Layout(repository, commit, place, _inside(top, root, paths), spared)
            layout.lay("", within=False, copying=False)
            with repository.blobs() as read:
                for path, entry in layout.written.items():
                    layout.write(path, entry, read)
        except OSError as error:
            raise RegsyncError(
                f"--base: the merge base cannot be laid out: {error.strerror}: {error.filename}",
                hint="TMPDIR names the folder for it, which must take links and have room for what has changed",
            ) from error
        yield Tree(
            mirror,
            top,
            place,
            place / Path(os.path.realpath(root)).relative_to(top),
            layout.pointers,
            frozenset(layout.opened),
            frozenset(layout.strange),
        )


def _surround(mirror: Path, top: Path) -> None:
    """Link to everything outside of the checkout: manifests may name packs of another one beside it."""
    for child in (top, *top.parents[:-1]):
        here = mirror / child.parent.relative_to(top.anchor)
        here.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError), os.scandir(child.parent) as beside:
            for each in beside:
                if each.path not in (os.fspath(child), os.fspath(mirror)):
                    (here / each.name).symlink_to(each.path)


def _inside(top: Path, root: Path, paths: Iterable[Path]) -> frozenset[str]:
    """Those of `paths` that lie in the checkout, relative to its top."""
    real = [Path(os.path.realpath(root / each)) for each in paths]
    return frozenset(_relative(each, top) for each in real if each.is_relative_to(top))


def _relative(path: Path, top: Path) -> str:
    return "" if path == top else path.relative_to(top).as_posix()


@dataclass(slots=True)
class _Layout:
    """A tree in the making. Paths are relative to the top, with `/`; the top's is empty. `spared` is what is not looked
    at, in absolute paths."""

    repository: Repository
    commit: str
    place: Path
    given: frozenset[str]
    spared: tuple[str, ...]
    index: dict[str, Entry] = field(init=False)
    written: dict[str, Entry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    strange: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    pointers: dict[Path, FileEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = self.repository.index()
        differences = self.repository.differences(self.commit)
        for path, then in differences.items():
            if not _is_sound(path):
                continue
            if then is None:
                self.gone.add(path)
            elif then.mode == SUBMODULE:
                self.strange.add(path)
            else:
                self.written[path] = then
        for path in self.repository.edited():
            now = self.index.get(path)
            if now and now.mode != SUBMODULE and path not in differences:
                self.written[path] = now
        links = (path for path, entry in self.index.items() if entry.mode == LINK)
        self.opened = _folders((*self.written, *self.gone, *self.strange, *links, *self.given))
        # Where all that git knows of a folder is new, what it does not know there is new, too.
        self.gone |= _folders(self.gone) - _folders(
            (*(self.index.keys() - self.gone), *self.written, *self.strange)
        )

    def lay(self, folder: str, *, within: bool, copying: bool) -> None:
        """Lay out what the work tree has in a folder and the commit has, too. `within` what is given every folder is
        laid out, since links to folders are not followed in search of manifests."""
        target = self.place / folder
        target.mkdir()
        within = within or folder in self.given
        copying = copying or self._is_one(folder)
        with os.scandir(self.repository.top / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}".lstrip("/")
                is_folder = entry.is_dir(follow_symlinks=False)
                if path in self.gone or path in self.written or entry.path in self.spared:
                    continue
                if path in self.opened and not is_folder:  # the commit has a folder there
                    continue
                searched = within and not entry.name.startswith(".") and not self._is_one(path)
                if is_folder and (copying or searched or path in self.opened or path in self.given):
                    self.lay(path, within=within, copying=copying)
                elif copying or entry.is_symlink() or self._is_signed_anew(path):
                    _copy(entry, target / entry.name)
                else:
                    (target / entry.name).symlink_to(entry.path, target_is_directory=is_folder)

    def write(self, path: str, entry: Entry, read: ReadBlob) -> None:
        """Write a file from git's objects, in the form that the work tree has it in."""
        target, work = self.place / path, self.repository.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            read(entry.oid, file)
        if entry.mode == LINK:
            text = target.read_bytes()
            target.unlink()
            target.symlink_to(os.fsdecode(text))
            return
        size = target.stat().st_size
        pointer = _POINTER.fullmatch(target.read_bytes()) if size <= _POINTER_LIMIT else None
        if pointer:
            self._resolve(target, work, FileEntry(path, pointer[1].decode(), int(pointer[2])))
        elif size <= _TEXT_LIMIT and path in self.index:
            self._end_lines(target, work, self.index[path], read)
        if entry.mode == EXECUTABLE:
            target.chmod(0o755)

    def _resolve(self, target: Path, work: Path, meant: FileEntry) -> None:
        """A pointer of LFS: its object, where the work tree has just that; it stays a pointer where the work tree has
        pointers; else its bytes are not at hand."""
        with suppress(OSError):
            size = work.stat().st_size
            if size == meant.size and _sha256(work) == meant.sha256:
                shutil.copyfile(work, target)
                return
            if size <= _POINTER_LIMIT and _POINTER.fullmatch(work.read_bytes()):
                return
        self.pointers[target] = meant

    def _end_lines(self, target: Path, work: Path, now: Entry, read: ReadBlob) -> None:
        """Give a text the line ends of the work tree where those are not the repository's."""
        with suppress(OSError):
            if work.stat().st_size > _TEXT_LIMIT or b"\r\n" not in work.read_bytes():
                return
            stored, text = BytesIO(), target.read_bytes()
            read(now.oid, stored)
            if b"\r" not in stored.getvalue() + text and b"\0" not in text:
                target.write_bytes(text.replace(b"\n", b"\r\n"))

    def _is_one(self, folder: str) -> bool:
        """Whether a folder is a pack or chart, in the work tree or in the commit."""
        return any(
            (path := f"{folder}/{marker}".lstrip("/")) in self.written
            or (path not in self.gone and (self.repository.top / path).is_file())
            for marker in MARKERS
        )

    def _is_signed_anew(self, path: str) -> bool:
        """Whether the provenance beside an archive has changed: it is looked for where the archive really is."""
        return f"{path}.prov" in self.written or f"{path}.prov" in self.gone


def _copy(entry: os.DirEntry[str], target: Path) -> None:
    if entry.is_symlink():
        target.symlink_to(Path(entry.path).readlink())
    elif entry.is_file():
        with suppress(PermissionError):  # no manifest that is valid now reads it
            shutil.copy(entry.path, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _is_sound(path: str) -> bool:
    """Whether a path stays inside. Git itself writes no others, but reads them."""
    return not path.startswith("/") and ".." not in path.split("/")


def _folders(paths: Iterable[str]) -> set[str]:
    """The folders that paths lie in, and those that these lie in, without the top."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders
