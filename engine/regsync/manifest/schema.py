"""Holds documents against their JSON Schemas (draft-07). Knows neither what a field means nor how a finding reads.

The schemas refer to each other by file name, for editors. `schema_text` and validation use one self-contained
document per kind, in which every file that is referred to is a definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regsync
from regsync.manifest.nodes import Node, Unknown, did_you_mean, nearest
from regsync.manifest.wording import Breach, findings
from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import UsageError

if TYPE_CHECKING:
    from jsonschema import Draft7Validator, ValidationError

KINDS = ("Registry", "ContentSet", "Palette")

_REFERENCE = re.compile(r'("\$ref": ")(?:\.\./|registries/)?([a-z-]+)\.schema\.json(?:#([^"]*))?"')
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def kinds() -> tuple[str, ...]:
    """The names that `schema_text` knows: kinds of manifests in lower case, and formats of output."""
    names = {each.name.removesuffix(".schema.json") for each in _folder().glob("*.schema.json")}
    return tuple(sorted(names - {"common"}))


def schema_text(kind: str) -> str:
    """The schema as JSON, with nothing outside itself. Raises UsageError for an unknown kind."""
    name = kind.lower()
    if name not in kinds():
        raise UsageError(f"no schema for `{kind}`", hint=did_you_mean(name, kinds()))
    return json.dumps(_bundle(name), indent=2, ensure_ascii=False) + "\n"


def _folder() -> Path:
    package = Path(regsync.__file__).parent
    packaged = package / "_schemas"  # in a wheel; in a checkout they stand beside the source root
    return packaged if packaged.is_dir() else package.parent.parent / "schemas"


@cache
def _bundle(name: str) -> dict[str, Any]:
    """A schema in which the files that it refers to stand as definitions."""
    files: dict[str, dict[str, Any]] = {}
    pending = [name]
    while pending:
        each = pending.pop()
        if each not in files:
            text = _file(each).read_text(encoding="utf-8")
            files[each] = json.loads(_REFERENCE.sub(r'\1#/definitions/\2\3"', text))
            pending += [match[2] for match in _REFERENCE.finditer(text)]
    schema = files.pop(name)
    for each_file in files.values():
        del each_file["$schema"], each_file["$id"]
    return {**schema, "definitions": {**schema.get("definitions", {}), **files}}


def _file(name: str) -> Path:
    path = _folder() / f"{name}.schema.json"
    return path if path.exists() else _folder() / "registries" / path.name


@dataclass(frozen=True, slots=True)
class _Error:
    """A rule that the value at `path` breaks: its keyword, what it asks for, and the schema that has it."""

    path: tuple[str | int, ...]
    rule: str
    wanted: Any
    schema: Mapping[str, Any]
    value: Any

    @property
    def unknown_fields(self) -> list[str]:
        """The fields that a mapping must not have."""
        if self.rule != "additionalProperties":
            return []
        return [each for each in self.value if each not in self.schema["properties"]]

    @property
    def lost_fields(self) -> list[str]:
        """The fields that a mapping needs but lacks, and those that were probably meant by unknown ones."""
        if self.rule == "required":
            return list(self.wanted)
        if self.rule == "dependencies":
            return [need for field, needs in self.wanted.items() if field in self.value for need in needs]
        close = (nearest(each, self.schema["properties"]) for each in self.unknown_fields)
        return [field for field in close if field]


def conform(document: Node, kind: str, problems: list[Diagnostic]) -> Node:
    """The document in the types that its kind's schema asks for. What does not fit becomes a finding and unknown, so
    that the rest can be judged and nothing follows from it.

    Only what a template rendered is converted: the field decides what `"5"` or `1` from a variable means.
    """
    from jsonschema import Draft7Validator, validators  # noqa: PLC0415 - 60 ms, and `regsync explain` needs none of it

    schema = _bundle(kind.lower())
    validator = validators.extend(Draft7Validator, {"pattern": _pattern})(schema)  # type: ignore[no-untyped-call]
    errors = _errors(validator, document.data())
    converted = document
    for error in errors:
        node = document.at(error.path)
        if error.rule == "type" and node.template is not None:
            converted = converted.with_value(error.path, _converted(node.value, error.wanted))
    if converted is not document:
        errors = _errors(validator, converted.data())
    # A field that is misspelt is not missing as well.
    document = _without(converted, [error for error in errors if error.unknown_fields])
    found: dict[Diagnostic, None] = {}
    for error in errors:
        node = document.at(error.path)
        if not isinstance(node.value, Unknown) and not _follows(error, errors):
            breach = Breach(node, error.path, error.rule, error.wanted, error.schema, schema)
            found |= dict.fromkeys(findings(breach))
    problems.extend(found)
    return _without(document, errors)


def _pattern(_validator: object, pattern: str, text: object, _schema: object) -> Iterator[ValidationError]:
    """Hold a text against a pattern that speaks of all of it, as every one of ours does: JSON Schema's `$` is the end
    of the text, but that of Python lets a line break follow."""
    from jsonschema import ValidationError  # noqa: PLC0415 - see `conform`

    if isinstance(text, str) and not re.fullmatch(pattern, text):
        yield ValidationError(f"it does not match {pattern}")


def _errors(validator: Draft7Validator, data: Any) -> list[_Error]:
    """Everything that breaks the schema. `data` is changed: a word that is none of those allowed, or missing, gives
    way to the one that was probably meant, since `type` and `method` decide by which fields the rest is judged."""
    errors = _all_errors(validator, data)
    for error in errors:
        if choice := _choice(error, data):
            mapping, field, words = choice
            misfits: dict[str, tuple[int, int]] = {}
            for word in words:
                mapping[field] = word
                left = _all_errors(validator, data)
                misfits[word] = sum(len(each.unknown_fields) for each in left), len(left)
            mapping[field] = min(misfits, key=misfits.__getitem__)
            return [error, *_errors(validator, data)]
    return errors


def _all_errors(validator: Draft7Validator, data: Any) -> list[_Error]:
    found: Iterator[Any] = validator.iter_errors(data)
    return [
        _Error(tuple(each.absolute_path), each.validator, each.validator_value, each.schema, each.instance)
        for each in found
    ]


def _choice(error: _Error, data: Any) -> tuple[dict[str, Any], str, list[str]] | None:
    """The mapping and the field that should hold one of a few words but does not, and which of them it may be."""
    if error.rule == "oneOf" and (words := _words(error.schema)):
        *above, field = error.path
        near = nearest(error.value, words) if isinstance(error.value, str) else None
        return reduce(getitem, above, data), str(field), [near] if near else words
    if error.rule == "required":
        for field in error.wanted:
            if field not in error.value and (words := _words(error.schema["properties"].get(field, {}))):
                return error.value, field, words
    return None


def _words(schema: Mapping[str, Any]) -> list[str]:
    """The words that a field may hold, where it takes one of a few."""
    return [each["const"] for each in schema.get("oneOf", []) if "const" in each]


def _without(document: Node, errors: Sequence[_Error]) -> Node:
    """The document in which everything that the errors are about is unknown."""
    # Parts before their wholes: below what is unknown is nothing.
    for error in sorted(errors, key=lambda each: -len(each.path)):
        node = document.at(error.path)
        if error.rule in ("additionalProperties", "required", "dependencies"):
            for field in [*filter(node.lacks, error.lost_fields), *error.unknown_fields]:
                document = document.with_value([*error.path, field], Unknown())
        else:
            meant = nearest(node.value, _words(error.schema)) if isinstance(node.value, str) else None
            document = document.with_value(error.path, Unknown(meant))
    return document


def _follows(error: _Error, errors: Sequence[_Error]) -> bool:
    """Whether an error says no more than another one: what a value of the wrong type breaks besides, and which
    fields a mapping lacks in which something is misspelt."""
    if error.rule == "oneOf":
        depth = len(error.path)
        return any(each.rule != "oneOf" and each.path[:depth] == error.path for each in errors)
    return error.rule != "type" and any(each.rule == "type" and each.path == error.path for each in errors)


def _converted(value: Any, wanted: str | Sequence[str]) -> Any:
    if isinstance(value, str) and "integer" in wanted and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and "boolean" in wanted and value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool | int) and "string" in wanted:
        return str(value).lower()
    return value
