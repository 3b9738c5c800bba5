"""Projects: created before everything that goes into them, corrected field by field, and never deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from regsync.model.diagnostic import Origin
from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Cause, Plan, PlanRequest, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Overwrite, Project, Prune, RegistrySpec, RegistryType
from regsync.model.settings import Json
from regsync.model.state import DesiredRegistry, DesiredRepository, LiveArtifact, LiveRepository
from regsync.planner.build import build_plan
from regsync.planner.order import held_back_by, stages
from tests.support.states import (
    FILE,
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

TEAM = Address.of_project("harbor", "team")
BASE = address("", None)
NGINX = address("nginx")


def harbor(project: Project, **policy: Any) -> RegistrySpec:
    spec = a_spec(**policy)
    positions = {"project": Origin(FILE, 30, 3), "project.public": Origin(FILE, 31, 5)}
    return replace(spec, type=RegistryType.HARBOR, project=project, origins={**spec.origins, **positions})


def registry(project: Project) -> DesiredRegistry:
    """A pack and its base repository in the project `team`."""
    spec = harbor(project)
    found = a_registry(wanted("nginx"), spec=spec, base=True)
    team = DesiredRepository(
        TEAM, Origin(FILE, 8, 3), False, explicit=True, create=project.create, settings=project.settings
    )
    return replace(found, repositories=(team, *found.repositories))


def planned(
    found: dict[str, Json] | None, *, request: PlanRequest | None = None, create: bool = True, **settings: Any
) -> Plan:
    """The plan where the project has the settings `found`, or is missing with all that goes into it."""
    state = live(missing=[TEAM, BASE, NGINX])
    if found is not None:
        project = LiveRepository(TEAM, found, marks_read=True)
        state = live(there("nginx"), repositories=[project])
    return build_plan(request or a_request(), desired(registry(Project(create, settings))), state)


def actions(plan: Plan) -> dict[str, tuple[Action, Reason]]:
    return {str(each.address): (each.action, each.reason) for each in plan.changes}


def test_a_missing_project_is_created_before_all_that_goes_into_it() -> None:
    plan = planned(None, public=False)
    assert actions(plan) == {
        "harbor/@project/team": (Action.CREATE, Reason.MISSING),
        str(BASE): (Action.CREATE, Reason.BASE_REPOSITORY),
        str(NGINX): (Action.CREATE, Reason.MISSING),
    }
    assert [stage.name for stage in stages(plan)] == ["projects", "prepare", "push"]
    project = plan.changes[0]
    assert (project.type, project.before, project.after) == (ResourceType.PROJECT, None, {"public": False})


def test_a_project_that_everyone_will_be_able_to_read_is_told_as_such() -> None:
    assert planned(None, public=True).changes[0].why.endswith("; it will be open to everyone")


def test_what_goes_into_a_project_that_could_not_be_created_is_held_back() -> None:
    project, base, nginx = planned(None).changes
    failed = Result(project, Status.FAILED)
    assert held_back_by(base, [failed]) == failed
    assert held_back_by(nginx, [failed]) == failed
    elsewhere = replace(nginx, address=replace(NGINX, path="other/nginx"))
    assert held_back_by(elsewhere, [failed]) is None
    update = replace(project, action=Action.UPDATE)
    assert held_back_by(nginx, [Result(update, Status.FAILED)]) is None


def test_a_project_that_others_are_to_create_is_blocked_with_all_that_goes_into_it() -> None:
    plan = planned(None, create=False)
    assert {action for action, _ in actions(plan).values()} == {Action.BLOCKED}
    project, base, _ = plan.changes
    assert project.help == f"create it, or set project.create: true below project at {FILE}:30"
    assert base.why == "withheld: its project does not exist, and this plan does not create it"


def test_whatever_is_selected_brings_its_project_along() -> None:
    for target, chosen in {"*:1.0.0": NGINX, str(BASE): BASE}.items():
        plan = planned(None, request=a_request(target))
        assert set(actions(plan)) == {"harbor/@project/team", str(chosen)}


def test_a_project_can_be_targeted_and_excluded_by_its_address() -> None:
    assert set(actions(planned(None, request=a_request("harbor/@project/*")))) == {"harbor/@project/team"}
    plan = planned(None, request=a_request(excludes=("*/@project/team",)))
    assert actions(plan) == {
        str(BASE): (Action.BLOCKED, Reason.WITHHELD),
        str(NGINX): (Action.BLOCKED, Reason.WITHHELD),
    }


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, {"public": True}),
        ({"public": True}, {"public": True}),
        ({"storageLimit": "1Gi"}, {"storageLimit": "1024Mi"}),
    ],
)
def test_what_is_not_written_or_means_the_same_is_no_change(
    settings: dict[str, Any], found: dict[str, Any]
) -> None:
    assert actions(planned(found, **settings))["harbor/@project/team"] == (Action.NO_OP, Reason.EQUAL)


def test_a_project_that_drifted_is_corrected_and_nobody_is_said_to_own_it() -> None:
    project = planned(
        {"public": True, "storageLimit": "unlimited"}, public=False, storageLimit="50Gi"
    ).changes[0]
    assert (project.action, project.cause) == (Action.UPDATE, Cause.UNKNOWN)
    assert project.why == "public and storageLimit differ"
    assert project.before == {"public": True, "storageLimit": "unlimited"}
    assert project.notes == ()
    assert project.origin is not None
    assert project.origin.line == 31


def locked(name: str, text: str = "") -> LiveArtifact:
    return there(name, text, immutable=True)


def test_a_tag_that_a_rule_keeps_is_blocked_before_anything_is_written() -> None:
    spec = harbor(Project(), overwrite=Overwrite.ALLOW, prune=Prune.MANAGED)
    plan = build_plan(
        a_request(),
        desired(a_registry(wanted("nginx", "new"), spec=spec, absences=[absent("old")])),
        live(locked("nginx", "old"), locked("old"), locked("redis")),
    )
    assert set(actions(plan).values()) == {(Action.BLOCKED, Reason.IMMUTABLE_TAG)}
    assert [each.wanted for each in plan.changes] == [Action.UPDATE, Action.DELETE, Action.DELETE]
    assert "a rule in the registry keeps everyone from moving this tag" in plan.changes[0].why
    assert plan.changes[1].why.endswith("a rule in the registry keeps everyone from deleting this tag")


def test_a_tag_that_a_rule_keeps_is_fine_as_long_as_it_is_equal() -> None:
    plan = build_plan(a_request(), desired(a_registry(wanted("nginx"))), live(locked("nginx")))
    assert actions(plan) == {str(NGINX): (Action.NO_OP, Reason.EQUAL)}
