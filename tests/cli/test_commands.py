"""What the options promise: each does what its help says, by its variable as well, and none does so by accident."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import jsonschema
import pytest

from regsync.manifest.schema import schema_text
from tests.support.cli import Ran, regsync
from tests.support.memory_server import MemoryServer
from tests.support.project import Project, told

NGINX = "edge/team/spectro-packs/archive/nginx:1.25.0"
PACK_10 = "prod/team/spectro-packs/archive/pack-10:1.0.0"
VALUES = "replicas: {}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which every option of a plan makes a difference.

    In edge, nginx was changed and belongs to another owner. In prod, k8s is new, and of eleven packs the protected
    pack-10 is to go.
    """
    project = Project(tmp_path)
    for number in range(11):
        project.pack(f"pack-{number:02}", "1.0.0")
    project.registry(content="- packs: ../packs/pack-*")
    project.pack(values=VALUES.format(1))
    project.registry("edge", endpoint="../edge", owner="data-team", content="- packs: ../packs/nginx-*")
    assert project.run("apply", "--auto-approve").status == 0
    project.pack(values=VALUES.format(3))
    project.registry(
        "edge", endpoint="../edge", policy="{overwrite: allow}", content="- packs: ../packs/nginx-*"
    )
    project.pack("k8s", "1.29.1")
    project.registry(
        policy='{prune: managed, maxDeletes: 0, maxDeleteShare: 5, protect: ["pack-10:*"]}',
        content="- packs: ../packs/k8s-*\n- packs: \"../packs/{{ var.kept | default('pack-0*') }}\"",
    )
    project.write("more.yaml", "kept: pack-0[0-8]*\n")
    return project


PLANNING = {
    "--target": "*nginx*",
    "--exclude": "*nginx*",
    "--var": "kept=pack-0[0-8]*",
    "--var-file": "more.yaml",
    "--max-deletes": "2",
    "--max-delete-share": "50",
    "--allow-empty": "prod",
    "--unprotect": PACK_10,
    "--adopt": NGINX,
}


def variable(option: str) -> str:
    return "REGSYNC_" + option.lstrip("-").replace("-", "_").upper()


def same(*runs: Ran) -> bool:
    """Whether runs said the same, times apart."""
    texts = {told(("", each)) for each in runs}
    return len(texts) == 1


def by_variable(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str | None, run: Callable[[], Ran]
) -> Ran:
    with monkeypatch.context() as patch:
        patch.setenv(variable(option), "1" if value is None else value)
        return run()


