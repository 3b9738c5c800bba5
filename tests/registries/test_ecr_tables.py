"""What needs no AWS: tables of actions, forms of settings, the pace of requests."""

from __future__ import annotations

from itertools import pairwise

import pytest

from regsync.model.settings import Json, fingerprint
from regsync.registries.ecr.actions import WRITES, actions_of, may_call, repository_of, statement
from regsync.registries.ecr.pace import Pace
from regsync.registries.ecr.settings import corrections, creation, described, marks, read_marks

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("method", "path", "actions"),
    [
        ("GET", "/v2/", ()),
        ("GET", "/v2/team/hello/manifests/1.0.0", ("ecr:BatchGetImage",)),
        ("HEAD", f"/v2/team/hello/manifests/{DIGEST}", ("ecr:BatchGetImage",)),
        ("PUT", "/v2/team/hello/manifests/1.0.0", ("ecr:PutImage",)),
        ("HEAD", f"/v2/team/hello/blobs/{DIGEST}", ("ecr:BatchCheckLayerAvailability",)),
        ("GET", f"/v2/team/hello/blobs/{DIGEST}", ("ecr:GetDownloadUrlForLayer",)),
        ("POST", "/v2/team/hello/blobs/uploads/?mount=x&from=y", ("ecr:InitiateLayerUpload",)),
        (
            "PUT",
            "https://1.dkr.ecr.us-east-1.amazonaws.com/v2/team/hello/blobs/uploads/1?digest=x",
            ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
        ),
        ("DELETE", "/v2/team/hello/blobs/uploads/1", ()),
        ("PUT", "/v2/team/blobs/manifests/manifests/1.0.0", ("ecr:PutImage",)),
    ],
)
def test_a_request_is_known_by_what_iam_calls_it(method: str, path: str, actions: tuple[str, ...]) -> None:
    assert actions_of("ecr", method, path) == actions


def test_anyone_may_read_a_public_registry() -> None:
    assert actions_of("ecr-public", "GET", "/v2/alias/hello/manifests/1.0.0") == ()
    assert actions_of("ecr-public", "PUT", "/v2/alias/hello/manifests/1.0.0") == ("ecr-public:PutImage",)


def test_the_repository_of_a_request() -> None:
    assert repository_of(f"/v2/team/hello/blobs/{DIGEST}") == "team/hello"
    assert repository_of("/v2/") == ""


def test_planning_may_look_and_log_in_and_nothing_else() -> None:
    for action in (
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:ListTagsForResource",
        "ecr-public:DescribeRegistries",
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:GetCallerIdentity",
        "sso:GetRoleCredentials",
        "sso-oidc:CreateToken",
    ):
        assert may_call(action, planning=True)
    for action in (
        *WRITES,
        "ecr:StartImageScan",
        "ecr:BatchCheckLayerAvailability",
        "sts:GetSessionToken",
        "iam:GetRole",
    ):
        assert not may_call(action, planning=True)


def test_applying_deletes_no_repository() -> None:
    assert all(may_call(action, planning=False) for action in WRITES)
    for action in ("ecr:DeleteRepository", "ecr-public:DeleteRepository", "ecr:PutRegistryPolicy"):
        assert not may_call(action, planning=False)


def test_a_statement_is_ready_to_be_pasted() -> None:
    assert statement(("a:B",), "*") == '{"Effect": "Allow", "Action": "a:B", "Resource": "*"}'
    assert '"Action": ["a:B", "a:C"]' in statement(("a:B", "a:C"), "*")


@pytest.mark.parametrize(
    "settings",
    [
        {"tagMutability": "IMMUTABLE", "tagMutabilityExclusions": []},
        {"tagMutability": "MUTABLE_WITH_EXCLUSION", "tagMutabilityExclusions": ["v*", "1.*"]},
        {"scanOnPush": False},
        {"encryption": {"type": "AES256"}},
        {"encryption": {"type": "KMS_DSSE", "key": "arn:aws:kms:us-east-1:1:key/k"}},
    ],
)
def test_what_a_repository_is_created_with_is_what_it_tells(settings: dict[str, Json]) -> None:
    assert described(creation(settings)) == settings


def test_mutability_and_its_exclusions_are_put_together() -> None:
    settings: dict[str, Json] = {
        "tagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "tagMutabilityExclusions": ["v*"],
    }
    [correction] = corrections(["tagMutabilityExclusions", "tagMutability"], settings)
    assert correction.names == ("tagMutability", "tagMutabilityExclusions")
    assert correction.parameters == creation(settings)


def test_marks_come_back() -> None:
    settings: dict[str, Json] = {"scanOnPush": True, "tags": {"a": "b"}}
    tags = {"team": "platform", **marks("platform", settings)}
    assert read_marks(tags) == ("platform", {name: fingerprint(name, settings[name]) for name in settings})
    assert read_marks({"team": "platform"}) == (None, {})


def test_the_marks_of_all_settings_fit_into_a_tag() -> None:
    names = (
        "encryption",
        "lifecyclePolicy",
        "policy",
        "scanOnPush",
        "tagMutability",
        "tagMutabilityExclusions",
        "tags",
    )
    assert all(len(each) <= 256 for each in marks("platform", dict.fromkeys(names)).values())


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_images_are_put_ten_times_a_second() -> None:
    clock = Clock()
    pace = Pace("ecr", clock, clock.sleep)
    left = []
    for _ in range(25):
        pace("PUT", "/v2/team/hello/manifests/1.0.0")
        left.append(clock.now)
    assert [round(later - sooner, 6) for sooner, later in pairwise(left)] == [0.1] * 24


def test_what_has_no_close_quota_is_not_held_back() -> None:
    clock = Clock()
    pace = Pace("ecr", clock, clock.sleep)
    for _ in range(1000):
        pace("HEAD", f"/v2/team/hello/blobs/{DIGEST}")
    assert clock.now == 0


def test_an_action_that_rested_is_not_held_back() -> None:
    clock = Clock()
    pace = Pace("ecr", clock, clock.sleep)
    pace("PUT", "/v2/team/hello/manifests/1.0.0")
    clock.now += 60
    pace("PUT", "/v2/team/hello/manifests/1.0.0")
    assert clock.now == 60
