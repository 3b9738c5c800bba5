from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from regsync.model.errors import RegistryError
from regsync.model.palette import DesiredRegistration, Listing
from regsync.palette.base import Synchronization
from regsync.palette.tenant import Tenant
from tests.palette.rig import BASIC, Ticking, desired, listing, register, world
from tests.support.palette import GATEWAY_TIMEOUT, PaletteServer
from tests.support.palette_lister import FixedLister
from tests.support.palette_packs import Pack
from tests.support.palette_sync import HANGS, Ending
from tests.support.proxy import Respond

NGINX = listing("nginx", "1.0.0")
LONG_AGO = "2020-01-01T00:00:00.000Z"


def wanted(server: PaletteServer, *listings: Listing, **fields: Any) -> DesiredRegistration:
    return desired(server.url, listings=listings, **{"timeout": 5, **fields})


def synchronize(
    palette: Tenant,
    registration: DesiredRegistration,
    confirm: Sequence[Listing] | None = None,
    *,
    force: bool = False,
    told: Callable[[str], None] = lambda text: None,
    stop: threading.Event | None = None,
) -> str | None:
    confirmed = registration.listings if confirm is None else confirm
    sync = Synchronization(tuple(confirmed), force)
    return palette.synchronize(registration, sync, told, stop or threading.Event())


def forced(server: PaletteServer) -> list[str]:
    return [each.query["forceSync"] for each in server.asked("POST", "*/sync")]


def test_a_sync_is_started_awaited_and_confirmed() -> None:
    with world() as (server, palette):
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"), Pack("cni", "2.0.0", "b: 2"))
        registration = wanted(server, NGINX, listing("cni", "2.0.0"))
        register(palette, registration)
        told: list[str] = []
        assert synchronize(palette, registration, told=told.append) == "synchronized, 2 listed"
        assert forced(server) == ["false"]
        assert "the synchronization has not ended (Palette says InProgress)" in told
        assert told[-2:] == ["confirming 1 of 2", "confirming 2 of 2"]
        assert synchronize(palette, registration, []) == "synchronized"


def test_a_sync_is_done_only_when_palette_has_synchronized_anew() -> None:
    with world() as (server, palette):
        server.api.lister = FixedLister()
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.synchronize("harbor-packs")
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        server.syncs.looks = 3
        assert synchronize(palette, registration) == "synchronized, 1 listed"
        assert len(server.asked("GET", "*/sync/status")) >= 4


@pytest.mark.parametrize("accepts", [False, True])
def test_one_that_runs_is_awaited_and_then_another_is_started(accepts: bool) -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.syncs.accepts_when_busy = accepts
        live = server.named("harbor-packs")
        server.syncs.start(live)
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        told: list[str] = []
        assert synchronize(palette, registration, told=told.append) == "synchronized, 1 listed"
        assert told[0] == "another synchronization has not ended"
        assert forced(server) == ["false"]


def test_one_that_begins_just_before_ours_is_awaited() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        server.before("POST", "*/sync", lambda: server.syncs.start(server.named("harbor-packs")))
        told: list[str] = []
        assert synchronize(palette, registration, told=told.append) == "synchronized, 1 listed"
        assert "409 SyncInProgress" in told[0]
        assert len(forced(server)) == 2


def test_one_that_has_hung_for_an_hour_is_replaced_by_force() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.syncs.next.append(HANGS)
        server.syncs.start(server.named("harbor-packs"))
        server.edit("harbor-packs", "status.syncStatus.lastRunTime", LONG_AGO)
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        assert synchronize(palette, registration) == "synchronized, 1 listed"
        assert forced(server) == ["true"]


def test_one_that_hangs_for_less_is_waited_for_until_the_time_out() -> None:
    with world() as (server, palette):
        registration = wanted(server, timeout=1)
        register(palette, registration)
        server.syncs.next.append(HANGS)
        server.syncs.start(server.named("harbor-packs"))
        with pytest.raises(RegistryError, match="after 1 s, another synchronization has not ended") as error:
            synchronize(palette, registration)
        assert "palette.sync.timeout" in (error.value.hint or "")
        assert forced(server) == []


