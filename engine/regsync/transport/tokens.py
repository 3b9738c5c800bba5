"""Trades credentials for bearer tokens and keeps them until they expire (distribution's token specification).

Knows token endpoints; sends through a function that it is given.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from regsync.model.errors import ProtocolError
from regsync.transport.credentials import Credential, Kind
from regsync.transport.messages import Response
from regsync.transport.origins import Target
from regsync.transport.redact import Redactor
from regsync.transport.trust import AllowedHosts

LIFETIME = 60.0
"""Seconds that a token lives where its server does not say, and the least that is believed."""
MARGIN = 10.0
"""Seconds before its end at which a token is no longer used."""
ANSWER_LIMIT = 128 * 1024

_CLIENT_ID = "regsync"
_NO_USER = "<token>"
_HEADER_SAFE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class TokenService:
    """Where a registry's tokens are to be had, as its challenge said."""

    realm: Target
    service: str


class Fetch(Protocol):
    """Sends one request to a token endpoint. Returns answers with status 200, 404 and 405, raises for others."""

    def __call__(
        self, method: str, target: Target, headers: Mapping[str, str], form: bytes | None
    ) -> Response: ...


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    token: str = ""
    ends: float = 0.0
    credential: Credential | None = None


class Tokens:
    """The tokens of one registry by realm and scopes. Thread-safe: each is fetched by one thread for all."""

    def __init__(
        self, fetch: Fetch, allowed: AllowedHosts, redactor: Redactor, clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._allowed = allowed
        self._redactor = redactor
        self._clock = clock
        self._slots: dict[tuple[str, ...], _Slot] = {}
        self._lock = threading.Lock()

    def get(
        self,
        service: TokenService,
        scopes: tuple[str, ...],
        credential: Credential | None,
        *,
        missing: tuple[str, ...] = (),
        refused: str | None = None,
    ) -> str:
        """A token for `scopes` and what the server said was `missing`; never the one that it has just `refused`, nor one
        that another credential was traded for.

        Kept under `scopes`, so that the next request for them needs no challenge. Raises RegistryErrors.
        """
        key = (service.realm.url, *sorted(scopes or missing))
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            usable = slot.token not in {"", refused} and slot.credential == credential
            if not usable or self._clock() >= slot.ends:
                # Some servers honour only one scope, so what the server missed goes first.
                slot.token, lifetime = self._request(service, merge_scopes([*missing, *scopes]), credential)
                slot.ends = self._clock() + lifetime - MARGIN
                slot.credential = credential
            return slot.token

    def _request(
        self, service: TokenService, scopes: tuple[str, ...], credential: Credential | None
    ) -> tuple[str, float]:
        if credential and not service.realm.own:
            self._allowed.check(service.realm.origin)
        if credential and credential.kind is Kind.IDENTITY:
            form = {
                "grant_type": "refresh_token",
                "service": service.service,
                **({"scope": " ".join(scopes)} if scopes else {}),
                "client_id": _CLIENT_ID,
                "refresh_token": credential.secret,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = self._fetch("POST", service.realm, headers, urlencode(form).encode())
            if answer.status == 200:
                return self._read(answer)
            # No OAuth there: the older way takes the identity token as a password.
        query = urlencode([("service", service.service), *(("scope", each) for each in scopes)])
        realm = service.realm
        joined = f"{realm.path}{'&' if '?' in realm.path else '?'}{query}"
        headers = {"Authorization": f"Basic {basic(credential)}"} if credential else {}
        return self._read(self._fetch("GET", Target(realm.origin, joined, realm.own), headers, None))

    def _read(self, answer: Response) -> tuple[str, float]:
        said = answer.json() if answer.status == 200 else None
        fields = said if isinstance(said, dict) else {}
        # Harbor sends an empty access_token beside the token.
        token = fields.get("access_token") or fields.get("token")
        if not isinstance(token, str) or not _HEADER_SAFE.fullmatch(token):
            raise ProtocolError(
                f"{answer.method} {answer.url}: {answer.status} without a token", status=answer.status
            )
        self._redactor.learn(token)
        lifetime = fields.get("expires_in")
        return token, max(LIFETIME, float(lifetime) if isinstance(lifetime, int | float) else 0.0)


def basic(credential: Credential) -> str:
    """What Basic sends for a user name and a secret; an identity token may come without a name."""
    username = credential.username or (_NO_USER if credential.kind is Kind.IDENTITY else "")
    return b64encode(f"{username}:{credential.secret}".encode()).decode()


def merge_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes in their first order, the actions of each repository united."""
    actions: dict[str, dict[str, None]] = {}
    for scope in scopes:
        name, _, listed = scope.rpartition(":")
        actions.setdefault(name, {}).update(dict.fromkeys(listed.split(",")))
    return tuple(
        f"{name}:{','.join(listed)}" if name else ",".join(listed) for name, listed in actions.items()
    )
