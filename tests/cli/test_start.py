"""How the program starts: quickly, with usage errors told apart from everything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import regsync
from tests.support.project import Project
from tests.support.team import Team

HEAVY = ("boto3", "botocore", "http", "jsonschema", "jinja2", "rich", "ruamel", "urllib3")
SDK = ("boto3", "botocore", "urllib3")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["plan", "--help"], ["apply", "--help"]])
def test_help_and_version_load_no_room_that_they_do_not_need(arguments: list[str]) -> None:
    assert not loaded_by(*arguments) & set(HEAVY)


def test_a_plan_without_amazon_ecr_does_not_load_the_sdk_of_aws(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.pack()
    project.registry()
    assert loaded_by("-C", str(tmp_path), "plan").isdisjoint(SDK)


@pytest.mark.parametrize("command", ["validate", "iam", "endpoints"])
def test_only_what_reaches_amazon_ecr_loads_the_sdk_of_aws(command: str, tmp_path: Path) -> None:
    team = Team(tmp_path, "123456789012.dkr.ecr.us-east-1.amazonaws.com", "team", type="ecr")
    team.pack()
    assert loaded_by("-C", str(tmp_path), command).isdisjoint(SDK)


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


def loaded_by(*arguments: str) -> set[str]:
    """The names of all top-level modules that a process has loaded by the end of a command, which succeeds and prints."""
    script = (
        "import json, sys\nfrom regsync.cli.main import run\n"
        f"status = run({arguments!r})\n"
        "print(json.dumps([name.partition('.')[0] for name in sys.modules]), file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout
    return set(json.loads(done.stderr.splitlines()[-1]))
