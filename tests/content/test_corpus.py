"""Twenty-five packs as they were published: what every rule of this room must survive."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from regsync.content.codes import Code
from regsync.content.index import read_layer
from regsync.content.lint import lint_pack
from tests.content.trees import files_below, gnu_tar, pack_of, packed

DEFECTS = {
    "chart-missing": Code.CHART_MISSING,
    "chart-unreferenced": Code.CHART_UNREFERENCED,
    "chart-values-key-missing": Code.CHART_VALUES_MISSING,
    "chart-values-key-stray": Code.CHART_VALUES_STRAY,
    "folder-name-mismatch": Code.FOLDER_NAME,
    "images-missing": Code.IMAGES_MISSING,
    "junk-file": Code.JUNK_FILE,
    "readme-missing": Code.README_MISSING,
    # Listed among legal shapes there; a warning here, because the image is lost.
    "images-entry-bad": Code.IMAGE_ENTRY,
}


@pytest.fixture(scope="module")
def facts(corpus: Path) -> dict[str, dict[str, Any]]:
    """What is known of each pack, by folder, told by another program."""
    described = json.loads(Path(os.environ["REGSYNC_TEST_CORPUS"], "packs.json").read_text(encoding="utf-8"))
    return {each["folder"]: each for each in described["packs"]}


def test_the_lint_finds_the_known_defects_and_nothing_else(
    corpus: Path, facts: dict[str, dict[str, Any]]
) -> None:
    found = {name: sorted(each.code for each in lint_pack(pack_of(corpus / name))) for name in facts}
    known = {
        name: sorted(
            DEFECTS[each["code"]].value
            for each in (*fact["defects"], *fact["observations"])
            if each["code"] in DEFECTS
        )
        for name, fact in facts.items()
    }
    assert found == known


def test_names_and_versions_are_those_that_are_known(corpus: Path, facts: dict[str, dict[str, Any]]) -> None:
    packs = {name: pack_of(corpus / name) for name in facts}
    known = {name: (fact["name"], fact["version"], fact["files"]) for name, fact in facts.items()}
    assert {
        name: (pack.name, pack.version, len(pack.content.files) + len(pack.junk))
        for name, pack in packs.items()
    } == known


def test_what_is_packed_unpacks_to_the_folder_less_what_is_left_out(corpus: Path, tmp_path: Path) -> None:
    for folder in sorted(corpus.iterdir()):
        pack = pack_of(folder)
        to = tmp_path / folder.name
        to.mkdir()
        subprocess.run(["tar", "-xzf", "-", "-C", to], input=packed(pack), check=True)
        expected = files_below(folder)
        for path in pack.junk:
            del expected[path]
        root = to / f"{pack.name}-{pack.version}"
        assert files_below(root) == expected
        modes = {path: bool((root / path).stat().st_mode & 0o100) for path in expected}
        assert modes == {path: bool((folder / path).stat().st_mode & 0o100) for path in expected}


def test_archives_made_by_hand_and_by_regsync_have_the_content_of_the_folder(corpus: Path) -> None:
    for folder in sorted(corpus.iterdir()):
        pack = pack_of(folder)
        for archive in (packed(pack), gnu_tar(folder), gnu_tar(folder, inside=True)):
            assert read_layer(io.BytesIO(archive)) == pack.content
