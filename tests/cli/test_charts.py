"""Charts from end to end: as the real Helm sees what the program pushed, and the program what the real Helm pushed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.charts import chart_yaml, helm, helm_package, make_chart
from tests.support.servers import DistributionServer
from tests.support.team import Team

ODD = chart_yaml(
    "web",
    "1.2.3+build.4",
    """\
description: 'Größe: <b>& "Maß"</b>, 漢字'
home: https://example.com/?a=1&b=2
maintainers: [{name: Jörg, email: joerg@example.com}]
annotations: {example.com/team: <platform>, org.opencontainers.image.url: https://example.org}
dependencies:
  - {name: redis, version: ^1.0.0, repository: https://charts.example.com}
""",
)
FILES = {"Chart.yaml": ODD, "charts/redis/Chart.yaml": chart_yaml("redis"), ".helmignore": "*.md\n"}


def a_team(root: Path, endpoint: str, base: str, **spec: Any) -> Team:
    """A team with charts/web, a folder, and a manifest for whatever is in charts/."""
    team = Team(root, endpoint, base, provider="helm", **spec)
    make_chart(root / "charts", files={"Chart.yaml": chart_yaml(), "values.yaml": "replicas: 1\n"})
    team.declare({"charts": "../charts/*"})
    return team


@pytest.fixture
def team(tmp_path: Path, distribution: DistributionServer, unique_path: str) -> Team:
    return a_team(tmp_path, distribution.url, unique_path)


@pytest.fixture
def layout(tmp_path: Path) -> Team:
    """Return a team whose registry is a directory."""
    return a_team(tmp_path, "../live", "team")


def there(server: DistributionServer, team: Team, name: str = "web", version: str = "1.0.0") -> list[str]:
    """What Helm is told to find a chart."""
    path = f"{team.base}/{name}".lstrip("/")
    return [f"oci://{server.host}/{path}", "--plain-http", "--version", version]


def test_helm_pulls_shows_and_templates_each_chart(
    team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    make_chart(tmp_path / "charts", files=FILES)
    packed = helm_package(make_chart(tmp_path / "elsewhere", "api", "0.1.0"), tmp_path / "charts")
    packed.with_name(f"{packed.name}.prov").write_text("signed\n")
    assert team.apply().status == 0
    assert team.is_settled()
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    helm("pull", *there(distribution, team, version="1.2.3+build.4"), "--destination", pulled)
    helm("pull", "--prov", *there(distribution, team, "api", "0.1.0"), "--destination", pulled)
    assert sorted(each.name for each in pulled.iterdir()) == [
        "api-0.1.0.tgz",
        "api-0.1.0.tgz.prov",
        "web-1.2.3+build.4.tgz",
    ]
    assert (pulled / packed.name).read_bytes() == packed.read_bytes()
    shown = helm("show", "chart", *there(distribution, team, version="1.2.3+build.4"))
    assert "description: 'Größe: <b>& \"Maß\"</b>, 漢字'" in shown
    rendered = helm("template", *there(distribution, team, version="1.2.3+build.4"))
    assert "metadata: {name: web}" in rendered


@pytest.mark.parametrize("given", ["folder", "archive"])
def test_what_helm_pushed_is_no_change(
    given: str, team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    folder = make_chart(tmp_path / "charts", files=FILES)
    archive = helm_package(folder, tmp_path / "packed")
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{team.base}")
    if given == "archive":
        shutil.rmtree(folder)
        shutil.copy(archive, tmp_path / "charts")
    assert team.is_settled()


def test_what_helm_pushed_is_not_pruned(team: Team, distribution: DistributionServer, tmp_path: Path) -> None:
    by_hand = helm_package(make_chart(tmp_path / "elsewhere", "theirs"), tmp_path / "packed")
    helm("push", "--plain-http", by_hand, f"oci://{distribution.host}/{team.base}")
    team.declare({"charts": "../charts/*"}, policy={"prune": "managed"})
    assert team.apply().status == 0
    assert team.is_settled()
    helm("show", "chart", *there(distribution, team, "theirs"))


def test_a_changed_chart_is_blocked_with_its_lines(team: Team, tmp_path: Path) -> None:
    team.apply()
    (tmp_path / "charts/web/values.yaml").write_text("replicas: 2\n")
    ran = team.plan()
    assert ran.status == 4
    assert f"! team/{team.base}/web:1.0.0" in ran.out
    assert "-replicas: 1" in ran.out
    assert "+replicas: 2" in ran.out
    assert "raise the version at charts/web/Chart.yaml:3" in ran.out


def test_a_signature_changes_a_chart(team: Team, tmp_path: Path) -> None:
    archive = helm_package(tmp_path / "charts/web", tmp_path / "charts")
    shutil.rmtree(tmp_path / "charts/web")
    proof = archive.with_name(f"{archive.name}.prov")
    proof.write_text("signed\n")
    team.apply()
    assert team.is_settled()
    proof.write_text("signed anew\n")
    assert "chart.tgz.prov" in team.plan().out


@pytest.mark.parametrize("signed", [False, True])
def test_a_chart_that_no_manifest_names_any_more_is_pruned(
    signed: bool, team: Team, distribution: DistributionServer, tmp_path: Path
) -> None:
    folder = make_chart(tmp_path / "elsewhere", "old", "1.0.0+b.1")
    archive = helm_package(folder, tmp_path / "charts")
    if signed:
        archive.with_name(f"{archive.name}.prov").write_text("signed\n")
    team.apply()
    archive.unlink()
    team.declare({"charts": "../charts/*"}, policy={"prune": "managed"})
    ran = team.apply()
    assert f"- team/{team.base}/old:1.0.0_b.1" in ran.out
    assert team.is_settled()


def test_a_second_tag_of_a_chart_of_ours_is_not_pruned(layout: Team, tmp_path: Path) -> None:
    layout.apply()
    index = tmp_path / "live/team/web/index.json"
    document = json.loads(index.read_text())
    [entry] = document["manifests"]
    again = {**entry, "annotations": {"org.opencontainers.image.ref.name": "stable"}}
    index.write_text(json.dumps({**document, "manifests": [entry, again]}))
    layout.declare({"charts": "../charts/*"}, policy={"prune": "managed"})
    assert layout.is_settled()


def test_a_tombstone_with_a_plus_sign_deletes(layout: Team, tmp_path: Path) -> None:
    make_chart(tmp_path / "charts", files=FILES)
    layout.apply()
    shutil.rmtree(tmp_path / "charts/web")
    layout.declare({"absent": "web:1.2.3+build.4"})
    assert "- team/team/web:1.2.3_build.4" in layout.apply().out
    assert layout.is_settled()


def test_a_folder_and_its_archive_are_one_chart_and_the_archive_stays_as_it_is(
    layout: Team, tmp_path: Path
) -> None:
    archive = helm_package(tmp_path / "charts/web", tmp_path / "packed")
    other = Team(tmp_path, "../live", "other", name="other", provider="helm")
    other.declare({"charts": "../packed/*"})
    (tmp_path / "registries/team.yaml").rename(tmp_path / "registries/other.yaml")
    layout.declare({"charts": "../charts/*"})
    assert layout.apply().status == 0
    assert layout.is_settled()
    blobs = {path: data for path, data in layout.files().items() if "/blobs/" in path}
    given = [path for path, data in blobs.items() if data == archive.read_bytes()]
    assert [path.partition("/blobs")[0] for path in given] == ["live/other/web"]


def test_without_base_content_paths_charts_lie_at_the_top(tmp_path: Path) -> None:
    packs = Team(tmp_path / "packs", "../../live", "team")
    packs.pack()
    assert packs.apply().status == 0
    spec = {"synchronization": False, "baseContentPaths": [], "policy": {"prune": "managed"}}
    team = a_team(tmp_path / "charts", "../../live", "", **spec)
    make_chart(team.root / "charts", "old")
    assert team.apply().status == 0
    shutil.rmtree(team.root / "charts/old")
    ran = team.apply()
    assert "- team/old:1.0.0" in ran.out
    assert "1 to delete" in ran.out
    assert team.is_settled()
    assert packs.is_settled()


def test_the_regions_of_ecr_hold_the_same_charts(aws: Aws, tmp_path: Path) -> None:
    regions = ["us-east-1", "eu-west-1"]
    team = a_team(
        tmp_path,
        aws.host("us-east-1").replace("us-east-1", "{{.spectro.system.aws.region}}"),
        "team",
        type="ecr",
        connectTo=aws.url,
        auth={"method": "aws"},
        regions=[*regions],
    )
    make_chart(tmp_path / "charts", "api", "1.0.0+b.1")
    assert team.apply().status == 0
    assert team.is_settled()
    shown = json.loads(team.run("endpoints", "--format", "json").out)
    assert [each["name"] for each in shown["registries"][0]["repositories"]] == ["team/api", "team/web"]
    team.declare({"charts": "../charts/*"}, regions=[*regions, "ap-south-1"])
    ran = team.apply()
    assert "copied from team@us-east-1" in ran.out
    assert team.is_settled()


def test_without_synchronization_endpoints_tells_what_to_type(tmp_path: Path) -> None:
    spec = {"synchronization": False, "baseContentPaths": ["a", "b/c"]}
    team = a_team(tmp_path, "http://127.0.0.1:1", "", **spec)
    make_chart(tmp_path / "more", "api", "1.0.0+b.1")
    team.declare({"charts": "../charts/*"}, {"charts": "../more/*", "path": "b/c"})
    ran = team.run("endpoints")
    assert (
        "  to type in Palette, exactly so: chart and version\n"
        "    web   1.0.0 (base content path a)\n"
        "    api   1.0.0+b.1 (base content path b/c)\n"
    ) in ran.out
    assert "    oci://127.0.0.1:1/a\n    oci://127.0.0.1:1/b/c\n" in ran.out
    team.declare({"charts": ["../charts/*", "../more/*"]}, baseContentPaths=[])
    ran = team.run("endpoints")
    assert "    api   1.0.0+b.1\n    web   1.0.0\n" in ran.out
    assert "  push to\n    oci://127.0.0.1:1\n" in ran.out
    (shown,) = json.loads(team.run("endpoints", "--format", "json").out)["registries"]
    assert shown["to_type"][0] == {"base_content_path": "", "name": "api", "version": "1.0.0+b.1"}
    team.declare({"charts": "../charts/*"}, synchronization=True)
    assert "to type in Palette, exactly so" not in team.run("endpoints").out


def test_a_registry_of_charts_is_checked_where_a_chart_goes(team: Team) -> None:
    ran = team.run("registries", "check")
    assert (ran.status, ran.out[:13]) == (0, "ok       team")
