"""Bad input on Amazon ECR gets a clear error: what is denied to whom, what to do, and nothing half made without a name."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Aws, Role
from tests.support.aws_errors import Refused
from tests.support.cli import Ran
from tests.support.ecr import AWAY, HOME, EcrTeam, writes

THEIRS = "444455556666"
SETTINGS = {
    "tagMutability": "IMMUTABLE",
    "tags": {"team": "platform"},
    "lifecyclePolicyFile": "../policies/keep.json",
}
UNTAGGED = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
KEEP = {"rules": [{"rulePriority": 1, "selection": UNTAGGED, "action": {"type": "expire"}}]}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat no call of the API, and other failed requests at once."""
    monkeypatch.setattr("regsync.registries.ecr.session.ATTEMPTS", 1)
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)


@pytest.fixture
def team(tmp_path: Path, aws: Aws) -> EcrTeam:
    """A team with one pack for one region that holds nothing."""
    team = EcrTeam(tmp_path, aws, name="ecr", regions=[HOME], repositories=SETTINGS)
    team.pack()
    team.write("policies/keep.json", json.dumps(KEEP))
    return team


def refused(team: EcrTeam, ran: Ran, status: int, *said: str) -> None:
    """The run ended with `status` and told all of this, in words that need no knowledge of the SDK, and no secret."""
    everything = ran.out + ran.err
    assert ran.status == status, everything
    for each in said:
        assert each in everything
    secrets = [team.aws.secret, *team.aws.front.identities.logins, *team.aws.front.identities.sessions]
    for bad in ("Traceback", "bug in regsync", "internal error", "boto", "client error", *secrets):
        assert bad not in everything


def unreadable(team: EcrTeam, ran: Ran, address: str, reason: str, *hints: str) -> None:
    """The plan could not read what has this address, for this reason, and so it changes nothing."""
    rows = [each.split(maxsplit=3) for each in ran.out.splitlines() if each.startswith("? ")]
    assert ["?", address, "unreadable", reason] in rows
    assert "Plan: 0 to add, 0 to change, 0 to delete" in ran.out
    refused(team, ran, 1, *hints)
    assert not writes(team.aws.front.calls)


# Logins


LOGINS: dict[str, tuple[dict[str, str | None], dict[str, Any], str, str]] = {
    "none at all": (
        {"AWS_ACCESS_KEY_ID": None},
        {},
        "no credentials of AWS were found: none in the environment, in a profile, by SSO or web identity, and no role of a container or instance",
        "set AWS_PROFILE or AWS_ACCESS_KEY_ID, run `aws sso login`, or name a login in spec.auth",
    ),
    "an unknown key": (
        {"AWS_ACCESS_KEY_ID": "AKIANOBODY"},
        {},
        "ecr:GetAuthorizationToken: AWS does not know the access key from the environment (UnrecognizedClientException)",
        "check whether the region us-east-1 is enabled for its account",
    ),
    "a profile that there is not": (
        {},
        {"method": "aws", "profile": "prod"},
        "AWS's configuration has no profile 'prod'",
        "spec.auth.profile (registries/team.yaml:12:27) names it; `aws configure list-profiles`",
    ),
    "a profile of the environment that there is not": (
        {"AWS_PROFILE": "prod"},
        {},
        "AWS's configuration has no profile 'prod'",
        "AWS_PROFILE names it",
    ),
    "a reference that leads nowhere": (
        {},
        {"method": "credentials", "accessKeyId": {"env": "KEY"}, "secretAccessKey": {"env": "SECRET"}},
        "registries/team.yaml:12:50: the environment variable KEY is not set",
        "set KEY where regsync runs",
    ),
    "nobody answers": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {},
        "ecr:GetAuthorizationToken: no connection to http://127.0.0.1:1: connection refused",
        "`regsync endpoints` lists the hosts; HTTPS_PROXY names a proxy, and AWS_ENDPOINT_URL",
    ),
    "a host of the environment that nobody has": (
        {"AWS_ENDPOINT_URL": "http://aws.invalid"},
        {},
        "ecr:GetAuthorizationToken: no host has the name aws.invalid",
        "AWS_ENDPOINT_URL, or AWS's configuration, names it",
    ),
    "a host that may not see credentials": (
        {"REGSYNC_ALLOW_HOSTS": "*.dkr.ecr.*.amazonaws.com 127.0.0.1", "AWS_ENDPOINT_URL": None},
        {},
        "no credentials are sent to https://api.ecr.us-east-1.amazonaws.com: REGSYNC_ALLOW_HOSTS does not name this host",
        "add api.ecr.us-east-1.amazonaws.com to REGSYNC_ALLOW_HOSTS; `regsync endpoints` lists all",
    ),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_that_is_none(team: EcrTeam, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, auth, reason, hint = LOGINS[name]
    for variable, value in environment.items():
        if value is None:
            monkeypatch.delenv(variable)
        else:
            monkeypatch.setenv(variable, value)
    team.declare(**({"auth": auth} if auth else {}))
    unreadable(team, team.plan(), f"ecr@{HOME}", reason, hint)
    refused(team, team.run("registries", "check"), 1, "failed   ecr@us-east-1", reason, hint)


def test_credentials_that_have_expired(team: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    role = f"arn:aws:iam::{team.aws.account}:role/push"
    team.aws.front.roles[role] = Role()
    session = team.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="earlier")["Credentials"]
    team.aws.front.expire_sessions()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])
    reason = (
        "ecr:GetAuthorizationToken: the credentials from the environment have expired (ExpiredTokenException)"
    )
    unreadable(team, team.plan(), f"ecr@{HOME}", reason, "renew them, as with `aws sso login`")


