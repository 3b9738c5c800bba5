"""A first manifest: written from a folder of packs and an endpoint, valid as it stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.harbor import HarborServer
from tests.support.project import Project
from tests.support.servers import DistributionServer


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.pack("nginx")
    project.pack("redis")
    return project


def test_a_first_manifest_is_valid_and_planned(
    project: Project, distribution: DistributionServer, unique_path: str
) -> None:
    ran = project.run("init", f"{distribution.url}/{unique_path}", "--out", "registries/first.yaml")
    assert ran.status == 0
    written = (project.root / "registries/first.yaml").read_text()
    assert ran.out == written
    assert "  type: basic\n" in written
    assert "    - packs: ../packs/*\n" in written
    assert project.run("validate", "--strict").status == 0
    assert "Plan: 3 to add" in project.run("plan").out
    assert (project.root / "registries/regsync.schema.json").is_file()


def test_a_harbor_is_known_by_asking(
    project: Project, harbor: HarborServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("docker/config.json", docker_login(harbor))
    monkeypatch.setenv("DOCKER_CONFIG", str(project.root / "docker"))
    assert "  type: harbor\n" in project.run("init", f"{harbor.url}/team").out
    assert {each.method for each in harbor.requests} == {"GET"}


def docker_login(harbor: HarborServer) -> str:
    return f'{{"auths": {{"{harbor.host}": {{"username": "admin", "password": "{harbor.password}"}}}}}}'


@pytest.mark.parametrize(
    ("endpoint", "lines"),
    [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/custom",
            ["  type: ecr", '  endpoint: "123456789012.dkr.ecr.eu-west-1.amazonaws.com"'],
        ),
        ("public.ecr.aws/ours/custom", ["  type: ecr-public", "  endpoint: public.ecr.aws/ours"]),
        ("ours.azurecr.io/custom", ["  type: acr", "  endpoint: https://ours.azurecr.io"]),
    ],
)
def test_hosts_tell_the_type_and_nothing_is_asked(endpoint: str, lines: list[str], project: Project) -> None:
    ran = project.run("init", endpoint)
    assert ran.status == 0
    assert {*lines, "  baseContentPaths: [custom]   # spectro-packs/archive is appended to each"} <= set(
        ran.out.splitlines()
    )
    assert project.run("validate", "--strict").status == 0


def test_a_registry_that_does_not_answer_is_taken_for_a_basic_one(project: Project) -> None:
    ran = project.run("init", "http://127.0.0.1:1/team")
    assert ran.status == 0
    assert "`type: basic` is a guess; write `harbor` if it is one" in ran.err


def test_a_directory_needs_no_path(project: Project) -> None:
    assert project.run("init", "./live").status == 0
    assert project.run("apply", "--auto-approve").status == 0
    assert project.run("plan", "--detailed-exitcode").status == 0


def test_beside_other_folders_packs_are_named_one_by_one(project: Project) -> None:
    (project.root / "packs/notes").mkdir()
    out = project.run("init", "./live").out
    assert "        - ../packs/nginx-1.25.0\n        - ../packs/redis-1.25.0\n" in out
    assert project.run("validate", "--strict").status == 0


def test_nothing_is_overwritten(project: Project) -> None:
    assert project.run("init", "./live").status == 0
    before = project.files("registries")
    ran = project.run("init", "./live")
    assert (ran.status, "registries/live.yaml is there already" in ran.err) == (4, True)
    assert project.files("registries") == before


def test_what_a_manifest_beside_declares_is_not_declared_twice(project: Project) -> None:
    assert project.run("init", "./live").status == 0
    ran = project.run("init", "./live", "--out", "registries/again.yaml")
    assert (ran.status, "is declared already: registries/live.yaml:" in ran.err) == (4, True), ran.err
    assert not (project.root / "registries/again.yaml").exists()
    assert project.run("init", "./live/other", "--out", "registries/other.yaml").status == 0
    assert project.run("validate", "--strict").status == 0


def test_what_is_missing_is_a_usage_error(project: Project) -> None:
    ran = project.run("init", "https://registry.example.com")
    assert (ran.status, "help: regsync init https://registry.example.com/team" in ran.err) == (64, True)
    shutil.rmtree(project.root / "packs")
    ran = project.run("init", "./live")
    assert (ran.status, "there is no pack in packs" in ran.err) == (64, True)
