"""Holds documents against their JSON Schemas (draft-07). Knows neither what a field means nor how a finding reads.

The schemas refer to each other by file name, for editors. `schema_text` and validation use one self-contained
document per kind, in which every file that is referred to is a definition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regsync
from regsync.manifest.nodes import Node, Unrendered, did_you_mean
from regsync.manifest.wording import Breach, findings
from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import UsageError

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

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


def conform(document: Node, kind: str, problems: list[Diagnostic]) -> Node:
    """The document in the types that its kind's schema asks for; what does not fit becomes a finding.

    Only what a template rendered is converted: the field decides what `"5"` or `1` from a variable means.
    """
    from jsonschema import Draft7Validator  # noqa: PLC0415 - 60 ms, and `regsync explain` needs none of it

    schema = _bundle(kind.lower())
    validator = Draft7Validator(schema)
    errors = list(validator.iter_errors(document.data()))
    converted = document
    for error in errors:
        node = document.at(error.absolute_path)
        if error.validator == "type" and node.template is not None:
            value = _converted(node.value, error.validator_value)
            converted = converted.with_value(list(error.absolute_path), value)
    if converted is not document:
        errors = list(validator.iter_errors(converted.data()))
    found: dict[Diagnostic, None] = {}
    for error in errors:
        path = tuple(error.absolute_path)
        node = converted.at(path)
        if not isinstance(node.value, Unrendered) and not _follows(error, errors):
            breach = Breach(node, path, str(error.validator), error.validator_value, error.schema, schema)
            found |= dict.fromkeys(findings(breach))
    problems.extend(found)
    return converted


def _follows(error: ValidationError, errors: Sequence[ValidationError]) -> bool:
    """Whether an error says no more than another one: what a value of the wrong type breaks besides, and which
    fields a mapping lacks in which something is misspelt."""
    path = list(error.absolute_path)
    if error.validator == "oneOf":
        return any(
            each.validator != "oneOf" and list(each.absolute_path)[: len(path)] == path for each in errors
        )
    return error.validator != "type" and any(
        each.validator == "type" and list(each.absolute_path) == path for each in errors
    )


def _converted(value: Any, wanted: str | Sequence[str]) -> Any:
    if isinstance(value, str) and "integer" in wanted and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and "boolean" in wanted and value in ("true", "false"):
        return value == "true"
    if isinstance(value, bool | int) and "string" in wanted:
        return str(value).lower()
    return value
