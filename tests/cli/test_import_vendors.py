"""Imports from Harbor, Amazon ECR and Azure: what their own doors tell, written so that the next plan is empty."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.registries.azure import pusher
from tests.support.acr import HOST, TOKEN, AcrFront
from tests.support.aws import Aws
from tests.support.charts import make_chart
from tests.support.ecr import AWAY, HOME, EcrTeam, writes
from tests.support.harbor import HarborServer
from tests.support.project import Project
from tests.support.servers import PASSWORD, DistributionServer
from tests.support.team import Team


def moved_in(team: Team) -> Project:
    """A checkout that has nothing of the team's."""
    ours = Project(team.root.parent / "ours")
    ours.root.mkdir()
    return ours


def is_settled(project: Project, unchanged: int) -> bool:
    checked, planned = project.run("validate", "--strict"), project.run("plan", "--detailed-exitcode")
    assert checked.status == 0, checked.out
    assert f"{unchanged} unchanged." in planned.out, planned.out
    return planned.status == 0


def log_in(monkeypatch: pytest.MonkeyPatch, folder: Path, host: str, name: str, password: str) -> None:
    """As `docker login` does it."""
    folder.mkdir()
    login = {"auths": {host: {"username": name, "password": password}}}
    (folder / "config.json").write_text(json.dumps(login), encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


@pytest.fixture
def port(harbor: HarborServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team that has filled the project `team` of a Harbor with packs, and `charts` with one chart."""
    log_in(monkeypatch, tmp_path / "docker", harbor.host, "admin", harbor.password)
    team = Team(tmp_path / "team", harbor.url, "team", type="harbor")
    team.pack("nginx")
    team.pack("redis")
    assert team.apply().status == 0
    charts = Team(tmp_path / "charts", harbor.url, "charts", type="harbor", provider="helm")
    make_chart(charts.root / "charts")
    charts.declare({"charts": "../charts/*"})
    assert charts.apply().status == 0
    harbor.requests.clear()
    return team


def test_all_projects_of_a_harbor_are_imported(port: Team, harbor: HarborServer) -> None:
    ours = moved_in(port)
    ran = ours.run("import", harbor.url, "--out", "registries/harbor.yaml", "--pull-packs", "packs")
    assert ran.status == 0, ran.out + ran.err
    written = (ours.root / "registries/harbor.yaml").read_text()
    assert written.count("  type: harbor\n") == 2
    assert "  baseContentPaths: [charts]\n" in written
    assert "  baseContentPaths: [team]   #" in written
    assert written.count("  project: {public: false}\n") == 2
    assert "base: false" not in written
    assert {each.method for each in harbor.requests} <= {"GET", "HEAD"}
    assert is_settled(ours, unchanged=6)  # two projects, a base repository, two packs and a chart


def test_one_project_of_a_harbor_is_imported(port: Team, harbor: HarborServer) -> None:
    ours = moved_in(port)
    assert ours.run("import", f"{harbor.url}/team").status == 0
    [written] = (ours.root / "registries").glob("*.yaml")
    assert "charts" not in written.read_text()
    assert is_settled(ours, unchanged=2)


@pytest.fixture
def cloud(aws: Aws, tmp_path: Path) -> EcrTeam:
    """A team that has filled both regions of an account."""
    team = EcrTeam(tmp_path / "team", aws, repositories={"tagMutability": "IMMUTABLE", "scanOnPush": True})
    team.pack("nginx")
    team.pack("redis")
    assert team.apply().status == 0
    aws.front.calls.clear()
    return team


def test_one_region_of_ecr_is_imported_with_the_settings_that_repositories_share(cloud: EcrTeam) -> None:
    ours, aws = moved_in(cloud), cloud.aws
    client = aws.client(region=HOME)
    client.put_image_scanning_configuration(
        repositoryName=cloud.repository("redis"), imageScanningConfiguration={"scanOnPush": False}
    )
    aws.front.calls.clear()
    ran = ours.run("import", f"{aws.host(HOME)}/team", "--connect-to", aws.url, "--pull-packs", "packs")
    assert ran.status == 0, ran.out + ran.err
    assert not writes(aws.front.calls)
    [file] = (ours.root / "registries").glob("*.yaml")
    assert file.name == f"ecr-{aws.account}.yaml"
    assert "  repositories: {tagMutability: IMMUTABLE}\n" in file.read_text()
    assert is_settled(ours, unchanged=5)


def test_regions_that_hold_the_same_are_one_document(cloud: EcrTeam) -> None:
    ours, aws = moved_in(cloud), cloud.aws
    endpoints = [f"{aws.host(region)}/team" for region in (HOME, AWAY)]
    options = ("--connect-to", aws.url, "--pull-packs", "packs")
    ran = ours.run("import", *endpoints, *options)
    assert ran.status == 0, ran.out + ran.err
    [file] = (ours.root / "registries").glob("*.yaml")
    text = file.read_text()
    assert text.count("kind: Registry") == 1
    assert f"  regions: [{HOME}, {AWAY}]\n" in text
    assert ".dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com" in text
    assert "  repositories: {tagMutability: IMMUTABLE, scanOnPush: true}\n" in text
    assert is_settled(ours, unchanged=10)


def test_regions_that_differ_are_documents_of_their_own(cloud: EcrTeam) -> None:
    ours, aws = moved_in(cloud), cloud.aws
    aws.client(region=AWAY).batch_delete_image(
        repositoryName=cloud.repository("redis"), imageIds=[{"imageTag": "1.25.0"}]
    )
    endpoints = [f"{aws.host(region)}/team" for region in (HOME, AWAY)]
    options = ("--connect-to", aws.url, "--pull-packs", "packs")
    assert ours.run("import", *endpoints, *options).status == 0
    [file] = (ours.root / "registries").glob("*.yaml")
    names = [f"metadata: {{name: ecr-{aws.account}-{region}}}" for region in (HOME, AWAY)]
    assert all(name in file.read_text() for name in names)
    assert is_settled(ours, unchanged=8)


def test_what_a_region_alone_has_is_told_with_the_region(cloud: EcrTeam) -> None:
    cloud.pack("old", "0.9.1")
    assert cloud.apply("--target", f"team@{AWAY}").status == 0
    shutil.rmtree(cloud.root / "packs/old-0.9.1")
    shutil.rmtree(cloud.root / "packs/redis-1.25.0")
    ran = cloud.run("import", "--unmanaged")
    assert ran.out.splitlines()[1:] == [
        f'    - absent: "old:0.9.1"   # only in {AWAY}',
        '    - absent: "redis:1.25.0"',
    ]


def test_a_registry_of_azure_is_imported(
    acr: AcrFront,
    distribution: DistributionServer,
    unique_path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in pusher(acr).items():
        monkeypatch.setenv(name, value)
    log_in(monkeypatch, tmp_path / "docker", HOST, TOKEN, PASSWORD)
    shutil.copy(acr.ca_file, tmp_path / "ca.pem")
    team = Team(
        tmp_path / "team",
        f"https://{HOST}",
        unique_path,
        type="acr",
        connectTo=acr.url,
        tls={"caFile": "../../ca.pem"},
    )
    team.pack("nginx")
    assert team.apply().status == 0
    acr.requests.clear()
    ours = moved_in(team)
    ran = ours.run(
        *("import", f"{HOST}/{unique_path}", "--connect-to", acr.url),
        *("--ca-file", "../ca.pem", "--pull-packs", "packs"),
    )
    assert ran.status == 0, ran.out + ran.err
    assert {each.split()[0] for each in acr.asked("/v2/")} <= {"GET", "HEAD"}
    [file] = (ours.root / "registries").glob("*.yaml")
    assert file.name == "acr-team.yaml"
    assert "  type: acr\n" in file.read_text()
    assert is_settled(ours, unchanged=2)
