"""A chart: a folder with a Chart.yaml, or an archive of one. Knows what makes it addressable and what Helm demands of it
before it is packed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from regsync.content.archive import SpooledLayer, copy_archive, pack_files
from regsync.content.chartdocs import Documents
from regsync.content.chartfiles import folder_files
from regsync.content.chartlayer import content_of, load_archive, signed, texts_of
from regsync.content.charttree import ChartTree, Loaded, Reading
from regsync.content.chartyaml import METADATA, V1, V2, is_strict_version
from regsync.content.codes import Code, finding
from regsync.content.folder import unreadable
from regsync.content.gostruct import encode
from regsync.content.pack import name_fault
from regsync.model.content import Content, FileEntry
from regsync.model.diagnostic import Diagnostic, Origin
from regsync.model.errors import ContentError
from regsync.model.gojson import go_json
from regsync.model.reference import chart_tag, is_tag, sha256_digest

MAX_PROVENANCE = 1 << 20
"""Bytes of the largest provenance file; it holds a Chart.yaml, a hash and a signature."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that can be addressed and pushed. `shown` is how messages name its folder or archive.

    `config` is the config blob that `helm push` writes. `archive` tells of a chart that came packed what its bytes
    are, and `provenance` is what lay beside it.
    """

    name: str
    version: str
    path: Path
    shown: str
    content: Content
    config: bytes
    name_origin: Origin
    version_origin: Origin
    archive: FileEntry | None = None
    provenance: bytes | None = None

    @property
    def tag(self) -> str:
        """The tag that `helm push` gives it."""
        return chart_tag(self.version)

    def texts(self, paths: Collection[str], limit: int) -> dict[str, bytes]:
        """The bytes of those of `paths` (of its content) that are files of at most `limit` bytes, as they are packed.

        They are those of the moment; a chart that can no longer be read gives none.
        """
        loaded, _, reading = _load(self.path, self.shown, keep=True)
        return texts_of(loaded, paths, limit) if loaded and not reading.problems else {}


@dataclass(frozen=True, slots=True)
class ChartRead:
    """A chart, or what stands against taking the folder or archive for one (errors only, sorted)."""

    chart: Chart | None
    diagnostics: tuple[Diagnostic, ...]


def read_chart(path: Path, shown: str) -> ChartRead:
    """Read the chart in the folder or archive at `path`. Never raises for what is wrong with it.

    Whatever Helm refuses to pack, to push or to load again is an error. The archive's provenance file is the one beside
    it, with `.prov` after its name.
    """
    loaded, archive, reading = _load(path, shown, check=True)
    problems = reading.problems
    provenance = None if archive is None else _provenance(path, shown, problems)
    chart = None
    if loaded is not None:
        problems += _faults(loaded, packed=archive is not None)
    if loaded is not None and not problems:
        documents = loaded.documents
        content = content_of(loaded, archive)
        if archive is not None and provenance is not None:
            proof = (sha256_digest(provenance), len(provenance))
            content = signed(content, (f"sha256:{archive.sha256}", archive.size), proof)
        metadata = documents.packed_metadata if archive is None else documents.metadata
        chart = Chart(
            name=documents.name,
            version=documents.version,
            path=path,
            shown=shown,
            content=content,
            config=go_json(encode(METADATA, metadata)),
            name_origin=documents.at("name"),
            version_origin=documents.at("version"),
            archive=archive,
            provenance=provenance,
        )
    return ChartRead(chart, tuple(sorted(problems, key=Diagnostic.sort_key)))


def pack_chart(chart: Chart) -> SpooledLayer:
    """The chart's layer: an archive as it is, a folder as `helm package` packs it.

    The archive of a folder has Helm's order, names and modes, and rewritten documents; times are the epoch's, so that
    equal content gives equal bytes (with one build of the compressor). Raises ContentError where the chart is no longer
    what was read, and leaves nothing behind then.
    """
    if chart.archive is not None:
        layer = copy_archive(chart.path, chart.shown)
        if layer.digest != f"sha256:{chart.archive.sha256}":
            layer.close()
            raise _changed(chart.shown)
        return layer
    loaded, _, reading = _load(chart.path, chart.shown, keep=True)
    if loaded is None or reading.problems:
        raise ContentError(
            reading.problems[0].summary, hint="plan again when nothing else writes to the folder"
        )
    content = content_of(loaded)
    for entry in sorted(set(content.files) ^ set(chart.content.files)):
        raise _changed(f"{chart.shown}/{entry.path}")
    return pack_files((f"{chart.name}/{path}", leaf.data or b"") for path, leaf in loaded.files)


def lint_chart(chart: Chart) -> tuple[Diagnostic, ...]:
    """What Helm does not refuse and its users stumble over; warnings only, sorted."""
    return tuple(sorted(_warnings(chart), key=Diagnostic.sort_key))


def _warnings(chart: Chart) -> Iterator[Diagnostic]:
    expected = f"{chart.name}-{chart.version}.tgz"
    if chart.archive is not None and chart.path.name not in (expected, f"{chart.name}.tgz"):
        summary = f"the archive `{chart.path.name}` holds {chart.name} {chart.version}"
        yield finding(Code.ARCHIVE_NAME, summary, Origin(chart.shown, 1, 1), help=f"call it `{expected}`")
    hashed = chart.archive.sha256.encode() if chart.archive else b""
    if chart.provenance is not None and hashed not in chart.provenance:
        yield finding(
            Code.PROVENANCE_FOREIGN,
            f"`{chart.shown}.prov` speaks of another archive",
            Origin(f"{chart.shown}.prov", 1, 1),
            help="sign the archive again, or restore the one that was signed",
        )
    if not is_strict_version(chart.version):
        yield finding(
            Code.VERSION_LOOSE,
            f"Helm finds the version `{chart.version}` only by its exact name",
            chart.version_origin,
            help="write three numbers without a leading v",
        )


def _load(
    path: Path, shown: str, *, keep: bool = False, check: bool = False
) -> tuple[Loaded | None, FileEntry | None, Reading]:
    """The chart at `path` as far as it could be read; the archive that it is; and what stands against it."""
    if not path.is_dir():
        try:
            with path.open("rb") as file:
                return load_archive(file, shown, keep=keep, check=check)
        except OSError as failure:
            return None, None, Reading(problems=[unreadable(shown, "", failure)])
    reading = Reading(keep=keep, check=check)
    tree = ChartTree(shown, reading)
    for name, data in folder_files(path, shown, reading.budget, reading.problems):
        tree.take(name, data)
    return tree.finish(), None, reading


def _provenance(archive: Path, shown: str, problems: list[Diagnostic]) -> bytes | None:
    """What lies beside the archive, None where nothing does or it cannot be read."""
    try:
        with archive.with_name(f"{archive.name}.prov").open("rb") as file:
            data = file.read(MAX_PROVENANCE + 1)
    except FileNotFoundError:
        return None
    except OSError as failure:
        reason = failure.strerror or str(failure)
    else:
        if len(data) <= MAX_PROVENANCE:
            return data
        reason = f"it has more than {MAX_PROVENANCE:,} bytes"
    origin = Origin(f"{shown}.prov", 1, 1)
    problems.append(finding(Code.PROVENANCE, f"`{shown}.prov` cannot be read: {reason}", origin))
    return None


def _faults(loaded: Loaded, *, packed: bool) -> Iterator[Diagnostic]:
    """What Helm loads but cannot push, or not as it was meant."""
    documents = loaded.documents
    if fault := name_fault(documents.name):
        yield documents.finding(Code.CHART_NAME, "name", *fault)
    yield from _version_faults(documents)
    version = documents.metadata["apiVersion"]
    if version not in (V1, V2):
        summary = f"the apiVersion `{version}` is neither v1 nor v2"
        yield documents.finding(Code.CHART_FIELD, "apiVersion", summary)
    for index, dependency in enumerate(documents.metadata.get("dependencies") or ()):
        name = dependency.get("name", "")
        if name not in loaded.subcharts:
            summary = f"the dependency `{name}` is not in charts/"
            advice = "run `helm dependency build`"
            yield documents.finding(Code.CHART_DEPENDENCY, "dependencies", summary, advice, index)
    if loaded.ambiguous and not packed:
        summary = f"two charts in `{documents.shown}/charts` have the same name"
        yield finding(Code.SUBCHART, summary, Origin(documents.shown, 1, 1), help="remove one of them")


def _version_faults(documents: Documents) -> Iterator[Diagnostic]:
    version = documents.version
    written = documents.node("version").written
    if written is not None and written != version:
        summary = f"the version {written} is the number {version} to Helm"
        yield documents.finding(Code.CHART_VERSION, "version", summary, f'quote it: `"{written}"`')
    elif not is_tag(chart_tag(version)):
        summary = f"`{version}` is too long for a tag"
        yield documents.finding(Code.CHART_VERSION, "version", summary, "use at most 128 characters")


def _changed(path: str) -> ContentError:
    return ContentError(
        f"{path} changed while it was packed", hint="plan again when nothing else writes to the folder"
    )
