"""The generated references leave nothing out that the program or its schemas have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from regsync.cli.app import app
from regsync.cli.reference import CODES, OTHER_VARIABLES
from tools import manifest_docs, program_docs

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
TYPES = sorted(each.name.removesuffix(".schema.json") for each in (SCHEMAS / "registries").iterdir())


def test_every_code_has_its_place_and_its_explanation() -> None:
    page = program_docs.codes_page()
    for code, each in CODES.items():
        assert page.count(f"### {code}: ") == 1
        assert f'<a id="{code.lower()}"></a>' in page
        assert plain(each.text) in plain(page)


def test_every_command_is_there_with_every_option_and_its_variable() -> None:
    page = program_docs.commands_page()
    for name, command in commands(get_command(app), "regsync"):
        title = "Options before the command" if name == "regsync" else name
        _, found, section = page.partition(f"\n## {title}\n")
        section = section.partition("\n## ")[0]
        assert found, name
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                named = re.compile(rf"(`|<code>){option.opts[0]}[ `]")
                row = next(each for each in section.splitlines() if named.search(each))
                assert not option.envvar or f"`{option.envvar}`" in row
                assert plain(option.help) in plain(row)


def test_variables_that_belong_to_no_option_are_told() -> None:
    for name in OTHER_VARIABLES:
        assert f"`{name}`" in program_docs.commands_page()


@pytest.mark.parametrize("type_", TYPES)
def test_every_field_of_a_type_is_there_with_its_description_default_and_examples(type_: str) -> None:
    page = plain(manifest_docs.page())
    schema = json.loads((SCHEMAS / "registries" / f"{type_}.schema.json").read_text(encoding="utf-8"))
    for name in schema["properties"]:
        assert f"spec.{name}" in page
    for name, field in fields(schema):
        assert re.search(rf"[.\]]{name}\b", page), name
        assert plain(field.get("description", "")) in page
        assert f"| {json.dumps(field['default'])} |".replace('"', "") in page if "default" in field else True


@pytest.mark.parametrize("file", ["common", "registry", "contentset", "palette"])
def test_every_field_that_types_and_kinds_share_is_there(file: str) -> None:
    page = plain(manifest_docs.page())
    schema = json.loads((SCHEMAS / f"{file}.schema.json").read_text(encoding="utf-8"))
    for name, field in fields(schema):
        assert re.search(rf"\b{name}\b", page), name
        if "not" not in field:
            assert plain(field.get("description", "")) in page, name


def test_a_word_that_a_login_does_not_have_brings_none_of_its_fields() -> None:
    page = manifest_docs.page()
    for_ecr = page.partition("### spec.auth\n")[2].partition("Types: `ecr`\n")[2].partition("\nTypes: ")[0]
    assert "`spec.auth.roleArn`" in for_ecr
    assert "`spec.auth.tenant`" not in for_ecr


def commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    yield prefix, group
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from list(commands(command, f"{prefix} {name}"))[1:]
        else:
            yield f"{prefix} {name}", command


def fields(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every field at any depth of a schema, by its own name."""
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            if isinstance(field, dict):
                yield name, field
        for each in schema.values():
            yield from fields(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from fields(each)


def plain(text: str) -> str:
    """Text without the marks of Markdown, in one line."""
    return " ".join(text.replace("\\", "").replace("`", "").replace("*", "").split())