@pytest.mark.parametrize(
    ("role", "external_id", "hint"),
    [
        (
            None,
            None,
            "if it asks for an external ID, write it in spec.auth.externalId (registries/team.yaml:12:",
        ),
        (Role("right"), None, "if it asks for an external ID, write it in spec.auth.externalId"),
        (Role("right"), "wrong", "is it the one in spec.auth.externalId (registries/team.yaml:12:"),
    ],
)
def test_a_role_that_may_not_be_assumed(
    team: EcrTeam, role: Role | None, external_id: str | None, hint: str
) -> None:
    arn = f"arn:aws:iam::{team.aws.account}:role/push"
    if role:
        team.aws.front.roles[arn] = role
    given = {"externalId": external_id} if external_id else {}
    team.declare(auth={"method": "sts", "roleArn": arn, **given})
    reason = (
        f"sts:AssumeRole: User: arn:aws:iam::{team.aws.account}:user/tester is not authorized to perform: "
        f"sts:AssumeRole on resource: {arn}; the credentials come from the environment"
    )
    needed = f'{{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "{arn}"}}'
    unreadable(
        team, team.plan(), f"ecr@{HOME}", reason, f"the trust policy of {arn} must admit", hint, needed
    )


# Places


def test_a_region_that_there_is_not(team: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def lookup(host: str, *more: Any, **others: Any) -> Any:
        if host.endswith("amazonaws.com"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *more, **others)

    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    team.declare(regions=["us-nowhere-9"])
    unreadable(
        team,
        team.plan(),
        "ecr@us-nowhere-9",
        "ecr:GetAuthorizationToken: no host has the name api.ecr.us-nowhere-9.amazonaws.com",
        "is there a region us-nowhere-9? see the endpoint (registries/team.yaml:7:3)",
    )


def test_the_registry_of_another_account(team: EcrTeam) -> None:
    team.declare(endpoint=team.aws.host("{{ .spectro.system.aws.region }}").replace(team.aws.account, THEIRS))
    unreadable(
        team,
        team.plan(),
        f"ecr@{HOME}/{team.repository('nginx')}",
        f"ecr:DescribeImages is denied to arn:aws:iam::{team.aws.account}:user/tester because no resource-based policy "
        "allows it",
        f"the login is of account {team.aws.account}, and the registry of {THEIRS}: log in to {THEIRS}",
        "or correct the endpoint (registries/team.yaml:7:3)",
        f'"Resource": "arn:aws:ecr:us-east-1:{THEIRS}:repository/{team.repository("nginx")}"',
    )


def test_a_repository_that_another_account_would_have_to_create(
    team: EcrTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team.aws.front, "_shared", lambda *what: True)  # anyone may look
    team.declare(endpoint=team.aws.host("{{ .spectro.system.aws.region }}").replace(team.aws.account, THEIRS))
    unreadable(
        team,
        team.plan(),
        f"ecr@{HOME}/{team.repository('nginx')}",
        f"there is no such repository in the registry of account {THEIRS}, and the login is of account "
        f"{team.aws.account}, which cannot create it there",
        f"create it in {THEIRS}, or log in there: see spec.auth",
    )


# Rights


def denied(team: EcrTeam, action: str) -> str:
    return (
        f"ecr:{action} is denied to arn:aws:iam::{team.aws.account}:user/tester because no identity-based policy "
        "allows it"
    )


def granted(team: EcrTeam, action: str, repository: str = "") -> str:
    resource = f"arn:aws:ecr:{HOME}:{team.aws.account}:repository/{repository}" if repository else "*"
    return f'grant it: {{"Effect": "Allow", "Action": "ecr:{action}", "Resource": "{resource}"}}; `regsync iam` prints'


@pytest.mark.parametrize(
    "action",
    ["BatchGetImage", "DescribeImages", "DescribeRepositories", "GetLifecyclePolicy", "ListTagsForResource"],
)
def test_a_read_that_is_denied(team: EcrTeam, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert team.apply().status == 0
    monkeypatch.setenv("REGSYNC_CACHE_DIR", str(team.root / "cache"))  # on another machine
    team.aws.front.reset()
    team.aws.front.deny(action, "*/nginx")
    address = f"ecr@{HOME}/{team.repository('nginx')}"
    line = granted(team, action, team.repository("nginx"))
    unreadable(team, team.plan(), address, denied(team, action), line)


def test_a_login_to_push_that_is_denied_creates_nothing(team: EcrTeam) -> None:
    team.aws.front.deny("GetAuthorizationToken")
    line = granted(team, "GetAuthorizationToken")
    unreadable(team, team.plan(), f"ecr@{HOME}", denied(team, "GetAuthorizationToken"), line)
    assert team.apply().status == 1
    assert not writes(team.aws.front.calls)


@pytest.mark.parametrize(
    ("action", "address", "done"),
    [
        ("CreateRepository", "/nginx", ""),
        ("TagResource", "/nginx", ""),
        ("PutLifecyclePolicy", "/nginx", "it was created, its lifecyclePolicy not: "),
        ("InitiateLayerUpload", "/nginx:1.25.0", ""),
        ("UploadLayerPart", "/nginx:1.25.0", ""),
        ("CompleteLayerUpload", "/nginx:1.25.0", ""),
        ("PutImage", "/nginx:1.25.0", ""),
    ],
)
def test_a_write_that_is_denied(team: EcrTeam, action: str, address: str, done: str) -> None:
    """What is half made is named, what depends on it waits, and the next apply finishes it."""
    team.aws.front.deny(action, "*/nginx")
    ran = team.apply()
    line = granted(team, action, team.repository("nginx"))
    refused(team, ran, 1, "create failed", line, "Apply incomplete: applied ")
    [failed] = [each.split(maxsplit=4) for each in ran.out.splitlines() if each.startswith("x ")]
    assert failed[1].endswith(address)
    assert failed[4] == f"{done}{denied(team, action)}"
    pushed = ":" in address
    assert (f". {failed[1]}:1.25.0   create skipped   held back" in ran.out) is not pushed
    team.aws.front.reset()
    assert team.apply().status == 0
    assert team.is_settled()


def test_a_push_that_may_not_look_first(team: EcrTeam) -> None:
    """The answer to a HEAD has no words of AWS's."""
    team.aws.front.deny("BatchGetImage")
    line = granted(team, "BatchGetImage", team.repository("nginx"))
    refused(team, team.apply(), 1, "ecr:BatchGetImage is denied: HEAD was answered with 403", line)


def test_a_policy_that_denies_is_not_answered_with_a_grant(
    team: EcrTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(caller: str, action: str, resource: str, why: str) -> Exception:
        said = f"User: {caller} is not authorized to perform: {action} on resource: {resource} with an explicit deny"
        return Refused("AccessDeniedException", f"{said} in a service control policy")

    monkeypatch.setattr("tests.support.aws.not_authorized", deny)
    team.aws.front.deny("Describe*")
    unreadable(
        team,
        team.plan(),
        f"ecr@{HOME}/{team.repository('nginx')}",
        f"ecr:DescribeImages is denied to arn:aws:iam::{team.aws.account}:user/tester with an explicit deny in a service "
        "control policy",
        "explicitly: no other policy can grant it",
    )


# Keys and quotas


def test_a_key_that_does_not_exist(team: EcrTeam) -> None:
    key = f"arn:aws:kms:{HOME}:{team.aws.account}:key/11111111-2222-3333-4444-555555555555"
    team.aws.front.missing_keys.add(key)
    team.declare(repositories={"encryption": {"type": "KMS", "key": key}})
    ran = team.apply()
    refused(team, ran, 1, f"ecr:CreateRepository: KmsException: Key '{key}' does not exist")
    assert ran.out.count("help: the key must be enabled, in the region of the repository") == 1
    assert "see spec.repositories.encryption (registries/team.yaml:11:" in ran.out
    assert not team.live()


def test_a_plan_with_something_blocked_is_refused(team: EcrTeam) -> None:
    assert team.apply().status == 0
    team.pack(values="pack: {namespace: other}\n")
    for command in (team.plan, team.apply):
        ran = command()
        refused(team, ran, 4, "its repository never moves this tag (tagMutability)", "raise the version at")


# Many


@pytest.fixture
def crowd(team: EcrTeam) -> EcrTeam:
    """A team with forty packs for two regions."""
    for number in range(39):
        team.pack(f"pack-{number:02}")
    team.declare(regions=[HOME, AWAY])
    return team


def test_one_reason_for_forty_repositories_is_said_a_few_times(crowd: EcrTeam) -> None:
    crowd.aws.front.deny("DescribeImages")
    ran = crowd.plan()
    reason = denied(crowd, "DescribeImages")
    refused(crowd, ran, 1, "80 parts of the live registries could not be read", reason)
    assert ran.out.count("… 35 more likewise (--detail full)") == 2
    assert ran.out.count("help: grant it") == 2
    assert len(ran.out) < 10_000
    assert crowd.plan("--detail", "full").out.count(reason) == 80


def test_one_reason_for_forty_pushes_has_one_help(crowd: EcrTeam) -> None:
    crowd.declare(regions=[HOME])
    crowd.aws.front.deny("CreateRepository")
    ran = crowd.apply("--detail", "summary")
    refused(crowd, ran, 1, denied(crowd, "CreateRepository"))
    assert ran.out.count("help: grant it") == 1


# Secrets


def test_secrets_of_aws_are_never_in_any_output(team: EcrTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at any verbosity, and in no file that is left behind."""
    role = f"arn:aws:iam::{team.aws.account}:role/push"
    team.aws.front.roles[role] = Role("known-to-few")
    team.declare(auth={"method": "sts", "roleArn": role, "externalId": "known-to-few"})
    runs = [
        team.run("-v", "plan", "--out", "plan.json"),
        team.run("-v", "apply", "plan.json"),
        team.run("-v", "registries", "check"),
    ]
    team.aws.front.deny("DescribeImages")
    team.aws.front.expire_tokens()
    runs += [team.run("-v", "plan"), team.run("-v", "--log-format", "json", "plan", "--json")]
    assert [ran.status for ran in runs] == [0, 0, 0, 1, 1]
    told = "".join(ran.out + ran.err for ran in runs) + (team.root / "plan.json").read_text()
    identities = team.aws.front.identities
    assert "AssumeRole" in told
    for secret in (
        team.aws.secret,
        *identities.logins,
        *(each.session_token for each in identities.sessions.values()),
    ):
        assert secret
        assert secret not in told
