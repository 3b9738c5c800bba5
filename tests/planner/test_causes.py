"""Causes against a merge base: what its plan would change, too, is drift, and the rest came with the manifests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from regsync.model.plan import Action, Cause, Change, Guard, Plan, ResourceType
from regsync.planner.causes import label
from tests.support.plans import LIVE, NEW, OLD, make_change, make_plan, plans

NGINX = "prod/team/spectro-packs/archive/nginx:1.25.0"


def cause(now: Change, then: Change | None, blind: tuple[str, ...] = ()) -> Cause:
    base = make_plan(*([then] if then else []))
    return label(make_plan(now), base, blind).changes[0].cause


def wanting(content: str, action: Action = Action.UPDATE, **more: Any) -> Change:
    return make_change(NGINX, action, after={"content": content, "title": "nginx"}, **more)


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.BLOCKED])
def test_a_change_that_the_base_does_not_make_came_with_the_manifests(action: Action) -> None:
    assert cause(wanting(NEW, action), None) is Cause.MANIFEST
    assert cause(wanting(NEW, action), make_change(NGINX, Action.NO_OP)) is Cause.MANIFEST


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE, Action.BLOCKED])
def test_a_change_that_the_base_makes_is_drift_or_both(action: Action) -> None:
    assert cause(wanting(NEW, action), wanting(NEW, action)) is Cause.DRIFT
    assert cause(wanting(NEW, action), wanting(OLD, action)) is Cause.BOTH


@pytest.mark.parametrize("action", [Action.UPDATE, Action.REPLACE, Action.DELETE])
def test_what_is_written_now_and_was_blocked_at_the_base_is_both(action: Action) -> None:
    assert cause(wanting(NEW, action), wanting(NEW, Action.BLOCKED)) is Cause.BOTH
    assert cause(wanting(NEW, Action.BLOCKED), wanting(NEW, action)) is Cause.BOTH


def test_what_the_base_protects_and_the_manifests_do_not_is_both() -> None:
    vault = make_change("prod/team/vault:1.0.0", Action.UPDATE, after={"content": NEW, "title": "vault"})
    held = Guard("protected", "prod", False, f"protected {NGINX}", f"--unprotect {NGINX}")
    plan = make_plan(wanting(NEW), vault)
    base = replace(plan, guards=(held,))
    assert [each.cause for each in label(plan, base).changes] == [Cause.BOTH, Cause.DRIFT]
    assert {each.cause for each in label(base, base).changes} == {Cause.DRIFT}


def test_a_delete_is_drift_where_the_base_deletes_too() -> None:
    gone = make_change(NGINX, Action.DELETE)
    assert cause(gone, None) is Cause.MANIFEST
    assert cause(gone, make_change(NGINX, Action.NO_OP)) is Cause.MANIFEST
    assert cause(gone, gone) is Cause.DRIFT
    assert cause(gone, wanting(NEW)) is Cause.BOTH


def test_where_the_bytes_come_from_is_no_other_wish() -> None:
    copied = replace(wanting(NEW), after={"content": NEW, "title": "nginx", "digest": LIVE, "owner": "other"})
    assert cause(copied, wanting(NEW)) is Cause.DRIFT


def test_settings_are_compared_by_what_they_mean() -> None:
    def limit(text: str) -> Change:
        address = "harbor-prod/@project/team"
        return make_change(
            address, Action.UPDATE, type=ResourceType.PROJECT, before={}, after={"storageLimit": text}
        )

    assert cause(limit("1Gi"), limit("1024Mi")) is Cause.DRIFT
    assert cause(limit("1Gi"), limit("2Gi")) is Cause.BOTH


def test_another_login_is_the_same_registry_and_another_endpoint_is_not() -> None:
    here = wanting(NEW, binding={"endpoint": "https://a.example.com", "auth": "basic"})
    assert cause(here, replace(here, binding={**here.binding, "auth": "token"})) is Cause.DRIFT
    assert (
        cause(here, replace(here, binding={**here.binding, "endpoint": "https://b.example.com"}))
        is Cause.MANIFEST
    )


def test_what_a_blind_base_may_have_wanted_is_unknown() -> None:
    gone = make_change(NGINX, Action.DELETE)
    assert cause(wanting(NEW), None, ("prod",)) is Cause.UNKNOWN
    assert cause(gone, gone, ("prod",)) is Cause.UNKNOWN
    assert cause(wanting(NEW), wanting(NEW), ("prod",)) is Cause.DRIFT
    assert cause(wanting(NEW), None, ("other",)) is Cause.MANIFEST


def without_causes(plan: Plan) -> Plan:
    return replace(plan, changes=tuple(replace(each, cause=Cause.UNKNOWN) for each in plan.changes))


@given(plans, plans)
def test_nothing_but_causes_is_written_and_unchanged_objects_have_none(plan: Plan, base: Plan) -> None:
    labelled = label(plan, base)
    assert without_causes(labelled) == without_causes(plan)
    for now, before in zip(labelled.changes, plan.changes, strict=True):
        assert now == before or now.action is not Action.NO_OP


@given(plans)
def test_any_plan_against_itself_is_drift_and_against_nothing_known_is_unknown(plan: Plan) -> None:
    first = {each.address: each for each in plan.changes}
    plan = replace(plan, changes=tuple(first.values()))
    changes = [each for each in label(plan, plan).changes if each.action is not Action.NO_OP]
    assert {each.cause for each in changes} <= {Cause.DRIFT}
    changes = [each for each in label(plan, None).changes if each.action is not Action.NO_OP]
    assert {each.cause for each in changes} <= {Cause.UNKNOWN}
