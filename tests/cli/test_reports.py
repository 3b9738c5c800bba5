"""Reports of real runs: what is asked for is written, however the run ends, and beside it nothing changes."""

from __future__ import annotations

import json
import re
import signal
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.support.cli import regsync
from tests.support.memory_server import MemoryServer
from tests.support.program import running
from tests.support.project import Project
from tests.support.servers import ROOT, DistributionServer
from tests.support.team import Team
from tests.support.watch import WatchingProxy

FILES = {
    "github": "annotations.txt",
    "github-output": "outputs.txt",
    "gitlab-codequality": "quality.json",
    "gitlab-terraform": "terraform.json",
    "json": "run.json",
    "junit": "junit.xml",
    "prometheus": "regsync.prom",
    "sarif": "run.sarif",
    "text": "run.txt",
}
ALL = [argument for name, path in FILES.items() for argument in ("--report", f"{name}={path}")]
NGINX = "prod/team/spectro-packs/archive/nginx:1.25.0"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.pack()
    project.registry()
    return project


def read(project: Project, format: str) -> str:  # noqa: A002
    return (project.root / FILES[format]).read_text(encoding="utf-8")


def told_status(project: Project) -> set[int]:
    """The exit status that each report tells which has one."""
    sarif = json.loads(read(project, "sarif"))["runs"][0]["invocations"][0]
    junit = {
        each.get("name"): each.get("value") for each in ET.fromstring(read(project, "junit")).iter("property")
    }
    metric = re.search(r"^regsync_exit_status (\d+)$", read(project, "prometheus"), re.MULTILINE)
    output = re.search(r"exit_status=(\d+)\n\Z", read(project, "github-output"))
    assert metric
    assert output
    return {
        json.loads(read(project, "json"))["run"]["exit_status"],
        sarif["exitCode"],
        int(junit["exit_status"] or ""),
        int(metric[1]),
        int(output[1]),
    }


def last_success(project: Project) -> list[str]:
    return re.findall(
        r"^regsync_last_success_timestamp_seconds (.+)$", read(project, "prometheus"), re.MULTILINE
    )


def test_one_run_writes_all_formats(project: Project) -> None:
    plain = project.run("plan", "--detailed-exitcode")
    ran = project.run("plan", "--detailed-exitcode", *ALL)
    assert (ran.status, ran.out.splitlines()[1:], ran.err) == (2, plain.out.splitlines()[1:], "")
    assert told_status(project) == {2}
    assert json.loads(read(project, "gitlab-terraform")) == {"create": 2, "update": 0, "delete": 0}
    assert "add=2\nchange=0\ndelete=0\nblocked=0\nunreadable=0\n" in read(project, "github-output")
    assert "Plan: 2 to add" in read(project, "text")
    assert json.loads(read(project, "json"))["summary"]["add"] == 2
    left = {each.name for each in project.root.iterdir()}
    assert left == {"registries", "packs", *FILES.values()}


