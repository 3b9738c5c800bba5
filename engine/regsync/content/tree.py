"""The files of an archive as a tree in memory, so that links in it can be followed. Knows no archive format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from regsync.content.rules import MAX_ENTRIES, MAX_SIZE, is_junk, normal, printable, refusal
from regsync.content.tar import BadArchive

MAX_HOPS = 40
"""Links that lead to links before it counts as a circle; Linux follows as many."""


class Leaf(NamedTuple):
    """A file: its hash (hex), size, owner-executable bit, and its bytes where they were asked for."""

    sha256: str
    size: int
    executable: bool
    data: bytes | None = None


Node: TypeAlias = "dict[str, Node] | Leaf | str"
"""A folder, a file, or the target of a symbolic link as it was written."""

Place: TypeAlias = tuple[str, ...]
"""The components of a path from the archive's top, with no link among them."""


class Tree:
    """Grows entry by entry. Every method raises BadArchive for what no folder on disk could be."""

    def __init__(self) -> None:
        self.top: dict[str, Node] = {}
        self._nodes = 0

    def add(self, path: str, node: Leaf | str) -> None:
        """Put a file or a symbolic link at `path`. A path that is there already is refused: which of the two counts
        depends on who unpacks."""
        path = normal(path)
        above, _, name = path.rpartition("/")
        if not name:
            raise BadArchive("has a file without a name")
        folder = self.folder(above)
        if name in folder:
            raise BadArchive(f"holds {printable(path)} more than once")
        folder[name] = node
        self._count()

    def folder(self, path: str) -> dict[str, Node]:
        """The folder at `path` (empty for the top), made where it is not there yet."""
        here = self.top
        for part in normal(path).split("/") if path else ():
            node = here.get(part)
            if node is None:
                node = here[part] = {}
                self._count()
            if not isinstance(node, dict):
                raise BadArchive("has files beneath something that is no folder")
            here = node
        return here

    def leaf(self, path: str) -> Leaf:
        """The file at `path`, for a hard link to it."""
        node = self._at(tuple(normal(path).split("/")))
        if not isinstance(node, Leaf):
            raise BadArchive("has a hard link to what is no file in it")
        return node

    def files(self, root: Place) -> Iterator[tuple[str, Leaf]]:
        """All files below `root` by their paths from there: links followed, junk left out, within the limits that a
        folder on disk has."""
        todo: list[tuple[str, Place, tuple[Place, ...]]] = [("", root, (root,))]
        entries = size = 0
        while todo:
            prefix, place, within = todo.pop()
            folder = self._at(place)
            assert isinstance(folder, dict)
            for name, node in folder.items():
                path = prefix + name
                if is_junk(name):
                    continue
                if why := refusal(path):
                    raise BadArchive(f"holds a file that {why}")
                here = (*place, name)
                if isinstance(node, str):
                    here = self._follow(place, node)
                    if here[: len(root)] != root or here in within:
                        raise BadArchive(f"has a link, {path}, that leads out of the pack or never ends")
                target = self._at(here)
                if isinstance(target, Leaf):
                    size += target.size
                    yield path, target
                else:
                    todo.append((f"{path}/", here, (*within, here)))
                entries += 1
                if entries > MAX_ENTRIES or size > MAX_SIZE:
                    raise BadArchive("holds more than any pack can")

    def _follow(self, folder: Place, target: str) -> Place:
        """Where a symbolic link in `folder` leads."""
        here = list(folder)
        todo = _parts(target)
        hops = 1
        while todo:
            part = todo.pop()
            if part == "..":
                if not here:
                    raise BadArchive("has a link that leads out of it")
                here.pop()
                continue
            node = self._at((*here, part))
            if node is None:
                raise BadArchive("has a link to nothing")
            if isinstance(node, str):
                hops += 1
                if hops > MAX_HOPS:
                    raise BadArchive("has links that lead in circles")
                todo += _parts(node)
            else:
                here.append(part)
        return tuple(here)

    def _at(self, place: Place) -> Node | None:
        node: Node = self.top
        for part in place:
            if not isinstance(node, dict) or part not in node:
                return None
            node = node[part]
        return node

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MAX_ENTRIES:
            raise BadArchive("holds more than any pack can")


def _parts(target: str) -> list[str]:
    """The components of a link's target, the first one last."""
    if target.startswith("/"):
        raise BadArchive("has a link that leads out of it")
    return [part for part in reversed(normal(target).split("/")) if part not in ("", ".")]
