"""One fixture per kind of registry; each must pass the whole contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.model.registry import RegistrySpec, RegistryType
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings, open_registry
from regsync.registries.memory import MemoryStore
from tests.registries.vendor import Vendor, a_spec, over
from tests.support.servers import DistributionServer


@pytest.fixture(params=["memory", "layout", "distribution"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each kind of registry in turn."""
    found: Vendor = request.getfixturevalue(f"{request.param}_vendor")
    return found


@pytest.fixture
def memory_vendor(tmp_path: Path, unique_path: str) -> Vendor:
    return over(MemoryStore(), IndexCache(tmp_path / "cache"), unique_path)


@pytest.fixture
def layout_vendor(tmp_path: Path, unique_path: str) -> Vendor:
    spec = a_spec(RegistryType.LAYOUT, str(tmp_path / "layouts"))
    surroundings = Surroundings({}, 4, IndexCache(tmp_path / "cache"))
    return Vendor(lambda: as_store_registry(spec, surroundings), unique_path)


@pytest.fixture
def distribution_vendor(
    tmp_path: Path, unique_path: str, distribution: DistributionServer
) -> Iterator[Vendor]:
    spec = a_spec(RegistryType.BASIC, distribution.url)
    surroundings = Surroundings({}, 4, IndexCache(tmp_path / "cache"))
    opened: list[StoreRegistry] = []

    def open_another() -> StoreRegistry:
        opened.append(as_store_registry(spec, surroundings))
        return opened[-1]

    yield Vendor(open_another, unique_path)
    for each in opened:
        each.close()


def as_store_registry(spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
    registry = open_registry(spec, surroundings)
    assert isinstance(registry, StoreRegistry)
    return registry
