"""A chart as `helm package` writes it: which files, under which paths, in which order, and with which bytes.

Takes files one by one and knows not whether they come from a folder or an archive.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import NoReturn

from regsync.content.chartdocs import (
    CHART_LOCK,
    CHART_YAML,
    DOCUMENTS,
    REQUIREMENTS,
    REQUIREMENTS_LOCK,
    Documents,
    read_documents,
)
from regsync.content.chartfiles import Budget, archive_files
from regsync.content.codes import Code, finding
from regsync.content.goyaml import dump_yaml, load_yaml
from regsync.content.sources import Source
from regsync.content.tar import BadArchive, Readable
from regsync.content.tree import Leaf
from regsync.content.yamltree import BadYaml
from regsync.model.diagnostic import Diagnostic, Origin
from regsync.model.gojson import go_json

VALUES = "values.yaml"
SCHEMA = "values.schema.json"

MAX_DEPTH = 30
"""Subcharts within subcharts. Helm has no such limit; an archive can be made that holds itself."""

_ORDER = (CHART_YAML, CHART_LOCK, VALUES, SCHEMA)
_CHARTS = "charts/"


@dataclass(slots=True)
class Reading:
    """One pass over a chart and its subcharts.

    `keep`: hold the bytes of all files, for packing or a diff. `check`: look into values.yaml and values.schema.json,
    too, as Helm does before it packs. `problems` collects what stands against the chart.
    """

    keep: bool = False
    check: bool = False
    budget: Budget = field(default_factory=Budget)
    problems: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A chart that Helm would load, as it is once packed.

    `files` are in the order in which they are packed. The documents that Helm writes anew are hashed as JSON, whatever
    the form of their YAML, and have the new YAML as their bytes. `ambiguous`: two files or subcharts claim one path.
    """

    documents: Documents
    files: tuple[tuple[str, Leaf], ...]
    subcharts: frozenset[str]
    ambiguous: bool


