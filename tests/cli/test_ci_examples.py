"""The examples for CI systems against what those systems publish: schemas, linters, and the options that regsync has."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from typer.main import get_command

from regsync.cli.app import app
from regsync.cli.console import Console
from regsync.cli.reports import parse
from tests.support.checkout import IDENTITY, git
from tests.support.project import Project
from tests.support.servers import tool
from tests.support.workflows import stand_ins

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples/ci"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
KUBERNETES = ROOT / "tests/data/schemas/kubernetes-1.34.json"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
WITH_COMMANDS = [
    *WORKFLOWS,
    CI / "gitlab/.gitlab-ci.yml",
    CI / "azure/azure-pipelines.yml",
    CI / "kubernetes/cronjob.yaml",
    HOOKS,
]


def program(*command: str | Path) -> None:
    """Run a checker that comes as a Python package; what it says is the failure's text."""
    ran = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[:4000]


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda each: each.stem)
def test_workflows_for_github_follow_its_schema(file: Path) -> None:
    program("check_jsonschema", "--builtin-schema", "vendor.github-workflows", file)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda each: each.stem)
def test_workflows_for_github_pass_actionlint(file: Path) -> None:
    lint = (tool("actionlint"), "-shellcheck=", "-pyflakes=", file)
    ran = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda each: each.stem)
def test_workflows_for_github_have_no_more_rights_than_they_say_and_no_text_in_their_shell(
    file: Path,
) -> None:
    [workflow] = documents(file)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]["contents"] == "read"
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), step["name"]  # a title with $(…) in it would be run
    assert "pull_request_target" not in workflow["on" if "on" in workflow else True]


def test_the_pipeline_for_gitlab_follows_its_schema() -> None:
    file = CI / "gitlab/.gitlab-ci.yml"
    program("check_jsonschema", "--data-transform", "gitlab-ci", "--builtin-schema", "vendor.gitlab-ci", file)


def _as_azure_reads(node: Any) -> Any:
    """Azure takes every scalar for a text, and so does its schema, but for what belongs to tasks."""
    if isinstance(node, dict):
        return node if "task" in node else {key: _as_azure_reads(each) for key, each in node.items()}
    if isinstance(node, list):
        return [_as_azure_reads(each) for each in node]
    return node if isinstance(node, str) else json.dumps(node)


def test_the_pipeline_for_azure_follows_its_schema(tmp_path: Path) -> None:
    instance = tmp_path / "pipeline.json"
    instance.write_text(json.dumps(_as_azure_reads(YAML(typ="safe").load(CI / "azure/azure-pipelines.yml"))))
    patterns = ("--regex-variant", "nonunicode")
    program("check_jsonschema", *patterns, "--builtin-schema", "vendor.azure-pipelines", instance)


def test_objects_of_kubernetes_follow_its_schemas() -> None:
    schema = json.loads(KUBERNETES.read_text())
    found = documents(CI / "kubernetes/cronjob.yaml")
    assert [each["kind"] for each in found] == [
        "ServiceAccount",
        "ConfigMap",
        "PersistentVolumeClaim",
        "CronJob",
    ]
    for each in found:
        kind = {**schema, "$ref": f"#/$defs/{each['kind']}"}
        assert [error.message for error in Draft202012Validator(kind).iter_errors(each)] == []
        assert each["metadata"]["namespace"] == "regsync"


def test_the_pod_may_do_little_and_its_images_are_pinned() -> None:
    [*_, job] = documents(CI / "kubernetes/cronjob.yaml")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsNonRoot"]
    volumes = {each["name"] for each in pod["volumes"]}
    for each in (*pod["initContainers"], *pod["containers"]):
        assert each["securityContext"]["readOnlyRootFilesystem"]
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert re.search(r":v?\d+\.\d+\.\d+$", each["image"])
        assert {mount["name"] for mount in each["volumeMounts"]} <= volumes


