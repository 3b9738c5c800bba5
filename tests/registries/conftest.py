"""One fixture per kind of registry; each must pass the whole contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.model.registry import RegistrySpec, RegistryType
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings, open_registry
from regsync.registries.memory import MemoryStore
from tests.registries import azure
from tests.registries.elastic import opened, spec_of, surroundings
from tests.registries.harbor import opened as opened_harbor
from tests.registries.vendor import Vendor, a_spec, over
from tests.support.acr import AcrFront
from tests.support.aws import Aws
from tests.support.harbor import HarborServer
from tests.support.servers import DistributionServer


@pytest.fixture(params=["memory", "layout", "distribution", "acr", "ecr", "harbor"])
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
    around = Surroundings({}, 4, IndexCache(tmp_path / "cache"))
    return Vendor(lambda: as_store_registry(spec, around), unique_path)


@pytest.fixture
def distribution_vendor(
    tmp_path: Path, unique_path: str, distribution: DistributionServer
) -> Iterator[Vendor]:
    spec = a_spec(RegistryType.BASIC, distribution.url)
    around = Surroundings({}, 4, IndexCache(tmp_path / "cache"))
    opened: list[StoreRegistry] = []

    def open_another() -> StoreRegistry:
        opened.append(as_store_registry(spec, around))
        return opened[-1]

    yield Vendor(open_another, unique_path)
    for each in opened:
        each.close()


@pytest.fixture
def acr_vendor(tmp_path: Path, unique_path: str, acr: AcrFront) -> Iterator[Vendor]:
    """Azure Container Registry, logged in to with a token of its own."""
    with ExitStack() as opening:

        def open_another() -> StoreRegistry:
            return opening.enter_context(azure.opened(azure.spec_of(acr), azure.surroundings(tmp_path)))

        yield Vendor(open_another, unique_path)


@pytest.fixture
def ecr_vendor(tmp_path: Path, unique_path: str, aws: Aws) -> Iterator[Vendor]:
    """Amazon ECR, where a repository is created before anything is pushed."""
    client = aws.client()
    with ExitStack() as opening:

        def open_another() -> StoreRegistry:
            return opening.enter_context(opened(spec_of(aws), surroundings(tmp_path)))

        def prepare(repository: str) -> None:
            with suppress(client.exceptions.RepositoryAlreadyExistsException):
                client.create_repository(repositoryName=repository)

        vendor = Vendor(open_another, unique_path, prepare)
        prepare(vendor.repository)
        yield vendor


@pytest.fixture
def harbor_vendor(tmp_path: Path, unique_path: str, harbor: HarborServer) -> Iterator[Vendor]:
    """Harbor, where a project is created before anything is pushed into it."""
    harbor.state.add_project(unique_path)
    with ExitStack() as opening:

        def open_another() -> StoreRegistry:
            return opening.enter_context(opened_harbor(harbor, tmp_path))

        yield Vendor(open_another, unique_path)


def as_store_registry(spec: RegistrySpec, around: Surroundings) -> StoreRegistry:
    registry = open_registry(spec, around)
    assert isinstance(registry, StoreRegistry)
    return registry
