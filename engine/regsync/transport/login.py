"""Logs in: decides which Authorization each request to a registry carries, and answers its challenges.

Knows Basic and Bearer as docker registries speak them, and where credentials come from; knows no connection.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from regsync.model.errors import AuthenticationFailed
from regsync.model.registry import AuthMethod
from regsync.transport.challenges import parse_challenges
from regsync.transport.credentials import Credential, Kind, Logins, written_login
from regsync.transport.docker_config import DockerConfig
from regsync.transport.messages import Scope
from regsync.transport.origins import Endpoint, Target
from regsync.transport.redact import Redactor
from regsync.transport.server import Server
from regsync.transport.tokens import Fetch, Tokens, TokenService, basic
from regsync.transport.trust import AllowedHosts, realm_target

_HEADER_SAFE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a request carries to be let in, and what that was made from: a credential as it is, or traded for a token."""

    header: str = field(repr=False)
    credential: Credential | None
    service: TokenService | None = None
    missing: tuple[str, ...] = ()
    """The scopes that a challenge asked for when the token was fetched."""

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries it."""
        name = self.credential.header if self.credential else "Authorization"
        return {name: self.header}


class Login:
    """The login of one live registry. Thread-safe.

    Credentials are looked up when the registry first asks for a login. From then on requests carry their
    Authorization at once. A vendor's `logins` take the place of what the manifest says; they may be renewed at any time,
    so they are asked anew for every request.
    """

    def __init__(
        self,
        spec: Server,
        endpoint: Endpoint,
        environment: Mapping[str, str],
        logins: Logins | None,
        redactor: Redactor,
        clock: Callable[[], float],
        fetch: Fetch,
    ) -> None:
        self._spec = spec
        self._endpoint = endpoint
        self._environment = environment
        self._logins = logins
        self._redactor = redactor
        self._allowed = AllowedHosts(environment)
        self._docker = DockerConfig(environment)
        self._tokens = Tokens(fetch, self._allowed, redactor, clock)
        self._found: dict[str, Credential | None] = {}
        self._lock = threading.Lock()
        self._asks: TokenService | Literal["basic"] | None = None
        self.open = False
        """Whether `/v2/` answers to anyone."""
        self.accepted = False
        """Whether `/v2/` has accepted our credentials."""
        self.used: Credential | None = None
        """The credentials last used."""

    def welcomed(self) -> None:
        """Take note that `/v2/` answered with success, to our credentials if it asked for any."""
        self.accepted = self.used is not None
        self.open = not self.accepted

    @property
    def source(self) -> str | None:
        """Where the credentials last used come from, for messages; None while none were used."""
        return self.used.source if self.used else None

    @property
    def asked_for(self) -> bool:
        """Whether the registry has asked for a login in a way that can be answered."""
        return self._asks is not None

    @property
    def realm(self) -> str:
        """Where tokens are to be had, as the registry's first challenge said; empty where it did not."""
        return self._asks.realm.url if isinstance(self._asks, TokenService) else ""

    def check_hosts(self) -> None:
        """Raise AuthenticationFailed where credentials that the manifest names must not be sent to its registry."""
        if self._is_written or self._spec.tls.cert_file:
            self._check_own_hosts()

    def authorization(self, scopes: Sequence[Scope], *, direct: bool = False) -> Authorization | None:
        """What a request carries from the start, None for nothing; with `direct` never a token that the credential was
        traded for. Raises RegistryErrors of the token endpoint."""
        asks = self._asks
        if asks is None and not (self.open and self._is_written):
            return None
        # An open registry may show more to those who log in, so a login that is written out is used there, too.
        credential = self._credential(scopes)
        final = credential is not None and credential.is_final
        if direct or final or not isinstance(asks, TokenService):
            return self._direct(credential)
        return self._token(asks, scopes, credential) if scopes else None

    def answer(
        self, header: str, scopes: Sequence[Scope], refused: Authorization | None, base: Target
    ) -> Authorization | None:
        """What to carry instead after a 401 with this WWW-Authenticate header; None where nothing better is known.

        An empty header is never answered: so Harbor says "no such project" and "forbidden".
        """
        challenge = next((each for each in parse_challenges(header) if each.usable), None)
        if challenge is None:
            return None
        service = None
        if challenge.scheme == "bearer":
            realm = realm_target(challenge.parameters["realm"], self._endpoint, base)
            service = TokenService(realm, challenge.parameters.get("service", ""))
        with self._lock:
            # The first challenge is what requests follow from the start; Harbor's later ones fall back to Basic.
            if self._asks is None:
                self._asks = service or "basic"
        credential = self._credential(scopes)
        if service is None or (credential and credential.is_final):
            direct = self._direct(credential)
            return direct if direct != refused else None
        missing = tuple(challenge.parameters.get("scope", "").split())
        if not credential and not scopes and not missing:
            return None  # an anonymous token for nothing says nothing
        return self._token(service, scopes, credential, missing, refused)

    def is_renewable(self, carried: Authorization) -> bool:
        """Whether a newer one is to be had in the stead of what a request carried: a fresh token, a vendor's login."""
        return carried.service is not None or self._logins is not None

    def renewal(self, scopes: Sequence[Scope], refused: Authorization) -> Authorization | None:
        """What to carry instead of something renewable that the registry refused as expired. Raises RegistryErrors."""
        if refused.service:
            return self._token(refused.service, scopes, self._credential(scopes), refused.missing, refused)
        assert self._logins is not None
        assert refused.credential is not None
        return self._direct(self._known(self._logins.renewed(refused.credential)))

    def _token(
        self,
        service: TokenService,
        scopes: Sequence[Scope],
        credential: Credential | None,
        missing: tuple[str, ...] = (),
        refused: Authorization | None = None,
    ) -> Authorization:
        wanted = tuple(str(each) for each in scopes)
        stale = refused.header.removeprefix("Bearer ") if refused else None
        token = self._tokens.get(service, wanted, credential, missing=missing, refused=stale)
        return Authorization(f"Bearer {token}", credential, service, missing)

    def _credential(self, scopes: Sequence[Scope]) -> Credential | None:
        if self._logins:
            return self._known(self._logins.current())
        repository = scopes[0].repository if scopes else ""
        with self._lock:
            if repository not in self._found:
                self._found[repository] = self._look_up(repository)
            credential = self._found[repository]
        return self._known(credential) if credential else None

    def _known(self, credential: Credential) -> Credential:
        """The same credential, about to be used: masked from now on, and only for hosts that may see it."""
        self._redactor.learn(credential.secret, basic(credential))
        self._check_own_hosts()
        self.used = credential
        return credential

    def _look_up(self, repository: str) -> Credential | None:
        if self._spec.auth.method is AuthMethod.DOCKER:
            return self._docker.find(self._endpoint.origin.authority, repository)
        return written_login(self._spec.auth, self._environment)

    def _direct(self, credential: Credential | None) -> Authorization | None:
        """The Authorization that needs no token endpoint."""
        if credential is None or credential.kind is Kind.IDENTITY:
            return None
        if credential.kind is Kind.PASSWORD:
            return Authorization(f"Basic {basic(credential)}", credential)
        if not _HEADER_SAFE.fullmatch(credential.secret):
            noun = "key" if credential.kind is Kind.KEY else "token"
            raise AuthenticationFailed(f"the {noun} of {credential.source} has characters that no {noun} has")
        if credential.kind is Kind.KEY:
            return Authorization(credential.secret, credential)
        return Authorization(f"Bearer {credential.secret}", credential)

    @property
    def _is_written(self) -> bool:
        return self._logins is not None or self._spec.auth.method in {AuthMethod.BASIC, AuthMethod.TOKEN}

    def _check_own_hosts(self) -> None:
        for origin in {self._endpoint.origin, self._endpoint.connect}:
            self._allowed.check(origin)
