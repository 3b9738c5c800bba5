"""A run as a comment in a pull request, read by GitHub's own parser and by another one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Diagnostic, Origin, Severity, Snippet
from regsync.model.errors import ManifestInvalid, Refused, Unreachable
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import (
    Action,
    Base,
    Cause,
    Change,
    Guard,
    Plan,
    PlanRequest,
    Reason,
    RegistryView,
    ResourceType,
    Selection,
    Source,
)
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.markdown import LEAST_LIMIT, LIMIT, render_markdown
from regsync.report.markdown_parts import MOST_CHANGES
from regsync.report.run import Run, Surrounding
from regsync.report.since import compare
from tests.support.diagnostics import FINDINGS
from tests.support.markdown import PARSERS, Page, as_github, hostile
from tests.support.plans import make_change, make_plan, outcomes, plans, unchanged

Golden = Callable[[str, str], None]
Parser = Callable[[str], str]
both_parsers = pytest.mark.parametrize("parse", PARSERS)

AT = datetime(2026, 11, 21, 5, 31, tzinfo=UTC)
PULL_REQUEST = Surrounding(
    "abc1234def5678900000000000000000000000ff",
    "https://github.com/example/registries/actions/runs/4711",
    "pull_request",
)
LONGEST_URL = replace(PULL_REQUEST, url=PULL_REQUEST.url.ljust(200, "0"))
REGIONS = ("us-east-1", "eu-west-1")
REGISTRIES = (
    RegistryView("acr-dev", "acr", "https://dev.azurecr.io"),
    *(RegistryView(f"ecr-prod@{each}", "ecr", f"2145.dkr.ecr.{each}.amazonaws.com", each, REGIONS[0]) for each in REGIONS),
    RegistryView("harbor-prod", "harbor", "https://harbor.example.com"),
)  # fmt: skip
ARCHIVE = "spectro-packs/archive"


def file_changed(path: str, *lines: str) -> FileDiff:
    before, after = FileEntry(path, "1" * 64, 2048), FileEntry(path, "2" * 64, 2051)
    return FileDiff(path, FileStatus.CHANGED, before, after, lines)


def of_palette(type_: ResourceType, action: Action, **more: Any) -> Change:
    registration = Address.of_registration("ecr-prod", "ecr-prod")
    address = registration.sync if type_ is ResourceType.SYNC else registration
    return replace(make_change("ecr-prod/x:1", action, type=type_, **more), address=address)


CREATED = make_change(
    f"harbor-prod/team/{ARCHIVE}/nginx:1.25.0",
    cause=Cause.MANIFEST,
    origin=Origin("registries/harbor.yaml", 14, 7),
    source=Source("packs/nginx-1.25.0", 34, 1_234_567),
)
UPDATED = make_change(
    f"acr-dev/team/{ARCHIVE}/redis:7.2.1",
    Action.UPDATE,
    cause=Cause.MANIFEST,
    origin=Origin("registries/acr.yaml", 19, 7),
    source=Source("packs/redis-7.2.1", 12, 96_400),
    diffs=(
        file_changed("values.yaml", "@@ -11,5 +11,5 @@", " redis:", "-  replicas: 1", "+  replicas: 3"),
        file_changed("README.md", "@@ -1 +1,3 @@", " # redis", "+```", "+@octocat, see #12", "+```"),
    ),
)
DELETED = make_change(
    f"ecr-prod@eu-west-1/custom/{ARCHIVE}/old-app:0.9.1",
    Action.DELETE,
    cause=Cause.MANIFEST,
    why="tombstone at registries/ecr.yaml:31",
    origin=Origin("registries/ecr.yaml", 31, 7),
)
BLOCKED = make_change(
    f"ecr-prod@us-east-1/custom/{ARCHIVE}/k8s:1.29.1",
    Action.BLOCKED,
    cause=Cause.MANIFEST,
    origin=Origin("registries/ecr.yaml", 27, 7),
    source=Source("packs/k8s-1.29.1", 9, 12_000),
    diffs=(file_changed("values.yaml", "@@ -3 +3 @@", "-image: k8s:1.29.0", "+image: k8s:1.29.1"),),
    help="raise the version at packs/k8s-1.29.1/pack.json:3, or set policy.overwrite: allow at registries/ecr.yaml:22",
)
DRIFTED = replace(
    make_change(
        "harbor-prod/x:1",
        Action.UPDATE,
        type=ResourceType.PROJECT,
        cause=Cause.DRIFT,
        reason=Reason.SETTINGS_DIFFER,
        why="public differs; changed since regsync last wrote it",
        before={"public": True},
        after={"public": False},
    ),
    address=Address.of_project("harbor-prod", "team"),
)
EVENED = [
    make_change(f"ecr-prod@{region}/custom/{ARCHIVE}/redis:7.2.1", Action.NO_OP if region == REGIONS[0] else Action.CREATE)
    for region in REGIONS
]  # fmt: skip
REGISTERED = of_palette(
    ResourceType.REGISTRATION,
    Action.UPDATE,
    cause=Cause.MANIFEST,
    why="Palette knows it with other settings",
    before={"endpoint": "https://old.example.com", "isPrivate": True},
    after={"endpoint": "https://new.example.com", "isPrivate": True},
)
SYNCED = of_palette(
    ResourceType.SYNC,
    Action.UPDATE,
    reason=Reason.CONTENT_CHANGES,
    why="content changes",
    after={"confirm": ["redis:7.2.1"]},
)
GUARDS = (
    Guard("deletes", "ecr-prod@eu-west-1", True, "deletes 1/5", "--max-deletes 1", Origin("r.yaml", 3, 1)),
    Guard("protected", "ecr-prod@eu-west-1", True, "protected none touched", "--unprotect ADDRESS"),
)
AGAINST = Base("origin/main", "1f3c" * 10)
EVERYTHING = make_plan(
    CREATED, UPDATED, DELETED, BLOCKED, DRIFTED, REGISTERED, SYNCED, *EVENED, *unchanged(214),
    registries=REGISTRIES,
    guards=GUARDS,
    notes=("harbor-prod: what nobody lists cannot be pruned",),
    unmanaged=3,
    manifest_files=4,
    base=AGAINST,
)  # fmt: skip
EMPTY = make_plan(*unchanged(214), registries=REGISTRIES, guards=GUARDS, unmanaged=3, notes=("a note",))


def a_run(plan: Plan | None = None, **more: Any) -> Run:
    defaults: dict[str, Any] = {"command": "plan", "started": AT, "surrounding": PULL_REQUEST}
    return Run(plan=plan, **{**defaults, **more})


def many(count: int, lines: int = 3) -> Plan:
    """As many changes of all kinds, each with a diff of so many lines."""
    actions = (Action.CREATE, Action.UPDATE, Action.DELETE, Action.BLOCKED)
    diffs = (file_changed("values.yaml", "@@ -1 +1 @@", *(f"+line: {number}" for number in range(lines))),)
    return make_plan(
        *(
            make_change(
                f"harbor-{number % 3}/team/{ARCHIVE}/pack-{number}:1.0.0",
                actions[number % 4],
                cause=Cause.DRIFT if number % 5 == 0 else Cause.MANIFEST,
                diffs=diffs,
            )
            for number in range(count)
        ),
        registries=tuple(RegistryView(f"harbor-{number}", "harbor", "e") for number in range(3)),
        base=AGAINST,
    )


NIGHTLY = replace(PULL_REQUEST, trigger="schedule")
RESULTS = (
    Result(CREATED, Status.APPLIED, sent=412_345, seconds=0.81),
    Result(UPDATED, Status.FAILED, "PUT https://dev.azurecr.io/v2/…: 503 after 5 tries", "apply again later"),
    Result(DELETED, Status.SKIPPED, f"{UPDATED.address} was not written"),
    Result(BLOCKED, Status.REFUSED, BLOCKED.why, BLOCKED.help),
    Result(EVENED[1], Status.ALREADY),
)


def an_outcome(*results: Result) -> Outcome:
    plan = make_plan(*(each.change for each in results), *unchanged(214), registries=REGISTRIES)
    return Outcome(plan, results, seconds=2.43, requests={"harbor-prod": 31})


DARK = tuple(
    Unreadable("acr-dev", UnreadableScope.REPOSITORY, "denied", f"team/pack-{number}", hint="grant acrpull")
    for number in range(9)
)
RUNS = {
    "changes": a_run(EVERYTHING),
    "changes-nightly": a_run(replace(EVERYTHING, base=None), surrounding=NIGHTLY),
    "no-changes": a_run(EMPTY),
    "unreadable": a_run(make_plan(CREATED, registries=REGISTRIES, unreadable=DARK, not_compared=41)),
    "guard-refusal": a_run(
        make_plan(
            *(make_change(f"harbor-prod/team/old-{number}:1.0.0", Action.DELETE) for number in range(7)),
            guards=(replace(GUARDS[0], ok=False, text="deletes 7/5", registry="harbor-prod"),),
        ),
        command="apply",
        error=Refused("a guard stands against this plan", hint="lift it with --max-deletes 7"),
    ),
    "apply-complete": a_run(command="apply", outcome=an_outcome(RESULTS[0])),
    "apply-incomplete": a_run(command="apply", outcome=an_outcome(*RESULTS)),
    "invalid": a_run(error=ManifestInvalid(tuple(FINDINGS.values()))),
    "unreachable": a_run(
        error=Unreachable("GET https://dev.azurecr.io/v2/: connection refused", hint="check the network"),
        surrounding=Surrounding(),
    ),
    "shortened": a_run(many(120, 40), surrounding=Surrounding()),
}
LIMITS = {"shortened": 9_000}


@pytest.mark.parametrize("name", RUNS)
def test_a_run(golden: Golden, name: str) -> None:
    golden(f"report/markdown-{name}.md", render_markdown(RUNS[name], limit=LIMITS.get(name, LIMIT)))


def page_of(run: Run, parse: Parser = as_github, limit: int = LIMIT) -> Page:
    text = render_markdown(run, limit=limit)
    assert len(text.encode()) <= limit
    return Page(parse(text))


def counts(text: str) -> dict[str, int]:
    """What a comment counts, by the words behind the numbers; what is not said is 0."""
    words = {
        "add": "to add",
        "change": "to change",
        "delete": "to delete",
        "blocked": "blocked",
        "unchanged": "unchanged",
        "unmanaged": "unmanaged",
        "unreadable": "not compared",
    }
    found = {key: re.search(rf"(\d+) {each}", text) for key, each in words.items()}
    return {key: int(number[1]) if number else 0 for key, number in found.items()}


@both_parsers
def test_each_change_has_one_row_and_one_line(parse: Parser) -> None:
    page = page_of(RUNS["changes"], parse)
    changes, palette, parity = page.tables
    assert [(row[0], row[3]) for row in changes[1:]] == [
        ("-", "delete"), ("!!", "blocked"), ("!", "update"), ("+", "create"), ("+", "create"),
    ]  # fmt: skip
    assert [row[:3] for row in palette[1:]] == [
        ["ecr-prod", "update", "endpoint"],
        ["ecr-prod", "sync", "redis:7.2.1"],
    ]
    assert parity[0] == ["", *REGIONS]
    lines = [line for block in page.blocks for line in block.splitlines()]
    for change in (each for each in EVERYTHING.changes if each.action is not Action.NO_OP):
        (found,) = (line for line in lines if f" {change.address} " in line)
        assert found[0] in "+-!"
    assert {"-        replicas: 1", "+        replicas: 3", "+      @octocat, see #12"} <= {*lines}
    assert page.links == [PULL_REQUEST.url]
    assert counts(page.loose)["change"] == EVERYTHING.summary.change


def test_drift_stands_apart_from_what_a_branch_changes_and_only_there() -> None:
    asked, nightly = page_of(RUNS["changes"]), page_of(RUNS["changes-nightly"])
    assert "Drift not caused by this pull request (1 change)" in asked.loose
    assert "drift 1 change" in asked.loose
    assert not any("drift" in row for row in asked.tables[0])
    assert "Drift" not in nightly.loose
    assert [row for row in nightly.tables[0] if "drift" in row]


@pytest.mark.parametrize(
    ("base", "trigger"),
    [
        (Base("HEAD", "1f3c" * 10), "workflow_dispatch"),
        (Base("origin/main", PULL_REQUEST.commit), "push"),
        (AGAINST, "schedule"),
        (AGAINST, "Schedule"),
    ],
)
def test_where_no_branch_is_judged_drift_is_in_the_table(base: Base, trigger: str) -> None:
    run = a_run(make_plan(DRIFTED, base=base), surrounding=replace(PULL_REQUEST, trigger=trigger))
    page = page_of(run)
    assert "Drift (1 change)" in page.loose
    assert "not caused" not in page.loose
    ((_, row),) = page.tables
    assert "drift" in row


def test_a_branch_without_a_pull_request_has_none_in_its_words() -> None:
    page = page_of(a_run(make_plan(DRIFTED, base=AGAINST), surrounding=Surrounding()))
    assert "Drift not caused by this branch (1 change)" in page.loose
    assert page.tables == []


@both_parsers
def test_a_comparison_is_a_table_of_what_did_not_stay_the_same(parse: Parser) -> None:
    night = make_plan(CREATED, BLOCKED, registries=REGISTRIES, not_compared=2)
    found = compare(make_plan(DELETED, BLOCKED, registries=REGISTRIES), night)
    run = a_run(night, command="show", since=found)
    page = page_of(run, parse)
    ((_, *rows),) = page.tables
    assert [row[3] for row in rows] == ["new", "resolved"]
    assert "1 new, 0 altered, 1 resolved" in page.loose
    assert "1 difference as before. 2 objects could not be compared now." in page.loose
    assert render_markdown(run).startswith("<!-- regsync:compare:")


@pytest.mark.parametrize("limit", [LEAST_LIMIT, 5_000, LIMIT])
def test_a_comparison_keeps_its_limit_and_says_so(limit: int) -> None:
    plan = many(600)
    run = a_run(plan, command="show", since=compare(make_plan(registries=plan.registries), plan))
    text = render_markdown(run, limit=limit)
    (left_out,) = re.findall(rf"Shortened to {limit:,} bytes: ([\d,]+) lines left out", text)
    rows = sum(len(table) - 1 for table in page_of(run, limit=limit).tables)
    assert rows + int(left_out.replace(",", "")) == 600


@both_parsers
@settings(max_examples=40)
@given(text=hostile)
def test_no_text_of_a_comparison_becomes_anything_but_text(parse: Parser, text: str) -> None:
    change = replace(CREATED, why=text, origin=Origin(text, 1, 1))
    plan = make_plan(change, registries=REGISTRIES)
    calm = page_of(a_run(plan, command="show", since=compare(make_plan(), make_plan(CREATED))), parse)
    page = page_of(a_run(plan, command="show", since=compare(make_plan(), plan)), parse)
    assert (page.links, page.tags["tr"], page.tags["td"]) == (calm.links, calm.tags["tr"], calm.tags["td"])
    assert page.tags.keys() == calm.tags.keys()


def test_no_changes_are_two_lines() -> None:
    shown = render_markdown(RUNS["no-changes"]).splitlines()
    assert [each for each in shown[1:] if each] == [shown[1], shown[3]]
    assert shown[1].startswith("**regsync plan:** No changes.")
    assert shown[3].startswith("<sub>214 unchanged, 3 unmanaged · commit `abc1234def56` · plan-id `")


def test_an_alert_stands_only_where_something_is_dangerous() -> None:
    open_door = replace(CREATED, binding={"tls": "caFile=ca.pem insecureSkipVerify"})
    calm = render_markdown(a_run(make_plan(CREATED)))
    assert "CAUTION" not in calm
    for plan in (
        make_plan(DELETED),
        make_plan(replace(UPDATED, action=Action.REPLACE)),
        make_plan(BLOCKED),
        make_plan(CREATED, unreadable=DARK[:1]),
        make_plan(CREATED, guards=(replace(GUARDS[0], ok=False),)),
        make_plan(open_door),
    ):
        assert "\n> [!CAUTION]\n> - " in render_markdown(a_run(plan))
    assert "CAUTION" not in render_markdown(RUNS["apply-complete"])
    assert "CAUTION" in render_markdown(RUNS["apply-incomplete"])


def marker(run: Run) -> str:
    first = render_markdown(run).splitlines()[0]
    assert re.fullmatch(r"<!-- regsync:[a-z]+:[0-9a-f]{12} -->", first)
    return first


def test_a_comment_is_found_again_by_what_the_run_is_about() -> None:
    def about(*paths: str, **more: Any) -> Plan:
        return replace(EVERYTHING, request=PlanRequest(paths, **more))

    known = marker(a_run(EVERYTHING))
    assert marker(a_run(replace(EVERYTHING, changes=(CREATED,)), command="show")) == known
    others = [
        marker(a_run(about("edge"))),
        marker(a_run(about("edge", "registries"))),
        marker(a_run(about("registries", selection=Selection(("acr-*",))))),
        marker(a_run(about("registries", selection=Selection((), ("acr-*",))))),
        marker(a_run(replace(EVERYTHING, registries=REGISTRIES[:1]))),
        marker(RUNS["apply-complete"]),
    ]
    assert len({known, *others}) == 7


def test_a_subject_holds_the_comment_of_a_run_that_fails() -> None:
    subject = ("teams/edge", "registries")
    planned = marker(a_run(EVERYTHING, subject=subject))
    assert marker(replace(RUNS["invalid"], subject=subject)) == planned
    assert marker(a_run(EVERYTHING, subject=("teams/prod", "registries"))) != planned


def test_failures_come_first_and_say_why() -> None:
    page = page_of(RUNS["apply-incomplete"])
    (table,) = page.tables
    assert [row[3] for row in table[1:]] == [
        "update failed", "update refused", "delete skipped", "created", "already so",
    ]  # fmt: skip
    assert "503 after 5 tries" in table[1][-1]
    assert "help: apply again later" in page.blocks[0]


def test_what_is_wrong_is_shown_with_its_position() -> None:
    page = page_of(RUNS["invalid"])
    for each in FINDINGS.values():
        assert f"--> {each.origin}" in page.blocks[0]
    assert "regsync plan failed: " in page.loose


def test_warnings_beside_a_plan_are_folded() -> None:
    warning = Diagnostic("RS130", Severity.WARNING, "certificates are not verified", Origin("r.yaml", 3, 1))
    page = page_of(a_run(make_plan(CREATED), diagnostics=(warning,)))
    assert "1 warning" in page.loose
    assert "RS130" in page.blocks[-1]


def test_validate_finds_something_or_says_so() -> None:
    assert "### regsync validate: no findings" in render_markdown(a_run(command="validate"))
    found = a_run(command="validate", diagnostics=tuple(FINDINGS.values()))
    assert counts_of_findings(render_markdown(found)) == len(FINDINGS)


def counts_of_findings(text: str) -> int:
    first = re.search(r"### regsync validate: (\d+) errors?, (\d+) warnings?", text)
    assert first
    return int(first[1]) + int(first[2])


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (LIMIT, ""),
        (30_000, "each change has a line, and its diff where that fits; "),
        (15_000, "a table of the most dangerous changes and the lines of some registries; "),
        (9_000, "only a table of the most dangerous changes; "),
        (LEAST_LIMIT, "only the counts; "),
    ],
)
def test_the_ladder(limit: int, said: str) -> None:
    """From everything to the counts, and each time it is said how many lines are missing."""
    plan = replace(many(60, 40), guards=(replace(GUARDS[0], ok=False),), unreadable=DARK)
    run = a_run(plan, surrounding=LONGEST_URL)
    text = render_markdown(run, limit=limit)
    assert len(text.encode()) <= limit
    assert counts(text)["delete"] == plan.summary.delete
    assert LONGEST_URL.url in text
    whole = sum(block.count("\n") for block in Page(as_github(render_markdown(run, limit=10**9))).blocks)
    kept = sum(block.count("\n") for block in Page(as_github(text)).blocks)
    found = re.findall(rf"> Shortened to {limit:,} bytes: {said}([\d,]+) lines left out\.", text)
    assert [int(each.replace(",", "")) for each in found] == ([whole - kept] if said else [])


def test_what_is_dangerous_keeps_its_diff_longest() -> None:
    page = page_of(a_run(many(60, 40)), limit=30_000)
    told = [block for block in page.blocks if "+      line: 39" in block]
    assert told
    for block in told:
        heads = [line for line in block.splitlines() if re.match(r"[-+!]{1,2} +harbor", line)]
        assert [each[0] for each in heads] == sorted((each[0] for each in heads), key="-!+".index)


def test_a_table_is_cut_and_says_so() -> None:
    page = page_of(a_run(many(100), surrounding=Surrounding()), limit=10**6)
    assert len(page.tables[0]) == 1 + MOST_CHANGES
    assert "… and 30 more" in page.loose


@both_parsers
@settings(max_examples=40)
@given(
    count=st.sampled_from([0, 1, 7, 60, 400]),
    lines=st.sampled_from([0, 5, 60]),
    limit=st.integers(LEAST_LIMIT, 100_000),
)
def test_any_limit_is_kept_and_nothing_is_cut_in_two(
    parse: Parser, count: int, lines: int, limit: int
) -> None:
    run = a_run(many(count, lines))
    page = page_of(run, parse, limit)
    assert page.tags["sub"] == 1
    assert page.tags["details"] == page.tags["summary"]
    assert page.tags["details"] <= len(page.blocks) <= page.tags["details"] + 1
    assert {len(row) for table in page.tables for row in table} <= {6}


@settings(max_examples=4)
@given(limit=st.integers(LEAST_LIMIT, 100_000))
def test_thousands_of_changes_keep_any_limit(limit: int) -> None:
    page = page_of(a_run(THOUSANDS), limit=limit)
    assert counts(page.loose)["change"] == THOUSANDS.summary.change
    assert "left out" in page.loose


THOUSANDS = many(5_000, 20)


@given(plan=plans, limit=st.integers(LEAST_LIMIT, 100_000), base=st.sampled_from([AGAINST, None]))
def test_any_plan_fits_and_counts_as_its_summary(plan: Plan, limit: int, base: Base | None) -> None:
    plan = replace(plan, base=base)
    run = a_run(plan, surrounding=LONGEST_URL)
    page = page_of(run, limit=limit)
    told = counts(page.loose)
    summary = {key: getattr(plan.summary, key) for key in told}
    if limit < 3_000:
        told.update({key: summary[key] for key in ("unchanged", "unmanaged", "unreadable")})
    assert told == summary
    assert page.links == [LONGEST_URL.url]
    assert len(page.comments) == 1


@given(outcome=outcomes, limit=st.integers(LEAST_LIMIT, 100_000))
def test_any_outcome_fits(outcome: Outcome, limit: int) -> None:
    page = page_of(a_run(command="apply", outcome=outcome), limit=limit)
    assert page.links == [PULL_REQUEST.url]
    assert page.tags["sub"] == 1


def poisoned(text: str) -> list[Run]:
    """Runs of each kind with this text wherever a file, a manifest or a registry may supply one."""
    registry, other = f"a{text}@us", f"a{text}@eu"
    change = replace(
        UPDATED,
        address=Address(registry, text, text),
        cause=Cause.UNKNOWN,
        why=f"1{text}",
        origin=Origin(text, 1, 1),
        source=Source(text, 3, 4),
        diffs=(
            replace(file_changed(text, "@@ -1 +1 @@", f" {text}", f"+{text}"), note=text),
            file_changed("b", text),
        ),
        notes=(text,),
        help=f"1{text}",
        before={"title": f"{text}1", "digest": text, text: f"{text}1"},
        after={"title": f"{text}2", text: f"{text}2"},
    )
    plan = make_plan(
        change,
        replace(change, address=Address(other, text, text), action=Action.CREATE, before=None),
        replace(change, address=Address(registry, f"{text}0"), action=Action.DELETE, after=None),
        replace(change, address=Address(registry, f"{text}1"), cause=Cause.DRIFT),
        replace(change, address=Address(registry, f"{text}2"), action=Action.NO_OP),
        replace(change, address=Address.of_registration(f"c{text}", f"1{text}"), type=ResourceType.REGISTRATION),
        registries=tuple(RegistryView(f"a{text}@{each}", text, text, f"{each}1{text}", f"us1{text}") for each in ("us", "eu")),
        guards=(Guard(text, registry, False, text, text, Origin(text, 1, 1)),),
        unreadable=(Unreadable(f"b{text}", UnreadableScope.REPOSITORY, text, text, hint=f"1{text}"),),
        notes=(text,),
    )  # fmt: skip
    finding = Diagnostic(
        "X", Severity.ERROR, text, Origin(text, 1, 1), Snippet(text, 1), f"1{text}", f"1{text}"
    )
    surrounding = Surrounding(f"1{text}", f"1{text}", "pull_request")
    results = tuple(
        Result(
            replace(change, address=Address(f"{status}{text}", text, text)), status, f"1{text}", f"1{text}"
        )
        for status in Status
    )
    return [
        a_run(plan, surrounding=surrounding, diagnostics=(finding,)),
        a_run(plan, surrounding=surrounding, error=Unreachable(f"1{text}", hint=f"1{text}")),
        a_run(surrounding=surrounding, error=ManifestInvalid((finding,))),
        a_run(surrounding=surrounding, command="apply", outcome=Outcome(plan, results)),
    ]


PLAIN = "x1"


@both_parsers
@given(text=hostile)
def test_no_text_becomes_anything_but_text(parse: Parser, text: str) -> None:
    """The page has the elements that it has of harmless text, and outside of code the same words."""
    for harmless, run in zip(poisoned(PLAIN), poisoned(text), strict=True):
        expected, page = page_of(harmless, parse), page_of(run, parse)
        assert {**page.tags, "code": 0} == {**expected.tags, "code": 0}
        assert page.loose.split() == expected.loose.split()
        assert [[len(row) for row in table] for table in page.tables] == [
            [len(row) for row in table] for table in expected.tables
        ]
        assert page.comments == [marker(run)[4:-3]]
        assert page.links == []
