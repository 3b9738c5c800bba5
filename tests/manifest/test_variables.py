from __future__ import annotations

from pathlib import Path

import pytest

from regsync.manifest.variables import Variables
from regsync.model.errors import ManifestInvalid, UsageError
from tests.manifest.desk import Desk


def resolve(desk: Desk, *options: str, files: tuple[str, ...] = (), **environment: str) -> dict[str, object]:
    variables = Variables.resolve(options, [Path(each) for each in files], environment, root=desk.root)
    return dict(variables.values)


def test_an_option_wins_over_a_file_and_a_file_over_the_environment(desk: Desk) -> None:
    desk.write("one.yaml", "a: one\nb: one\nc: one\n")
    desk.write("two.yaml", "b: two\nc: two\n")
    environment = {f"REGSYNC_VAR__{name}": "environment" for name in "abcd"}
    assert resolve(desk, "c=option", files=("one.yaml", "two.yaml"), **environment) == {
        "a": "one",
        "b": "two",
        "c": "option",
        "d": "environment",
    }


def test_options_and_environment_are_text(desk: Desk) -> None:
    assert resolve(desk, "a=1.10", "b=", "c=x=y", REGSYNC_VAR__d="5", REGSYNC_VAR="e=1") == {
        "a": "1.10",
        "b": "",
        "c": "x=y",
        "d": "5",
    }


def test_a_file_keeps_numbers_truth_values_and_lists(desk: Desk) -> None:
    desk.write("vars.yaml", "text: '1.10'\nnumber: 5\ntruth: true\nlist: [a, 1]\n---\n# nothing\n")
    assert resolve(desk, files=("vars.yaml",)) == {
        "text": "1.10",
        "number": 5,
        "truth": True,
        "list": ["a", 1],
    }


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("version: 1.10", ["RS109"]),
        ("day: 2024-01-01\nlist: [1, 012]", ["RS109", "RS109"]),
        ("nothing:", ["RS117"]),
        ("nested: {a: b}", ["RS117"]),
        ("lists: [[a]]", ["RS117"]),
        ("a-b: c", ["RS117"]),
        ("_a: c", ["RS117"]),
        ("- a", ["RS117"]),
        ("a: 1\na: 2", ["RS103"]),
        ("a: [", ["RS102"]),
    ],
)
def test_what_a_file_may_not_hold_is_told_with_its_position(desk: Desk, text: str, codes: list[str]) -> None:
    desk.write("vars.yaml", text)
    with pytest.raises(ManifestInvalid) as caught:
        resolve(desk, files=("vars.yaml",))
    assert [each.code for each in caught.value.diagnostics] == codes
    assert all(each.origin and each.origin.file == "vars.yaml" for each in caught.value.diagnostics)


@pytest.mark.parametrize("option", ["a", "=x", "1a=x", "a-b=x", "__class__=x"])
def test_a_malformed_option_is_a_usage_error(desk: Desk, option: str) -> None:
    with pytest.raises(UsageError, match=option):
        resolve(desk, option)


def test_a_file_that_is_not_there_is_a_usage_error(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"no such file: gone\.yaml"):
        resolve(desk, files=("gone.yaml",))


def test_variables_of_a_saved_plan_are_checked_again() -> None:
    with pytest.raises(UsageError, match="`a` is neither text"):
        Variables({"a": {"b": "c"}})
