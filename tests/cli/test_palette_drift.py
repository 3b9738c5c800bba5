"""What somebody changes in Palette by hand: shown by the next plan, put right by the next apply; and rotated secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws, AwsFront
from tests.support.charts import make_chart
from tests.support.ecr import HOME, EcrTeam
from tests.support.ministack import MinistackServer
from tests.support.palette import PaletteServer
from tests.support.palette_ecr import aws_lister, trust
from tests.support.palette_lister import RealLister
from tests.support.palette_team import (
    HELM,
    KEY,
    PaletteTeam,
    add_palette,
    enter,
    listed,
    registered,
)
from tests.support.servers import DistributionServer
from tests.support.team import Team

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


class Prefixed(DistributionServer):
    """A registry whose API has a path before it, as JFrog's have."""

    PATH = "/artifactory/api/docker/packs"

    def _configuration(self) -> dict[str, object]:
        found = super()._configuration()
        http = found["http"]
        assert isinstance(http, dict)
        return {**found, "http": {**http, "prefix": f"{self.PATH}/"}}


@dataclass(frozen=True)
class Edit:
    """What is set behind everybody's back, and what the plan calls it."""

    field: str
    value: Any
    setting: str

    def __str__(self) -> str:
        return self.setting


BASIC = (
    Edit("spec.endpoint", "https://elsewhere.example.com", "endpoint"),
    Edit("spec.basePath", "/other", "basePath"),
    Edit("spec.baseContentPath", "other", "baseContentPath"),
    Edit("spec.auth.type", "noAuth", "auth"),
    Edit("spec.auth", None, "auth"),
    Edit("spec.auth.username", "somebody", "username"),
    Edit("spec.auth.tls.certificate", PEM, "certificate"),
    Edit("spec.auth.tls.insecureSkipVerify", True, "insecureSkipVerify"),
    Edit("spec.auth.tls.enabled", False, "certificate"),
    Edit("status.syncStatus.isSyncSupported", False, "synchronization"),
)
ROLE = (
    Edit("spec.endpoint", "123456789012.dkr.ecr.us-east-1.amazonaws.com", "endpoint"),
    Edit("spec.defaultRegion", "ap-south-1", "defaultRegion"),
    Edit("spec.baseContentPath", "other", "baseContentPath"),
    Edit("spec.isPrivate", False, "private"),
    Edit("spec.credentials.partition", "aws-us-gov", "partition"),
    Edit("spec.credentials.credentialType", "pod-identity", "auth"),
    Edit("spec.credentials.sts.arn", "arn:aws:iam::123456789012:role/other", "roleArn"),
    Edit("spec.credentials.sts.externalId", "other", "externalId"),
    Edit("spec.credentials", None, "auth"),
    Edit("spec.tls.insecureSkipVerify", True, "insecureSkipVerify"),
    Edit("spec.tls.certificate", PEM, "certificate"),
)
BY_KEY = (
    Edit("spec.credentials.accessKey", "AKIAOTHER00000000000", "accessKeyId"),
    Edit("spec.credentials.credentialType", "sts", "auth"),
)


def is_shown_and_healed(team: Team, palette: PaletteServer, edit: Edit) -> None:
    live = palette.named("team")
    before = deepcopy(live.document)
    palette.edit("team", edit.field, edit.value)
    shown = team.plan("--detailed-exitcode")
    assert shown.status == 2
    assert "~ team/@palette/team " in shown.out
    assert f"    {edit.setting}   " in shown.out
    assert team.apply().status == 0
    assert palette.named("team") is live  # the uid stays, so that no profile breaks
    assert live.document["spec"] == before["spec"]
    assert live.sync_status["isSyncSupported"] is True
    assert team.is_settled()


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaletteTeam]:
    """A team whose manifest says of a basic registry what Palette has no default for, once it has published a pack."""
    root = tmp_path_factory.mktemp("basic")
    with (
        Prefixed(root / "server", login=True, tls=True) as server,
        PaletteServer(RealLister()) as palette,
        pytest.MonkeyPatch.context() as patch,
    ):
        team = PaletteTeam(root / "team", server, palette, basePath=server.PATH)
        enter(patch, team.environment)
        yield team.published()


@pytest.mark.parametrize("edit", BASIC, ids=str)
def test_each_attribute_of_a_basic_registry(
    edit: Edit, basic: PaletteTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, basic.environment)
    is_shown_and_healed(basic, basic.palette, edit)


