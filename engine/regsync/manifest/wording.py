"""Says in words what does not fit a schema, at the most precise position. Knows JSON Schema's rules, no field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regsync.manifest.nodes import Node, did_you_mean, nearest, problem
from regsync.model.diagnostic import Diagnostic

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_FLAWS = {
    "not": "is not possible here",
    "pattern": "is not well formed",
    "uniqueItems": "has an element twice",
    "minimum": "is less than {0}",
    "maximum": "is more than {0}",
    "minLength": "is empty",
    "minItems": "is empty",
    "maxLength": "has more than {0} characters",
    "maxItems": "has more than {0} elements",
    "maxProperties": "has more than {0} entries",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule of the schema that a node breaks: its keyword and value, the subschema around it, the whole schema."""

    node: Node
    path: Sequence[str | int]
    rule: str
    wanted: Any
    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The field as messages name it."""
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"`{steps.removeprefix('.')}`" if steps else "the document"

    @property
    def detail(self) -> str | None:
        """What the field is for, and what a template made of it."""
        description: str | None = self.schema.get("description")
        if self.node.template is None or not isinstance(self.node.value, str | int):
            return description
        return f"`{self.node.template}` renders to `{self.node.value}`. {description or ''}".strip()


def findings(breach: Breach) -> Iterable[Diagnostic]:
    """What to tell of a breach; one breach may be several findings."""
    match breach.rule:
        case "additionalProperties":
            return _unknown(breach)
        case "required" | "dependencies":
            return _missing(breach)
        case "type":
            return [_mistyped(breach)]
        case "oneOf" | "const":
            return [_not_allowed(breach)]
    flaw = _FLAWS[breach.rule].format(breach.wanted)
    return [problem("RS111", breach.node.mark, f"{breach.name} {flaw}", detail=breach.detail)]


def _unknown(breach: Breach) -> Iterable[Diagnostic]:
    known = breach.schema.get("properties", {})
    for key, child in breach.node.fields.items():
        if key not in known:
            advice = _other_types(breach, key) or did_you_mean(key, known)
            yield problem("RS106", child.where, f"unknown field `{key}` in {breach.name}", advice=advice)


def _other_types(breach: Breach, field: str) -> str | None:
    """For a field below spec that this type of registry lacks: which types have it."""
    if "spec" not in breach.path[:1]:
        return None
    types = []
    for fragment in breach.root["definitions"].values():
        found = fragment
        for step in breach.path[1:]:
            found = found.get("properties", {}).get(step, {})
        if "type" in fragment.get("properties", {}) and field in found.get("properties", {}):
            types.append(fragment["properties"]["type"]["const"])
    return f"only registries of type {', '.join(sorted(types))} have it" if types else None


def _missing(breach: Breach) -> Iterable[Diagnostic]:
    fields = breach.node.fields
    if breach.rule == "dependencies":
        for key, needs in breach.wanted.items():
            for need in needs:
                if key in fields and need not in fields:
                    yield problem("RS107", fields[key].where, f"{breach.name} has `{key}` but no `{need}`")
        return
    for key in breach.wanted:
        if key not in fields:
            detail = _description(breach, key)
            yield problem("RS107", breach.node.where, f"{breach.name} lacks `{key}`", detail=detail)


def _description(breach: Breach, field: str) -> str | None:
    """What the schema says of a field, behind its reference."""
    found = breach.schema.get("properties", {}).get(field, {})
    if reference := found.get("$ref"):
        found = breach.root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    description: str | None = found.get("description")
    return description


def _mistyped(breach: Breach) -> Diagnostic:
    node, name = breach.node, breach.name
    types = [breach.wanted] if isinstance(breach.wanted, str) else breach.wanted
    if breach.schema.get("writeOnly"):
        reference = "write a reference: `{env: NAME}` for a variable, `{file: PATH}` for a file"
        summary = f"{name} holds a secret, not a reference to one"
        return problem("RS115", node.where, summary, advice=reference)
    if "string" in types and node.written is not None and node.value is not None:
        summary = f"{name} is text, but YAML does not read `{node.written}` as text"
        quoted = f'quote it: "{node.written}"'
        return problem("RS109", node.mark, summary, detail=breach.detail, advice=quoted)
    wanted = " or ".join(_TYPES[each] for each in types)
    summary = f"{name} must be {wanted}, not {f'`{node.written}`' if node.written else _type(node)}"
    mark = node.where if node.value is None else node.mark
    advice = None
    if isinstance(node.value, str) and types == ["boolean"]:
        advice = "write `true` or `false`"
    elif isinstance(node.value, str) and types == ["integer"] and node.value.isdecimal():
        advice = "leave the quotes out"
    elif (
        isinstance(node.value, str) and types == ["array"] and breach.schema["items"].get("type") == "string"
    ):
        written = node.template or node.value
        advice = f"write `[{written if _PLAIN.fullmatch(written) else json.dumps(written)}]`"
    return problem("RS108", mark, summary, detail=breach.detail, advice=advice)


def _type(node: Node) -> str:
    match node.value:
        case None:
            return "empty"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return f"`{node.value}`"


def _not_allowed(breach: Breach) -> Diagnostic:
    node, name = breach.node, breach.name
    if breach.rule == "const":
        summary = f"{name} must be `{json.dumps(breach.wanted).strip(chr(34))}`"
        return problem("RS110", node.mark, summary, detail=breach.detail)
    if "const" not in breach.wanted[0]:
        names = ", ".join(each["required"][0] for each in breach.wanted)
        summary = f"{name} needs exactly one of {names}"
        return problem("RS107", node.where, summary, detail=breach.detail)
    allowed = [each["const"] for each in breach.wanted]
    written = node.value if isinstance(node.value, str) else node.written or _type(node)
    match = nearest(str(written), allowed)
    summary = f"{name} is `{written}`, which is none of {', '.join(allowed)}"
    advice = f"did you mean `{match}`?" if match else None
    return problem("RS110", node.mark, summary, detail=breach.detail, advice=advice)
