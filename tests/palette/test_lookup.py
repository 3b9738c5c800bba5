from __future__ import annotations

from typing import Any

import pytest

from regsync.model.palette import LiveSync
from regsync.model.state import LivePalette, UnreadableScope
from regsync.palette.lookup import hangs
from tests.palette.rig import (
    BASIC,
    ECR,
    HARBOR,
    KEYS,
    STS,
    desired,
    listing,
    look,
    look_at,
    register,
    tenant,
    unwanted,
    world,
)
from tests.support.palette_lister import FixedLister
from tests.support.palette_packs import Pack
from tests.support.proxy import Respond


def reason(found: LivePalette) -> str:
    [one] = found.unreadable
    assert one.scope is UnreadableScope.TAG
    assert one.path.startswith("@palette/")
    return one.reason


def test_what_is_not_there_is_absent() -> None:
    with world() as (server, palette):
        found = look_at(palette, desired(server.url))
        assert (found.live, found.taken_by, found.twins, found.external_id) == (None, None, (), None)
        assert [str(each) for each in server.requests] == [
            "GET /v1/registries/metadata",
            "GET /v1/registries/oci/summary",
        ]


def test_what_is_there_is_read_with_its_type() -> None:
    with world() as (server, palette):
        server.add("ecr", "charts", endpoint=ECR, isPrivate=True, providerType="helm", baseContentPath="c")
        live = look_at(palette, desired(server.url, name="charts")).live
        assert live is not None
        assert live.uid == server.named("charts").uid
        assert live.settings["type"] == "ecr"
        assert live.settings["provider"] == "helm"
        assert live.owner is None
        assert live.sync is not None
        assert live.sync.last_synced is None


def test_names_that_others_have_are_told() -> None:
    with world() as (server, palette):
        helm = desired(server.url, name="Bitnami")
        pack = desired(server.url, name="Public Repo")
        default = desired(server.url, name="Palette Registry")
        found = look(palette, helm, pack, default).lookups
        assert found[helm.address].taken_by == "a Helm registry"
        assert found[pack.address].taken_by == "a pack registry"
        live = found[default.address].live
        assert live is not None
        assert live.is_default


def test_two_registries_of_one_name_leave_open_which_is_meant() -> None:
    with world() as (server, palette):
        server.add("basic", "twice", endpoint=HARBOR, auth={"type": "noAuth"})
        server.duplicate("twice")
        other = desired(server.url)
        found = look(palette, desired(server.url, name="twice"), other)
        assert "2 OCI registries called twice" in reason(found)
        assert other.address in found.lookups


@pytest.mark.parametrize(
    ("type_", "endpoint", "spec"),
    [
        ("basic", "https://Harbor.example.com/", {}),
        ("basic", "harbor.example.com", {}),
        ("basic", "https://harbor.example.com/v2/", {"baseContentPath": "/team/"}),
        ("ecr", ECR.replace("{{", "{{ ").replace("}}", " }}"), {"baseContentPath": "custom"}),
        ("ecr", f"https://{ECR}", {"baseContentPath": "custom"}),
    ],
)
def test_the_same_place_under_another_name_is_a_twin(type_: str, endpoint: str, spec: dict[str, Any]) -> None:
    settings = BASIC if type_ == "basic" else {**STS, "externalId": "x"}
    told: dict[str, Any] = {"providerType": "pack", "baseContentPath": "team", **spec, "endpoint": endpoint}
    told |= {"auth": {"type": "noAuth"}} if type_ == "basic" else {"isPrivate": True}
    with world() as (server, palette):
        server.add(type_, "by-hand", **told)
        assert look_at(palette, desired(server.url, settings)).twins == ("by-hand",)


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": "http://harbor.example.com"},
        {"endpoint": "https://harbor.example.com:8443"},
        {"providerType": "helm"},
        {"baseContentPath": "other"},
        {"basePath": "/artifactory/api/docker/x"},
    ],
)
def test_another_place_is_no_twin(spec: dict[str, Any]) -> None:
    told = {"endpoint": HARBOR, "providerType": "pack", "baseContentPath": "team", **spec}
    with world() as (server, palette):
        server.add("basic", "by-hand", **told, auth={"type": "noAuth"})
        assert look_at(palette, desired(server.url)).twins == ()


