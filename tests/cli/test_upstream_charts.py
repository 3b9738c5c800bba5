"""Charts from elsewhere, end to end: pinned from a chart repository that the real Helm made and from a real registry,
planned from the lock file alone, and found again by the real Helm."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from regsync.model.registry import Tls
from regsync.registries.base import RawManifest
from regsync.registries.distribution import DistributionStore
from regsync.transport.client import Transport
from tests.sources.rig import LOGIN
from tests.support.charts import helm, helm_package, make_chart
from tests.support.cli import Ran, regsync
from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.support.shelf import Shelf
from tests.support.team import Team
from tests.transport.rig import make_spec


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """A chart repository with a login and a certificate of its own authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "shelf.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with Shelf(tmp_path / "shelf", login=True, tls=tls) as shelf:
        shelf.folder.mkdir()
        shelf.stock("1.0.0", "1.1.0+build.2", "2.0.0-rc.1")
        yield shelf


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributionServer]:
    """Another registry, to which the real Helm has pushed a chart."""
    folder = tmp_path_factory.mktemp("upstream")
    with DistributionServer(folder / "registry", tls=True, login=True) as server:
        for version in ("3.0.0", "3.1.0+build.5"):
            source = make_chart(folder / version, "api", version)
            login = ("--ca-file", server.ca_file, "--username", USER, "--password", PASSWORD)
            helm("push", helm_package(source, folder / "packed"), f"oci://{server.host}/library", *login)
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHELF_PASSWORD", PASSWORD)
    monkeypatch.setenv("REGSYNC_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def team(tmp_path: Path, distribution: DistributionServer, unique_path: str) -> Team:
    return Team(tmp_path, distribution.url, unique_path, provider="helm")


def chart(repository: str, ca_file: Path, name: str, version: str, **fields: Any) -> dict[str, Any]:
    """What a manifest says of a chart from elsewhere."""
    login = {"method": "basic", "username": USER, "password": {"env": "SHELF_PASSWORD"}}
    trust = {"caFile": str(ca_file)}
    asked = {"repository": repository, "name": name, "version": version, "auth": login, "tls": trust}
    return {"charts": {**asked, **fields}}


def from_shelf(shelf: Shelf, version: str = "^1", **fields: Any) -> dict[str, Any]:
    return chart(shelf.url, shelf.folder.parent / "shelf.pem", "web", version, **fields)


def from_registry(server: DistributionServer, version: str = "^3", **fields: Any) -> dict[str, Any]:
    return chart(f"oci://{server.host}/library", server.ca_file, "api", version, **fields)


def lock(team: Team, *arguments: str) -> Ran:
    return regsync("lock", *arguments, cwd=team.root)


def lock_file(team: Team) -> Path:
    return team.root / "registries/regsync.lock.yaml"


def test_charts_are_pinned_pushed_and_then_no_change(
    team: Team, shelf: Shelf, upstream: DistributionServer, distribution: DistributionServer, tmp_path: Path
) -> None:
    team.declare(from_shelf(shelf), from_registry(upstream))
    pinned = lock(team)
    assert pinned.status == 0, pinned.err
    assert "+ web 1.1.0+build.2   ^1" in pinned.out
    assert "+ api 3.1.0+build.5   ^3" in pinned.out
    assert "Charts from elsewhere: 2 pinned." in pinned.out
    assert shelf.asked.count("/index.yaml") == 1

    planned = team.plan()
    assert f"from   {shelf.url}/web-1.1.0+build.2.tgz" in planned.out
    applied = team.apply()
    assert applied.status == 0, applied.out + applied.err
    assert team.is_settled()

    for name, version in (("web", "1.1.0+build.2"), ("api", "3.1.0+build.5")):
        there = f"oci://{distribution.host}/{team.base}/{name}"
        helm("pull", there, "--plain-http", "--version", version, "--destination", tmp_path)
        assert f"version: {version}" in helm("show", "chart", there, "--plain-http", "--version", version)
    assert (tmp_path / "web-1.1.0+build.2.tgz").read_bytes() == (
        shelf.folder / "web-1.1.0+build.2.tgz"
    ).read_bytes()


def test_a_plan_reads_the_lock_file_and_nothing_from_elsewhere(
    team: Team, shelf: Shelf, upstream: DistributionServer
) -> None:
    team.declare(from_shelf(shelf), from_registry(upstream))
    assert lock(team).status == 0
    shelf.requests.clear()
    before = len(upstream.requests())
    shelf.stock("1.9.0")
    planned = team.plan()
    assert "web:1.1.0_build.2" in planned.out
    assert "1.9.0" not in planned.out
    assert shelf.requests == []
    assert len(upstream.requests()) == before


def manifest_of(server: DistributionServer, repository: str, tag: str) -> RawManifest:
    """What a server has under a tag, byte for byte."""
    fields = {"auth": LOGIN, "tls": Tls(ca_file=server.ca_file)} if server.tls else {}
    transport = Transport(make_spec(server.url, **fields), environment={"SHELF_PASSWORD": PASSWORD})
    with closing(DistributionStore(transport)) as store:
        return store.get_manifest(repository, tag)


def test_a_copy_from_another_registry_is_the_very_same_and_only_a_tombstone_deletes_it(
    team: Team, upstream: DistributionServer, distribution: DistributionServer
) -> None:
    managed = {"prune": "managed"}
    team.declare(from_registry(upstream), policy=managed)
    assert lock(team).status == 0
    assert team.apply().status == 0
    copied = manifest_of(distribution, f"{team.base}/api", "3.1.0_build.5")
    assert copied == manifest_of(upstream, "library/api", "3.1.0_build.5")

    team.declare({"absent": "other:1.0.0"}, policy=managed)
    assert team.is_settled()
    team.declare({"absent": "api:3.1.0+build.5"}, policy=managed)
    assert "1 deleted" in team.apply().out
    assert team.is_settled()


def test_a_chart_of_a_repository_is_pruned_as_our_own_are(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    assert lock(team).status == 0
    assert team.apply().status == 0
    team.declare({"absent": "other:1.0.0"}, policy={"prune": "managed"})
    assert f"- team/{team.base}/web:1.1.0_build.2" in team.plan("--allow-empty", "team").out


def test_what_somebody_else_copied_there_is_no_change(
    team: Team, shelf: Shelf, distribution: DistributionServer
) -> None:
    team.declare(from_shelf(shelf))
    assert lock(team).status == 0
    archive = shelf.folder / "web-1.1.0+build.2.tgz"
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{team.base}")
    assert team.is_settled()


@pytest.mark.parametrize("kind", ["shelf", "registry"])
def test_other_content_under_the_tag_is_blocked_with_its_lines(
    kind: str,
    team: Team,
    shelf: Shelf,
    upstream: DistributionServer,
    distribution: DistributionServer,
    tmp_path: Path,
) -> None:
    asked = from_shelf(shelf, "1.0.0") if kind == "shelf" else from_registry(upstream, "3.0.0")
    team.declare(asked)
    assert lock(team).status == 0
    name, version = ("web", "1.0.0") if kind == "shelf" else ("api", "3.0.0")
    other = make_chart(tmp_path / "other", name, version, files={"values.yaml": "replicas: 9\n"})
    archive = helm_package(other, tmp_path / "other-packed")
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{team.base}")
    planned = team.plan()
    assert planned.status == 4
    assert f"! team/{team.base}/{name}:{version}" in planned.out
    assert "-replicas: 9" in planned.out
    assert "+replicas: 1" in planned.out
    team.declare(asked, policy={"overwrite": "allow"})
    assert team.apply().status == 0
    assert team.is_settled()


def test_what_is_pinned_stays_until_it_is_updated(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    assert lock(team).status == 0
    before = lock_file(team).read_bytes()
    shelf.stock("1.2.0")
    again = lock(team)
    assert "Charts from elsewhere: 1 kept." in again.out
    assert lock_file(team).read_bytes() == before
    updated = lock(team, "--update", "web")
    assert "~ web 1.1.0+build.2 → 1.2.0   ^1" in updated.out
    assert "Charts from elsewhere: 1 updated." in updated.out
    assert "web:1.2.0" in team.plan().out


def test_a_manifest_that_asks_for_something_else_has_to_be_locked_again(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    unpinned = team.plan()
    assert unpinned.status == 3
    assert "web `^1` is not pinned in registries/regsync.lock.yaml" in unpinned.err
    assert "run `regsync lock`" in unpinned.err
    assert lock(team).status == 0
    team.declare(from_shelf(shelf, ">=2.0.0-0"))
    assert "is not what registries/regsync.lock.yaml has pinned" in team.plan().err
    relocked = lock(team)
    assert "+ web 2.0.0-rc.1" in relocked.out
    assert "- web ^1" in relocked.out
    assert team.plan().status == 0


def test_what_only_other_manifests_ask_for_is_not_dropped_unread(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    manifest = (team.root / "registries/team.yaml").read_text()
    other = manifest.replace("name: team", "name: other").replace(team.base, "other").replace("^1", "1.0.0")
    team.write("registries/other.yaml", other)
    assert "2 pinned" in lock(team).out
    assert "1 kept" in lock(team, "registries/other.yaml").out
    assert "1 kept" in lock(team, "registries/team.yaml").out
    (team.root / "registries/other.yaml").unlink()
    assert "1 kept, 1 dropped" in lock(team, "registries/team.yaml").out


def test_the_newest_are_pinned_but_none_that_is_too_fresh(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf, "*", newest=3))
    assert "+ web 1.1.0+build.2, 1.0.0   *" in lock(team).out
    team.declare(from_shelf(shelf, "1.0.0", minAge="1d"))
    young = lock(team)
    assert young.status == 1
    assert "every version of web in `1.0.0` is younger than minAge" in young.err
    index = shelf.folder / "index.yaml"
    index.write_text(
        re.sub(r'created: ".*"', 'created: "2020-01-01T00:00:00.123456789Z"', index.read_text(), count=1)
    )
    team.declare(from_shelf(shelf, ">=1.0.0-0", minAge="1d"))
    aged = lock(team)
    assert "+ web 2.0.0-rc.1" in aged.out


def test_one_chart_that_cannot_be_pinned_does_not_keep_the_others(
    team: Team, shelf: Shelf, upstream: DistributionServer
) -> None:
    team.declare(from_shelf(shelf, ">=9"), from_registry(upstream))
    ran = lock(team)
    assert ran.status == 1
    assert "+ api 3.1.0+build.5" in ran.out
    assert "error[RS304]: no version of web in " in ran.err
    assert "its newest version is 2.0.0-rc.1" in ran.err
    assert "--> registries/team.yaml:9:" in ran.err
    assert "api" in lock_file(team).read_text()


def test_an_archive_that_is_no_longer_what_was_pinned_is_never_pushed(
    team: Team, shelf: Shelf, tmp_path: Path
) -> None:
    team.declare(from_shelf(shelf, "1.0.0"))
    assert lock(team).status == 0
    for kept in (tmp_path / "cache/charts").iterdir():
        kept.unlink()
    forged = make_chart(tmp_path / "forged", "web", "1.0.0", files={"values.yaml": "replicas: 9\n"})
    helm_package(forged, shelf.folder)
    applied = team.apply()
    assert applied.status == 1
    assert "has the digest sha256:" in applied.out + applied.err
    assert team.plan("--detailed-exitcode").status == 2


def test_an_update_of_what_no_manifest_asks_for_is_a_mistake(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    ran = lock(team, "--update", "wbe")
    assert ran.status == 64
    assert "no manifest takes a chart called wbe from elsewhere" in ran.err
    assert not lock_file(team).exists()


def test_a_lock_file_that_was_edited_by_hand_is_left_alone(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    assert lock(team).status == 0
    text = lock_file(team).read_text().replace("sha256:", "sha1:", 1)
    lock_file(team).write_text(text)
    for ran in (lock(team), team.plan()):
        assert ran.status == 3
        assert "RS111" in ran.err
        assert "registries/regsync.lock.yaml:11:" in ran.err
    assert lock_file(team).read_text() == text


def test_no_text_holds_the_password(team: Team, shelf: Shelf) -> None:
    team.declare(from_shelf(shelf))
    said = [lock(team, "--parallelism", "2"), team.plan("--out", "plan.json"), team.apply()]
    assert all(PASSWORD not in ran.out + ran.err for ran in said)
    assert PASSWORD not in lock_file(team).read_text() + (team.root / "plan.json").read_text()


def test_a_source_that_is_away_takes_away_the_diff_and_no_more(
    team: Team,
    shelf: Shelf,
    distribution: DistributionServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team.declare(from_shelf(shelf, "1.0.0"), from_shelf(shelf, "2.0.0-rc.1"))
    assert lock(team).status == 0
    other = make_chart(tmp_path / "other", "web", "1.0.0", files={"values.yaml": "replicas: 9\n"})
    archive = helm_package(other, tmp_path / "other-packed")
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{team.base}")
    monkeypatch.setenv("REGSYNC_CACHE_DIR", str(tmp_path / "another-cache"))
    shelf.instead = lambda path: (503, {"Retry-After": "0"}, b"")
    planned = team.plan()
    assert planned.status == 4
    assert f"! team/{team.base}/web:1.0.0" in planned.out
    assert "note: no diff: GET " in planned.out
    assert "it was published anew since it was pushed: restore its pin in the lock file" in planned.out
    assert "1 to add" in planned.out


def test_a_version_that_was_published_anew_is_told(team: Team, shelf: Shelf, tmp_path: Path) -> None:
    team.declare(from_shelf(shelf, "1.0.0"))
    assert lock(team).status == 0
    other = make_chart(tmp_path / "other", "web", "1.0.0", files={"values.yaml": "replicas: 9\n"})
    helm_package(other, shelf.folder)
    helm("repo", "index", shelf.folder)
    told = lock(team, "--update", "web").out
    assert "warning: 1.0.0 has other content than when it was pinned: it was published anew" in told
