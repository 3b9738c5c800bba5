from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.model.codec import plan_from_json, plan_to_json
from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Origin
from regsync.model.plan import (
    Action,
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
from regsync.model.settings import Json
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.lines import plain
from regsync.report.plan import Detail, Observation, render_plan
from tests.support.plans import make_change, make_plan, plans, unchanged

Golden = Callable[[str, str], None]

REGISTRIES = (
    RegistryView("acr-dev", "acr", "https://dev.azurecr.io"),
    RegistryView("ecr-prod@eu-west-1", "ecr", "214.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
    RegistryView("ecr-prod@us-east-1", "ecr", "214.dkr.ecr.us-east-1.amazonaws.com", "us-east-1"),
    RegistryView("harbor-prod", "harbor", "https://harbor.example.com"),
)
NGINX = "harbor-prod/team/spectro-packs/archive/nginx:1.25.0"
REDIS = "acr-dev/team/spectro-packs/archive/redis:7.2.1"
OLD_APP = "ecr-prod@eu-west-1/custom/spectro-packs/archive/old-app:0.9.1"
K8S = "ecr-prod@us-east-1/custom/spectro-packs/archive/k8s:1.29.1"


def file_changed(path: str, *lines: str) -> FileDiff:
    before, after = FileEntry(path, "1" * 64, 2048), FileEntry(path, "2" * 64, 2051)
    return FileDiff(path, FileStatus.CHANGED, before, after, lines)


def ok(registry: str, deletes: int = 0) -> Guard:
    text = f"deletes {deletes}/5"
    return Guard("deletes", registry, True, text, f"--max-deletes {deletes}", Origin("r.yaml", 3, 1))


CREATED = make_change(
    NGINX,
    cause=Cause.MANIFEST,
    origin=Origin("registries/harbor.yaml", 14, 7),
    source=Source("packs/nginx-1.25.0", 34, 1_234_567),
)
UPDATED = make_change(
    REDIS,
    Action.UPDATE,
    cause=Cause.MANIFEST,
    origin=Origin("registries/acr.yaml", 19, 7),
    source=Source("packs/redis-7.2.1", 12, 96_400),
    diffs=(
        file_changed(
            "values.yaml",
            "@@ -11,5 +11,5 @@",
            " redis:",
            "-  replicas: 1",
            "+  replicas: 3",
            "   persistence:",
            "@@ -40 +40 @@",
            "-  port: 6379",
            "+  port: 6380",
        ),
        FileDiff(
            "charts/redis-18.1.0.tgz",
            FileStatus.ADDED,
            None,
            FileEntry("charts/redis-18.1.0.tgz", "3" * 64, 96_000),
        ),
        file_changed("logo.png"),
    ),
)
DELETED = make_change(
    OLD_APP,
    Action.DELETE,
    cause=Cause.MANIFEST,
    why="tombstone at registries/ecr.yaml:31",
    origin=Origin("registries/ecr.yaml", 31, 7),
)
BLOCKED = make_change(
    K8S,
    Action.BLOCKED,
    origin=Origin("registries/ecr.yaml", 27, 7),
    source=Source("packs/k8s-1.29.1", 9, 12_000),
    diffs=(file_changed("values.yaml", "@@ -3 +3 @@", "-image: k8s:1.29.0", "+image: k8s:1.29.1"),),
    help="raise the version at packs/k8s-1.29.1/pack.json:3, or set policy.overwrite: allow at "
    "registries/ecr.yaml:22",
)
BASE = make_change(
    "harbor-prod/team/spectro-packs/archive:",
    type=ResourceType.REPOSITORY,
    reason=Reason.BASE_REPOSITORY,
    why="Palette's base repository; nothing lives beneath it",
    after={},
)
BASE = replace(BASE, address=replace(BASE.address, tag=None))
EVERYTHING = make_plan(
    CREATED,
    BASE,
    UPDATED,
    DELETED,
    BLOCKED,
    *unchanged(214),
    registries=REGISTRIES,
    guards=(
        ok("acr-dev"),
        ok("ecr-prod@eu-west-1", 1),
        Guard("protected", "ecr-prod@eu-west-1", True, "protected none touched", "--unprotect ADDRESS"),
        Guard("share", "ecr-prod@eu-west-1", True, "share 1/30 %", "--max-delete-share 1"),
        ok("ecr-prod@us-east-1"),
        ok("harbor-prod"),
    ),
    unmanaged=3,
    manifest_files=4,
)
EMPTY = make_plan(*unchanged(214), guards=(ok("harbor-prod"),), unmanaged=3)


def text(plan: Plan, detail: Detail = Detail.CHANGES) -> str:
    return plain(render_plan(plan, detail=detail))


@pytest.mark.parametrize("detail", Detail)
def test_changes(golden: Golden, detail: Detail) -> None:
    rendered = render_plan(
        EVERYTHING,
        detail=detail,
        observed=Observation(218, 3.21, 240),
        next_step="Apply exactly this: regsync apply p.json",
    )
    golden(f"report/changes-{detail}", plain(rendered))


def test_no_changes(golden: Golden) -> None:
    golden("report/no-changes", plain(render_plan(EMPTY, observed=Observation(217, 0.42, 217))))


def test_one_reason_is_not_said_for_forty_repositories() -> None:
    def dark(registry: str, reason: str, number: int) -> Unreadable:
        return Unreadable(
            registry,
            UnreadableScope.REPOSITORY,
            reason,
            f"team/pack-{number:02}",
            hint=f"grant it on pack-{number:02}",
        )

    denied = [dark("ecr-prod@eu-west-1", "denied", number) for number in range(40)]
    few = [dark("ecr-prod@us-east-1", "denied", number) for number in range(5)]
    plan = make_plan(unreadable=(*denied, *few, dark("ecr-prod@us-east-1", "throttled", 7)))
    shown = text(plan)
    assert shown.count("   denied") == 10
    assert (
        "team/pack-04   unreadable   denied\n    … 35 more likewise (--detail full)\n? ecr-prod@us-east-1"
        in shown
    )
    assert shown.count("help: grant it on pack-00") == 1
    assert shown.count("help: grant it on pack-07") == 1
    assert text(plan, Detail.FULL).count("   denied") == 45


@pytest.mark.parametrize("detail", [Detail.CHANGES, Detail.FULL])
def test_policies_are_compared_line_by_line(golden: Golden, detail: Detail) -> None:
    def policy(*actions: str) -> dict[str, object]:
        return {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": [*actions]}],
        }

    wanted = {
        "policy": policy("ecr:BatchGetImage", "ecr:DescribeImages"),
        "lifecyclePolicy": {"rules": [{"a": "b" * 60}]},
    }
    live = {"policy": policy("ecr:DescribeImages"), "lifecyclePolicy": None}
    same = {**policy("ecr:DescribeImages", "ecr:BatchGetImage"), "Version": "2012-10-17"}
    changes = [
        make_change(
            f"ecr-prod/team/{name}:1",
            Action.UPDATE,
            type=ResourceType.REPOSITORY,
            before=before,
            after=wanted,
        )
        for name, before in (("nginx", live), ("redis", {**live, "policy": same}))
    ]
    golden(f"report/policies-{detail}", text(make_plan(*changes), detail))


def test_an_unreadable_registry(golden: Golden) -> None:
    dark = (
        Unreadable(
            "acr-dev",
            UnreadableScope.REGISTRY,
            "GET https://dev.azurecr.io/v2/: connection refused",
            hint="check that dev.azurecr.io can be reached from here: regsync registries check",
        ),
        Unreadable("harbor-prod", UnreadableScope.TAG, "answered with a web page", "team/redis", "7.2.1"),
    )
    plan = make_plan(CREATED, *unchanged(8), registries=REGISTRIES, unreadable=dark, not_compared=41)
    golden("report/unreadable", text(plan))


def test_blocked_by_its_content(golden: Golden) -> None:
    golden("report/blocked-by-content", text(make_plan(BLOCKED, *unchanged(2))))


def test_blocked_by_another_owner(golden: Golden) -> None:
    change = make_change(
        NGINX,
        Action.BLOCKED,
        reason=Reason.OTHER_OWNER,
        why="the tag exists with other content, and it belongs to platform-team",
        before={**(BLOCKED.before or {}), "title": "nginx-1.25.0.tar.gz", "owner": "platform-team"},
        help=f"agree with platform-team who keeps it, then take it over with --adopt {NGINX}",
    )
    golden("report/blocked-by-owner", text(make_plan(change, *unchanged(2))))


def test_adoption(golden: Golden) -> None:
    adopted = make_change(
        NGINX,
        Action.UPDATE,
        before={**(UPDATED.before or {}), "title": "nginx-1.25.0.tar.gz", "owner": None},
        notes=("carries no mark; this update makes harbor-prod its owner",),
    )
    kept = [replace(each, notes=("pushed by oras 1.1 or later",)) for each in unchanged(3)]
    foreign = "belongs to platform-team; its content is equal, so it is left as it is"
    kept[2] = replace(kept[2], notes=(foreign,))
    golden("report/adoption", text(make_plan(adopted, *kept)))
    golden("report/adoption-full", text(make_plan(adopted, *kept), Detail.FULL))


def test_a_guard_that_refuses(golden: Golden) -> None:
    gone = [make_change(f"harbor-prod/team/old-{number}:1.0.0", Action.DELETE) for number in range(7)]
    at = Origin("registries/harbor.yaml", 22, 17)
    guards = (
        Guard("deletes", "harbor-prod", False, "deletes 7/5", "--max-deletes 7", at),
        Guard("share", "harbor-prod", True, "share 13/30 %", "--max-delete-share 13"),
    )
    golden("report/guard-refusal", text(make_plan(*gone, *unchanged(50), guards=guards)))


def test_an_empty_desired_set(golden: Golden) -> None:
    gone = make_change("harbor-prod/team/old:1.0.0", Action.DELETE, why="no manifest names it")
    at = Origin("registries/harbor.yaml", 30, 3)
    guard = Guard(
        "empty", "harbor-prod", False, "nothing desired, 1 to prune", "--allow-empty harbor-prod", at
    )
    golden("report/empty-desired", text(make_plan(gone, guards=(guard,))))


def test_a_selection_is_told_from_no_changes() -> None:
    shown = text(replace(EMPTY, outside=3))
    assert "partial: 3 changes outside the selection" in shown
    assert "No changes" not in shown


@pytest.mark.parametrize(
    "more",
    [
        {"changes": (CREATED,)},
        {"changes": (BLOCKED,)},
        {"unreadable": (Unreadable("harbor-prod", UnreadableScope.REGISTRY, "no answer"),)},
        {"not_compared": 1},
        {"guards": (replace(ok("harbor-prod"), ok=False),)},
    ],
    ids=lambda more: next(iter(more)),
)
def test_no_changes_is_said_only_where_nothing_is_open(more: dict[str, object]) -> None:
    assert "No changes" in text(EMPTY)
    assert "No changes" not in text(replace(EMPTY, **more))  # type: ignore[arg-type]


def test_much_content_is_cut_unless_everything_is_asked_for() -> None:
    lines = ("@@ -1,40 +1,40 @@", *(f"+line {number}" for number in range(40)), " around")
    change = replace(UPDATED, diffs=tuple(file_changed(f"file-{number}.yaml", *lines) for number in range(8)))
    short, full = text(make_plan(change)), text(make_plan(change), Detail.FULL)
    assert short.count("      … 28 more lines (--detail full)\n") == 5
    assert "    … 3 more files (--detail full)\n" in short
    assert "+line 11" in short
    assert "+line 12" not in short
    assert "around" not in short
    assert "more" not in full
    assert full.count("+line 39") == full.count(" around") == 8


def created(name: str, region: str, **settings: Json) -> Change:
    change = make_change(f"ecr@{region}/team/{name}:1", type=ResourceType.REPOSITORY, after=settings)
    return replace(change, address=replace(change.address, tag=None))


POLICY: Json = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "a"}]}
KMS: Json = {"type": "KMS", "key": "arn:aws:kms:us-east-1:214575254960:key/mrk-1234"}


