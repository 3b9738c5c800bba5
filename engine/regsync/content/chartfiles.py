"""The files of a chart one by one, from its folder or from an archive, as Helm reads them and within its limits.

Knows paths and bytes; knows nothing of what the files mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regsync.content.codes import Code, finding
from regsync.content.files import READ, chunks_of, regular
from regsync.content.folder import unreadable, walk
from regsync.content.helmignore import NAME, BadPattern, HelmIgnore
from regsync.content.rules import MAX_ENTRIES, normal, printable, refusal
from regsync.content.sources import Source
from regsync.content.tar import BadArchive, Kind, Member, Readable, TarReader
from regsync.model.diagnostic import Diagnostic, Origin

MAX_FILE = 5 << 20
"""Bytes of the largest file that Helm reads (pkg/chart/loader)."""

MAX_CHART = 100 << 20
"""Bytes that all files of a chart stay below; Helm counts each archive for itself, here subcharts count too."""

_HEADERS = 4096
"""Bytes of headers and padding that are granted for each entry of an archive on top of its own."""

_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Budget:
    """What a chart and the archives in it may still hold: bytes and number of files, and bytes with all headers."""

    size: int = MAX_CHART
    entries: int = MAX_ENTRIES
    unpacked: int = MAX_CHART + MAX_ENTRIES * _HEADERS

    @property
    def is_spent(self) -> bool:
        """Whether the chart holds too much already, which was said then."""
        return self.size <= 0 or self.entries < 0

    def refuses(self, size: int) -> str | None:
        """Why no file of this size may follow, which is otherwise counted; completes the sentence "the file …"."""
        if size > MAX_FILE:
            return f"is larger than the {MAX_FILE:,} bytes that Helm reads of a file"
        self.size -= size
        self.entries -= 1
        if self.size <= 0:
            return f"brings the chart to {MAX_CHART:,} bytes, where Helm stops"
        return f"is one too many: a chart has at most {MAX_ENTRIES:,} files" if self.entries < 0 else None


def folder_files(
    folder: Path, shown: str, budget: Budget, problems: list[Diagnostic]
) -> Iterator[tuple[str, bytes]]:
    """The files of a chart's folder in Helm's order, by their paths in it, without those that `.helmignore` leaves out.

    What stands against reading one is added to `problems`. Byte order marks are dropped, as Helm does.
    """
    rules = _rules(folder, shown, problems)
    walked = walk(folder, shown, "chart", rules.ignores)
    problems += walked.problems
    for path, location in sorted(walked.files, key=lambda each: each[0].split("/")):
        if budget.is_spent:
            return
        try:
            data = _read(location)
        except OSError as failure:
            problems.append(unreadable(shown, path, failure))
            continue
        why = budget.refuses(len(data))
        if why is None and "\\" in path:
            why = "has a backslash in its name, which Helm takes for the end of a folder"
        if why is not None:
            problems.append(
                finding(Code.CHART_UNPACKABLE, f"`{path}` {why}", Origin(f"{shown}/{path}", 1, 1))
            )
            continue
        yield path, data.removeprefix(_BOM)


def archive_files(stream: Readable, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """The files of a packaged chart in the order of the archive, by their paths below its first folder.

    Raises BadArchive for what Helm would not load and for what is read differently by others: links, names that lead
    out of the chart. The stream is read to its end, or else the caller has to do so.
    """
    reader = TarReader(stream, limit=budget.unpacked)
    if not reader.compressed:
        raise BadArchive("is not compressed with gzip")
    for member in reader:
        if why := budget.refuses(member.size):
            raise BadArchive(f"holds {printable(member.path)}, which {why}")
        if member.kind is Kind.FOLDER:
            continue
        path = _path(member)
        if member.kind is not Kind.FILE:
            raise BadArchive(f"holds a link, {path}, which Helm takes for an empty file")
        yield path, b"".join(reader.data()).removeprefix(_BOM)
    reader.drain()
    budget.unpacked = min(budget.unpacked, reader.left)


def _rules(folder: Path, shown: str, problems: list[Diagnostic]) -> HelmIgnore:
    """The rules in the chart's `.helmignore`; where that cannot be read, none but Helm's own."""
    file = os.path.join(folder, NAME)
    if os.path.exists(file):
        text = ""
        try:
            text = _read(file).decode("utf-8", "surrogateescape")
            return HelmIgnore(text)
        except OSError as failure:
            problems.append(unreadable(shown, NAME, failure))
        except BadPattern as fault:
            source = Source(f"{shown}/{NAME}", text)
            problems.append(source.finding(Code.HELMIGNORE, str(fault), fault.line, 1))
    return HelmIgnore()


def _read(location: str) -> bytes:
    """A file as a whole, or of one that is too large as much as shows it."""
    descriptor = os.open(location, READ)
    try:
        data = bytearray()
        for chunk in chunks_of(descriptor, regular(descriptor).st_size):
            data += chunk
            if len(data) > MAX_FILE:
                break
        return bytes(data)
    finally:
        os.close(descriptor)


def _path(member: Member) -> str:
    """Where a file lies in the chart: below the first component of its name, whatever that is called (Helm's rule).

    Archives made on Windows may have backslashes.
    """
    name = member.name
    if "\\" in name:
        if "/" in name:
            raise BadArchive(f"has a name with both slashes, {printable(name)}")
        name = name.replace("\\", "/")
    top, _, rest = name.partition("/")
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    path = normal("/".join(parts))
    if rest.startswith("/") or ".." in (top, *parts) or not top or rest[1:2] == ":":
        raise BadArchive(f"has a path that leads out of it, {printable(name)}")
    if not path:
        raise BadArchive(f"has {printable(name)} beside the chart's folder, not in it")
    if why := refusal(path):
        raise BadArchive(f"holds a file that {why}")
    return path
