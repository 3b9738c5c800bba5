from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.content import diff as diff_module
from regsync.content.diff import diff_contents, unified
from regsync.content.index import read_layer
from regsync.content.leaks import MASK
from regsync.model.content import Content, FileDiff
from tests.content.test_leaks import SECRETS
from tests.content.trees import PACK_JSON, pack_of, packed, write


def diffs(tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes]) -> list[FileDiff]:
    """What differs between a pushed pack and a folder, both with a pack.json."""
    layer = packed(pack_of(write(tmp_path / "before", {"pack.json": PACK_JSON, **before})))
    pack = pack_of(write(tmp_path / "after", {"pack.json": PACK_JSON, **after}))
    live = read_layer(io.BytesIO(layer))
    assert isinstance(live, Content)
    return list(diff_contents(live, pack.content, io.BytesIO(layer), pack.folder))


def test_equal_contents_have_no_diff(tmp_path: Path) -> None:
    assert diffs(tmp_path, {"a": b"1"}, {"a": b"1"}) == []


def test_every_file_that_differs_is_listed_in_byte_order(tmp_path: Path) -> None:
    before = {"b.bin": b"\0\1", "values.yaml": b"replicas: 1\n", "gone/x": b"x", "same": b""}
    after = {"b.bin": b"\0\1\2", "values.yaml": b"replicas: 3\n", "Z": b"new", "same": b""}
    found = diffs(tmp_path, before, after)
    assert [(each.path, each.status.value, each.lines, each.note) for each in found] == [
        ("Z", "added", (), None),
        ("b.bin", "changed", (), "binary"),
        ("gone/x", "removed", (), None),
        ("values.yaml", "changed", ("@@ -1 +1 @@", "-replicas: 1", "+replicas: 3"), None),
    ]
    sizes = [
        (each.before.size if each.before else None, each.after.size if each.after else None) for each in found
    ]
    assert sizes == [(None, 3), (2, 3), (1, None), (12, 12)]


def test_a_mode_alone_is_no_difference(tmp_path: Path) -> None:
    layer = packed(pack_of(write(tmp_path / "a", {"pack.json": PACK_JSON})))
    pack = pack_of(write(tmp_path / "b", {"pack.json": PACK_JSON}, executable=["pack.json"]))
    live = read_layer(io.BytesIO(layer))
    assert isinstance(live, Content)
    assert diff_contents(live, pack.content, io.BytesIO(layer), pack.folder) == ()


LINES = st.lists(st.sampled_from(["a", "b", "c: 1", "", "- x", "+ y", "@@", "é"]), max_size=40)


@given(LINES, LINES, st.booleans(), st.booleans())
def test_the_lines_are_a_patch_that_patch_can_apply(
    before: list[str], after: list[str], end_before: bool, end_after: bool
) -> None:
    old = "\n".join(before) + "\n" * (end_before and bool(before))
    new = "\n".join(after) + "\n" * (end_after and bool(after))
    lines = list(unified(old, new))
    if old == new:
        assert lines == []
        return
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "file").write_text(old)
        patch = "--- file\n+++ file\n" + "".join(f"{line}\n" for line in lines)
        subprocess.run(
            ["patch", "-s", "file"], cwd=scratch, input=patch, text=True, check=True, capture_output=True
        )
        result = Path(scratch, "file")
        assert (result.read_text() if result.exists() else "") == new


def test_three_lines_of_context_stand_around_a_change() -> None:
    old = "".join(f"line {number}\n" for number in range(20))
    assert list(unified(old, old.replace("line 10\n", "line ten\n"))) == [
        "@@ -8,7 +8,7 @@",
        " line 7",
        " line 8",
        " line 9",
        "-line 10",
        "+line ten",
        " line 11",
        " line 12",
        " line 13",
    ]


def test_line_ends_are_part_of_a_line() -> None:
    assert list(unified("a\r\nb\n", "a\nb\n")) == ["@@ -1,2 +1,2 @@", "-a\r", "+a", " b"]


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_that_changes_shows_as_a_change_and_never_itself(kind: str) -> None:
    secret = SECRETS[kind]
    other = secret.replace("zdW", "zdX").replace("hunter2", "hunter3")[:-9] + "Z1" + secret[-9:]
    for before, after in ((f"x: {secret}\n", f"x: {other}\n"), ("x: none\n", f"x: {secret}\n")):
        lines = list(unified(before, after))
        assert any(line.startswith("+") for line in lines)
        assert any(MASK in line for line in lines)
        shown = "\n".join(line[1:] for line in lines)
        assert not any(part in shown for part in secret.split("\n") if len(part) > 12 and "-----" not in part)


def test_a_change_in_the_middle_of_a_key_is_masked_though_its_first_line_is_out_of_sight() -> None:
    lines = [f"{'MIIEvQ' * 10}{number:04}" for number in range(10)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    found = list(unified(key, key.replace("0005", "0006")))
    assert found == ["@@ -4,7 +4,7 @@", *[f" {MASK}"] * 3, f"-{MASK}", f"+{MASK}", *[f" {MASK}"] * 3]


def test_texts_beyond_the_limits_have_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_module, "SIZE_LIMIT", 1000)
    monkeypatch.setattr(diff_module, "SIZE_TOTAL", 1500)
    monkeypatch.setattr(diff_module, "LINES_LIMIT", 100)
    before = dict.fromkeys("abcde", b"x")
    after = {"a": b"y" * 1001, "b": b"y\n" * 101, "c": b"y" * 1000, "d": b"y" * 500, "e": b"\xff"}
    notes = {each.path: each.note for each in diffs(tmp_path, before, after)}
    too_large = "too large to compare by lines"
    assert notes == {"a": too_large, "b": too_large, "c": None, "d": too_large, "e": "not UTF-8"}


def test_a_file_that_vanished_meanwhile_has_a_note(tmp_path: Path) -> None:
    layer = packed(pack_of(write(tmp_path / "a", {"pack.json": PACK_JSON, "x": b"1"})))
    pack = pack_of(write(tmp_path / "b", {"pack.json": PACK_JSON, "x": b"2"}))
    (pack.folder / "x").unlink()
    live = read_layer(io.BytesIO(layer))
    assert isinstance(live, Content)
    [found] = diff_contents(live, pack.content, io.BytesIO(layer), pack.folder)
    assert (found.lines, found.note) == ((), "its lines are not available")
