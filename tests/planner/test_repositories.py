"""Repositories with settings: what is created, corrected, blocked, and who is said to have moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from regsync.model.plan import Action, Cause, Change, Overrides, Plan, PlanRequest, Reason
from regsync.model.registry import Overwrite, Repositories
from regsync.model.settings import Json, fingerprint
from regsync.model.state import DesiredRegistry, LiveRepository, Unreadable, UnreadableScope
from regsync.planner.build import build_plan
from regsync.planner.repositories import compare_repository
from tests.support.states import (
    a_live_repository,
    a_repository,
    a_request,
    absent,
    address,
    an_ecr,
    an_ecr_spec,
    desired,
    live,
    there,
    wanted,
)

NAME = "ecr@us-east-1"
SCANNED: dict[str, Json] = {"scanOnPush": True}


def compared(
    settings: dict[str, Json], there: LiveRepository | None, *, adopt: bool = False, create: bool = True
) -> Change:
    spec = an_ecr_spec(repositories=Repositories(create=create, settings=settings))
    overrides = Overrides(adopt=(str(address("nginx", None, NAME)),) if adopt else ())
    return compare_repository(spec, a_repository(spec=spec), there, overrides)


def marked(name: str, value: Json) -> dict[str, str]:
    return {name: fingerprint(name, value)}


def test_a_missing_repository_is_created_with_what_is_written() -> None:
    change = compared(SCANNED, None)
    assert (change.action, change.reason) == (Action.CREATE, Reason.MISSING)
    assert (change.before, change.after) == (None, SCANNED)
    assert change.why == "it does not exist, and a push needs it"


def test_a_base_repository_is_named_as_such() -> None:
    spec = an_ecr_spec()
    change = compare_repository(spec, a_repository("", spec, base=True), None, Overrides())
    assert (change.reason, change.why) == (
        Reason.BASE_REPOSITORY,
        "Palette's base repository; it does not exist",
    )


def test_a_repository_that_others_are_to_create_is_blocked() -> None:
    change = compared({}, None, create=False)
    assert (change.action, change.wanted, change.reason) == (
        Action.BLOCKED,
        Action.CREATE,
        Reason.NOT_CREATED,
    )
    assert (
        change.help
        == "create it, or set repositories.create: true below repositories at registries/harbor.yaml:40"
    )


def test_settings_that_are_not_written_are_not_compared() -> None:
    live = a_live_repository(settings={"scanOnPush": True, "tagMutability": "IMMUTABLE"}, owner="data")
    change = compared(SCANNED, live)
    assert (change.action, change.before) == (Action.NO_OP, SCANNED)


def test_a_setting_that_was_changed_behind_our_back_is_drift() -> None:
    live = a_live_repository(
        settings={"scanOnPush": False}, owner="platform", marks=marked("scanOnPush", True)
    )
    change = compared(SCANNED, live)
    assert (change.action, change.cause, change.reason) == (
        Action.UPDATE,
        Cause.DRIFT,
        Reason.SETTINGS_DIFFER,
    )
    assert change.why == "scanOnPush differs; changed since regsync last wrote it"
    assert (change.before, change.after) == ({"scanOnPush": False}, SCANNED)
    assert change.origin is not None
    assert change.origin.line == 42


@pytest.mark.parametrize(
    ("mark", "cause"),
    [(True, Cause.DRIFT), (False, Cause.MANIFEST), ("something else", Cause.BOTH)],
)
def test_the_mark_tells_who_moved(mark: Json, cause: Cause) -> None:
    live = a_live_repository(
        settings={"scanOnPush": False}, owner="platform", marks=marked("scanOnPush", mark)
    )
    assert compared(SCANNED, live).cause is cause


def test_without_a_mark_nobody_knows_who_moved_and_the_update_adopts() -> None:
    change = compared(SCANNED, a_live_repository(settings={"scanOnPush": False}))
    assert (change.action, change.cause) == (Action.UPDATE, Cause.UNKNOWN)
    assert change.why == "scanOnPush differs"
    assert change.notes == ("carries no mark; this update makes platform its owner",)


@pytest.mark.parametrize(
    ("tags", "cause"),
    [({"team": "a", "cost": "1"}, Cause.MANIFEST), ({"team": "c"}, Cause.UNKNOWN)],
    ids=["a key is new", "another key is not written any more"],
)
def test_tags_that_the_manifest_has_changed_are_not_called_drift(tags: dict[str, Json], cause: Cause) -> None:
    written: dict[str, Json] = {"team": "a"} if len(tags) > 1 else {"team": "a", "cost": "1"}
    live = a_live_repository(settings={"tags": written}, owner="platform", marks=marked("tags", written))
    assert compared({"tags": tags}, live).cause is cause


def test_several_settings_stand_in_one_change() -> None:
    live = a_live_repository(
        settings={"scanOnPush": False, "tagMutability": "MUTABLE"},
        owner="platform",
        marks=marked("scanOnPush", True) | marked("tagMutability", "MUTABLE"),
    )
    change = compared(SCANNED | {"tagMutability": "IMMUTABLE"}, live)
    assert change.cause is Cause.BOTH
    assert change.why.startswith(
        "scanOnPush and tagMutability differ; changed in the registry and in the manifest"
    )


def test_what_cannot_be_changed_is_blocked_and_never_skipped() -> None:
    live = a_live_repository(settings={"encryption": {"type": "AES256"}}, owner="platform")
    change = compared({"encryption": {"type": "KMS"}}, live)
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.FIXED_SETTING)
    assert change.why == "encryption differs; encryption cannot be changed once a repository exists"


def test_the_help_says_how_to_end_the_comparison_of_what_cannot_be_changed() -> None:
    live = a_live_repository(settings={"encryption": {"type": "AES256"}}, owner="platform")
    assert "or leave repositories.encryption out, which is then not compared any more" in str(
        compared({"encryption": {"type": "KMS"}}, live).help
    )


def test_what_can_be_changed_is_corrected_beside_what_cannot() -> None:
    live = a_live_repository(settings={"encryption": {"type": "AES256"}, "scanOnPush": False})
    change = compared({**SCANNED, "encryption": {"type": "KMS"}}, live)
    assert (change.action, change.why) == (Action.UPDATE, "scanOnPush differs")
    assert (change.before, change.after) == ({"scanOnPush": False}, SCANNED)
    assert change.notes == (
        "carries no mark; this update makes platform its owner",
        'encryption stays {"type": "AES256"}: it differs, too, and cannot be changed once a repository exists',
    )
    assert "leave repositories.encryption out" in str(change.help)


def test_another_owners_repository_is_corrected_only_when_it_is_adopted() -> None:
    live = a_live_repository(settings={"scanOnPush": False}, owner="data")
    change = compared(SCANNED, live)
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.OTHER_OWNER)
    assert str(change.help).endswith(f"--adopt {change.address}")
    adopted = compared(SCANNED, live, adopt=True)
    assert (adopted.action, adopted.notes) == (Action.UPDATE, ("taken over from data (--adopt)",))


def planned(
    *texts: tuple[str, str],
    settings: dict[str, Json] | None = None,
    found: dict[str, Json] | None = None,
    create: bool = True,
    request: PlanRequest | None = None,
    **policy: Any,
) -> Plan:
    """The plan of a pack nginx whose live content is `old` where `found` are its repository's settings."""
    spec = an_ecr_spec(repositories=Repositories(create=create, settings=settings or {}), **policy)
    repository = address("nginx", None, NAME)
    state = (
        live(missing=[repository, address("nginx", registry=NAME)], registry=NAME)
        if found is None
        else live(
            there("nginx", "old", registry=NAME),
            repositories=[a_live_repository(settings=found, owner="platform")],
            registry=NAME,
        )
    )
    return build_plan(request or a_request(), desired(an_ecr(wanted("nginx", "new"), spec=spec)), state)


