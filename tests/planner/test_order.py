"""In which order changes are made, and what a failure holds back."""

from __future__ import annotations

from dataclasses import replace

from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Change
from regsync.model.registry import Repositories
from regsync.planner.build import build_plan
from regsync.planner.order import held_back_by, stages
from tests.support.states import (
    a_registry,
    a_request,
    absent,
    address,
    an_ecr,
    an_ecr_spec,
    desired,
    in_region,
    live,
    there,
    together,
    wanted,
)


def test_repositories_come_first_and_deletes_last() -> None:
    plan = build_plan(
        a_request(),
        desired(a_registry(wanted("nginx"), absences=[absent("old")], base=True)),
        live(there("old"), missing=[address("nginx"), address("", None)]),
    )
    assert [(stage.name, len(stage.changes)) for stage in stages(plan)] == [
        ("prepare", 1),
        ("push", 1),
        ("delete", 1),
    ]


def test_a_failed_write_holds_back_the_deletes_of_its_registry_and_nothing_else() -> None:
    plan = build_plan(
        a_request(),
        desired(a_registry(wanted("nginx"), wanted("redis"), absences=[absent("old")])),
        live(there("old"), missing=[address("nginx"), address("redis")]),
    )
    nginx, old, redis = plan.changes
    failed = Result(nginx, Status.FAILED)
    assert held_back_by(old, [failed]) == failed
    assert held_back_by(redis, [failed]) is None


def test_settings_that_could_not_be_corrected_hold_no_delete_back() -> None:
    repository, *_ = replicated()
    old = replace(repository, address=address("old", registry="ecr@us-east-1"), action=Action.DELETE)
    update = replace(repository, action=Action.UPDATE)
    assert held_back_by(old, [Result(update, Status.FAILED)]) is None
    assert held_back_by(old, [Result(repository, Status.FAILED)]) is not None


def replicated() -> list[Change]:
    """A pack that is new, from the default region to its replica; the repository is created in the first."""
    specs = [
        an_ecr_spec(each, repositories=Repositories(replicated=True)) for each in ("us-east-1", "eu-west-1")
    ]
    plan = build_plan(
        a_request(),
        desired(*(an_ecr(wanted("nginx"), spec=each) for each in specs)),
        together(in_region("us-east-1", missing=["nginx"]), in_region("eu-west-1", missing=["nginx"])),
    )
    return [change for stage in stages(plan) for change in stage.changes]


def test_replication_is_waited_for_after_the_push() -> None:
    assert [str(each.address).partition("/")[0] for each in replicated()] == [
        "ecr@us-east-1",
        "ecr@us-east-1",
        "ecr@eu-west-1",
    ]


def test_what_replication_brings_depends_on_its_source_alone() -> None:
    repository, first, replica = replicated()
    failed = Result(first, Status.FAILED)
    assert held_back_by(replica, [failed]) == failed
    assert held_back_by(first, [Result(repository, Status.FAILED)]) is not None
    other = replace(repository, address=replace(repository.address, registry="ecr@eu-west-1"))
    assert held_back_by(replica, [Result(other, Status.FAILED)]) is None


def test_only_a_repository_that_is_not_created_holds_its_artifacts_back() -> None:
    repository, first, _ = replicated()
    update = replace(repository, action=Action.UPDATE)
    assert held_back_by(first, [Result(update, Status.FAILED)]) is None
    blocked = replace(repository, action=Action.BLOCKED, wanted=Action.CREATE)
    assert held_back_by(first, [Result(blocked, Status.REFUSED)]) is not None