@pytest.mark.parametrize("option", [*PLANNING, "--detail"])
def test_options_of_a_plan(project: Project, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if option == "--allow-empty":
        project.registry(policy="{prune: managed}", content='- absent: "old:1.0.0"')
    value = PLANNING.get(option, "summary")
    given = project.run("plan", option, value)
    assert same(given, by_variable(monkeypatch, option, value, lambda: project.run("plan")))
    assert not same(given, project.run("plan"))


def test_the_detailed_exit_code(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = ("plan", "--target", "*k8s*")
    given = project.run(*harmless, "--detailed-exitcode")
    meant = by_variable(monkeypatch, "--detailed-exitcode", None, lambda: project.run(*harmless))
    assert [project.run(*harmless).status, given.status, meant.status] == [0, 2, 2]
    assert project.run("plan", "--detailed-exitcode").status == 4  # a guard that refuses outweighs changes


def test_several_values_in_one_variable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_TARGET", "*nginx* *k8s*")
    assert "1 to add" in project.run("plan").out
    assert "nginx:1.25.0" in project.run("plan").out


def test_the_command_line_wins(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_TARGET", "*nothing*")
    monkeypatch.setenv("REGSYNC_DETAIL", "full")
    plan = project.run("plan", "--target", "*k8s*", "--detail", "summary")
    assert "k8s:1.29.1" in plan.out
    assert "from   packs" not in plan.out


def test_template_variables_come_from_three_places(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_VAR__kept", "pack-0[0-7]*")
    assert "3 to delete" in project.run("plan").out
    assert "2 to delete" in project.run("plan", "--var-file", "more.yaml").out
    assert "0 to delete" in project.run("plan", "--var-file", "more.yaml", "--var", "kept=pack-*").out


# Saved plans


@pytest.mark.parametrize("option", PLANNING)
def test_beside_a_saved_plan_planning_options_are_wrong(project: Project, option: str) -> None:
    project.run("plan", "--out", "plan.json", "--target", "*k8s*")
    ran = project.run("apply", "plan.json", option, PLANNING[option])
    assert ran.status == 64
    assert f"error: Invalid value for {option}: a saved plan has recorded its options" in ran.err
    assert "k8s" not in "".join(project.files())


def test_beside_a_saved_plan_their_variables_are_ignored(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("plan", "--out", "plan.json", "--target", "*k8s*")
    for option, value in PLANNING.items():
        monkeypatch.setenv(variable(option), value)
    monkeypatch.setenv("REGSYNC_VAR__kept", "nothing-*")
    ran = project.run("apply", "plan.json")
    assert (ran.status, "Apply complete! 1 added, 0 changed, 0 deleted." in ran.out) == (0, True)


def test_a_saved_plan_stands_alone(project: Project) -> None:
    project.run("plan", "--out", "plan.json")
    ran = project.run("apply", "plan.json", "registries")
    assert (ran.status, "plan.json is a saved plan and stands alone" in ran.err) == (64, True)


def test_a_saved_plan_is_shown_in_every_form(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = project.run("plan", "--out", "plan.json")
    shown = project.run("show", "plan.json")
    assert shown.out.splitlines()[1:] == planned.out.splitlines()[1:]  # all but what was observed, and when
    assert len(project.run("show", "plan.json", "--detail", "full").out) > len(shown.out)
    as_json = project.run("show", "plan.json", "--json")
    assert json.loads(as_json.out) == json.loads((project.root / "plan.json").read_text())
    jsonschema.validate(json.loads(as_json.out), json.loads(schema_text("plan")))
    assert same(as_json, by_variable(monkeypatch, "--json", None, lambda: project.run("show", "plan.json")))


def test_a_plan_is_saved_by_variable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    by_variable(monkeypatch, "--out", "by-variable.json", lambda: project.run("plan"))
    assert project.run("show", "by-variable.json").status == 0


# Apply


def test_approval_by_variable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_TARGET", "*k8s*")
    assert project.run("apply").status == 4
    ran = by_variable(monkeypatch, "--auto-approve", None, lambda: project.run("apply"))
    assert (ran.status, "Apply complete! 1 added" in ran.out) == (0, True)


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Project]:
    """A project whose registry takes no pack."""
    project = Project(tmp_path)
    for number in range(12):
        project.pack(f"pack-{number:02}", "1.0.0")
    with MemoryServer() as server:
        server.on("POST .*pack-", (403, {}, b""))
        project.registry(endpoint=server.url)
        yield project


def test_fail_fast(failing: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(*options: str) -> Ran:
        return failing.run("apply", "--auto-approve", "--parallelism", "1", *options)

    assert "applied 1, failed 12, skipped 0" in apply().out
    for ran in (apply("--fail-fast"), by_variable(monkeypatch, "--fail-fast", None, apply)):
        assert "applied 0, failed 1, skipped 11" in ran.out
        assert "failed (--fail-fast)" in ran.out


def test_parallelism(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert project.run("plan", "--parallelism", "0").status == 64
    ran = by_variable(monkeypatch, "--parallelism", "0", lambda: project.run("plan"))
    assert (ran.status, "--parallelism" in ran.err) == (64, True)


# Validate


@pytest.mark.parametrize(
    ("option", "value"), [("--strict", None), ("--format", "concise"), ("--var", "kept=k8s-*")]
)
def test_options_of_validate(
    project: Project, option: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("packs/pack-00-1.0.0/values.yaml", "pack: {}\n")
    plain = project.run("validate")
    given = project.run("validate", option, *([value] if value else []))
    assert not same(plain, given)
    assert same(given, by_variable(monkeypatch, option, value, lambda: project.run("validate")))


# Options before the command


def test_another_directory(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    here = project.run("plan", "--target", "*k8s*")
    there = regsync("-C", project.root, "plan", "--target", "*k8s*", "--out", "plan.json")
    assert same(here, Ran(there.status, there.out, ""))
    assert f"apply exactly this with: regsync -C {project.root} apply plan.json" in there.err
    monkeypatch.setenv("REGSYNC_C", str(project.root))
    assert regsync("apply", "plan.json").status == 0


def test_a_saved_plan_says_what_may_be_done_with_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for name in range(6):
        project.pack(f"pack-{name}")
    project.registry(policy="{prune: managed, maxDeletes: 2}")
    assert project.run("apply", "--auto-approve").status == 0
    nothing = project.run("plan", "--out", "plan.json")
    assert nothing.err == "saved to plan.json; there is nothing in it to apply\n"
    for name in range(4):
        shutil.rmtree(project.root / f"packs/pack-{name}-1.25.0")
    refused = project.run("plan", "--out", "plan.json")
    assert refused.err.startswith("saved to plan.json; apply refuses it while a guard stands against it")
    assert project.run("apply", "plan.json").status == 4


def test_quiet_keeps_results_only(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = ("apply", "--auto-approve", "--target", "*k8s*")
    ran = project.run("-q", *apply)
    assert (ran.status, ran.err) == (0, "")
    assert "Apply complete!" in ran.out
    assert by_variable(monkeypatch, "--quiet", None, lambda: project.run("plan", "--out", "p.json")).err == ""


def test_verbose_logs_every_request(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with MemoryServer() as server:
        project.registry(endpoint=server.url, content="- packs: ../packs/k8s-*")
        ran = project.run("-v", "plan")
        logged = [line.partition(": ")[0].replace(server.url, "") for line in ran.err.splitlines()]
        assert sorted(logged) == sorted(server.requests)
        assert "GET http://" in by_variable(monkeypatch, "--verbose", None, lambda: project.run("plan")).err


def test_a_log_in_json_is_json_to_its_last_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        project.run("--log-format", "json", "apply", "--auto-approve", "--target", "*k8s*"),
        by_variable(monkeypatch, "--log-format", "json", lambda: project.run("-v", "apply")),
        project.run("--log-format", "json", "plan", "no-such-path"),
    ]
    for ran in runs:
        records = [json.loads(line) for line in ran.err.splitlines()]
        assert records
        assert all({"@level", "@message", "@timestamp", "type"} <= record.keys() for record in records)
    assert records[-1]["@level"] == "error"


def test_a_misplaced_option_is_told_its_place(project: Project) -> None:
    ran = project.run("plan", "-q")
    assert (ran.status, "help: -q stands before the command: regsync -q plan" in ran.err) == (64, True)


# Event streams


STREAMS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "a plan that a guard refuses": (4, ("plan", "--json")),
    "an apply that a guard refuses": (4, ("apply", "--json", "--auto-approve")),
    "an apply": (0, ("apply", "--json", "--auto-approve", "--target", "*k8s*")),
    "a usage error": (64, ("plan", "--json", "--no-such-option")),
    "a refusal to ask": (64, ("apply", "--json")),
    "bad manifests": (3, ("plan", "--json", "no-such-path")),
    "no plan": (64, ("show", "--json", "no-such-plan.json")),
}


@pytest.mark.parametrize("name", STREAMS)
def test_an_event_stream_is_one_to_its_last_line(project: Project, name: str) -> None:
    status, arguments = STREAMS[name]
    ran = project.run(*arguments)
    records = [json.loads(line) for line in ran.out.splitlines()]
    schema = json.loads(schema_text("events"))
    for record in records:
        jsonschema.validate(record, schema)
    assert (ran.status, records[0]["type"], ran.err) == (status, "version", "")
    assert [each["type"] for each in records].count("version") == 1
    if status:
        assert records[-1]["@level"] == "error" or status == 4


@pytest.mark.parametrize("path", ["registries", "no-such-path"])
def test_an_event_stream_by_variable(project: Project, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = by_variable(monkeypatch, "--json", None, lambda: project.run("plan", path))
    assert json.loads(ran.out.splitlines()[0])["type"] == "version"
    assert ran.err == ""


def test_text_and_stream_count_alike(project: Project) -> None:
    text = project.run("plan").out
    records = [json.loads(line) for line in project.run("plan", "--json").out.splitlines()]
    (counts,) = (each["changes"] for each in records if each["type"] == "change_summary")
    assert f"Plan: {counts['add']} to add, {counts['change']} to change, {counts['remove']} to delete" in text
    assert f"{counts['blocked']} blocked. {counts['unchanged']} unchanged" in text


# Statuses


def test_what_is_worse_decides_the_status(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    every = ("plan", "--detailed-exitcode")
    assert project.run(*every, "--target", "*k8s*").status == 2
    assert project.run(*every, "--target", "*k8s*", "--target", "*nginx*").status == 4
    project.registry("down", endpoint="http://127.0.0.1:1", path="other", content="- packs: ../packs/k8s-*")
    assert project.run(*every).status == 1
    project.write("registries/bad.yaml", "kind: Registry\n")
    assert project.run(*every).status == 3
    assert project.run(*every, "--parallelism", "0").status == 64


def test_without_a_command_the_help_is_shown() -> None:
    for arguments in ([], ["registries"], ["config"]):
        ran = regsync(*arguments)
        assert (ran.status, ran.out) == (64, "")
        assert ran.err.startswith("Usage: regsync")


# Settings


def test_settings_are_shown_with_their_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_DETAIL", "full")
    monkeypatch.setenv("REGSYNC_VAR__region", "eu")
    monkeypatch.setenv("REGSYNC_PARALELISM", "hunter2")
    lines = {line.split()[0]: line.split(None, 1)[1] for line in regsync("config", "show").out.splitlines()}
    assert lines["REGSYNC_DETAIL"] == "full  (environment)"
    assert lines["REGSYNC_VAR__region"] == "eu  (environment)"
    assert lines["REGSYNC_PARALLELISM"] == "8  (default)"
    assert lines["REGSYNC_ADOPT"] == "(not set)"
    assert lines["REGSYNC_PARALELISM"] == "(set, but no option of regsync)"


def test_schemas_are_printed_as_they_are_shipped() -> None:
    for name in regsync("schema").out.splitlines():
        jsonschema.Draft7Validator.check_schema(json.loads(regsync("schema", name).out))


def test_the_version_is_one_line() -> None:
    assert regsync("version").out.startswith("regsync ")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--target=nginx:*", "matches nothing"),
        ("--exclude=nothing", "matches nothing"),
        ("--exclude=live@nonsense/*", "matches nothing"),
        ("--allow-empty=NONSENSE", "names nothing"),
        ("--adopt=live/team/nope:1.0", "names nothing"),
        ("--unprotect=nginx:1.25.0", "names nothing"),
    ],
)
def test_an_option_that_names_nothing_is_a_usage_error(project: Project, option: str, said: str) -> None:
    before = project.files()
    for command in (["plan"], ["apply", "--auto-approve"]):
        ran = project.run(*command, option)
        assert ran.status == 64
        assert said in ran.err
    assert project.files() == before


def test_the_directory_of_the_run_may_be_relative(project: Project) -> None:
    for where in (project.root.parent, project.root / "packs"):
        ran = regsync("-C", os.path.relpath(project.root, where), "plan", cwd=where)
        assert same(ran, project.run("plan"))


def test_a_plan_is_written_through_a_link_and_into_a_pipe(project: Project, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("")
    (tmp_path / "link.json").symlink_to(kept)
    project.run("plan", "--out", tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads(kept.read_text())["format_version"]
    assert "saved to /dev/null" in project.run("plan", "--out", "/dev/null").err
    assert Path("/dev/null").is_char_device()
    assert project.run("plan", "--out", "-").status == 64
