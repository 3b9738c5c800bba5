"""What the test suite's AWS does not do: replication, a token near its end, answers that are none of AWS."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.stub import Stubber

from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from regsync.model.plan import Copy
from regsync.model.reference import Address
from regsync.registries.base import Wanted
from regsync.registries.ecr.private import PrivateRegistry
from regsync.registries.ecr.session import ASIDE
from regsync.registries.ecr.tokens import TokenLogins
from regsync.transport.wire import Timeouts
from tests.registries.elastic import opened, session, spec_of, surroundings
from tests.registries.vendor import NAME, run
from tests.support.aws import Aws
from tests.support.aws_identity import Caller, whoami
from tests.support.aws_images import digest_of
from tests.support.aws_wire import image
from tests.support.scripted import Answer, ScriptedServer

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HELLO = "team/spectro-packs/archive/hello"


@pytest.fixture
def registry(aws: Aws, tmp_path: Path) -> Iterator[PrivateRegistry]:
    with opened(spec_of(aws), surroundings(tmp_path)) as made:
        yield made


@pytest.fixture
def stubber(registry: PrivateRegistry) -> Iterator[Stubber]:
    """Return what answers in the API's stead, and checks the shapes of requests and answers."""
    with Stubber(registry.store.session.client("ecr")) as made:
        yield made
        made.assert_no_pending_responses()


def token(password: str, ends: datetime) -> dict[str, Any]:
    text = b64encode(f"AWS:{password}".encode()).decode()
    return {"authorizationData": [{"authorizationToken": text, "expiresAt": ends}]}


def test_a_token_is_kept_until_half_an_hour_before_it_ends(
    registry: PrivateRegistry, stubber: Stubber
) -> None:
    now = [NOON]
    logins = TokenLogins(registry.store.session, now=lambda: now[0])
    stubber.add_response("get_authorization_token", token("first", NOON + timedelta(hours=12)), {})
    assert logins.current().secret == "first"
    now[0] = NOON + timedelta(hours=11, minutes=29, seconds=59)
    assert logins.current().secret == "first"
    now[0] += timedelta(seconds=1)
    stubber.add_response("get_authorization_token", token("second", NOON + timedelta(hours=24)), {})
    credential = logins.current()
    assert (credential.username, credential.secret) == ("AWS", "second")


def test_a_token_that_lives_for_less_than_an_hour_is_kept_for_half_of_it(
    registry: PrivateRegistry, stubber: Stubber
) -> None:
    now = [NOON]
    logins = TokenLogins(registry.store.session, now=lambda: now[0])
    stubber.add_response("get_authorization_token", token("first", NOON + timedelta(minutes=20)), {})
    for minutes in (0, 9):
        now[0] = NOON + timedelta(minutes=minutes)
        assert logins.current().secret == "first"
    now[0] = NOON + timedelta(minutes=10)
    stubber.add_response("get_authorization_token", token("second", NOON + timedelta(minutes=30)), {})
    assert logins.current().secret == "second"


def test_a_refused_token_is_renewed_once_for_all_who_hold_it(
    registry: PrivateRegistry, stubber: Stubber
) -> None:
    logins = TokenLogins(registry.store.session, now=lambda: NOON)
    for each in ("first", "second"):
        stubber.add_response("get_authorization_token", token(each, NOON + timedelta(hours=12)), {})
    first = logins.current()
    assert [logins.renewed(first).secret for _ in range(3)] == ["second"] * 3


def test_a_token_that_is_no_login(registry: PrivateRegistry, stubber: Stubber) -> None:
    answer = {"authorizationData": [{"authorizationToken": "QVdT", "expiresAt": NOON}]}
    stubber.add_response("get_authorization_token", answer, {})
    with pytest.raises(ProtocolError, match="no login"):
        TokenLogins(registry.store.session).current()


@pytest.fixture
def pushed(aws: Aws, registry: PrivateRegistry, stubber: Stubber) -> str:
    """Return the digest under HELLO's tag; one login is needed to ask for it."""
    aws.client().create_repository(repositoryName=HELLO)
    aws.fill(HELLO, {"1.0.0": image()})
    stubber.add_response("get_authorization_token", token(aws.password(), NOON + timedelta(days=9999)), {})
    return digest_of(image())


