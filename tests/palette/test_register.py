from __future__ import annotations

import threading
from typing import Any

import pytest

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    RegistryError,
    RegsyncError,
    Unreachable,
)
from regsync.model.plan import Action
from regsync.model.registry import Auth, AuthMethod, SecretRef
from regsync.palette.base import Secrets
from tests.palette.rig import (
    AT,
    BASIC,
    HARBOR,
    KEYS,
    KEYS_LOGIN,
    PASSWORD,
    PUBLIC,
    SECRET_KEY,
    STS,
    desired,
    live_at,
    look_at,
    planned,
    register,
    removal,
    unwanted,
    with_settings,
    world,
)
from tests.support.palette import GATEWAY_TIMEOUT, TOO_MANY
from tests.support.palette_lister import BAD_LOGIN
from tests.support.palette_sync import NotListed
from tests.support.proxy import Reset, Respond


class Refuses:
    """Palette's visits to a registry that lets nobody in."""

    def greet(self, kind: str, spec: Any) -> None:
        raise NotListed(BAD_LOGIN, f"unauthorized: {(spec.get('auth') or {}).get('password')}")

    def packs(self, kind: str, spec: Any) -> list[Any]:
        return []


def said(error: pytest.ExceptionInfo[RegsyncError]) -> str:
    return f"{error.value.message}\n{error.value.hint}"


def test_a_registration_is_tried_created_and_read_back() -> None:
    with world() as (server, palette):
        wanted = desired(server.url, {**BASIC, "password.version": 3})
        live = register(palette, wanted)
        assert live.owner == "platform"
        assert live.settings["password.version"] == 3
        kept = server.named("harbor-packs")
        assert kept.spec["auth"]["password"] == PASSWORD
        assert kept.spec["isSyncSupported"] is True
        assert kept.document["metadata"]["annotations"] == {
            "regsync.owner": "platform",
            "regsync.secret.password": "3",
        }
        writes = [str(each) for each in server.requests if each.method in ("POST", "PUT")]
        assert writes == ["POST /v1/registries/oci/basic/validate", "POST /v1/registries/oci/basic"]
        assert server.asked("POST", "*/basic")[0].query == {"skipPackSync": "true"}
        validated, created = (each.body for each in server.asked("POST"))
        assert created["spec"] == validated
        assert server.asked("*", "*/sync") == []


@pytest.mark.parametrize("settings", [BASIC, KEYS, STS, PUBLIC])
def test_after_a_registration_nothing_differs(settings: dict[str, Any]) -> None:
    with world() as (server, palette):
        wanted = desired(server.url, settings)
        live = register(palette, wanted)
        assert {name: live.settings[name] for name in settings} == dict(settings)
        if settings is STS:
            assert live.settings["externalId"] == server.api.external_id


def test_keys_of_aws_are_sent() -> None:
    with world() as (server, palette):
        register(palette, desired(server.url, KEYS, auth=KEYS_LOGIN))
        assert server.named("harbor-packs").spec["credentials"]["secretKey"] == SECRET_KEY


def test_an_update_changes_what_differs_and_keeps_the_rest() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        uid = register(palette, wanted).uid
        server.edit("harbor-packs", "metadata.labels", {"team": "a"})
        server.edit("harbor-packs", ["metadata", "annotations", "theirs"], "kept")
        server.edit("harbor-packs", "spec.endpoint", "https://elsewhere.example.com")
        server.edit("harbor-packs", "spec.auth.username", "someone")
        live = register(palette, wanted)
        assert (live.uid, live.settings["endpoint"], live.settings["username"]) == (uid, HARBOR, "robot")
        kept = server.named("harbor-packs")
        assert kept.spec["auth"]["password"] == PASSWORD
        assert kept.document["metadata"]["labels"] == {"team": "a"}
        assert kept.document["metadata"]["annotations"]["theirs"] == "kept"


def test_settings_that_the_manifest_does_not_write_stay() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        register(palette, wanted)
        server.edit("harbor-packs", "spec.basePath", "/base")
        server.edit("harbor-packs", "spec.auth.tls", {"enabled": True, "insecureSkipVerify": True})
        live = register(palette, with_settings(wanted, username="other"))
        assert live.settings["basePath"] == "/base"
        assert live.settings["insecureSkipVerify"] is True


def test_another_login_leaves_nothing_of_the_old_one() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        register(palette, wanted)
        open_ = {name: value for name, value in BASIC.items() if name != "username"} | {"auth": "none"}
        register(palette, desired(server.url, open_))
        auth = server.named("harbor-packs").spec["auth"]
        assert auth["type"] == "noAuth"
        assert not {"username", "password"} & auth.keys()


