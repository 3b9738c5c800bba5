from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from regsync.manifest.load import Variables, load
from regsync.manifest.schema import KINDS, kinds, schema_text
from regsync.manifest.wording import Breach, findings
from regsync.model.errors import UsageError
from regsync.model.registry import RegistryType
from tests.manifest.desk import DATA, parse

ROOT = Path(__file__).parents[2]
FILES = [
    *(ROOT / f"schemas/{name.lower()}.schema.json" for name in ("common", "manifest", *KINDS)),
    *sorted((ROOT / "schemas/registries").iterdir()),
]
MANIFEST = json.loads(schema_text("manifest"))
EXAMPLES = sorted((ROOT / "examples" / "registries").glob("*.yaml"))
VALID = sorted((DATA / "valid").glob("*.yaml"))
# Keywords that hold schemas or texts; all others are rules that a value can break.
STRUCTURE = {"$ref", "$schema", "$id", "title", "description", "default", "examples", "writeOnly"} | {
    "properties", "definitions", "items", "allOf", "if", "then", "else"
}  # fmt: skip


def subschemas(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """A schema and all within, each with the name of the field or definition that it is of."""
    if not isinstance(schema, dict):
        return
    yield name, schema
    for keyword in ("properties", "definitions"):
        for key, each in schema.get(keyword, {}).items():
            yield from subschemas(each, key)
    for keyword in ("items", "additionalProperties", "if", "then", "else"):
        yield from subschemas(schema.get(keyword))
    for keyword in ("allOf", "oneOf"):
        for each in schema.get(keyword, []):
            yield from subschemas(each)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_schemas_are_draft_07_and_closed(path: Path) -> None:
    schema = json.loads(path.read_text())
    Draft7Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == ("http://json-schema.org/draft-07/schema#", path.name)
    assert schema["title"]
    for name, each in subschemas(schema):
        if each.get("type") == "object" and "properties" in each and name not in ("manifest", "spec", ""):
            delegates = [part for part in each.get("allOf", []) if "$ref" in part]
            assert "additionalProperties" in each or delegates, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_field_is_described(path: Path) -> None:
    for _, schema in subschemas(json.loads(path.read_text())):
        for name, each in schema.get("properties", {}).items():
            fixed = each is True or each.keys() <= {"const", "minItems"}
            assert fixed or "$ref" in each or "description" in each, name


def test_examples_and_defaults_fit_their_schemas() -> None:
    for name, schema in subschemas(MANIFEST):
        validator = Draft7Validator({**schema, "definitions": MANIFEST["definitions"]})
        for each in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
            assert list(validator.iter_errors(each)) == [], (name, each)


def test_there_are_words_for_every_rule() -> None:
    (node,) = parse("{}", [])
    rules = {rule for _, schema in subschemas(MANIFEST) for rule in schema} - STRUCTURE
    for _, schema in subschemas(MANIFEST):
        for rule in schema.keys() & rules:
            assert isinstance(list(findings(Breach(node, [], rule, schema[rule], schema, MANIFEST))), list)


def test_every_type_of_registry_has_a_fragment() -> None:
    fragments = {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas/registries").iterdir()}
    assert fragments == set(RegistryType)


@pytest.mark.parametrize("kind", [*kinds(), *KINDS])
def test_a_printed_schema_needs_no_other_file(kind: str) -> None:
    schema = json.loads(schema_text(kind))
    for reference in re.findall(r'"\$ref": "([^"]*)"', schema_text(kind)):
        found = schema
        assert reference.startswith("#/")
        for step in reference[2:].split("/"):
            found = found[step]


def test_an_unknown_kind_of_schema_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="registri") as caught:
        schema_text("registri")
    assert caught.value.hint == "did you mean `registry`?"


@pytest.mark.parametrize("path", [*EXAMPLES, *VALID], ids=lambda path: path.stem)
def test_an_editor_accepts_each_document(path: Path) -> None:
    text = path.read_text()
    modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert modeline
    schema = (path.parent / modeline[1]).resolve()
    assert schema == ROOT / "schemas" / "manifest.schema.json"
    for document in YAML(typ="safe", pure=True).load_all(text):
        assert list(Draft7Validator(MANIFEST).iter_errors(document)) == []


def test_the_examples_load_without_a_finding() -> None:
    loaded = load([ROOT / "examples/registries"], root=ROOT, variables=Variables())
    assert loaded.diagnostics == ()
    assert sorted(each.spec.name for each in loaded.declarations) == [
        "acr-prod",
        "airgap",
        "charts",
        "demo",
        "ecr-prod@eu-west-1",
        "ecr-prod@us-east-1",
        "ecr-public",
        "harbor-packs",
        "harbor-prod",
    ]
    assert all(each.items for each in loaded.declarations)