def test_what_was_overwritten_is_synchronized_by_force() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        synchronize(palette, registration, force=True)
        assert forced(server) == ["true"]


def test_a_sync_that_fails_is_told_in_palettes_words() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.syncs.next.append(Ending("unauthorized: access to the requested resource"))
        with pytest.raises(RegistryError, match="could not synchronize harbor-packs: unauthorized: access"):
            synchronize(palette, registration)


def test_an_earlier_failure_is_not_taken_for_this_ones() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.syncs.next.append(Ending("no route to host"))
        server.synchronize("harbor-packs")
        stale = Respond(
            200,
            {"Content-Type": "application/json"},
            b'{"isSyncSupported": true, "status": "Failed", "message": "no route to host"}',
        )
        server.fail("GET", "*/sync/status", stale, times=3)
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        assert synchronize(palette, registration) == "synchronized, 1 listed"


def test_what_is_not_listed_in_time_is_named() -> None:
    many = tuple(listing(f"pack-{number}", "1.0.0") for number in range(8))
    with world() as (server, palette):
        server.api.lister = FixedLister(Pack("nginx", "1.0.1", "a: 1"), Pack("cni", "1.0.0"))
        registration = wanted(server, NGINX, listing("cni", "1.0.0"), *many, timeout=2)
        register(palette, registration)
        with pytest.raises(RegistryError) as error:
            synchronize(palette, registration)
        assert "does not list nginx:1.0.0, pack-0:1.0.0" in error.value.message
        assert "and 4 more; it shows no values of cni:1.0.0" in error.value.message


def test_what_comes_late_is_awaited() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX)
        register(palette, registration)
        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            if "does not list nginx" in text:
                live = server.named("harbor-packs")
                live.packs["nginx", "1.0.0"] = Pack("nginx", "1.0.0", "a: 1")

        assert synchronize(palette, registration, told=tell) == "synchronized, 1 listed"
        assert "Palette does not list nginx:1.0.0" in told


@pytest.mark.parametrize("valued", [False, None])
def test_values_are_looked_for_only_where_there_must_be_some(valued: bool | None) -> None:
    with world() as (server, palette):
        server.api.lister = FixedLister(Pack("os", "22.4.0"))
        registration = wanted(server, listing("os", "22.4.0", valued=valued))
        register(palette, registration)
        assert synchronize(palette, registration) == "synchronized, 1 listed"


def test_values_may_come_with_the_version_alone() -> None:
    old, new = Pack("nginx", "1.0.0", "a: 1"), Pack("nginx", "1.1.0", "a: 2")
    told = (
        b'{"name": "nginx", "tags": [{"tag": "1.0.0", "version": "1.0.0", "packUid": "%s"}], "packValues": null}'
        % old.uid.encode()
    )
    with world() as (server, palette):
        server.api.lister = FixedLister(old, new)
        registration = wanted(server, NGINX)
        register(palette, registration)
        server.fail("GET", "/v1/packs/nginx/registries/*", Respond(200, {}, told))
        assert synchronize(palette, registration) == "synchronized, 1 listed"
        assert len(server.asked("GET", f"/v1/packs/{old.uid}")) == 1


def test_who_does_not_wait_only_starts_it() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX, wait=False)
        register(palette, registration)
        assert synchronize(palette, registration) == "started"
        server.syncs.accepts_when_busy = True
        assert synchronize(palette, registration) == "started, while another one is running"
        assert forced(server) == ["false", "false"]


