"""How the program logs in to AWS, what it does when a login ends or is refused, and that it tells no secret."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws, Role
from tests.support.cli import Ran
from tests.support.ecr import AWAY, HOME, PLAN, EcrTeam, actions
from tests.support.watch import WatchingProxy

Patch = pytest.MonkeyPatch
Way = Callable[[Aws, Path, Patch], dict[str, Any]]
"""Sets up a way to log in, and returns the manifest's `auth`."""

EXTERNAL_ID = "palette-42"


@pytest.fixture
def team(aws: Aws, tmp_path: Path) -> EcrTeam:
    team = EcrTeam(tmp_path / "team", aws)
    team.pack("nginx")
    return team


@pytest.fixture
def proxy(aws: Aws, monkeypatch: Patch) -> Iterator[WatchingProxy]:
    """What stands in front of AWS, and acts when a certain request comes by."""
    with WatchingProxy(aws.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def role_of(aws: Aws) -> str:
    return f"arn:aws:iam::{aws.account}:role/push-packs"


def without_key(monkeypatch: Patch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def a_profile(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    without_key(monkeypatch)
    keys = f"aws_access_key_id = {aws.key}\naws_secret_access_key = {aws.secret}\nregion = ap-south-1\n"
    (folder / "config").write_text(f"[profile pusher]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    return {"method": "aws", "profile": "pusher"}


def references(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    without_key(monkeypatch)
    monkeypatch.setenv("THE_KEY", aws.key)
    (folder / "secret").write_text(f"{aws.secret}\n")
    secret = {"file": str(folder / "secret")}
    return {"method": "credentials", "accessKeyId": {"env": "THE_KEY"}, "secretAccessKey": secret}


def a_session(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    aws.front.roles[role_of(aws)] = Role()
    assumed = aws.client("sts").assume_role(RoleArn=role_of(aws), RoleSessionName="earlier")["Credentials"]
    without_key(monkeypatch)
    fields = {
        "accessKeyId": "AccessKeyId",
        "secretAccessKey": "SecretAccessKey",
        "sessionToken": "SessionToken",
    }
    for field, name in fields.items():
        monkeypatch.setenv(f"THE_{field}", assumed[name])
    return {"method": "credentials", **{field: {"env": f"THE_{field}"} for field in fields}}


def a_role(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    aws.front.roles[role_of(aws)] = Role()
    return {"method": "sts", "roleArn": role_of(aws)}


def a_role_with_an_external_id(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    aws.front.roles[role_of(aws)] = Role(external_id=EXTERNAL_ID)
    return {"method": "sts", "roleArn": role_of(aws), "externalId": EXTERNAL_ID, "duration": "15m"}


def a_role_by_references(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    return {**references(aws, folder, monkeypatch), **a_role(aws, folder, monkeypatch)}


def a_web_identity(aws: Aws, folder: Path, monkeypatch: Patch) -> dict[str, Any]:
    without_key(monkeypatch)
    token = f"never-printed-{secrets.token_hex(8)}"
    aws.front.roles[role_of(aws)] = Role(web_identity_token=token)
    (folder / "token").write_text(token)
    monkeypatch.setenv("AWS_ROLE_ARN", role_of(aws))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(folder / "token"))
    return {"method": "aws"}


WAYS = [
    a_profile,
    references,
    a_session,
    a_role,
    a_role_with_an_external_id,
    a_role_by_references,
    a_web_identity,
]


def secrets_of(aws: Aws) -> set[str]:
    """All that may log somebody in."""
    front, identities = aws.front, aws.front.identities
    passwords = {*identities.logins}
    headers = {base64.b64encode(f"AWS:{each}".encode()).decode() for each in passwords}
    tokens = {each.session_token for each in identities.sessions.values() if each.session_token}
    webs = {each.web_identity_token for each in front.roles.values() if each.web_identity_token}
    signatures = {each.partition("X-Amz-Signature=")[2] for each in front.bucket.fetched}
    return {aws.secret, *identities.session_secrets, *passwords, *headers, *tokens, *webs, *signatures}


def tells_a_secret(aws: Aws, *runs: Ran, folder: Path) -> bool:
    """Whether a secret stands in what was printed or in any file beneath a folder."""
    texts = [f"{ran.out}{ran.err}" for ran in runs]
    texts += [each.read_bytes().decode(errors="replace") for each in folder.rglob("*") if each.is_file()]
    found = secrets_of(aws)
    assert found > {aws.secret}
    return any(secret in text for secret in found for text in texts)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_log_in_publishes_and_tells_no_secret(
    way: Way, team: EcrTeam, aws: Aws, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(team.root / "cache"))
    team.declare(auth=way(aws, tmp_path, monkeypatch))
    aws.front.calls.clear()
    planned = team.run("-vv", "plan", "--out", PLAN)
    applied = team.run("-vv", "--log-format", "json", "apply", PLAN)
    assert (planned.status, applied.status) == (0, 0)
    asked = actions(aws.front.calls)
    assert asked["AssumeRole"] in {0, 4}  # once by each run in each region
    assert "ecr DescribeImages us-east-1 team/" in planned.err
    assert "PUT https://" in applied.err
    assert not tells_a_secret(aws, planned, applied, folder=team.root)
    assert team.live(HOME) == team.live(AWAY) != {}


def test_where_a_layer_comes_from_is_told_without_the_signature(team: EcrTeam, aws: Aws) -> None:
    team.push_by_hand("nginx")
    ran = team.run("-vv", "plan")
    assert ran.status == 0
    assert f"GET {aws.front.bucket.url}/" in ran.err
    assert not tells_a_secret(aws, ran, folder=team.root)


@pytest.mark.parametrize(
    ("role", "auth", "said"),
    [
        pytest.param(None, {}, "trust policy", id="no-such-role"),
        pytest.param(Role(EXTERNAL_ID), {}, "externalId", id="no-external-id"),
        pytest.param(Role(EXTERNAL_ID), {"externalId": "palette-43"}, "externalId", id="wrong-external-id"),
    ],
)
def test_a_role_that_is_refused_is_no_empty_registry(
    role: Role | None, auth: dict[str, str], said: str, team: EcrTeam, aws: Aws
) -> None:
    if role:
        aws.front.roles[role_of(aws)] = role
    team.declare(auth={"method": "sts", "roleArn": role_of(aws), **auth})
    ran = team.apply()
    assert ran.status == 1
    assert "sts:AssumeRole" in ran.out
    assert role_of(aws) in ran.out
    assert said in ran.out
    assert "0 to add" in ran.out
    assert actions(aws.front.calls) == {"AssumeRole": 2}


def renewals(aws: Aws, action: str) -> Counter[str]:
    """How often an action has succeeded, by region."""
    return Counter(each.region for each in aws.front.calls if each.action == action and each.status == 200)


def test_logins_to_the_registry_that_end_during_an_apply_are_renewed_once(
    team: EcrTeam, aws: Aws, proxy: WatchingProxy
) -> None:
    for each in ("kafka", "redis", "vault"):
        team.pack(each)
    team.declare(connectTo=proxy.url)
    proxy.before("PUT", "/manifests/", aws.front.expire_tokens)
    assert team.apply().status == 0
    assert 403 in [each.status for each in aws.front.calls]
    assert renewals(aws, "GetAuthorizationToken") == {HOME: 2, AWAY: 2}
    assert team.live(HOME) == team.live(AWAY)
    assert team.live(HOME).keys() == team.tags("kafka", "nginx", "redis", "vault")


def test_sessions_of_a_role_that_end_during_an_apply_are_renewed_once(
    team: EcrTeam, aws: Aws, proxy: WatchingProxy, tmp_path: Path, monkeypatch: Patch
) -> None:
    def end_everything() -> None:
        aws.front.expire_sessions()
        aws.front.expire_tokens()

    for each in ("kafka", "redis", "vault"):
        team.pack(each)
    team.declare(connectTo=proxy.url, auth=a_role(aws, tmp_path, monkeypatch))
    proxy.before("PUT", "/manifests/", end_everything)
    ran = team.run("-vv", "apply", "--auto-approve")
    assert ran.status == 0
    assert renewals(aws, "AssumeRole") == renewals(aws, "GetAuthorizationToken") == {HOME: 2, AWAY: 2}
    assert not tells_a_secret(aws, ran, folder=team.root)
    assert team.live(HOME) == team.live(AWAY)