def actions(plan: Plan) -> dict[str, tuple[Action, Reason]]:
    return {str(each.address).rpartition("/")[2]: (each.action, each.reason) for each in plan.changes}


def test_what_goes_into_a_repository_that_is_not_created_is_withheld() -> None:
    assert actions(planned(create=False)) == {
        "nginx": (Action.BLOCKED, Reason.NOT_CREATED),
        "nginx:1.0.0": (Action.BLOCKED, Reason.WITHHELD),
    }


def test_a_selected_artifact_brings_its_repository_along() -> None:
    plan = planned(request=a_request("*/nginx:*"))
    assert actions(plan) == {
        "nginx": (Action.CREATE, Reason.MISSING),
        "nginx:1.0.0": (Action.CREATE, Reason.MISSING),
    }
    assert plan.outside == 0


def test_an_artifact_is_withheld_where_its_repository_is_excluded() -> None:
    plan = planned(request=a_request(excludes=("*/nginx",)))
    assert actions(plan) == {"nginx:1.0.0": (Action.BLOCKED, Reason.WITHHELD)}
    assert plan.outside == 1


def a_plan_with_a_tombstone(create: bool, settings: dict[str, Json], *, found: bool) -> Plan:
    """A tag of nginx is to be deleted. The repository of redis, which holds no change, is there with AES256, or missing."""
    spec = an_ecr_spec(repositories=Repositories(create=create, settings=settings))
    redis = address("redis", None, NAME)
    state = live(
        there("nginx", registry=NAME),
        repositories=[a_live_repository("redis", {"encryption": {"type": "AES256"}})] if found else [],
        missing=[] if found else [redis],
        registry=NAME,
    )
    gone = replace(absent("nginx"), address=address("nginx", registry=NAME))
    return build_plan(
        a_request(), desired(DesiredRegistry(spec, (), (gone,), (a_repository("redis", spec),))), state
    )