def test_reports_by_variable(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_REPORT", "json=run.json sarif=run.sarif")
    assert project.run("plan").status == 0
    assert read(project, "json")
    assert read(project, "sarif")


def test_paths_are_relative_to_the_directory_of_the_run(project: Project) -> None:
    ran = regsync("-C", project.root, "plan", "--report", "json=run.json")
    assert ran.status == 0
    assert read(project, "json")


def test_the_json_of_a_plan_is_applied_and_shown(project: Project) -> None:
    project.run("plan", "--report", "json=run.json")
    assert "2 to add" in project.run("show", "run.json").out
    assert project.run("apply", "run.json").status == 0


def test_a_saved_plan_is_shown_in_any_format(project: Project) -> None:
    project.run("plan", "--out", "plan.json")
    assert project.run("show", "plan.json", *ALL).status == 0
    assert told_status(project) == {0}
    shown, saved = json.loads(read(project, "json")), json.loads((project.root / "plan.json").read_text())
    assert shown["fingerprint"] == saved["fingerprint"]


def test_an_apply_tells_what_it_did(project: Project) -> None:
    assert project.run("apply", "--auto-approve", *ALL).status == 0
    assert told_status(project) == {0}
    outcome = json.loads(read(project, "json"))
    assert (outcome["summary"]["added"], outcome["complete"]) == (2, True)
    assert [each["status"] for each in outcome["results"]] == ["applied", "applied"]
    project.run("plan", "--out", "plan.json")
    assert project.run("apply", "plan.json", "--report", "json=run.json").status == 0
    assert json.loads(read(project, "json"))["results"] == []


def test_what_validate_finds(project: Project) -> None:
    project.write("packs/nginx-1.25.0/values.yaml", "pack: {}\n")
    ran = project.run("validate", "--strict", *ALL)
    assert (ran.status, told_status(project)) == (3, {3})
    document = json.loads(read(project, "json"))
    printed = json.loads(project.run("validate", "--strict", "--format", "json").out)
    assert {**document, "run": None} == {**printed, "run": None}
    assert document["diagnostics"]


@pytest.mark.parametrize("form", ["sarif", "junit"])
def test_validate_prints_the_formats_of_ci_systems(project: Project, form: str) -> None:
    project.write("packs/nginx-1.25.0/values.yaml", "pack: {}\n")
    ran = project.run("validate", "--strict", "--format", form)
    assert ran.status == 3
    if form == "sarif":
        schema = json.loads((ROOT / "tests/data/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
        Draft4Validator(schema).validate(json.loads(ran.out))
        assert '"exitCode": 3' in ran.out
    else:
        assert list(ET.fromstring(ran.out).iter("failure"))


# However it ends


def bad_manifest(project: Project) -> None:
    project.write("registries/bad.yaml", "kind: Registry\n")


def unreadable_registry(project: Project) -> None:
    project.registry(endpoint="http://127.0.0.1:1")


def blocked(project: Project) -> None:
    assert project.run("apply", "--auto-approve").status == 0
    project.pack(values="changed: true\n")


def guarded(project: Project) -> None:
    assert project.run("apply", "--auto-approve").status == 0
    project.registry(policy="{maxDeletes: 0}", content='- absent: "nginx:1.25.0"')


def fine(project: Project) -> None:
    pass


ENDS: dict[str, tuple[Any, tuple[str, ...], int, str]] = {
    "bad manifests": (bad_manifest, ("plan",), 3, "apiVersion"),
    "bad manifests in an apply": (bad_manifest, ("apply", "--auto-approve"), 3, "apiVersion"),
    "an unreadable registry": (unreadable_registry, ("plan",), 1, "unreadable"),
    "a blocked change": (blocked, ("plan",), 4, "blocked"),
    "a guard": (guarded, ("apply", "--auto-approve"), 4, "deletes 1/0"),
    "an option that names nothing": (fine, ("plan", "--target", "nothing"), 64, "matches nothing"),
    "no approval": (fine, ("apply",), 4, "without approval"),
    "no manifests": (fine, ("plan", "no-such-path"), 3, "no-such-path"),
    "no saved plan": (fine, ("show", "no-such-plan.json"), 64, "no-such-plan.json"),
    "an option beside a saved plan": (
        lambda project: project.run("plan", "--out", "plan.json"),
        ("apply", "plan.json", "--target", "*"),
        64,
        "a saved plan has recorded its options",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_however_a_run_ends_its_reports_tell_of_it(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    prepare, arguments, status, said = ENDS[name]
    prepare(project)
    ran = project.run(*arguments, *ALL)
    assert (ran.status, told_status(project)) == (status, {status})
    for format_ in ("github", "gitlab-codequality", "junit", "sarif", "text", "json"):
        assert said in read(project, format_), format_


@pytest.fixture
def half_broken(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    project.pack()
    project.pack("redis", "7.2.1")
    with MemoryServer() as server:
        server.on("POST .*redis", (403, {}, b""))
        project.registry(endpoint=server.url)
        yield project


def test_a_partial_apply(half_broken: Project) -> None:
    ran = half_broken.run("apply", "--auto-approve", *ALL)
    assert (ran.status, told_status(half_broken)) == (1, {1})
    summary = json.loads(read(half_broken, "json"))["summary"]
    assert (summary["added"], summary["failed"]) == (2, 1)
    assert read(half_broken, "junit").count('<failure type="failed/missing"') == 1
    assert 'action="create",cause="manifest",phase="failed"} ' in read(half_broken, "prometheus")


def test_an_interrupted_plan(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> None:
    with WatchingProxy(distribution.url) as proxy:
        team = Team(tmp_path / "team", proxy.url, unique_path)
        team.pack()
        read_of_a_tag = proxy.hold("GET", "/manifests/")
        with running("plan", "--report", "json=run.json", cwd=team.root) as process:
            read_of_a_tag.await_arrival()
            process.send_signal(signal.SIGINT)
            process.communicate()
    assert process.returncode == 130
    document = json.loads(read(team, "json"))
    assert (document["run"]["exit_status"], document["valid"]) == (130, False)


# Command lines that are wrong


@pytest.mark.parametrize(
    "wrong", [("--bogus",), ("--parallelism", "999"), ("--report", "jsno=x"), ("--out",)]
)
def test_a_wrong_command_line_has_reports_that_tell_so(project: Project, wrong: tuple[str, ...]) -> None:
    project.run("plan", "--target", "*/nginx:*", "--report", "markdown=a.md", *ALL)
    marker, success = (project.root / "a.md").read_text().splitlines()[0], last_success(project)
    ran = project.run("plan", "--target", "*/nginx:*", "--report", "markdown=a.md", *ALL, *wrong)
    assert (ran.status, told_status(project)) == (64, {64})
    comment = (project.root / "a.md").read_text()
    assert comment.startswith(f"{marker}\n### regsync plan failed")
    assert last_success(project) == success


def test_reports_of_a_wrong_command_line_by_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGSYNC_REPORT", "json=run.json nonsense")
    assert regsync("-C", project.root, "plan", "--bogus").status == 64
    assert json.loads(read(project, "json"))["run"]["exit_status"] == 64
    (project.root / "run.json").unlink()
    assert regsync("-C", "no-such-folder", "plan", cwd=project.root).status == 64
    assert not (project.root / "run.json").exists()  # nobody knows where it belongs


def test_what_an_earlier_run_has_left_does_not_pass_for_this_one_s(
    distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    with WatchingProxy(distribution.url) as proxy:
        team = Team(tmp_path / "team", proxy.url, unique_path)
        team.pack()
        team.plan(*ALL)
        read_of_a_tag = proxy.hold("GET", "/manifests/")
        with running("plan", *ALL, cwd=team.root) as process:
            read_of_a_tag.await_arrival()
            process.kill()
            process.communicate()
    left = {format_ for format_, path in FILES.items() if (team.root / path).exists()}
    assert left == {"prometheus", "github-output"}


def test_a_plan_that_is_read_is_not_taken_away_before(project: Project) -> None:
    project.run("plan", "--out", "run.json")
    assert project.run("show", "run.json", "--report", "json=run.json").status == 0
    assert project.run("apply", "run.json", "--report", "json=./run.json").status == 0


# What cannot be


WRONG = {
    "jsno=x": "did you mean json?",
    "json": "write json=PATH",
    "x": "formats: github, ",
    "json=": "names no file",
    "=x": "no such format",
    "json:max=3=x": "json has no option max",
    "markdown:mx=3=x": "it has markdown:max=NUMBER=PATH",
    "markdown:max=few=x": "a number",
    "markdown:max=1=x": "1000 at least",
    "markdown:max=5000": "names no file",
    "json=-": "only github may go to -",
    "json=no/such/folder": "no such folder",
    "json=registries": "is a folder",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_report_that_cannot_be_is_a_usage_error_before_anything_is_done(
    project: Project, text: str
) -> None:
    before = project.files("")
    ran = project.run("apply", "--auto-approve", "--report", text)
    assert (ran.status, ran.out) == (64, "")
    assert WRONG[text] in ran.err
    assert project.files("") == before


def test_two_reports_do_not_go_to_one_file(project: Project) -> None:
    ran = project.run("plan", "--report", "json=x", "--report", "sarif=./x")
    assert (ran.status, "json=x goes to the same file" in ran.err) == (64, True)


@pytest.mark.parametrize(
    ("arguments", "status"), [((), 1), (("--detailed-exitcode",), 1), (("--target=x",), 64)]
)
def test_a_report_that_cannot_be_written_hides_nothing(
    project: Project, arguments: tuple[str, ...], status: int
) -> None:
    reports = ("--report", "json=/dev/full", "--report", "text=run.txt")
    ran = project.run("plan", *arguments, *reports)
    assert ran.status == status
    assert "cannot write the report json=/dev/full: No space left" in ran.err
    assert read(project, "text")
    blocked(project)
    assert project.run("plan", *reports).status == 4


# Files that others write to, too


def test_github_files_are_appended_to_and_others_replaced(project: Project) -> None:
    (project.root / "outputs.txt").write_text("mine=1\n")
    (project.root / "run.json").write_text("old")
    project.run("plan", "--report", "github-output=outputs.txt", "--report", "json=run.json")
    assert read(project, "github-output").startswith("mine=1\nhas_changes=true\n")
    assert json.loads(read(project, "json"))


def test_a_replaced_file_can_be_read_by_those_who_could(project: Project) -> None:
    (project.root / "by-hand").write_text("")
    project.run("plan", "--report", "prometheus=regsync.prom")
    modes = {(project.root / name).stat().st_mode for name in ("by-hand", "regsync.prom")}
    assert len(modes) == 1


def test_the_last_success_outlives_failures(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    project.run("plan", "--report", "prometheus=regsync.prom")
    first = last_success(project)
    unreadable_registry(project)
    for _ in range(2):
        assert project.run("plan", "--report", "prometheus=regsync.prom").status == 1
        assert last_success(project) == first
    assert len(first) == 1


def test_annotations_go_where_the_runner_reads_them(project: Project) -> None:
    blocked(project)
    ran = project.run("plan", "--json", "--report", "github=-")
    assert all(json.loads(line) for line in ran.out.splitlines())
    assert [line.partition(" ")[0] for line in ran.err.splitlines()] == ["::error", "::notice"]


def test_what_ci_says_of_the_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SHA": "abc1234",
        "GITHUB_SERVER_URL": "https://github.example.com",
        "GITHUB_REPOSITORY": "team/packs",
        "GITHUB_RUN_ID": "7",
        "GITHUB_EVENT_NAME": "schedule",
    }.items():
        monkeypatch.setenv(name, value)
    project.run("plan", "--report", "json=run.json")
    run = json.loads(read(project, "json"))["run"]
    assert (run["commit"], run["trigger"]) == ("abc1234", "schedule")
    assert run["url"] == "https://github.example.com/team/packs/actions/runs/7"


# Markdown and HTML, by renderers of their own


def test_markdown_and_html(project: Project) -> None:
    arguments = ["markdown:max=5000=a.md", "markdown=b.md", "html=c.html", "github-summary=d.md"]
    (project.root / "d.md").write_text("# mine\n")
    ran = project.run("plan", *(text for each in arguments for text in ("--report", each)))
    assert ran.status == 0
    for name in ("a.md", "b.md", "c.html", "d.md"):
        assert "nginx" in (project.root / name).read_text(encoding="utf-8")
    assert len((project.root / "a.md").read_text(encoding="utf-8")) <= 5000
    assert (project.root / "d.md").read_text(encoding="utf-8").startswith("# mine\n")


# Comparisons


def test_a_comparison_is_what_its_reports_hold(project: Project) -> None:
    project.run("plan", "--out", "old.json")
    project.pack("redis", "7.2.1")
    project.run("plan", "--out", "new.json")
    wanted = ("markdown=a.md", "text=a.txt", "json=a.json", "github-summary=b.md")
    compared = ("show", "new.json", "--compare", "old.json")
    ran = project.run(*compared, *(text for each in wanted for text in ("--report", each)))
    assert ran.status == 0
    assert (project.root / "a.txt").read_text() == ran.out
    printed = json.loads(project.run(*compared, "--json").out)
    assert json.loads((project.root / "a.json").read_text()) == printed
    for name in ("a.md", "b.md"):
        told = (project.root / name).read_text()
        assert "1 new, 0 altered, 0 resolved" in told
        assert ("redis:7.2.1" in told, "nginx:1.25.0" in told) == (True, False)


@pytest.mark.parametrize("form", ["html", "sarif", "prometheus", "github-output"])
def test_a_format_that_cannot_tell_of_a_comparison_is_refused(project: Project, form: str) -> None:
    project.run("plan", "--out", "plan.json")
    ran = project.run("show", "plan.json", "--compare", "plan.json", "--report", f"{form}=x")
    assert (ran.status, ran.out) == (64, "")
    assert f"a comparison cannot be written as {form}" in ran.err


# The event stream


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json",),
        ("--json", "plan"),
        ("plan", "--json", "--parallelism", "0"),
        ("plan", "--json=1"),
        ("plan", "--json", "--target"),
        ("plan", "--json", "--report", "jsno=x"),
        ("-C", "no-such-directory", "plan", "--json"),
        ("-C", "no-such-directory", "no-such-command", "--json"),
        ("plan", "--json", "--var-file", "no-such-file"),
        ("plan", "--json", "--var", "nonsense"),
        ("apply", "--json", "no-such-plan.json"),
        ("show", "--json"),
        ("show", "--json", "registries"),
        ("lock", "--json"),
        ("registries", "check", "--json"),
    ],
    ids=" ".join,
)
def test_every_failure_under_json_is_json(project: Project, arguments: tuple[str, ...]) -> None:
    ran = project.run(*arguments)
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.status != 0
    assert (records[0]["type"], records[-1]["@level"], ran.err) == ("version", "error", "")
