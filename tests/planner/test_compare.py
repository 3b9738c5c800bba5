"""What one object's comparison decides."""

from __future__ import annotations

import pytest

from regsync.model.plan import Action, Cause, Overrides, Reason
from regsync.model.registry import Overwrite
from regsync.planner.compare import compare_absence, compare_artifact, protected
from tests.support.states import a_spec, absent, address, there, wanted

NONE = Overrides()


def test_a_missing_artifact_is_created_from_its_folder() -> None:
    change = compare_artifact(a_spec(), wanted("nginx"), None, NONE)
    assert (change.action, change.reason, change.before) == (Action.CREATE, Reason.MISSING, None)
    assert change.source is not None
    assert change.source.shown == "packs/nginx"
    assert change.binding["endpoint"] == "https://harbor.example.com"


def test_equal_content_is_no_change_whoever_pushed_it() -> None:
    for owner in ("platform", None, "somebody-else"):
        assert (
            compare_artifact(a_spec(), wanted("nginx"), there("nginx", owner=owner), NONE).action
            is Action.NO_OP
        )


def test_equal_content_of_another_owner_is_noted() -> None:
    change = compare_artifact(a_spec(), wanted("nginx"), there("nginx", owner="data"), NONE)
    assert change.notes == ("belongs to data; its content is equal, so it is left as it is",)


def test_differing_content_is_blocked_by_default_and_says_where_to_raise_the_version() -> None:
    change = compare_artifact(a_spec(), wanted("nginx", "new"), there("nginx", "old"), NONE)
    assert (change.action, change.wanted, change.reason) == (
        Action.BLOCKED,
        Action.UPDATE,
        Reason.CONTENT_DIFFERS,
    )
    assert change.help == (
        "raise the version at packs/nginx/pack.json:3, or set policy.overwrite: allow at registries/harbor.yaml:22"
    )


@pytest.mark.parametrize("owner", [None, "data"])
def test_what_was_not_pushed_by_us_may_also_be_deleted_there(owner: str | None) -> None:
    theirs = there("nginx", "old", owner=owner)
    adopt = Overrides(adopt=(str(theirs.address),))
    change = compare_artifact(a_spec(), wanted("nginx"), theirs, adopt)
    assert change.help == (
        "raise the version at packs/nginx/pack.json:3, set policy.overwrite: allow at registries/harbor.yaml:22, or where "
        "somebody moved the tag by hand, delete it there: the next apply pushes it again"
    )


def test_overwrite_allow_makes_it_an_update_caused_by_the_manifest_where_we_pushed_it() -> None:
    spec = a_spec(overwrite=Overwrite.ALLOW)
    change = compare_artifact(spec, wanted("nginx", "new"), there("nginx", "old"), NONE)
    assert (change.action, change.cause) == (Action.UPDATE, Cause.MANIFEST)


def test_an_unmarked_artifact_is_adopted_by_its_update() -> None:
    spec = a_spec(overwrite=Overwrite.ALLOW)
    change = compare_artifact(spec, wanted("nginx", "new"), there("nginx", "old", owner=None), NONE)
    assert (change.action, change.cause) == (Action.UPDATE, Cause.UNKNOWN)
    assert change.notes == ("carries no mark; this update makes platform its owner",)


def test_differing_content_of_another_owner_is_blocked_until_adopted() -> None:
    spec = a_spec(overwrite=Overwrite.ALLOW)
    theirs = there("nginx", "old", owner="data")
    change = compare_artifact(spec, wanted("nginx", "new"), theirs, NONE)
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.OTHER_OWNER)
    adopted = compare_artifact(spec, wanted("nginx", "new"), theirs, Overrides(adopt=(str(change.address),)))
    assert adopted.action is Action.UPDATE


def test_adopting_does_not_lift_the_ban_on_overwriting() -> None:
    theirs = there("nginx", "old", owner="data")
    change = compare_artifact(
        a_spec(), wanted("nginx", "new"), theirs, Overrides(adopt=(str(theirs.address),))
    )
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.CONTENT_DIFFERS)


def test_a_title_that_palette_does_not_read_is_a_difference() -> None:
    change = compare_artifact(a_spec(), wanted("nginx"), there("nginx", title="dir/nginx-1.0.0.tar.gz"), NONE)
    assert change.reason is Reason.TITLE_DIFFERS
    assert "'dir/nginx-1.0.0.tar.gz'" in change.why


def test_something_that_is_no_pack_is_other_content() -> None:
    change = compare_artifact(a_spec(), wanted("nginx"), there("nginx", content=None, owner=None), NONE)
    assert (change.action, change.reason) == (Action.BLOCKED, Reason.OTHER_CONTENT)


def test_a_tombstone_deletes_what_is_ours_or_unmarked() -> None:
    for owner, cause in (("platform", Cause.MANIFEST), (None, Cause.UNKNOWN)):
        change = compare_absence(a_spec(), absent("old"), there("old", owner=owner), NONE)
        assert (change.action, change.reason, change.cause) == (Action.DELETE, Reason.TOMBSTONE, cause)
        assert change.before is not None
        assert change.before["tags"] == ["1.0.0"]


def test_a_tombstone_does_not_delete_another_owners_artifact_unless_adopted() -> None:
    theirs = there("old", owner="data")
    change = compare_absence(a_spec(), absent("old"), theirs, NONE)
    assert (change.action, change.wanted) == (Action.BLOCKED, Action.DELETE)
    assert (
        compare_absence(a_spec(), absent("old"), theirs, Overrides(adopt=(str(theirs.address),))).action
        is Action.DELETE
    )


def test_a_tombstone_of_what_is_absent_is_no_change() -> None:
    assert compare_absence(a_spec(), absent("old"), None, NONE).action is Action.NO_OP


def test_protect_globs_match_the_name_the_path_and_the_address() -> None:
    nginx = address("nginx")
    for pattern in ("nginx:*", "team/*:1.0.0", "harbor/*"):
        assert protected(a_spec(protect=(pattern,)), nginx)
    assert not protected(a_spec(protect=("redis:*",)), nginx)
