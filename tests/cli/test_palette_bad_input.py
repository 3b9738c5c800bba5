"""Palette, and registries that it is to read, at their worst: each failure is told for what it is, and isolates itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.harbor import HarborServer
from tests.support.loopback import Handler, LoopbackServer
from tests.support.palette import (
    GARBAGE,
    GATEWAY_TIMEOUT,
    LOGIN_PAGE,
    PaletteServer,
)
from tests.support.palette_lister import UNREACHABLE, RealLister
from tests.support.palette_sync import NotListed
from tests.support.palette_team import (
    KEY,
    PULL,
    PaletteTeam,
    add_palette,
    enter,
    last_line,
    listed,
    registered,
    syncs,
    writes,
)
from tests.support.proxy import Respond
from tests.support.servers import DistributionServer
from tests.support.team import Team

PACK = {"nginx:1.25.0"}
NOWHERE = "http://127.0.0.1:1"


class Elsewhere(RealLister):
    """Palette in a network from which there is no way to the registry."""

    def greet(self, kind: str, spec: dict[str, Any]) -> None:
        raise NotListed(UNREACHABLE, "no route to host")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DistributionServer]:
    with DistributionServer(tmp_path / "server", login=True, tls=True) as running:
        yield running


@pytest.fixture
def team(
    server: DistributionServer, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PaletteTeam:
    """A team that is about to publish nginx."""
    team = PaletteTeam(tmp_path / "team", server, palette)
    enter(monkeypatch, team.environment)
    team.pack()
    return team


def pushed(server: DistributionServer) -> bool:
    return any(each.method == "PUT" and "/manifests/1.25.0" in each.path for each in server.requests())


@pytest.mark.parametrize("key", ["wrong", "of a project"])
def test_a_key_that_may_not_makes_palette_unreadable_and_content_is_applied(
    key: str, team: PaletteTeam, server: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, team.palette.project_key if key == "of a project" else "not-the-key")
    planned = team.plan()
    assert planned.status == 1
    assert last_line(planned, team.registration).startswith("? ")
    why = "must be one of a tenant admin" if key == "of a project" else "was refused: it may have expired"
    assert f"the API key env:{KEY} {why}" in planned.out
    assert "registries/palette.yaml:1:" in planned.out

    ran = team.apply()
    assert ran.status == 1
    assert pushed(server)
    assert last_line(ran, team.registration).startswith("? ")
    assert writes(team.palette) == []


def test_a_palette_out_of_reach_leaves_content_to_be_applied(
    team: PaletteTeam, server: DistributionServer
) -> None:
    add_palette(team, team.palette, host=NOWHERE)
    ran = team.apply()
    assert ran.status == 1
    assert "help: is the server up, and is the port right?" in ran.out
    assert pushed(server)
    assert last_line(ran, team.registration).startswith("? ")
    assert "refused" in ran.out
    add_palette(team, team.palette)
    assert team.apply().status == 0
    assert listed(team.palette) == PACK
    assert team.is_settled()


@pytest.mark.parametrize(
    ("fault", "told"),
    [(LOGIN_PAGE, "not Palette's API"), (GARBAGE, "not Palette's API"), (GATEWAY_TIMEOUT, "504")],
    ids=["html", "garbage", "504"],
)
def test_answers_that_are_not_palettes_are_not_taken_for_an_empty_one(
    fault: Respond, told: str, team: PaletteTeam, server: DistributionServer
) -> None:
    team.published()
    team.palette.fail("GET", "*/summary", fault, times=100)
    ran = team.apply()
    assert ran.status == 1
    assert told in ran.out
    assert last_line(ran, team.registration).startswith("? ")
    assert writes(team.palette) == []


def test_what_passes_is_tried_again(team: PaletteTeam) -> None:
    for method, path in (
        ("GET", "*/summary"),
        ("POST", "*/validate"),
        ("GET", "*/sync/status"),
        ("GET", "/v1/packs/*"),
        ("POST", "*/sync"),
    ):
        team.palette.fail(method, path, GATEWAY_TIMEOUT, times=2)
    team.palette.fail("POST", "/v1/registries/oci/basic", GATEWAY_TIMEOUT, done=True)
    assert team.apply().status == 0
    assert len(team.palette.registrations) == 1
    assert listed(team.palette) == PACK
    assert team.is_settled()


def test_a_name_that_a_registry_of_another_kind_has_is_blocked(team: PaletteTeam) -> None:
    team.declare(palette=registered(name="Bitnami"))
    ran = team.apply()
    assert ran.status == 4
    assert "a Helm registry has this name in Palette" in ran.out
    assert (
        "choose another name for platform in palette.names below palette at registries/team.yaml" in ran.out
    )
    assert team.palette.registrations == []


def test_a_name_of_palettes_own_is_blocked(team: PaletteTeam) -> None:
    team.declare(palette=registered(name="Palette Registry"))
    ran = team.apply()
    assert ran.status == 4
    assert "Palette comes with a registry of this name, which nobody can change" in ran.out
    assert writes(team.palette) == []


def test_a_registration_of_another_type_under_the_name_is_not_replaced_unasked(team: PaletteTeam) -> None:
    endpoint = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    there = team.palette.add("ecr", "team", endpoint=endpoint, isPrivate=True, providerType="pack")
    adopt = ("--adopt", team.registration)
    ran = team.apply(*adopt)
    assert ran.status == 4
    assert "policy.replacePalette: never" in ran.out
    team.declare(policy={"replacePalette": "allow"})
    unmarked = team.apply()
    assert unmarked.status == 4
    assert f"Palette has a registry of this name for {endpoint}, which nobody marked as ours" in unmarked.out
    assert team.live is there
    assert team.apply(*adopt).status == 0
    assert (team.live.kind, len(team.palette.registrations)) == ("basic", 1)
    assert team.is_settled()


def test_two_registrations_of_one_name_are_left_alone(team: PaletteTeam, server: DistributionServer) -> None:
    team.published()
    team.palette.duplicate("team")
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 1
    assert "Palette has 2 OCI registries called team" in ran.out
    assert writes(team.palette) == []


def test_the_same_place_under_another_name_blocks_a_second_registration(
    team: PaletteTeam, server: DistributionServer
) -> None:
    team.palette.add(
        "basic",
        "by-hand",
        endpoint=f"{server.url}/",
        baseContentPath="/platform",
        providerType="pack",
        isSyncSupported=True,
        auth={"type": "noAuth"},
    )
    ran = team.apply()
    assert ran.status == 4
    assert "the same endpoint and base content path already, as by-hand" in ran.out
    assert [each.name for each in team.palette.registrations] == ["by-hand"]


def test_a_registration_that_goes_between_plan_and_apply_is_told_so(team: PaletteTeam) -> None:
    team.published()
    team.palette.edit("team", "spec.auth.username", "somebody")
    team.palette.before("POST", "*/validate", lambda: team.palette.remove("team"))
    ran = team.apply()
    assert ran.status == 4
    assert f"{team.registration} is gone since the plan was made" in ran.out
    assert team.apply().status == 0
    assert team.is_settled()


def test_a_registration_that_somebody_else_makes_meanwhile_is_not_doubled(team: PaletteTeam) -> None:
    def make() -> None:
        team.palette.add("basic", "team", endpoint="https://theirs.example.com", auth={"type": "noAuth"})

    team.palette.before("POST", "/v1/registries/oci/basic", make)
    ran = team.apply()
    assert ran.status == 4
    assert "A registry with the name team already exists" in ran.out
    assert len(team.palette.registrations) == 1


def test_a_secret_that_is_not_there_stops_all_before_the_first_write(
    team: PaletteTeam, server: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PULL)
    assert team.plan().status == 0  # which needs none
    ran = team.apply()
    assert ran.status == 1
    assert "nothing was written: registries/team.yaml:" in ran.err
    assert f"the environment variable {PULL} is not set" in ran.err
    assert not any(each.method not in ("GET", "HEAD") for each in server.requests())
    assert writes(team.palette) == []


def test_what_is_missing_for_several_registrations_is_told_once(
    team: PaletteTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PULL)
    team.declare(baseContentPaths=["platform", "edge", "lab"])
    ran = team.apply()
    assert ran.status == 1
    assert ran.err.count(f"the environment variable {PULL} is not set") == 1


def test_a_refusal_of_the_validation_leaves_no_registration(
    team: PaletteTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Palette cannot read what we can: it is somewhere else in the network."""
    team.palette.api.lister = Elsewhere()
    ran = team.apply()
    assert ran.status == 1
    assert "InvalidRegistryCredentials" in ran.out
    assert "see that it reaches the registry itself (DNS, firewall, certificate)" in ran.out
    assert team.palette.registrations == []
    assert syncs(team.palette) == []
    team.palette.api.lister = RealLister()
    assert team.apply().status == 0
    assert team.is_settled()