def statuses(*found: tuple[str, str, str]) -> dict[str, Any]:
    """An answer of DescribeImageReplicationStatus: region, account and status of each destination."""
    return {
        "repositoryName": HELLO,
        "imageId": {"imageTag": "1.0.0"},
        "replicationStatuses": [
            {"region": region, "registryId": account, "status": status, "failureCode": "AccessDenied"}
            for region, account, status in found
        ],
    }


class Replication:
    """Asks whether HELLO has come to eu-west-1, of an API that tells what is to be found there."""

    def __init__(self, aws: Aws, registry: PrivateRegistry, stubber: Stubber, digest: str) -> None:
        self._registry = registry
        self._stubber = stubber
        self._asked = {
            "registryId": aws.account,
            "repositoryName": HELLO,
            "imageId": {"imageTag": "1.0.0", "imageDigest": digest},
        }

    def __call__(self, *found: tuple[str, str, str], rules: dict[str, Any] | None = None) -> bool:
        self._stubber.add_response("describe_image_replication_status", statuses(*found), self._asked)
        if rules is not None:
            self._stubber.add_response("describe_registry", rules, {})
        copy = Copy(Address(NAME, HELLO, "1.0.0"), replicated=True)
        return self._registry.is_replicated(copy, "eu-west-1")


@pytest.fixture
def replication(aws: Aws, registry: PrivateRegistry, stubber: Stubber, pushed: str) -> Replication:
    return Replication(aws, registry, stubber, pushed)


def test_replication_of_the_very_image_is_waited_for(aws: Aws, replication: Replication) -> None:
    elsewhere = ("ap-south-1", aws.account, "FAILED")
    assert not replication(elsewhere, ("eu-west-1", aws.account, "IN_PROGRESS"))
    assert replication(elsewhere, ("eu-west-1", aws.account, "COMPLETE"))


def test_what_is_waited_for_is_looked_up_once(aws: Aws, replication: Replication) -> None:
    aws.front.calls.clear()
    for _ in range(3):
        replication(("eu-west-1", aws.account, "IN_PROGRESS"))
    assert [each.action for each in aws.front.calls if each.action] == ["BatchGetImage"]


def test_replication_that_failed(aws: Aws, replication: Replication) -> None:
    with pytest.raises(RegistryError, match="its replication to eu-west-1 failed: AccessDenied"):
        replication(("eu-west-1", aws.account, "FAILED"))


def ruled(account: str, region: str, *prefixes: str) -> dict[str, Any]:
    """An answer of DescribeRegistry: one rule, for repositories with one of the prefixes where there are any."""
    rule: dict[str, Any] = {"destinations": [{"region": region, "registryId": account}]}
    if prefixes:
        filters = [{"filter": each, "filterType": "PREFIX_MATCH"} for each in prefixes]
        rule["repositoryFilters"] = filters
    return {"registryId": account, "replicationConfiguration": {"rules": [rule]}}


@pytest.mark.parametrize("prefixes", [(), ("other/", "team/")])
def test_what_a_rule_replicates_is_waited_for_before_it_has_a_status(
    aws: Aws, replication: Replication, prefixes: tuple[str, ...]
) -> None:
    assert not replication(rules=ruled(aws.account, "eu-west-1", *prefixes))


@pytest.mark.parametrize(
    "rule", [("ap-south-1",), ("eu-west-1", "other/")], ids=["other-region", "other-prefix"]
)
def test_where_no_rule_replicates_there_is_nothing_to_wait_for(
    aws: Aws, replication: Replication, rule: tuple[str, ...]
) -> None:
    another = ("eu-west-1", "210987654321", "COMPLETE")
    with pytest.raises(Unsupported, match="no rule replicates it to eu-west-1"):
        replication(another, rules=ruled(aws.account, *rule))


def test_repositories_are_listed_over_all_pages(
    aws: Aws, registry: PrivateRegistry, stubber: Stubber
) -> None:
    asked: dict[str, Any] = {"registryId": aws.account, "maxResults": 1000}
    for start, following in ((0, "two"), (1000, None)):
        page = [{"repositoryName": f"team/pack-{number:04}"} for number in range(start, start + 1000)]
        more = {"nextToken": following} if following else {}
        stubber.add_response("describe_repositories", {"repositories": page, **more}, dict(asked))
        asked["nextToken"] = following
    assert len(registry.store.repositories("team/")) == 2000


