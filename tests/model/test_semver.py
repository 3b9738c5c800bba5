from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from regsync.model.semver import Range, is_strict, matching, parse_version
from tests.support.scripted import Answer, ScriptedServer
from tests.support.servers import tool

LADDER = [
    "0.0.3",
    "0.2.3",
    "0.2.4",
    "0.3.0",
    "1.2.2",
    "1.2.3",
    "1.2.4",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0",
    "2.1.0",
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1.2.3", ["1.2.3"]),
        ("=1.2.3", ["1.2.3"]),
        ("v1.2.3", ["1.2.3"]),
        ("1.2", ["1.2.4", "1.2.3", "1.2.2"]),
        ("1.2.x", ["1.2.4", "1.2.3", "1.2.2"]),
        ("~1.2.3", ["1.2.4", "1.2.3"]),
        ("~1", ["1.10.0", "1.2.4", "1.2.3", "1.2.2"]),
        ("^1.2.3", ["1.10.0", "1.2.4", "1.2.3"]),
        ("^0.2.3", ["0.2.4", "0.2.3"]),
        ("^0.0.3", ["0.0.3"]),
        ("^0", ["0.3.0", "0.2.4", "0.2.3", "0.0.3"]),
        (">=1.2.4 <2", ["1.10.0", "1.2.4"]),
        (">=1.2.4, <2.0.0", ["1.10.0", "1.2.4"]),
        ("<0.1 || >2", ["0.0.3"]),
        ("<0.1.0 || >2.0.0", ["2.1.0", "0.0.3"]),
        ("1.2.3 - 1.10", ["1.10.0", "1.2.4", "1.2.3"]),
        (">1.2", ["2.1.0", "2.0.0", "1.10.0"]),
        ("<=1.2", ["1.2.4", "1.2.3", "1.2.2", "0.3.0", "0.2.4", "0.2.3", "0.0.3"]),
        ("!=1.x, >=1", ["2.1.0", "2.0.0"]),
        ("2.0.0-rc.1", ["2.0.0-rc.1"]),
        ("~2.0.0-0", ["2.0.0", "2.0.0-rc.1"]),
        (">=2.0.0-rc.0 <2.1", ["2.0.0", "2.0.0-rc.1"]),
    ],
)
def test_a_range_finds_the_versions_that_helm_finds_newest_first(wanted: str, found: list[str]) -> None:
    assert matching(wanted, LADDER) == found


def test_any_version_is_the_newest_that_is_no_prerelease() -> None:
    assert matching("*", ["1.0.0", "2.0.0-beta"]) == ["1.0.0"]


def test_a_version_of_the_very_same_name_comes_before_the_range() -> None:
    assert matching("1.2", ["1.2", "1.2.9"]) == ["1.2"]


def test_prereleases_are_ordered_by_number_and_below_their_release() -> None:
    assert matching(">=1.0.0-0", ["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.0-rc", "1.0.0-alpha"]) == [
        "1.0.0",
        "1.0.0-rc.10",
        "1.0.0-rc.2",
        "1.0.0-rc",
        "1.0.0-alpha",
    ]


def test_what_is_no_version_is_never_found() -> None:
    assert matching("*", ["latest", "1.0.0-01", "", "1.0.0", "9" * 5000]) == ["1.0.0"]


@pytest.mark.parametrize(
    "text",
    [
        "latest",
        "1.2.3.4",
        ">>1",
        "1.2 ||",
        "~1.2;",
        "^",
        "1.2.3-",
        "1.0.0-01",
        "1 " * 300,
        "||".join(["1"] * 33),
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"range|version"):
        Range(text)


def test_only_whole_versions_are_strict() -> None:
    assert is_strict("1.2.3+build.4")
    assert not any(map(is_strict, ["1.2", "v1.2.3", "~1.2.3", "01.2.3", "1.2.3-01"]))
    assert parse_version("v1.2") == parse_version("1.2.0+meta")


RANGES = Path(__file__).parents[1] / "data" / "ranges.txt"
SHELF = [
    *LADDER,
    "0.0.0",
    "1.2.3-alpha",
    "1.3.0-beta.2",
    "2.0.0-rc.2",
    "3.0",
    "v3.1.0-rc",
    "1.2.4+build.2",
    "0.1.0",
]


def test_the_real_helm_finds_the_same_versions(tmp_path: Path) -> None:
    entries = "".join(
        f"  - {{apiVersion: v2, name: web, version: '{each}', urls: ['{each}.tgz']}}\n" for each in SHELF
    )

    def serve(method: str, path: str, headers: object, body: bytes) -> Answer:
        is_index = path == "/index.yaml"
        return (
            (200, {}, f"apiVersion: v1\nentries:\n  web:\n{entries}".encode()) if is_index else (404, {}, b"")
        )

    with ScriptedServer(serve) as server:
        for wanted in RANGES.read_text(encoding="utf-8").splitlines():
            home = f"--repository-cache={tmp_path}", f"--repository-config={tmp_path}/none.yaml"
            command = [str(tool("helm")), "pull", "web", "--repo", server.url, "--version", wanted, *home]
            subprocess.run(command, capture_output=True, check=False)
            asked = [each.path for each in server.requests if each.path.endswith(".tgz")]
            server.requests.clear()
            ours = matching(wanted, SHELF)
            # Helm takes any of those that differ after the plus sign only.
            fit = [each for each in ours if parse_version(each) == parse_version(ours[0])]
            found = asked[0][1:].removesuffix(".tgz") if asked else None
            assert found in fit if fit else found is None, wanted
