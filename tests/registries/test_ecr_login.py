"""How regsync logs in to AWS, and what it says where it cannot."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.model.errors import AuthenticationFailed, NotFound, RegistryError, RegsyncError, Unreachable
from regsync.model.registry import Auth, AuthMethod, AwsLogin, AwsPlace, RegistrySpec
from regsync.registries.base import Surroundings
from regsync.registries.ecr.actions import repository_arn
from tests.registries.elastic import secret, session, spec_of, surroundings
from tests.support.aws import Aws, Role

ROLE = "arn:aws:iam::210987654321:role/push-packs"
ENVIRONMENT = {"KEY": "AKIAREFERENCED", "SECRET": "a-secret-of-ours", "TOKEN": "a-token-of-ours"}


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return surroundings(tmp_path, environment=ENVIRONMENT)


def logs_in(spec: RegistrySpec, around: Surroundings) -> str:
    """Call the API and return the account of whoever was logged in."""
    with session(spec, around) as aws:
        aws.call("DescribeRepositories")
        return aws.account()


def refusal(spec: RegistrySpec, around: Surroundings) -> RegistryError:
    """What a call to the API fails with."""
    with session(spec, around) as aws, pytest.raises(RegistryError) as caught:
        aws.call("DescribeRepositories")
    return caught.value


def with_login(spec: RegistrySpec, method: AuthMethod, **login: object) -> RegistrySpec:
    return replace(spec, auth=Auth(method, aws=AwsLogin(**login)))  # type: ignore[arg-type]


def without_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def write_profile(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    config = tmp_path / "aws-config"
    config.write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))


def test_the_chain_of_the_sdk_logs_in(aws: Aws, around: Surroundings) -> None:
    assert logs_in(spec_of(aws), around) == aws.account


def test_a_profile_logs_in(
    aws: Aws, around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_key(monkeypatch)
    keys = f"aws_access_key_id = {aws.key}\naws_secret_access_key = unread\nregion = ap-south-1\n"
    write_profile(aws, tmp_path, monkeypatch, f"[profile pusher]\n{keys}")
    assert logs_in(with_login(spec_of(aws), AuthMethod.AWS, profile="pusher"), around) == aws.account
    assert {each.region for each in aws.front.calls} == {"us-east-1"}


def test_a_profile_that_there_is_not(aws: Aws, around: Surroundings) -> None:
    error = refusal(with_login(spec_of(aws), AuthMethod.AWS, profile="pusher"), around)
    assert isinstance(error, AuthenticationFailed)
    assert error.message == "AWS's configuration has no profile 'pusher'"
    assert "spec.auth.profile (registry.yaml:1:1) names it" in (error.hint or "")
    assert "aws configure list-profiles" in (error.hint or "")


def test_an_access_key_logs_in_by_reference(
    aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.front.keys["AKIAREFERENCED"] = "210987654321"
    keys = {"access_key_id": secret("KEY"), "secret_access_key": secret("SECRET")}
    spec = with_login(spec_of(aws), AuthMethod.CREDENTIALS, **keys)
    assert logs_in(spec, around) == "210987654321"
    without_key(monkeypatch)
    assert logs_in(replace(spec, region="eu-west-1"), around) == "210987654321"


def test_a_reference_that_leads_nowhere_is_named(aws: Aws, around: Surroundings) -> None:
    keys = {"access_key_id": aws.key, "secret_access_key": secret("NO_SECRET")}
    error = refusal(with_login(spec_of(aws), AuthMethod.CREDENTIALS, **keys), around)
    assert error.message == "registry.yaml:9:3: the environment variable NO_SECRET is not set"


def test_a_role_is_assumed_with_its_external_id(aws: Aws, around: Surroundings) -> None:
    aws.front.roles[ROLE] = Role(external_id="palette-42")
    login = {"role_arn": ROLE, "external_id": "palette-42", "session_name": "nightly", "duration": 900}
    with session(with_login(spec_of(aws), AuthMethod.STS, **login), around) as made:
        made.call("DescribeRepositories")
    assumed, described = aws.front.calls
    assert (assumed.action, assumed.region, assumed.account) == ("AssumeRole", "us-east-1", "210987654321")
    assert described.account == "210987654321"


def test_a_role_is_assumed_with_an_access_key(aws: Aws, around: Surroundings) -> None:
    aws.front.keys["AKIAREFERENCED"] = aws.account
    aws.front.roles[ROLE] = Role()
    keys = {"access_key_id": secret("KEY"), "secret_access_key": secret("SECRET")}
    assert logs_in(with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE, **keys), around) == "210987654321"
    assert [each.action for each in aws.front.calls] == ["AssumeRole", "DescribeRepositories"]


@pytest.mark.parametrize(
    ("external_id", "advice"),
    [
        (None, "if it asks for an external ID, write it in spec.auth.externalId"),
        ("wrong", "if it asks for an external ID, is it the one in spec.auth.externalId"),
    ],
)
def test_a_role_that_asks_for_another_external_id(
    aws: Aws, around: Surroundings, external_id: str | None, advice: str
) -> None:
    aws.front.roles[ROLE] = Role(external_id="palette-42")
    error = refusal(with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE, external_id=external_id), around)
    assert isinstance(error, AuthenticationFailed)
    assert f"is not authorized to perform: sts:AssumeRole on resource: {ROLE}" in error.message
    assert error.message.endswith("; the credentials come from the environment")
    assert f"the trust policy of {ROLE} must admit the caller" in (error.hint or "")
    assert advice in (error.hint or "")


@pytest.mark.parametrize(("ending", "times"), [(300, 1), (1000, 3)])
def test_a_role_is_assumed_again_only_when_its_session_ends_soon(
    aws: Aws, around: Surroundings, ending: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.registries.ecr.session.ENDING", ending)
    aws.front.roles[ROLE] = Role()
    with session(with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE, duration=900), around) as made:
        for _ in range(2):
            made.call("DescribeRepositories")
    assert [each.action for each in aws.front.calls].count("AssumeRole") == times


def test_a_session_that_ends_before_its_time_is_renewed_once_for_all(aws: Aws, around: Surroundings) -> None:
    aws.front.roles[ROLE] = Role()
    with session(with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE), around) as made:
        made.call("DescribeRepositories")
        aws.front.expire_sessions()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(made.call, ["DescribeRepositories"] * 8))
    assert [each.action for each in aws.front.calls].count("AssumeRole") == 2


def test_a_login_that_could_not_be_renewed_is_tried_again(aws: Aws, around: Surroundings) -> None:
    aws.front.roles[ROLE] = Role()
    with session(with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE), around) as made:
        made.call("DescribeRepositories")
        aws.front.expire_sessions()
        del aws.front.roles[ROLE]
        with pytest.raises(AuthenticationFailed):
            made.call("DescribeRepositories")
        aws.front.roles[ROLE] = Role()
        made.call("DescribeRepositories")


def test_a_web_identity_logs_in_while_planning(
    aws: Aws, around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_key(monkeypatch)
    aws.front.roles[ROLE] = Role(web_identity_token="token-of-the-cluster")
    (tmp_path / "token").write_text("token-of-the-cluster")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    with session(spec_of(aws), around) as made:
        made.call("DescribeRepositories")
        assert made.requests == 2
    assert [each.action for each in aws.front.calls] == ["AssumeRoleWithWebIdentity", "DescribeRepositories"]


def test_a_web_identity_that_the_role_does_not_admit(
    aws: Aws, around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_key(monkeypatch)
    aws.front.roles[ROLE] = Role(web_identity_token="another")
    (tmp_path / "token").write_text("token-of-the-cluster")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    error = refusal(spec_of(aws), around)
    assert isinstance(error, AuthenticationFailed)
    assert "sts:AssumeRoleWithWebIdentity" in error.message
    assert "issuer, audience and subject" in (error.hint or "")


def test_no_credentials_at_all(aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    without_key(monkeypatch)
    error = refusal(spec_of(aws), around)
    assert isinstance(error, AuthenticationFailed)
    assert "no credentials of AWS were found: none in the environment, in a profile" in error.message
    assert "spec.auth (registry.yaml:1:1)" in (error.hint or "")
    assert not aws.front.calls


def test_an_access_key_that_nobody_knows(
    aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
    error = refusal(spec_of(aws), around)
    assert isinstance(error, AuthenticationFailed)
    assert error.code == "UnrecognizedClientException"
    assert "whether the region us-east-1 is enabled" in (error.hint or "")


def test_a_session_that_has_expired(aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.front.roles[ROLE] = Role()
    assumed = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="earlier")["Credentials"]
    aws.front.expire_sessions()
    for name, field in {
        "AWS_ACCESS_KEY_ID": "AccessKeyId",
        "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
        "AWS_SESSION_TOKEN": "SessionToken",
    }.items():
        monkeypatch.setenv(name, assumed[field])
    error = refusal(spec_of(aws), around)
    assert isinstance(error, AuthenticationFailed)
    assert error.code == "ExpiredTokenException"
    assert "renew them" in (error.hint or "")
    assert assumed["SessionToken"] not in f"{error.message} {error.hint}"


def test_the_region_is_the_endpoint_s_own(
    aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "ap-south-1")
    aws.front.roles[ROLE] = Role()
    login = with_login(spec_of(aws, "eu-west-1"), AuthMethod.STS, role_arn=ROLE)
    with session(login, around) as made:
        made.call("DescribeRepositories")
    assert {each.region for each in aws.front.calls} == {"eu-west-1"}


@pytest.mark.parametrize(
    ("region", "place", "host"),
    [
        ("us-east-1", AwsPlace("1"), "api.ecr.us-east-1.amazonaws.com"),
        ("us-east-1", AwsPlace("1", fips=True), "api.ecr-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", AwsPlace("1", dual_stack=True), "ecr.eu-west-1.api.aws"),
        (
            "us-gov-west-1",
            AwsPlace("1", "aws-us-gov", fips=True, dual_stack=True),
            "ecr-fips.us-gov-west-1.api.aws",
        ),
        ("cn-north-1", AwsPlace("1", "aws-cn"), "api.ecr.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", AwsPlace("1", "aws-eusc"), "api.ecr.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_the_api_is_reached_as_the_endpoint_is_and_where_credentials_may_go(
    region: str, place: AwsPlace, host: str, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    around = surroundings(tmp_path, environment={"REGSYNC_ALLOW_HOSTS": "*.example.com"})
    error = refusal(replace(spec_of(aws, region), aws=place), around)
    assert error.message == (
        f"no credentials are sent to https://{host}: REGSYNC_ALLOW_HOSTS does not name this host"
    )


def test_sts_is_reached_as_the_endpoint_is(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    around = surroundings(tmp_path, environment={"REGSYNC_ALLOW_HOSTS": "api.ecr-fips.*"})
    spec = with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE)
    error = refusal(replace(spec, aws=AwsPlace("1", fips=True)), around)
    assert "no credentials are sent to https://sts-fips.us-east-1.amazonaws.com" in error.message


def test_a_region_that_there_is_not_fails_at_once(
    aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*address: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with session(spec_of(aws, "us-nowhere-9"), around) as made, pytest.raises(Unreachable) as caught:
        made.call("DescribeRepositories")
    assert "no host has the name api.ecr.us-nowhere-9.amazonaws.com" in caught.value.message
    assert "is there a region us-nowhere-9?" in (caught.value.hint or "")
    assert made.requests == 1


def test_a_login_that_failed_is_not_tried_again(
    aws: Aws, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_key(monkeypatch)
    with session(spec_of(aws), around) as made:
        for _ in range(2):
            with pytest.raises(AuthenticationFailed, match="no credentials"):
                made.call("DescribeRepositories")
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.key)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unread")


def test_planning_never_writes(aws: Aws, around: Surroundings) -> None:
    with session(spec_of(aws), around) as made:
        with pytest.raises(
            RegsyncError, match="ecr:CreateRepository: not sent, because planning never writes"
        ):
            made.call("CreateRepository", repositoryName="a/b")
        made.read_only = False
        made.call("CreateRepository", repositoryName="a/b")
        with pytest.raises(RegsyncError, match="ecr:DeleteRepository: not sent, because regsync has no use"):
            made.call("DeleteRepository", repositoryName="a/b")
    assert [each.action for each in aws.front.calls] == ["CreateRepository"]


def test_the_chain_of_the_sdk_never_writes_either(aws: Aws, around: Surroundings) -> None:
    with session(spec_of(aws), around) as made:
        made.read_only = False
        with pytest.raises(RegsyncError, match="sts:GetFederationToken: not sent"):
            made.client("sts").get_federation_token(Name="anything")  # type: ignore[attr-defined]
    assert not aws.front.calls


def test_calls_are_counted_and_traced_without_secrets(aws: Aws, around: Surroundings) -> None:
    lines: list[str] = []
    aws.front.roles[ROLE] = Role()
    aws.front.throttle("DescribeRepositories")
    spec = with_login(spec_of(aws), AuthMethod.STS, role_arn=ROLE)
    with session(spec, replace(around, trace=lines.append)) as made:
        made.call("DescribeRepositories")
        with pytest.raises(NotFound):
            made.call("DescribeImages", repositoryName="team/x")
        with pytest.raises(NotFound):
            made.call("ListTagsForResource", resourceArn=repository_arn(spec, "team/y"))
        assert made.requests == len(aws.front.calls) == 5
    assert [line.rpartition(" in ")[0] for line in lines] == [
        "sts AssumeRole us-east-1: 200",
        "ecr DescribeRepositories us-east-1: ThrottlingException",
        "ecr DescribeRepositories us-east-1: 200",
        "ecr DescribeImages us-east-1 team/x: RepositoryNotFoundException",
        "ecr ListTagsForResource us-east-1 team/y: RepositoryNotFoundException",
    ]


def test_registries_of_one_login_share_a_session(aws: Aws, around: Surroundings) -> None:
    spec = with_login(
        spec_of(aws), AuthMethod.CREDENTIALS, access_key_id="A", secret_access_key=secret("SECRET")
    )
    elsewhere = replace(spec, name="another", auth=replace(spec.auth, aws=replace(spec.auth.aws)))
    with session(spec, around) as one, session(elsewhere, around) as same:
        assert one is same
    for another in (
        replace(spec, region="eu-west-1"),
        replace(spec, aws=AwsPlace("1")),
        with_login(spec, AuthMethod.AWS),
        with_login(spec, AuthMethod.CREDENTIALS, access_key_id="A", secret_access_key=secret("TOKEN")),
    ):
        with session(another, around) as made:
            assert made is not one
