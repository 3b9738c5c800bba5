"""What a run reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.model.errors import RegistryError
from regsync.model.plan import PlanRequest, Selection
from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings
from regsync.run.apply import Stop
from tests.support.world import RegionalWorld, World, a_request


@pytest.mark.parametrize(
    ("selection", "reached"),
    [
        (Selection(), ["data", "platform"]),
        (Selection(targets=("platform/*",)), ["platform"]),
        (Selection(targets=("*/nginx:*",)), ["data", "platform"]),
        (Selection(targets=("plat*",)), ["platform"]),
        (Selection(targets=("*",)), ["data", "platform"]),
        (Selection(targets=("platform",)), ["platform"]),
        (Selection(excludes=("data",)), ["platform"]),
        (Selection(excludes=("data/*",)), ["platform"]),
        (Selection(excludes=("data/team/*",)), ["data", "platform"]),
    ],
)
def test_a_registry_of_which_nothing_can_be_selected_is_not_asked(
    selection: Selection, reached: list[str], tmp_path: Path
) -> None:
    world = World(tmp_path)
    asked: list[str] = []

    class Noted(World):
        def _open(self, spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
            asked.append(spec.name)
            return StoreRegistry(spec, world.store, surroundings.indexes)

    world.declare({("nginx", "1.0.0"): ""})
    world.declare({("redis", "1.0.0"): ""}, owner="data")
    paths = ("platform/registry.yaml", "data/registry.yaml")
    data = tmp_path / "data/registry.yaml"
    data.write_text(data.read_text().replace("registry.example.com", "other.example.com"))
    with Noted(tmp_path).workspace() as workspace:
        workspace.plan(PlanRequest(paths, selection))
    assert sorted(asked) == reached


def test_regions_outside_the_selection_are_read_to_copy_from_and_named(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({("nginx", "1.0.0"): ""}, regions=["us-east-1"])
    world.apply()
    world.declare({("nginx", "1.0.0"): ""}, policy={"prune": "managed"})
    asked: dict[str, set[str]] = {name: set() for name in world.regions}
    for name, region in world.regions.items():
        region.fault = lambda operation, *_, name=name: asked[name].add(operation)
    plan = world.plan("platform", "platform@eu-west-1/*")
    assert asked["us-east-1"] == {"get_manifest"}
    assert "repositories" in asked["eu-west-1"]
    assert [each.name for each in plan.registries] == ["platform@eu-west-1"]
    assert [str(each.copy.address.registry) for each in plan.changes if each.copy] == ["platform@us-east-1"]
    assert plan.notes == (
        "outside the selection, looked at only to copy from: platform@ap-south-1, platform@us-east-1",
    )


def test_a_source_outside_the_selection_is_never_written_to(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({("nginx", "1.0.0"): ""})
    with world.workspace() as workspace:
        plan, desired = workspace.plan(a_request("platform", "platform@eu-west-1/*"))
        workspace.apply(plan, desired, stop=Stop())
        assert {name: each.read_only for name, each in world.regions.items()} == {
            "us-east-1": True,
            "ap-south-1": True,
            "eu-west-1": False,
        }


@pytest.mark.parametrize(
    ("selection", "idle"),
    [
        (Selection(), []),
        (Selection(targets=("platform", "nothing"), excludes=("*/redis:*",)), ["nothing"]),
        (Selection(excludes=("*/redis:*",)), []),
        (Selection(excludes=("*/old:*",)), []),
        (Selection(excludes=("platform",)), []),
        (Selection(excludes=("platform/*",)), []),
        (Selection(targets=("platform/*",), excludes=("platform",)), []),
        (
            Selection(excludes=("plat", "platform@eu-west-1/*", "*/nginx")),
            ["plat", "platform@eu-west-1/*", "*/nginx"],
        ),
        (Selection(targets=("*/redis:*",), excludes=("*/nginx:*",)), []),
    ],
)
def test_targets_and_excludes_that_match_nothing_are_told(
    selection: Selection, idle: list[str], tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.declare({(name, "1.0.0"): "" for name in ("nginx", "redis", "old")})
    world.apply()
    world.declare({(name, "1.0.0"): "" for name in ("nginx", "redis")}, policy={"prune": "managed"})
    request = PlanRequest(("platform/registry.yaml",), selection)
    with world.workspace() as workspace:
        workspace.plan(request)
        assert workspace.idle(request) == idle


def test_nobody_can_tell_what_an_exclude_matches_where_a_part_is_unreadable(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare({("nginx", "1.0.0"): ""}, policy={"prune": "managed"})

    def refuse(operation: str, *_: object) -> None:
        raise RegistryError("no answer")

    world.regions["eu-west-1"].fault = refuse
    request = PlanRequest(("platform/registry.yaml",), Selection(excludes=("*/old:*",)))
    with world.workspace() as workspace:
        workspace.plan(request)
        assert workspace.idle(request) == []
