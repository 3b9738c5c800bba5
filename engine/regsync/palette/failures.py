"""What went wrong with Palette, in words, and what to do about it. Knows its error bodies and statuses, no connection.

Error bodies are those of Palette's API description (v1Error); which codes there are is told by its release notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotARegistry,
    NotFound,
    PermissionDenied,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from regsync.model.palette import DesiredRegistration
from regsync.palette.wire import Document, text
from regsync.transport.messages import Response, is_page
from regsync.transport.redact import Redactor, one_line
from regsync.transport.server import Server

RETRIED = frozenset({429, 502, 503, 504})
"""What may pass. A plain 500 has a reason, which its body tells."""
_BAD_LOGIN = "InvalidRegistryCredentials"
_REASON = re.compile(
    r"\b(40[13]|unauthorized|forbidden|denied|time[d-]?[ -]?out|deadline|unreachable|refused|no such host|no route|x509|"
    r"certificate)\b",
    re.IGNORECASE,
)
"""What Palette says where it tells a wrong login from a registry that it does not reach."""

SHOWN = 5
"""How many names a message has at most."""

_READING = (
    "ecr:GetAuthorizationToken, ecr:DescribeRepositories, ecr:ListImages, ecr:DescribeImages, ecr:BatchGetImage, "
    "ecr:BatchCheckLayerAvailability and ecr:GetDownloadUrlForLayer"
)


def failure(
    response: Response,
    spec: Server,
    redact: Redactor,
    *,
    own: bool,
    login: str | None,
    accepted: bool,  # noqa: ARG001 - of registries
) -> RegistryError:
    """The error that an answer amounts to; see transport.failures.Explain."""
    told = _error(response)
    code = one_line(redact(text(told, "code")), 80) or None
    said = "with a page of HTML" if is_page(response.content_type, response.body) else ""
    if told:
        said = ": ".join(each for each in (code, text(told, "message")) if each)
    numbers = {"ref": text(told, "ref"), "audit": response.headers.get("audituid", "")}
    shown = ", ".join(f"{name} {one_line(redact(each), 80)}" for name, each in numbers.items() if each)
    message = f"{response.method} {response.url}: {response.status} {one_line(redact(said))}".rstrip()
    kind, hint = _judge(response.status, code, spec, own=own, palette=bool(told), login=login)
    if "cannot be changed" in said.lower():
        hint = (
            "it can only be registered anew, which policy.replacePalette: allow permits; its uid changes then"
        )
    return kind(message + (f" ({shown})" if shown else ""), hint=hint, code=code, status=response.status)


def not_palette(response: Response, spec: Server, why: str) -> NotARegistry:
    """The error that an answer with success amounts to which is none of Palette's API."""
    return NotARegistry(
        f"{response.method} {response.url}: {response.status} {why}, which is not Palette's API",
        hint=_elsewhere(spec),
        status=response.status,
    )


def refused(
    error: RegistryError, desired: DesiredRegistration, trust: tuple[str, str] | None
) -> RegistryError:
    """What Palette's own validation of a registration found, with what may be behind it.

    `trust` is the account from which Palette assumes the role of this registration, and its external ID; None where
    there is no role, or that cannot be told.
    """
    spec = desired.spec
    message = f"Palette's own try of {spec.settings['endpoint']} failed: {error.message}"
    hints = [error.hint] if error.hint and error.status != 400 else []
    if spec.settings["auth"] == "sts":
        hints.append(_role(desired, trust))
    elif error.code == _BAD_LOGIN:
        at = desired.registry.at("palette.auth")
        hints.append(f"the login in spec.palette.auth is wrong ({at}), or lacks the right to read")
    if error.code == _BAD_LOGIN and not _REASON.search(error.message.rpartition(_BAD_LOGIN)[2]):
        hints.append(
            "before 4.10 Palette says the same where it has no answer: see that it reaches the registry itself (DNS, "
            "firewall, certificate), not this machine only"
        )
    return type(error)(message, hint="\n".join(hints) or None, code=error.code, status=error.status)


def listed(names: Sequence[object]) -> str:
    """Names inside a sentence, the first few of many."""
    shown = ", ".join(str(each) for each in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def trust_statement(partition: str, account: str, external_id: str) -> str:
    """What the trust policy of a role must have for Palette to assume it."""
    return json.dumps(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }
    )


def _role(desired: DesiredRegistration, trust: tuple[str, str] | None) -> str:
    settings = desired.spec.settings
    role = settings.get("roleArn")
    found = f"the role {role} may not trust Palette, or lacks rights. It needs {_READING}"
    if trust is None:
        return f"{found}; `regsync iam` prints its policies"
    account, external_id = trust
    statement = trust_statement(str(settings.get("partition") or "aws"), account, external_id)
    return f"{found}; `regsync iam` prints its whole policy. Its trust policy must have\n{statement}"


def _error(response: Response) -> Document:
    """Palette's error body; empty for a body of any other form."""
    try:
        document: Any = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    is_error = isinstance(document, dict) and (text(document, "code") or text(document, "message"))
    return document if is_error else {}


def _judge(
    status: int, code: str | None, spec: Server, *, own: bool, palette: bool, login: str | None
) -> tuple[type[RegistryError], str | None]:
    at = spec.at("apiKey")
    if not own:
        return NotARegistry, _elsewhere(spec)
    if status == 429:
        return RateLimited, "Palette counts the requests of all who come from this address: run again later"
    if status in RETRIED:
        return Unreachable, "Palette, or a proxy before it, is in trouble: run again later"
    if status == 401:
        return (
            AuthenticationFailed,
            f"the API key {login or ''} was refused: it may have expired, be deleted, or be one of another host ({at})",
        )
    if code == "ResourceNotFound" or (status == 404 and palette):
        return NotFound, None
    if status == 403 and palette:
        who = "a tenant admin, since registries belong to the tenant, and not of a project's user"
        return PermissionDenied, f"the API key {login or ''} must be one of {who} ({at})"
    if not palette:
        return (NotARegistry, _elsewhere(spec)) if status < 500 else (RegistryError, None)
    if status in {405, 501}:
        return Unsupported, "is this Palette older than 4.6?"
    return (Conflict if status == 409 else RegistryError), None


def _elsewhere(spec: Server) -> str:
    return (
        f"a proxy, a login page or another program answers in Palette's stead: check spec.host ({spec.at('host')}), "
        "which is the address of its API, without a path"
    )
