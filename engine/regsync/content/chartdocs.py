"""The documents of a chart taken together: Chart.yaml, Chart.lock, and the requirements files of old charts.

Knows what Helm makes of them, and where in them something is wrong; knows no other file of a chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from regsync.content.chartyaml import (
    LOCK,
    METADATA,
    V1,
    V2,
    read_document,
    read_lock,
    refusals,
    tidied,
)
from regsync.content.codes import Code
from regsync.content.gostruct import decode, encode
from regsync.content.goyaml import Node
from regsync.content.sources import Source
from regsync.content.yamltree import BadYaml
from regsync.model.diagnostic import Diagnostic, Origin
from regsync.model.gojson import go_json

CHART_YAML = "Chart.yaml"
CHART_LOCK = "Chart.lock"
REQUIREMENTS = "requirements.yaml"
REQUIREMENTS_LOCK = "requirements.lock"
DOCUMENTS = (CHART_YAML, CHART_LOCK, REQUIREMENTS, REQUIREMENTS_LOCK)

_CODES = {"name": Code.CHART_NAME, "version": Code.CHART_VERSION}
_NOWHERE = Node(None)


@dataclass(frozen=True, slots=True)
class Documents:
    """What the documents say; `nodes` are the values in Chart.yaml, whose text is `source`, by field."""

    shown: str
    metadata: Mapping[str, Any]
    """Fields of Chart.yaml, and in a chart of apiVersion v1 those of requirements.yaml."""
    written: Mapping[str, Any]
    """Fields of the Chart.yaml that Helm packs."""
    packed_metadata: Mapping[str, Any]
    """Fields as Helm reads them from what it packed: the config in a registry."""
    lock: Mapping[str, Any] | None
    source: Source
    nodes: Mapping[str, Node]

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        return str(self.metadata["version"])

    @property
    def is_v1(self) -> bool:
        """Whether the requirements files are part of the chart and Chart.lock is not."""
        return bool(self.metadata["apiVersion"] == V1)

    def rewritten(self) -> dict[str, dict[str, Any]]:
        """The documents that Helm writes anew into the archive."""
        written = {CHART_YAML: encode(METADATA, self.written)}
        if self.metadata["apiVersion"] == V2 and self.lock is not None:
            written[CHART_LOCK] = encode(LOCK, self.lock)
        return written

    def at(self, field: str) -> Origin:
        """Where a field of Chart.yaml stands."""
        node = self.node(field)
        return Origin(self.source.shown, node.line, node.column)

    def node(self, field: str, index: int | None = None) -> Node:
        """A field's value in Chart.yaml, or one of the list that it is; the file's beginning where there is none."""
        node = self.nodes.get(field, _NOWHERE)
        if isinstance(node.value, list) and index is not None and index < len(node.value):
            return node.value[index]
        return node

    def finding(
        self, code: Code, field: str, summary: str, advice: str | None = None, index: int | None = None
    ) -> Diagnostic:
        """A finding about a field of Chart.yaml."""
        node = self.node(field, index)
        length = len(node.written) if node.written else 1
        return self.source.finding(code, summary, node.line, node.column, length=length, advice=advice)


def read_documents(shown: str, texts: Mapping[str, bytes], problems: list[Diagnostic]) -> Documents | None:
    """What the documents in `texts` (in the order in which they were found, Chart.yaml among them) say.

    None where one of them cannot be understood; that, and what Helm refuses besides, is added to `problems`. `shown` is
    how messages name the chart.
    """
    sources = {
        path: Source(f"{shown}/{path}", data.decode("utf-8", "replace")) for path, data in texts.items()
    }
    metadata: dict[str, Any] = {}
    nodes: dict[str, Node] = {}
    lock = requirements = None
    faults = []
    for path in sorted(texts, key=lambda each: each != CHART_YAML):
        try:
            document = read_document(texts[path])
            if path == CHART_YAML:
                metadata = decode(METADATA, document)
                metadata["apiVersion"] = metadata.get("apiVersion") or V1
                nodes = _fields(document)
            elif path == REQUIREMENTS:
                requirements = document
                metadata = decode(METADATA, document, metadata)
            else:
                lock = read_lock(document)
        except BadYaml as fault:
            code = Code.CHART_YAML_INVALID if path == CHART_YAML else Code.CHART_FILE
            summary = f"{path}: {fault.reason}"
            faults.append(sources[path].finding(code, summary, fault.line, fault.column))
    documents = Documents(shown, tidied(metadata), {}, {}, lock, sources[CHART_YAML], nodes)
    if not faults:
        faults = [
            documents.finding(_CODES.get(field, Code.CHART_FIELD), field, summary)
            for field, summary in refusals(documents.metadata)
        ]
    if not faults:
        try:
            return _packed(documents, requirements)
        except BadYaml as fault:
            summary = f"Chart.yaml: Helm cannot read what it makes of it: {fault.reason}"
            faults = [sources[CHART_YAML].finding(Code.CHART_YAML_INVALID, summary, 1, 1)]
    problems += faults
    return None


def _packed(documents: Documents, requirements: Node | None) -> Documents:
    """The documents with what Helm packs of them, which goes from JSON through YAML once more. Raises BadYaml."""
    metadata = documents.metadata
    if documents.is_v1:
        metadata = {**metadata, "dependencies": None}
    written = decode(METADATA, read_document(go_json(encode(METADATA, metadata))))
    packed = written
    if documents.is_v1 and requirements is not None:
        packed = tidied(decode(METADATA, requirements, written))
    return replace(documents, written=written, packed_metadata=packed)


def _fields(document: Node) -> dict[str, Node]:
    members = document.value if isinstance(document.value, dict) else {}
    return {field: node for key, node in members.items() if (field := METADATA.field(key))}
