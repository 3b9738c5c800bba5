"""How the program starts: quickly, with usage errors told apart from everything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import regsync

HEAVY = ("boto3", "botocore", "http", "jsonschema", "jinja2", "rich", "ruamel", "urllib3")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["plan", "--help"], ["apply", "--help"]])
def test_help_and_version_load_no_room_that_they_do_not_need(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom regsync.cli.main import run\n"
        f"status = run({arguments!r})\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(eval(done.stderr))
    assert not loaded & set(HEAVY)
    assert done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["plan", "--no-such-option"],
        ["plan", "--parallelism", "0"],
        ["plan", "--detail", "everything"],
        ["-C", "no-such-directory", "plan"],
        ["explain", "RS999"],
        ["schema", "Regstry"],
    ],
)
def test_usage_errors_exit_with_64_and_print_nothing_on_stdout(arguments: list[str], tmp_path: Path) -> None:
    ran = regsync(*arguments, cwd=tmp_path)
    assert (ran.status, ran.out) == (64, "")
    assert ran.err.startswith("error: ")


def test_a_usage_error_under_json_is_json(tmp_path: Path) -> None:
    ran = regsync("plan", "--json", "--no-such-option", cwd=tmp_path)
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.status == 64
    assert records[-1]["@level"] == "error"


def test_without_a_path_and_without_a_registries_folder_it_says_what_to_name(tmp_path: Path) -> None:
    ran = regsync("plan", cwd=tmp_path)
    assert ran.status == 64
    assert "registries/" in ran.err


def test_every_option_names_its_variable_in_the_help() -> None:
    for command in ("plan", "apply", "validate", "show"):
        ran = regsync(command, "--help")
        options = ran.out.partition("Options:")[2].split("\n  --")[1:]
        for option in options:
            if not option.startswith("help"):
                assert "env var: REGSYNC_" in " ".join(option.split()), option


def test_every_code_is_explained() -> None:
    listed = regsync("explain")
    assert listed.status == 0
    for line in listed.out.splitlines():
        code = line.split()[0]
        assert regsync("explain", code).out.startswith(f"{code}: ")
