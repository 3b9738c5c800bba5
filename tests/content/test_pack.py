from __future__ import annotations

import json
from pathlib import Path

import pytest

from regsync.content.pack import read_pack
from regsync.model.diagnostic import Diagnostic
from tests.content.trees import pack_of, write
from tests.support.packs import make_pack


def only_problem(tmp_path: Path, text: str | bytes) -> Diagnostic:
    folder = write(tmp_path, {"pack.json": text if isinstance(text, bytes) else text.encode()})
    read = read_pack(folder, "packs/web")
    assert read.pack is None
    [diagnostic] = read.diagnostics
    return diagnostic


def brief(diagnostic: Diagnostic) -> tuple[str, str, str, str | None]:
    return diagnostic.code, str(diagnostic.origin), diagnostic.summary, diagnostic.help


def test_name_and_version_come_with_their_positions(tmp_path: Path) -> None:
    pack = pack_of(
        write(tmp_path, {"pack.json": b'{\n  "layer": "addon",\n  "version": "1.2",\n  "name": "web"\n}'})
    )
    assert (pack.name, pack.version, pack.title) == ("web", "1.2", "web-1.2.tar.gz")
    assert str(pack.version_origin) == f"{tmp_path.name}/pack.json:3:14"
    assert str(pack.name_origin) == f"{tmp_path.name}/pack.json:4:11"


def test_of_equal_keys_the_last_counts_for_value_and_position(tmp_path: Path) -> None:
    pack = pack_of(write(tmp_path, {"pack.json": b'{"name": "web", "version": "1", "version": "2"}'}))
    assert pack.version == "2"
    assert pack.version_origin.column == 44


def test_a_folder_without_pack_json(tmp_path: Path) -> None:
    read = read_pack(write(tmp_path, {"Pack.json": b"{}"}), "packs/web")
    assert [brief(each) for each in read.diagnostics] == [
        (
            "RS201",
            "packs/web:1:1",
            "`packs/web` has no pack.json",
            "name the folder that holds pack.json, or leave this one out of the manifest",
        )
    ]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        (b'{\n  "name": "web"\n  "version": "1"\n}', "3:3", "Expecting ',' delimiter"),
        (b"", "1:1", "Expecting value"),
        (b'{"name": "web",}', "1:16", "Expecting property name enclosed in double quotes"),
        (b"\xef\xbb\xbf{}", "1:1", "Unexpected UTF-8 BOM (decode using utf-8-sig)"),
        (b'{"name": "caf\xe9"}', "1:1", "'utf-8' codec can't decode byte 0xe9"),
        (b"[" * 100_000, "1:1", "maximum recursion depth exceeded"),
        (b'{"name": ' + b"1" * 10_000 + b"}", "1:1", "Exceeds the limit"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_json(tmp_path: Path, text: bytes, position: str, reason: str) -> None:
    found = only_problem(tmp_path, text)
    assert found.code == "RS202"
    assert str(found.origin) == f"packs/web/pack.json:{position}"
    assert found.summary.startswith(f"pack.json is no JSON: {reason}")


def test_json_that_is_no_object(tmp_path: Path) -> None:
    assert only_problem(tmp_path, '["name"]').summary == "pack.json is no JSON object"


def test_the_line_that_is_wrong_is_shown(tmp_path: Path) -> None:
    found = only_problem(tmp_path, '{\n  "name": "web",\n  "version": 1.10\n}')
    assert found.snippet is not None
    assert (found.snippet.text, found.snippet.length) == ('  "version": 1.10', 4)


def test_a_password_in_that_line_is_not_shown(tmp_path: Path) -> None:
    text = '{"name": "web", "version": 1, "annotations": {"sshPassword": "hunter2"}}'
    assert "hunter2" not in repr(only_problem(tmp_path, text))


PLAIN_NAME = "use lower-case letters and digits, with dots, underscores or hyphens between them"
PLAIN_TAG = "use at most 128 letters, digits, dots, underscores and hyphens"


@pytest.mark.parametrize(
    ("name", "summary", "advice"),
    [
        ('"Nginx Plus"', "`Nginx Plus` cannot be the name of a repository", "use `nginx-plus`"),
        ('"team/web"', "`team/web` cannot be the name of a repository", "use `team-web`"),
        ('""', "`` cannot be the name of a repository", PLAIN_NAME),
        ('"-web"', "`-web` cannot be the name of a repository", PLAIN_NAME),
        ('"we\\u001bb"', "`we\x1bb` cannot be the name of a repository", PLAIN_NAME),
        ("7", "`name` is not a string", 'quote it: `"7"`'),
        ("null", "`name` is not a string", "write it as a string"),
        (None, "pack.json has no `name`", 'add `"name": "…"`'),
    ],
)
def test_names_that_are_no_repository(tmp_path: Path, name: str | None, summary: str, advice: str) -> None:
    found = only_problem(
        tmp_path, f'{{"version": "1.0"{"" if name is None else f", {chr(34)}name{chr(34)}: {name}"}}}'
    )
    assert (found.code, found.summary, found.help) == ("RS203", summary, advice)


@pytest.mark.parametrize(
    ("version", "summary", "advice"),
    [
        ("1.10", "`version` is not a string", 'quote it: `"1.10"`'),
        ('"1.0+build.5"', "`1.0+build.5` cannot be a tag: no tag has a plus sign", "use `1.0-build.5`"),
        ('"1.0 beta"', "`1.0 beta` cannot be a tag", PLAIN_TAG),
        ('".5"', "`.5` cannot be a tag", PLAIN_TAG),
        (json.dumps("1" * 129), f"`{'1' * 129}` cannot be a tag", PLAIN_TAG),
        ("true", "`version` is not a string", 'quote it: `"true"`'),
    ],
    ids=lambda value: value[:20],
)
def test_versions_that_are_no_tag(tmp_path: Path, version: str, summary: str, advice: str) -> None:
    found = only_problem(tmp_path, f'{{"name": "web",\n"version": {version}}}')
    assert brief(found) == ("RS204", "packs/web/pack.json:2:12", summary, advice)


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    folder = write(tmp_path, {"pack.json": b'{"name": "A"}'})
    (folder / "link").symlink_to("/etc")
    codes = [each.code for each in read_pack(folder, "packs/web").diagnostics]
    assert codes == ["RS208", "RS204", "RS203"]


def test_a_pack_of_the_test_suite_is_one(tmp_path: Path) -> None:
    pack = pack_of(make_pack(tmp_path, "redis", "7.2.0", chart=True))
    assert [entry.path for entry in pack.content.files] == [
        "README.md",
        "charts/redis-7.2.0.tgz",
        "logo.png",
        "pack.json",
        "values.yaml",
    ]