class ChartTree:
    """Grows file by file. `shown` is how messages name the chart's folder or archive; `depth` counts the charts that it
    lies in."""

    def __init__(self, shown: str, reading: Reading, depth: int = 0) -> None:
        self._shown = shown
        self._reading = reading
        self._depth = depth
        self._documents: dict[str, bytes] = {}
        self._files: dict[str, Leaf] = {}
        self._subcharts: dict[str, ChartTree] = {}
        self._ambiguous = False

    def take(self, path: str, data: bytes) -> None:
        """Add the file at `path` of the chart."""
        if path.startswith(_CHARTS) and not path.endswith(".prov"):
            name, _, rest = path.removeprefix(_CHARTS).partition("/")
            if name[0] not in "_.":
                self._take_subchart(name, rest, data)
            return
        self._ambiguous |= path in self._files
        self._files[path] = _leaf(data, data if self._reading.keep else None)
        if path in DOCUMENTS:
            self._documents[path] = data
        elif self._reading.check and (why := _fault(path, data)):
            summary, line, column = why
            source = Source(f"{self._shown}/{path}", data.decode("utf-8", "replace"))
            self._reading.problems.append(source.finding(Code.CHART_FILE, f"{path}: {summary}", line, column))

    def take_archive(self, stream: Readable) -> None:
        """Add all files of a packed chart. What stands against reading it is a problem."""
        try:
            for path, data in archive_files(stream, self._reading.budget):
                self.take(path, data)
                if self._reading.budget.is_spent:
                    return
        except BadArchive as failure:
            self._problem(Code.CHART_ARCHIVE, f"the archive `{self._shown}` {failure}")

    def finish(self) -> Loaded | None:
        """The chart once all files are there, None where something stands against it."""
        subcharts = [tree.finish() for tree in self._subcharts.values()]
        documents = None
        if CHART_YAML in self._documents:
            documents = read_documents(self._shown, self._documents, self._reading.problems)
        elif not self._reading.problems:  # what cannot be read is not also said to lack a file
            self._problem(Code.CHART_YAML_MISSING, f"`{self._shown}` has no Chart.yaml")
        if documents is None or None in subcharts:
            return None
        loaded = sorted((each for each in subcharts if each), key=lambda each: each.documents.name)
        names = frozenset(each.documents.name for each in loaded)
        return Loaded(
            documents,
            (*self._own_files(documents), *_below(loaded)),
            names,
            self._ambiguous or len(names) < len(loaded) or any(each.ambiguous for each in loaded),
        )

    def _take_subchart(self, name: str, rest: str, data: bytes) -> None:
        """Add a file below charts/, where Helm takes everything for a chart, packed or not."""
        shown = f"{self._shown}/{_CHARTS}{name}"
        is_archive = name.endswith(".tgz")
        if self._depth == MAX_DEPTH:
            self._reading.budget.entries = -1  # enough is read
            self._problem(Code.SUBCHART, f"`{self._shown}` lies in too many charts to have another")
        elif is_archive is bool(rest):
            what = "a folder with the name of an archive" if rest else "neither a folder nor an archive"
            advice = "move it out of charts/, or let its name start with an underscore"
            at = Origin(shown, 1, 1)
            self._reading.problems.append(finding(Code.SUBCHART, f"`{shown}` is {what}", at, help=advice))
        elif is_archive:
            self._ambiguous |= name in self._subcharts
            self._subcharts[name] = ChartTree(shown, self._reading, self._depth + 1)
            self._subcharts[name].take_archive(BytesIO(data))
        else:
            subchart = self._subcharts.setdefault(name, ChartTree(shown, self._reading, self._depth + 1))
            subchart.take(rest, data)

    def _own_files(self, documents: Documents) -> Iterator[tuple[str, Leaf]]:
        """The files of this chart without its subcharts."""
        keep = self._reading.keep
        found = {path: leaf for path, leaf in self._files.items() if path not in (CHART_YAML, CHART_LOCK)}
        if not documents.is_v1:
            found = {
                path: leaf for path, leaf in found.items() if path not in (REQUIREMENTS, REQUIREMENTS_LOCK)
            }
        for path, document in documents.rewritten().items():
            found[path] = _leaf(go_json(document), dump_yaml(document) if keep else None)
        yield from sorted(found.items(), key=_rank)

    def _problem(self, code: Code, summary: str) -> None:
        self._reading.problems.append(finding(code, summary, Origin(self._shown, 1, 1)))


def _rank(file: tuple[str, Leaf]) -> int:
    """What Helm packs first; within a rank the order of reading stays."""
    path = file[0]
    if path in _ORDER:
        return _ORDER.index(path)
    return len(_ORDER) + (not path.startswith("templates/"))


def _below(subcharts: list[Loaded]) -> Iterator[tuple[str, Leaf]]:
    """The files of subcharts, which lie under the names that they have themselves."""
    for chart in subcharts:
        for path, leaf in chart.files:
            yield f"{_CHARTS}{chart.documents.name}/{path}", leaf


def _leaf(data: bytes, kept: bytes | None) -> Leaf:
    return Leaf(sha256(data).hexdigest(), len(data), False, kept)


def _fault(path: str, data: bytes) -> tuple[str, int, int] | None:
    """Why Helm refuses a file that is no document, and the line and column."""
    try:
        if path == VALUES:
            values = load_yaml(data.decode()).value
            return None if values is None or isinstance(values, dict) else ("it is no mapping", 1, 1)
        if path == SCHEMA:
            json.loads(
                data.decode("utf-8", "replace"), parse_int=str, parse_float=str, parse_constant=_refuse
            )
    except BadYaml as fault:
        return fault.reason, fault.line, fault.column
    except json.JSONDecodeError as failure:
        return failure.msg, failure.lineno, failure.colno
    except (ValueError, RecursionError) as failure:
        return str(failure), 1, 1
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
