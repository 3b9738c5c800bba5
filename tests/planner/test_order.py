"""In which order changes are made, and what a failure holds back."""

from __future__ import annotations

from regsync.model.outcome import Result, Status
from regsync.planner.build import build_plan
from regsync.planner.order import held_back_by, stages
from tests.support.states import a_registry, a_request, absent, address, desired, live, there, wanted


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
