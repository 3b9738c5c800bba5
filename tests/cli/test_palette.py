"""Packs and charts on their way into Palette: published in a real registry, registered, really listed, and confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import pytest
import trustme

from tests.support.charts import make_chart
from tests.support.palette import RATE, SERVER_ERROR, PaletteServer
from tests.support.palette_lister import RealLister
from tests.support.palette_prism import PrismServer
from tests.support.palette_team import (
    HELM,
    HUB,
    KEY,
    SEARCH,
    PaletteTeam,
    add_palette,
    enter,
    listed,
    registered,
    syncs,
    writes,
)
from tests.support.servers import PASSWORD, USER, DistributionServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DistributionServer]:
    """A registry of our own: Palette walks through all that one holds."""
    with DistributionServer(tmp_path / "server", login=True, tls=True) as running:
        yield running


@pytest.fixture
def team(
    server: DistributionServer, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PaletteTeam:
    team = PaletteTeam(tmp_path / "team", server, palette)
    enter(monkeypatch, team.environment)
    return team


@pytest.fixture
def charts(team: PaletteTeam) -> PaletteTeam:
    """The team with two charts in the stead of packs."""
    make_chart(team.root / "charts", "web", "1.0.0+build.7")
    make_chart(team.root / "charts", "bare", "0.1.0", files={"values.yaml": ""})
    team.declare({"charts": "../charts/*"}, **HELM)
    return team


def test_packs_are_published_registered_listed_and_confirmed(
    team: PaletteTeam, server: DistributionServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.pack("nginx")
    team.pack("redis", values="")
    planned = team.plan("--detailed-exitcode")
    assert planned.status == 2
    assert f"+ {team.registration} " in planned.out
    assert f"~ {team.sync} " in planned.out
    ran = team.apply()
    assert ran.status == 0
    assert "Apply complete! 4 added, 1 changed, 0 deleted." in ran.out
    assert f"{team.sync}: synchronized, 2 listed" in ran.err
    assert listed(team.palette) == {"nginx:1.25.0", "redis:1.25.0"}
    assert syncs(team.palette) == ["false"]
    assert team.palette.asked("POST", "/v1/registries/oci/basic")[0].query == {"skipPackSync": "true"}
    spec, auth = team.live.spec, team.live.spec["auth"]
    assert (spec["endpoint"], spec["baseContentPath"]) == (server.url, "platform")
    assert (auth["username"], auth["password"]) == (USER, PASSWORD)
    assert auth["tls"]["certificate"] in server.ca_file.read_text().replace("\r", "")
    assert team.is_settled()
    elsewhere = team.copied_to(tmp_path / "elsewhere", monkeypatch).run("plan", "--detailed-exitcode")
    assert (elsewhere.status, "No changes." in elsewhere.out) == (0, True)


def test_charts_are_listed_by_version_and_confirmed(
    charts: PaletteTeam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = charts.apply()
    assert ran.status == 0
    assert f"{charts.sync}: synchronized, 2 listed" in ran.err
    assert listed(charts.palette) == {"web:1.0.0+build.7", "bare:0.1.0"}
    assert charts.is_settled()
    elsewhere = charts.copied_to(tmp_path / "elsewhere", monkeypatch).run("plan", "--detailed-exitcode")
    assert (elsewhere.status, "No changes." in elsewhere.out) == (0, True)


def test_without_synchronization_palette_is_not_told_to_list_anything(charts: PaletteTeam) -> None:
    charts.declare({"charts": "../charts/*"}, **HELM, synchronization=False)
    ran = charts.apply()
    assert ran.status == 0
    assert "Apply complete! 3 added, 0 changed, 0 deleted." in ran.out
    assert charts.live.sync_status["isSyncSupported"] is False
    assert syncs(charts.palette) == []
    assert charts.is_settled()
    to_type = charts.run("endpoints").out.partition("exactly so: chart and version")[2]
    assert ["web", "1.0.0+build.7"] in [each.split() for each in to_type.splitlines()]


def test_each_base_content_path_is_a_registration_and_another_one_renames_none(team: PaletteTeam) -> None:
    team.pack("nginx")
    team.pack("redis")
    content = ({"packs": "../packs/nginx-*"}, {"packs": "../packs/redis-*", "path": "edge/eu"})
    team.declare(*content, baseContentPaths=["platform", "edge/eu"])
    assert team.apply().status == 0
    before = {each.name: each.uid for each in team.palette.registrations}
    assert before.keys() == {"team", "team-edge-eu"}
    assert listed(team.palette, "team") == {"nginx:1.25.0"}
    assert listed(team.palette, "team-edge-eu") == {"redis:1.25.0"}
    assert team.is_settled()

    team.pack("kafka")
    third = {"packs": "../packs/kafka-*", "path": "lab"}
    team.declare(*content, third, baseContentPaths=["platform", "lab", "edge/eu"])
    assert team.apply().status == 0
    after = {each.name: each.uid for each in team.palette.registrations}
    assert after == before | {"team-lab": after["team-lab"]}
    assert listed(team.palette, "team-lab") == {"kafka:1.25.0"}
    assert team.is_settled()


def test_a_registration_is_renamed_in_one_apply(team: PaletteTeam) -> None:
    team.published()
    team.declare(palette=registered(name="renamed"))
    alone = team.apply()
    assert alone.status == 4
    assert "has the same endpoint and base content path already, as team" in alone.out
    team.declare(palette=registered(name="renamed", absent=["team"]))
    assert team.apply().status == 0
    assert [each.name for each in team.palette.registrations] == ["renamed"]
    assert listed(team.palette, "renamed") == {"nginx:1.25.0"}
    assert team.is_settled()


def test_a_path_before_the_others_takes_no_name_away(team: PaletteTeam) -> None:
    team.published()
    content = {"packs": "../packs/*", "path": "platform"}
    team.declare(content, baseContentPaths=["edge", "platform"])
    blocked = team.apply()
    assert blocked.status == 4
    assert "team is registered for platform, which would be called team-platform now" in blocked.out
    assert "palette.names: {edge: team-edge, platform: team}" in blocked.out
    assert team.live.spec["baseContentPath"] == "platform"

    names = {"edge": "team-edge", "platform": "team"}
    team.declare(content, baseContentPaths=["edge", "platform"], palette=registered(names=names))
    assert team.apply().status == 0
    paths = {each.name: each.spec["baseContentPath"] for each in team.palette.registrations}
    assert paths == {"team": "platform", "team-edge": "edge"}
    assert listed(team.palette) == {"nginx:1.25.0"}
    assert team.is_settled()


def test_a_registration_that_could_not_be_renamed_stays(team: PaletteTeam) -> None:
    team.published()
    team.declare(palette=registered(name="renamed", absent=["team"]))
    team.palette.fail("POST", "/v1/registries/oci/basic", SERVER_ERROR)
    assert team.apply().status == 1
    assert [each.name for each in team.palette.registrations] == ["team"]
    assert team.apply().status == 0
    assert [each.name for each in team.palette.registrations] == ["renamed"]


def test_a_registry_is_taken_out_of_palette(team: PaletteTeam) -> None:
    team.published()
    team.declare(palette={"ref": HUB, "absent": ["team"]})
    guarded = team.apply("--max-deletes", "0")
    assert guarded.status == 4
    assert "deletes 1/0 REFUSED" in guarded.out
    assert team.apply().status == 0
    assert team.palette.registrations == []
    assert team.is_settled()


def test_what_others_have_registered_is_taken_over_or_left_alone(team: PaletteTeam) -> None:
    team.published()
    annotations = ["metadata", "annotations"]
    team.palette.edit("team", annotations, None)
    assert team.is_settled()  # equal: nothing is written to mark it
    team.palette.edit("team", "spec.auth.username", "somebody")
    unmarked = team.apply()
    assert "carries no mark; this makes team its owner" in unmarked.out
    assert team.is_settled()

    team.palette.edit("team", annotations, {"regsync.owner": "others"})
    assert team.is_settled()
    team.palette.edit("team", "spec.auth.username", "theirs")
    refused = team.apply()
    assert refused.status == 4
    assert f"--adopt {team.registration}" in refused.out
    assert team.live.spec["auth"]["username"] == "theirs"
    assert team.apply("--adopt", team.registration).status == 0
    assert team.live.document["metadata"]["annotations"]["regsync.owner"] == "team"
    assert team.is_settled()


def test_no_plan_writes_to_palette(team: PaletteTeam) -> None:
    team.published()
    team.pack("redis")
    for name in ("spec.auth.username", "spec.endpoint"):
        team.palette.edit("team", name, "https://other.example.com")
    team.declare(palette=registered(absent=["Bitnami", "gone"]), baseContentPaths=["platform", "more"])
    assert team.plan("--out", "plan.json").status in (0, 4)
    assert team.run("show", "plan.json").status == 0
    assert team.palette.asked("POST", SEARCH)
    assert {each.method for each in team.palette.requests} == {"GET", "POST"}
    assert writes(team.palette) == []


def test_a_plan_with_nothing_to_do_asks_palette_for_fifty_packs_at_once(team: PaletteTeam) -> None:
    for number in range(60):
        team.pack(f"p{number}")
    some = {"packs": "../packs/p1*", "path": "edge"}
    team.declare({"packs": "../packs/*"}, some, baseContentPaths=["platform", "edge"])
    assert team.apply().status == 0
    count = sum(len(each.packs) for each in team.palette.registrations)
    assert count == 60 + 11
    team.palette.requests.clear()
    assert team.is_settled()
    assert len(team.palette.requests) <= 3 + 2 + ceil(count / 50)


def test_an_apply_keeps_to_what_palette_lets_one_address_send(
    team: PaletteTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.palette.pace.PER_SECOND", RATE)
    team.palette.limited = True
    for number in range(9):
        team.pack(f"p{number}")
    assert team.apply().status == 0
    assert max(each.status or 0 for each in team.palette.requests) < 400


def test_a_palette_of_ones_own_with_a_private_authority(
    server: DistributionServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "palette-ca.pem")
    with PaletteServer(RealLister(), tls=authority) as palette:
        team = PaletteTeam(tmp_path / "team", server, palette)
        enter(monkeypatch, team.environment)
        team.pack()
        untrusted = team.plan()
        assert untrusted.status == 1
        assert "certificate" in untrusted.out
        add_palette(team, palette, tls={"caFile": "../../palette-ca.pem"})
        team.published()
        assert team.is_settled()


def test_registries_check_tries_palette_too_and_stores_nothing(
    team: PaletteTeam, server: DistributionServer
) -> None:
    team.pack()
    ran = team.run("registries", "check")
    assert ran.status == 0, ran.out
    assert f"{HUB}   {team.palette.url}" in ran.out
    assert f"API key   env:{KEY}" in ran.out
    assert "name team   is free" in ran.out
    assert f"registration team   {server.url}, tried as Palette will" in ran.out
    assert "registration team   Palette's own try: it can read" in ran.out
    assert team.palette.registrations == []
    stored = {each.path for each in team.palette.requests if each.method != "GET"}
    assert stored == {"/v1/registries/oci/basic/validate"}


def test_registries_check_fails_with_what_palette_refuses(
    team: PaletteTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.published()
    monkeypatch.setenv("PULL_PASSWORD", "wrong")
    ran = team.run("registries", "check")
    assert ran.status == 1
    assert "ok       name team   is registered, and belongs to team" in ran.out
    assert "failed   registration team   Palette's own try of" in ran.out
    [ours] = [each for each in ran.out.splitlines() if "tried as Palette will: the login is refused" in each]
    assert ours.startswith("failed   registration team   ")
    assert "help: check user name and secret in spec.palette.auth (registries/team.yaml:11:" in ran.out
    assert "InvalidRegistryCredentials" in ran.out
    monkeypatch.setenv(KEY, team.palette.project_key)
    ran = team.run("registries", "check")
    assert ran.status == 1
    assert "failed   rights of a tenant admin" in ran.out


def test_an_independent_judge_finds_nothing_wrong_with_what_the_program_sends(
    team: PaletteTeam, prism: PrismServer
) -> None:
    """What a team's life sends to Palette, once more and to Prism."""
    server = team.palette
    team.pack("nginx")
    team.pack("redis")
    assert team.run("registries", "check").status == 0
    assert team.apply().status == 0
    server.edit("team", "spec.auth.username", "somebody")
    assert team.apply().status == 0
    team.declare(palette=registered(name="other", absent=["team"]), baseContentPaths=["elsewhere"])
    assert team.apply().status == 0
    distinct = {json.dumps([each.method, each.path, dict(each.query)]): each for each in server.requests}
    operations = {each.method for each in distinct.values()}
    assert operations == {"GET", "POST", "PUT", "DELETE"}
    complaints = [(str(each), prism.judge(each)) for each in distinct.values()]
    assert [each for each in complaints if each[1]] == []
