"""Amazon ECR in two regions, registered in Palette once: by a role with the tenant's external ID, or by a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws
from tests.support.ecr import AWAY, HOME, EcrTeam
from tests.support.palette import PaletteServer
from tests.support.palette_ecr import aws_lister, trust
from tests.support.palette_team import add_palette, enter, last_line, listed, registered, syncs

READER = "palette-read"
SYNC = "team/@palette/team/sync"
PACK = "nginx:1.25.0"


@pytest.fixture
def palette(aws: Aws) -> Iterator[PaletteServer]:
    """A Palette that enters the test suite's AWS from an account of its own."""
    with PaletteServer(aws_lister(aws)) as server:
        yield server


@pytest.fixture
def team(aws: Aws, palette: PaletteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EcrTeam:
    """A team with one pack, whose role lets Palette in under the tenant's external ID."""
    role = trust(aws, READER, palette.api.external_id)
    team = EcrTeam(tmp_path / "team", aws, palette=by_role(role))
    enter(monkeypatch, add_palette(team, palette))
    team.pack()
    return team


def by_role(arn: str, **more: str) -> dict[str, Any]:
    return registered({"method": "sts", "roleArn": arn, **more})


def test_both_regions_are_registered_once_by_their_template(team: EcrTeam, palette: PaletteServer) -> None:
    assert team.apply().status == 0
    [live] = palette.registrations
    assert live.spec["endpoint"] == team.aws.host("{{ .spectro.system.aws.region }}")
    assert live.spec["defaultRegion"] == HOME
    assert live.spec["isPrivate"] is True
    assert live.spec["credentials"]["credentialType"] == "sts"
    assert live.spec["credentials"]["sts"] == {
        "arn": f"arn:aws:iam::{team.aws.account}:role/{READER}",
        "externalId": palette.api.external_id,
    }
    assert team.live(HOME) == team.live(AWAY) != {}
    assert listed(palette) == {PACK}
    assert team.is_settled()


def test_the_default_region_may_be_another_one(team: EcrTeam, palette: PaletteServer) -> None:
    team.declare(defaultRegion=AWAY)
    assert team.apply().status == 0
    assert palette.named("team").spec["defaultRegion"] == AWAY
    assert team.is_settled()
    team.declare(defaultRegion=HOME)
    assert f"defaultRegion   {AWAY} → {HOME}" in team.plan().out
    assert team.apply().status == 0
    assert team.is_settled()


def test_a_written_external_id_goes_before_the_tenants(team: EcrTeam, palette: PaletteServer) -> None:
    role = trust(team.aws, READER, "our-own")
    team.declare(palette=by_role(role, externalId="our-own"))
    assert team.apply().status == 0
    assert palette.named("team").spec["credentials"]["sts"]["externalId"] == "our-own"
    assert palette.asked("GET", "/v1/clouds/aws/account/sts") == []
    assert team.is_settled()


def test_a_role_that_does_not_trust_palette_is_told_with_the_statement_that_it_lacks(
    team: EcrTeam, palette: PaletteServer
) -> None:
    trust(team.aws, READER, "another tenant's")
    ran = team.apply()
    assert ran.status == 1
    assert palette.registrations == []
    assert f'"sts:ExternalId": "{palette.api.external_id}"' in ran.out
    assert f"arn:aws:iam::{palette.api.account}:root" in ran.out
    assert team.live(HOME) != {}
    trust(team.aws, READER, palette.api.external_id)
    assert team.apply().status == 0
    assert team.is_settled()


def test_iam_prints_who_is_to_be_trusted(team: EcrTeam, palette: PaletteServer) -> None:
    ran = team.run("iam", "--format", "json")
    assert ran.status == 0
    assert palette.api.account in ran.out
    assert palette.api.external_id in ran.out
    json.loads(ran.out)
    told = team.run("registries", "check")
    assert told.status == 0, told.out
    assert palette.api.account in told.out
    assert palette.api.external_id in told.out


def test_palette_may_have_a_key_of_its_own(
    team: EcrTeam, palette: PaletteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = "AKIAPALETTESREADER00", "never-printed-either"
    team.aws.front.keys[key] = team.aws.account
    monkeypatch.setenv("PALETTE_SECRET_KEY", secret)
    login = {"method": "credentials", "accessKeyId": key, "secretAccessKey": {"env": "PALETTE_SECRET_KEY"}}
    team.declare(palette=registered(login))
    assert team.apply().status == 0
    credentials = palette.named("team").spec["credentials"]
    assert (credentials["credentialType"], credentials["accessKey"]) == ("secret", key)
    assert credentials["secretKey"] == secret
    assert team.is_settled()


def test_a_failure_in_the_default_region_withholds_the_sync(team: EcrTeam, palette: PaletteServer) -> None:
    assert team.apply().status == 0
    team.pack("redis")
    team.aws.front.deny("PutImage", f"*:{HOME}:*")
    palette.requests.clear()
    ran = team.apply()
    assert ran.status == 1
    assert f"held back, since {team.at(HOME, 'redis')} was not written" in last_line(ran, SYNC)
    assert syncs(palette) == []
    team.aws.front.reset()
    assert team.apply().status == 0
    assert listed(palette) == {PACK, "redis:1.25.0"}
    assert team.is_settled()


@pytest.mark.parametrize("overwritten", [False, True])
def test_a_failure_in_another_region_withholds_it_only_where_tags_were_moved(
    overwritten: bool, team: EcrTeam, palette: PaletteServer
) -> None:
    team.declare(policy={"overwrite": "allow"})
    assert team.apply().status == 0
    if overwritten:
        team.pack(values="moved: true\n")
    else:
        team.pack("redis")
    team.aws.front.deny("PutImage", f"*:{AWAY}:*")
    palette.requests.clear()
    assert team.apply().status == 1
    assert len(syncs(palette)) == (0 if overwritten else 1)
    team.aws.front.reset()
    assert team.apply().status == 0
    shown = {each.name: each.values for each in palette.named("team").packs.values()}
    if overwritten:
        assert shown == {"nginx": "moved: true\n"}
    else:
        assert shown.keys() == {"nginx", "redis"}
    assert team.is_settled()
