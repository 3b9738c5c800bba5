"""Who is asking: access keys, assumed roles, and the tokens that log in to /v2. Knows no repository."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from xml.etree import ElementTree

from tests.support.aws_errors import STS_NAMESPACE, Document, Refused, not_authorized
from tests.support.ministack import MinistackServer, Raw, Scope, signed_by

TWELVE_HOURS = 12 * 60 * 60.0
NEVER = float("inf")
CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([a-z0-9-]+)/[a-z0-9-]+/aws4_request\b")


@dataclass(frozen=True, slots=True)
class Role:
    """A role: of a web identity, where its token is given, else of whoever knows the external ID, if it has one."""

    external_id: str | None = None
    web_identity_token: str | None = None

    def admits(self, form: Mapping[str, str]) -> bool:
        """Whether a request to assume the role has what it asks for."""
        if form["Action"] == "AssumeRoleWithWebIdentity":
            return form.get("WebIdentityToken") == self.web_identity_token
        return self.web_identity_token is None and self.external_id in {None, form.get("ExternalId")}


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal; an assumed role also has a session token and an end."""

    account: str
    arn: str
    session_token: str | None = None
    expires: float = NEVER


ANYONE = Caller("", "arn:aws:sts:::anonymous")


@dataclass(frozen=True, slots=True)
class Login:
    """What a token from GetAuthorizationToken stands for."""

    caller: Caller
    region: str
    expires: float


class Identities:
    """`keys` are lasting access keys (key id to account); `roles` can be assumed, by ARN."""

    def __init__(self, ministack: MinistackServer) -> None:
        self.keys: dict[str, str] = {}
        self.roles: dict[str, Role] = {}
        self.token_lifetime = TWELVE_HOURS
        self.sessions: dict[str, Caller] = {}
        self.session_secrets: set[str] = set()
        self.logins: dict[str, Login] = {}
        self._ministack = ministack

    def key_of(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """The access key id and the region of a signed request; empty where it is not signed."""
        found = CREDENTIAL.match(headers.get("authorization", ""))
        return (found[1], found[2]) if found else ("", "")

    def account_of(self, headers: Mapping[str, str]) -> str:
        """The account whose key signed a request, whether it is still good or not; empty where nobody knows."""
        key, _ = self.key_of(headers)
        return self.sessions[key].account if key in self.sessions else self.keys.get(key, "")

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who signed a request. The signature itself is not looked at."""
        key, _ = self.key_of(headers)
        if not key:
            raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        if key in self.keys:
            return Caller(self.keys[key], f"arn:aws:iam::{self.keys[key]}:user/tester")
        session = self.sessions.get(key)
        if session is None or headers.get("x-amz-security-token") != session.session_token:
            message = "The security token included in the request is invalid."
            raise Refused("UnrecognizedClientException", message)
        if session.expires <= time.time():
            raise Refused("ExpiredTokenException", "The security token included in the request is expired")
        return session

    def expire_sessions(self) -> None:
        """End every assumed role."""
        self.sessions = {key: replace(each, expires=0) for key, each in self.sessions.items()}

    def token(self, caller: Caller, region: str) -> Document:
        """Answer GetAuthorizationToken with a token of our own, good for this region alone."""
        scope = Scope(caller.account, region)
        answer = self._ministack.api(scope, "GetAuthorizationToken", {}).json()
        password = secrets.token_urlsafe(96)
        login = Login(caller, region, time.time() + self.token_lifetime)
        self.logins[password] = login
        [data] = answer["authorizationData"]
        token = base64.b64encode(f"AWS:{password}".encode()).decode()
        return {"authorizationData": [data | {"authorizationToken": token, "expiresAt": login.expires}]}

    def expire_tokens(self) -> None:
        """End every login to /v2."""
        self.logins = {password: replace(each, expires=0) for password, each in self.logins.items()}

    def logged_in(self, authorization: str, region: str) -> Caller | None:
        """Who logs in to a region's /v2 with this header; None for a login that is no token of ours."""
        login = self.logins.get(password_of(authorization))
        if login is None:
            return None
        if login.expires <= time.time():
            message = "Your authorization token has expired. Reauthenticate and try again."
            raise Refused("DENIED", message, 403)
        if login.region != region:
            raise Refused("DENIED", "Your Authorization Token is invalid.", 400)
        return login.caller

    def sts(self, form: Mapping[str, str], caller: Caller) -> Raw:
        """Answer STS: who the caller is, or a session of a role that admits it."""
        action, arn = form["Action"], form.get("RoleArn", "")
        if action == "GetCallerIdentity":
            return whoami(caller)
        if action not in {"AssumeRole", "AssumeRoleWithWebIdentity"}:
            raise Refused("InvalidAction", f"Could not find operation {action} for version 2011-06-15")
        role = self.roles.get(arn)
        if role and role.admits(form):
            return self._assume(form, arn.split(":")[4], caller)
        if caller is ANYONE:
            raise Refused("AccessDeniedException", f"Not authorized to perform sts:{action}")
        raise not_authorized(caller.arn, f"sts:{action}", arn, "")

    def _assume(self, form: Mapping[str, str], account: str, caller: Caller) -> Raw:
        """Let ministack issue the session, and take note of it."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": signed_by(caller.account, "us-east-1", "sts"),
        }
        answer = self._ministack.send("POST", "/", headers, urlencode(form).encode())
        if answer.status == 200:
            told = {
                each.tag.removeprefix(f"{{{STS_NAMESPACE}}}"): each.text
                for each in ElementTree.fromstring(answer.body).iter()
            }
            expires = time.time() + float(form.get("DurationSeconds", 3600))
            session = Caller(account, str(told["Arn"]), told["SessionToken"], expires)
            self.sessions[str(told["AccessKeyId"])] = session
            self.session_secrets.add(str(told["SecretAccessKey"]))
        return answer


def whoami(caller: Caller) -> Raw:
    """Answer GetCallerIdentity."""
    who = f"<Arn>{caller.arn}</Arn><UserId>AIDATESTER</UserId><Account>{caller.account}</Account>"
    result = f"<GetCallerIdentityResult>{who}</GetCallerIdentityResult>"
    body = f'<GetCallerIdentityResponse xmlns="{STS_NAMESPACE}">{result}</GetCallerIdentityResponse>'
    return Raw(200, [("Content-Type", "text/xml")], body.encode())


def password_of(authorization: str) -> str:
    """The password in a Basic header whose user is AWS; empty for any other header."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return password if (scheme.lower(), user) == ("basic", "AWS") else ""