def test_a_registration_of_another_place_is_found_together_with_the_twins_of_the_wanted_one() -> None:
    told: dict[str, Any] = {"endpoint": HARBOR, "providerType": "pack", "auth": {"type": "noAuth"}}
    with world() as (server, palette):
        server.add("basic", "harbor-packs", **told, baseContentPath="other")
        server.add("basic", "by-hand", **told, baseContentPath="team")
        found = look_at(palette, desired(server.url))
        assert found.live is not None
        assert (found.live.settings["baseContentPath"], found.twins) == ("other", ("by-hand",))


@pytest.mark.parametrize(
    ("began", "hung"), [("2020-01-01T00:00:00.000Z", True), ("2999-01-01T00:00:00.000Z", False)]
)
def test_a_sync_that_has_been_running_for_an_hour_is_hung(began: str, hung: bool) -> None:
    with world() as (server, palette):
        server.add("basic", "harbor-packs", endpoint=HARBOR, auth={"type": "noAuth"})
        server.edit("harbor-packs", "status.syncStatus.status", "InProgress")
        server.edit("harbor-packs", "status.syncStatus.lastRunTime", began)
        live = look_at(palette, desired(server.url)).live
        assert live is not None
        assert live.sync is not None
        assert live.sync.hung is hung


@pytest.mark.parametrize("began", [None, "yesterday", "2020-01-01T00:00:00"])
def test_without_a_time_that_can_be_told_no_sync_is_hung(began: str | None) -> None:
    assert not hangs(LiveSync("InProgress", last_run=began))


def test_the_external_id_is_asked_for_once_and_only_where_it_is_needed() -> None:
    with world() as (server, palette):
        first, second = desired(server.url, STS, name="a"), desired(server.url, STS, name="b")
        own = desired(server.url, {**STS, "externalId": "mine"}, name="c")
        gov = desired(server.url, {**STS, "partition": "aws-us-gov"}, name="d")
        found = look(palette, first, second, own, gov, desired(server.url)).lookups
        assert found[first.address].external_id == found[second.address].external_id == server.api.external_id
        assert found[own.address].external_id is None
        asked = [each.query["partition"] for each in server.asked("GET", "/v1/clouds/*")]
        assert asked == ["aws", "aws-us-gov"]


def test_a_partition_of_which_palette_tells_nothing_needs_a_written_external_id() -> None:
    with world() as (server, palette):
        found = look(palette, desired(server.url, {**STS, "partition": "aws-iso"}))
        assert "partition aws-iso" in reason(found)
        assert "externalId" in (found.unreadable[0].hint or "")


def test_what_palette_lists_is_told_by_one_search_and_by_names_where_that_does_not_do() -> None:
    packs = [Pack("nginx", "1.0.0"), Pack("nginx", "1.1.0"), Pack("cni", "2.0.0"), Pack("old", "1.0.0")]
    wanted = (
        listing("cni", "2.0.0"),
        listing("gone", "1.0.0"),
        listing("nginx", "1.0.0"),
        listing("nginx", "1.1.0"),
        listing("old", "9.9.9"),
    )
    with world() as (server, palette):
        server.api.lister = FixedLister(*packs)
        asked = desired(server.url, listings=wanted)
        register(palette, asked)
        server.synchronize("harbor-packs")
        live = look_at(palette, asked).live
        assert live is not None
        assert live.listed == {"cni:2.0.0", "nginx:1.0.0", "nginx:1.1.0"}
        names = [each.path.split("/")[3] for each in server.asked("GET", "/v1/packs/*")]
        assert "cni" not in names[-3:]
        assert sorted(names[-3:]) == ["gone", "nginx", "old"]