def test_the_patch_that_heals_names_what_is_there() -> None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("needs the program kubectl")
    [*_, job] = documents(CI / "kubernetes/cronjob.yaml")
    patch = (
        "patch",
        "--local",
        "--filename",
        "-",
        "--patch-file",
        CI / "kubernetes/self-heal.yaml",
        "--output",
        "json",
    )
    ran = subprocess.run(
        [kubectl, *patch], input=json.dumps(job), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    pod = json.loads(ran.stdout)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert {"name": "MODE", "value": "apply"} in container["env"]
    assert len([each for each in container["env"] if each["name"] == "MODE"]) == 1
    assert pod["serviceAccountName"] == "regsync-apply"


def test_alerts_speak_of_metrics_that_are_written(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.pack()
    project.registry()
    assert project.run("plan", "--report", "prometheus=regsync.prom").status == 0
    families = text_string_to_metric_families((tmp_path / "regsync.prom").read_text())
    written = {each.name: each.labels.keys() for family in families for each in family.samples}

    [rules] = documents(CI / "prometheus/rules.yml")
    [group] = rules["groups"]
    assert rules.keys() == {"groups"}
    assert group.keys() == {"name", "rules"}
    for rule in group["rules"]:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        promql_parser.parse_duration(rule["for"])
        expression = promql_parser.parse(rule["expr"]).prettify()
        metrics = set(re.findall(r"regsync_\w+", expression))
        assert metrics <= written.keys()
        labels = set().union(*(written[each] for each in metrics))
        assert set(re.findall(r"(\w+)=~?\"", expression)) <= labels
        assert set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))) <= labels


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of all command lines in a text that run regsync."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for found in re.finditer(r"^\s*(?:run: |- bash: |entry: )?regsync (.+)$", joined, re.MULTILINE):
        words = shlex.split(re.split(r" (?:\|\|?|>|&&)(?: |$)", found[1])[0])
        yield [each for each in words if not each.startswith("#")]


@pytest.mark.parametrize("file", WITH_COMMANDS, ids=lambda each: f"{each.parent.name}-{each.name}")
def test_every_command_line_has_options_that_exist(file: Path) -> None:
    found = list(commands(file.read_text()))
    assert len(found) == file.read_text().count("regsync validate -") + len(
        re.findall(r"^\s*regsync (?:-C \S+ )?(?:plan|apply|show) ", file.read_text(), re.MULTILINE)
    )
    program = get_command(app)
    for arguments in found:
        context = program.make_context("regsync", arguments, obj=Console({}))
        name, command, rest = program.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]
        asked = command.make_context(name, rest, parent=context)
        for report in asked.params.get("report") or ():
            parse(report)


def test_the_hook_for_pre_commit_is_well_formed() -> None:
    program("pre_commit", "validate-manifest", HOOKS)
    program("pre_commit", "validate-config", CI / "pre-commit/.pre-commit-config.yaml")
    [[hook]] = documents(HOOKS)
    [repository] = documents(CI / "pre-commit/.pre-commit-config.yaml")[0]["repos"]
    assert [each["id"] for each in repository["hooks"]] == [hook["id"]]


def test_the_hook_finds_what_must_not_be_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{stand_ins(tmp_path / 'bin')}:{tool('git').parent}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "engine"))
    project = Project(tmp_path / "project")
    project.registry()
    project.pack()
    [[hook]] = documents(HOOKS)
    [asked] = documents(CI / "pre-commit/.pre-commit-config.yaml")[0]["repos"][0]["hooks"]
    local = {
        **hook,
        "language": "system",
        "args": asked["args"],
    }  # regsync as it is here, and not installed anew
    project.write(".pre-commit-config.yaml", json.dumps({"repos": [{"repo": "local", "hooks": [local]}]}))
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "Begin")
    git(project.root, "update-ref", "refs/remotes/origin/main", "HEAD")

    def hooks() -> subprocess.CompletedProcess[str]:
        git(project.root, "add", "-A")
        run = [sys.executable, "-m", "pre_commit", "run", "--color", "never"]
        return subprocess.run(run, cwd=project.root, capture_output=True, text=True, check=False)

    project.pack("redis")
    assert hooks().returncode == 0
    project.pack("nginx", values="replicas: 3\n")
    kept = hooks()
    assert kept.returncode == 1
    assert "packs/nginx-1.25.0" in kept.stdout
