"""The AWS of the tests: whom it lets in, what it records, and how it fails when told to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import botocore.session
import httpx
import pytest

from tests.support.aws import Aws, Role
from tests.support.aws_wire import CONFIG, Wire, image, problem, pull_with_regctl, refused
from tests.support.ministack import MinistackServer, Scope
from tests.support.servers import NEEDS

AB = {"repositoryName": "a/b"}
ROLE = "arn:aws:iam::123456789012:role/pusher"
INVALID = "The security token included in the request is invalid."


@pytest.fixture
def ecr(aws: Aws) -> Any:
    """Return a client of an account with one repository, a/b."""
    client = aws.client()
    client.create_repository(**AB)
    return client


@pytest.fixture
def wire(aws: Aws) -> Iterator[Wire]:
    with Wire(aws) as made:
        yield made


def whoami() -> str:
    """The ARN of whom the environment makes the SDK."""
    session: Any = botocore.session.Session()
    with closing(session.create_client("sts", region_name="us-east-1")) as sts:
        return str(sts.get_caller_identity()["Arn"])


def test_ministack_listens_on_loopback_alone(ministack: MinistackServer) -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip(f"{NEEDS}the /proc of Linux")
    opened = [str(each.readlink()) for each in Path(f"/proc/{ministack.pid}/fd").iterdir()]
    tables = [Path(f"/proc/net/{each}").read_text().splitlines() for each in ("tcp", "tcp6")]
    rows = [line.split() for table in tables for line in table]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in opened]
    port = int(ministack.host.partition(":")[2])
    assert listening == [f"0100007F:{port:04X}"]


def test_ministack_leaves_nothing_on_disk_but_its_log(tmp_path: Path) -> None:
    with MinistackServer(tmp_path) as server:
        assert server.api(Scope("123456789012", "us-east-1"), "CreateRepository", AB).status == 200
    assert [each.name for each in tmp_path.iterdir()] == ["ministack.log"]


def test_v2_wants_a_token_that_was_issued(aws: Aws, wire: Wire) -> None:
    wrong = base64.b64encode(b"AWS:ministack-auth-token").decode()
    for authorization in ("", "Bearer abc", "Basic ???", f"Basic {wrong}"):
        answer = wire("GET", "/v2/", Authorization=authorization)
        challenge = f'Basic realm="https://{aws.host()}/",service="ecr.amazonaws.com"'
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, challenge)
    assert wire("GET", "/v2/").status_code == 200


def test_a_token_ends_without_a_challenge(aws: Aws, wire: Wire) -> None:
    aws.front.expire_tokens()
    answer = wire("GET", "/v2/")
    message = "Your authorization token has expired. Reauthenticate and try again."
    assert problem(answer) == (403, "DENIED", message)
    assert "WWW-Authenticate" not in answer.headers
    with Wire(aws) as another:
        assert another("GET", "/v2/").status_code == 200
    aws.front.identities.token_lifetime = 0
    with Wire(aws) as too_late:
        assert too_late("GET", "/v2/").status_code == 403


def test_a_token_is_good_for_its_region_alone(aws: Aws, wire: Wire) -> None:
    answer = wire("GET", "/v2/", Host=aws.host("eu-west-1"))
    assert problem(answer) == (400, "DENIED", "Your Authorization Token is invalid.")


def test_every_form_of_a_registry_host_is_the_same_registry(aws: Aws, ecr: Any, wire: Wire) -> None:
    for host in ("dkr.ecr-fips.us-east-1.amazonaws.com", "dkr-ecr.us-east-1.on.aws"):
        assert wire("GET", "/v2/a/b/tags/list", Host=f"{aws.account}.{host}").json()["tags"] == []
    assert wire("GET", "/v2/", Host="registry.example.com").status_code == 400


def test_regctl_pulls_by_the_registry_s_own_name(aws: Aws, ecr: Any, wire: Wire, tmp_path: Path) -> None:
    wire.push("a/b", "1")
    pull_with_regctl(aws, "a/b:1", tmp_path)
    assert (tmp_path / "layer.tar").read_bytes() == b"layer"
    assert len(aws.front.bucket.fetched) == 1


def test_api_and_v2_meet_in_one_account_and_region(aws: Aws, ecr: Any, wire: Wire) -> None:
    wire.push("a/b", "1.0.0")
    [found] = ecr.describe_images(**AB, registryId=aws.account)["imageDetails"]
    assert found["imageTags"] == ["1.0.0"]
    elsewhere = aws.client("ecr", "eu-west-1")
    assert elsewhere.describe_repositories()["repositories"] == []
    said = f"The repository with name 'a/b' does not exist in the registry with id '{aws.account}'"
    assert refused(elsewhere.list_images, **AB) == ("RepositoryNotFoundException", said)
    with Wire(aws, "eu-west-1") as there:
        assert problem(there("GET", "/v2/a/b/tags/list")) == (404, "NAME_UNKNOWN", said)
        assert problem(there("GET", "/v2/a/b/manifests/1")) == (404, "NAME_UNKNOWN", said)


def test_another_account_is_closed_until_its_policy_opens_it(aws: Aws, ecr: Any, wire: Wire) -> None:
    aws.front.keys["AKIAOTHER"] = "999999999999"
    other = aws.client(key="AKIAOTHER")
    asked = {**AB, "registryId": aws.account}
    code, message = refused(other.describe_images, **asked)
    assert code == "AccessDeniedException"
    assert message.endswith("because no resource-based policy allows the ecr:DescribeImages action")
    statement = {"Effect": "Allow", "Principal": {"AWS": ["999999999999"]}, "Action": ["ecr:Describe*"]}
    ecr.set_repository_policy(**AB, policyText=json.dumps({"Statement": [statement]}))
    assert other.describe_images(**asked)["imageDetails"] == []
    assert refused(other.list_images, **asked)[0] == "AccessDeniedException"


def test_a_key_must_be_known(aws: Aws) -> None:
    stranger = aws.client(key="AKIASTRANGER")
    assert refused(stranger.describe_repositories) == ("UnrecognizedClientException", INVALID)
    sts = aws.client("sts", key="AKIASTRANGER")
    assert refused(sts.get_caller_identity) == ("InvalidClientTokenId", INVALID)
    assert aws.client("sts").get_caller_identity()["Account"] == aws.account
    target = {"X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"}
    unsigned = httpx.post(aws.url, json={}, headers=target)
    assert unsigned.json()["__type"] == "MissingAuthenticationTokenException"


def test_a_role_is_assumed_by_whom_it_admits(aws: Aws) -> None:
    sts = aws.client("sts")
    asked = {"RoleArn": ROLE, "RoleSessionName": "me"}
    user = f"arn:aws:iam::{aws.account}:user/tester"
    denied = "AccessDenied", f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    assert refused(sts.assume_role, **asked) == denied
    aws.front.roles[ROLE] = Role(external_id="palette")
    assert refused(sts.assume_role, **asked) == denied
    assert refused(sts.assume_role, **asked, ExternalId="guess") == denied
    answer = sts.assume_role(**asked, ExternalId="palette")
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/pusher/me"


def test_an_assumed_role_acts_in_its_account_until_it_ends(aws: Aws) -> None:
    aws.front.roles[ROLE] = Role()
    issued = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me")["Credentials"]
    key, token = issued["AccessKeyId"], issued["SessionToken"]
    who = aws.client("sts", key=key, token=token).get_caller_identity()
    assert who["Arn"] == "arn:aws:sts::123456789012:assumed-role/pusher/me"
    session = aws.client(key=key, token=token)
    assert session.describe_registry()["registryId"] == "123456789012"
    assert refused(aws.client(key=key).describe_registry) == ("UnrecognizedClientException", INVALID)
    aws.front.expire_sessions()
    message = "The security token included in the request is expired"
    assert refused(session.describe_registry) == ("ExpiredTokenException", message)


def test_the_chain_of_the_sdk_ends_here_with_a_web_identity(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.front.roles[ROLE] = Role(web_identity_token="eyJ.of.pod")
    user = aws.client("sts")
    assert refused(user.assume_role, RoleArn=ROLE, RoleSessionName="me")[0] == "AccessDenied"
    token = tmp_path / "token"
    pod = {"AWS_ROLE_ARN": ROLE, "AWS_ROLE_SESSION_NAME": "pod", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}
    for name, value in pod.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    token.write_text("eyJ.of.another")
    denied = "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    assert refused(whoami) == denied
    token.write_text("eyJ.of.pod")
    assert whoami() == "arn:aws:sts::123456789012:assumed-role/pusher/pod"


def test_the_next_requests_of_an_action_are_throttled(aws: Aws, ecr: Any, wire: Wire) -> None:
    wire.push("a/b", "1")
    aws.front.throttle("BatchGetImage", times=2)
    get = {**AB, "imageIds": [{"imageTag": "1"}]}
    assert refused(ecr.batch_get_image, **get) == ("ThrottlingException", "Rate exceeded")
    assert problem(wire("GET", "/v2/a/b/manifests/1")) == (429, "TOOMANYREQUESTS", "Rate exceeded")
    assert wire("GET", "/v2/a/b/manifests/1").content == image()
    assert len(ecr.batch_get_image(**get)["images"]) == 1


def test_an_action_is_denied_to_the_resources_that_are_meant(aws: Aws, ecr: Any, wire: Wire) -> None:
    ecr.create_repository(repositoryName="c/d")
    aws.front.deny("DescribeImages", "*:repository/a/*")
    aws.front.deny("UploadLayerPart")
    message = (
        f"User: arn:aws:iam::{aws.account}:user/tester is not authorized to perform: ecr:{{0}}"
        f" on resource: arn:aws:ecr:us-east-1:{aws.account}:repository/a/b"
        " because no identity-based policy allows the ecr:{0} action"
    )
    denied = "AccessDeniedException", message.format("DescribeImages")
    assert refused(ecr.describe_images, **AB) == denied
    assert ecr.describe_images(repositoryName="c/d")["imageDetails"] == []
    assert problem(wire.upload("a/b", CONFIG)) == (403, "DENIED", message.format("UploadLayerPart"))
    aws.front.reset()
    assert wire.upload("a/b", CONFIG).status_code == 201


def test_every_request_is_recorded_as_what_it_is_to_iam(aws: Aws, ecr: Any, wire: Wire) -> None:
    aws.front.reset()
    wire.push("a/b", "1")
    wire("GET", "/v2/_catalog")
    ecr.create_repository(repositoryName="c/d", tags=[{"Key": "k", "Value": "v"}])
    ecr.describe_repositories(repositoryNames=["a/b", "c/d"])
    calls = aws.front.calls
    uploads = ["InitiateLayerUpload", "CompleteLayerUpload"] * 2
    rest = ["PutImage", "DescribeRepositories", "CreateRepository", "DescribeRepositories"]
    assert [each.action for each in calls] == [*uploads, *rest]
    assert {(each.account, each.region) for each in calls} == {(aws.account, "us-east-1")}
    arn = f"arn:aws:ecr:us-east-1:{aws.account}:repository"
    put = calls[4]
    assert (put.request, put.status, put.resource) == ("PUT /v2/a/b/manifests/1", 201, f"{arn}/a/b")
    upload, create, describe = calls[1], calls[-2], calls[-1]
    assert [each for each, _ in upload.permissions] == ["ecr:CompleteLayerUpload", "ecr:UploadLayerPart"]
    assert [each for each, _ in create.permissions] == ["ecr:CreateRepository", "ecr:TagResource"]
    assert [each for _, each in describe.permissions] == [f"{arn}/a/b", f"{arn}/c/d"]
