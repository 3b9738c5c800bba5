"""What the regions of one document take over from each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regsync.model.plan import Action, Change, Copy, Plan, PlanRequest, Reason
from regsync.model.registry import Overwrite, Repositories
from regsync.model.settings import Json
from regsync.model.state import DesiredArtifact, DesiredRegistry, LiveState, Unreadable, UnreadableScope
from regsync.planner.build import build_plan
from regsync.planner.order import stages
from tests.support.states import (
    a_repository,
    a_request,
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

HERE, THERE, FAR = "us-east-1", "eu-west-1", "ap-south-1"
REPLICATED = Repositories(replicated=True)


def planned(
    *states: LiveState,
    regions: tuple[str, ...] = (HERE, THERE),
    packs: tuple[DesiredArtifact, ...] = (wanted("nginx"),),
    repositories: Repositories | None = None,
    request: PlanRequest | None = None,
    **policy: object,
) -> Plan:
    """The plan of packs in every region of one document, of which the default region is us-east-1."""
    specs = [an_ecr_spec(each, repositories=repositories, **policy) for each in regions]
    return build_plan(
        request or a_request(), desired(*(an_ecr(*packs, spec=each) for each in specs)), together(*states)
    )


def change(plan: Plan, region: str, tag: str | None = "1.0.0") -> Change:
    return next(each for each in plan.changes if each.address == address("nginx", tag, f"ecr@{region}"))


def source(region: str) -> Copy:
    return Copy(address("nginx", registry=f"ecr@{region}"), there("nginx").digest)


def test_what_another_region_has_is_copied_from_there() -> None:
    plan = planned(in_region(HERE, there("nginx", owner="data")), in_region(THERE, missing=["nginx"]))
    copied = change(plan, THERE)
    assert (copied.action, copied.reason, copied.why) == (
        Action.CREATE,
        Reason.MISSING,
        "copied from ecr@us-east-1",
    )
    assert copied.copy == source(HERE)
    assert copied.source is None
    assert copied.after is not None
    assert (copied.after["digest"], copied.after["owner"]) == (there("nginx").digest, "data")
    assert change(plan, THERE, None).action is Action.CREATE


def test_the_default_region_takes_over_what_another_one_has() -> None:
    plan = planned(in_region(HERE, missing=["nginx"]), in_region(THERE, there("nginx")))
    assert change(plan, HERE).copy == source(THERE)


def test_the_default_region_comes_first_as_a_source_then_the_order_of_the_manifest() -> None:
    states = {
        HERE: in_region(HERE, there("nginx")),
        FAR: in_region(FAR, there("nginx")),
        "eu-north-1": in_region("eu-north-1", there("nginx")),
        THERE: in_region(THERE, missing=["nginx"]),
    }
    regions = (FAR, "eu-north-1", THERE, HERE)
    assert change(planned(*states.values(), regions=regions), THERE).copy == source(HERE)
    states[HERE] = in_region(HERE, missing=["nginx"])
    assert change(planned(*states.values(), regions=regions), THERE).copy == source(FAR)


@pytest.mark.parametrize(
    "other",
    [
        in_region(HERE, missing=["nginx"]),
        in_region(HERE, there("nginx", "other content")),
        in_region(HERE, there("nginx", title="other")),
        in_region(HERE, unreadable=[Unreadable(f"ecr@{HERE}", UnreadableScope.REGISTRY, "no answer")]),
    ],
    ids=["missing", "other content", "other title", "unreadable"],
)
def test_what_no_region_has_as_it_is_wanted_comes_from_its_folder(other: LiveState) -> None:
    found = change(planned(other, in_region(THERE, missing=["nginx"])), THERE)
    assert found.copy is None
    assert found.source is not None


def test_a_tag_with_other_content_is_overwritten_by_a_copy_where_that_is_allowed() -> None:
    states = in_region(HERE, there("nginx")), in_region(THERE, there("nginx", "old"))
    found = change(planned(*states, overwrite=Overwrite.ALLOW), THERE)
    assert (found.action, found.copy) == (Action.UPDATE, source(HERE))
    assert found.why.endswith("overwrite: allow at registries/harbor.yaml:22; copied from ecr@us-east-1")
    assert change(planned(*states), THERE).action is Action.BLOCKED


def test_registries_of_different_documents_take_nothing_over() -> None:
    other = replace(an_ecr_spec(), name="other@us-east-1")
    held = there("nginx", address=address("nginx", registry=other.name))
    plan = build_plan(
        a_request(),
        desired(an_ecr(wanted("nginx"), spec=an_ecr_spec(THERE)), an_ecr(wanted("nginx"), spec=other)),
        together(in_region(THERE, missing=["nginx"]), live(held, registry=other.name)),
    )
    assert change(plan, THERE).copy is None


def test_a_region_outside_the_selection_is_a_source_and_nothing_more() -> None:
    plan = planned(
        in_region(HERE, there("nginx")),
        in_region(THERE, missing=["nginx"]),
        request=a_request(f"ecr@{THERE}/*"),
    )
    assert change(plan, THERE).copy == source(HERE)
    assert [each.name for each in plan.registries] == [f"ecr@{THERE}"]
    assert {each.address.registry for each in plan.changes} == {f"ecr@{THERE}"}
    assert plan.outside == 0


def replicated(*states: LiveState, **other: object) -> Plan:
    return planned(*states, repositories=REPLICATED, **other)  # type: ignore[arg-type]


def test_new_content_is_replicated_to_the_other_regions() -> None:
    plan = replicated(in_region(HERE, missing=["nginx"]), in_region(THERE, missing=["nginx"]))
    assert change(plan, HERE).copy is None
    found = change(plan, THERE)
    assert (found.action, found.copy) == (
        Action.CREATE,
        Copy(address("nginx", registry=f"ecr@{HERE}"), replicated=True),
    )
    assert found.why == "comes by ECR's replication from us-east-1, if a rule there covers it"
    assert [str(each.address) for each in plan.changes if each.address.tag is None] == [
        f"ecr@{HERE}/team/spectro-packs/archive/nginx"
    ]


def test_a_repository_that_replication_creates_gets_its_settings_afterwards() -> None:
    plan = planned(
        in_region(HERE, missing=["nginx"]),
        in_region(THERE, missing=["nginx"]),
        repositories=Repositories(replicated=True, settings={"scanOnPush": True}),
    )
    found = change(plan, THERE, None)
    assert (found.action, found.after) == (Action.CREATE, {"scanOnPush": True})
    assert found.copy == Copy(address("nginx", None, f"ecr@{HERE}"), replicated=True)
    assert [stage.name for stage in stages(plan)] == ["prepare", "push", "replicate", "settle"]


def test_replication_decides_what_cannot_be_changed_later() -> None:
    written: dict[str, Json] = {"scanOnPush": True, "encryption": {"type": "KMS"}}
    plan = planned(
        in_region(HERE, missing=["nginx"]),
        in_region(THERE, missing=["nginx"]),
        repositories=Repositories(replicated=True, settings=written),
    )
    found = change(plan, THERE, None)
    assert (found.after, found.notes) == (
        {"scanOnPush": True},
        ("encryption is as ECR's replication creates it",),
    )
    assert change(plan, HERE, None).after == written


def test_the_base_repository_of_a_replica_is_created_since_nothing_is_replicated_there() -> None:
    spec = an_ecr_spec(THERE, repositories=REPLICATED)
    base = a_repository("", spec, base=True)
    plan = build_plan(
        a_request(),
        desired(an_ecr(), DesiredRegistry(spec, (), (), (base,))),
        together(in_region(HERE), live(missing=[base.address], registry=spec.name)),
    )
    assert [(each.address, each.action) for each in plan.changes] == [(base.address, Action.CREATE)]


def test_what_the_default_region_had_before_is_copied_into_a_repository_of_the_replica() -> None:
    plan = replicated(in_region(HERE, there("nginx")), in_region(THERE, missing=["nginx"]))
    assert change(plan, THERE).copy == source(HERE)
    assert change(plan, THERE, None).action is Action.CREATE


def test_the_settings_of_a_replicas_repository_are_corrected_once_it_is_there() -> None:
    plan = planned(
        in_region(HERE, there("nginx"), settings={"scanOnPush": True}),
        in_region(THERE, there("nginx"), settings={"scanOnPush": False}),
        repositories=Repositories(replicated=True, settings={"scanOnPush": True}),
    )
    assert change(plan, HERE, None).action is Action.NO_OP
    assert change(plan, THERE, None).action is Action.UPDATE


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (in_region(HERE, there("nginx", "old")), "where it is blocked"),
        (
            in_region(HERE, unreadable=[Unreadable(f"ecr@{HERE}", UnreadableScope.REGISTRY, "no answer")]),
            "where it could not be read",
        ),
    ],
)
def test_a_replica_waits_for_nothing_that_does_not_come(first: LiveState, said: str) -> None:
    plan = replicated(first, in_region(THERE, missing=["nginx"]))
    found = change(plan, THERE)
    assert (found.action, found.reason) == (Action.BLOCKED, Reason.WITHHELD)
    assert found.why == f"withheld: it comes from us-east-1, {said}"


def test_a_replica_alone_cannot_get_what_its_default_region_does_not_have() -> None:
    states = in_region(HERE, missing=["nginx"]), in_region(THERE, missing=["nginx"])
    found = change(replicated(*states, request=a_request(f"ecr@{THERE}/*")), THERE)
    assert found.reason is Reason.WITHHELD
    assert found.why == "withheld: it comes from us-east-1, which the selection leaves out"


def test_nothing_is_replicated_out_of_a_repository_that_is_not_created() -> None:
    plan = planned(
        in_region(HERE, missing=["nginx"]),
        in_region(THERE, missing=["nginx"]),
        repositories=Repositories(replicated=True, create=False),
    )
    assert change(plan, HERE).reason is Reason.WITHHELD
    assert change(plan, THERE).reason is Reason.WITHHELD


def test_an_overwritten_tag_is_replicated_too() -> None:
    plan = replicated(
        in_region(HERE, there("nginx", "old")),
        in_region(THERE, there("nginx", "old")),
        overwrite=Overwrite.ALLOW,
    )
    found = change(plan, THERE)
    assert (found.action, found.copy and found.copy.replicated) == (Action.UPDATE, True)
    assert found.why.endswith("; comes by ECR's replication from us-east-1, if a rule there covers it")