def test_what_repositories_are_created_with_is_told_once() -> None:
    alike = [created(f"pack-{number}", "eu-west-1", scanOnPush=True, policy=POLICY) for number in range(9)]
    alike += [created(f"pack-{number}", "us-east-1", scanOnPush=True, policy=POLICY) for number in range(9)]
    other = created("other", "us-east-1", encryption=KMS, tagMutability="IMMUTABLE")
    short, full = text(make_plan(*alike, other)), text(make_plan(*alike, other), Detail.FULL)
    assert [each for each in short.splitlines() if each.startswith("    ")] == [
        "    with   policy 10 lines · scanOnPush true   and 17 more of ecr likewise",
        "    with   encryption KMS mrk-1234 · tagMutability IMMUTABLE",
    ]
    assert full.count('          "Effect": "Allow",\n') == full.count("      scanOnPush   true\n") == 1
    assert "      tagMutability   IMMUTABLE\n" in full
    assert "mrk-1234" not in text(make_plan(other), Detail.SUMMARY)


def test_causes_have_no_column_where_none_is_known() -> None:
    assert "(manifest)" in text(make_plan(CREATED))
    assert f"+ {NGINX}   create   the registry" in text(make_plan(replace(CREATED, cause=Cause.UNKNOWN)))


def test_registries_that_measure_alike_share_a_line() -> None:
    alike = tuple(ok(f"ecr@region-{number}") for number in range(30))
    assert "Guards: deletes 0/5 ok   in each live registry\n" in text(make_plan(guards=alike))
    one_more = ok("harbor", 1)
    named = "ecr@region-0, ecr@region-1, ecr@region-2, ecr@region-3, ecr@region-4 and 25 more"
    assert f"Guards: deletes 0/5 ok   in {named}\n" in text(make_plan(guards=(*alike, one_more)))


