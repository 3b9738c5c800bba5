"""The files of a live archive, written to a new folder. No path in the archive is followed on disk: until the whole of it
was read and judged, files are kept under their hashes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from regsync.content.index import OtherContent, content_of, hashed, possible_paths, scan
from regsync.content.tar import BadArchive, Member, Readable, TarReader
from regsync.content.tree import Leaf
from regsync.model.content import Content


def unpack(stream: Readable, folder: Path, *, only: Collection[str] | None = None) -> Content | OtherContent:
    """The content of a layer, as `read_layer` tells it, and its files in `folder`, which must not be there yet.

    One pass, in constant memory: `stream` is read to its end, and where it raises, that passes through and nothing is left
    behind. Links become the files that they lead to. With `only`, no other files than those are written, by their paths in
    the content. Raises OSError.
    """
    with tempfile.TemporaryDirectory(prefix=".regsync-", dir=folder.parent) as scratch:

        def take(reader: TarReader, member: Member) -> Leaf:
            if only is not None and not set(possible_paths(member)) & set(only):
                return hashed(reader, member)
            with tempfile.NamedTemporaryFile(dir=scratch, delete=False) as file:
                leaf = hashed(reader, member, file.write)
            Path(file.name).replace(Path(scratch, leaf.sha256))
            return leaf

        try:
            files = scan(stream, take)
        except BadArchive as failure:
            return OtherContent(str(failure))
        chosen = {path: leaf for path, leaf in files.items() if only is None or path in only}
        uses = Counter(leaf.sha256 for leaf in chosen.values())
        folder.mkdir()
        for path, leaf in chosen.items():
            uses[leaf.sha256] -= 1
            _put(Path(scratch, leaf.sha256), folder / path, leaf, last=not uses[leaf.sha256])
    return content_of(files)


def _put(source: Path, target: Path, leaf: Leaf, *, last: bool) -> None:
    """Write one file. Where names that differ by case alone are one, nothing is overwritten."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise FileExistsError(f"two files are one here: {target.name}")
    if last:
        source.replace(target)
    else:
        shutil.copyfile(source, target)
    os.chmod(target, 0o755 if leaf.executable else 0o644)
