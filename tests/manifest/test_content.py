from __future__ import annotations

import pytest

from regsync.model.declaration import ContentItem, Tombstone
from tests.manifest.desk import Desk, marked, registry

SETS = """\
---
apiVersion: regsync/v1
kind: ContentSet
metadata: {name: addons}
spec:
  content:
    - packs: ../../packs/*
      exclude: "*-rc*"
    - absent: "old:1.0.0"
"""


def folders(items: tuple[ContentItem, ...]) -> list[tuple[str, str]]:
    return [(each.shown, each.base_content_path) for each in items]


def test_a_glob_gives_its_folders_sorted_and_passes_over_files(desk: Desk) -> None:
    desk.packs("b-1.0.0", "a-2.0.0", ".hidden-1.0.0")
    desk.write("packs/README.md", "")
    declaration = desk.declared(registry("content: [{packs: ../packs/*}]"))
    assert folders(declaration.items) == [("packs/a-2.0.0", "team"), ("packs/b-1.0.0", "team")]


def test_two_stars_cross_folders(desk: Desk) -> None:
    desk.packs("web/a-1.0.0", "data/deep/b-1.0.0")
    declaration = desk.declared(registry("content: [{packs: '../packs/**/*-1.0.0'}]"))
    assert folders(declaration.items) == [("packs/data/deep/b-1.0.0", "team"), ("packs/web/a-1.0.0", "team")]


def test_a_list_keeps_its_order_and_each_entry_its_position(desk: Desk) -> None:
    desk.packs("a-1.0.0", "b-1.0.0")
    declaration = desk.declared(
        registry("content:\n    - packs:\n      - ../packs/b-1.0.0\n      - ../packs/a-1.0.0")
    )
    assert [(each.shown, str(each.origin)) for each in declaration.items] == [
        ("packs/b-1.0.0", "registries/prod.yaml:11:9"),
        ("packs/a-1.0.0", "registries/prod.yaml:12:9"),
    ]


def test_exclude_is_held_against_the_names_of_folders(desk: Desk) -> None:
    desk.packs("a-1.0.0", "a-1.0.0-rc1", "old/b-1.0.0")
    desk.write("packs/notes/x.txt", "")
    declaration = desk.declared(registry("content: [{packs: ../packs/*, exclude: ['*-rc*', notes, old]}]"))
    assert folders(declaration.items) == [("packs/a-1.0.0", "team")]


