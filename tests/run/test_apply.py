"""How an apply goes when something fails, stops or changes under it."""

from __future__ import annotations

from pathlib import Path

from regsync.cli.status import outcome_status
from regsync.model.errors import RegistryError
from regsync.model.events import Finished, Started
from regsync.model.outcome import Outcome, Status
from regsync.run.apply import Stop
from tests.support.world import World, a_request

NGINX, REDIS = ("nginx", "1.0.0"), ("redis", "7.2.1")
ARCHIVE = "team/spectro-packs/archive"


def statuses(outcome: Outcome) -> dict[str, Status]:
    return {str(each.change.address).rpartition("/")[2]: each.status for each in outcome.results}


def refusing(world: World, name: str) -> None:
    """Let every manifest of pack `name` be refused by the registry."""

    def fault(operation: str, repository: str, reference: str) -> None:
        if operation == "put_manifest" and repository.endswith(f"/{name}"):
            raise RegistryError("507 Insufficient Storage", status=507)

    world.store.fault = fault


def test_a_failure_leaves_the_others_alone_and_the_next_apply_resumes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({NGINX: "a: 1\n", REDIS: "b: 1\n"})
    refusing(world, "nginx")
    outcome = world.apply()
    assert statuses(outcome) == {
        "archive": Status.APPLIED,
        "nginx:1.0.0": Status.FAILED,
        "redis:7.2.1": Status.APPLIED,
    }
    assert outcome_status(outcome) == 1
    assert f"{ARCHIVE}/nginx:1.0.0" not in world.tags()
    world.store.fault = lambda *_: None
    assert statuses(world.apply()) == {"nginx:1.0.0": Status.APPLIED}


def test_a_failed_write_holds_back_the_deletes(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({REDIS: "b: 1\n"})
    world.apply()
    world.declare({NGINX: "a: 1\n"}, absent=("redis:7.2.1",))
    refusing(world, "nginx")
    assert statuses(world.apply()) == {"nginx:1.0.0": Status.FAILED, "redis:7.2.1": Status.SKIPPED}
    assert f"{ARCHIVE}/redis:7.2.1" in world.tags()


def test_an_interrupt_starts_nothing_new_and_says_what_was_left(tmp_path: Path) -> None:
    world = World(tmp_path)
    packs = {(f"pack-{number}", "1.0.0"): f"n: {number}\n" for number in range(40)}
    world.declare(packs)
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        stop = Stop()
        world.store.fault = lambda operation, *_: (
            stop("interrupted", 2) if operation == "put_manifest" else None
        )
        outcome = workspace.apply(plan, desired, stop=stop)
    ended = list(statuses(outcome).values())
    assert Status.SKIPPED in ended
    assert Status.APPLIED in ended
    assert outcome_status(outcome) == 130
    world.store.fault = lambda *_: None
    rest = world.apply()
    assert set(statuses(rest).values()) == {Status.APPLIED}
    assert len(world.tags()) == len(packs)


def test_fail_fast_starts_nothing_after_a_failure(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({(f"pack-{number}", "1.0.0"): f"n: {number}\n" for number in range(40)})
    world.store.fault = lambda operation, repository, _: _refuse(operation, repository)
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        outcome = workspace.apply(plan, desired, stop=Stop(), fail_fast=True)
    assert Status.SKIPPED in statuses(outcome).values()
    assert outcome_status(outcome) == 1


def _refuse(operation: str, repository: str) -> None:
    if operation == "put_manifest" and "pack-" in repository:
        raise RegistryError("507 Insufficient Storage", status=507)


def test_a_folder_that_changes_after_the_plan_is_not_pushed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({NGINX: "a: 1\n"})
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        (tmp_path / "platform/packs/nginx-1.0.0/values.yaml").write_text("a: 2\n")
        outcome = workspace.apply(plan, desired, stop=Stop())
    assert statuses(outcome)["nginx:1.0.0"] is Status.FAILED
    assert "values.yaml" in str(next(each for each in outcome.results if each.detail).detail)
    assert world.tags() == {}


def test_a_push_by_somebody_else_after_the_plan_is_not_overwritten(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({NGINX: "a: 1\n"})
    world.declare({NGINX: "other: 1\n"}, owner="data")
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform"))
        world.apply("data")
        theirs = world.tags()
        world.store.read_only = True
        outcome = workspace.apply(plan, desired, stop=Stop())
    assert statuses(outcome)["nginx:1.0.0"] is Status.REFUSED
    assert world.tags() == theirs
    assert outcome_status(outcome) == 4


def test_every_change_is_told_of_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare({NGINX: "a: 1\n"})
    world.apply()
    started = [str(each.change.address) for each in world.events if isinstance(each, Started)]
    ended = [str(each.result.change.address) for each in world.events if isinstance(each, Finished)]
    assert sorted(started) == sorted(ended) == [f"platform/{ARCHIVE}", f"platform/{ARCHIVE}/nginx:1.0.0"]
