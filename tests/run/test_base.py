"""Causes against a merge base where registries have more than artifacts: projects with settings, and regions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.model.plan import Action, Plan
from regsync.model.reference import Address
from regsync.run.revisions.base import Since
from tests.support.checkout import IDENTITY, git
from tests.support.world import Packs, RegionalWorld, World, a_request


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)


def merge(world: World) -> None:
    """Commit what the manifests say to main, and apply it."""
    git(world.root, "init", "-q", "-b", "main")
    git(world.root, "add", "-A")
    git(world.root, "commit", "-qm", "Merge")
    world.apply()


def causes(world: World) -> dict[str, str]:
    with world.workspace() as workspace:
        return told(workspace.plan(a_request("platform"), Since("main"))[0])


def told(plan: Plan) -> dict[str, str]:
    return {
        str(each.address): f"{each.action} {each.cause}"
        for each in plan.changes
        if each.action is not Action.NO_OP
    }


def test_settings_of_a_project(tmp_path: Path) -> None:
    world = World(tmp_path)
    packs = {("nginx", "1.0"): "a: 1"}
    project = Address("platform", "@project/team")
    world.declare(packs, type="harbor", project={"public": False, "storageLimit": "1Gi"})
    merge(world)
    assert causes(world) == {}

    world.projects[project]["public"] = True
    assert causes(world) == {"platform/@project/team": "update drift"}
    world.declare(packs, type="harbor", project={"public": False, "storageLimit": "2Gi"})
    assert causes(world) == {"platform/@project/team": "update both"}
    world.projects[project]["public"] = False
    assert causes(world) == {"platform/@project/team": "update manifest"}


def test_a_project_that_a_new_path_needs(tmp_path: Path) -> None:
    world = World(tmp_path)
    packs = {("nginx", "1.0"): "a: 1"}
    world.declare(packs, type="harbor")
    merge(world)
    world.declare(packs, type="harbor", baseContentPaths=["team", "edge"])
    assert causes(world) == {
        "platform/@project/edge": "create manifest",
        "platform/edge/spectro-packs/archive": "create manifest",
    }


REMOTE = {"ref": "palette", "auth": {"method": "none"}}


def declare_in_palette(world: World, packs: Packs, **palette: object) -> None:
    """Packs that Palette is to list, by a registration of its own."""
    world.declare(packs, policy={"prune": "managed"}, palette={**REMOTE, **palette})
    host = {"host": "https://palette.example.com", "apiKey": {"env": "PALETTE_API_KEY"}}
    document = {"apiVersion": "regsync/v1", "kind": "Palette", "metadata": {"name": "palette"}, "spec": host}
    manifest = world.root / "platform/registry.yaml"
    manifest.write_text(f"{manifest.read_text()}\n---\n{json.dumps(document)}\n")
    git(world.root, "init", "-q", "-b", "main")
    git(world.root, "add", "-A")


def test_registrations_and_syncs(tmp_path: Path) -> None:
    world = World(tmp_path)
    nginx, redis = {("nginx", "1.0"): "a: 1"}, {("redis", "7.2"): "b: 1"}
    declare_in_palette(world, {**nginx, **redis})
    merge(world)
    assert causes(world) == {}

    declare_in_palette(world, nginx)
    assert causes(world) == {
        "platform/team/spectro-packs/archive/redis:7.2": "delete manifest",
        "platform/@palette/platform/sync": "update manifest",
    }
    declare_in_palette(world, {**nginx, **redis})
    registered = world.registered["https://palette.example.com"]
    live = registered["platform"]
    registered["platform"] = replace(live, listed=frozenset({"nginx:1.0"}))
    assert causes(world) == {"platform/@palette/platform/sync": "update drift"}
    registered["platform"] = replace(
        live, settings={**live.settings, "endpoint": "https://moved.example.com"}
    )
    assert causes(world)["platform/@palette/platform"] == "update drift"
    registered["platform"] = live
    declare_in_palette(world, {**nginx, **redis}, name="other")
    assert causes(world)["platform/@palette/other"] == "create manifest"


@pytest.mark.parametrize("replicated", [False, True])
def test_each_region_has_causes_of_its_own(tmp_path: Path, *, replicated: bool) -> None:
    world = RegionalWorld(tmp_path, replicated=replicated)
    packs = {("nginx", "1.0"): "a: 1"}
    world.declare(packs)
    merge(world)
    assert causes(world) == {}

    path = "team/spectro-packs/archive"
    region = world.regions["eu-west-1"]
    region.read_only = False
    region.delete_tag(f"{path}/nginx", "1.0", region.head_manifest(f"{path}/nginx", "1.0"))
    world.declare({**packs, ("redis", "7.2"): "b: 1"})
    git(world.root, "add", "-A")
    found = {address: cause for address, cause in causes(world).items() if ":" in address}
    new = {f"platform@{each}/{path}/redis:7.2": "create manifest" for each in world.regions}
    assert found == {**new, f"platform@eu-west-1/{path}/nginx:1.0": "create drift"}


def test_a_selection_leaves_causes_as_they_are(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({("nginx", "1.0"): "a: 1"})
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Nothing is applied yet")
    world.declare({("nginx", "1.0"): "a: 1", ("redis", "7.2"): "b: 1"})
    git(tmp_path, "add", "-A")
    with world.workspace() as workspace:
        plan, _ = workspace.plan(a_request("platform", "*eu-west-1/*redis:*"), Since("main"))
    path = "platform@eu-west-1/team/spectro-packs/archive"
    assert told(plan) == {f"{path}/redis": "create manifest", f"{path}/redis:7.2": "create manifest"}