def test_a_folder_counts_once_per_base_content_path_and_its_first_position_wins(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    (desk.root / "packs/link").symlink_to("a-1.0.0")
    declaration = desk.declared(
        registry(
            "content:\n    - packs: ../packs/a-1.0.0\n    - packs: ../packs/*\n"
            "    - packs: ../packs/link\n      path: other/\n    - packs: ../packs/*\n      path: other"
        )
    )
    assert [(each.shown, each.base_content_path, each.origin.line) for each in declaration.items] == [
        ("packs/a-1.0.0", "team", 10),
        ("packs/link", "other", 12),
    ]
    assert {each.local for each in declaration.items} == {(desk.root / "packs/a-1.0.0").resolve()}


def test_what_is_right_beside_a_mistake_is_there_to_be_checked_further(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    loaded = desk.check(registry("content: [{packs: ../packs/*}, {packs: ../gone}]"))
    assert [each.code for each in loaded.diagnostics] == ["RS126"]
    assert folders(loaded.declarations[0].items) == [("packs/a-1.0.0", "team")]


@pytest.mark.parametrize(
    ("mistake", "path"),
    [
        ("endpoint: h/x", "team"),
        ("polcy: {}", "team"),
        ("type: bsic", "team"),
        ("provider: pakc", "team"),
        ("baseContentPaths: [1.10]", ""),
        ("baseContentPaths: [Team]", ""),
    ],
)
def test_a_registry_with_mistakes_is_declared_for_its_packs(desk: Desk, mistake: str, path: str) -> None:
    desk.packs("a-1.0.0")
    loaded = desk.check(registry(mistake, "content: [{packs: ../packs/*}]"))
    assert len(loaded.diagnostics) == 1
    (declaration,) = loaded.declarations
    assert folders(declaration.items) == [("packs/a-1.0.0", path)]
    assert (declaration.spec.name, declaration.spec.endpoint) == ("prod", "")


def test_where_an_item_goes_need_not_be_known_to_judge_it(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    loaded = desk.check(registry("content: [{packs: [../packs/*, gone], path: 1.10}]"))
    assert [(each.code, marked(each)) for each in loaded.diagnostics] == [
        ("RS126", "gone"),
        ("RS109", "1.10"),
    ]
    assert loaded.declarations == ()


def test_a_literal_name_may_look_like_a_glob(desk: Desk) -> None:
    desk.packs("a[1]", "a1")
    declaration = desk.declared(registry("content: [{packs: '../packs/a[1]'}]"))
    assert folders(declaration.items) == [("packs/a[1]", "team")]


def test_a_tombstone_names_what_must_not_be_there(desk: Desk) -> None:
    declaration = desk.declared(
        registry(
            "content: [{absent: 'old:1.0.0'}, {absent: 'old:1.0.0'}, {absent: 'old:1.0.0', path: other}]"
        )
    )
    first, second = declaration.tombstones
    assert first == Tombstone("old", "1.0.0", "team", first.origin)
    assert (second.base_content_path, str(second.origin)) == ("other", "registries/prod.yaml:9:68")


def test_a_set_is_spread_out_with_its_own_positions_and_paths(desk: Desk) -> None:
    desk.packs("a-1.0.0", "a-1.1.0-rc1", "b-1.0.0")
    desk.write("sets/shared/addons.yaml", SETS)
    desk.write("registries/prod.yaml", registry("content: [{set: addons, path: other, exclude: b-*}]"))
    loaded = desk.load("registries", "sets")
    assert loaded.diagnostics == ()
    (declaration,) = loaded.declarations
    assert [(each.shown, each.base_content_path, str(each.origin)) for each in declaration.items] == [
        ("packs/a-1.0.0", "other", "sets/shared/addons.yaml:7:14")
    ]
    assert str(declaration.tombstones[0].origin) == "sets/shared/addons.yaml:9:15"


def test_several_registries_share_a_set_and_its_mistakes_are_told_once(desk: Desk) -> None:
    desk.write("sets/shared/addons.yaml", SETS)
    desk.write("a.yaml", registry("content: [{set: addons}]"))
    desk.write("b.yaml", registry("content: [{set: addons}]", "endpoint: b").replace("prod", "dev"))
    (found,) = desk.load(".").diagnostics
    assert (found.code, str(found.origin)) == ("RS126", "sets/shared/addons.yaml:7:14")


def test_a_set_with_mistakes_of_its_own_is_not_called_unknown_and_the_rest_of_it_is_judged(
    desk: Desk,
) -> None:
    loaded = desk.check(registry("content: [{set: addons}]") + SETS.replace("exclude", "exlude"))
    assert [(each.code, marked(each)) for each in loaded.diagnostics] == [
        ("RS126", "../../packs/*"),
        ("RS106", "exlude"),
    ]


def test_an_unknown_set_is_compared_with_those_that_exist(desk: Desk) -> None:
    desk.packs("a-1.0.0")
    loaded = desk.check(registry("content: [{set: adons}]") + SETS.replace("../../", "../"))
    (found,) = loaded.diagnostics
    assert (found.code, marked(found), found.help) == ("RS125", "adons", "did you mean `addons`?")


def test_a_set_of_the_other_sort_is_told_where_it_is_named(desk: Desk) -> None:
    charts = SETS.replace("packs: ../../packs/*", "charts: ../charts/*")
    (found,) = desk.check(registry("content: [{set: addons}]") + charts).diagnostics
    assert (found.code, str(found.origin)) == ("RS132", "registries/prod.yaml:9:19")
    assert [str(each.origin) for each in found.related] == ["registries/prod.yaml:16:7"]


@pytest.mark.parametrize(
    ("packs", "code", "summary"),
    [
        ("../pakcs/*", "RS126", "`../pakcs/*` matches no folder"),
        ("../packs/gone-1.0.0", "RS126", "`../packs/gone-1.0.0` matches no folder"),
        ("../packs/*.md", "RS126", "`../packs/*.md` matches no folder"),
        ("../packs/*", "RS127", "packs/notes has no pack.json"),
        ("../packs/notes", "RS127", "packs/notes has no pack.json"),
        ("../packs/README.md", "RS127", "packs/README.md is no folder"),
        ("x" * 5000, "RS126", f"`{'x' * 5000}` matches no folder"),
    ],
)
def test_what_is_no_pack_is_an_error(desk: Desk, packs: str, code: str, summary: str) -> None:
    desk.packs("a-1.0.0")
    desk.write("packs/notes/x.txt", "")
    desk.write("packs/README.md", "")
    found = desk.found(registry(f"content: [{{packs: '{packs}'}}]"))
    assert (found.code, found.summary) == (code, summary)


@pytest.mark.parametrize("written", ["old:", ":1", "old", "old:1:2", "Old:1", "old:-1", "old:1+2", "a b:1"])
def test_a_tombstone_that_nothing_can_match_is_an_error(desk: Desk, written: str) -> None:
    assert desk.found(registry(f"content: [{{absent: '{written}'}}]")).code == "RS111"
