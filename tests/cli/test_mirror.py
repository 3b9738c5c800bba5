"""A registry as large as a mirror is read with few requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from regsync.content.pack import read_pack
from regsync.registries.image import EMPTY_CONFIG, pack_manifest
from tests.registries.vendor import ignore, pack
from tests.support.memory_server import MemoryServer
from tests.support.team import Team

REPOSITORIES = 300
VERSIONS = 20


def test_a_mirror_is_planned_with_one_list_for_each_repository_at_most(tmp_path: Path) -> None:
    with MemoryServer() as server:
        policy = {"prune": "managed"}
        team = Team(tmp_path, server.url, "team", auth={"method": "none"}, policy=policy)
        fill(server, team)
        ran = team.plan()
    assert ran.status == 0
    others = REPOSITORIES * (VERSIONS - 1)
    assert f"{REPOSITORIES + 1} unchanged, {others} unmanaged" in ran.out  # the base repository is one, too
    lists = [each for each in server.requests if each.endswith("/tags/list")]
    assert len(lists) == len(set(lists)) == REPOSITORIES
    assert sum("_catalog" in each for each in server.requests) == 1
    manifests = [each for each in server.requests if "/manifests/" in each]
    assert len(manifests) == len(set(manifests)) == REPOSITORIES * VERSIONS
    assert len(server.requests) == len(lists) + len(manifests) + 2


def fill(server: MemoryServer, team: Team) -> None:
    """Give the registry twenty versions of each pack, others' but for the newest, which the team has a folder of."""
    newest = f"1.{VERSIONS - 1}.0"
    for number in range(REPOSITORIES):
        name = f"pack-{number:03}"
        folder = team.pack(name, newest)
        found = read_pack(folder, name).pack
        assert found is not None
        payload = replace(pack(owner="others"), content=found.content.digest)
        for blob in (EMPTY_CONFIG, payload.layer):
            server.store.put_blob(team.repository(name), blob, ignore)
        for minor in range(VERSIONS):
            tag = f"1.{minor}.0"
            manifest = pack_manifest(replace(payload, title=f"{name}-{tag}.tar.gz"))
            server.store.put_manifest(team.repository(name), tag, manifest)
