"""What a registry cannot do at all is told by the plan."""

from __future__ import annotations

from dataclasses import replace

from regsync.model.plan import Action, Plan, Reason
from regsync.model.registry import Provider, Prune
from regsync.model.state import DesiredRegistry, Limits, LiveState
from regsync.planner.build import build_plan
from tests.support.states import a_registry, a_request, a_spec, absent, address, desired, live, there, wanted

NO_DELETES = Limits("the server", no_deletes="delete it on the server's own page")
TWO_PARTS = Limits("the server", most_parts=2)


def planned(registry: DesiredRegistry, found: LiveState, limits: Limits) -> Plan:
    limited = {name: replace(each, limits=limits) for name, each in found.registries.items()}
    return build_plan(a_request(), desired(registry), LiveState(limited))


def test_a_delete_is_blocked_where_there_is_none() -> None:
    registry = a_registry(wanted("nginx"), absences=[absent("old")])
    plan = planned(registry, live(there("nginx"), there("old")), NO_DELETES)
    [change] = [each for each in plan.changes if each.action is not Action.NO_OP]
    assert (change.action, change.wanted, change.reason) == (
        Action.BLOCKED,
        Action.DELETE,
        Reason.NOT_OFFERED,
    )
    assert change.why.endswith(", but the server has no way to delete over its registry API")
    assert change.help == "delete it on the server's own page"
    assert not plan.has_changes


def test_pruning_can_be_switched_off_there() -> None:
    registry = a_registry(spec=a_spec(prune=Prune.MANAGED))
    [change] = planned(registry, live(there("old")), NO_DELETES).changes
    assert change.help is not None
    assert change.help.endswith("or set policy.prune: off below policy at registries/harbor.yaml:20")


def test_nothing_else_is_held_back_there() -> None:
    registry = a_registry(wanted("nginx"), absences=[absent("gone")])
    plan = planned(registry, live(missing=[address("nginx"), address("gone")]), NO_DELETES)
    assert {each.action for each in plan.changes} == {Action.CREATE, Action.NO_OP}


def test_a_name_that_is_too_deep_is_blocked() -> None:
    missing = [address("nginx"), address("", None)]
    plan = planned(a_registry(wanted("nginx"), base=True), live(missing=missing), TWO_PARTS)
    assert {(each.action, each.reason) for each in plan.changes} == {(Action.BLOCKED, Reason.NOT_OFFERED)}
    why = "the registry does not have it, but the server takes no repository name of more than 2 parts"
    assert why in {each.why for each in plan.changes}


def test_what_is_there_as_it_is_wanted_is_no_matter_of_limits() -> None:
    plan = planned(a_registry(wanted("nginx")), live(there("nginx")), TWO_PARTS)
    assert [each.action for each in plan.changes] == [Action.NO_OP]


def test_a_condition_is_told_to_those_who_push_what_it_is_about() -> None:
    limits = Limits("the server", packs="it takes packs on Sundays only")
    fresh = live(missing=[address("nginx")])
    told = ("harbor: this is the server: it takes packs on Sundays only",)
    assert planned(a_registry(wanted("nginx")), fresh, limits).notes == told
    assert planned(a_registry(wanted("nginx")), live(there("nginx")), limits).notes == ()
    registry = a_registry(wanted("nginx"))
    charts = replace(registry, spec=replace(registry.spec, provider=Provider.HELM))
    assert planned(charts, fresh, limits).notes == ()
