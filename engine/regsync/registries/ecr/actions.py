"""What planning and applying ask of AWS: which operations may be called, which actions of IAM a request to `/v2` needs,
and how often some of them may be done.

Tables only: knows no SDK and reaches nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from regsync.model.registry import RegistrySpec, RegistryType

SIGN_IN = frozenset(
    {
        "signin:CreateOAuth2Token",
        "sso-oidc:CreateToken",
        "sso:GetRoleCredentials",
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "sts:GetCallerIdentity",
    }
)
"""What logging in takes, by the SDK's chain of credentials too. None of it changes anything."""

READS = re.compile(r"ecr(-public)?:(BatchGet|Describe|Get|List)[A-Za-z]+")

WRITES = frozenset(
    {
        "ecr:BatchDeleteImage",
        "ecr:CreateRepository",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
        "ecr:TagResource",
        "ecr-public:BatchDeleteImage",
        "ecr-public:CreateRepository",
        "ecr-public:TagResource",
    }
)
"""All that regsync ever changes through an API. Nothing here deletes a repository."""

PER_SECOND: Mapping[str, float] = {
    "ecr:CompleteLayerUpload": 100,
    "ecr:InitiateLayerUpload": 100,
    "ecr:PutImage": 10,
    "ecr-public:InitiateLayerUpload": 10,
    "ecr-public:PutImage": 10,
}
"""Quotas of an account in a region that a push comes near to (Amazon ECR and ECR Public, "service quotas")."""

# What a request to /v2 is to IAM (Amazon ECR, "pushing an image", and the refusals of its data plane). Anyone may
# read ECR Public.
_REQUESTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("HEAD", "manifests"): ("BatchGetImage",),
    ("GET", "manifests"): ("BatchGetImage",),
    ("PUT", "manifests"): ("PutImage",),
    ("HEAD", "blobs"): ("BatchCheckLayerAvailability",),
    ("GET", "blobs"): ("GetDownloadUrlForLayer",),
    ("POST", "blobs/uploads"): ("InitiateLayerUpload",),
    ("PUT", "blobs/uploads"): ("UploadLayerPart", "CompleteLayerUpload"),
}
_PUBLIC_READS = frozenset({"BatchGetImage", "GetDownloadUrlForLayer"})
_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<what>manifests|blobs/uploads|blobs)/.*")


def may_call(action: str, *, planning: bool) -> bool:
    """Whether `service:Operation` may be called at all, and while planning."""
    reads = action in SIGN_IN or READS.fullmatch(action) is not None
    return reads or (action in WRITES and not planning)


def actions_of(service: str, method: str, url: str) -> tuple[str, ...]:
    """The actions of IAM that a request to `/v2/…`, given as a path or URL, stands for; empty where it needs none.

    `service` is `ecr` or `ecr-public`.
    """
    found = _PATH.fullmatch(urlsplit(url).path)
    actions = _REQUESTS.get((method, found["what"]), ()) if found else ()
    return tuple(
        f"{service}:{each}" for each in actions if not (service == "ecr-public" and each in _PUBLIC_READS)
    )


def repository_of(url: str) -> str:
    """The repository of a request to `/v2/…`; empty where it concerns none."""
    found = _PATH.fullmatch(urlsplit(url).path)
    return found["repository"] if found else ""


def service_of(spec: RegistrySpec) -> str:
    """By which name IAM and the SDK know the API of a registry."""
    return "ecr-public" if spec.type is RegistryType.ECR_PUBLIC else "ecr"


def repository_arn(spec: RegistrySpec, repository: str, account: str = "") -> str:
    """The ARN of a repository. `account` is for ECR Public, whose endpoint names none."""
    assert spec.aws is not None
    region = "" if spec.type is RegistryType.ECR_PUBLIC else spec.region
    owner = spec.aws.account or account
    return f"arn:{spec.aws.partition}:{service_of(spec)}:{region}:{owner}:repository/{repository}"


def statement(actions: tuple[str, ...], resource: str) -> str:
    """The line of a policy that grants actions on a resource."""
    action = actions[0] if len(actions) == 1 else list(actions)
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})
