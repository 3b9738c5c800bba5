"""Writes the description of every JSON document that regsync writes, from their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("plan", "outcome", "diagnostics", "since", "events")
INTRODUCTION = """\
# JSON that regsync writes

*This page is written by `tools/pages.py` from the schemas in `schemas/`; `regsync schema NAME` prints one.*

| document | where it comes from |
|---|---|
| [plan](#plan) | `plan --out FILE`, `show --json`, and `--report json=PATH` of `plan` and `show` |
| [outcome](#outcome) | `--report json=PATH` of `apply`, however it ended |
| [diagnostics](#diagnostics) | `validate --format json`, and `--report json=PATH` of `validate` and where no plan could be made |
| [since](#since) | `show NEW --compare OLD --json` |
| [events](#events) | `--json`: a record a line while the run goes on, also for usage errors |

Keys are added within a major version and never change their meaning: ignore those that you do not know. In the tables
`[]` stands for each element of a list, `.*` for each value of an object with free keys.
"""

Schema = dict[str, Any]


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION, *(line for name in DOCUMENTS for line in document(name))])


def document(name: str) -> Iterator[str]:
    """Yield the lines of the section of one document."""
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    yield from (f"## {name}", "", schema["description"], "")
    yield from table(name, schema)
    for each in schema.get("oneOf", ()):
        kind = each["properties"]["type"]
        words = " · ".join(f"`{word}`" for word in kind.get("enum", [kind.get("const")]))
        yield from (f"### {words}", "", each["description"], "")
        rest = {key: value for key, value in each["properties"].items() if key != "type"}
        yield from table(name, {**each, "properties": rest})
    for key, each in schema.get("definitions", {}).items():
        yield from (f"### {key} (in {name})", "", meaning(each), "")
        if "properties" in each:
            yield from table(name, each)


def table(name: str, schema: Schema) -> Iterator[str]:
    """Yield a table of the fields of a schema and of all that lies in them."""
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for path, field, is_required in fields(schema):
        told = meaning(field) + ("" if is_required else " Not always there.")
        yield f"| `{path}` | {kind(name, field)} | {told} |"
    yield ""


def meaning(schema: Schema) -> str:
    """Return what a schema says of its values."""
    words = ", ".join(f"`{word}`" for word in schema.get("enum", ()))
    text = " ".join(filter(None, [schema.get("description"), words and f"One of {words}."]))
    return text.replace("|", "\\|")


def fields(schema: Schema, prefix: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Yield the path of every field in a schema, the field, and whether it is always there."""
    for key, field in schema.get("properties", {}).items():
        path = f"{prefix}{key}"
        yield path, field, key in schema.get("required", ())
        yield from inner(field, path)


def inner(schema: Schema, path: str) -> Iterator[tuple[str, Schema, bool]]:
    """Yield the fields of what a field holds."""
    if "items" in schema:
        yield from inner(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}.*", schema["additionalProperties"], True
    for each in schema.get("oneOf", ()):
        yield from inner(each, path)
    yield from fields(schema, f"{path}.")


def kind(name: str, schema: Schema) -> str:
    """Return what a field may hold, in words."""
    if "$ref" in schema:
        definition = schema["$ref"].rpartition("/")[2]
        return f"[{definition}](#{definition}-in-{name})"
    if "oneOf" in schema:
        return " or ".join(kind(name, each) for each in schema["oneOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    types = schema.get("type", "string")
    if types == "array" and "items" in schema:
        return f"list of {kind(name, schema['items'])}"
    return types if isinstance(types, str) else " or ".join(types)
