"""What manifests and folders become in Palette: registrations, and what each must list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from regsync.manifest.variables import Variables
from regsync.model.palette import DesiredRegistration, Listing
from regsync.model.reference import Address
from regsync.model.state import DesiredRegistry
from regsync.run.desired import as_source
from tests.support.charts import chart_yaml, make_chart, tgz
from tests.support.world import Packs, RegionalWorld, World

PACKS = {("nginx", "1.10"): "a: 1\n", ("nginx", "1.9"): "", ("redis", "7.2.1"): "# none\n"}
PALETTE = {"ref": "hub", "auth": {"method": "none"}}


def add_palette(world: World) -> None:
    """Write a Palette beside the manifest of `platform`."""
    document = {
        "apiVersion": "regsync/v1",
        "kind": "Palette",
        "metadata": {"name": "hub"},
        "spec": {"host": "https://palette.example.com", "apiKey": {"env": "KEY"}},
    }
    (world.root / "platform/palette.yaml").write_text(json.dumps(document))


def composed(
    world: World, palette: Mapping[str, object] = PALETTE, packs: Packs = PACKS, **spec: object
) -> tuple[DesiredRegistry, ...]:
    """The live registries of `platform`, registered so."""
    world.declare(packs, palette=palette, **spec)  # type: ignore[arg-type]
    add_palette(world)
    with world.workspace() as workspace:
        found = workspace.check(["platform/registry.yaml", "platform/palette.yaml"], Variables({}))
    assert found.diagnostics == ()
    return found.desired.registries


def listed(registration: DesiredRegistration) -> list[str]:
    return [str(each) for each in registration.listings]


def test_a_registration_lists_the_packs_of_its_path(tmp_path: Path) -> None:
    (registry,) = composed(World(tmp_path))
    (registration,) = registry.registrations
    assert registration.address == Address("platform", "@palette/platform")
    assert (registration.owner, registration.registry) == ("platform", registry.spec)
    at = "team/spectro-packs/archive"
    assert registration.listings == (
        Listing("nginx", "1.10", Address("platform", f"{at}/nginx", "1.10"), valued=True),
        Listing("nginx", "1.9", Address("platform", f"{at}/nginx", "1.9"), valued=False),
        Listing("redis", "7.2.1", Address("platform", f"{at}/redis", "7.2.1"), valued=True),
    )


def test_each_base_content_path_lists_its_own(tmp_path: Path) -> None:
    content = [
        {"packs": "packs/redis-*", "path": "a"},
        {"packs": "packs/nginx-1.9", "path": "b"},
        {"packs": "packs/nginx-1.10", "path": "b/c"},
    ]
    (registry,) = composed(World(tmp_path), baseContentPaths=["b", "a", "b/c", "z"], content=content)
    assert {str(each.address): listed(each) for each in registry.registrations} == {
        "platform/@palette/platform": ["nginx:1.9"],
        "platform/@palette/platform-a": ["redis:7.2.1"],
        "platform/@palette/platform-b-c": ["nginx:1.10"],
        "platform/@palette/platform-z": [],
    }
    assert list(registry.registrations) == sorted(registry.registrations, key=lambda each: each.address)


def test_only_the_default_region_has_registrations(tmp_path: Path) -> None:
    palette = {**PALETTE, "absent": ["old"]}
    registries = composed(RegionalWorld(tmp_path), palette, defaultRegion="eu-west-1")
    having = {each.spec.name: (each.registrations, each.unregistered) for each in registries}
    registrations, unregistered = having.pop("platform@eu-west-1")
    assert set(having.values()) == {((), ())}
    (registration,) = registrations
    assert registration.address == Address("platform", "@palette/platform")
    assert registration.registry.region == "eu-west-1"
    assert {each.address.registry for each in registration.listings} == {"platform@eu-west-1"}
    assert [str(each.address) for each in unregistered] == ["platform/@palette/old"]


def test_what_must_not_be_registered_is_sorted_and_has_an_owner(tmp_path: Path) -> None:
    (registry,) = composed(World(tmp_path), {**PALETTE, "absent": ["z", "a b"]})
    assert [(str(each.address), each.owner) for each in registry.unregistered] == [
        ("platform/@palette/a b", "platform"),
        ("platform/@palette/z", "platform"),
    ]


@pytest.fixture
def charts(tmp_path: Path) -> World:
    """A world with charts beside its manifest: one with values, one without, and one that Helm would not see through."""
    world = World(tmp_path)
    folder = tmp_path / "charts"
    make_chart(folder, "web", "1.0.0+build.7")
    make_chart(folder, "bare", "0.1.0", files={"values.yaml": ""})
    make_chart(folder, "none", "0.2.0", files={"values.yaml": None})
    twice = tgz(
        {"Chart.yaml": chart_yaml("odd", "3.0.0"), "values.yaml": "a: 1\n", "./values.yaml": "a: 2\n"}, "odd"
    )
    (folder / "odd-3.0.0.tgz").write_bytes(twice)
    return world


HELM: dict[str, Any] = {
    "provider": "helm",
    "baseContentPaths": ["charts", "charts/staging"],
    "content": [{"charts": "../charts/*"}, {"charts": "../charts/web", "path": "charts/staging"}],
}


def test_charts_are_listed_by_version_and_by_what_is_left_of_their_path(charts: World) -> None:
    (registry,) = composed(charts, packs={}, **HELM)
    first, second = registry.registrations
    assert [(str(each), each.valued) for each in first.listings] == [
        ("bare:0.1.0", False),
        ("none:0.2.0", False),
        ("odd:3.0.0", None),
        ("staging/web:1.0.0+build.7", True),
        ("web:1.0.0+build.7", True),
    ]
    assert first.listings[-1].address.tag == "1.0.0_build.7"
    assert (str(second.address), listed(second)) == (
        "platform/@palette/platform-charts-staging",
        ["web:1.0.0+build.7"],
    )


def test_what_is_not_synchronized_lists_nothing(charts: World) -> None:
    (registry,) = composed(charts, packs={}, synchronization=False, **HELM)
    assert [listed(each) for each in registry.registrations] == [[], []]
    assert not any(each.synchronizes for each in registry.registrations)


def test_a_source_of_copies_is_not_looked_up_in_palette(tmp_path: Path) -> None:
    (registry,) = composed(World(tmp_path), {**PALETTE, "absent": ["old"]})
    source = as_source(registry)
    assert (source.registrations, source.unregistered) == ((), ())
