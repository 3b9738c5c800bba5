"""What a run reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.model.plan import PlanRequest, Selection
from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings
from tests.support.world import World


@pytest.mark.parametrize(
    ("selection", "reached"),
    [
        (Selection(), ["data", "platform"]),
        (Selection(targets=("platform/*",)), ["platform"]),
        (Selection(targets=("*/nginx:*",)), ["data", "platform"]),
        (Selection(targets=("plat*",)), ["data", "platform"]),
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