def test_what_is_taken_out_of_a_manifest_is_taken_out_of_palette(
    palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DistributionServer(tmp_path / "server", login=True, tls=True) as server:
        trusting = {"caFile": str(server.ca_file), "insecureSkipVerify": True}
        team = PaletteTeam(tmp_path / "team", server, palette)
        enter(monkeypatch, team.environment)
        team.pack()
        team.declare(palette=registered(tls=trusting))
        assert team.apply().status == 0
        assert team.live.spec["auth"]["tls"]["insecureSkipVerify"] is True

        team.declare(palette=registered(tls={"caFile": str(server.ca_file)}))
        shown = team.plan("--detailed-exitcode")
        assert shown.status == 2
        assert "    insecureSkipVerify   true → false" in shown.out
        assert team.apply().status == 0
        assert team.live.spec["auth"]["tls"]["insecureSkipVerify"] is False
        assert team.is_settled()


@pytest.fixture(scope="module")
def ecr(ministack: MinistackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EcrTeam]:
    """A team whose manifest says no more than it must of Amazon ECR."""
    root = tmp_path_factory.mktemp("ecr")
    with AwsFront(ministack) as front, closing(Aws(front, ministack, root)) as aws:
        team = EcrTeam(root / "team", aws, regions=[HOME])
        team.pack()
        yield team


@pytest.fixture(scope="module")
def by_role(ecr: EcrTeam) -> Iterator[PaletteServer]:
    """A Palette in which that team is registered with a role."""
    with PaletteServer(aws_lister(ecr.aws)) as palette, pytest.MonkeyPatch.context() as patch:
        role = trust(ecr.aws, "palette-read", palette.api.external_id)
        ecr.declare(palette=registered({"method": "sts", "roleArn": role}))
        enter(patch, ecr.aws.environment | add_palette(ecr, palette))
        assert ecr.apply().status == 0
        yield palette


@pytest.mark.parametrize("edit", ROLE, ids=str)
def test_each_attribute_of_a_role_in_ecr(
    edit: Edit, ecr: EcrTeam, by_role: PaletteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, {**ecr.aws.environment, KEY: by_role.api_key})
    is_shown_and_healed(ecr, by_role, edit)


def test_each_attribute_of_a_key_in_ecr(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = "AKIAPALETTESREADER00", {"env": "SECRET_KEY"}
    aws.front.keys[key] = aws.account
    login = {"method": "credentials", "accessKeyId": key, "secretAccessKey": secret}
    with PaletteServer(aws_lister(aws)) as palette:
        team = EcrTeam(tmp_path / "team", aws, regions=[HOME], palette=registered(login))
        enter(monkeypatch, {**add_palette(team, palette), "SECRET_KEY": "never-printed"})
        team.pack()
        assert team.apply().status == 0
        for edit in BY_KEY:
            is_shown_and_healed(team, palette, edit)


@pytest.fixture
def charts(palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PaletteTeam]:
    """A team that has published a chart."""
    with DistributionServer(tmp_path / "server", login=True, tls=True) as server:
        team = PaletteTeam(tmp_path / "team", server, palette)
        enter(monkeypatch, team.environment)
        make_chart(team.root / "charts")
        team.declare({"charts": "../charts/*"}, **HELM)
        assert team.apply().status == 0
        yield team


def test_whether_charts_synchronize_is_changed_by_another_registration_and_only_where_that_is_allowed(
    charts: PaletteTeam,
) -> None:
    old = charts.live.uid
    charts.palette.edit("team", "status.syncStatus.isSyncSupported", False)
    blocked = charts.apply()
    assert blocked.status == 4
    assert "synchronization cannot be changed" in blocked.out
    assert "its uid changes: cluster profiles" in blocked.out
    assert "set policy.replacePalette: allow" in blocked.out
    assert charts.live.uid == old

    charts.declare({"charts": "../charts/*"}, **HELM, policy={"replacePalette": "allow"})
    replaced = charts.apply()
    assert replaced.status == 0
    assert "replaced" in replaced.out
    assert charts.live.uid != old
    assert len(charts.palette.registrations) == 1
    assert listed(charts.palette) == {"web:1.0.0"}
    assert charts.is_settled()


def test_a_registration_of_another_type_is_replaced_only_where_that_is_allowed(charts: PaletteTeam) -> None:
    spec = {**charts.live.spec, "providerType": "zarf"}
    charts.palette.remove("team")
    old = charts.palette.add("basic", "team", **spec)
    adopt = ("--adopt", charts.registration)
    assert "only deleting and registering anew would do it" in charts.apply(*adopt).out
    charts.declare({"charts": "../charts/*"}, **HELM, policy={"replacePalette": "allow"})
    unmarked = charts.apply()
    assert unmarked.status == 4
    assert "which nobody marked as ours" in unmarked.out
    assert charts.live.uid == old.uid
    assert charts.apply(*adopt).status == 0
    assert charts.live.uid != old.uid
    assert listed(charts.palette) == {"web:1.0.0"}
    assert charts.is_settled()
