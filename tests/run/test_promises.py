"""The promises, over drawn worlds: real manifests, folders, archives and OCI documents; only the wire is missing."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from regsync.cli.status import CHANGES, outcome_status, plan_status
from regsync.model.codec import plan_to_json
from regsync.model.errors import NotARegistry, RegistryError, Unreachable
from regsync.model.outcome import Status
from regsync.model.plan import Plan
from tests.support.world import Packs, World

NAMES = st.sampled_from(["nginx", "redis", "k8s"])
VERSIONS = st.sampled_from(["1.0.0", "1.10", "2.0.0-rev1"])
TEXTS = st.sampled_from(["replicas: 1\n", "replicas: 3\n", "", "pack: {}\n"])
PACKS = st.dictionaries(st.tuples(NAMES, VERSIONS), TEXTS, max_size=5)
SOME_PACKS = st.dictionaries(st.tuples(NAMES, VERSIONS), TEXTS, min_size=1, max_size=5)
POLICIES = st.fixed_dictionaries(
    {},
    optional={"overwrite": st.sampled_from(["never", "allow"]), "prune": st.sampled_from(["off", "managed"])},
)
EXAMPLES = settings(max_examples=60)


class AWorld:
    """A fresh world for one example; drawn examples share the test's own fixtures."""

    def __enter__(self) -> World:
        self._folder = TemporaryDirectory()
        return World(Path(self._folder.name))

    def __exit__(self, *failure: object) -> None:
        self._folder.cleanup()


def open_changes(plan: Plan) -> list[str]:
    return [f"{each.action} {each.address}" for each in plan.changes if each.action.writes]


@EXAMPLES
@given(SOME_PACKS, PACKS, POLICIES)
def test_after_an_apply_the_next_plan_has_nothing_to_write(
    before: Packs, after: Packs, policy: dict[str, str]
) -> None:
    with AWorld() as world:
        world.declare(before, policy=policy)
        world.apply()
        assert open_changes(world.plan()) == []
        world.declare(after, policy=policy)
        plan = world.plan()
        assume(not plan.refused)
        world.apply()
        assert open_changes(world.plan()) == []


@EXAMPLES
@given(SOME_PACKS, POLICIES)
def test_applying_twice_changes_nothing(packs: Packs, policy: dict[str, str]) -> None:
    with AWorld() as world:
        world.declare(packs, policy=policy)
        world.apply()
        first = world.tags()
        outcome = world.apply()
        assert world.tags() == first
        assert outcome.results == ()


@EXAMPLES
@given(SOME_PACKS, SOME_PACKS, st.randoms(use_true_random=False))
def test_the_order_of_folders_and_answers_does_not_show_in_the_plan(
    live: Packs, packs: Packs, shuffle: random.Random
) -> None:
    def planned(items: list[tuple[tuple[str, str], str]]) -> dict[str, object]:
        with AWorld() as world:
            world.declare(live)
            world.apply()
            world.declare(dict(items))
            return dict(plan_to_json(world.plan(), timestamp=""))

    items = list(packs.items())
    first = planned(items)
    shuffle.shuffle(items)
    assert planned(items) == first


FAILURES = st.sampled_from(
    [
        Unreachable("connection refused"),
        NotARegistry("404 from a proxy"),
        NotARegistry("an HTML page"),
        RegistryError("500 Internal Server Error", status=500),
    ]
)


@EXAMPLES
@given(SOME_PACKS, PACKS, POLICIES, FAILURES, st.data())
def test_a_failed_read_never_becomes_a_create_or_a_delete(
    live: Packs, packs: Packs, policy: dict[str, str], failure: RegistryError, data: st.DataObject
) -> None:
    with AWorld() as world:
        world.declare(live, policy=policy)
        world.apply()
        world.declare(packs, policy=policy, absent=("gone:1.0.0",))
        sound = {
            each.address: each.action for each in world.plan(max_deletes=99, max_delete_share=100).changes
        }
        failing = data.draw(st.sets(st.sampled_from(sorted({each.path for each in sound}))))

        def fault(operation: str, repository: str, reference: str) -> None:
            if repository in failing:
                raise failure

        world.store.fault = fault
        plan = world.plan(max_deletes=99, max_delete_share=100)
        for change in plan.changes:
            if change.action.writes:
                assert change.address.path not in failing
                assert sound[change.address] is change.action
        touched = {each.path for each in sound} & failing
        wanted = {f"team/spectro-packs/archive/{name}" for name, _ in packs} | {
            "team/spectro-packs/archive/gone"
        }
        assert plan.errored or not touched & wanted


