"""Every kind of mistake, at its exact position: each file of data/manifest/invalid says in its first line what is
to be found in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regsync.manifest.codes import CODES
from regsync.manifest.load import Variables, load
from regsync.model.diagnostic import Severity
from tests.manifest.desk import DATA, Desk, marked, registry

INVALID = sorted((DATA / "invalid").glob("*.yaml"))
EXPECTED = re.compile(r"(RS\d+ \d+:\d+)")


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_mistakes_are_found_together_and_in_order(path: Path) -> None:
    loaded = load([path], root=path.parent, variables=Variables())
    found = [
        f"{each.code} {each.origin.line}:{each.origin.column}" for each in loaded.diagnostics if each.origin
    ]
    assert found == EXPECTED.findall(path.read_text().splitlines()[0])


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_no_text_holds_a_secret(path: Path) -> None:
    loaded = load([path], root=path.parent, variables=Variables())
    assert "hunter2" not in repr(loaded.diagnostics)


def test_every_code_is_shown_by_a_file_or_a_test_and_explained() -> None:
    tests = "".join(each.read_text() for each in [*INVALID, *Path(__file__).parent.glob("test_*.py")])
    assert set(re.findall(r"RS1\d\d", tests)) == set(CODES)


def test_severity_is_that_of_the_code(desk: Desk) -> None:
    loaded = desk.check(registry("tls: {insecureSkipVerify: true}", "endpoint: h/path"))
    assert [(each.code, each.severity) for each in loaded.diagnostics] == [
        ("RS130", Severity.WARNING),
        ("RS121", Severity.ERROR),
    ]


def test_all_files_are_reported_together_sorted_by_position(desk: Desk) -> None:
    desk.write("registries/b.yaml", registry("polcy: {}", "provider: pakc"))
    desk.write("registries/a.yaml", "a: [\n")
    loaded = desk.load("registries", "gone.yaml")
    assert [str(each.origin or "") for each in loaded.diagnostics] == [
        "",
        "registries/a.yaml:2:1",
        "registries/b.yaml:9:3",
        "registries/b.yaml:10:13",
    ]
    assert loaded.files == 2


def test_a_good_document_is_declared_beside_a_bad_one(desk: Desk) -> None:
    loaded = desk.check(registry() + "---\n" + registry("type: nothing").replace("prod", "bad"))
    assert [each.spec.name for each in loaded.declarations] == ["prod"]
    assert [each.code for each in loaded.diagnostics] == ["RS110"]


@pytest.mark.parametrize(
    ("line", "code", "mark", "advice"),
    [
        ("polcy: {}", "RS106", "polcy", "did you mean `policy`?"),
        ("basecontentpaths: [a]", "RS106", "basecontentpaths", "did you mean `baseContentPaths`?"),
        ("project: {}", "RS106", "project", "only registries of type harbor have it"),
        ("regions: [us-east-1]", "RS106", "regions", "only registries of type ecr have it"),
        (
            "repositories: {create: false}",
            "RS106",
            "create",
            "only registries of type ecr, ecr-public have it",
        ),
        ("provider: heml", "RS110", "heml", "did you mean `helm`?"),
        ("content: [{absent: 1.10}]", "RS109", "1.10", 'quote it: "1.10"'),
        ("synchronization: on", "RS108", "on", "write `true` or `false`"),
        ("policy: {maxDeletes: '7'}", "RS108", "'7'", "leave the quotes out"),
        ("baseContentPaths: team", "RS108", "team", "write `[team]`"),
        ("policy: {protect: '*/a:*'}", "RS108", "'*/a:*'", 'write `["*/a:*"]`'),
        (
            "content: [{absent: 'old:*'}]",
            "RS111",
            "'old:*'",
            "a tombstone names one version; `prune: managed` drops all that no manifest names",
        ),
        (
            "content: [{absent: 'm/spectro-packs/archive/old:1.0'}]",
            "RS111",
            "'m/spectro-packs/archive/old:1.0'",
            "leave the path out: a tombstone is NAME:VERSION",
        ),
        (
            "tls: {caFile: gone.pem}",
            "RS128",
            "gone.pem",
            "paths are relative to the manifest's folder: registries",
        ),
        ("content: [{packs: 'p/{a,b}'}]", "RS126", "'p/{a,b}'", "braces are not expanded; write a list"),
        ("content: [{set: x}]", "RS125", "x", "no file of this run has a ContentSet"),
        (
            "content: [{packs: gone}]",
            "RS126",
            "gone",
            "paths are relative to the manifest's folder: registries",
        ),
    ],
)
def test_a_finding_marks_what_is_wrong_and_says_what_to_do(
    desk: Desk, line: str, code: str, mark: str, advice: str
) -> None:
    found = desk.found(registry(line))
    assert (found.code, marked(found), found.help) == (code, mark, advice)


def test_the_text_as_written_is_quoted_never_the_number(desk: Desk) -> None:
    found = desk.found(registry("content: [{absent: 1.10}]"))
    assert "`1.10`" in found.summary
    assert not re.search(r"1\.1\b(?!0)", found.summary)


@pytest.mark.parametrize("written", ["1.10", "012", "1e3", "1_000", "0x1F", "2024-01-01", "true", ".5", "10"])
def test_an_unquoted_scalar_is_refused_where_text_is_meant(desk: Desk, written: str) -> None:
    found = desk.found(registry(f"baseContentPaths: [{written}]"))
    assert (found.code, marked(found), found.help) == ("RS109", written, f'quote it: "{written}"')


@pytest.mark.parametrize("written", ["yes", "1.2.3", "v1", '"1.10"', "'012'", "!!str 110"])
def test_what_yaml_reads_as_text_needs_no_quotes(desk: Desk, written: str) -> None:
    declaration = desk.declared(registry(f"baseContentPaths: [{written}]"))
    assert declaration.spec.base_content_paths == (written.removeprefix("!!str ").strip("\"'"),)


@pytest.mark.parametrize(
    "auth",
    [
        "auth: {method: basic, username: bot, password: hunter2}",
        "auth: {method: basic, username: bot, password: [hunter2]}",
        "auth: {method: basic, username: bot, pasword: hunter2}",
        "auth: {method: basic, username: bot, password: {env: hunter2!}}",
        "auth: {method: basic, username: bot, password: {value: hunter2}}",
        "auth:\n    method: basic\n    username: bot\n    password:\n      hunter2",
        "auth: {method: token, token: hunter2",
        "endpoint: https://bot:hunter2@harbor.example.com",
        "endpoint: bot:hunter2@harbor.example.com",
        "connectTo: https://hunter2@harbor.example.com",
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(desk: Desk, auth: str) -> None:
    loaded = desk.check(registry(auth))
    assert loaded.declarations == ()
    assert "hunter2" not in repr(loaded.diagnostics)


@pytest.mark.parametrize(
    ("auth", "codes"),
    [
        ("{method: bsic, username: bot, password: hunter2}", ["RS110", "RS115"]),
        ("{method: password, username: bot, password: hunter2}", ["RS110", "RS115"]),
        ("{username: bot, password: hunter2}", ["RS107", "RS115"]),
        ("{metod: basic, username: bot, password: hunter2}", ["RS106", "RS115"]),
    ],
)
def test_a_login_is_judged_by_the_method_that_was_probably_meant(
    desk: Desk, auth: str, codes: list[str]
) -> None:
    found = desk.check(registry(f"auth: {auth}")).diagnostics
    assert sorted(each.code for each in found) == codes


def test_the_help_for_a_secret_shows_a_reference(desk: Desk) -> None:
    found = desk.found(registry("auth: {method: token, token: hunter2}"))
    assert (found.code, marked(found)) == ("RS115", "token")
    assert "{env: NAME}" in (found.help or "")


def test_a_duplicate_names_both_positions(desk: Desk) -> None:
    desk.write("a.yaml", registry())
    desk.write("b.yaml", registry("endpoint: elsewhere.example.com"))
    (found,) = desk.load("a.yaml", "b.yaml").diagnostics
    assert (found.code, str(found.origin)) == ("RS123", "b.yaml:3:18")
    assert [str(each.origin) for each in found.related] == ["a.yaml:3:18"]


def test_control_characters_of_a_manifest_reach_no_terminal(desk: Desk) -> None:
    found = desk.found(registry(r'content: [{packs: "\e[2J*"}]'))
    assert "\x1b" not in found.summary
    assert r"\x1b[2J" in found.summary
