"""What would break, or be lost without a word, once a pack is in Palette. Findings are warnings, never refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import normpath

from regsync.content.charts import BadChart, chart_name
from regsync.content.codes import Code, finding
from regsync.content.fields import did_you_mean, lint_fields, strings
from regsync.content.files import TEXT_LIMIT
from regsync.content.leaks import find_secrets, is_text
from regsync.content.pack import PACK_JSON, Pack
from regsync.content.sources import Source
from regsync.content.yamltree import BadYaml, Node, read_yaml
from regsync.model.content import FileEntry
from regsync.model.diagnostic import Diagnostic, Origin

VALUES = "values.yaml"
_YAML_FILES = (VALUES, "schema.yaml", "presets.yaml")
_ARCHIVES = (".tgz", ".tar.gz")
_WITHOUT_IMAGES = ("os", "k8s")


@dataclass(frozen=True, slots=True)
class _Facts:
    """A pack as the checks see it: `paths` of all files, pack.json, and values.yaml where it could be read."""

    pack: Pack
    paths: frozenset[str]
    source: Source
    document: dict[str, object]
    values_source: Source
    values: Node | None


def lint_pack(pack: Pack) -> tuple[Diagnostic, ...]:
    """All findings about a pack, sorted. Raises ContentError where a file vanishes meanwhile."""
    paths = frozenset(entry.path for entry in pack.content.files)
    found: list[Diagnostic] = []
    documents: dict[str, tuple[Source, Node]] = {}
    for entry in pack.content.files:
        if entry.path in _YAML_FILES:
            read = _read_yaml(pack, entry)
            if isinstance(read, Diagnostic):
                found.append(read)
            else:
                documents[entry.path] = read
    text = pack.read(PACK_JSON).decode()
    values_source, values = documents.get(VALUES, (Source("", ""), None))
    facts = _Facts(
        pack, paths, Source(f"{pack.shown}/{PACK_JSON}", text), json.loads(text), values_source, values
    )
    found += lint_fields(facts.source, facts.document)
    for check in (_folder, _charts, _manifests, _images, _secrets):
        found += check(facts)
    return tuple(sorted(found, key=Diagnostic.sort_key))


def _read_yaml(pack: Pack, entry: FileEntry) -> tuple[Source, Node] | Diagnostic:
    path = entry.path
    shown = f"{pack.shown}/{path}"
    if entry.size > TEXT_LIMIT:
        return finding(Code.YAML_INVALID, f"`{path}` is too large to be checked", Origin(shown, 1, 1))
    try:
        source = Source(shown, pack.read(path).decode())
    except UnicodeDecodeError:
        return finding(Code.YAML_INVALID, f"`{path}` is not UTF-8", Origin(shown, 1, 1))
    try:
        return source, read_yaml(source.text)
    except BadYaml as fault:
        return source.finding(Code.YAML_INVALID, f"`{path}`: {fault.reason}", fault.line, fault.column)


def _folder(facts: _Facts) -> Iterator[Diagnostic]:
    pack = facts.pack
    here = Origin(pack.shown, 1, 1)
    if VALUES not in facts.paths:
        yield finding(
            Code.VALUES_MISSING, "the pack has no `values.yaml`", here, help="add one; it may be empty"
        )
    if "README.md" not in facts.paths:
        yield finding(Code.README_MISSING, "the pack has no `README.md`", here)
    if "logo.png" not in facts.paths:
        yield finding(Code.LOGO_MISSING, "the pack has no `logo.png`", here)
    for path in pack.junk:
        origin = Origin(f"{pack.shown}/{path}", 1, 1)
        yield finding(
            Code.JUNK_FILE, f"`{path}` is no part of the pack and left out", origin, help="delete it"
        )
    expected, name = f"{pack.name}-{pack.version}", pack.folder.absolute().name
    if name != expected:
        summary = f"the folder `{name}` holds {pack.name} {pack.version}"
        yield finding(Code.FOLDER_NAME, summary, pack.version_origin, help=f"call it `{expected}`")
    if re.match(r"v\d", pack.version):
        advice = f"use `{pack.version[1:]}`"
        yield facts.source.finding_in_json(
            Code.VERSION_LEADING_V, f"the version `{pack.version}` starts with a v", "version", advice=advice
        )


def _charts(facts: _Facts) -> Iterator[Diagnostic]:
    unpacked = tuple(path.removesuffix("Chart.yaml") for path in facts.paths if path.endswith("/Chart.yaml"))
    archives = {path for path in facts.paths if path.endswith(_ARCHIVES) and not path.startswith(unpacked)}
    entries = [(index, normpath(path)) for index, path in strings(facts.document, "charts")]
    unlisted = archives - {path for _, path in entries}
    names: list[str | None] = []
    for index, path in entries:
        name = None
        if path not in facts.paths:
            summary = f"the chart `{path}` is not in the pack"
            advice = did_you_mean(path, unlisted)
            yield facts.source.finding_in_json(Code.CHART_MISSING, summary, "charts", index, advice=advice)
        else:
            try:
                with facts.pack.open(path) as stream:
                    name = chart_name(stream)
            except BadChart as fault:
                summary = f"the chart archive `{path}` {fault}"
                yield facts.source.finding_in_json(Code.CHART_UNREADABLE, summary, "charts", index)
        names.append(name)
    for path in sorted(unlisted):
        yield finding(
            Code.CHART_UNREFERENCED,
            f"the chart archive `{path}` is not listed in pack.json",
            Origin(f"{facts.pack.shown}/{path}", 1, 1),
            help="add it to charts in pack.json, or delete it",
        )
    if facts.values is not None:
        yield from _chart_values(facts.values_source, facts.values, names)


def _chart_values(source: Source, values: Node, names: list[str | None]) -> Iterator[Diagnostic]:
    """Compare the keys under `charts` with the names of the charts, None for one that is not known."""
    pair = values.pairs.get("charts")
    blocks = pair.value.pairs if pair else {}
    line, column = (pair.key.line, pair.key.column) if pair else (1, 1)
    for name in names:
        if name is not None and name not in blocks:
            yield source.finding(
                Code.CHART_VALUES_MISSING,
                f"values.yaml has no `charts.{name}`, the block for that chart's values",
                line,
                column,
                advice=f"put them under `charts.{name}`: the name is the one in its Chart.yaml",
            )
    if None in names:
        return
    for key, block in blocks.items():
        if key not in names:
            advice = did_you_mean(key, [name for name in names if name and name not in blocks])
            summary = f"`charts.{key}` bears the name of no chart of the pack"
            at = block.key
            yield source.finding(
                Code.CHART_VALUES_STRAY, summary, at.line, at.column, length=len(key), advice=advice
            )


def _manifests(facts: _Facts) -> Iterator[Diagnostic]:
    entries = [(index, normpath(path)) for index, path in strings(facts.document, "kubeManifests")]
    for index, path in entries:
        if path not in facts.paths:
            summary = f"the manifest `{path}` is not in the pack"
            advice = did_you_mean(path, facts.paths)
            yield facts.source.finding_in_json(
                Code.MANIFEST_MISSING, summary, "kubeManifests", index, advice=advice
            )
    names = {PurePosixPath(path).stem for _, path in entries}
    blocks = facts.values.get("manifests").pairs if facts.values else {}
    for key, block in blocks.items():
        if key not in names:
            summary = f"`manifests.{key}` bears the name of no manifest of the pack"
            at, advice = block.key, did_you_mean(key, names)
            yield facts.values_source.finding(
                Code.MANIFEST_VALUES_STRAY, summary, at.line, at.column, length=len(key), advice=advice
            )


def _images(facts: _Facts) -> Iterator[Diagnostic]:
    if facts.values is None or facts.document.get("layer") in _WITHOUT_IMAGES:
        return
    images = facts.values.get("pack", "content", "images")
    named = 0
    for index, entry in enumerate(images.items):
        if isinstance(entry.get("image").value, str) and entry.get("image").value != "":
            named += 1
            continue
        advice = next(
            filter(None, (did_you_mean(key, ["image"]) for key in entry.pairs if key != "image")), None
        )
        summary = f"`pack.content.images[{index}]` names no image"
        yield facts.values_source.finding(
            Code.IMAGE_ENTRY,
            summary,
            entry.line,
            entry.column,
            advice=advice or "write it as `image: REFERENCE`",
        )
    if not named:
        summary = "values.yaml lists no images under `pack.content.images`"
        yield facts.values_source.finding(Code.IMAGES_MISSING, summary, images.line, images.column)


def _secrets(facts: _Facts) -> Iterator[Diagnostic]:
    for entry in facts.pack.content.files:
        if entry.size > TEXT_LIMIT:
            continue
        data = facts.pack.read(entry.path)
        for kind, line in find_secrets(data) if is_text(data) else ():
            yield finding(
                Code.SECRET,
                f"`{entry.path}` holds what looks like a secret: {kind}",
                Origin(f"{facts.pack.shown}/{entry.path}", line, 1),
                help="revoke it if it is real, and take it out of the pack",
            )
