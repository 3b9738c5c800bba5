"""Registrations in Palette: what is created, corrected, replaced, blocked, and when Palette must list content anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from regsync.model.outcome import Result, Status
from regsync.model.palette import (
    DesiredRegistration,
    LiveRegistration,
    LiveSync,
    Lookup,
    Unwanted,
    UnwantedRegistration,
)
from regsync.model.plan import Action, Cause, Change, Plan, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, Overwrite
from regsync.model.settings import Json
from regsync.model.state import (
    LivePalette,
    Unreadable,
    UnreadableScope,
)
from regsync.planner.build import build_plan
from regsync.planner.order import held_back_by, stages
from tests.support.registrations import (
    AT,
    DONE,
    NAME,
    PALETTE,
    SETTINGS,
    SYNC,
    in_palette,
    planned,
    registered,
)
from tests.support.states import (
    a_registry,
    a_request,
    a_spec,
    absent,
    address,
    an_ecr_spec,
    desired,
    in_region,
    live,
    there,
    together,
    wanted,
)


def change(plan: Plan, wanted: Address = NAME) -> Change:
    return next(each for each in plan.changes if each.address == wanted)


def synced(plan: Plan) -> Change:
    return change(plan, SYNC)


NGINX = wanted("nginx")


def test_what_palette_does_not_have_is_registered_and_synchronized() -> None:
    plan = planned(registered(SETTINGS, NGINX), Lookup())
    assert change(plan).action is Action.CREATE
    assert change(plan).after == SETTINGS
    assert synced(plan).reason is Reason.REGISTRATION_CHANGES
    assert synced(plan).after == {"registry": "harbor", "confirm": ["nginx:1.0.0"], "force": False}


def test_a_plan_names_the_palette_and_whether_it_lists_the_content() -> None:
    (view,) = planned(registered(), in_palette()).registries
    assert (view.palette, view.synchronization) == ("https://palette.example.com", True)
    manual = a_registry(spec=replace(a_spec(), synchronization=False))
    plan = build_plan(a_request(), desired(manual), live())
    assert [(each.palette, each.synchronization) for each in plan.registries] == [(None, False)]


def test_a_synchronization_follows_its_registration() -> None:
    names = [
        "r/@palette/team",
        "r/@palette/team/sync",
        "r/@palette/team-edge",
        "r/nginx:1",
        "r/nginx-ingress:1",
    ]
    assert [str(each) for each in sorted(map(Address.parse, reversed(names)))] == names


def test_what_is_equal_needs_neither() -> None:
    plan = planned(registered(SETTINGS, NGINX), in_palette())
    assert not plan.has_changes
    assert plan.summary.unchanged == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "https://other.example.com"),
        ("baseContentPath", "elsewhere"),
        ("auth", "none"),
        ("username", "somebody"),
        ("certificate", "-----BEGIN CERTIFICATE-----"),
        ("insecureSkipVerify", True),
        ("synchronization", False),
        ("password.version", 1),
    ],
)
def test_each_setting_that_differs_is_corrected(name: str, value: Json) -> None:
    plan = planned(registered(), in_palette({**SETTINGS, name: value}))
    assert change(plan).action is Action.UPDATE
    assert name in change(plan).why
    assert change(plan).before is not None
    assert (change(plan).before or {})[name] == value
    assert synced(plan).action is Action.UPDATE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "https://HARBOR.example.com/v2/"),
        ("endpoint", "harbor.example.com"),
        ("baseContentPath", "/team/"),
        ("certificate", "\n"),
    ],
)
def test_another_spelling_is_no_difference(name: str, value: Json) -> None:
    assert not planned(registered(SETTINGS, NGINX), in_palette({**SETTINGS, name: value})).has_changes


def test_a_raised_version_is_a_change_of_the_manifest() -> None:
    plan = planned(registered(), in_palette({**SETTINGS, "password.version": 1}))
    assert (change(plan).cause, change(plan).reason) == (Cause.MANIFEST, Reason.SECRETS_SENT)
    assert change(plan).why == "password.version differs; secrets are sent anew"


def test_secrets_can_be_sent_anew() -> None:
    request = a_request(send_secrets=(str(NAME),))
    assert change(planned(registered(), in_palette(), request=request)).reason is Reason.SECRETS_SENT
    public = registered(SETTINGS, auth=Auth(AuthMethod.NONE))
    assert change(planned(public, in_palette(), request=request)).action is Action.NO_OP


def test_the_tenants_own_external_id_is_the_default() -> None:
    role: dict[str, Json] = {"type": "ecr", "auth": "sts", "roleArn": "arn:aws:iam::1:role/read"}
    found = replace(in_palette({**role, "externalId": "stale"}), external_id="tenant")
    plan = planned(registered(role), found)
    assert (change(plan).after or {})["externalId"] == "tenant"
    written = registered({**role, "externalId": "stale"})
    assert change(planned(written, found)).action is Action.NO_OP


def test_anothers_registration_is_left_alone_until_it_is_adopted() -> None:
    theirs = in_palette({**SETTINGS, "username": "data"}, owner="data")
    blocked = planned(registered(SETTINGS, NGINX), theirs)
    assert (change(blocked).action, change(blocked).reason) == (Action.BLOCKED, Reason.OTHER_OWNER)
    assert not synced(blocked).action.writes
    adopted = planned(registered(), theirs, request=a_request(adopt=(str(NAME),)))
    assert change(adopted).action is Action.UPDATE
    assert not planned(registered(SETTINGS, NGINX), in_palette(owner="data")).has_changes


def test_the_first_update_of_an_unmarked_one_says_that_it_adopts_it() -> None:
    plan = planned(registered(), in_palette({**SETTINGS, "username": "x"}, owner=None))
    assert change(plan).notes == ("carries no mark; this makes platform its owner",)


@pytest.mark.parametrize(("provider", "name"), [("pack", "type"), ("helm", "synchronization")])
def test_what_palette_cannot_change_is_replaced_where_that_is_allowed(provider: str, name: str) -> None:
    settings = {**SETTINGS, "provider": provider}
    found = in_palette({**settings, name: "ecr" if name == "type" else False})
    refused = planned(registered(settings, NGINX), found)
    assert (change(refused).action, change(refused).wanted) == (Action.BLOCKED, Action.REPLACE)
    assert "policy.replacePalette: allow" in (change(refused).help or "")
    assert not synced(refused).action.writes
    plan = planned(registered(settings, NGINX, may_replace=True), found)
    assert change(plan).action is Action.REPLACE
    assert "uid" in change(plan).notes[0]
    assert (synced(plan).after or {})["confirm"] == ["nginx:1.0.0"]


def test_a_name_that_something_else_has_is_blocked() -> None:
    plan = planned(registered(), Lookup(taken_by="a Helm registry"))
    assert (change(plan).action, change(plan).reason) == (Action.BLOCKED, Reason.NAME_TAKEN)
    assert SYNC not in {each.address for each in plan.changes}


def test_palettes_own_registries_are_never_touched() -> None:
    plan = planned(registered(), in_palette({**SETTINGS, "username": "x"}, is_default=True))
    assert (change(plan).action, change(plan).reason) == (Action.BLOCKED, Reason.NAME_TAKEN)


def test_the_same_endpoint_under_another_name_blocks_a_create() -> None:
    plan = planned(registered(), Lookup(twins=("old-name",)))
    assert (change(plan).action, change(plan).reason) == (Action.BLOCKED, Reason.SAME_ENDPOINT)
    assert "palette.names: {team: old-name}" in (change(plan).help or "")
    pathless = planned(registered({**SETTINGS, "baseContentPath": ""}), Lookup(twins=("old-name",)))
    assert "palette.name: old-name" in (change(pathless).help or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "https://other.example.com"),
        ("basePath", "/artifactory"),
        ("baseContentPath", "elsewhere"),
        ("type", "ecr"),
        ("provider", "helm"),
    ],
)
def test_one_made_by_hand_for_another_place_is_left_alone_until_it_is_adopted(name: str, value: Json) -> None:
    by_hand = in_palette({**SETTINGS, name: value}, owner=None)
    plan = planned(registered(may_replace=True), by_hand)
    assert (change(plan).action, change(plan).reason) == (Action.BLOCKED, Reason.NAME_TAKEN)
    assert "which nobody marked as ours" in change(plan).why
    assert f"--adopt {NAME}" in (change(plan).help or "")
    assert not synced(plan).action.writes
    adopted = planned(registered(may_replace=True), by_hand, request=a_request(adopt=(str(NAME),)))
    assert change(adopted).action.writes


def test_a_name_that_is_taken_says_by_what() -> None:
    settings = {**SETTINGS, "basePath": "/v1", "baseContentPath": "data"}
    plan = planned(registered(), in_palette(settings, owner=None))
    assert change(plan).why == (
        "Palette has a registry of this name for https://harbor.example.com /v1 data, "
        "which nobody marked as ours"
    )


def test_whose_annotations_are_lost_is_not_known() -> None:
    plan = planned(registered(), in_palette({**SETTINGS, "password.version": 1}, owner=None))
    assert (change(plan).action, change(plan).cause) == (Action.UPDATE, Cause.UNKNOWN)


def test_of_what_is_blocked_no_secret_is_said_to_be_sent() -> None:
    theirs = in_palette({**SETTINGS, "password.version": 1}, owner="data")
    assert change(planned(registered(), theirs)).why == "password.version differs, and it belongs to data"
    request = a_request(send_secrets=(str(NAME),))
    equal = change(planned(registered(), in_palette(owner="data"), request=request))
    assert equal.why == "its secrets are to be sent (--send-secrets), and it belongs to data"


def at(path: str, name: str) -> DesiredRegistration:
    return registered({**SETTINGS, "baseContentPath": path}, name=name)


def live_at(path: str, name: str, *twins: str) -> Lookup:
    found = LiveRegistration(name, f"uid-of-{name}", {**SETTINGS, "baseContentPath": path}, "platform", DONE)
    return Lookup(found, twins=twins)


def documented(
    *registrations: tuple[DesiredRegistration, Lookup],
    leaving: str | None = None,
    **request: Any,
) -> dict[str, Change]:
    """What becomes of the registrations of one document, by name; `leaving` is in palette.absent, and live."""
    lookups = {each.address: found for each, found in registrations}
    gone = []
    if leaving:
        target = Unwanted(PALETTE, leaving, AT)
        gone.append(UnwantedRegistration(Address.of_registration("harbor", leaving), target, "platform"))
        lookups[gone[0].address] = live_at("team", leaving)
    registry = replace(
        a_registry(wanted("nginx")),
        registrations=tuple(each for each, _ in registrations),
        unregistered=tuple(gone),
    )
    state = replace(live(there("nginx")), palettes={"prod": LivePalette(lookups)})
    plan = build_plan(a_request(**request), desired(registry), state)
    return {
        each.address.registration or "": each
        for each in plan.changes
        if each.type is ResourceType.REGISTRATION
    }


def test_a_path_before_the_others_moves_no_registration() -> None:
    found = documented(
        (at("edge", "hub"), live_at("platform", "hub")),
        (at("platform", "hub-platform"), Lookup(twins=("hub",))),
    )
    hub, platform = found["hub"], found["hub-platform"]
    assert (hub.action, hub.reason, platform.action) == (
        Action.BLOCKED,
        Reason.SAME_ENDPOINT,
        Action.BLOCKED,
    )
    assert hub.why == "hub is registered for platform, which would be called hub-platform now"
    assert "palette.names: {edge: hub-edge, platform: hub}" in (hub.help or "")
    assert "palette.names: {edge: hub-edge, platform: hub}" in (platform.help or "")


def test_paths_in_another_order_keep_the_names_that_they_have() -> None:
    found = documented(
        (at("edge", "hub"), live_at("platform", "hub", "hub-edge")),
        (at("platform", "hub-platform"), Lookup(twins=("hub",))),
    )
    assert "palette.names: {edge: hub-edge, platform: hub}" in (found["hub"].help or "")
    kept = documented(
        (at("edge", "hub-edge"), live_at("edge", "hub-edge")),
        (at("platform", "hub"), live_at("platform", "hub")),
    )
    assert {each.action for each in kept.values()} == {Action.NO_OP}


def test_what_becomes_the_first_path_keeps_its_registration() -> None:
    found = documented((at("edge", "hub"), live_at("platform", "hub", "hub-edge")))["hub"]
    assert (found.action, found.reason) == (Action.BLOCKED, Reason.SAME_ENDPOINT)
    assert "palette.names: {edge: hub-edge}" in (found.help or "")


def test_a_registration_that_moves_to_another_path_says_so_loudly() -> None:
    found = documented((at("edge", "hub"), live_at("platform", "hub")))["hub"]
    assert found.action is Action.UPDATE
    assert found.notes == (
        "it leaves platform for edge: cluster profiles that use what it lists of platform lose that",
    )


def test_a_registration_is_renamed_in_one_plan() -> None:
    renamed = at("team", "new"), Lookup(twins=("old",))
    found = documented(renamed, leaving="old")
    assert (found["new"].action, found["old"].action) == (Action.CREATE, Action.DELETE)
    alone = documented(renamed, leaving="old", excludes=("harbor/@palette/old",))
    assert alone["new"].action is Action.BLOCKED


def test_nothing_is_unregistered_before_its_successor_is_there() -> None:
    found = documented((at("team", "new"), Lookup(twins=("old", "third"))), leaving="old")
    assert (found["old"].action, found["old"].wanted) == (Action.BLOCKED, Action.DELETE)
    assert found["old"].reason is Reason.WITHHELD
    renamed = documented((at("team", "new"), Lookup(twins=("old",))), leaving="old")
    lost = Result(renamed["new"], Status.FAILED)
    assert held_back_by(renamed["old"], [lost]) == lost


def test_registrations_count_as_deletes_but_not_in_the_share_of_artifacts() -> None:
    target = UnwantedRegistration(
        Address.of_registration("harbor", "old"), Unwanted(PALETTE, "old", AT), "platform"
    )
    names = [f"pack-{each}" for each in range(10)]
    registry = a_registry(*map(wanted, names), spec=a_spec(max_deletes=0, max_delete_share=0))
    replaced = registered({**SETTINGS, "type": "ecr"}, may_replace=True)
    registry = replace(registry, registrations=(replaced,), unregistered=(target,))
    lookups = {target.address: in_palette(), replaced.address: in_palette()}
    state = replace(live(*map(there, names)), palettes={"prod": LivePalette(lookups)})
    plan = build_plan(a_request(), desired(registry), state)
    assert [(each.text, each.ok) for each in plan.guards] == [
        ("deletes 2/0", False),
        ("share 0/0 %", True),
    ]
    assert plan.guards[0].override == "--max-deletes 2"


def unwanted(found: Lookup, **request: Any) -> Change:
    target = UnwantedRegistration(
        Address.of_registration("harbor", "old"), Unwanted(PALETTE, "old", AT), "platform"
    )
    registry = replace(a_registry(wanted("nginx")), unregistered=(target,))
    state = replace(live(there("nginx")), palettes={"prod": LivePalette({target.address: found})})
    return change(build_plan(a_request(**request), desired(registry), state), target.address)


def test_only_the_manifest_removes_a_registration() -> None:
    assert unwanted(Lookup()).action is Action.NO_OP
    assert unwanted(in_palette()).action is Action.DELETE
    assert unwanted(in_palette(owner="data")).action is Action.BLOCKED
    adopt = ("harbor/@palette/old",)
    assert unwanted(in_palette(owner="data"), adopt=adopt).action is Action.DELETE
    assert unwanted(in_palette(is_default=True), adopt=adopt).action is Action.BLOCKED


def test_who_removes_an_unmarked_one_is_told_so() -> None:
    assert unwanted(in_palette(owner=None)).notes == (
        "carries no mark: somebody may have made it by hand",
        "cluster profiles that refer to it break",
    )


def test_a_delete_tells_which_registration_goes_and_no_more() -> None:
    found = unwanted(in_palette())
    assert found.before == {
        "uid": "uid-1",
        "type": "basic",
        "provider": "pack",
        "endpoint": "https://harbor.example.com",
        "baseContentPath": "team",
    }


def test_new_content_is_to_be_listed() -> None:
    registry = a_registry(wanted("nginx"), wanted("redis"))
    state = live(there("nginx"), missing=[address("redis")])
    plan = planned(registered(SETTINGS, NGINX, wanted("redis")), in_palette(), registry=registry, state=state)
    assert synced(plan).reason is Reason.CONTENT_CHANGES
    assert synced(plan).why == "1 artifact of the registry changes"
    assert synced(plan).after == {"registry": "harbor", "confirm": ["redis:1.0.0"], "force": False}


def test_what_was_overwritten_is_read_by_force() -> None:
    spec = a_spec(overwrite=Overwrite.ALLOW)
    plan = planned(
        registered(SETTINGS, NGINX),
        in_palette(),
        registry=a_registry(wanted("nginx", "new"), spec=spec),
        state=live(there("nginx", "old")),
    )
    assert synced(plan).after == {"registry": "harbor", "confirm": ["nginx:1.0.0"], "force": True}


def test_a_delete_is_to_be_noticed_too() -> None:
    registry = a_registry(wanted("nginx"), absences=[absent("old")])
    plan = planned(
        registered(SETTINGS, NGINX), in_palette(), registry=registry, state=live(there("nginx"), there("old"))
    )
    assert (synced(plan).action, (synced(plan).after or {})["confirm"]) == (Action.UPDATE, [])


def test_content_that_is_blocked_or_left_out_needs_no_sync() -> None:
    changed = a_registry(wanted("nginx", "new"))
    blocked = planned(
        registered(SETTINGS, NGINX), in_palette(), registry=changed, state=live(there("nginx", "old"))
    )
    assert synced(blocked).action is Action.NO_OP
    left_out = planned(
        registered(SETTINGS, NGINX),
        in_palette(),
        state=live(missing=[address("nginx")]),
        request=a_request("harbor/@palette/*"),
    )
    assert synced(left_out).action is Action.NO_OP
    assert left_out.outside == 1


@pytest.mark.parametrize(
    ("other", "reason", "why"),
    [
        ({"sync": None}, Reason.NOT_SYNCED, "it has never been synchronized"),
        ({"sync": LiveSync("InProgress")}, Reason.NOT_SYNCED, "it has never been synchronized"),
        (
            {"sync": LiveSync("InProgress", last_run="2026-11-20T05:00:00Z", hung=True)},
            Reason.SYNC_FAILED,
            "the last sync has been running since 2026-11-20T05:00:00Z",
        ),
        (
            {"sync": LiveSync("Failed", "connection refused")},
            Reason.SYNC_FAILED,
            "the last sync failed: connection refused",
        ),
        ({"listed": frozenset()}, Reason.NOT_LISTED, "Palette does not list nginx:1.0.0"),
    ],
)
def test_palette_is_made_to_list_what_it_should(other: dict[str, Any], reason: Reason, why: str) -> None:
    plan = planned(registered(SETTINGS, NGINX), in_palette(**other))
    assert (synced(plan).reason, synced(plan).why) == (reason, why)


def test_a_registry_that_does_not_synchronize_has_no_sync() -> None:
    settings = {**SETTINGS, "synchronization": False, "provider": "helm"}
    plan = planned(registered(settings), Lookup())
    assert {each.type for each in plan.changes} == {ResourceType.ARTIFACT, ResourceType.REGISTRATION}


def test_a_palette_that_gave_no_answer_hides_its_registrations_and_nothing_else() -> None:
    dark = Unreadable("harbor", UnreadableScope.TAG, "the key is refused", NAME.path)
    registry = a_registry(wanted("nginx"), absences=[absent("old")])
    plan = planned(
        registered(), None, registry=registry, state=live(there("nginx"), there("old")), dark=[dark]
    )
    assert plan.unreadable == (dark,)
    assert plan.summary.unreadable == 1
    assert [each.action for each in plan.changes] == [Action.NO_OP, Action.DELETE]
    unasked = planned(registered(), None)
    assert [each.reason for each in unasked.unreadable] == ["it was not read"]


def test_stages_end_with_what_palette_is_to_know() -> None:
    registry = a_registry(wanted("nginx"), absences=[absent("old")])
    state = live(there("old"), missing=[address("nginx")])
    plan = planned(registered(SETTINGS, NGINX), Lookup(), registry=registry, state=state)
    assert [each.name for each in stages(plan)] == ["push", "register", "delete", "sync"]


def regional(text: str = "nginx", old: str | None = None) -> Plan:
    """nginx goes into both regions of `ecr`, whose registration is new."""
    specs = [an_ecr_spec(each, overwrite=Overwrite.ALLOW) for each in ("us-east-1", "eu-west-1")]
    registries = [a_registry(wanted("nginx", text, registry=each.name), spec=each) for each in specs]
    registration = registered(
        SETTINGS, wanted("nginx", registry="ecr@us-east-1"), registry=specs[0], document="ecr"
    )
    registries[0] = replace(registries[0], registrations=(registration,))
    states = [
        in_region(each.region or "", there("nginx", old))
        if old
        else in_region(each.region or "", missing=["nginx"])
        for each in specs
    ]
    seen = replace(together(*states), palettes={"prod": LivePalette({registration.address: Lookup()})})
    return build_plan(a_request(), desired(*registries), seen)


def failed(plan: Plan, region: str) -> Result:
    return next(
        Result(each, Status.FAILED) for each in plan.changes if each.address.registry == f"ecr@{region}"
    )


def test_a_failure_withholds_the_sync_of_what_it_leaves_in_disorder() -> None:
    created, overwritten = regional(), regional("new", old="old")
    sync = Address.of_registration("ecr", "ecr").sync
    for plan in (created, overwritten):
        default = failed(plan, "us-east-1")
        assert held_back_by(change(plan, sync), [default]) == default
        blocked = replace(default, status=Status.REFUSED)
        assert held_back_by(change(plan, sync), [blocked]) is None
    assert held_back_by(change(created, sync), [failed(created, "eu-west-1")]) is None
    elsewhere = failed(overwritten, "eu-west-1")
    assert held_back_by(change(overwritten, sync), [elsewhere]) == elsewhere


def test_a_registration_that_did_not_come_about_withholds_its_sync_and_no_delete() -> None:
    registry = a_registry(wanted("nginx"), absences=[absent("old")])
    plan = planned(registered(), Lookup(), registry=registry, state=live(there("nginx"), there("old")))
    lost = Result(change(plan), Status.FAILED)
    assert held_back_by(synced(plan), [lost]) == lost
    assert held_back_by(change(plan, address("old")), [lost]) is None


def test_the_name_of_a_document_selects_all_of_it() -> None:
    whole = regional()
    sync = Address.of_registration("ecr", "ecr").sync
    assert whole.request.selection.includes(sync)
    request = a_request("ecr/@palette/*")
    assert request.selection.includes(sync)
    assert not request.selection.includes(address("nginx", registry="ecr@us-east-1"))
    document = a_request("ecr").selection
    assert document.includes(sync)
    assert document.includes(address("nginx", registry="ecr@eu-west-1"))
    assert document.reaches("ecr@eu-west-1")
