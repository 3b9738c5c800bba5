"""Turns answers that were not hoped for into errors: what failed, what the registry said, what to do next.

Knows statuses and OCI error bodies (distribution-spec, "error codes"); knows no connection.
"""

from __future__ import annotations

import json
import re
from typing import Any, Protocol

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from regsync.model.registry import AuthMethod
from regsync.transport.challenges import parse_challenges
from regsync.transport.messages import Response, is_page
from regsync.transport.redact import Redactor, one_line
from regsync.transport.retry import RETRIED
from regsync.transport.server import Server

ABSENT = frozenset({"BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"})
"""Codes by which a registry says that something is not there. NOT_FOUND is Harbor's."""

_SHOWN_ERRORS = 3
_EXPIRED = "token has expired"
# How servers of Go, and nginx, answer a plain request to a port of TLS.
_TLS_WANTED = re.compile(rb"HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port")


class Explain(Protocol):
    """Makes an error of an answer, as `failure` does for registries."""

    def __call__(
        self,
        response: Response,
        spec: Server,
        redact: Redactor,
        *,
        own: bool,
        login: str | None,
        accepted: bool,
    ) -> RegistryError: ...


def failure(
    response: Response,
    spec: Server,
    redact: Redactor,
    *,
    own: bool,
    login: str | None,
    accepted: bool,
) -> RegistryError:
    """The error that an answer amounts to.

    `own` says whether the registry itself answered, `login` where the credentials that were used come from,
    `accepted` whether `/v2/` has accepted them.
    """
    errors = oci_errors(response)
    code = errors[0][0] if errors else None
    message = f"{response.method} {response.url}: {response.status}{_said(response, errors, redact)}"
    kind, hint = _judge(response, [each for each, _ in errors], spec)
    if response.status == 401:
        kind, hint = _judge_login(spec, own=own, login=login, accepted=accepted)
    if kind is NotFound and not own:
        kind, hint = NotARegistry, _not_a_registry(spec)
    if kind is AuthenticationFailed:
        message += f"; the login from {login} was refused" if login else "; no login was sent"
    return kind(message, hint=hint, code=code, status=response.status)


