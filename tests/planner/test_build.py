"""What a whole plan holds, and above all what it must never hold."""

from __future__ import annotations

from dataclasses import replace

from regsync.model.codec import plan_to_json
from regsync.model.plan import Action, Plan, PlanRequest, Reason
from regsync.model.registry import Overwrite, Provider, Prune
from regsync.model.state import DesiredRegistry, LiveState, Unreadable, UnreadableScope
from regsync.planner.build import build_plan
from tests.support.states import (
    BASE,
    a_registry,
    a_request,
    a_spec,
    absent,
    address,
    desired,
    live,
    there,
    wanted,
)

PRUNING = {"prune": Prune.MANAGED}


def planned(registry: DesiredRegistry, found: LiveState, request: PlanRequest | None = None) -> Plan:
    return build_plan(request or a_request(), desired(registry), found)


def actions(plan: Plan) -> dict[str, Action]:
    return {str(change.address).rpartition("/")[2]: change.action for change in plan.changes}


def test_what_the_registry_did_not_call_absent_is_neither_created_nor_deleted() -> None:
    plan = planned(a_registry(wanted("nginx"), absences=[absent("old")]), live())
    assert plan.changes == ()
    assert plan.not_compared == 2
    assert plan.errored


def test_an_unreadable_registry_yields_no_change() -> None:
    dark = Unreadable("harbor", UnreadableScope.REGISTRY, "connection refused")
    plan = planned(a_registry(wanted("nginx"), base=True), live(unreadable=[dark]))
    assert plan.changes == ()
    assert plan.unreadable == (dark,)


def test_an_unreadable_tag_leaves_the_others_alone() -> None:
    dark = Unreadable("harbor", UnreadableScope.TAG, "500", f"{BASE}/nginx", "1.0.0")
    plan = planned(
        a_registry(wanted("nginx"), wanted("redis")), live(missing=[address("redis")], unreadable=[dark])
    )
    assert actions(plan) == {"redis:1.0.0": Action.CREATE}
    assert plan.summary.unreadable == 1


def test_deletes_are_withheld_while_a_write_of_the_same_registry_is_blocked() -> None:
    plan = planned(
        a_registry(wanted("nginx", "new"), absences=[absent("old")]),
        live(there("nginx", "old"), there("old")),
    )
    assert actions(plan) == {"nginx:1.0.0": Action.BLOCKED, "old:1.0.0": Action.BLOCKED}
    assert [each.reason for each in plan.changes] == [Reason.CONTENT_DIFFERS, Reason.WITHHELD]


def test_deletes_are_withheld_while_a_part_of_the_registry_is_unreadable() -> None:
    dark = Unreadable("harbor", UnreadableScope.TAG, "500", f"{BASE}/nginx", "1.0.0")
    plan = planned(
        a_registry(wanted("nginx"), absences=[absent("old")]), live(there("old"), unreadable=[dark])
    )
    assert actions(plan) == {"old:1.0.0": Action.BLOCKED}


def test_a_delete_that_is_blocked_does_not_withhold_the_others() -> None:
    plan = planned(
        a_registry(absences=[absent("ours"), absent("theirs")]),
        live(there("ours"), there("theirs", owner="data")),
    )
    assert actions(plan) == {"ours:1.0.0": Action.DELETE, "theirs:1.0.0": Action.BLOCKED}


def test_prune_takes_only_what_bears_our_mark() -> None:
    plan = planned(
        a_registry(wanted("nginx"), spec=a_spec(**PRUNING)),
        live(
            there("nginx"),
            there("ours"),
            there("theirs", owner="data"),
            there("by-hand", owner=None),
            there("mark-of-another-layer", marked=False),
            there("retagged", tag="stable", title="retagged-1.0.0.tar.gz"),
        ),
    )
    assert actions(plan) == {"nginx:1.0.0": Action.NO_OP, "ours:1.0.0": Action.DELETE}
    assert plan.unmanaged == 4


def test_prune_knows_a_chart_of_ours_by_what_it_calls_itself() -> None:
    plan = planned(
        a_registry(wanted("nginx"), spec=replace(a_spec(**PRUNING), provider=Provider.HELM)),
        live(
            there("nginx"),
            there("web", title="", chart="web:1.0.0"),
            there("web", tag="stable", title="", chart="web:1.0.0"),
            there("copied", title="", chart="web:1.0.0"),
            there("nameless", title=""),
        ),
    )
    assert actions(plan) == {"nginx:1.0.0": Action.NO_OP, "web:1.0.0": Action.DELETE}


