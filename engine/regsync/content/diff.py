"""How a live layer differs from a pack's folder or a chart, file by file: texts by their lines, the rest by size. Knows
no report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path
from typing import TypeAlias

from regsync.content.chart import Chart
from regsync.content.chartlayer import extract_chart
from regsync.content.files import read_file
from regsync.content.index import extract
from regsync.content.leaks import is_text, masked
from regsync.content.pack import Pack
from regsync.content.tar import Readable
from regsync.model.content import Content, FileDiff, FileEntry, FileStatus
from regsync.model.errors import ContentError

SIZE_LIMIT = 1 << 20
"""Bytes of the largest file whose lines are compared."""

LINES_LIMIT = 20_000
"""Lines of the largest file whose lines are compared: time grows with their square in the worst case."""

SIZE_TOTAL = 16 << 20
"""Bytes of all files of a pack whose lines are compared; the others, later in order, have a note."""

_CONTEXT = 3

_Texts: TypeAlias = tuple[Mapping[str, bytes], Mapping[str, bytes]]


def diff_contents(before: Content, after: Content, layer: Readable, folder: Path) -> tuple[FileDiff, ...]:
    """The files that differ, in byte order of their paths: `layer` (read once) holds `before`, `folder` holds `after`.

    A changed text gets the lines of a unified diff, with what looks like a secret masked; control characters are left
    to the reports. Binary and large files get a note, as do files that can no longer be read; added and removed ones
    have neither. Modes are not compared.
    """
    return _differences(
        before, after, lambda wanted: (extract(layer, wanted, SIZE_LIMIT), _read(folder, wanted))
    )


def diff_charts(before: Content, after: Chart, layer: Readable) -> tuple[FileDiff, ...]:
    """The same for a chart: `layer` (read once) holds `before`. Chart.yaml and Chart.lock are compared as Helm writes
    them, subcharts unpacked."""
    return _differences(
        before,
        after.content,
        lambda wanted: (extract_chart(layer, wanted, SIZE_LIMIT), after.texts(wanted, SIZE_LIMIT)),
    )


def diff_chart_archives(
    before: Content, after: Content, layer: Readable, archive: Readable
) -> tuple[FileDiff, ...]:
    """The same for two packaged charts: `layer` holds `before`, `archive` holds `after`; each is read once."""
    return _differences(
        before,
        after,
        lambda wanted: (
            extract_chart(layer, wanted, SIZE_LIMIT),
            extract_chart(archive, wanted, SIZE_LIMIT),
        ),
    )


def diff_local(before: Pack | Chart, after: Pack | Chart) -> tuple[FileDiff, ...]:
    """The same for two packs or two charts that both lie in folders or archives."""
    return _differences(
        before.content, after.content, lambda wanted: (_texts(before, wanted), _texts(after, wanted))
    )


def _texts(source: Pack | Chart, paths: frozenset[str]) -> Mapping[str, bytes]:
    return source.texts(paths, SIZE_LIMIT) if isinstance(source, Chart) else _read(source.folder, paths)


def _differences(
    before: Content, after: Content, texts_of: Callable[[frozenset[str]], _Texts]
) -> tuple[FileDiff, ...]:
    """The files that differ; `texts_of` gives the bytes of files on either side."""
    old = {entry.path: entry for entry in before.files}
    new = {entry.path: entry for entry in after.files}
    paths = sorted(
        (path for path in old.keys() | new.keys() if _sha256(old.get(path)) != _sha256(new.get(path))),
        key=str.encode,
    )
    wanted = _within_limits(old, new, paths)
    texts = texts_of(wanted) if wanted else ({}, {})
    return tuple(_file_diff(path, old.get(path), new.get(path), texts, path in wanted) for path in paths)


def _read(folder: Path, paths: frozenset[str]) -> dict[str, bytes]:
    found = {}
    for path in paths:
        with suppress(ContentError):
            found[path] = read_file(os.fspath(folder), path, folder.name)
    return found


def _sha256(entry: FileEntry | None) -> str | None:
    return entry.sha256 if entry else None


def _within_limits(
    old: Mapping[str, FileEntry], new: Mapping[str, FileEntry], paths: list[str]
) -> frozenset[str]:
    """The changed files whose lines are worth reading."""
    left = SIZE_TOTAL
    wanted = []
    for path in paths:
        if path in old and path in new:
            larger = max(old[path].size, new[path].size)
            if larger <= min(SIZE_LIMIT, left):
                left -= larger
                wanted.append(path)
    return frozenset(wanted)


def _file_diff(
    path: str,
    before: FileEntry | None,
    after: FileEntry | None,
    texts: _Texts,
    wanted: bool,
) -> FileDiff:
    if before is None or after is None:
        return FileDiff(path, FileStatus.ADDED if before is None else FileStatus.REMOVED, before, after)
    old, new = (each.get(path) for each in texts)
    lines: tuple[str, ...] = ()
    note = None
    if not wanted or any(each is not None and each.count(b"\n") > LINES_LIMIT for each in (old, new)):
        note = "too large to compare by lines"
    elif old is None or new is None:
        note = "its lines are not available"
    elif not (is_text(old) and is_text(new)):
        note = "binary"
    else:
        try:
            lines = tuple(unified(old.decode(), new.decode()))
        except UnicodeDecodeError:
            note = "not UTF-8"
    return FileDiff(path, FileStatus.CHANGED, before, after, lines, note)


def unified(before: str, after: str) -> Iterator[str]:
    """The hunks of a unified diff, without file headers, with secrets masked on both sides."""
    old, new = _Text(before), _Text(after)
    # Compared as they are and shown masked: a changed secret is a change, though both lines look alike.
    matcher = SequenceMatcher(None, old.lines, new.lines)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from old.show(" ", old_start, old_end)
                continue
            yield from old.show("-", old_start, old_end)
            yield from new.show("+", new_start, new_end)


class _Text:
    """A text as lines to compare (with their ends, which may be all that differs) and as lines to show."""

    def __init__(self, text: str) -> None:
        *ended, last = text.split("\n")
        self.lines = [f"{line}\n" for line in ended] + ([last] if last else [])
        self._shown = masked(text).split("\n")

    def show(self, marker: str, start: int, end: int) -> Iterator[str]:
        for index in range(start, end):
            yield marker + self._shown[index]
            if not self.lines[index].endswith("\n"):
                yield "\\ No newline at end of file"


def _range(start: int, end: int) -> str:
    """A range of lines as unified diffs write it: counted from 1, without the count where it is 1."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"
