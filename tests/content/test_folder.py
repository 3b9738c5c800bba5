from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.content import folder as folder_module
from regsync.content.pack import read_pack
from regsync.content.rules import MAX_PATH, printable
from regsync.model.diagnostic import Severity
from tests.content.trees import PACK_JSON, content_of, pack_of, packed, write

FILES = {"pack.json": PACK_JSON, "values.yaml": b"a: 1\n", "charts/x.tgz": b"\0"}


def problems(folder: Path) -> list[tuple[str, str, str]]:
    """Code, place and summary of what stands against a folder."""
    read = read_pack(folder, "packs/web")
    assert read.pack is None
    assert {each.severity for each in read.diagnostics} == {Severity.ERROR}
    return [(each.code, each.origin.file if each.origin else "", each.summary) for each in read.diagnostics]


def test_what_macos_leaves_behind_is_no_part_of_a_pack(tmp_path: Path) -> None:
    junk = {".DS_Store": b"", "charts/.DS_Store": b"", "charts/._x.tgz": b"", "__MACOSX/values.yaml": b""}
    pack = pack_of(write(tmp_path, {**FILES, **junk}))
    assert pack.content == content_of(FILES)
    assert pack.junk == (".DS_Store", "__MACOSX", "charts/.DS_Store", "charts/._x.tgz")


def test_all_other_hidden_files_are(tmp_path: Path) -> None:
    files = {**FILES, ".helmignore": b"*.bak", ".git/HEAD": b"", ".DS_Store.txt": b"", "a._b": b""}
    assert pack_of(write(tmp_path, files)).content == content_of(files)


def test_empty_folders_are_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    (folder / "manifests" / "none").mkdir(parents=True)
    assert pack_of(folder).content == content_of(FILES)


def test_links_inside_count_as_what_they_point_to(tmp_path: Path) -> None:
    folder = write(tmp_path / "web", FILES)
    (folder / "default.yaml").symlink_to("values.yaml")
    (folder / "again.yaml").symlink_to(folder / "default.yaml")
    (folder / "charts" / "up.yaml").symlink_to("../values.yaml")
    (folder / "old").symlink_to("charts")
    expected = {
        **FILES,
        "default.yaml": b"a: 1\n",
        "again.yaml": b"a: 1\n",
        "charts/up.yaml": b"a: 1\n",
        "old/x.tgz": b"\0",
        "old/up.yaml": b"a: 1\n",
    }
    pack = pack_of(folder)
    assert pack.content == content_of(expected)
    copy = write(tmp_path / "copy", expected)
    assert packed(pack) == packed(pack_of(copy))


def test_a_pack_folder_may_itself_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", FILES)
    (tmp_path / "link").symlink_to("real")
    assert pack_of(tmp_path / "link").content == content_of(FILES)


@pytest.mark.parametrize("target", ["/etc/hosts", "..", "../outside", "../web-secrets/key", "../nothing"])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, target: str) -> None:
    write(tmp_path, {"outside": b"", "web-secrets/key": b""})
    folder = write(tmp_path / "web", FILES)
    (folder / "charts" / "link").symlink_to(target if target[0] == "/" else f"../{target}")
    place = "packs/web/charts/link"
    assert problems(folder) == [("RS208", place, "`charts/link` is a link that leaves the pack's folder")]


def test_links_to_nothing_and_to_themselves_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    (folder / "a").symlink_to("nothing")
    (folder / "b").symlink_to("b")
    assert problems(folder) == [
        ("RS209", "packs/web/a", "`a` is a link to nothing"),
        ("RS209", "packs/web/b", "`b` is a link to nothing"),
    ]


def test_folders_that_hold_themselves_by_links_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "a/b/c": b""})
    (folder / "self").symlink_to(".")
    (folder / "a" / "b" / "up").symlink_to("..")
    found = problems(folder)
    assert {code for code, _, _ in found} == {"RS209"}
    assert {place for _, place, _ in found} == {"packs/web/self", "packs/web/a/b/up"}


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "a/x": b"", "b/y": b""})
    (folder / "a" / "b").symlink_to("../b")
    (folder / "b" / "a").symlink_to("../a")
    assert {code for code, _, _ in problems(folder)} == {"RS209"}