def test_an_explicit_deny_is_not_answered_with_a_grant(
    aws: Aws, registry: PrivateRegistry, stubber: Stubber
) -> None:
    text = "User: arn:aws:iam::1:user/x is not authorized to perform: ecr:DescribeImages on resource: arn:x with an explicit deny in a service control policy"
    stubber.add_client_error("describe_images", "AccessDeniedException", text, 400)
    with pytest.raises(PermissionDenied) as caught:
        registry.store.tagged(HELLO)
    assert (
        caught.value.hint
        == "a policy denies ecr:DescribeImages on arn:x explicitly: no other policy can grant it"
    )


@pytest.mark.parametrize(
    ("code", "status", "kind", "advice"),
    [
        ("RepositoryNotFoundException", 400, NotFound, None),
        ("ThrottlingException", 400, RateLimited, "lower --parallelism"),
        ("InvalidSignatureException", 403, AuthenticationFailed, "check the secret access key"),
        ("LimitExceededException", 400, RegistryError, "higher quota"),
        ("ServerException", 500, Unreachable, "AWS is in trouble"),
        ("InvalidParameterException", 400, RegistryError, None),
    ],
)
def test_each_code_of_aws_has_its_meaning(
    code: str, status: int, kind: type, advice: str | None, registry: PrivateRegistry, stubber: Stubber
) -> None:
    stubber.add_client_error("describe_images", code, "its words", status)
    with pytest.raises(RegistryError) as caught:
        registry.store.tagged(HELLO)
    assert type(caught.value) is kind
    assert f"/{HELLO}: {code}: its words" in caught.value.message
    assert (advice or "") in (caught.value.hint or "")
    assert (advice is None) == (caught.value.hint is None)


def test_a_page_of_html_is_no_empty_registry(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>")
    with ScriptedServer(lambda *request: page) as portal:
        monkeypatch.setenv("AWS_ENDPOINT_URL", portal.url)
        with opened(spec_of(aws), surroundings(tmp_path)) as registry:
            with pytest.raises(NotARegistry, match=r"^ecr:DescribeImages: the answer is not one of AWS"):
                registry.store.tagged(HELLO)
            assert not run(registry.reads(Wanted(tags={HELLO: ("1.0.0",)}))).absent
            assert registry.store.session.account() == ""


def test_an_api_that_does_not_answer(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.registries.ecr.session.ATTEMPTS", 1)
    with ScriptedServer(lambda *request: (200, {}, b"")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    with session(spec_of(aws), surroundings(tmp_path)) as made, pytest.raises(RegistryError) as caught:
        made.call("DescribeRepositories")
    assert (
        caught.value.message == f"ecr:DescribeRepositories: no connection to {server.url}: connection refused"
    )
    assert "does a firewall let you through?" in (caught.value.hint or "")


def test_whose_login_it_is_is_asked_once_and_not_for_long(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.registries.ecr.session.ASIDE", ASIDE.merge(Config(read_timeout=0.1)))
    ended = threading.Event()

    def wait(*request: object) -> Answer:
        ended.wait(5)
        return (200, {"Content-Type": "text/xml"}, whoami(Caller(aws.account, "arn:aws:iam::1:user/x")).body)

    with ScriptedServer(wait) as server, session(spec_of(aws), surroundings(tmp_path)) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        assert [made.account() for _ in range(2)] == ["", ""]
        ended.set()
        assert made.requests == 1
        made.call("DescribeRepositories")


def test_an_api_that_keeps_silent(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is not taken for being throttled, which is repeated more often."""
    monkeypatch.setattr("regsync.registries.ecr.session.UNANSWERED", 1)
    monkeypatch.setattr("regsync.registries.ecr.session.Timeouts", partial(Timeouts, read=0.1))
    ended = threading.Event()

    def wait(*request: object) -> Answer:
        ended.wait(10)
        return (200, {}, b"{}")

    with ScriptedServer(wait) as server, session(spec_of(aws), surroundings(tmp_path)) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(Unreachable) as caught:
            made.call("DescribeRepositories")
        ended.set()
        assert made.requests == 1
        assert (
            caught.value.message
            == f"ecr:DescribeRepositories: no answer from {server.url} within the time-out"
        )