def test_a_replacement_is_another_registration_under_the_same_name() -> None:
    with world() as (server, palette):
        wanted = desired(server.url, {**BASIC, "provider": "helm", "synchronization": False})
        old = register(palette, wanted)
        server.edit("harbor-packs", "metadata.labels", {"team": "a"})
        new = register(palette, with_settings(wanted, synchronization=True), Action.REPLACE)
        assert new.uid != old.uid
        assert new.settings["synchronization"] is True
        assert server.named("harbor-packs").document["metadata"]["labels"] == {"team": "a"}
        assert [each.name for each in server.registrations] == ["harbor-packs"]


def test_a_replacement_whose_second_half_fails_says_so() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        register(palette, wanted)
        refusal = Respond(400, {}, b'{"code": "Nope", "message": "not today"}')
        server.fail("POST", "/v1/registries/oci/basic", refusal)
        with pytest.raises(RegistryError, match="not today; the old registration is removed by now"):
            register(palette, wanted, Action.REPLACE)


def test_what_cannot_be_changed_is_explained() -> None:
    with world() as (server, palette):
        wanted = desired(server.url, {**BASIC, "provider": "helm"})
        register(palette, wanted)
        with pytest.raises(RegistryError, match="cannot be changed after") as error:
            register(palette, with_settings(wanted, synchronization=False))
        assert "policy.replacePalette: allow" in said(error)


def test_a_switch_that_an_older_palette_does_not_heed_is_told() -> None:
    with world() as (server, palette):
        server.api.version = (4, 9)
        wanted = desired(server.url, {**BASIC, "provider": "helm"})
        register(palette, wanted)
        with pytest.raises(RegistryError, match="Palette did not take the synchronization"):
            register(palette, with_settings(wanted, synchronization=False))


def test_annotations_that_are_lost_fail_the_change() -> None:
    with world() as (server, palette):
        server.api.keeps_annotations = False
        wanted = desired(server.url, {**BASIC, "password.version": 2})
        with pytest.raises(RegistryError, match="did not keep the version of its password") as error:
            register(palette, wanted)
        assert "apply --send-secrets harbor/@palette/harbor-packs" in said(error)
        with pytest.raises(RegistryError, match="did not keep whose it is"):
            register(palette, desired(server.url, name="other"))


def test_what_came_meanwhile_is_a_conflict() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        change = planned(wanted, look_at(palette, wanted))
        server.add("basic", "harbor-packs", endpoint=HARBOR, auth={"type": "noAuth"})
        with pytest.raises(Conflict, match="has harbor-packs by now"):
            palette.register(change, wanted, Secrets())
        assert server.asked("PUT") == server.asked("POST") == []


def test_what_changed_meanwhile_is_a_conflict() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        register(palette, wanted)
        change = planned(with_settings(wanted, username="new"), look_at(palette, wanted))
        server.edit("harbor-packs", "spec.auth.username", "somebody")
        with pytest.raises(Conflict, match="not what the plan saw: its username changed"):
            palette.register(change, wanted, palette.secrets(wanted))
        assert server.asked("PUT") == []


@pytest.mark.parametrize("again", [False, True])
def test_a_uid_that_is_gone_is_a_conflict(again: bool) -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        old = register(palette, wanted)
        change = planned(wanted, look_at(palette, wanted))
        absent = removal(unwanted(server.url, "harbor-packs"), live_at(palette, wanted))
        server.remove("harbor-packs")
        if again:
            server.add("basic", "harbor-packs", endpoint=HARBOR, auth={"type": "noAuth"})
        with pytest.raises(Conflict, match=f"gone since the plan was made: uid {old.uid}"):
            palette.register(change, wanted, palette.secrets(wanted))
        with pytest.raises(Conflict, match="gone since the plan"):
            palette.unregister(absent)
        assert server.asked("PUT") == server.asked("DELETE") == []


def test_a_uid_that_goes_between_check_and_write_is_a_conflict_too() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        register(palette, wanted)
        server.before("PUT", "*", lambda: server.remove("harbor-packs"))
        with pytest.raises(Conflict, match="gone since the plan"):
            register(palette, wanted)


def test_a_removal_deletes_what_the_plan_saw() -> None:
    with world() as (server, palette):
        server.add("basic", "old", endpoint=HARBOR, auth={"type": "noAuth"})
        absent = unwanted(server.url, "old")
        live = palette.observe([], [absent]).lookups[absent.address].live
        assert live is not None
        server.fail("DELETE", "*", GATEWAY_TIMEOUT, done=True)
        palette.unregister(removal(absent, live))
        assert server.registrations == []


