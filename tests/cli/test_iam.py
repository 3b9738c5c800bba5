"""`iam` and `endpoints`: from manifests to what an administrator pastes, with no registry reached."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from regsync.manifest.schema import schema_text
from tests.support.iam import allowed_actions, allows
from tests.support.project import Project, told

Golden = Callable[[str, str], None]

ECR = """\
    apiVersion: regsync/v1
    kind: Registry
    metadata: {name: ecr-prod}
    spec:
      provider: pack
      type: ecr
      endpoint: "214575254960.dkr.ecr.{{ .spectro.system.aws.region }}.amazonaws.com"
      regions: [us-east-1, eu-west-1]
      baseContentPaths: ["{{ var.base | default('custom') }}"]
      auth: {method: sts, roleArn: "arn:aws:iam::214575254960:role/push-packs"}
      repositories: {tagMutability: IMMUTABLE, scanOnPush: true}
      content:
        - packs: ../packs/*
"""
COMMANDS = ("iam", "endpoints")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with two packs, for two regions of ECR and for a directory."""
    project = Project(tmp_path)
    project.pack()
    project.pack(version="1.26.0")
    project.write("registries/ecr.yaml", ECR)
    project.registry()
    return project


@pytest.mark.parametrize("command", ["plan", "apply", "lock", "validate", "registries check", *COMMANDS])
def test_without_manifests_the_help_names_the_command_that_ran(tmp_path: Path, command: str) -> None:
    ran = Project(tmp_path).run(*command.split())
    assert ran.status == 64
    assert f"help: regsync {command} PATH" in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_as_text(project: Project, golden: Golden, command: str) -> None:
    golden(f"cli/{command}", told((f"regsync {command}", project.run(command))))


@pytest.mark.parametrize("command", COMMANDS)
def test_as_json(project: Project, command: str) -> None:
    ran = project.run(command, "--format", "json")
    assert (ran.status, ran.err, ran.out.count("\n")) == (0, "", 1)
    Draft7Validator(json.loads(schema_text(command))).validate(json.loads(ran.out))


def test_policies_from_the_manifest_to_the_last_action(project: Project) -> None:
    (registry,) = json.loads(project.run("iam", "--format", "json").out)["registries"]
    apply = registry["policies"]["apply"]["document"]
    nginx = "arn:aws:ecr:eu-west-1:214575254960:repository/custom/spectro-packs/archive/nginx"
    assert allows(apply, "ecr:PutImageTagMutability", nginx)
    assert "ecr:BatchDeleteImage" not in allowed_actions(apply)
    project.write("registries/ecr.yaml", ECR + '        - absent: "nginx:1.24.0"\n')
    (registry,) = json.loads(project.run("iam", "--format", "json").out)["registries"]
    assert allows(registry["policies"]["apply"]["document"], "ecr:BatchDeleteImage", nginx)


@pytest.mark.parametrize("command", COMMANDS)
def test_variables_count(project: Project, command: str) -> None:
    assert "team-x/spectro-packs/archive" in project.run(command, "--var", "base=team-x").out


def test_a_pack_that_is_broken_is_no_matter_of_iam(project: Project) -> None:
    (project.root / "packs/nginx-1.25.0/pack.json").write_text("{")
    assert project.run("iam").status == 0
    assert project.run("endpoints").status == 3


def test_packs_that_are_not_checked_out_are_no_matter_of_iam(project: Project) -> None:
    granted = project.run("iam").out
    shutil.rmtree(project.root / "packs")
    ran = project.run("iam")
    assert (ran.status, ran.out) == (0, granted)


@pytest.mark.parametrize("command", COMMANDS)
def test_manifests_with_errors_yield_nothing(project: Project, command: str) -> None:
    project.write("registries/ecr.yaml", ECR.replace("214575254960", "2145"))
    ran = project.run(command)
    assert (ran.status, ran.out) == (3, "")
    assert "an account has 12 digits" in ran.err


@pytest.mark.parametrize(
    ("command", "path", "said"),
    [
        ("iam", "registries/prod.yaml", "no registry of type ecr or ecr-public in registries/prod.yaml"),
        ("endpoints", "sets.yaml", "no document of kind Registry in sets.yaml"),
    ],
)
def test_nothing_to_tell_is_an_error(project: Project, command: str, path: str, said: str) -> None:
    project.write(
        "sets.yaml",
        "apiVersion: regsync/v1\nkind: ContentSet\nmetadata: {name: all}\nspec: {content: [{packs: packs/*}]}\n",
    )
    ran = project.run(command, path)
    assert (ran.status, ran.out) == (64, "")
    assert said in ran.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_sdk_is_not_even_loaded(project: Project, command: str) -> None:
    script = (
        "import sys\nfrom regsync.cli.main import run\n"
        f"assert run(['-C', {str(project.root)!r}, {command!r}]) == 0\n"
        "assert 'botocore' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
