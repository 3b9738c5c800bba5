"""A registry as large as a mirror is read with few requests."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from regsync.content.chart import pack_chart, read_chart
from regsync.content.pack import read_pack
from regsync.registries.base import Payload
from regsync.registries.chart_image import chart_image
from regsync.registries.image import EMPTY_CONFIG, pack_manifest
from tests.registries.vendor import ignore, pack
from tests.support.charts import make_chart
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


def test_a_mirror_of_charts_is_planned_with_one_list_for_each_repository_at_most(tmp_path: Path) -> None:
    with MemoryServer() as server:
        policy = {"prune": "managed"}
        team = Team(tmp_path, server.url, "mirror", provider="helm", auth={"method": "none"}, policy=policy)
        team.declare({"charts": "../charts/*"})
        fill_with_charts(server, tmp_path)
        ran = team.plan()
    assert ran.status == 0
    assert f"{REPOSITORIES} unchanged, {REPOSITORIES * (VERSIONS - 1)} unmanaged" in ran.out
    lists = [each for each in server.requests if each.endswith("/tags/list")]
    assert len(lists) == len(set(lists)) == REPOSITORIES
    manifests = [each for each in server.requests if "/manifests/" in each]
    assert len(manifests) == len(set(manifests)) == REPOSITORIES * VERSIONS
    assert len(server.requests) == len(lists) + len(manifests) + 2


def fill_with_charts(server: MemoryServer, root: Path) -> None:
    """Give the registry twenty versions of each chart, others' but for the newest, which the team has a folder of."""
    for number in range(REPOSITORIES):
        name = f"chart-{number:03}"
        chart = read_chart(make_chart(root / "charts", name, f"1.{VERSIONS - 1}.0"), name).chart
        assert chart is not None
        with closing(pack_chart(chart)) as layer:
            image = chart_image(Payload(layer, "", chart.content.digest, "others", chart.config))
            for blob in image.blobs:
                server.store.put_blob(f"mirror/{name}", blob, ignore)
        for minor in range(VERSIONS):
            server.store.put_manifest(f"mirror/{name}", f"1.{minor}.0", image.manifest)


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
