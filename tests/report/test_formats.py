"""Machine formats, each read by a program that no one here wrote; and that all of them count alike."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from jsonschema import Draft4Validator, Draft7Validator
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from regsync.model.codec import change_fingerprint, plan_counts, plan_from_json
from regsync.model.diagnostic import Diagnostic, Origin, Severity
from regsync.model.errors import ManifestInvalid, Unreachable
from regsync.model.plan import Action, Cause, Plan, Reason
from regsync.report.document import render_json
from regsync.report.findings import ABOUT, findings
from regsync.report.github import MOST_ANNOTATIONS, render_github, render_github_output
from regsync.report.gitlab import render_gitlab_codequality, render_gitlab_terraform
from regsync.report.junit import render_junit
from regsync.report.prometheus import last_success, render_prometheus
from regsync.report.run import Run
from regsync.report.sarif import render_sarif
from regsync.report.text import render_text
from tests.support.plans import make_change, make_plan
from tests.support.runs import (
    APPLIED,
    ARCHIVE,
    BLOCKED,
    CREATED,
    DARK,
    DRIFTED,
    PLAN,
    make_run,
    runs,
)
from tests.support.servers import ROOT

DATA = ROOT / "tests" / "data" / "schemas"
SARIF = Draft4Validator(json.loads((DATA / "sarif-2.1.0.json").read_text(encoding="utf-8")))
JUNIT = xmlschema.XMLSchema(DATA / "junit-10.xsd")
SCHEMAS = {
    name: Draft7Validator(json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8")))
    for name in ("plan", "outcome", "diagnostics")
}
Golden = Callable[[str, str], None]


def as_json(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads("".join(render_json(run)))
    kind = "outcome" if run.command == "apply" else "diagnostics" if run.plan is None else "plan"
    SCHEMAS[kind].validate(document)
    return document


def as_sarif(run: Run) -> dict[str, Any]:
    log = json.loads("".join(render_sarif(run)))
    SARIF.validate(log)
    (only,) = log["runs"]
    return only  # type: ignore[no-any-return]


def as_junit(run: Run) -> ET.Element:
    text = "".join(render_junit(run))
    JUNIT.validate(text)
    return ET.fromstring(text)


def as_metrics(run: Run, before: float | None = None) -> dict[str, Metric]:
    text = "".join(render_prometheus(run, before=before))
    return {each.name: each for each in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]


def as_issues(run: Run) -> list[dict[str, Any]]:
    issues: list[dict[str, Any]] = json.loads("".join(render_gitlab_codequality(run)))
    for each in issues:
        assert each["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert each["location"]["path"] is not None
        assert each["location"]["lines"]["begin"] >= 1
    return issues


def as_outputs(run: Run) -> dict[str, str]:
    lines = "".join(render_github_output(run)).splitlines()
    assert all(re.fullmatch(r"\w+=\w*", each) for each in lines)
    return dict(each.split("=") for each in lines)


def as_commands(run: Run) -> list[str]:
    lines = list(render_github(run))
    for each in lines:
        assert re.fullmatch(r"::(error|warning|notice) [^\n]*\n", each)
        assert each[:-1].isprintable()
    return lines


# Counts, as a reader of each format finds them


def counted_in_metrics(run: Run) -> dict[str, int]:
    count: Counter[str] = Counter()
    for each in as_metrics(run)["regsync_changes"].samples:
        if each.labels["phase"] == "planned":
            count[each.labels["action"]] += int(each.value)
    return {
        "add": count["create"] + count["replace"],
        "change": count["update"],
        "delete": count["delete"] + count["replace"],
        "blocked": count["blocked"],
    }


def counted_in_words(text: str) -> dict[str, int]:
    found = re.search(r"Plan: (\d+) to add, (\d+) to change, (\d+) to delete(?:, (\d+) blocked)?", text)
    assert found
    return dict(zip(("add", "change", "delete", "blocked"), map(int, found.groups("0")), strict=True))


def counted_in_junit(run: Run) -> dict[str, int]:
    named = {each.get("name"): each.get("value") for each in as_junit(run).iter("property")}
    return {name: int(named[name] or "") for name in plan_counts(PLAN)}


def counted_in_terraform(run: Run) -> dict[str, int]:
    known = json.loads("".join(render_gitlab_terraform(run)))
    return {"add": known["create"], "change": known["update"], "delete": known["delete"]}


def counted_in_outputs(run: Run) -> dict[str, int]:
    known = as_outputs(run)
    counts = {name: int(known[name]) for name in ("add", "change", "delete", "blocked")}
    return {**counts, "not_compared": int(known["unreadable"])}


COUNTED: dict[str, Callable[[Run], dict[str, int]]] = {
    "json": lambda run: as_json(run)["summary"],
    "sarif": lambda run: as_sarif(run)["properties"]["summary"],
    "junit": counted_in_junit,
    "github": lambda run: counted_in_words(as_commands(run)[-1]),
    "github-output": counted_in_outputs,
    "gitlab-terraform": counted_in_terraform,
    "prometheus": counted_in_metrics,
}


@pytest.mark.parametrize("name", [*COUNTED, "text"])
def test_every_format_counts_as_the_plan_does(name: str) -> None:
    counts = plan_counts(PLAN)
    count = COUNTED.get(name, lambda run: counted_in_words("".join(render_text(run))))
    found = count(make_run())  # type: ignore[no-untyped-call]
    assert found == {name: counts[name] for name in found}


@settings(max_examples=30)
@given(runs.filter(lambda run: run.plan is not None and run.outcome is None))
def test_all_formats_count_any_plan_alike(run: Run) -> None:
    assert run.plan is not None
    counts = plan_counts(run.plan)
    for count in COUNTED.values():
        found = count(run)
        assert found == {name: counts[name] for name in found}


def test_what_is_blocked_drifted_or_deleted_is_found_alike_everywhere() -> None:
    run = make_run()
    wanted = Counter(each.rule for each in findings(run))
    assert wanted == {
        "blocked/content-differs": 1,
        "delete/content-differs": 1,
        "delete/tombstone": 1,
        "drift/content-differs": 1,
        "drift/settings-differ": 1,
        "guard/deletes": 1,
        "unreadable/registry": 1,
    }
    sarif = as_sarif(run)
    (invocation,) = sarif["invocations"]
    told = [each["descriptor"]["id"] for each in invocation["toolExecutionNotifications"]]
    assert Counter([each["ruleId"] for each in sarif["results"]] + told) == wanted
    assert Counter(each["check_name"] for each in as_issues(run)) == wanted
    titles = [re.search(r"title=([^:,]*)", each) for each in as_commands(run)[:-1]]
    assert Counter(each[1] for each in titles if each) == wanted
    assert {each["id"] for each in sarif["tool"]["driver"]["rules"]} == wanted.keys()
    failing = [each.get("type") for tag in ("failure", "error") for each in as_junit(run).iter(tag)]
    assert sorted(map(str, failing)) == ["blocked/content-differs", "guard/deletes", "unreadable/registry"]


# Any run at all: control characters, line ends and markup in every text


@settings(max_examples=40)
@given(runs)
def test_any_run_is_sarif_and_junit_and_json_and_metrics(run: Run) -> None:
    sarif = as_sarif(run)
    assert sarif["invocations"][0]["exitCode"] == run.status
    fingerprints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in sarif["results"]]
    rules = [each["ruleId"] for each in sarif["results"]]
    assert len(set(zip(rules, fingerprints, strict=True))) == len(fingerprints)
    assert as_json(run)["run"]["exit_status"] == run.status
    metrics = as_metrics(run)
    assert metrics["regsync_exit_status"].samples[0].value == run.status
    assert len(as_issues(run)) == len(findings(run))
    assert as_outputs(run)["exit_status"] == str(run.status)
    assert len(as_commands(run)) <= 2 * MOST_ANNOTATIONS + 1
    root = as_junit(run)
    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))
    assert "".join(render_text(run)) is not None


HOSTILE = "x](javascript:a) ]]>\r\n::set-env name=A::b\n\x00\x1b[2J\ufffe<b>&\"'`@team #1 \u202e\udc80{0}\\"


def hostile_run() -> Run:
    origin = Origin(f"registries/{HOSTILE}.yaml", 3, 2)
    blocked = replace(
        BLOCKED, why=HOSTILE, help=HOSTILE, notes=(HOSTILE,), origin=origin, before={HOSTILE: HOSTILE}
    )
    plan = make_plan(blocked, unreadable=(replace(DARK, registry=HOSTILE, reason=HOSTILE),))
    diagnostic = Diagnostic("some-code", Severity.ERROR, HOSTILE, origin, detail=HOSTILE, help=HOSTILE)
    return make_run(plan, diagnostics=(diagnostic,), error=Unreachable(HOSTILE, hint=HOSTILE))


def test_hostile_text_breaks_out_of_nothing() -> None:
    run = hostile_run()
    assert len(as_commands(run)) == len(findings(run)) + 1
    assert as_json(run)["resource_changes"][0]["why"] == HOSTILE
    assert len(as_issues(run)) == len(findings(run)) == 4
    sarif = as_sarif(run)
    assert len(sarif["results"]) == 2
    for each in sarif["results"]:
        assert re.search(r"(?<!\\)\]\(", each["message"]["text"]) is None
        uri = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", uri)
    tags = Counter(each.tag for each in as_junit(run).iter())
    assert (tags["testsuite"], tags["testcase"], tags["failure"], tags["error"]) == (3, 4, 2, 2)
    reachable = as_metrics(run)["regsync_registry_reachable"].samples
    assert sorted(each.value for each in reachable) == [0, 1]
    for render in (render_sarif, render_junit, render_gitlab_codequality, render_github, render_text):
        "".join(render(run)).encode()  # no lone surrogate is left


# Each format by itself


def test_sarif(golden: Golden) -> None:
    text = "".join(render_sarif(APPLIED))
    golden("report/run-sarif", re.sub(r'"semanticVersion": "[^"]*"', '"semanticVersion": "0"', text))
    as_sarif(APPLIED)


def test_junit(golden: Golden) -> None:
    golden("report/run-junit", "".join(render_junit(APPLIED)))
    as_junit(APPLIED)


def test_metrics(golden: Golden) -> None:
    text = "".join(render_prometheus(APPLIED, before=1_700_000_000.0))
    golden("report/run-metrics", re.sub(r"^regsync_changes.* 0\n", "", text, flags=re.MULTILINE))


def test_github(golden: Golden) -> None:
    golden("report/run-github", "".join(render_github(make_run())))


def test_gitlab(golden: Golden) -> None:
    golden("report/run-codequality", "".join(render_gitlab_codequality(APPLIED)))


def test_an_outcome_as_json(golden: Golden) -> None:
    document = as_json(APPLIED)
    for each in document["diagnostics"]:
        item = SCHEMAS["diagnostics"].schema["definitions"]  # type: ignore[index]
        Draft7Validator({**item["diagnostic"], "definitions": item}).validate(each)
    varying = dict.fromkeys(("regsync_version", "plan_id", "plan_fingerprint"), "0")
    golden("report/run-outcome", json.dumps({**document, **varying}, indent=1) + "\n")


def test_a_plan_as_json_is_a_saved_plan() -> None:
    document = as_json(make_run())
    assert plan_from_json(document) == PLAN
    assert [(each["address"], each["fingerprint"]) for each in document["resource_drift"]] == [
        (str(each.address), change_fingerprint(each))
        for each in PLAN.changes
        if each.cause in (Cause.DRIFT, Cause.BOTH)
    ]


def test_json_of_5000_changes_comes_in_pieces() -> None:
    plan = make_plan(*(make_change(f"{ARCHIVE}/pack-{number:04}:1.0.0") for number in range(5_000)))
    pieces = list(render_json(make_run(plan)))
    assert max(map(len, pieces)) < 2_000
    assert json.loads("".join(pieces))["summary"]["add"] == 5_000


def test_without_a_plan_nothing_is_counted() -> None:
    run = make_run(None, error=Unreachable("no answer"), status=1)
    assert json.loads("".join(render_gitlab_terraform(run))) == {}
    assert as_outputs(run)["has_changes"] == as_outputs(run)["add"] == ""
    assert as_json(run)["diagnostics"][0]["summary"] == "no answer"
    assert "regsync_changes" not in as_metrics(run)
    assert as_commands(run)[-1] == "::notice title=regsync plan::plan ended with status 1\n"


def test_invalid_manifests_are_told_once() -> None:
    found = (Diagnostic("some-code", Severity.ERROR, "wrong", Origin("a.yaml", 1, 1)),)
    run = make_run(None, error=ManifestInvalid(found), diagnostics=found, status=3)
    assert [each.rule for each in findings(run)] == ["some-code"]
    assert as_json(run)["error_count"] == 1
    assert len(list(as_junit(run).iter("failure"))) == 1


def test_positions_are_seen_from_where_the_program_was_started() -> None:
    (finding,) = findings(make_run(make_plan(BLOCKED), folder="infra/eu"))
    assert finding.origin == Origin("infra/eu/registries/prod.yaml", 14, 7)
    (finding,) = findings(make_run(make_plan(BLOCKED), folder=".."))
    assert finding.origin is not None
    assert finding.origin.file == "../registries/prod.yaml"


def test_only_as_many_annotations_as_github_shows() -> None:
    blocked = [make_change(f"{ARCHIVE}/pack-{number}:1.0.0", Action.BLOCKED) for number in range(25)]
    lines = as_commands(make_run(make_plan(*blocked, DRIFTED)))
    assert Counter(each.split()[0] for each in lines) == {"::error": 10, "::warning": 1, "::notice": 1}
    assert lines[-1].endswith("25 blocked. Not shown here: 15 more errors\n")


def test_every_kind_of_finding_is_explained() -> None:
    for run in (APPLIED, make_run(), make_run(error=Unreachable("no answer"))):
        for each in findings(run):
            assert each.rule.partition("/")[0] in ABOUT or "explain" in each.about


# One drift, one issue


def test_a_fingerprint_stays_while_the_drift_does() -> None:
    another_night = replace(
        DRIFTED, before={"digest": "sha256:" + "0" * 64}, why="in other words", origin=Origin("b.yaml", 9, 9)
    )
    assert change_fingerprint(another_night) == change_fingerprint(DRIFTED)
    others = [
        replace(DRIFTED, address=CREATED.address),
        replace(DRIFTED, reason=Reason.TITLE_DIFFERS),
        replace(DRIFTED, after={"content": "sha256:" + "0" * 64}),
    ]
    assert len({change_fingerprint(each) for each in [DRIFTED, *others]}) == 4


def test_a_finding_keeps_its_fingerprint_when_lines_move() -> None:
    found = Diagnostic("some-code", Severity.ERROR, "wrong", Origin("a.yaml", 1, 1))
    moved = replace(found, origin=Origin("a.yaml", 40, 1))
    ((first,), (second,)) = (findings(make_run(None, diagnostics=(each,))) for each in (found, moved))
    assert first.fingerprint == second.fingerprint
    both = findings(make_run(None, diagnostics=(found, moved)))
    assert len({each.fingerprint for each in both}) == 2


def test_sarif_tells_packs_of_one_line_apart() -> None:
    plan = make_plan(DRIFTED, replace(DRIFTED, address=CREATED.address))
    first, second = as_sarif(make_run(plan))["results"]
    assert first["locations"] == second["locations"]
    assert first["partialFingerprints"] != second["partialFingerprints"]


# The last success


def test_a_failed_run_keeps_the_time_of_the_last_success() -> None:
    name = "regsync_last_success_timestamp_seconds"
    succeeded = make_run(make_plan(DRIFTED), status=2)
    good = "".join(render_prometheus(succeeded))
    assert as_metrics(succeeded)[name].samples[0].value == last_success(good) is not None
    failed = as_metrics(make_run(status=1), last_success(good))
    assert failed[name].samples[0].value == last_success(good)
    for status in (1, 3, 64, 130):
        assert name not in as_metrics(make_run(status=status))


@pytest.mark.parametrize(
    ("command", "plan", "status", "succeeded"),
    [
        ("plan", make_plan(BLOCKED), 4, True),
        ("plan", make_plan(DRIFTED), 2, True),
        ("plan", make_plan(DRIFTED, unreadable=(DARK,)), 1, False),
        ("plan", make_plan(BLOCKED, unreadable=(DARK,)), 4, False),
        ("plan", None, 4, False),
        ("apply", make_plan(), 0, True),
        ("apply", make_plan(BLOCKED), 4, False),
        ("validate", None, 0, False),
        ("show", make_plan(), 0, False),
    ],
)
def test_a_success_is_to_know_what_the_registries_hold_or_to_have_them_right(
    command: str, plan: Plan | None, status: int, succeeded: bool
) -> None:
    run = replace(make_run(plan), command=command, status=status)
    metrics = as_metrics(run)
    assert ("regsync_last_success_timestamp_seconds" in metrics) is succeeded
    assert ("regsync_last_run_timestamp_seconds" in metrics) is (command in ("plan", "apply"))
    kept = as_metrics(run, 1.0)["regsync_last_success_timestamp_seconds"].samples[0].value
    assert (kept == 1.0) is not succeeded


@pytest.mark.parametrize("text", ["", "nonsense", "regsync_last_success_timestamp_seconds NaN\n"])
def test_metrics_without_a_success_have_none(text: str) -> None:
    assert last_success(text) is None