def test_charts_are_found_by_path_and_by_version_or_tag() -> None:
    charts = [Pack("stable/app", "1.0.0+1", tag="1.0.0_1"), Pack("edge", "2.0.0_1")]
    wanted = (listing("stable/app", "1.0.0+1"), listing("edge", "2.0.0+1"))
    with world() as (server, palette):
        server.api.lister = FixedLister(*charts)
        asked = desired(server.url, {**BASIC, "provider": "helm"}, listings=wanted)
        register(palette, asked)
        server.synchronize("harbor-packs")
        live = look_at(palette, asked).live
        assert live is not None
        assert live.listed == {"stable/app:1.0.0+1", "edge:2.0.0+1"}


def test_a_row_that_is_lost_between_two_pages_is_asked_for_by_its_name() -> None:
    packs = [Pack(f"pack-{number:03}", "1.0.0") for number in range(120)]
    with world() as (server, palette):
        server.api.lister, server.api.loses_rows = FixedLister(*packs), True
        asked = desired(server.url, listings=tuple(listing(each.name, "1.0.0") for each in packs))
        register(palette, asked)
        server.synchronize("harbor-packs")
        before = len(server.requests)
        live = look_at(palette, asked).live
        assert live is not None
        assert len(live.listed) == 120
        asked_for = [str(each) for each in server.requests[before:]]
        assert asked_for.count("POST /v1/packs/search") == 3
        assert sum(each.startswith("GET /v1/packs/") for each in asked_for) == 2


def test_unwanted_names_are_looked_up_too() -> None:
    with world() as (server, palette):
        server.add("basic", "old", endpoint=HARBOR, auth={"type": "noAuth"})
        there, gone = unwanted(server.url, "old"), unwanted(server.url, "gone")
        found = palette.observe([], [there, gone])
        live = found.lookups[there.address].live
        assert live is not None
        assert live.uid == server.named("old").uid
        assert found.lookups[gone.address].live is None


def test_what_the_lists_disagree_about_is_not_absent() -> None:
    with world() as (server, palette):
        server.add("basic", "harbor-packs", endpoint=HARBOR, auth={"type": "noAuth"})
        empty = Respond(200, {"Content-Type": "application/json"}, b'{"items": null}')
        server.fail("GET", "/v1/registries/oci/summary", empty)
        assert "does not tell of it" in reason(look(palette, desired(server.url)))
        server.before("GET", "/v1/registries/oci/*/basic", lambda: server.remove("harbor-packs"))
        assert "lists registry harbor-packs and has none" in reason(look(palette, desired(server.url)))


def test_a_spec_that_is_null_is_not_compared() -> None:
    with world() as (server, palette):
        server.add("basic", "harbor-packs", endpoint=HARBOR, auth={"type": "noAuth"})
        server.edit("harbor-packs", "spec.auth", None)
        assert look_at(palette, desired(server.url)).live is not None
        body = b'{"metadata": null, "spec": null, "status": null}'
        server.fail("GET", "/v1/registries/oci/*/basic", Respond(200, {}, body))
        assert "nothing of registry" in reason(look(palette, desired(server.url)))


def test_a_failure_of_one_registration_hides_no_other() -> None:
    with world() as (server, palette):
        for name in ("one", "two"):
            server.add("basic", name, endpoint=HARBOR, auth={"type": "noAuth"})
        uid = server.named("one").uid
        server.fail("GET", f"/v1/registries/oci/{uid}/basic", Respond(500, {}, b"{}"))
        one, two = desired(server.url, name="one"), desired(server.url, name="two")
        found = look(palette, one, two)
        assert [each.address for each in found.unreadable] == [str(one.address)]
        assert list(found.lookups) == [two.address]


def test_a_plan_writes_nothing_and_asks_twice_for_two_registrations_that_are_not_there() -> None:
    with world(writes=False) as (server, palette):
        look(palette, desired(server.url), desired(server.url, KEYS, name="b"))
        assert palette.requests == len(server.requests) == 2


def test_a_palette_that_is_not_there_is_asked_once() -> None:
    with tenant("http://palette.invalid", "key") as palette:
        found = look(palette, desired("x"), desired("x", name="b"))
        assert [each.path for each in found.unreadable] == ["@palette/harbor-packs", "@palette/b"]
        assert palette.requests == 0
