"""The site is whole, and asks for nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import html5lib
import pytest

import regsync

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site. Links, anchors and the navigation were checked."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        "PATH": os.environ["PATH"],
        "NO_MKDOCS_2_WARNING": "true",
        "PYTHONPATH": str(Path(regsync.__file__).parents[1]),
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        foreign = [each for each in loads(text) if urlsplit(each).netloc]
        assert not foreign, page
        assert "mermaid" not in text  # for such the theme's script would load another one


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.findall(r"@import|url\(['\"]?(?:https?:)?//", text), sheet


def test_every_page_can_be_reached_from_the_navigation(site: Path) -> None:
    start = (site / "index.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        name = page.relative_to(site).as_posix()
        assert name == "404.html" or f'href="{name}"' in start, name


def loads(text: str) -> Iterator[str]:
    """What a browser would fetch for a page."""
    for element in html5lib.parse(text, namespaceHTMLElements=False).iter():
        is_only_named = element.tag == "link" and element.get("rel") == "canonical"
        if element.tag in LOADED and not is_only_named and (address := element.get(LOADED[element.tag])):
            yield address