def oci_errors(response: Response) -> list[tuple[str, str]]:
    """Code and message of each error in an OCI error body; empty for bodies of any other form."""
    try:
        errors: Any = json.loads(response.body)["errors"]
        return [
            (one_line(each["code"], 80), str(each.get("message") or ""))
            for each in errors
            if isinstance(each["code"], str)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def refused_trade(response: Response, redact: Redactor) -> AuthenticationFailed:
    """The error that an endpoint which gives out tokens, and gave none, amounts to. Its code is the endpoint's own."""
    errors = oci_errors(response) or oauth_errors(response)
    return AuthenticationFailed(
        f"{response.method} {response.url}: {response.status}{_said(response, errors, redact)}",
        code=errors[0][0] if errors else None,
        status=response.status,
    )


def oauth_errors(response: Response) -> list[tuple[str, str]]:
    """Code and first line of the description of an OAuth error (RFC 6749, section 5.2); empty for any other body."""
    try:
        document: Any = json.loads(response.body)
        description = str(document.get("error_description") or "").strip().splitlines()
        return [(one_line(document["error"], 80), description[0] if description else "")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def is_expired(response: Response, *, fetched: bool) -> bool:
    """Whether an answer refuses a login because it has expired, though not by a 401 that asks for another.

    `fetched` says that the request carried a bearer token from a token service. These are quirks of Amazon ECR: a private
    registry answers 403 with DENIED, just as it does where a right is missing, and nothing but the text tells the two
    apart. ECR Public answers 400 with DENIED to any bearer token that it does not take, be it expired or invalid.
    """
    errors = oci_errors(response)
    if response.status == 400:
        return fetched and (not errors or any(code == "DENIED" for code, _ in errors))
    return response.status == 403 and any(
        code == "DENIED" and _EXPIRED in text.lower() for code, text in errors
    )


def check_welcome(response: Response, spec: Server) -> None:
    """Raise NotARegistry unless an answer to `GET /v2/` shows a registry, AuthenticationFailed if it is a 401 that only
    offers logins that are not spoken here."""
    what = f"GET {response.url}: {response.status}"
    if response.status == 401:
        offered = parse_challenges(response.headers.get("www-authenticate", ""))
        if offered:
            schemes = one_line(", ".join(each.scheme for each in offered), 80)
            raise AuthenticationFailed(
                f"{what}, and none of the ways to log in that it offers is spoken here: {schemes}",
                hint="regsync speaks Basic and Bearer",
                status=401,
            )
        raise NotARegistry(f"{what} without a way to log in", hint=_not_a_registry(spec), status=401)
    known = "docker-distribution-api-version" in response.headers
    plausible = response.content_type == "application/json" or not response.body.strip()
    if response.status == 404 or is_page(response.content_type, response.body) or not (known or plausible):
        raise NotARegistry(
            f"{what}, but not as a registry answers", hint=_not_a_registry(spec), status=response.status
        )


def _said(response: Response, errors: list[tuple[str, str]], redact: Redactor) -> str:
    """What the server said, in one line: its own words, masked and bounded."""
    if errors:
        told = "; ".join(
            f"{code}: {message}" if message else code for code, message in errors[:_SHOWN_ERRORS]
        )
        if len(errors) > _SHOWN_ERRORS:
            told += f"; and {len(errors) - _SHOWN_ERRORS} more"
    elif is_page(response.content_type, response.body):
        told = "with a page of HTML"
    elif response.content_type == "text/plain":
        told = response.body.decode(errors="replace")
    else:
        told = ""
    number = response.headers.get("x-request-id", "")
    told = one_line(redact(told))
    return (f" {told}" if told else "") + (f" (request id {one_line(redact(number), 80)})" if number else "")


def _judge(response: Response, codes: list[str], spec: Server) -> tuple[type[RegistryError], str | None]:
    status = response.status
    if status == 429 or "TOOMANYREQUESTS" in codes:
        return RateLimited, "the registry throttles: wait, or run with a lower --parallelism"
    if status in {405, 501} or "UNSUPPORTED" in codes:
        return Unsupported, "the registry does not offer this, or is in read-only mode"
    if status == 404:
        return _judge_missing(response, codes, spec)
    if is_expired(response, fetched=False):
        return AuthenticationFailed, f"renew the login, or name another one in spec.auth ({spec.at('auth')})"
    if status == 403 or (status == 400 and "DENIED" in codes):
        return (
            PermissionDenied,
            f"the login needs more rights, or another login is needed: see spec.auth ({spec.at('auth')})",
        )
    if status in {409, 412}:
        return Conflict, None
    if status == 413:
        return ProtocolError, "the registry, or a proxy before it, limits the size of requests"
    if status in RETRIED or status > 499:
        return Unreachable, "the registry, or a proxy before it, is in trouble: see its log"
    if 299 < status < 400:
        return ProtocolError, f"only reads are redirected: check the endpoint ({spec.at('endpoint')})"
    if status == 400 and spec.endpoint.startswith("http://") and _TLS_WANTED.search(response.body):
        return ProtocolError, f"the port speaks TLS: write the endpoint with https:// ({spec.at('endpoint')})"
    if is_page(response.content_type, response.body):
        return NotARegistry, _not_a_registry(spec)
    return ProtocolError, None


def _judge_missing(
    response: Response, codes: list[str], spec: Server
) -> tuple[type[RegistryError], str | None]:
    """A 404 means absence only in a registry's own words; a HEAD has none, so its headers must show a registry."""
    if not ABSENT.isdisjoint(codes):
        return NotFound, None
    known = "docker-distribution-api-version" in response.headers
    if response.method == "HEAD" and known and response.content_type == "application/json":
        return NotFound, None
    return (ProtocolError, None) if codes else (NotARegistry, _not_a_registry(spec))


def _judge_login(
    spec: Server, *, own: bool, login: str | None, accepted: bool
) -> tuple[type[RegistryError], str]:
    at = spec.at("auth")
    if not own:
        return PermissionDenied, "the registry sent us to another host; its credentials are not sent there"
    if login is None and spec.auth.method is AuthMethod.NONE:
        return AuthenticationFailed, f"spec.auth says `method: none`, but the registry wants a login ({at})"
    if login is None:
        host = spec.endpoint.partition("://")[2]
        return (
            AuthenticationFailed,
            f"log in with `docker login {host}`, or name the login in spec.auth ({at})",
        )
    if accepted:
        return (
            PermissionDenied,
            f"the login from {login} is good, but not for this: it lacks the right, or there is no such project",
        )
    return AuthenticationFailed, f"check user name and secret ({at})"


def _not_a_registry(spec: Server) -> str:
    return (
        "no registry answers there: check the endpoint and spec.basePath "
        f"({spec.at('endpoint')}), and proxies in between"
    )
