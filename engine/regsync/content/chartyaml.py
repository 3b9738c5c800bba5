"""Chart.yaml and Chart.lock: their fields, what Helm tidies in them, and what it refuses.

Knows one document at a time; knows no folder, no archive and no registry. Facts: Helm 3.22, pkg/chart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from regsync.content.gostruct import ListOf, Plain, Struct, decode
from regsync.content.goyaml import Node, load_yaml
from regsync.content.yamltree import BadYaml

_TEXT, _TEXT_LIST = Plain.TEXT, ListOf(Plain.TEXT)
_MAINTAINER = Struct({"name": _TEXT, "email": _TEXT, "url": _TEXT})
_DEPENDENCY = Struct(
    {
        "name": _TEXT,
        "version": _TEXT,
        "repository": _TEXT,
        "condition": _TEXT,
        "tags": _TEXT_LIST,
        "enabled": Plain.TRUTH,
        "import-values": ListOf(Plain.ANY),
        "alias": _TEXT,
    },
    always=frozenset({"name", "repository"}),
)
METADATA = Struct(
    {
        "name": _TEXT,
        "home": _TEXT,
        "sources": _TEXT_LIST,
        "version": _TEXT,
        "description": _TEXT,
        "keywords": _TEXT_LIST,
        "maintainers": ListOf(_MAINTAINER),
        "icon": _TEXT,
        "apiVersion": _TEXT,
        "condition": _TEXT,
        "tags": _TEXT,
        "appVersion": _TEXT,
        "deprecated": Plain.TRUTH,
        "annotations": Plain.TEXTS,
        "kubeVersion": _TEXT,
        "dependencies": ListOf(_DEPENDENCY),
        "type": _TEXT,
    }
)
"""What stands in Chart.yaml, and in the config of a chart in a registry."""

LOCK = Struct(
    {"generated": _TEXT, "digest": _TEXT, "dependencies": ListOf(_DEPENDENCY)},
    always=frozenset({"generated", "digest", "dependencies"}),
)
"""What stands in Chart.lock."""

V1, V2 = "v1", "v2"

LARGEST = 1 << 20
"""Bytes of the largest document that is parsed; the largest known has a twentieth of it."""

_NEVER = "0001-01-01T00:00:00Z"
# Texts that Helm takes as they are; it tidies all others.
_AS_IS = frozenset(("version", "apiVersion", "type", "annotations", "alias", "import-values"))
_SPACES = frozenset("\t\n\v\f\r\x85")
_UNPRINTABLE = frozenset(("Cc", "Cf", "Cs", "Co"))
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[-+]\d\d:\d\d)", re.ASCII)
_VERSION = re.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_NUMBERS = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}(?![0-9.])")
_LONGEST_VERSION = 256
_ALIAS = re.compile(r"[a-zA-Z0-9_-]+")


def read_document(data: bytes) -> Node:
    """A YAML document of a chart. Raises BadYaml."""
    if len(data) > LARGEST:
        raise BadYaml(f"it is larger than {LARGEST:,} bytes", 1, 1)
    try:
        return load_yaml(data.decode())
    except UnicodeDecodeError as failure:
        raise BadYaml("it is not UTF-8", 1, 1) from failure


def read_lock(document: Node) -> dict[str, Any] | None:
    """What Chart.lock says, None where it is empty and counts for nothing. Raises BadYaml.

    The time is written as Go writes it, without the zeros at the end of a fraction.
    """
    if document.value is None:
        return None
    lock = decode(LOCK, document)
    written = lock.get("generated", _NEVER)
    found = _TIME.fullmatch(written)
    try:
        if found is None:
            raise ValueError(written)
        datetime.fromisoformat(found[1])
    except ValueError as failure:
        raise BadYaml(
            f"`{written}` is no time as RFC 3339 has it", document.line, document.column
        ) from failure
    moment, fraction, zone = found.groups(default="")
    fraction = fraction[:9].rstrip("0")
    zone = "Z" if zone in ("+00:00", "-00:00") else zone
    return {**lock, "generated": moment + (f".{fraction}" if fraction else "") + zone}


def tidied(values: Mapping[str, Any]) -> dict[str, Any]:
    """What Helm makes of the texts in Chart.yaml: every white space is a space, and what cannot be printed is gone."""
    return {key: value if key in _AS_IS else _tidied(value) for key, value in values.items()}


def _tidied(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else "".join(map(_letter, value))
    if isinstance(value, dict):
        return tidied(value)
    return [_tidied(each) for each in value] if isinstance(value, list) else value


def _letter(letter: str) -> str:
    # What a release of Unicode newer than Python's has added counts as printable, so that all Pythons agree.
    category = unicodedata.category(letter)
    if letter in _SPACES or category[0] == "Z":
        return " "
    return "" if category in _UNPRINTABLE else letter


def refusals(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Why Helm loads no chart with this (tidied) metadata: the field, and what is wrong with it."""
    name, version = metadata.get("name", ""), metadata.get("version", "")
    if not name:
        yield "name", "Chart.yaml has no `name`"
    elif name in (".", "..") or "/" in name:
        yield "name", f"`{name}` cannot be the name of a chart"
    if not version:
        yield "version", "Chart.yaml has no `version`"
    elif not is_version(version):
        yield "version", f"`{version}` is no semantic version"
    if metadata.get("type", "") not in ("", "application", "library"):
        yield "type", f"the type `{metadata['type']}` is neither application nor library"
    if None in (metadata.get("maintainers") or ()):
        yield "maintainers", "`maintainers` has an empty entry"
    yield from _dependency_refusals(metadata.get("dependencies") or ())


def _dependency_refusals(dependencies: Iterable[Mapping[str, Any] | None]) -> Iterator[tuple[str, str]]:
    seen = set()
    for each in dependencies:
        if each is None:
            yield "dependencies", "`dependencies` has an empty entry"
            continue
        alias = each.get("alias", "")
        if alias and not _ALIAS.fullmatch(alias):
            yield "dependencies", f"the alias `{alias}` holds more than letters, digits, `_` and `-`"
        key = alias or each.get("name", "")
        if key in seen:
            yield "dependencies", f"two dependencies have the name or alias `{key}`"
        seen.add(key)


def is_version(text: str) -> bool:
    """Whether Helm takes `text` for a version: semantic ones, and looser forms as `v1.2` (Masterminds/semver 3)."""
    found = _VERSION.fullmatch(text)
    if found is None or len(text) > _LONGEST_VERSION:
        return False
    *numbers, pre_release = found.groups(default="")
    zeros = (each for each in pre_release.split(".") if each.isdecimal() and len(each) > 1 and each[0] == "0")
    return all(int(each or 0) < 1 << 64 for each in numbers) and not any(zeros)


def is_strict_version(version: str) -> bool:
    """Whether a version that Helm takes is also one that it finds among tags when it is asked for a range."""
    return _NUMBERS.match(version) is not None
