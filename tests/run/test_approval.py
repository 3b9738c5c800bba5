"""What a saved plan lets through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regsync.model.outcome import Status
from regsync.model.plan import Action, Cause, Change, Copy, Plan, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Overwrite
from regsync.model.settings import Json
from regsync.planner.build import build_plan
from regsync.run.approval import Approved
from regsync.run.approval import approve as match
from tests.support.plans import LIVE, NEW, make_change, make_plan
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


NGINX = "ecr@eu-west-1/team/nginx:1.25.0"
HERE = Address("ecr@us-east-1", "team/nginx", "1.25.0")


def a_copy(digest: str | None = LIVE, *, address: Address = HERE, replicated: bool = False) -> Change:
    after = {"content": NEW, "title": "nginx-1.25.0.tar.gz", "owner": "data"}
    return make_change(
        NGINX,
        copy=Copy(address, digest, replicated),
        after=after if replicated else {**after, "digest": digest},
        source=None,
    )


WAIT = a_copy(None, replicated=True)
PUSH = make_change(NGINX)


def let_through(then: Change, now: Change) -> tuple[Change, ...]:
    return approve(make_plan(then), make_plan(now)).plan.changes


def test_a_copy_is_approved_with_its_digest_from_whichever_region_it_is_taken() -> None:
    elsewhere = a_copy(address=replace(HERE, registry="ecr@ap-south-1"))
    assert let_through(a_copy(), a_copy()) == (a_copy(),)
    assert let_through(a_copy(), elsewhere) == (elsewhere,)
    for other in (a_copy(NEW), PUSH, WAIT):
        (result,) = approve(make_plan(a_copy()), make_plan(other)).results
        assert result.status is Status.REFUSED
        assert "digest to be copied: expected sha256:" in str(result.detail)


def test_what_was_to_come_from_its_folder_still_does_when_another_region_has_it_by_now() -> None:
    (kept,) = let_through(PUSH, a_copy())
    assert (kept.copy, kept.source, kept.after) == (None, PUSH.source, PUSH.after)


def test_what_replication_was_to_bring_is_still_waited_for_when_its_source_is_there() -> None:
    (kept,) = let_through(WAIT, a_copy())
    assert kept.copy == WAIT.copy
    assert let_through(WAIT, a_copy(address=replace(HERE, registry="ecr@ap-south-1"))) == ()


def test_other_content_does_not_pass_because_it_could_be_copied() -> None:
    other = replace(a_copy(), after={**(a_copy().after or {}), "content": LIVE})
    (result,) = approve(make_plan(PUSH), make_plan(other)).results
    assert str(result.detail).startswith("not approved: content: expected")


def test_a_repository_that_only_a_copy_needed_is_not_created_when_the_content_is_waited_for() -> None:
    repository = a_repository(Action.CREATE, None, {})
    matched = approve(make_plan(WAIT), make_plan(a_copy(), repository))
    assert [each.copy for each in matched.plan.changes] == [WAIT.copy]
    assert matched.results == ()
    (refused,) = approve(make_plan(PUSH), make_plan(a_copy(), repository)).results
    assert (refused.change, refused.status) == (repository, Status.REFUSED)


def a_repository(action: Action, before: Json, after: Json, **more: object) -> Change:
    return make_change(
        "ecr@eu-west-1/team/nginx",
        action,
        type=ResourceType.REPOSITORY,
        before=before,
        after=after,
        **more,
    )


def test_a_repository_is_approved_with_all_its_settings_before_and_after() -> None:
    then = a_repository(Action.UPDATE, {"scanOnPush": False}, {"scanOnPush": True})
    assert let_through(then, then) == (then,)
    others: list[tuple[Json, Json, str]] = [
        ({"scanOnPush": None}, {"scanOnPush": True}, "live scanOnPush: expected false, found none"),
        ({"scanOnPush": False}, {"scanOnPush": True, "tags": {}}, "tags: expected none, found {}"),
    ]
    for before, after, said in others:
        (result,) = approve(make_plan(then), make_plan(a_repository(Action.UPDATE, before, after))).results
        assert (result.status, result.detail) == (Status.REFUSED, f"not approved: {said}")


def test_a_policy_that_means_the_same_in_another_form_is_the_approved_one() -> None:
    def update(action: Json) -> Change:
        policy: Json = {"Statement": [{"Effect": "Allow", "Action": action}]}
        return a_repository(Action.UPDATE, {"policy": None}, {"policy": policy})

    now = update(["ecr:batchgetimage"])
    assert let_through(update("ecr:BatchGetImage"), now) == (now,)


def test_long_documents_that_differ_are_named_and_not_shown() -> None:
    def policy(account: int) -> Json:
        return {
            "policy": {
                "Statement": [{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Sid": account * "x"}]
            }
        }

    then = a_repository(Action.UPDATE, {"policy": None}, policy(1))
    again = a_repository(Action.UPDATE, {"policy": None}, policy(2))
    there = a_repository(Action.NO_OP, policy(2), policy(2))
    cleared = a_repository(Action.UPDATE, {"policy": None}, {})
    for now, said in (
        (again, "policy: another document than was approved"),
        (there, "policy: another document than was approved is wanted now and live already"),
        (cleared, "policy: expected a long document, found none"),
    ):
        (result,) = approve(make_plan(then), make_plan(now)).results
        assert result.detail == f"not approved: {said}"


def test_settings_that_are_so_by_now_are_done_only_where_they_are_the_approved_ones() -> None:
    then = a_repository(Action.UPDATE, {"scanOnPush": False}, {"scanOnPush": True})
    for live_now, status in ((True, Status.ALREADY), (False, Status.REFUSED)):
        now = a_repository(Action.NO_OP, {"scanOnPush": live_now}, {"scanOnPush": live_now})
        (result,) = approve(make_plan(then), make_plan(now)).results
        assert result.status is status


def test_a_repository_that_replication_has_created_by_now_gets_its_approved_settings() -> None:
    source = Copy(replace(HERE, tag=None), replicated=True)
    then = a_repository(Action.CREATE, None, {"scanOnPush": True}, copy=source)
    now = a_repository(Action.UPDATE, {"scanOnPush": False}, {"scanOnPush": True})
    assert let_through(then, now) == (now,)
    other = a_repository(Action.UPDATE, {"scanOnPush": False}, {"scanOnPush": True, "tags": {"a": "1"}})
    assert let_through(then, other) == ()
    created = a_repository(Action.CREATE, None, {"scanOnPush": True})
    (kept,) = let_through(then, created)
    assert kept.copy == source
