"""What an error of AWS means: which kind it is, in plain words, and what to do about it.

Knows the codes and texts of ECR's API, of STS and of the data plane's refusals; knows no SDK and calls nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from regsync.model.errors import (
    AuthenticationFailed,
    NotFound,
    PermissionDenied,
    RateLimited,
    RegistryError,
    Unreachable,
)
from regsync.model.registry import RegistrySpec
from regsync.registries.ecr.actions import repository_arn, statement

ALREADY_EXISTS = "RepositoryAlreadyExistsException"

NO_POLICY = frozenset({"LifecyclePolicyNotFoundException", "RepositoryPolicyNotFoundException"})

_ABSENT = NO_POLICY | {"ImageNotFoundException", "RepositoryNotFoundException"}
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
_WRONG_SECRET = frozenset({"InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch"})
_THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# IAM's own words: who, what and on which resource (IAM, "troubleshooting access denied").
_NOT_AUTHORIZED = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that AWS answered: to which action (`ecr:DescribeImages`), for which repository if for one, under which
    code, in which words and with which HTTP status."""

    action: str
    repository: str
    code: str
    text: str
    status: int


def failure(refusal: Refusal, spec: RegistrySpec, source: str, account: Callable[[], str]) -> RegistryError:
    """The error that a refusal amounts to. `source` says where the credentials come from; `account` whose they are, and
    is only asked where that helps."""
    code, at = refusal.code, spec.at("auth")
    place = f"{spec.shown_endpoint}/{refusal.repository}".rstrip("/")
    message = f"{refusal.action} for {place}: {code}: {refusal.text}"
    login = f"{message}; the credentials are those of {source}"
    kind, hint = RegistryError, None
    if code in _ABSENT:
        kind = NotFound
    elif code in _THROTTLED:
        kind, hint = RateLimited, "AWS throttles: wait, or run with a lower --parallelism"
    elif code in _EXPIRED:
        kind, message = AuthenticationFailed, login
        hint = f"renew them, as with `aws sso login`, or name others in spec.auth ({at})"
    elif code in _UNKNOWN_KEY:
        kind, message = AuthenticationFailed, login
        hint = f"check the access key ({at}), and whether the region {spec.region} is enabled for its account"
    elif code in _WRONG_SECRET:
        kind, message = AuthenticationFailed, login
        hint = f"check the secret access key ({at}), and this machine's clock"
    elif code in _DENIED and refusal.action.startswith("sts:AssumeRole"):
        kind, message, hint = AuthenticationFailed, login, _role_hint(refusal, spec)
    elif code in _DENIED:
        arn = repository_arn(spec, refusal.repository) if refusal.repository else "*"
        kind, hint = PermissionDenied, grant((refusal.action,), arn, refusal.text, spec, account())
    elif code == "KmsException":
        hint = (
            "the key must be enabled, in the region of the repository, and open to the caller (kms:CreateGrant, "
            f"kms:DescribeKey): see spec.repositories.encryption ({spec.at('repositories.encryption')})"
        )
    elif code == "LimitExceededException":
        hint = "ask AWS for a higher quota (Service Quotas, Amazon ECR)"
    elif refusal.action.startswith("sts:"):
        kind, hint = AuthenticationFailed, f"see spec.auth ({at})"
    elif refusal.status > 499:
        kind, hint = Unreachable, "AWS is in trouble: see its health dashboard"
    return kind(message, hint=hint, code=code, status=refusal.status)


def grant(actions: tuple[str, ...], arn: str, text: str, spec: RegistrySpec, account: str) -> str:
    """What to do where actions on a resource are refused: the line of a policy that grants them, and who must write it.

    What the refusal itself names in `text` counts more than what is known without it.
    """
    found = _NOT_AUTHORIZED.search(text)
    if found:
        actions, arn = (found["action"],), (found["resource"] or arn).rstrip(".")
    if "explicit deny" in text:
        return f"a policy denies {', '.join(actions)} on {arn} explicitly: no other policy can grant it"
    hint = f"grant it: {statement(actions, arn)}"
    owner = spec.aws.account if spec.aws else ""
    if account and owner and account != owner:
        hint += (
            f"; the login is of account {account}: a policy of the repository in {owner} must grant it, too, or "
            f"another login is needed ({spec.at('auth')})"
        )
    return hint


def _role_hint(refusal: Refusal, spec: RegistrySpec) -> str:
    role = spec.auth.aws.role_arn
    if refusal.action == "sts:AssumeRoleWithWebIdentity":
        return (
            "the trust policy of the role in AWS_ROLE_ARN must admit the token's issuer, audience and subject"
        )
    if role is None or role not in refusal.text:
        return f"a profile names that role: its trust policy must admit the caller; see spec.auth ({spec.at('auth')})"
    asks = "the one that spec.auth.externalId holds, if it asks for one"
    if spec.auth.aws.external_id is None:
        asks = "none, or it must be written in spec.auth.externalId"
    return (
        f"the trust policy of {role} must admit the caller, and the external ID must be {asks} "
        f"({spec.at('auth.roleArn')}); the caller needs {statement(('sts:AssumeRole',), role)}"
    )
