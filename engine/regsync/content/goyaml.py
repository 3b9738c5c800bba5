"""YAML as Helm reads and writes it: by go-yaml 2, which resolves scalars as YAML 1.1 does, on its way to JSON and back.

Knows the values and where they stand; nothing of what they mean.
"""

from __future__ import annotations

import base64
import io
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from regsync.content.yamltree import BadYaml, built

MAX_DEPTH = 100
"""Lists and mappings within each other. Helm goes further; no chart does."""

MAX_MERGED = 100_000
"""Entries that merge keys may copy in one document: what aliases can multiply without end."""

Scalar: TypeAlias = "str | int | float | bool | None"

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}(?:-[0-9]{1,2}){2}(?:[Tt][0-9]{1,2}(?::[0-9]{1,2}){2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}(?::[0-9]{1,2}){2}(?:\.[0-9]+)?)?"
)
# Like hours and minutes: YAML 1.1 has numbers to the base of 60, which go-yaml does not read but quotes all the same.
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


@dataclass(slots=True)
class Node:
    """A value, and where it begins; `written` is the text of a scalar that stands there without quotes."""

    value: Scalar | list[Node] | dict[str, Node]
    line: int = 1
    column: int = 1
    written: str | None = None


def load_yaml(text: str) -> Node:
    """The first document in `text`, null where there is none. What follows it is not read.

    As for go-yaml, the last of equal keys counts and merge keys overwrite what stands before them. Raises BadYaml.
    """
    return built(text, _first_document)


def dump_yaml(document: object) -> bytes:
    """`document` (mappings, lists, strings, numbers, truth values) as go-yaml writes it: keys sorted, texts in literal
    style where they have several lines and in quotes where they would be read as something else.

    The bytes are the same but for the order of keys that differ in a number: go-yaml sorts those by its value.
    """
    stream = io.BytesIO()
    whole = (
        StreamStartEvent(encoding="utf-8"),
        DocumentStartEvent(explicit=False),
        *_events(document),
        DocumentEndEvent(explicit=False),
        StreamEndEvent(),
    )
    yaml = YAML(typ="safe")
    yaml.allow_unicode = True
    yaml.emit(whole, stream)
    return stream.getvalue()


def resolve(text: str) -> Scalar:
    """What a scalar without quotes stands for. Timestamps stay texts, as where Helm reads them."""
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] not in _NUMBER_STARTS:
        return text
    digits = text if text[0] == "." else text.replace("_", "")
    if found := _INTEGER.fullmatch(digits):
        value = next(int(found[name], base) for name, base in _BASES.items() if found[name])
        value = -value if found["sign"] == "-" else value
        if -(1 << 63) <= value < 1 << 64:
            return value
    if _FLOAT.fullmatch(digits) and math.isfinite(number := float(digits)):
        return number
    return text


def as_text(value: str | float | bool) -> str:
    """What becomes of a value where Helm wants a text (sigs.k8s.io/yaml, strconv.FormatFloat)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _float_text(value) if isinstance(value, float) else str(value)


def _float_text(value: float) -> str:
    """The shortest digits that lead back to the same number of 32 bits; with an exponent from a million on and below a
    ten-thousandth."""
    single = _single(value)
    if not math.isfinite(single):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(single, "NaN")
    rounded = (f"{single:.{digits}e}" for digits in range(9))
    shortest = next(each for each in rounded if _single(float(each)) == single)
    return f"{Decimal(shortest):f}" if -4 <= int(shortest.partition("e")[2]) < 6 else shortest


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _events(value: object) -> Iterator[Event]:
    if isinstance(value, dict):
        yield MappingStartEvent(None, None, True, flow_style=False)
        for key in sorted(value):
            yield from _events(key)
            yield from _events(value[key])
        yield MappingEndEvent()
    elif isinstance(value, list):
        yield SequenceStartEvent(None, None, True, flow_style=False)
        for each in value:
            yield from _events(each)
        yield SequenceEndEvent()
    elif isinstance(value, str):
        plain = isinstance(resolve(value), str) and not (
            _BASE_60.fullmatch(value) or _TIMESTAMP.fullmatch(value)
        )
        style = "|" if "\n" in value else "" if plain else '"'
        yield ScalarEvent(None, None, (True, True), value, style=style)
    else:
        text = "null" if value is None else as_text(value)  # type: ignore[arg-type]  # all that JSON has besides
        yield ScalarEvent(None, None, (True, True), text, style="")


def _first_document(events: Iterator[Event]) -> Node:
    builder = _Builder()
    for event in events:
        if isinstance(event, DocumentEndEvent):
            break
        builder.take(event)
    return builder.document


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet: its items, of a mapping keys and values in turn."""

    node: Node
    is_mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)


class _Builder:
    def __init__(self) -> None:
        self.document = Node(None)
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._merged = 0

    def take(self, event: Event) -> None:
        if isinstance(event, ScalarEvent):
            self._put(_scalar(event), event.anchor)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._open.append(_Open(_at(None, event), isinstance(event, MappingStartEvent), event.anchor))
            if len(self._open) > MAX_DEPTH:
                raise _bad("too many lists and mappings lie in one another", self._open[-1].node)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            done = self._open.pop()
            done.node.value = self._mapping(done.items) if done.is_mapping else done.items
            self._put(done.node, done.anchor)
        elif isinstance(event, AliasEvent):
            here = _at(None, event)
            if event.anchor not in self._anchors:
                raise _bad(f"the alias *{event.anchor} is not defined before", here)
            there = self._anchors[event.anchor]
            self._put(Node(there.value, here.line, here.column, there.written), None)

    def _put(self, node: Node, anchor: str | None) -> None:
        """Give a finished node to what it stands in."""
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].items.append(node)
        else:
            self.document = node

    def _mapping(self, items: list[Node]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in zip(items[::2], items[1::2], strict=True):
            if key.written == "<<":
                for source in reversed(value.value) if isinstance(value.value, list) else (value,):
                    if not isinstance(source.value, dict):
                        raise _bad("a merge key wants a mapping", value)
                    found |= source.value
                    self._merged += len(source.value)
                    if self._merged > MAX_MERGED:
                        raise _bad("aliases and merge keys make it too large", value)
                continue
            if isinstance(key.value, list | dict) or key.value is None:
                raise _bad("a key is no text", key)
            found[as_text(key.value)] = value
        return found


def _scalar(event: ScalarEvent) -> Node:
    tag, text = event.tag, event.value
    if tag == f"{_TAG}binary":
        node = _at(None, event)
        try:
            node.value = base64.b64decode(text, validate=True).decode("utf-8", "replace")
        except ValueError as failure:
            raise _bad("is no base64", node) from failure
        return node
    if tag is None and event.style:
        return _at(text, event)
    node = _at(
        resolve(text) if tag is None or (tag.startswith(_TAG) and tag != f"{_TAG}str") else text, event
    )
    node.written = text if tag is None else None
    if isinstance(node.value, float) and not math.isfinite(node.value):
        raise _bad(f"{text} is no number in JSON", node)
    return node


def _at(value: Scalar, event: Event) -> Node:
    return Node(value, event.start_mark.line + 1, event.start_mark.column + 1)


def _bad(reason: str, node: Node) -> BadYaml:
    return BadYaml(reason, node.line, node.column)