def test_without_prune_nothing_that_is_not_named_is_touched() -> None:
    plan = planned(a_registry(wanted("nginx")), live(there("nginx"), there("ours")))
    assert actions(plan) == {"nginx:1.0.0": Action.NO_OP}


def test_an_empty_desired_set_deletes_nothing_without_leave() -> None:
    registry = a_registry(spec=a_spec(**PRUNING))
    assert planned(registry, live(there("ours"))).refused
    assert not planned(registry, live(there("ours")), a_request(allow_empty=("harbor",))).refused


def test_the_number_of_deletes_is_guarded() -> None:
    gone = [f"old-{number}" for number in range(6)]
    registry = a_registry(absences=[absent(name) for name in gone])
    found = live(*(there(name) for name in gone))
    assert planned(registry, found).refused
    assert not planned(registry, found, a_request(max_deletes=6)).refused


def test_the_share_of_deletes_is_guarded_from_ten_live_artifacts_on() -> None:
    def share_of(total: int) -> Plan:
        gone = ["old-1", "old-2", "old-3", "old-4"]
        stay = [f"nginx-{number}" for number in range(total - len(gone))]
        return planned(
            a_registry(*map(wanted, stay), absences=[absent(name) for name in gone]),
            live(*(there(name) for name in stay + gone)),
        )

    assert not share_of(9).refused
    assert share_of(10).refused
    assert not share_of(14).refused


def test_a_protected_artifact_stops_the_apply_until_it_is_named() -> None:
    registry = a_registry(
        wanted("nginx", "new"), spec=a_spec(overwrite=Overwrite.ALLOW, protect=("nginx:*",))
    )
    found = live(there("nginx", "old"))
    assert planned(registry, found).refused
    assert not planned(registry, found, a_request(unprotect=(str(address("nginx")),))).refused


def test_the_base_repository_is_created_only_while_nothing_lives_beneath_it() -> None:
    base = address("", None)
    bare = planned(a_registry(base=True), live(missing=[base]))
    assert actions(bare) == {"archive": Action.CREATE}
    full = planned(a_registry(wanted("nginx"), base=True), live(there("nginx"), missing=[base]))
    assert set(actions(full).values()) == {Action.NO_OP}
    made = planned(a_registry(base=True), live(repositories=[base]))
    assert actions(made) == {"archive": Action.NO_OP}


def test_the_base_repository_is_wanted_when_its_last_artifact_goes() -> None:
    plan = planned(
        a_registry(absences=[absent("old")], base=True), live(there("old"), missing=[address("", None)])
    )
    assert actions(plan) == {"archive": Action.CREATE, "old:1.0.0": Action.DELETE}


def test_the_base_repository_is_not_judged_while_something_beneath_it_is_unreadable() -> None:
    dark = Unreadable("harbor", UnreadableScope.TAG, "500", f"{BASE}/nginx", "1.0.0")
    plan = planned(
        a_registry(wanted("nginx"), base=True), live(missing=[address("", None)], unreadable=[dark])
    )
    assert plan.changes == ()
    assert plan.not_compared == 2


def test_a_selection_leaves_the_rest_out_and_counts_it() -> None:
    plan = planned(
        a_registry(wanted("nginx"), wanted("redis")),
        live(missing=[address("nginx"), address("redis")]),
        a_request("*/nginx:*"),
    )
    assert actions(plan) == {"nginx:1.0.0": Action.CREATE}
    assert plan.outside == 1
    excluded = planned(
        a_registry(wanted("nginx"), wanted("redis")),
        live(missing=[address("nginx"), address("redis")]),
        a_request(excludes=("*/nginx:*",)),
    )
    assert actions(excluded) == {"redis:1.0.0": Action.CREATE}


def test_what_is_unreadable_outside_the_selection_does_not_count() -> None:
    dark = Unreadable("harbor", UnreadableScope.TAG, "500", f"{BASE}/redis", "1.0.0")
    plan = planned(
        a_registry(wanted("nginx"), wanted("redis")),
        live(missing=[address("nginx")], unreadable=[dark]),
        a_request("*/nginx:*"),
    )
    assert not plan.errored
    assert plan.not_compared == 0


def test_the_order_of_facts_does_not_matter() -> None:
    names = ["nginx", "redis", "etcd"]
    one = planned(a_registry(*map(wanted, names)), live(*map(there, names[:2]), missing=[address("etcd")]))
    two = planned(
        a_registry(*map(wanted, names)), live(*map(there, reversed(names[:2])), missing=[address("etcd")])
    )
    assert plan_to_json(one, timestamp="") == plan_to_json(two, timestamp="")
