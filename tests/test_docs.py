"""Pages that are written from the program are those that are in the repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tools.json_docs import DOCUMENTS, ROOT, TARGET, page


def test_the_page_of_json_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == page(), "run: python tools/json_docs.py"


def test_its_links_lead_somewhere() -> None:
    text = page()
    headings = {
        re.sub(r"[^\w\- ]", "", each).replace(" ", "-").lower()
        for each in re.findall(r"^#+ (.*)", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= headings


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_described(name: str) -> None:
    schema = json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
    assert [path for path, each in fields(schema) if not {"description", "$ref", "const"} & each.keys()] == []


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field that a schema names, wherever in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields(each, path)
    elif isinstance(schema, dict):
        for key, each in schema.get("properties", {}).items():
            yield f"{path}.{key}", each
        for key, each in schema.items():
            yield from fields(each, f"{path}/{key}")