@pytest.mark.parametrize("fault", [Reset(), GATEWAY_TIMEOUT])
@pytest.mark.parametrize("done", [False, True])
def test_a_creation_without_an_answer_makes_no_second_registration(fault: Any, done: bool) -> None:
    with world() as (server, palette):
        server.fail("POST", "/v1/registries/oci/basic", fault, done=done)
        live = register(palette, desired(server.url))
        assert [each.uid for each in server.registrations] == [live.uid]
        assert len(server.asked("POST", "/v1/registries/oci/basic")) == (1 if done else 2)


def test_a_creation_that_is_throttled_is_tried_again() -> None:
    with world() as (server, palette):
        server.fail("POST", "/v1/registries/oci/basic", TOO_MANY)
        register(palette, desired(server.url))
        assert len(server.registrations) == 1


def test_a_creation_that_never_comes_about_ends() -> None:
    with world() as (server, palette):
        server.fail("POST", "/v1/registries/oci/basic", GATEWAY_TIMEOUT, times=9)
        with pytest.raises(Unreachable, match="504"):
            register(palette, desired(server.url))
        assert len(server.asked("POST", "/v1/registries/oci/basic")) == 4


def test_whether_a_creation_was_heeded_may_stay_open() -> None:
    with world() as (server, palette):
        wanted = desired(server.url)
        change = planned(wanted, look_at(palette, wanted))
        server.fail("POST", "/v1/registries/oci/basic", Reset())
        server.before(
            "POST",
            "*/validate",
            lambda: server.fail("GET", "*/summary", GATEWAY_TIMEOUT, times=9),
        )
        with pytest.raises(Unreachable, match="whether it is registered now is not known"):
            palette.register(change, wanted, palette.secrets(wanted))


@pytest.mark.parametrize("version", [(4, 9), (4, 10)])
@pytest.mark.parametrize("provider", ["pack", "helm"])
def test_bad_credentials_may_mean_the_network(version: tuple[int, int], provider: str) -> None:
    with world() as (server, palette):
        server.api.lister, server.api.version = Refuses(), version
        with pytest.raises(RegistryError, match="Palette's own try of https://harbor") as error:
            register(palette, desired(server.url, {**BASIC, "provider": provider}))
        assert error.value.code == BAD_LOGIN
        assert "400" in error.value.message
        told = version >= (4, 10) and provider == "helm"  # it speaks for itself then
        assert ("(DNS, firewall, certificate)" in said(error)) is not told
        assert PASSWORD not in said(error)
        assert server.registrations == []


def test_a_role_that_does_not_trust_palette_is_told_what_it_needs() -> None:
    with world() as (server, palette):
        server.api.lister = Refuses()
        with pytest.raises(RegistryError) as error:
            register(palette, desired(server.url, STS))
        assert f'"sts:ExternalId": "{server.api.external_id}"' in said(error)
        assert f"arn:aws:iam::{server.api.account}:root" in said(error)
        assert "ecr:GetAuthorizationToken" in said(error)


def test_a_palette_is_opened_read_only() -> None:
    with world(writes=False) as (server, palette):
        with pytest.raises(RegsyncError, match="planning never writes"):
            register(palette, desired(server.url))
        assert {each.method for each in server.requests} == {"GET"}


def test_secrets_are_resolved_without_a_request() -> None:
    with world() as (server, palette):
        login = Auth(AuthMethod.BASIC, SecretRef("env", "PULL_USER", AT), SecretRef("env", "NOWHERE", AT))
        with pytest.raises(AuthenticationFailed, match=r"palette.yaml:7:9: .* PULL_USER is not set"):
            palette.secrets(desired(server.url, auth=login))
        assert palette.secrets(desired(server.url)).values == {"password": PASSWORD}
        assert PASSWORD not in repr(palette.secrets(desired(server.url)))
        assert palette.secrets(desired(server.url, STS)).values == {}
        assert server.requests == []


def test_registrations_side_by_side() -> None:
    with world() as (server, palette):
        wanted = [desired(server.url, name=f"r{number}") for number in range(4)]
        changes = [planned(each, look_at(palette, each)) for each in wanted]
        threads = [
            threading.Thread(target=palette.register, args=(change, each, palette.secrets(each)))
            for change, each in zip(changes, wanted, strict=True)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(each.name for each in server.registrations) == ["r0", "r1", "r2", "r3"]
