"""The content of a live archive, read in one pass and never unpacked to disk. Knows no registry and no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from regsync.content.rules import MAX_ENTRIES, MAX_SIZE, is_junk, normal
from regsync.content.tar import BadArchive, Kind, Member, Readable, TarReader
from regsync.content.tree import Leaf, Node, Place, Tree
from regsync.model.content import Content, FileEntry

PACK_JSON = "pack.json"

_HEADERS = 4096
"""Bytes of headers and padding that are granted for each entry on top of its own."""


@dataclass(frozen=True, slots=True)
class OtherContent:
    """A layer that is no pack that can be read. `reason` completes the sentence "the archive …"."""

    reason: str


def read_layer(stream: Readable) -> Content | OtherContent:
    """The content of a layer (gzip-compressed or plain tar), equal to that of the folder that was packed into it.

    The pack's root is the folder of `pack.json`, which lies at the archive's top or one folder below. Junk of macOS does
    not count, links inside stand for the bytes that they point to, and so do hard links. What a careful reader must
    refuse is other content: damage, a file outside the root, paths and links that lead out, devices, sparse files,
    names written twice, names that no folder may have, and more than MAX_ENTRIES entries or MAX_SIZE bytes. No ratio
    of compression is refused: memory does not grow with it.

    `stream` is read to its end whatever is found, and what it raises passes through.
    """
    try:
        return content_of(scan(stream, hashed))
    except BadArchive as failure:
        return OtherContent(str(failure))


def extract(stream: Readable, paths: Collection[str], limit: int) -> dict[str, bytes]:
    """The bytes of those of `paths` (as in the layer's content) that are files of at most `limit` bytes each.

    One pass over the layer, as in `read_layer`. A layer that is no pack gives nothing.
    """
    wanted = frozenset(paths)

    def take(reader: TarReader, member: Member) -> Leaf:
        if member.size > limit or wanted.isdisjoint(possible_paths(member)):
            return hashed(reader, member)
        kept = bytearray()
        return hashed(reader, member, kept.extend)._replace(data=bytes(kept))

    try:
        files = scan(stream, take)
    except BadArchive:
        return {}
    return {path: leaf.data for path, leaf in files.items() if path in wanted and leaf.data is not None}


def scan(stream: Readable, take: Callable[[TarReader, Member], Leaf]) -> dict[str, Leaf]:
    """All files of the pack in a layer by path; `take` reads each member that is a file. Raises BadArchive."""
    reader = TarReader(stream, limit=MAX_SIZE + MAX_ENTRIES * _HEADERS)
    tree = Tree()
    try:
        for member in reader:
            if member.kind is Kind.FILE:
                tree.add(member.path, take(reader, member))
            elif member.kind is Kind.HARDLINK:
                tree.add(member.path, tree.leaf(member.target))
            elif member.kind is Kind.SYMLINK:
                tree.add(member.path, member.target)
            else:
                tree.folder(member.path)
        files = dict(tree.files(_root(tree)))
        if PACK_JSON not in files:
            raise BadArchive("has a pack.json that is no file")
    except BadArchive:
        reader.drain()
        raise
    reader.drain()
    return files


def possible_paths(member: Member) -> tuple[str, str]:
    """The paths that a member may turn out to have below the root, which is known only at the archive's end."""
    path = normal(member.path)
    return path, path.partition("/")[2]


def hashed(reader: TarReader, member: Member, keep: Callable[[bytes], object] = lambda chunk: None) -> Leaf:
    """The file that iteration stands at. `keep` is given its bytes, a bounded piece at a time."""
    state = sha256()
    size = 0
    for chunk in reader.data():
        state.update(chunk)
        size += len(chunk)
        keep(chunk)
    return Leaf(state.hexdigest(), size, member.executable)


def content_of(files: Mapping[str, Leaf]) -> Content:
    """The content of files by path."""
    return Content.of(
        FileEntry(path, leaf.sha256, leaf.size, leaf.executable) for path, leaf in files.items()
    )


def _root(tree: Tree) -> Place:
    """The folder of the shallowest pack.json. Raises BadArchive where there is none or files lie outside of it."""
    if _is_pack(tree.top):
        return ()
    tops = [name for name in tree.top if not is_junk(name)]
    if len(tops) == 1 and _is_pack(tree.top[tops[0]]):
        return (tops[0],)
    raise BadArchive("has no pack.json at its top, nor in a single folder there")


def _is_pack(node: Node) -> bool:
    return isinstance(node, dict) and isinstance(node.get(PACK_JSON), Leaf | str)
