"""Packs between regsync and programs that no one here wrote, through a real registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from regsync.content.archive import pack_archive
from regsync.content.cache import IndexCache
from regsync.content.pack import Pack, read_pack
from regsync.model.reference import Address
from regsync.registries.base import Payload, Registry, Surroundings, Wanted, open_registry
from tests.registries.stores import ENVIRONMENT, spec_of
from tests.registries.vendor import DATA, NAME, OWNER, TITLE, create, ignore, run
from tests.support.clients import (
    files_of,
    pull_with_oras,
    pull_with_regctl,
    pull_with_the_oras_sdk,
    unpacked,
)
from tests.support.hand import push_by_hand
from tests.support.packs import make_pack
from tests.support.servers import DistributionServer

AWKWARD: Mapping[str, str | bytes] = {
    "charts/nothing": b"",
    "charts/noise.bin": os.urandom(5 << 20),
    "ünïcode/☃ and spaces.txt": "✓\n",
    f"{'deep/' * 30}{'a-long-file-name' * 8}.yaml": "deep: true\n",
    ".hidden/.gitkeep": "",
}

Pull = Callable[[DistributionServer, str, Path], None]


@pytest.fixture
def registry(distribution_tls: DistributionServer, tmp_path: Path) -> Iterator[Registry]:
    opened = open_registry(
        spec_of(distribution_tls), Surroundings(ENVIRONMENT, 4, IndexCache(tmp_path / "cache"))
    )
    opened.allow_writes()
    yield opened
    opened.close()


def read(folder: Path) -> Pack:
    pack = read_pack(folder, folder.name).pack
    assert pack is not None
    return pack


def push(registry: Registry, pack: Pack, path: str) -> str:
    """Push a pack and return its reference."""
    address = Address(NAME, f"{path}/spectro-packs/archive/{pack.name}", pack.version)
    with pack_archive(pack.folder, pack.shown, pack.content, title=pack.title) as layer:
        registry.execute(create(address), Payload(layer, pack.title, pack.content.digest, OWNER), ignore)
    return f"{address.path}:{address.tag}"


@pytest.mark.parametrize("pull", [pull_with_regctl, pull_with_the_oras_sdk, pull_with_oras])
def test_a_pack_that_others_pull_is_the_folder(
    pull: Pull, distribution_tls: DistributionServer, registry: Registry, unique_path: str, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path, "hello", "1.0.0", chart=True, files=AWKWARD)
    (folder / "README.md").chmod(0o755)
    (folder / "linked.md").symlink_to("README.md")
    pack = read(folder)
    (tmp_path / "pulled").mkdir()
    pull(distribution_tls, push(registry, pack, unique_path), tmp_path / "pulled")
    [pulled] = (tmp_path / "pulled").iterdir()
    assert pulled.name == TITLE
    assert files_of(unpacked(pulled)) == files_of(folder)


@pytest.mark.parametrize("version", ["1.0.0", "1.3.3"])
def test_what_oras_pushed_equals_the_folder_that_was_packed(
    version: str, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    repository = f"{unique_path}/spectro-packs/archive/hello"
    push_by_hand(version, distribution.host, repository, "1.0.0", DATA / TITLE)

    planning = open_registry(spec_of(distribution), Surroundings({}, 4, IndexCache(tmp_path / "cache")))
    [live] = run(planning.reads(Wanted(tags={repository: ("1.0.0",)}))).artifacts.values()
    planning.close()
    (tmp_path / TITLE).write_bytes((DATA / TITLE).read_bytes())
    assert live.content == read(unpacked(tmp_path / TITLE)).content.digest
    assert (live.title, live.owner) == (TITLE, None)
