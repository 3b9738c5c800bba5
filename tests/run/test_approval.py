"""What a saved plan lets through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regsync.model.outcome import Status
from regsync.model.plan import Action, Cause, Plan, Reason
from regsync.model.registry import Overwrite
from regsync.planner.build import build_plan
from regsync.run.approval import Approved
from regsync.run.approval import approve as match
from tests.support.states import a_registry, a_request, a_spec, absent, address, desired, live, there, wanted


def approve(approved: Plan, fresh: Plan, *, gone: bool = False) -> Approved:
    return match(approved, fresh, gone=lambda change: gone)


CREATE = build_plan(a_request(), desired(a_registry(wanted("nginx"))), live(missing=[address("nginx")]))


def with_change(plan: Plan, **fields: object) -> Plan:
    (change,) = plan.changes
    return replace(plan, changes=(replace(change, **fields),))  # type: ignore[arg-type]


def test_the_same_plan_is_let_through() -> None:
    matched = approve(CREATE, CREATE)
    assert (matched.plan.changes, matched.results) == (CREATE.changes, ())


@pytest.mark.parametrize(
    "fields", [{"cause": Cause.DRIFT}, {"reason": Reason.EQUAL}, {"why": "for fun"}, {"notes": ("a note",)}]
)
def test_what_is_only_said_of_a_change_does_not_count(fields: dict[str, object]) -> None:
    assert approve(CREATE, with_change(CREATE, **fields)).results == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"after": {"content": "sha256:other", "title": "nginx-1.0.0.tar.gz"}}, "content: expected sha256:"),
        ({"binding": {"endpoint": "https://elsewhere.example.com"}}, "endpoint: expected https://harbor"),
        ({"action": Action.UPDATE, "before": {"digest": "sha256:x"}}, "expected create, found update"),
        ({"action": Action.BLOCKED}, "expected create, found blocked"),
    ],
)
def test_what_differs_is_named_and_not_written(fields: dict[str, object], said: str) -> None:
    matched = approve(CREATE, with_change(CREATE, **fields))
    (result,) = matched.results
    assert result.status is Status.REFUSED
    assert said in str(result.detail)
    assert matched.plan.changes == ()


def test_a_change_that_was_not_in_the_plan_is_refused() -> None:
    empty = replace(CREATE, changes=())
    (result,) = approve(empty, CREATE).results
    assert (result.status, result.detail) == (Status.REFUSED, "not approved: create was not in the plan")


def test_what_is_so_already_is_skipped() -> None:
    done = build_plan(a_request(), desired(a_registry(wanted("nginx"))), live(there("nginx")))
    (result,) = approve(CREATE, done).results
    assert result.status is Status.ALREADY


def test_other_content_that_is_live_and_wanted_by_now_is_not_taken_for_the_approved_one() -> None:
    other = build_plan(a_request(), desired(a_registry(wanted("nginx", "new"))), live(there("nginx", "new")))
    (result,) = approve(CREATE, other).results
    assert result.status is Status.REFUSED


def test_what_the_manifests_no_longer_ask_for_is_refused() -> None:
    (result,) = approve(CREATE, replace(CREATE, changes=())).results
    assert (result.status, result.detail) == (
        Status.REFUSED,
        "approved, but the manifests no longer ask for it",
    )


def deleting(**fields: object) -> Plan:
    return build_plan(
        a_request(),
        desired(a_registry(absences=[absent("old")])),
        live(there("old", **fields)),  # type: ignore[arg-type]
    )


def test_a_delete_of_another_digest_or_of_more_tags_was_not_approved() -> None:
    for fields in ({"digest": "sha256:" + "1" * 64}, {"tags": ("1.0.0", "latest")}):
        (result,) = approve(deleting(), deleting(**fields)).results
        assert result.status is Status.REFUSED


def test_what_was_blocked_and_is_free_now_was_not_approved() -> None:
    blocked = build_plan(
        a_request(), desired(a_registry(wanted("nginx", "new"))), live(there("nginx", "old"))
    )
    allowed = build_plan(
        a_request(),
        desired(a_registry(wanted("nginx", "new"), spec=a_spec(overwrite=Overwrite.ALLOW))),
        live(there("nginx", "old")),
    )
    (result,) = approve(blocked, allowed).results
    assert "expected blocked, found update" in str(result.detail)


def test_an_approved_delete_is_done_already_only_where_the_registry_was_seen_without_it() -> None:
    without = replace(deleting(), changes=())
    assert [each.status for each in approve(deleting(), without, gone=True).results] == [Status.ALREADY]
    assert [each.status for each in approve(deleting(), without).results] == [Status.REFUSED]


def test_a_registry_that_no_manifest_declares_is_named() -> None:
    (result,) = approve(deleting(), replace(deleting(), changes=(), registries=())).results
    assert result.detail == "approved, but no manifest here declares harbor"


def test_what_is_so_at_another_endpoint_is_not_what_was_approved() -> None:
    done = build_plan(a_request(), desired(a_registry(wanted("nginx"))), live(there("nginx")))
    elsewhere = with_change(done, binding={"endpoint": "https://elsewhere.example.com"})
    (result,) = approve(CREATE, elsewhere).results
    assert result.status is Status.REFUSED
    assert "endpoint: expected https://harbor" in str(result.detail)


def test_what_was_to_be_deleted_and_is_wanted_now_is_refused() -> None:
    kept = build_plan(a_request(), desired(a_registry(wanted("old"))), live(there("old")))
    (result,) = approve(deleting(), kept).results
    assert result.status is Status.REFUSED
