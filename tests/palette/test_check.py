from __future__ import annotations

from typing import Any

from regsync.model.registry import Auth, AuthMethod, SecretRef
from regsync.palette.base import Finding
from tests.palette.rig import AT, BASIC, HARBOR, KEYS, PUBLIC, ROLE, STS, desired, register, tenant, world
from tests.palette.test_register import Refuses
from tests.support.palette import LOGIN_PAGE, PaletteServer
from tests.support.proxy import Respond


def lines(findings: list[Finding]) -> list[tuple[str, bool | None]]:
    return [(each.what, each.ok) for each in findings]


def test_a_check_tries_the_key_the_names_and_every_registration_and_stores_nothing() -> None:
    with world(writes=False) as (server, palette):
        found = palette.check([desired(server.url), desired(server.url, KEYS, name="ecr")])
        assert lines(found) == [
            ("API key", True),
            ("rights of a tenant admin", True),
            ("name harbor-packs", True),
            ("registration harbor-packs", True),
            ("name ecr", True),
            ("registration ecr", True),
        ]
        assert [str(each) for each in server.requests if each.method != "GET"] == [
            "POST /v1/registries/oci/basic/validate",
            "POST /v1/registries/oci/ecr/validate",
        ]
        assert server.registrations == []


def test_the_account_of_roles_and_the_external_id_are_told_once() -> None:
    with world(writes=False) as (server, palette):
        found = palette.check([desired(server.url, STS, name="a"), desired(server.url, STS, name="b")])
        [told] = [each for each in found if each.what == "roles in partition aws"]
        assert told.ok is None
        assert server.api.account in told.found
        assert server.api.external_id in told.found
        assert '"Action": "sts:AssumeRole"' in (told.hint or "")
        sent = server.asked("POST", "*/validate")[0].body
        assert sent["credentials"]["sts"] == {"arn": ROLE, "externalId": server.api.external_id}


def test_a_wrong_key_and_one_of_a_project_are_told_apart() -> None:
    with PaletteServer() as server:
        with tenant(server.url, "wrong") as palette:
            assert lines(palette.check([desired(server.url)])) == [("API key", False)]
        with tenant(server.url, server.project_key) as palette:
            assert lines(palette.check([desired(server.url)])) == [
                ("API key", True),
                ("rights of a tenant admin", False),
            ]
        server.fail("GET", "*", LOGIN_PAGE)
        with tenant(server.url, server.api_key) as palette:
            [told] = palette.check([])
            assert (told.what, told.ok) == ("API", False)
            assert "not Palette's API" in told.found


def test_taken_names_are_told() -> None:
    def name_of(found: list[Finding]) -> Finding:
        return next(each for each in found if each.what.startswith("name "))

    with world() as (server, palette):
        found = name_of(palette.check([desired(server.url, name="Bitnami")]))
        assert (found.ok, found.found) == (False, "a Helm registry has it")
        found = name_of(palette.check([desired(server.url, name="Palette Registry")]))
        assert (found.ok, found.found) == (False, "is one that Palette comes with")
        register(palette, desired(server.url, owner="others"))
        found = name_of(palette.check([desired(server.url)]))
        assert (found.ok, found.found) == (False, "is registered, and belongs to others")
        found = name_of(palette.check([desired(server.url, owner="others")]))
        assert found.ok
        server.add("basic", "by-hand", endpoint=HARBOR, auth={"type": "noAuth"})
        found = name_of(palette.check([desired(server.url, name="by-hand")]))
        assert (found.ok, found.found) == (True, "is registered without a mark")
        server.duplicate("by-hand")
        found = name_of(palette.check([desired(server.url, name="by-hand")]))
        assert found.ok is False


def test_a_registry_that_palette_cannot_read_is_told_with_what_it_may_need() -> None:
    with world(writes=False) as (server, palette):
        server.api.lister = Refuses()
        found = palette.check([desired(server.url), desired(server.url, STS, name="ecr")])
        basic, role = (each for each in found if each.what.startswith("registration "))
        assert (basic.ok, role.ok) == (False, False)
        assert basic.found.count("own try") == 1
        assert "InvalidRegistryCredentials" in basic.found
        assert "before 4.10" in (basic.hint or "")
        assert f"the role {ROLE} may not trust Palette" in (role.hint or "")
        assert server.api.external_id in (role.hint or "")


def test_a_try_says_whose_secrets_it_was_made_with() -> None:
    with world(writes=False) as (server, palette):
        found = palette.check([desired(server.url), desired(server.url, PUBLIC, name="public")])
        by_password, open_to_all = (each for each in found if each.what.startswith("registration "))
        assert "with the secrets of this environment, not those that it has stored" in by_password.found
        assert "secrets" not in open_to_all.found


def test_a_secret_that_is_not_there_hides_nothing_else() -> None:
    login = Auth(AuthMethod.BASIC, "robot", SecretRef("env", "NOWHERE", AT))
    with world(writes=False) as (server, palette):
        found = palette.check([desired(server.url, auth=login), desired(server.url, name="b")])
        tries = [each for each in found if each.what.startswith("registration ")]
        assert [each.ok for each in tries] == [False, True]
        assert "NOWHERE is not set" in tries[0].found


def test_an_external_id_that_cannot_be_had_is_told() -> None:
    refusal: Any = Respond(403, {}, b'{"code": "Forbidden", "message": "no"}')
    with world(writes=False) as (server, palette):
        server.fail("GET", "/v1/clouds/*", refusal, times=9)
        found = palette.check([desired(server.url, STS)])
        assert [each.ok for each in found if each.what.startswith("roles")] == [False]
        assert found[-1].ok is False


def test_a_registration_of_another_type_is_tried_as_it_is_wanted() -> None:
    with world(writes=False) as (server, palette):
        server.add("ecr", "harbor-packs", endpoint="x", isPrivate=False)
        assert palette.check([desired(server.url, BASIC)])[-1].ok
        assert len(server.asked("POST", "*/basic/validate")) == 1
