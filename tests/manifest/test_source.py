from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.manifest.source import MAX_VALUES, find
from regsync.model.diagnostic import Diagnostic
from tests.manifest.desk import Desk, marked, parse, registry


def files(desk: Desk, *paths: str) -> list[str]:
    problems: list[Diagnostic] = []
    found = find([Path(each) for each in paths], desk.root, problems)
    assert problems == []
    return [each.shown for each in found]


def test_a_folder_gives_its_yaml_files_at_any_depth_but_no_hidden_ones(desk: Desk) -> None:
    for name in ("b.yml", "a.yaml", "sub/c.yaml", "note.txt", ".hidden.yaml", ".git/d.yaml", "sub/.x/e.yaml"):
        desk.write(f"registries/{name}", "")
    assert files(desk, "registries") == ["registries/a.yaml", "registries/b.yml", "registries/sub/c.yaml"]


def test_a_file_counts_once_however_it_is_named(desk: Desk) -> None:
    desk.write("registries/a.yaml", "")
    (desk.root / "registries/b.yaml").symlink_to("a.yaml")
    assert files(desk, "registries/a.yaml", "registries", "./registries/../registries/a.yaml") == [
        "registries/a.yaml"
    ]


def test_a_file_that_is_named_counts_whatever_its_name(desk: Desk) -> None:
    desk.write(".registry.conf", "")
    assert files(desk, ".registry.conf") == [".registry.conf"]


def test_paths_above_the_root_are_shown_relative_to_it(desk: Desk) -> None:
    desk.write("a.yaml", "")
    desk.write("below/b.yaml", "")
    assert files(Desk(desk.root / "below"), "../a.yaml", "b.yaml") == ["../a.yaml", "b.yaml"]
    assert files(Desk(desk.root / "below"), str(desk.root / "a.yaml")) == ["../a.yaml"]


@pytest.mark.parametrize(
    ("path", "summary"),
    [
        ("gone.yaml", "no such file or folder: gone.yaml"),
        ("gone/", "no such file or folder: gone"),
        ("x" * 5000, f"no such file or folder: {'x' * 5000}"),
        ("empty", "no manifest in empty: the folder holds no YAML file"),
    ],
)
def test_a_path_without_a_manifest_is_a_finding(desk: Desk, path: str, summary: str) -> None:
    (desk.root / "empty").mkdir()
    loaded = desk.load(path)
    assert [(each.code, each.summary) for each in loaded.diagnostics] == [("RS101", summary)]
    assert loaded.files == 0


def test_several_documents_stand_in_one_file(desk: Desk) -> None:
    text = (
        "---\n"
        + registry()
        + "...\n---\n# nothing here\n---\n"
        + registry("endpoint: b").replace("prod", "dev")
    )
    loaded = desk.check(text)
    assert loaded.diagnostics == ()
    assert [each.spec.name for each in loaded.declarations] == ["prod", "dev"]


@pytest.mark.parametrize("text", ["\ufeff" + registry(), registry().replace("\n", "\r\n")])
def test_byte_order_marks_and_other_line_ends_are_yaml(desk: Desk, text: str) -> None:
    assert str(desk.declared(text).spec.origin) == "registries/prod.yaml:3:18"


def test_json_is_yaml(desk: Desk) -> None:
    text = '{"apiVersion": "regsync/v1", "kind": "ContentSet", "metadata": {"name": "x"}, "spec": {"content": []}}'
    assert desk.check(text).diagnostics == ()


def test_a_url_needs_no_quotes_in_braces(desk: Desk) -> None:
    text = (
        "apiVersion: regsync/v1\nkind: Palette\nmetadata: {name: p}\n"
        "spec: {host: https://api.spectrocloud.com, apiKey: {env: KEY}}\n"
    )
    assert desk.check(text).diagnostics == ()


