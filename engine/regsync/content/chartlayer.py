"""The content of a packaged chart, read in one pass and never unpacked to disk. Knows no registry and no HTTP."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from regsync.content.charttree import ChartTree, Loaded, Reading
from regsync.content.index import OtherContent
from regsync.content.tar import CHUNK, Readable
from regsync.model.content import Content, FileEntry

ARCHIVE = "../chart.tgz"
PROVENANCE = "../chart.tgz.prov"
"""What is beside the chart's folder, by paths that no file in it can have: the archive, where its very bytes count, and
what is signed of it."""


def read_chart_layer(stream: Readable) -> Content | OtherContent:
    """The content of a packaged chart, equal to that of the folder that Helm or regsync packed into it.

    It is what `helm package` would write of the chart: subcharts unpacked, Chart.yaml and Chart.lock in one form. Where
    two files or subcharts claim one path, readers differ, and the archive's own bytes are its content. What Helm would
    not load is other content.

    `stream` is read to its end whatever is found, and what it raises passes through.
    """
    loaded, archive, reading = load_archive(stream, "it")
    if loaded is None or reading.problems:
        return OtherContent(f"is no chart that Helm loads: {reading.problems[0].summary}")
    return content_of(loaded, archive)


def extract_chart(stream: Readable, paths: Collection[str], limit: int) -> dict[str, bytes]:
    """The bytes of those of `paths` (as in the layer's content) that are files of at most `limit` bytes each.

    One pass over the layer, as in `read_chart_layer`. A layer that is no chart gives nothing.
    """
    loaded, _, reading = load_archive(stream, "it", keep=True)
    return texts_of(loaded, paths, limit) if loaded and not reading.problems else {}


def load_archive(
    stream: Readable, shown: str, *, keep: bool = False, check: bool = False
) -> tuple[Loaded | None, FileEntry, Reading]:
    """A packaged chart as far as it could be read; the archive itself as a file; and what stands against the chart."""
    reading = Reading(keep=keep, check=check)
    hashing = _Hashing(stream)
    tree = ChartTree(shown, reading)
    tree.take_archive(hashing)
    while hashing.read(CHUNK):
        pass
    return tree.finish(), FileEntry(ARCHIVE, hashing.state.hexdigest(), hashing.size), reading


def content_of(loaded: Loaded, archive: FileEntry | None = None) -> Content:
    """The content of a chart; `archive` is given where it came packed."""
    if loaded.ambiguous and archive is not None:
        return Content.of((archive,))
    return Content.of(FileEntry(path, leaf.sha256, leaf.size) for path, leaf in loaded.files)


def signed(content: Content, archive: tuple[str, int], provenance: tuple[str, int]) -> Content:
    """The content of a chart with a provenance file, which vouches for the archive's very bytes; each is told by its
    digest (`sha256:…`) and size."""
    files = [each for each in content.files if each.path != ARCHIVE]
    for path, (digest, size) in ((ARCHIVE, archive), (PROVENANCE, provenance)):
        files.append(FileEntry(path, digest.partition(":")[2], size))
    return Content.of(files)


def texts_of(loaded: Loaded, paths: Collection[str], limit: int) -> dict[str, bytes]:
    """The bytes of those of `paths` that are files of at most `limit` bytes; the chart's bytes were kept."""
    return {
        path: leaf.data
        for path, leaf in loaded.files
        if path in paths and leaf.data is not None and len(leaf.data) <= limit
    }


@dataclass(slots=True)
class _Hashing:
    """Hashes what is read of a stream."""

    stream: Readable
    state: Any = field(default_factory=sha256)
    size: int = 0

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(size)
        self.state.update(data)
        self.size += len(data)
        return data