def test_a_selection_does_not_speak_for_the_rest() -> None:
    plan = make_plan(request=PlanRequest(("registries",), Selection(("edge/*",))))
    assert "\nNo changes in what is selected.\n" in text(plan)


def counts(conclusion: str) -> dict[str, int]:
    """What the last lines of a plan count, by the words that follow the numbers; what is not said is 0."""
    words = {
        "add": "to add",
        "change": "to change",
        "delete": "to delete",
        "blocked": "blocked",
        "unchanged": "unchanged",
        "unmanaged": "unmanaged",
        "not_compared": "not compared",
        "outside_selection": "changes? outside the selection",
    }
    found = {key: re.search(rf"(\d+) {each}", conclusion) for key, each in words.items()}
    return {key: int(number[1]) if number else 0 for key, number in found.items()}


@given(plans, st.sampled_from(Detail))
def test_any_plan_prints_safely_and_counts_as_its_json(plan: Plan, detail: Detail) -> None:
    lines = render_plan(plan, detail=detail)
    assert all(each.text.isprintable() for each in lines)
    conclusion = [each.text for each in lines if "plan-id" in each.text or each.text.startswith("partial:")]
    written = plan_to_json(plan, timestamp="2026-11-21T05:31:00Z")
    assert counts("\n".join(conclusion)) == written["summary"]
    assert str(written["plan_id"]) in plain(lines)
    saved = plan_from_json(json.loads(json.dumps(written, sort_keys=True)))
    assert render_plan(saved, detail=detail) == lines


def test_hostile_names_stay_on_their_line() -> None:
    hostile: Change = replace(
        CREATED, why="\x1b[2Jfine\nApply complete!", notes=("::add-mask::a", "a\u202eb", "##vso[task]")
    )
    shown = text(make_plan(hostile))
    assert r"\x1b[2Jfine\nApply complete!" in shown
    assert not re.search(r"^\s*::|##vso|\x1b|\u202e", shown, re.MULTILINE)
