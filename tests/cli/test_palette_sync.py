"""Syncs as the program brings them about, in a Palette that really lists the registry: awaited, forced, failed, late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.palette import SERVER_ERROR, PaletteServer
from tests.support.palette_lister import RealLister
from tests.support.palette_packs import Pack
from tests.support.palette_sync import HANGS, Ending
from tests.support.palette_team import PaletteTeam, enter, last_line, listed, registered, syncs, writes
from tests.support.servers import DistributionServer

FILE = "plan.json"
LONG_AGO = "2026-01-02T03:04:05.678Z"
CREATE = "/v1/registries/oci/basic"


class Overlooking(RealLister):
    """Palette, when it does not take some of what a registry holds."""

    overlooked: frozenset[str] = frozenset()

    def packs(self, kind: str, spec: dict[str, Any]) -> list[Pack]:
        return [each for each in super().packs(kind, spec) if each.name not in self.overlooked]


@pytest.fixture
def lister() -> Overlooking:
    return Overlooking()


@pytest.fixture
def palette(lister: Overlooking) -> Iterator[PaletteServer]:
    with PaletteServer(lister) as server:
        yield server


@pytest.fixture
def unregistered(
    palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PaletteTeam]:
    """A team that has published nothing yet."""
    with DistributionServer(tmp_path / "server", login=True, tls=True) as server:
        team = PaletteTeam(tmp_path / "team", server, palette)
        enter(monkeypatch, team.environment)
        yield team


@pytest.fixture
def team(unregistered: PaletteTeam) -> PaletteTeam:
    """A team that has published nginx."""
    return unregistered.published()


def test_what_was_overwritten_is_listed_anew_by_force(team: PaletteTeam) -> None:
    team.pack(values="moved: true\n")
    team.declare(policy={"overwrite": "allow"})
    ran = team.apply()
    assert ran.status == 0
    assert syncs(team.palette) == ["true"]
    assert [each.values for each in team.live.packs.values()] == ["moved: true\n"]
    assert team.is_settled()


@pytest.mark.parametrize("obstacle", ["sync", "registration"])
def test_what_was_overwritten_is_listed_anew_though_the_first_try_failed(
    obstacle: str, team: PaletteTeam
) -> None:
    team.pack(values="moved: true\n")
    team.declare(policy={"overwrite": "allow"})
    if obstacle == "sync":
        team.palette.syncs.next.append(Ending("out of order"))
    else:
        team.palette.edit("team", "spec.auth.username", "somebody")
        team.palette.fail("PUT", "*", SERVER_ERROR)
    assert team.apply().status == 1
    assert team.apply().status == 0
    assert [each.values for each in team.live.packs.values()] == ["moved: true\n"]
    assert team.is_settled()


def test_what_is_deleted_is_synchronized_too(team: PaletteTeam) -> None:
    team.pack("redis")
    assert team.apply().status == 0
    team.declare({"packs": "../packs/nginx-*"}, {"absent": "redis:1.25.0"})
    assert team.apply().status == 0
    assert listed(team.palette) == {"nginx:1.25.0"}
    assert team.is_settled()


def test_one_that_runs_is_awaited_and_another_one_follows(team: PaletteTeam) -> None:
    team.palette.syncs.looks = 1
    team.palette.syncs.start(team.live)  # passes by what is pushed only now
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 0
    assert syncs(team.palette) == ["false"]
    assert listed(team.palette) == {"nginx:1.25.0", "redis:1.25.0"}


def test_one_that_has_hung_for_an_hour_is_replaced_by_force(team: PaletteTeam) -> None:
    team.palette.syncs.next.append(HANGS)
    team.palette.syncs.start(team.live)
    team.palette.edit("team", "status.syncStatus.lastRunTime", LONG_AGO)
    team.pack("redis")
    assert team.apply().status == 0
    assert syncs(team.palette) == ["true"]
    assert listed(team.palette) == {"nginx:1.25.0", "redis:1.25.0"}
    assert team.is_settled()


def test_one_that_has_hung_for_an_hour_is_planned_anew(team: PaletteTeam) -> None:
    team.palette.syncs.next.append(HANGS)
    team.palette.syncs.start(team.live)
    assert team.is_settled()
    team.palette.edit("team", "status.syncStatus.lastRunTime", LONG_AGO)
    plan = team.plan("--detailed-exitcode")
    assert plan.status == 2
    assert f"the last sync has been running since {LONG_AGO}" in last_line(plan, team.sync)
    assert team.apply().status == 0
    assert syncs(team.palette) == ["true"]
    assert team.is_settled()


def test_one_that_fails_is_told_in_palettes_words_and_planned_again(team: PaletteTeam) -> None:
    team.palette.syncs.next.append(Ending("manifest unknown in platform/odd"))
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 1
    assert last_line(ran, team.sync).startswith("x ")
    assert "could not synchronize team: manifest unknown in platform/odd" in last_line(ran, team.sync)

    again = team.plan("--detailed-exitcode")
    assert again.status == 2
    assert "the last sync failed: manifest unknown in platform/odd" in last_line(again, team.sync)
    assert team.apply().status == 0
    assert listed(team.palette) == {"nginx:1.25.0", "redis:1.25.0"}
    assert team.is_settled()


def test_what_is_not_listed_in_time_is_named_and_planned_again(
    team: PaletteTeam, lister: Overlooking
) -> None:
    team.declare(palette=registered(sync={"timeout": "1s"}))
    lister.overlooked = frozenset({"redis", "kafka"})
    for name in ("redis", "kafka", "vault"):
        team.pack(name)
    ran = team.apply()
    assert ran.status == 1
    assert "Palette does not list kafka:1.25.0, redis:1.25.0" in last_line(ran, team.sync)
    assert "vault" not in last_line(ran, team.sync)

    again = team.plan("--detailed-exitcode")
    assert again.status == 2
    assert "Palette does not list kafka:1.25.0, redis:1.25.0" in last_line(again, team.sync)
    lister.overlooked = frozenset()
    assert team.apply().status == 0
    assert team.is_settled()


def test_a_sync_that_does_not_end_is_given_up_at_the_time_out(team: PaletteTeam) -> None:
    team.declare(palette=registered(sync={"timeout": "1s"}))
    team.palette.syncs.looks = None
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 1
    assert "the synchronization has not ended (Palette says InProgress)" in last_line(ran, team.sync)
    assert "raise palette.sync.timeout" in ran.out


def test_who_does_not_wait_starts_it_and_goes_on(team: PaletteTeam) -> None:
    team.declare(palette=registered(sync={"wait": False}))
    team.palette.syncs.looks = None
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 0
    assert f"{team.sync}: started" in ran.err
    team.palette.syncs.finish(team.live)
    assert team.is_settled()


def test_a_saved_plan_is_carried_out_and_resumed_after_it_was_cut_short(unregistered: PaletteTeam) -> None:
    team = unregistered
    team.pack()
    assert team.plan("--out", FILE).status == 0
    team.palette.fail("POST", CREATE, SERVER_ERROR)
    short = team.run("apply", FILE)
    assert short.status == 1
    assert f"x {team.registration}" in short.out
    assert f"held back, since {team.registration} was not written" in last_line(short, team.sync)
    assert syncs(team.palette) == []

    resumed = team.run("apply", FILE)
    assert resumed.status == 0
    assert f"= {team.address('nginx')} " in resumed.out
    assert listed(team.palette) == {"nginx:1.25.0"}
    assert team.is_settled()
    done = team.run("apply", FILE)
    assert done.status == 0
    team.palette.requests.clear()
    assert team.run("apply", FILE).status == 0
    assert writes(team.palette) == []


def test_a_saved_plan_whose_sync_failed_is_resumed(unregistered: PaletteTeam) -> None:
    team = unregistered
    team.pack()
    assert team.plan("--out", FILE).status == 0
    team.palette.syncs.next.append(Ending("try again"))
    assert team.run("apply", FILE).status == 1
    resumed = team.run("apply", FILE)
    assert resumed.status == 0, resumed.out
    assert listed(team.palette) == {"nginx:1.25.0"}
    assert team.is_settled()


def test_what_came_between_plan_and_apply_is_not_written_over(unregistered: PaletteTeam) -> None:
    team = unregistered
    team.pack()
    assert team.plan("--out", FILE).status == 0
    team.palette.add("basic", "team", endpoint="https://other.example.com", auth={"type": "noAuth"})
    refused = team.run("apply", FILE)
    assert refused.status == 4
    assert f"! {team.registration} " in refused.out
    assert team.live.spec["endpoint"] == "https://other.example.com"
    assert syncs(team.palette) == []
