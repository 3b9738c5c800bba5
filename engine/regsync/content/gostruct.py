"""YAML into the structs of a Go program and back to JSON, as sigs.k8s.io/yaml and encoding/json do it.

Knows types and what is made of values that have another one; knows no document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from regsync.content.goyaml import Node, as_text
from regsync.content.yamltree import BadYaml


class Plain(Enum):
    """Types without parts; TEXTS maps texts to texts, ANY is what stands there."""

    TEXT = "text"
    TRUTH = "true or false"
    TEXTS = "mapping of texts"
    ANY = "anything"


@dataclass(frozen=True, slots=True)
class ListOf:
    of: Type


@dataclass(frozen=True, slots=True)
class Struct:
    """Fields in the order in which Go writes them; those in `always` are written even when they are empty."""

    fields: Mapping[str, Type]
    always: frozenset[str] = frozenset()

    def field(self, key: str) -> str | None:
        """The field that a key means: encoding/json does not tell capitals apart."""
        if key in self.fields:
            return key
        return next((each for each in self.fields if each.lower() == key.lower()), None)


Type: TypeAlias = "Plain | ListOf | Struct"

MOST_VALUES = 10_000
"""Values in a field that may hold anything: what aliases can multiply without end."""


def decode(kind: Struct, document: Node, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields that a document sets, over those that were set `before`; fields that nothing sets are missing.

    Keys that are no field are ignored. Raises BadYaml for a value that Go refuses, naming the field.
    """
    if document.value is None:
        return dict(before or {})
    if not isinstance(document.value, dict):
        raise _wrong(document, "it", "a mapping")
    return _struct(kind, document.value, before)


def encode(kind: Type, value: Any) -> Any:
    """What Go's JSON has for a decoded value; None stands for a field that nothing set."""
    if isinstance(kind, Struct):
        fields = value or {}
        return {
            name: encode(of, fields.get(name))
            for name, of in kind.fields.items()
            if name in kind.always or fields.get(name)
        }
    if isinstance(kind, ListOf):
        return None if value is None else [encode(kind.of, each) for each in value]
    if isinstance(value, dict):
        return {key: encode(Plain.ANY, value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [encode(Plain.ANY, each) for each in value]
    return "" if value is None and kind is Plain.TEXT else value


def _struct(kind: Struct, members: Mapping[str, Node], before: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(before or {})
    for key in sorted(members):
        if name := kind.field(key):
            found[name] = _value(kind.fields[name], members[key], found.get(name), f"`{name}`")
    return found


def _value(kind: Type, node: Node, before: Any, name: str) -> Any:
    value = node.value
    if value is None:  # leaves a text as it is, and takes all else away
        return (before or "") if kind is Plain.TEXT else before if kind is Plain.TRUTH else None
    if isinstance(kind, Struct):
        if isinstance(value, dict):
            return _struct(kind, value, before)
        raise _wrong(node, name, "a mapping")
    if isinstance(kind, ListOf):
        if not isinstance(value, list):
            raise _wrong(node, name, "a list")
        # Go decodes into the entries that were there before.
        old = [*(before or ()), *[None] * len(value)]
        return [_value(kind.of, each, old[index], f"an entry of {name}") for index, each in enumerate(value)]
    if kind is Plain.TEXTS:
        if not isinstance(value, dict):
            raise _wrong(node, name, "a mapping")
        texts = {key: _value(Plain.TEXT, each, "", f"`{key}` in {name}") for key, each in value.items()}
        return {**(before or {}), **texts}
    if kind is Plain.ANY:
        return _anything(node, [MOST_VALUES])
    if kind is Plain.TRUTH:
        if isinstance(value, bool):
            return value
        raise _wrong(node, name, "true or false")
    if isinstance(value, list | dict):
        raise _wrong(node, name, "a text")
    return value if isinstance(value, str) else as_text(value)


def _anything(node: Node, left: list[int]) -> Any:
    """The value itself; a number is one of 64 bits."""
    left[0] -= 1
    if left[0] < 0:
        raise BadYaml("aliases make it too large", node.line, node.column)
    value = node.value
    if isinstance(value, dict):
        return {key: _anything(each, left) for key, each in value.items()}
    if isinstance(value, list):
        return [_anything(each, left) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if float(value).is_integer() else float(value)
    return value


def _wrong(node: Node, name: str, wanted: str) -> BadYaml:
    return BadYaml(f"{name} is not {wanted}", node.line, node.column)
