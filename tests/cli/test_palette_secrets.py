"""Secrets on their way to Palette: sent anew where that was reviewed or asked for, and shown by nothing, ever."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from regsync.cli.reports import FORMATS
from tests.support.aws import Aws
from tests.support.cli import Ran
from tests.support.ecr import HOME, EcrTeam
from tests.support.palette import PaletteServer
from tests.support.palette_ecr import aws_lister, trust
from tests.support.palette_sync import Ending
from tests.support.palette_team import (
    NEW_PASSWORD,
    PULL,
    PULLER,
    PaletteTeam,
    add_palette,
    change_password,
    enter,
    last_line,
    registered,
    syncs,
)
from tests.support.project import Project
from tests.support.proxy import Respond
from tests.support.servers import PASSWORD, USER, DistributionServer

FILE = "plan.json"


def by_password(username: str = USER, **reference: Any) -> dict[str, Any]:
    return registered({"method": "basic", "username": username, "password": {"env": PULL, **reference}})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DistributionServer]:
    with DistributionServer(tmp_path / "server", login=True, tls=True) as running:
        yield running


@pytest.fixture
def team(
    server: DistributionServer, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PaletteTeam:
    """A team that has published nginx."""
    team = PaletteTeam(tmp_path / "team", server, palette)
    enter(monkeypatch, team.environment)
    return team.published()


def kept(team: PaletteTeam) -> str:
    """The password that Palette has."""
    return str(team.live.spec["auth"]["password"])


def test_a_raised_version_is_a_reviewed_update_that_sends_the_secret(
    team: PaletteTeam, server: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_password(server)
    monkeypatch.setenv(PULL, NEW_PASSWORD)
    team.palette.edit("team", "spec.auth.username", PULLER)
    team.declare(palette=by_password(PULLER))
    assert team.is_settled()  # nobody can tell that the password is another one by now
    team.declare(palette=by_password(PULLER, version=2))
    planned = team.plan("--detailed-exitcode")
    assert planned.status == 2
    assert "password" in last_line(planned, team.registration)
    assert kept(team) == PASSWORD
    assert team.apply().status == 0
    assert kept(team) == NEW_PASSWORD
    assert team.live.document["metadata"]["annotations"]["regsync.secret.password"] == "2"
    assert team.is_settled()
    team.declare(palette=by_password(PULLER))
    assert team.is_settled()  # what is not written is not compared


def test_a_version_is_first_written_down_with_the_registration(team: PaletteTeam) -> None:
    team.palette.remove("team")
    team.declare(palette=by_password(version=7))
    assert team.apply().status == 0
    assert team.is_settled()
    team.declare(palette=by_password(version=6))  # any other one counts, as of a reverted commit
    assert team.plan("--detailed-exitcode").status == 2


def test_annotations_that_palette_loses_fail_the_change_and_secrets_can_be_sent_anew(
    team: PaletteTeam,
) -> None:
    team.palette.api.keeps_annotations = False
    team.declare(palette=by_password(version=2))
    ran = team.apply()
    assert ran.status == 1
    assert "Palette did not keep the version of its password in the annotations of" in ran.out
    assert f"regsync apply --send-secrets {team.registration}" in ran.out
    assert syncs(team.palette) == []

    team.palette.api.keeps_annotations = True
    assert team.apply("--send-secrets", team.registration).status == 0
    assert team.is_settled()


def test_secrets_are_sent_anew_where_that_is_asked_for(team: PaletteTeam) -> None:
    team.palette.edit("team", "spec.auth.password", "what somebody typed")
    assert team.is_settled()
    ran = team.apply("--send-secrets", team.registration)
    assert ran.status == 0
    assert "its secrets are sent anew (--send-secrets)" in ran.out
    assert kept(team) == PASSWORD
    assert team.is_settled()


def test_a_reviewed_plan_sends_secrets_anew(team: PaletteTeam) -> None:
    team.palette.edit("team", "spec.auth.password", "what somebody typed")
    planned = team.plan("--send-secrets", team.registration, "--out", FILE)
    assert planned.status == 0
    assert "its secrets are sent anew (--send-secrets)" in planned.out
    assert team.run("apply", FILE).status == 0
    assert kept(team) == PASSWORD
    assert team.is_settled()


def test_a_sync_that_fails_after_a_rotation_is_told_how_the_secret_gets_there(
    team: PaletteTeam, server: DistributionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_password(server)
    team.palette.edit("team", "spec.auth.username", PULLER)
    team.declare(palette=by_password(PULLER))
    monkeypatch.setenv(PULL, NEW_PASSWORD)
    team.pack("redis")
    ran = team.apply()
    assert ran.status == 1
    assert "help: see that Palette itself may read the registry, then apply again\n" in ran.out
    assert "raise its `version` (registries/team.yaml:11:" in ran.out
    assert f"regsync apply --send-secrets {team.registration}" in ran.out
    checked = team.run("registries", "check")
    assert checked.status == 0
    assert "with the secrets of this environment, not those that it has stored" in checked.out
    assert team.apply("--send-secrets", team.registration).status == 0
    assert team.is_settled()


def test_secrets_of_what_is_not_registered_cannot_be_sent(team: PaletteTeam) -> None:
    ran = team.apply("--send-secrets", "team/@palette/other")
    assert ran.status == 64
    assert "--send-secrets team/@palette/other names nothing" in ran.err


class Told:
    """All that runs have said and left behind, every sort of report among it."""

    def __init__(self, project: Project, cache: Path) -> None:
        self._project = project
        self._cache = cache
        self._texts: list[str] = []

    def __call__(self, *arguments: str, form: str = "text") -> Ran:
        reports: list[str] = []
        if arguments[0] in ("plan", "apply"):
            number = len(self._texts)
            reports = [f"--report={each}=report-{number}.{each}" for each in FORMATS]
        ran = self._project.run("-v", "--log-format", form, *arguments, *reports)
        self._texts += [ran.out, ran.err]
        return ran

    def everything(self) -> bytes:
        files = [
            each.read_bytes()
            for root in (self._project.root, self._cache)
            for each in root.rglob("*")
            if each.is_file()
        ]
        return b"\n".join([*(each.encode() for each in self._texts), *files])


def forms(secrets: Mapping[str, str]) -> dict[str, bytes]:
    """Secrets as they must not be found, by what they are: as such, and as users log in with them."""
    found = {name: secret.encode() for name, secret in secrets.items()}
    for user in (USER, PULLER, "AWS", ""):
        for name, secret in secrets.items():
            login = base64.b64encode(f"{user}:{secret}".encode()).rstrip(b"=")[:-1]
            found[f"{name} as the login of {user}"] = login
    return found


def leaks(told: Told, secrets: Mapping[str, str]) -> list[str]:
    everything = told.everything()
    return [name for name, form in forms(secrets).items() if form in everything]


def echoes(*secrets: str) -> list[Respond]:
    """Errors of somebody who answers with all that he was sent."""
    echo = ", ".join(secrets)
    error = {"code": "InvalidRegistryCredentials", "message": f"refused: {echo}", "ref": echo, "details": {}}
    return [
        Respond(400, {"Content-Type": "application/json", "AuditUid": echo}, json.dumps(error).encode()),
        Respond(500, {"Content-Type": "text/html"}, f"<html>{echo}</html>".encode()),
    ]


def a_life(told: Told, palette: PaletteServer, secret: str) -> None:
    """All commands that reach Palette, when it goes well, and when it does not. `secret` is what Palette logs in with."""
    assert told("registries", "check").status == 0
    assert told("iam").status in (0, 64)
    assert told("plan", "--out", FILE, "--detail", "full").status == 0
    assert told("show", FILE).status == 0
    assert told("show", "--json", FILE).status == 0
    for method, path in (("GET", "*/summary"), ("GET", "*/metadata")):
        for fault in echoes(palette.api_key):
            palette.fail(method, path, fault)
            assert told("plan", "--json", form="json").status == 1
    for path in ("*/validate", "/v1/registries/oci/*[cr]", "*/sync"):
        for fault in echoes(palette.api_key, secret):
            palette.fail("POST", path, fault)
            assert told("apply", FILE).status == 1
    palette.syncs.next.append(Ending(f"GET https://{PULLER}:{secret}@127.0.0.1/v2/: 401, where {secret} was"))
    assert told("apply", FILE).status == 1
    palette.edit("team", "status.syncStatus.message", f"GET https://{PULLER}:{secret}@127.0.0.1/v2/: 401")
    assert told("plan", "--out", FILE).status == 0
    for fault in echoes(palette.api_key, secret):
        palette.fail("POST", "*/validate", fault)
        assert told("registries", "check").status == 1
    assert told("apply", FILE, form="json").status == 0
    assert told("apply", "--auto-approve", "--json").status == 0


def test_no_secret_of_a_basic_registry_is_shown_by_anything(
    server: DistributionServer, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_password(server)
    team = PaletteTeam(tmp_path / "team", server, palette)
    team.declare(palette=by_password(PULLER, version=3))
    team.pack()
    cache = tmp_path / "cache"
    debug = {"XDG_CACHE_HOME": str(cache), "REGSYNC_DEBUG": "1"}
    enter(monkeypatch, {**team.environment, **debug, PULL: NEW_PASSWORD})
    told = Told(team, cache)
    secrets = {"api key": palette.api_key, "our password": PASSWORD, "Palette's password": NEW_PASSWORD}
    a_life(told, palette, NEW_PASSWORD)
    assert kept(team) == NEW_PASSWORD
    assert b"/v1/registries/oci/basic" in told.everything()
    assert {each.suffix[1:] for each in team.root.glob("report-*")} == set(FORMATS)
    assert leaks(told, secrets) == []


def test_no_secret_of_amazon_ecr_is_shown_by_anything(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = "AKIAPALETTESREADER00", "palettes-secret-key-of-aws"
    aws.front.keys[key] = aws.account
    login = {"method": "credentials", "accessKeyId": key, "secretAccessKey": {"env": "SECRET_KEY"}}
    role = trust(aws, "push-packs", "ours")
    ours = {"method": "sts", "roleArn": role, "externalId": "ours"}
    with PaletteServer(aws_lister(aws)) as palette:
        team = EcrTeam(tmp_path / "team", aws, regions=[HOME], auth=ours, palette=registered(login))
        team.pack()
        cache = tmp_path / "cache"
        debug = {"XDG_CACHE_HOME": str(cache), "REGSYNC_DEBUG": "1"}
        enter(monkeypatch, {**add_palette(team, palette), **debug, "SECRET_KEY": secret})
        told = Told(team, cache)
        secrets = {"api key": palette.api_key, "our key": aws.secret, "Palette's key": secret}
        a_life(told, palette, secret)
        sessions = dict(enumerate(aws.front.identities.session_secrets))
        assert sessions
        passwords = dict(enumerate(aws.front.identities.logins))
        tokens = {f"session {name}": each for name, each in sessions.items()}
        tokens |= {f"password {name}": each for name, each in passwords.items()}
        assert leaks(told, {**secrets, **tokens}) == []
