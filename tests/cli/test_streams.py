"""What programs read: the event stream and the plan file of runs on a real server; and that none holds a secret."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.audit import sound_tags
from tests.support.cli import Ran
from tests.support.proxy import FaultProxy, Respond
from tests.support.servers import PASSWORD, ROOT, USER, DistributionServer
from tests.support.team import LOGIN, Team, login_to

SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


@pytest.fixture
def team(
    distribution_tls: DistributionServer, unique_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Team:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    team = Team(tmp_path / "team", distribution_tls.url, unique_path, **login_to(distribution_tls))
    team.pack("nginx")
    team.pack("redis", files={"noise.bin": random.Random("redis").randbytes(1 << 20)})
    return team


def schema(name: str) -> Draft7Validator:
    return Draft7Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")))


def events(ran: Ran) -> list[dict[str, Any]]:
    """The lines of an event stream, each held against the schema."""
    records = [json.loads(line) for line in ran.out.splitlines()]
    for record in records:
        schema("events").validate(record)
    assert records[0]["type"] == "version"
    return records


def test_the_event_stream_of_a_plan_and_its_apply(team: Team) -> None:
    planned = team.plan("--json", "--detailed-exitcode")
    assert planned.status == 2
    assert (events(planned)[-1]["type"], events(planned)[-1]["changes"]["add"]) == ("change_summary", 3)

    applied = team.apply("--json")
    records = events(applied)
    assert (applied.status, applied.err) == (0, "")
    assert records[-1]["changes"]["operation"] == "apply"
    assert records[-1]["changes"]["add"] == 3
    assert {"planned_change", "apply_start", "apply_progress", "apply_complete"} <= {
        each["type"] for each in records
    }


def test_the_event_stream_of_an_apply_that_fails_in_part(
    distribution: DistributionServer, unique_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    with FaultProxy(distribution.url) as proxy:
        team = Team(tmp_path / "team", proxy.url, unique_path)
        for name in ("kafka", "nginx", "redis"):
            team.pack(name)
        proxy.on("GET", "/kafka/", Respond(503), times=100)
        proxy.on("PUT", "/nginx/manifests/", Respond(503), times=100)
        ran = team.apply("--json")
    assert ran.status == 1
    changes = events(ran)[-1]["changes"]
    assert (changes["add"], changes["failed"], changes["not_compared"]) == (1, 1, 2)
    assert sound_tags(distribution, team.base).keys() == team.tags("redis")


def test_the_event_stream_of_a_manifest_that_is_wrong(team: Team) -> None:
    team.declare(basePth="/v2")
    ran = team.plan("--json")
    assert ran.status == 3
    assert events(ran)[-1]["diagnostic"]["severity"] == "error"


def test_a_plan_file_is_what_its_schema_says_and_shows_as_it_was(team: Team) -> None:
    assert team.apply().status == 0
    team.pack("nginx", values="changed: true\n")
    team.pack("kafka")
    planned = team.plan("--out", "plan.json")
    assert planned.status == 4
    document = json.loads((team.root / "plan.json").read_text())
    schema("plan").validate(document)
    assert document["summary"] | {"add": 1, "blocked": 1} == document["summary"]
    shown = team.run("show", "plan.json")
    assert shown.out.partition("\n")[2] == planned.out.partition("\n")[2]  # all but the time it took
    as_json = json.loads(team.run("show", "--json", "plan.json").out)
    assert as_json["fingerprint"] == document["fingerprint"]


def test_no_secret_in_anything_that_is_written(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.plan("--out", "plan.json")
    runs = [
        team.run("-v", "plan"),
        team.run("-v", "plan", "--json"),
        team.run("-v", "--log-format", "json", "apply", "plan.json"),
        team.run("registries", "check"),
        team.run("config", "show"),
    ]
    assert {each.status for each in runs} == {0}
    texts = [text for each in runs for text in (each.out, each.err)]
    texts += [path.read_text(errors="replace") for path in team.root.rglob("*") if path.is_file()]
    texts += [path.read_text(errors="replace") for path in Path.home().rglob("*") if path.is_file()]
    assert "/v2/" in runs[0].err
    for secret in SECRETS:
        assert not any(secret in text for text in texts)
