"""The login to a registry's `/v2`: a token of the API, fetched once and renewed in time. Knows no HTTP."""

from __future__ import annotations

import threading
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from regsync.model.errors import ProtocolError
from regsync.registries.ecr.session import AwsSession
from regsync.transport.credentials import Credential, Kind

LEFT = timedelta(minutes=30)
"""A token is renewed this long before it ends, so that no upload outlives its login; one that lives for less than twice
as long, halfway."""

_USER = "AWS"


class TokenLogins:
    """The tokens of one AWS session; see `transport.credentials.Logins`. `now` is the time in UTC."""

    def __init__(self, session: AwsSession, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._session = session
        self._now = now
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._until = datetime.max.replace(tzinfo=UTC)

    def current(self) -> Credential:
        """The token to log in with now."""
        with self._lock:
            if self._credential is None or self._now() >= self._until:
                self._credential = self._fetch()
            return self._credential

    def renewed(self, refused: Credential) -> Credential:
        """Another token than `refused`; who comes with one that was replaced already gets the one that replaced it."""
        with self._lock:
            if self._credential is None or self._credential == refused:
                self._credential = self._fetch()
            return self._credential

    def _fetch(self) -> Credential:
        """A new token. ECR gives a list of one, ECR Public the object alone (botocore's models of both)."""
        told = self._session.told("GetAuthorizationToken", "authorizationData")
        data = told[0] if isinstance(told, list) else told
        try:
            user, _, password = b64decode(data["authorizationToken"]).decode().partition(":")
        except ValueError:
            user = password = ""
        if user != _USER or not password:
            raise ProtocolError("GetAuthorizationToken: the answer is no login")
        ends: datetime = data["expiresAt"]
        self._until = ends - min(LEFT, (ends - self._now()) / 2)
        return Credential(Kind.PASSWORD, password, "GetAuthorizationToken", _USER)
