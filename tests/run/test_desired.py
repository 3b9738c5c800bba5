"""What manifests and folders become, region by region."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.manifest.variables import Variables
from regsync.model.state import DesiredRegistry
from regsync.run.desired import as_source
from regsync.run.workspace import Checked
from tests.support.world import RegionalWorld, World

ARCHIVE = "team/spectro-packs/archive"
PACKS = {("nginx", "1.0.0"): "a: 1\n", ("nginx", "1.10"): "a: 1\n", ("redis", "7.2.1"): "b: 1\n"}


def checked(world: World) -> Checked:
    with world.workspace() as workspace:
        return workspace.check(["platform/registry.yaml"], Variables({}))


def paths(desired: DesiredRegistry) -> list[str]:
    return [each.address.path.removeprefix(ARCHIVE) for each in desired.repositories]


def test_where_a_push_creates_none_each_pack_has_a_repository(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(PACKS, repositories={"create": False, "scanOnPush": True})
    first = checked(world).desired.registries[0]
    assert paths(first) == ["", "/nginx", "/redis"]
    assert [each.base for each in first.repositories] == [True, False, False]
    assert all(each.explicit and not each.create for each in first.repositories)
    assert all(each.settings == {"scanOnPush": True} for each in first.repositories)


def test_the_base_repository_can_be_left_out(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(PACKS, repositories={"base": False})
    assert paths(checked(world).desired.registries[0]) == ["/nginx", "/redis"]


def test_elsewhere_only_the_base_repository_is_wanted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(PACKS)
    (registry,) = checked(world).desired.registries
    assert paths(registry) == [""]
    assert not registry.repositories[0].explicit


def test_regions_keep_the_order_of_the_manifest(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(PACKS, regions=["us-east-1", "eu-west-1", "ap-south-1"], defaultRegion="eu-west-1")
    assert [each.spec.name for each in checked(world).desired.registries] == [
        "platform@us-east-1",
        "platform@eu-west-1",
        "platform@ap-south-1",
    ]


def test_what_is_wrong_in_every_region_is_said_once_and_without_a_region(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(PACKS, absent=("redis:7.2.1",))
    (found,) = checked(world).diagnostics
    assert (found.code, found.summary) == (
        "RS302",
        f"`platform/{ARCHIVE}/redis:7.2.1` is both wanted and declared absent",
    )


@pytest.mark.parametrize(
    ("kind", "name", "summary"),
    [
        ("ecr", "a" * 230, "is no repository name: it has 257 characters, and may have 255"),
        (
            "ecr-public",
            "a" * 180,
            "is no repository name of Amazon ECR Public: it has 207 characters, and may have 205",
        ),
        ("ecr-public", "nginx--core", "is no repository name of Amazon ECR Public: it holds `--` or `__`"),
        ("ecr", "nginx--core", None),
        ("basic", "a" * 180, None),
    ],
)
def test_a_repository_name_that_its_registry_refuses_is_found_beforehand(
    kind: str, name: str, summary: str | None, tmp_path: Path
) -> None:
    endpoints = {
        "ecr": "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "ecr-public": "public.ecr.aws/a1b2c3d4",
        "basic": "https://registry.example.com",
    }
    world = World(tmp_path)
    world.declare({(name, "1.0.0"): "a: 1\n"}, type=kind, endpoint=endpoints[kind])
    found = checked(world).diagnostics
    if summary is None:
        assert found == ()
        return
    assert [(each.code, each.summary) for each in found] == [("RS303", f"`{ARCHIVE}/{name}` {summary}")]
    assert found[0].origin is not None


def test_a_source_is_asked_for_nothing_but_its_artifacts(tmp_path: Path) -> None:
    world = RegionalWorld(tmp_path)
    world.declare(PACKS, absent=("old:1.0.0",), policy={"prune": "managed"})
    whole = checked(world).desired.registries[0]
    source = as_source(whole)
    assert source.artifacts == whole.artifacts
    assert (source.absences, source.repositories) == ((), ())
    assert source.spec.policy.prune == "off"