def test_trouble_on_the_way_is_waited_out() -> None:
    with world() as (server, palette):
        server.api.lister = FixedLister(Pack("nginx", "1.0.0", "a: 1"))
        registration = wanted(server, NGINX, timeout=600)
        register(palette, registration)
        server.before("POST", "*/sync", lambda: server.fail("GET", "*/sync/status", GATEWAY_TIMEOUT, times=7))
        told: list[str] = []
        assert synchronize(palette, registration, told=told.append) == "synchronized, 1 listed"
        assert any("504 with a page of HTML (5 attempts)" in each for each in told)


def test_trouble_that_stays_ends_with_the_time_out() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX, timeout=60)
        register(palette, registration)
        server.fail("GET", "*/sync/status", GATEWAY_TIMEOUT, times=10_000)
        with pytest.raises(RegistryError, match=r"after \d+ s, GET .*504"):
            synchronize(palette, registration)


def test_a_run_that_is_stopped_stops_waiting() -> None:
    with world() as (server, palette):
        registration = wanted(server, NGINX, timeout=3600)
        register(palette, registration)
        server.syncs.looks = None
        stop = threading.Event()
        assert synchronize(palette, registration, told=lambda text: stop.set(), stop=stop) is None
        before = len(server.requests)
        assert synchronize(palette, registration, stop=stop) is None
        assert len(server.requests) == before


def test_a_run_that_is_stopped_stops_confirming() -> None:
    with world() as (server, palette):
        packs = [Pack(f"pack-{number}", "1.0.0", "a: 1") for number in range(30)]
        server.api.lister = FixedLister(*packs)
        registration = wanted(server, *(listing(each.name, "1.0.0") for each in packs))
        register(palette, registration)
        stop = threading.Event()

        def tell(text: str) -> None:
            if text == "confirming 3 of 30":
                stop.set()

        before = len(server.asked("GET", "/v1/packs/*"))
        assert synchronize(palette, registration, told=tell, stop=stop) is None
        assert len(server.asked("GET", "/v1/packs/*")) == before + 3


def test_what_is_not_there_cannot_be_synchronized() -> None:
    with world() as (server, palette):
        registration = wanted(server)
        with pytest.raises(RegistryError, match="does not have harbor-packs"):
            synchronize(palette, registration)
        register(palette, registration)
        server.before("POST", "*/sync", lambda: server.remove("harbor-packs"))
        with pytest.raises(RegistryError, match="harbor-packs is gone by now"):
            synchronize(palette, registration)


def test_what_does_not_synchronize_is_told_at_once() -> None:
    with world() as (server, palette):
        registration = wanted(server)
        register(palette, desired(server.url, {**BASIC, "provider": "helm", "synchronization": False}))
        with pytest.raises(RegistryError, match="its switch is off"):
            synchronize(palette, registration)


def test_a_registry_that_vanishes_from_the_list_is_not_confirmed() -> None:
    with world() as (server, palette):
        registration = wanted(server, timeout=1)
        register(palette, registration)
        empty = Respond(200, {"Content-Type": "application/json"}, b'{"items": []}')
        server.before(
            "POST", "*/sync", lambda: server.fail("GET", "/v1/registries/metadata", empty, times=10_000)
        )
        with pytest.raises(RegistryError, match="harbor-packs is not among its registries"):
            synchronize(palette, registration)


def test_three_hundred_confirmations_keep_to_the_pace_and_show_progress() -> None:
    packs = [Pack(f"pack-{number:03}", "1.0.0", "a: 1") for number in range(300)]
    clock = Ticking()
    with world(clock=clock) as (server, palette):
        server.limited = True
        server.api.lister = FixedLister(*packs)
        registration = wanted(server, *(listing(each.name, "1.0.0") for each in packs), timeout=600)
        server.limits.clock = lambda: clock.now
        register(palette, registration)
        told: list[str] = []
        assert synchronize(palette, registration, told=told.append) == "synchronized, 300 listed"
        assert [each for each in told if each.startswith("confirming")] == [
            f"confirming {number} of 300" for number in range(1, 301)
        ]
        assert {each.status for each in server.requests} & {429} == set()
