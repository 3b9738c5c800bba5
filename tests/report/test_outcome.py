from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Plan, Source
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.lines import plain
from regsync.report.outcome import render_outcome, what_is_left
from regsync.report.plan import Detail
from tests.support.plans import make_change, make_plan, outcomes, unchanged

Golden = Callable[[str, str], None]

ARCHIVE = "harbor-prod/team/spectro-packs/archive"
CREATED = Result(
    make_change(f"{ARCHIVE}/nginx:1.25.0", source=Source("packs/nginx-1.25.0", 34, 1_234_567)),
    Status.APPLIED,
    sent=412_345,
    seconds=0.81,
)
UPDATED = Result(
    make_change(f"{ARCHIVE}/redis:7.2.1", Action.UPDATE), Status.APPLIED, sent=2_700_000, seconds=1.4
)
DELETED = Result(make_change(f"{ARCHIVE}/old:0.9.1", Action.DELETE), Status.APPLIED, seconds=0.05)
FAILED = Result(
    make_change(f"{ARCHIVE}/kyverno:3.1.0"),
    Status.FAILED,
    "POST https://harbor.example.com/v2/team/spectro-packs/archive/kyverno/blobs/uploads/: 503 after 5 tries",
    "the registry is overloaded or being upgraded; apply again later",
    seconds=31.2,
)
SKIPPED = Result(
    make_change(f"{ARCHIVE}/older:0.1.0", Action.DELETE),
    Status.SKIPPED,
    f"{ARCHIVE}/kyverno:3.1.0 was not written",
)
REFUSED = Result(
    make_change(f"{ARCHIVE}/vault:0.27.0", Action.UPDATE),
    Status.REFUSED,
    "not approved: live digest: expected absent, found sha256:" + "e5f6" * 16,
    "make a new plan, have it reviewed, and apply that",
)
BLOCKED = Result(
    make_change(f"{ARCHIVE}/k8s:1.29.1", Action.BLOCKED),
    Status.REFUSED,
    "the tag exists with other content",
    "raise the version at packs/k8s-1.29.1/pack.json:3",
)
ALREADY = Result(make_change(f"{ARCHIVE}/argo:6.0.0"), Status.ALREADY)


def test_the_same_plan_is_offered_again_only_where_that_can_help() -> None:
    again = "a saved plan may be applied again"
    assert "may be" not in what_is_left(outcome(CREATED, REFUSED))
    assert what_is_left(outcome(CREATED, FAILED)).endswith(f"{again}.")
    assert what_is_left(outcome(CREATED, SKIPPED, signal=2)).endswith(f"{again}.")
    assert what_is_left(outcome(FAILED, REFUSED)).endswith("but what was refused would be refused again.")


def outcome(*results: Result, signal: int | None = None, plan: Plan | None = None) -> Outcome:
    plan = plan or make_plan(*(each.change for each in results), *unchanged(214))
    return Outcome(plan, results, seconds=2.43, signal=signal, requests={"harbor-prod": 31})


@pytest.mark.parametrize("detail", Detail)
def test_a_complete_apply(golden: Golden, detail: Detail) -> None:
    lines = render_outcome(outcome(CREATED, UPDATED, DELETED), detail=detail)
    golden(f"report/apply-complete-{detail}", plain(lines))


def test_a_partial_apply(golden: Golden) -> None:
    golden("report/apply-partial", plain(render_outcome(outcome(CREATED, BLOCKED, FAILED, SKIPPED))))


def test_an_interrupted_apply(golden: Golden) -> None:
    not_begun = Result(SKIPPED.change, Status.SKIPPED, "interrupted before it began")
    golden("report/apply-interrupted", plain(render_outcome(outcome(CREATED, not_begun, signal=2))))


def test_a_change_that_was_not_approved(golden: Golden) -> None:
    golden("report/apply-not-approved", plain(render_outcome(outcome(CREATED, REFUSED))))


def test_approved_and_already_so(golden: Golden) -> None:
    golden("report/apply-already-so", plain(render_outcome(outcome(ALREADY, CREATED))))


def test_an_apply_beside_an_unreadable_registry_is_not_complete(golden: Golden) -> None:
    dark = Unreadable("acr-dev", UnreadableScope.REGISTRY, "connection refused")
    plan = make_plan(CREATED.change, unreadable=(dark,), not_compared=12)
    golden("report/apply-unreadable", plain(render_outcome(outcome(CREATED, plan=plan))))


def test_what_helps_against_one_failure_is_said_once() -> None:
    failed = [
        Result(
            make_change(f"{ARCHIVE}/pack-{number}:1.0.0"), Status.FAILED, why, f"grant it on pack-{number}"
        )
        for number, why in enumerate(["denied", "denied", "throttled"])
    ]
    shown = plain(render_outcome(outcome(*failed)))
    assert [f"help: grant it on pack-{number}" in shown for number in range(3)] == [True, False, True]


def test_a_summary_names_only_what_did_not_come_about() -> None:
    shown = plain(render_outcome(outcome(CREATED, ALREADY, FAILED, REFUSED), detail=Detail.SUMMARY))
    assert "nginx" not in shown
    assert "argo" not in shown
    assert f"x {FAILED.change.address}" in shown
    assert f"! {REFUSED.change.address}" in shown


@given(outcomes, st.sampled_from(Detail))
def test_any_outcome_prints_safely_and_says_complete_only_when_it_is(
    outcome: Outcome, detail: Detail
) -> None:
    lines = render_outcome(outcome, detail=detail)
    assert all(each.text.isprintable() for each in lines)
    fine = all(each.status in (Status.APPLIED, Status.ALREADY) for each in outcome.results)
    complete = fine and outcome.signal is None and not outcome.plan.errored
    assert any(each.text.startswith("Apply complete!") for each in lines) == complete