def test_columns_count_characters(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    found = desk.found(registry('content: [{packs: ../packs/*, exclude: "ü😀", sett: x}]'))
    assert marked(found) == "sett"


@pytest.mark.parametrize(
    ("text", "position", "summary"),
    [
        ("a:\n\tb: 1\n", "2:1", "a tab cannot indent YAML"),
        ("a:\n  b: 1\n \tc: 2\n", "3:2", "a tab cannot indent YAML"),
        ("a: b: c\n", "1:5", "not YAML: mapping values are not allowed here"),
        ("a: @b\n", "1:4", "not YAML: found character '@' that cannot start any token"),
        ("a: *b*\n", "1:4", "`*b*` reads as an alias"),
        ("a: \x01\n", "1:4", "the character U+0001 is not allowed in YAML"),
        ("a: '\n", "2:1", "not YAML: found unexpected end of stream"),
        ("%FOO 1\na: b\n", "2:1", "not YAML: expected the start of a document, found a value"),
        (
            "a: b\n... x\n",
            "2:5",
            "not YAML: found non-comment content after document end marker, a value",
        ),
        ("a: b\n... [x]\n", "2:5", "not YAML: found non-comment content after document end marker, '['"),
        ("a: 'b' c\n", "1:8", "not YAML: expected the end of the block, found a value"),
        ("a: [b\n", "2:1", "not YAML: expected ',' or ']', found the end of the file"),
        ("a: " + "{a: " * 1000, "1:1", "nested too deeply"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_position(
    desk: Desk, text: str, position: str, summary: str
) -> None:
    found = desk.found(text)
    assert (found.code, str(found.origin), found.summary) == (
        "RS102",
        f"registries/prod.yaml:{position}",
        summary,
    )


@pytest.mark.parametrize(
    "line",
    [
        "baseContentPaths: [{{ var.base }}]",
        "endpoint: {{ var.e }}",
        "endpoint: {{ var.e }}/x",
        "endpoint: {{ var.e",
        "content: {{ var.e }}",
        "content: [[a, b]: c]",
        "policy: {[a, b]: c}",
    ],
)
def test_a_template_without_quotes_is_told_to_be_quoted(desk: Desk, line: str) -> None:
    found = desk.found(registry(line))
    assert (found.code, found.help) == ("RS102", 'a template is put in quotes: "{{ var.NAME }}"')


def test_packs_in_the_place_of_manifests_are_told(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    desk.write("packs/a-1.0.0/values.yaml", "manifests: {}\n")
    for path in ("packs", "packs/a-1.0.0"):
        first, *_ = desk.load(path).diagnostics
        assert (first.code, first.summary) == ("RS104", f"{path} holds packs, and no manifest")


def test_bytes_that_are_no_text_are_told(desk: Desk) -> None:
    (desk.root / "pack.tar.gz").write_bytes(b"\x1f\x8b\x08\x00\xff")
    (found,) = desk.load("pack.tar.gz").diagnostics
    assert (found.code, found.summary) == ("RS102", "not YAML: it is not text in UTF-8")


def test_aliases_that_multiply_are_stopped(desk: Desk) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    found = desk.found("\n".join(lines))
    assert found.summary == f"more than {MAX_VALUES} values, with aliases spread out"


def test_an_alias_that_holds_itself_is_told(desk: Desk) -> None:
    assert desk.check("a: &a [*a]").diagnostics[0].code == "RS102"


def test_a_second_key_is_told_with_the_first(desk: Desk) -> None:
    loaded = desk.check("apiVersion: regsync/v1\n'apiVersion': regsync/v1\n")
    found = loaded.diagnostics[-1]
    assert (found.code, str(found.origin)) == ("RS103", "registries/prod.yaml:2:1")
    assert [(str(each.origin), each.label) for each in found.related] == [
        ("registries/prod.yaml:1:1", "first written here")
    ]


@given(st.text())
def test_every_text_is_read_or_told(text: str) -> None:
    problems: list[Diagnostic] = []
    documents = parse(text, problems)
    assert all(each.code in ("RS102", "RS103") for each in problems)
    assert all(each.value is not None for each in documents)