@EXAMPLES
@given(SOME_PACKS, SOME_PACKS, POLICIES, POLICIES)
def test_two_owners_never_undo_each_other(
    ours: Packs, theirs: Packs, policy: dict[str, str], their_policy: dict[str, str]
) -> None:
    with AWorld() as world:
        world.declare(ours, policy=policy)
        world.declare(theirs, owner="data", policy=their_policy)
        world.apply()
        first = world.tags()
        world.apply("data")
        both = world.tags()
        assert {name: both[name] for name in first} == first
        for owner in ("platform", "data", "platform"):
            world.apply(owner)
            assert world.tags() == both


@EXAMPLES
@given(SOME_PACKS, SOME_PACKS, SOME_PACKS, POLICIES, st.booleans())
def test_an_approved_plan_never_does_more_than_was_approved(
    live: Packs, reviewed: Packs, meanwhile: Packs, policy: dict[str, str], merged: bool
) -> None:
    with AWorld() as world:
        world.declare(live, policy=policy)
        world.apply()
        world.declare(reviewed, policy=policy)
        approved = world.plan(max_deletes=99, max_delete_share=100)
        if merged:  # another change of the manifests slips in
            world.declare(meanwhile, policy=policy)
        else:  # somebody pushes by hand
            world.declare(meanwhile, owner="data", policy={"overwrite": "allow"})
            world.apply("data")
            world.declare(reviewed, policy=policy)
        before = world.tags()
        outcome = world.apply_saved(approved)
        after = world.tags()
        allowed = {
            f"{each.address.path}:{each.address.tag}" for each in approved.changes if each.action.writes
        }
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        assert changed <= allowed
        for result in outcome.results:
            if result.status is Status.APPLIED:
                twin = next(each for each in approved.changes if each.address == result.change.address)
                assert (twin.action, twin.after) == (result.change.action, result.change.after)


@EXAMPLES
@given(SOME_PACKS, PACKS, POLICIES)
def test_summary_json_and_exit_status_tell_the_same(
    live: Packs, packs: Packs, policy: dict[str, str]
) -> None:
    with AWorld() as world:
        world.declare(live, policy=policy)
        world.apply()
        world.declare(packs, policy=policy)
        plan = world.plan()
        document = plan_to_json(plan, timestamp="")
        actions = [action for each in document["resource_changes"] for action in each["change"]["actions"]]  # type: ignore[union-attr,index,call-overload]
        summary = plan.summary
        assert (actions.count("create"), actions.count("update"), actions.count("delete")) == (
            summary.add,
            summary.change,
            summary.delete,
        )
        assert actions.count("blocked") == summary.blocked
        if not plan.refused and not summary.blocked:
            assert plan_status(plan, detailed=True) == (CHANGES if summary.changes else 0)
            outcome = world.apply()
            done = outcome.summary
            assert (done.added, done.changed, done.deleted) == (summary.add, summary.change, summary.delete)
            assert outcome_status(outcome) == 0
        else:
            assert plan_status(plan, detailed=True) == 4


def test_planning_never_writes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({("nginx", "1.0.0"): "replicas: 1\n"}, policy={"prune": "managed"})
    asked: list[str] = []
    world.store.fault = lambda operation, repository, reference: asked.append(operation)
    assert world.plan().has_changes
    assert not {each for each in asked if each.startswith(("put", "delete"))}


def test_a_merge_in_between_cannot_widen_an_approved_delete(tmp_path: Path) -> None:
    world = World(tmp_path)
    pruning = {"prune": "managed"}
    world.declare({("nginx", "1.0.0"): "", ("nginx", "1.10"): "", ("k8s", "1.0.0"): ""}, policy=pruning)
    world.apply()
    world.declare({("nginx", "1.10"): "", ("k8s", "1.0.0"): ""}, policy=pruning)
    approved = world.plan()
    world.declare({("k8s", "1.0.0"): ""}, policy=pruning)
    outcome = world.apply_saved(approved)
    assert {str(each.change.address.tag): each.status for each in outcome.results} == {
        "1.0.0": Status.APPLIED,
        "1.10": Status.REFUSED,
    }
    assert "team/spectro-packs/archive/nginx:1.10" in world.tags()


def test_an_approved_delete_that_no_manifest_asks_for_any_more_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({("nginx", "1.0.0"): "", ("k8s", "1.0.0"): ""}, policy={"prune": "managed"})
    world.apply()
    world.declare({("k8s", "1.0.0"): ""}, policy={"prune": "managed"})
    approved = world.plan()
    world.declare({("k8s", "1.0.0"): ""}, policy={"prune": "off"})
    outcome = world.apply_saved(approved)
    assert [each.status for each in outcome.results] == [Status.REFUSED]
    assert outcome_status(outcome) == 4
    assert "team/spectro-packs/archive/nginx:1.0.0" in world.tags()
