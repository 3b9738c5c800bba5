"""Every example does what it says, as a user would copy it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regsync.model.outcome import Status
from regsync.model.plan import PlanRequest
from tests.support.cli import regsync
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
PALETTE = "palette.yaml"  # has no registry of its own, and is read with each of the others
EXAMPLES = sorted({each.name for each in (ROOT / "examples/registries").glob("*.yaml")} - {PALETTE})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a directory with a copy of the examples."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_the_examples_have_no_finding(checkout: Path) -> None:
    ran = regsync("-C", checkout, "validate", "--strict", "examples/registries")
    assert (ran.status, ran.out.splitlines()[0][:6]) == (0, "Valid.")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_planned_and_applied_and_then_empty(name: str, checkout: Path) -> None:
    world = World(checkout)  # in memory, whatever registry and Palette the example names
    request = PlanRequest((f"examples/registries/{name}", f"examples/registries/{PALETTE}"))
    with world.workspace() as workspace:
        approved, _ = workspace.plan(request)
    assert approved.has_changes
    assert not approved.errored
    assert {each.status for each in world.apply_saved(approved).results} == {Status.APPLIED}
    with world.workspace() as workspace:
        assert not workspace.plan(request)[0].has_changes
