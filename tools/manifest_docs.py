"""Writes the reference of manifests in Markdown, from the schemas that regsync and editors share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.markdown import anchored, cell, prose

Schema = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
FILES: dict[str, Schema] = {
    each.name: json.loads(each.read_text(encoding="utf-8")) for each in sorted(SCHEMAS.rglob("*.json"))
}
TYPES = ("basic", "harbor", "acr", "ecr", "ecr-public", "layout")
SHARED = {"secret": "secret", "textOrSecret": "text or secret"}
"""Definitions that many fields refer to: described once, by this title."""
INTRODUCTION = """\
# Manifest reference

A manifest is YAML 1.2: several documents to a file, any number of files and folders. There are three kinds,
[Registry](#registry), [ContentSet](#contentset) and [Palette](#palette). An unknown field is an error. `regsync schema`
prints the same as JSON Schema; the first line `# yaml-language-server: $schema=…` lets editors complete by it.

In the tables `[]` stands for each element of a list and `*` for a key that you choose. **Bold** fields are required.
Paths and globs are relative to the file that they stand in.
"""


@dataclass(frozen=True)
class Row:
    """A field as the table shows it. `when` is what must be written beside it for the field to count."""

    path: str
    kind: str
    default: str
    meaning: str
    required: bool
    when: str


def page() -> str:
    """Return the whole page."""
    return "\n".join(
        [INTRODUCTION, *_registry(), *_document("contentset"), *_document("palette"), *_shared()]
    )


def _registry() -> Iterator[str]:
    schema = FILES["registry.schema.json"]
    yield from _heading(schema)
    yield from _table([row for row in _rows(schema, "") if not row.path.startswith("spec.")])
    specs = {each: FILES[f"{each}.schema.json"] for each in TYPES}
    general: Schema = schema["properties"]["spec"]["properties"]
    for name in dict.fromkeys(key for spec in specs.values() for key in spec["properties"]):
        yield from anchored(f"spec-{name}", f"### spec.{name}")
        forms: dict[tuple[Row, ...], list[str]] = {}
        for type_, spec in specs.items():
            if name in spec["properties"]:
                forms.setdefault(tuple(_spec_rows(spec, name, general)), []).append(type_)
        holders = {each for types in forms.values() for each in types}
        for rows, types in forms.items():
            if len(forms) > 1 or holders != set(TYPES):
                yield from (f"Types: {', '.join(f'`{each}`' for each in types)}", "")
            yield from _table(rows)


def _spec_rows(spec: Schema, name: str, general: Schema) -> Iterator[Row]:
    field = general.get(name, spec["properties"][name])
    required = (
        name in spec["required"] or name in FILES["registry.schema.json"]["properties"]["spec"]["required"]
    )
    yield from _field(f"spec.{name}", field, "", required=required)
    for when, then in _conditions(FILES["common.schema.json"]["definitions"]["providerRules"]):
        stricter = then.get("properties", {}).get(name, {})
        if "description" in stricter:
            kept = {key: value for key, value in _resolved(field).items() if key == "type"}
            yield _row(f"spec.{name}", {**kept, **stricter}, when, required=name in then.get("required", ()))


def _document(name: str) -> Iterator[str]:
    schema = FILES[f"{name}.schema.json"]
    yield from _heading(schema)
    yield from _table(list(_rows(schema, "")))


def _heading(schema: Schema) -> Iterator[str]:
    kind = schema["properties"]["kind"]["const"]
    yield from (f"## {kind}", "", prose(schema["description"]), "")
    for example in schema["examples"]:
        yield from ("```yaml", *_yaml(example), "```", "")


def _shared() -> Iterator[str]:
    for name, title in SHARED.items():
        schema = FILES["common.schema.json"]["definitions"][name]
        yield from (f"## {title.capitalize()}", "", schema["description"], "")
        if rows := list(_rows(schema, "")):
            yield from _table(rows)
        yield from ("Example: " + " or ".join(f"`{_inline(each)}`" for each in schema["examples"]), "")


def _table(rows: list[Row] | tuple[Row, ...]) -> Iterator[str]:
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for row in rows:
        name = f"**`{row.path}`**" if row.required else f"`{row.path}`"
        when = f"<br>with {row.when}" if row.when else ""
        yield f"| {name}{when} | {row.kind} | {row.default} | {row.meaning} |"
    yield ""


def _rows(schema: Schema, prefix: str, when: str = "", words: tuple[str, ...] = ()) -> Iterator[Row]:
    """Yield the fields of a mapping and all that lies in them. `words` are those that its `method` may hold: of the rules
    that several kinds of logins share, only theirs count."""
    fields: Schema = schema.get("properties", {})
    for name, field in fields.items():
        if field is not True and "not" not in field:
            yield from _field(f"{prefix}{name}", field, when, required=name in schema.get("required", ()))
    words = words or _words(fields.get("method", {}))
    for condition, then in _conditions(schema):
        is_other = condition.startswith("`method: ") and condition[9:-1] not in words
        if not is_other and prefix != "spec.":
            yield from _rows(then, prefix, condition, words)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        yield from _field(f"{prefix}*", extra, when, required=False)


def _field(path: str, written: Schema, when: str, *, required: bool) -> Iterator[Row]:
    yield _row(path, written, when, required=required)
    if _definition(written) in SHARED:
        return
    schema = _resolved(written)
    if "items" in schema and (items := _resolved(schema["items"])).get("properties"):
        yield from _rows(items, f"{path}[].")
    if "then" in schema:  # of what may be a text or a mapping, the mapping
        yield from _rows(_resolved(schema["then"]), f"{path}.")
    yield from _rows(schema, f"{path}.")


def _row(path: str, written: Schema, when: str, *, required: bool) -> Row:
    schema = _resolved(written)
    default = f"`{json.dumps(schema['default']).strip(chr(34))}`" if "default" in schema else ""
    # Of what is described once, the examples are there, too: here they would fit some fields only.
    told = {"description": schema["description"]} if _definition(written) in SHARED else schema
    return Row(path, _kind(written), default, _meaning(told), required, when)


def _kind(written: Schema) -> str:
    if shared := SHARED.get(_definition(written)):
        return f"[{shared}](#{shared.replace(' ', '-')})"
    schema = _resolved(written)
    if "const" in schema:
        return f"`{json.dumps(schema['const']).strip(chr(34))}`"
    if "oneOf" in schema and _words(schema):
        return "word"
    types = schema.get("type", "object")
    names = {
        "object": "mapping",
        "array": "list",
        "integer": "whole number",
        "string": "text",
        "boolean": "true or false",
    }
    return " or ".join(names[each] for each in ([types] if isinstance(types, str) else types))


def _meaning(schema: Schema) -> str:
    parts = [prose(schema.get("description", ""))]
    parts += [
        f"`{each['const']}`: {prose(each['description'])}"
        for each in schema.get("oneOf", ())
        if "const" in each
    ]
    if "minimum" in schema and "maximum" in schema:
        parts.append(f"{schema['minimum']} to {schema['maximum']}.")
    if examples := schema.get("examples"):
        parts.append("Example: " + " or ".join(f"`{_inline(each)}`" for each in examples))
    return cell("<br>".join(filter(None, parts)))


def _conditions(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the rules of a schema that depend on what is written: when, and the schema that holds then."""
    for each in schema.get("allOf", ()):
        rule = _resolved(each)
        if "then" in rule:
            fields = rule["if"]["properties"].items()
            when = ", ".join(
                f"`{name}: {json.dumps(field['const']).strip(chr(34))}`" for name, field in fields
            )
            yield when, _resolved(rule["then"])
        else:
            yield from _conditions(rule)


def _words(schema: Schema) -> tuple[str, ...]:
    return tuple(str(each["const"]) for each in schema.get("oneOf", ()) if "const" in each)


def _definition(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        schema = FILES[file.rpartition("/")[2]]
        for part in filter(None, pointer.split("/")):
            schema = schema[part]
    return schema


def _inline(value: object) -> str:
    """Return a value as it would stand in one line of YAML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_inline(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(_inline(each) for each in value) + "]"
        case str() if any(mark in value for mark in "*{}:~>#") or value[:1].isdigit():
            return json.dumps(value)
        case str():
            return value
    return json.dumps(value)


def _yaml(value: Schema, indent: str = "") -> Iterator[str]:
    """Yield a document as YAML in block style, its deeper parts in one line."""
    for key, each in value.items():
        if isinstance(each, dict) and len(_inline(each)) > 60:
            yield f"{indent}{key}:"
            yield from _yaml(each, indent + "  ")
        else:
            yield f"{indent}{key}: {_inline(each)}"
