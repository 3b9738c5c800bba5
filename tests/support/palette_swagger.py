"""Palette's published API description: which operation a request is, and what is wrong with a request or an answer.

Knows documents only, and is stricter than Palette: what the description does not have, must not be sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator, FormatChecker
from jsonschema.protocols import Validator

FILE = Path(__file__).resolve().parents[1] / "data" / "palette" / "swagger.json"
Document = dict[str, Any]
"""What travels as a JSON object."""

METHODS = ("get", "put", "post", "delete")
PLAIN = {
    "boolean": re.compile("true|false"),
    "integer": re.compile("-?[0-9]+"),
    "string": re.compile("(?s).*"),
}
"""How values of these types look in a query."""

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


@dataclass(frozen=True)
class Operation:
    """One operation, and the values that the path of a request has for its parameters."""

    id: str
    parameters: Sequence[Document]
    responses: Mapping[str, Document]
    arguments: Mapping[str, str]


@dataclass(frozen=True)
class Unknown:
    """A path that has no operation with the method; `allowed` are the methods that it has one with."""

    allowed: tuple[str, ...]


def operation(method: str, path: str) -> Operation | Unknown:
    """Find what a request asks for. As Palette does it, which looks among the paths of the method first: that is why
    GET /v1/registries/oci is told that it may DELETE (/v1/registries/{uid})."""
    allowed = []
    for template, item in _paths():
        found = _arguments(template, path)
        if found is not None and method.lower() in item:
            own = item[method.lower()]
            parameters = [*item.get("parameters", ()), *own.get("parameters", ())]
            return Operation(own["operationId"], parameters, own["responses"], found)
        if found is not None:
            allowed += [each.upper() for each in METHODS if each in item]
    return Unknown(tuple(allowed))


def request_problems(asked: Operation, query: str, content_type: str | None, body: bytes) -> list[str]:
    """Say what is wrong with a request; nothing where all is as it is described."""
    by_place = {
        place: [each for each in asked.parameters if each["in"] == place] for place in ("query", "body")
    }
    problems = list(_query_problems({each["name"]: each for each in by_place["query"]}, query))
    if not by_place["body"]:
        return [*problems, "a body, which the operation does not take"] if body else problems
    [parameter] = by_place["body"]
    if not body:
        return [*problems, "no body"] if parameter.get("required") else problems
    if (content_type or "").partition(";")[0].strip() != "application/json":
        problems.append(f"a body of type {content_type}")
    try:
        document = json.loads(body)
    except ValueError:
        return [*problems, "a body that is no JSON"]
    return [*problems, *_schema_problems(parameter["schema"], document, nulls=False)]


def response_problems(asked: Operation, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """Say what is wrong with an answer of the server's own."""
    described = asked.responses.get(str(status)) or (asked.responses["default"] if status >= 400 else None)
    if described is None:
        return [f"status {status}"]
    problems = [f"no header {name}" for name in described.get("headers", ()) if name not in headers]
    if "schema" not in described:
        return [*problems, "a body"] if body else problems
    return [*problems, *_schema_problems(described["schema"], json.loads(body), nulls=True)]


def _query_problems(known: Mapping[str, Document], query: str) -> Iterator[str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, value in pairs:
        if name not in known:
            yield f"query parameter {name}"
        elif not PLAIN[known[name]["type"]].fullmatch(value):
            yield f"query parameter {name}, which is no {known[name]['type']}"
        elif value not in known[name].get("enum", [value]):
            yield f"query parameter {name}, which is none of {known[name]['enum']}"
    if len(pairs) > len(dict(pairs)):
        yield "a query parameter twice"


def _schema_problems(schema: Document, document: Any, *, nulls: bool) -> Iterator[str]:
    judge: Validator = _judge(schema["$ref"], nulls)
    for error in judge.iter_errors(document):
        # No values: there are secrets among them.
        names = error.validator in {"additionalProperties", "required"}
        yield f"{error.json_path}: {error.message if names else f'not as {error.validator} wants it'}"


@cache
def _judge(reference: str, nulls: bool) -> Validator:
    definitions = {name: _strict(each, nulls) for name, each in _description()["definitions"].items()}
    return Draft4Validator({"$ref": reference, "definitions": definitions}, format_checker=_FORMATS)


def _strict(schema: Document, nulls: bool) -> Document:
    """The JSON Schema of a model. With `nulls` what is nested may be null, as in Palette's answers."""
    strict = {name: value for name, value in schema.items() if not name.startswith("x-")}
    if "items" in schema:
        strict["items"] = _strict(schema["items"], nulls)
    if "properties" in schema:
        strict["type"] = "object"  # which the description leaves out here and there
        strict["additionalProperties"] = False
        strict["properties"] = {name: _strict(each, nulls) for name, each in schema["properties"].items()}
    if nulls and strict.get("type") in {"object", "array"}:
        strict["type"] = [strict["type"], "null"]
    return strict


@cache
def _description() -> Document:
    described: Document = json.loads(FILE.read_text(encoding="utf-8"))
    return described


@cache
def _paths() -> list[tuple[tuple[str, ...], Document]]:
    """Every path by its segments; those with the fewest parameters stand first."""
    by_segments = [(tuple(path.split("/")), item) for path, item in _description()["paths"].items()]
    return sorted(by_segments, key=lambda each: sum(segment.startswith("{") for segment in each[0]))


def _arguments(template: Sequence[str], path: str) -> dict[str, str] | None:
    """The values of a path's parameters, decoded; None for another path."""
    segments = path.split("/")
    if len(segments) != len(template):
        return None
    arguments = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{") and given:
            arguments[wanted.strip("{}")] = unquote(given)
        elif wanted != given:
            return None
    return arguments
