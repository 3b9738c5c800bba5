"""A service that gives out bearer tokens, RS256-signed, as the real CNCF Distribution server takes them.

It speaks both forms of the docker token protocol: GET with a password, POST with a refresh token (OAuth 2).
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.loopback import Handler, LoopbackServer

SERVICE = "registry.test"
ISSUER = "tokens.test"
LEEWAY = 60
"""Seconds for which the registry takes a token that has ended (CNCF Distribution)."""

KEY_ID = "the only key"
EVERYTHING = frozenset({"pull", "push", "delete", "*"})
ANYONE = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a token: how, for whom (ANYONE without a login), and for which scopes."""

    method: str
    user: str
    scopes: tuple[str, ...]


class TokenServer(LoopbackServer):
    """Gives tokens to `users` (password by name) and to bearers of `refresh_tokens` (user by token).

    `rights` has what each user may do, by name; ANYONE's are everyone's. What is asked for beyond them is left out of the
    token, as by real services. The registry takes a token for `lives` seconds, whatever it is said to be good for.
    """

    def __init__(self, users: Mapping[str, str], rights: Mapping[str, frozenset[str]]) -> None:
        super().__init__()
        self.users = dict(users)
        self.rights = dict(rights)
        self.refresh_tokens: dict[str, str] = {}
        self.lives = 300.0
        self.asked: list[Asked] = []

    @property
    def realm(self) -> str:
        return f"{self.url}/token"

    def configuration(self, folder: Path) -> dict[str, object]:
        """How the registry is told to believe these tokens; the key is left in a file there."""
        keys = folder / "keys.json"
        keys.write_text(json.dumps({"keys": [public_key()]}), encoding="utf-8")
        return {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "jwks": str(keys)}

    def handle(self, request: Handler) -> None:
        body = b"".join(request.body())
        post = request.command == "POST"
        fields = parse_qs(body.decode() if post else urlsplit(request.path).query)
        user = self._bearer(fields) if post else self._caller(request.headers["Authorization"])
        scopes = tuple(scope for each in fields.get("scope", []) for scope in each.split())
        if user is None or fields.get("service") != [SERVICE]:
            self._answer(request, 401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]})
            return
        self.asked.append(Asked(request.command, user, scopes))
        self._answer(request, 200, {"token": self._token(user, scopes), "expires_in": 3600})

    def _caller(self, authorization: str | None) -> str | None:
        if authorization is None:
            return ANYONE
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return user if self.users.get(user) == password else None

    def _bearer(self, fields: Mapping[str, list[str]]) -> str | None:
        if fields.get("grant_type") != ["refresh_token"]:
            return None
        return self.refresh_tokens.get(fields["refresh_token"][0])

    def _token(self, user: str, scopes: tuple[str, ...]) -> str:
        may = self.rights.get(user, frozenset()) | self.rights.get(ANYONE, frozenset())
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            granted = sorted(may.intersection(actions.split(",")))
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": int(time.time() + self.lives - LEEWAY),
            "nbf": now - 600,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        return signed(claims)

    def _answer(self, request: Handler, status: int, document: object) -> None:
        request.answer(status, [("Content-Type", "application/json")], json.dumps(document).encode())


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key() -> dict[str, str]:
    """The key to believe, as a JSON Web Key."""
    numbers = key().public_key().public_numbers()
    return {"kty": "RSA", "kid": KEY_ID, "alg": "RS256", "n": _number(numbers.n), "e": _number(numbers.e)}


def signed(claims: Mapping[str, object]) -> str:
    """A JSON Web Token."""
    header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    text = ".".join(encoded(json.dumps(each).encode()) for each in (header, claims))
    return f"{text}.{encoded(key().sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _number(number: int) -> str:
    return encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