class NoRegistry(LoopbackServer):
    """A program that answers everything with a page."""

    def handle(self, request: Handler) -> None:
        request.answer(200, [("Content-Type", "text/html")], b"<html>Sign in</html>")


def is_told_before_palette_is_asked(team: Team, palette: PaletteServer, *told: str) -> None:
    ran = team.apply()
    assert ran.status == 1
    failed = last_line(ran, "team/@palette/team")
    assert failed.startswith("x ")
    for each in ("tried as Palette will", *told):
        assert each in failed
    assert palette.asked("POST", "*/validate") == []
    assert writes(palette) == []


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("https://registry.invalid", "no host has the name registry.invalid"),
        ("https://127.0.0.1:1", "connection refused"),
        ("page", "it does not answer as a registry"),
    ],
    ids=["no such host", "refused", "no registry"],
)
def test_a_registry_that_is_not_there_is_told_for_what_it_is(
    endpoint: str, told: str, team: PaletteTeam
) -> None:
    with NoRegistry() as page:
        at = page.url if endpoint == "page" else endpoint
        other = Team(team.root, at, "platform", palette=registered())
        is_told_before_palette_is_asked(other, team.palette, told)


def test_an_authority_that_palette_is_not_to_trust_is_told(team: PaletteTeam, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    team.declare(palette=registered(tls={"caFile": str(tmp_path / "other.pem")}))
    is_told_before_palette_is_asked(team, team.palette, "it cannot be reached", "certificate")
    assert "help: Palette trusts the authority in spec.palette.tls.caFile" in team.apply().out
    assert "see registries/team.yaml:11:" in team.apply().out


def test_a_password_that_palette_is_not_to_have_is_told(
    team: PaletteTeam, server: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PULL, "wrong")
    is_told_before_palette_is_asked(team, team.palette, "the login is refused")
    hint = "help: check user name and secret in spec.palette.auth (registries/team.yaml:11:"
    assert hint in team.apply().out
    team.declare(palette=registered({"method": "none"}))
    assert "help: the registry wants a login: name it in spec.palette.auth (" in team.apply().out
    assert pushed(server)


def test_a_login_that_may_read_nothing_is_told(
    harbor: HarborServer, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, robot = harbor.state.admin, harbor.state.add_account("robot$blind", {"team": frozenset()})
    login, blind = (
        {"method": "basic", "username": each.name, "password": {"env": name}}
        for each, name in ((admin, "HARBOR_PASSWORD"), (robot, PULL))
    )
    team = Team(tmp_path / "team", harbor.url, "team", type="harbor", auth=login, palette=registered(blind))
    secrets = {"HARBOR_PASSWORD": admin.secret, PULL: robot.secret}
    enter(monkeypatch, {**add_palette(team, palette), **secrets})
    team.pack()
    is_told_before_palette_is_asked(team, palette, "the login may not read it")