def test_pipes_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, FILES)
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("pipe")
    assert problems(folder) == [
        ("RS206", "packs/web/link", "`link` is a link to a device, pipe or socket"),
        ("RS206", "packs/web/pipe", "`pipe` is a device, pipe or socket"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not store such names")
@pytest.mark.parametrize(
    ("name", "shown", "why"),
    [
        (b"caf\xe9", r"caf\udce9", "has a name that is not UTF-8"),
        (b"a\x1b[31m", r"a\x1b[31m", "has a control character in its name"),
        (b"a\nb", r"a\x0ab", "has a control character in its name"),
        ("\x85".encode(), r"\x85", "has a control character in its name"),
    ],
)
def test_names_that_would_not_work_everywhere_are_refused_and_shown_harmlessly(
    tmp_path: Path, name: bytes, shown: str, why: str
) -> None:
    folder = write(tmp_path, FILES)
    (folder / os.fsdecode(name)).write_bytes(b"")
    assert problems(folder) == [("RS207", f"packs/web/{shown}", f"`{shown}` {why}")]


def test_names_that_differ_only_in_their_unicode_form_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "caf\u00e9/a": b"", "cafe\u0301/b": b"", "\u212a": b"", "K": b""})
    if len(list(folder.iterdir())) < 7:
        pytest.skip("this file system normalises names")
    assert {(code, place) for code, place, _ in problems(folder)} == {
        ("RS207", "packs/web/caf\u00e9"),
        ("RS207", "packs/web/K"),
    }


def test_a_decomposed_name_is_read_and_packed_as_its_normal_form(tmp_path: Path) -> None:
    decomposed = pack_of(write(tmp_path / "mac", {**FILES, "cafe\u0301/re\u0301sume\u0301.md": b"text"}))
    composed = pack_of(write(tmp_path / "linux", {**FILES, "caf\u00e9/r\u00e9sum\u00e9.md": b"text"}))
    assert decomposed.content == composed.content
    assert packed(decomposed) == packed(composed)
    assert decomposed.read("caf\u00e9/r\u00e9sum\u00e9.md") == b"text"


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    parts = [str(index) * 200 for index in range(1, 6)]
    longest = "/".join([*parts, "x" * (MAX_PATH - 5 * 201)])
    pack_of(write(tmp_path / "fits", {**FILES, longest: b""}))
    assert [code for code, _, _ in problems(write(tmp_path / "not", {**FILES, longest + "x": b""}))] == [
        "RS207"
    ]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "secret/x": b""})
    (folder / "values.yaml").chmod(0)
    (folder / "secret").chmod(0)
    assert [code for code, _, _ in problems(folder)] == ["RS205", "RS205"]
    (folder / "secret").chmod(0o700)


def test_a_folder_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    assert problems(tmp_path / "gone") == [
        ("RS205", "packs/web", "`packs/web` cannot be read: No such file or directory")
    ]


@pytest.mark.parametrize("limit", ["MAX_ENTRIES", "MAX_SIZE"])
def test_a_folder_beyond_all_packs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(folder_module, limit, 3)
    write(tmp_path, FILES)
    assert [code for code, _, _ in problems(tmp_path)] == ["RS210"]


def test_links_that_multiply_end_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "MAX_ENTRIES", 1000)
    folder = write(tmp_path, {**FILES, **{f"d{level}/x": b"" for level in range(20)}})
    for level in range(19):
        for name in ("left", "right"):
            (folder / f"d{level}" / name).symlink_to(f"../d{level + 1}")
    assert [code for code, _, _ in problems(folder)] == ["RS210"]


@given(st.text())
def test_no_name_can_steer_a_terminal(name: str) -> None:
    shown = printable(name)
    shown.encode()
    assert not {*map(chr, range(32)), *map(chr, range(127, 160))} & set(shown)