def test_a_setting_that_is_blocked_withholds_no_deletes() -> None:
    plan = a_plan_with_a_tombstone(True, {"encryption": {"type": "KMS"}}, found=True)
    assert actions(plan) == {
        "nginx:1.0.0": (Action.DELETE, Reason.TOMBSTONE),
        "redis": (Action.BLOCKED, Reason.FIXED_SETTING),
    }


def test_a_repository_that_is_not_created_withholds_the_deletes() -> None:
    plan = a_plan_with_a_tombstone(False, {}, found=False)
    assert actions(plan) == {
        "nginx:1.0.0": (Action.BLOCKED, Reason.WITHHELD),
        "redis": (Action.BLOCKED, Reason.NOT_CREATED),
    }


def test_an_immutable_tag_is_blocked_even_where_the_policy_allows_to_overwrite() -> None:
    plan = planned(found={"tagMutability": "IMMUTABLE"}, overwrite=Overwrite.ALLOW)
    assert actions(plan)["nginx:1.0.0"] == (Action.BLOCKED, Reason.IMMUTABLE_TAG)
    change = plan.changes[-1]
    assert change.help == "raise the version at packs/nginx/pack.json:3"


def test_what_the_manifest_makes_mutable_can_be_overwritten_in_the_same_apply() -> None:
    plan = planned(
        settings={"tagMutability": "MUTABLE"},
        found={"tagMutability": "IMMUTABLE"},
        overwrite=Overwrite.ALLOW,
    )
    assert {action for action, _ in actions(plan).values()} == {Action.UPDATE}
    alone = planned(
        settings={"tagMutability": "MUTABLE"},
        found={"tagMutability": "IMMUTABLE"},
        overwrite=Overwrite.ALLOW,
        request=a_request("*:1.0.0"),
    )
    assert actions(alone) == {"nginx:1.0.0": (Action.BLOCKED, Reason.IMMUTABLE_TAG)}


def test_tags_that_an_exclusion_names_follow_the_policy() -> None:
    plan = planned(
        found={"tagMutability": "IMMUTABLE_WITH_EXCLUSION", "tagMutabilityExclusions": ["1.*"]},
        overwrite=Overwrite.ALLOW,
    )
    assert actions(plan)["nginx:1.0.0"] == (Action.UPDATE, Reason.CONTENT_DIFFERS)


def test_protecting_artifacts_does_not_keep_their_repositories_settings() -> None:
    plan = planned(settings=SCANNED, found={"scanOnPush": False}, protect=("*",))
    assert actions(plan)["nginx"] == (Action.UPDATE, Reason.SETTINGS_DIFFER)
    assert not plan.refused


def test_a_repository_is_not_touched_while_nobody_knows_whose_it_is() -> None:
    spec = an_ecr_spec(repositories=Repositories(settings=SCANNED))
    unmarked = a_live_repository(settings={"scanOnPush": False}, marks_read=False)
    plan = build_plan(
        a_request(),
        desired(an_ecr(wanted("nginx"), spec=spec)),
        live(there("nginx", registry=NAME), repositories=[unmarked], registry=NAME),
    )
    assert actions(plan) == {"nginx:1.0.0": (Action.NO_OP, Reason.EQUAL)}
    assert plan.errored
    assert plan.not_compared == 1


def test_a_repository_whose_settings_are_unreadable_leaves_its_artifacts_alone() -> None:
    dark = Unreadable(NAME, UnreadableScope.TAG, "denied", address("nginx", None).path)
    plan = build_plan(
        a_request(),
        desired(an_ecr(wanted("nginx"))),
        live(missing=[address("nginx", registry=NAME)], unreadable=[dark], registry=NAME),
    )
    assert actions(plan) == {"nginx:1.0.0": (Action.CREATE, Reason.MISSING)}
    assert plan.unreadable == (dark,)
