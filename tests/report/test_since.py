"""What has changed between two plans."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given
from jsonschema import Draft7Validator

from regsync.model.plan import Action, Plan, PlanRequest, Selection
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.lines import plain
from regsync.report.since import compare, render_since, since_to_json
from tests.support.plans import LIVE, NEW, make_change, make_plan, plans
from tests.support.servers import ROOT

SCHEMA = json.loads((ROOT / "schemas" / "since.schema.json").read_text(encoding="utf-8"))
BASE = "harbor-prod/team/spectro-packs/archive"
NGINX, REDIS, KAFKA, OLD = (f"{BASE}/{each}:1.0.0" for each in ("nginx", "redis", "kafka", "old"))
LAST_NIGHT = make_plan(
    make_change(NGINX, Action.UPDATE),
    make_change(REDIS, Action.BLOCKED),
    make_change(OLD, Action.DELETE),
)


def test_each_difference_is_told_by_what_became_of_it(golden: Callable[[str, str], None]) -> None:
    moved = {"digest": LIVE, "content": NEW, "title": "other", "owner": "harbor-prod", "tags": ["1.0.0"]}
    tonight = make_plan(
        make_change(NGINX, Action.UPDATE, before=moved),
        make_change(REDIS, Action.BLOCKED),
        make_change(KAFKA),
    )
    since = compare(LAST_NIGHT, tonight)
    assert [str(each.address) for each in since.new] == [KAFKA]
    assert [str(each.address) for each in since.altered] == [NGINX]
    assert [str(each.address) for each in since.same] == [REDIS]
    assert [str(each.address) for each in since.resolved] == [OLD]
    golden("report/since", plain(render_since(since)))


def test_what_was_not_read_is_not_called_resolved() -> None:
    dark = Unreadable("harbor-prod", UnreadableScope.REGISTRY, "connection refused")
    since = compare(LAST_NIGHT, make_plan(unreadable=(dark,)))
    assert not since.resolved
    assert len(since.unknown) == 3


def test_a_night_that_could_read_nothing_makes_nothing_new_and_says_so() -> None:
    dark = Unreadable("harbor-prod", UnreadableScope.REGISTRY, "connection refused")
    night = make_plan(unreadable=(dark,), not_compared=3)
    (last,) = plain(render_since(compare(night, night))).splitlines()
    assert last.endswith("0 differences as before. 3 objects could not be compared now.")
    since = compare(night, LAST_NIGHT)
    assert (since.new, since.unknown_before) == ((), LAST_NIGHT.changes)
    told = plain(render_since(since))
    assert told.count("unknown before   ") == 3
    assert told.endswith("0 new, 0 altered, 0 resolved, 3 unknown before. 0 differences as before.\n")


def test_only_what_was_asked_for_then_can_be_new() -> None:
    narrow = PlanRequest(("registries",), Selection(targets=("*/nginx:*",)))
    since = compare(make_plan(request=narrow), LAST_NIGHT)
    assert [str(each.address) for each in since.new] == [NGINX]
    assert {str(each.address) for each in since.unknown_before} == {REDIS, OLD}
    was_equal = make_plan(make_change(NGINX, Action.NO_OP), registries=())
    assert [str(each.address) for each in compare(was_equal, LAST_NIGHT).new] == [NGINX]


def test_what_the_selection_leaves_out_is_not_called_resolved() -> None:
    narrow = PlanRequest(("registries",), Selection(targets=("*/nginx:*",)))
    since = compare(LAST_NIGHT, make_plan(make_change(NGINX, Action.NO_OP), request=narrow))
    assert [str(each.address) for each in since.resolved] == [NGINX]
    assert {str(each.address) for each in since.unknown} == {REDIS, OLD}


@given(plans)
def test_nothing_has_changed_since_the_same_plan(plan: Plan) -> None:
    since = compare(plan, plan)
    assert [since.new, since.altered, since.resolved, since.unknown, since.unknown_before] == [()] * 5
    assert {each.address for each in since.same} == {
        each.address for each in plan.changes if each.action is not Action.NO_OP
    }


@given(plans, plans)
def test_every_difference_is_told_once_and_fits_the_schema(old: Plan, new: Plan) -> None:
    since = compare(old, new)
    now = {each.address for each in new.changes if each.action is not Action.NO_OP}
    then = {each.address for each in old.changes if each.action is not Action.NO_OP}
    assert {each.address for each in (*since.new, *since.unknown_before, *since.altered, *since.same)} == now
    assert {each.address for each in (*since.resolved, *since.unknown)} == then - now
    Draft7Validator(SCHEMA).validate(since_to_json(since))
