"""`registries check` against real servers, and against what stands in their stead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regsync.cli.check import finding_lines
from regsync.palette.base import Finding
from regsync.report.lines import plain
from tests.support.scripted import ScriptedServer
from tests.support.servers import DistributionServer
from tests.support.team import LOGIN, Team, login_to

PAGE = b"<!DOCTYPE html><html><body>It works!</body></html>"


@pytest.fixture(autouse=True)
def as_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)


def check(root: Path, endpoint: str, **spec: Any) -> tuple[int, str]:
    """The exit status and what is said of the registry."""
    team = Team(root, endpoint, "anywhere", **spec)
    team.pack()
    ran = team.run("registries", "check")
    assert ran.err == ""
    return ran.status, ran.out


def test_a_registry_for_all(distribution: DistributionServer, tmp_path: Path) -> None:
    assert check(tmp_path, distribution.url) == (
        0,
        f"ok       team   basic {distribution.url}   login: docker\n",
    )


def test_a_good_login_writes_nothing(distribution_tls: DistributionServer, tmp_path: Path) -> None:
    before = len(distribution_tls.requests())
    status, said = check(tmp_path, distribution_tls.url, **login_to(distribution_tls))
    assert (status, said[:2]) == (0, "ok")
    assert "login: basic robot env:REGISTRY_PASSWORD" in said
    assert {each.method for each in distribution_tls.requests()[before:]} <= {"GET", "HEAD"}


def test_a_wrong_password(
    distribution_tls: DistributionServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-the-one")
    status, said = check(tmp_path, distribution_tls.url, **login_to(distribution_tls))
    assert status == 1
    assert "the login from env:REGISTRY_PASSWORD was refused" in said
    assert "help: check user name and secret (registries/team.yaml:" in said
    assert "not-the-one" not in said


def test_no_login_where_one_is_wanted(distribution_tls: DistributionServer, tmp_path: Path) -> None:
    status, said = check(tmp_path, distribution_tls.url, tls=login_to(distribution_tls)["tls"])
    assert status == 1
    assert f"log in with `docker login {distribution_tls.host}`" in said


def test_an_authority_that_is_not_known(distribution_tls: DistributionServer, tmp_path: Path) -> None:
    status, said = check(tmp_path, distribution_tls.url, auth=login_to(distribution_tls)["auth"])
    assert status == 1
    assert "help: name the authority's certificate in tls.caFile" in said


def test_a_server_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    with DistributionServer(tmp_path / "server") as server:
        pass
    status, said = check(tmp_path, server.url)
    assert status == 1
    assert f"GET {server.url}/v2/: connection refused" in said


def test_a_web_server(tmp_path: Path) -> None:
    with ScriptedServer(lambda *request: (200, {"Content-Type": "text/html"}, PAGE)) as server:
        status, said = check(tmp_path, server.url)
    assert status == 1
    assert f"GET {server.url}/v2/: 200, but not as a registry answers" in said


def test_a_place_for_packs_that_may_not_be_read(tmp_path: Path) -> None:
    def answer(method: str, path: str, *_: object) -> tuple[int, dict[str, str], bytes]:
        if path.endswith("/manifests/1.25.0"):
            return 403, {}, b'{"errors": [{"code": "DENIED", "message": "not yours"}]}'
        return (200 if path == "/v2/" else 404), {"Docker-Distribution-API-Version": "registry/2.0"}, b""

    with ScriptedServer(answer) as server:
        status, said = check(tmp_path, server.url)
    assert status == 1
    assert "team/anywhere/spectro-packs/archive/nginx: GET " in said
    assert "403 DENIED: not yours" in said


def test_what_was_found_in_palette(golden: Callable[[str, str], None]) -> None:
    statement = '{"Effect": "Allow",\n "Action": "sts:AssumeRole"}'
    found = [
        Finding("API key", ok=True, found="env:PALETTE_API_KEY"),
        Finding("rights of a tenant admin", ok=True, found="the registries of the tenant can be read"),
        Finding(
            "roles in partition aws",
            ok=None,
            found="are assumed from account 123456789012 with the external ID 7d2a",
            hint=f"their trust policies must have\n{statement}",
        ),
        Finding("name team", ok=False, found="a Helm registry has it"),
        Finding("registration team", ok=True, found="https://r.example.com, tried as Palette will"),
        Finding(
            "registration team", ok=False, found="Palette's own try failed", hint="see its login\nor not"
        ),
    ]
    golden("cli/registries-check-palette", plain(finding_lines("prod   https://palette.example.com", found)))
