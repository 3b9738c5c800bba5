"""Pages that are written from the program are those that are in the repository."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.json_docs import DOCUMENTS, ROOT
from tools.pages import DOCS, current, with_examples

READ = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
"""What is read in the repository as it stands there."""


@pytest.mark.parametrize("page", [pytest.param(each, id=each.name) for each in current()])
def test_what_comes_from_elsewhere_is_current(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == current()[page], "run: python -m tools.pages"


def test_an_example_is_shown_as_its_file_is() -> None:
    name = "examples/registries/palette.yaml"
    page = f'before\n```yaml title="{name}"\nold\n```\nafter\n```yaml\nother\n```\n'
    text = (ROOT / name).read_text(encoding="utf-8")
    assert with_examples(page) == page.replace("old\n", text)


@pytest.mark.parametrize("page", [pytest.param(each, id=each.name) for each in READ])
def test_a_page_needs_no_site_to_be_read(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "--8<--" not in text
    assert not re.search(r"^#+ .*\{ #", text, re.MULTILINE)
    broken = [each for each in links(text) if not leads_somewhere(page, each)]
    assert broken == []


def links(text: str) -> list[str]:
    """Where a page leads, except to the web."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    return [each for each in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in each]


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    if not target.exists() or not anchor:
        return target.exists()
    text = target.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    names = {re.sub(r"[^\w\- ]", "", each).replace(" ", "-").lower() for each in headings}
    return anchor in names | set(re.findall(r'<a id="([^"]+)">', text))


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
