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
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
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
# IAM's own words: who, what, on which resource, and for want of which policy (IAM, "troubleshooting access denied").
_NOT_AUTHORIZED = re.compile(
    r"(?:User: (?P<caller>\S+) is )?not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+))?(?P<why>.*)"
)
# What the SDK calls the places where its chain finds credentials (botocore, credentials.py).
_SOURCES = {
    "assume-role": "a role that a profile names",
    "assume-role-with-web-identity": "a web identity",
    "config-file": "AWS's configuration file",
    "container-role": "the container's role",
    "custom-process": "a profile's credential_process",
    "env": "the environment",
    "iam-role": "the instance's role",
    "login": "`aws login`",
    "shared-credentials-file": "AWS's credentials file",
    "sso": "SSO",
}


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
    """The error that a refusal amounts to. `source` says in the SDK's words where the credentials come from; `account`
    whose they are, and is only asked where that helps."""
    code, at, found_in = refusal.code, spec.at("auth"), _SOURCES.get(source, source)
    place = f"{spec.shown_endpoint}/{refusal.repository}".rstrip("/")
    message = f"{refusal.action} for {place}: {code}: {refusal.text}"
    kind, hint = RegistryError, None
    if code in _ABSENT:
        kind = NotFound
    elif code in _THROTTLED:
        kind, hint = RateLimited, "AWS throttles: wait, or run with a lower --parallelism"
    elif code in EXPIRED:
        kind = AuthenticationFailed
        message = f"{refusal.action}: the credentials from {found_in} have expired ({code})"
        hint = f"renew them, as with `aws sso login`, or name others in spec.auth ({at})"
    elif code in _UNKNOWN_KEY:
        kind = AuthenticationFailed
        message = f"{refusal.action}: AWS does not know the access key from {found_in} ({code})"
        hint = (
            f"check the access key, or name another login in spec.auth ({at}), and check whether the region {spec.region} "
            "is enabled for its account"
        )
    elif code in _WRONG_SECRET:
        kind, message = AuthenticationFailed, f"{message}; the credentials come from {found_in}"
        hint = (
            f"check the secret access key and this machine's clock, or name another login in spec.auth ({at})"
        )
    elif code in _DENIED and refusal.action.startswith("sts:AssumeRole"):
        kind, hint = AuthenticationFailed, _role_hint(refusal, spec)
        message = f"{refusal.action}: {refusal.text}; the credentials come from {found_in}"
    elif code in _DENIED:
        message = denial((refusal.action,), refusal.text)
        arn = repository_arn(spec, refusal.repository) if refusal.repository else "*"
        kind, hint = PermissionDenied, grant((refusal.action,), arn, refusal.text, spec, account())
    elif code == "KmsException":
        message = f"{refusal.action}: {code}: {refusal.text}"
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


def denial(actions: tuple[str, ...], text: str) -> str:
    """What is denied, to whom and why, as told by the refusal's `text`: in words that are the same for each resource, of
    which there may be hundreds."""
    found = _NOT_AUTHORIZED.search(text)
    if not found:
        return f"{' and '.join(actions)} {'is' if len(actions) == 1 else 'are'} denied: {text}"
    action, caller = found["action"], f" to {found['caller']}" if found["caller"] else ""
    return f"{action} is denied{caller}{found['why'].replace(f'the {action} action', 'it')}"


def grant(actions: tuple[str, ...], arn: str, text: str, spec: RegistrySpec, account: str) -> str:
    """What to do where actions on a resource are refused: the line of a policy that grants them, and who must write it.

    What the refusal itself names in `text` counts more than what is known without it.
    """
    found = _NOT_AUTHORIZED.search(text)
    if found:
        actions, arn = (found["action"],), (found["resource"] or arn).rstrip(".")
    if "explicit deny" in text:
        return f"a policy denies {', '.join(actions)} on {arn} explicitly: no other policy can grant it"
    line, owner = statement(actions, arn), spec.aws.account if spec.aws else ""
    if account and owner and account != owner:
        return (
            f"the login is of account {account}, and the registry of {owner}: log in to {owner} ({spec.at('auth')}), or "
            f"correct the endpoint ({spec.at('endpoint')}); else a policy of the repository must grant it, too: {line}"
        )
    return f"grant it: {line}; `regsync iam` prints all that is needed"


def _role_hint(refusal: Refusal, spec: RegistrySpec) -> str:
    role = spec.auth.aws.role_arn
    if refusal.action == "sts:AssumeRoleWithWebIdentity":
        return (
            "the trust policy of the role in AWS_ROLE_ARN must admit the token's issuer, audience and subject"
        )
    if role is None or role not in refusal.text:
        return f"a profile names that role: its trust policy must admit the caller; see spec.auth ({spec.at('auth')})"
    external_id = f"is it the one in spec.auth.externalId ({spec.at('auth.externalId')})"
    if spec.auth.aws.external_id is None:
        external_id = f"write it in spec.auth.externalId ({spec.at('auth.roleArn')})"
    return (
        f"the trust policy of {role} must admit the caller; if it asks for an external ID, {external_id}; "
        f"the caller needs {statement(('sts:AssumeRole',), role)}"
    )
