"""Logs in to Azure Container Registry with an Entra identity: whose that is, and what it is traded for.

Knows Entra's token endpoint, the one that tells an Azure machine who it is, and the registry's exchange (Azure/acr,
"AAD-OAuth"). Sends through a function that it is given.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from regsync.model.errors import AuthenticationFailed, ProtocolError, RegistryError
from regsync.model.registry import RegistrySpec
from regsync.transport.credentials import Credential, Kind
from regsync.transport.docker_config import DockerConfig
from regsync.transport.origins import Origin
from regsync.transport.trust import is_internal

NO_USER = "00000000-0000-0000-0000-000000000000"
"""The user name beside which an identity token of the registry may be kept as a password."""
MARGIN = 300.0
"""Seconds before its end at which a login is renewed."""
UNKNOWN_LIFETIME = 1800.0
"""Seconds that a login is kept whose end cannot be read."""

_MACHINE = "http://169.254.169.254"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds: where Entra is, what its tokens for registries are called, and where storage accounts are.
    Such a token opens registries only; one for Azure's management API would do, too, and open everything."""

    authority: str
    audience: str
    storage: str


_PUBLIC = Cloud(
    "https://login.microsoftonline.com", "https://containerregistry.azure.net", "blob.core.windows.net"
)
_CLOUDS = {
    ".azurecr.us": Cloud(
        "https://login.microsoftonline.us",
        "https://containerregistry.azure.us",
        "blob.core.usgovcloudapi.net",
    ),
    ".azurecr.cn": Cloud(
        "https://login.chinacloudapi.cn", "https://containerregistry.azure.cn", "blob.core.chinacloudapi.cn"
    ),
}


class Trade(Protocol):
    """Asks an endpoint that gives out tokens; see Transport.trade."""

    def __call__(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> dict[str, Any]: ...


def cloud_of(host: str) -> Cloud:
    """The cloud that a registry's host lies in."""
    return next((cloud for suffix, cloud in _CLOUDS.items() if host.endswith(suffix)), _PUBLIC)


class EntraLogins:
    """The logins to one registry; see `transport.credentials.Logins`.

    The identity is the first that there is of: a client secret, a federated token (workload identity), an identity token
    of the registry in docker's configuration, the managed identity of the machine. `clock` counts seconds.
    """

    def __init__(
        self,
        spec: RegistrySpec,
        environment: Mapping[str, str],
        trade: Trade,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._environment = environment
        self._trade = trade
        self._clock = clock
        self._origin = Origin.parse(spec.endpoint)
        self._cloud = cloud_of(self._origin.host)
        self._tenant = spec.auth.azure.tenant or environment.get("AZURE_TENANT_ID", "")
        self._client = spec.auth.azure.client_id or environment.get("AZURE_CLIENT_ID", "")
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._ends = 0.0

    def current(self) -> Credential:
        """The identity token to log in with now."""
        with self._lock:
            if self._credential is None or self._clock() >= self._ends:
                return self._renew()
            return self._credential

    def renewed(self, refused: Credential) -> Credential:
        """Another one than `refused`; who comes with one that was replaced already gets the one that replaced it."""
        with self._lock:
            if self._credential is None or self._credential == refused:
                return self._renew()
            return self._credential

    def _renew(self) -> Credential:
        self._credential = self._find()
        left = lifetime(self._credential.secret)
        self._ends = self._clock() + left - min(MARGIN, left / 4)
        return self._credential

    def _find(self) -> Credential:
        environment = self._environment
        if secret := environment.get("AZURE_CLIENT_SECRET"):
            return self._as_application({"client_secret": secret}, "AZURE_CLIENT_SECRET")
        if file := environment.get("AZURE_FEDERATED_TOKEN_FILE"):
            proof = {"client_assertion_type": _ASSERTION, "client_assertion": _read(file)}
            return self._as_application(proof, "AZURE_FEDERATED_TOKEN_FILE")
        # Whose token docker has is not known, so it is none for a manifest that says who is meant.
        says_who = self._spec.auth.azure.tenant or self._spec.auth.azure.client_id
        return (None if says_who else self._from_docker()) or self._as_machine()

    def _as_application(self, proof: Mapping[str, str], variable: str) -> Credential:
        for name, value, field in (
            ("AZURE_TENANT_ID", self._tenant, "tenant"),
            ("AZURE_CLIENT_ID", self._client, "clientId"),
        ):
            if not value:
                raise AuthenticationFailed(
                    f"{self._spec.at('auth')}: {variable} is set, but {name} is not",
                    hint=f"set {name} where regsync runs, or write `{field}` into spec.auth",
                )
        who = f"the application {self._client} ({variable})"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "scope": f"{self._cloud.audience}/.default",
            **proof,
        }
        url = f"{self._authority()}/{quote(self._tenant, safe='')}/oauth2/v2.0/token"
        try:
            answer = self._trade(url, form)
        except AuthenticationFailed as error:
            raise _told(
                error,
                f"{error.message}; Entra does not let {who} in",
                f"check tenant, client id and {variable} (see spec.auth, {self._spec.at('auth')})",
            ) from None
        return self._exchange(_token(answer, "access_token", url), who)

    def _authority(self) -> str:
        """Where Entra is. The environment may name another place, but none that secrets would travel to in the clear."""
        authority = self._environment.get("AZURE_AUTHORITY_HOST", "") or self._cloud.authority
        try:
            origin = Origin.parse(authority if "://" in authority else f"https://{authority}")
        except ValueError as error:
            raise AuthenticationFailed(f"AZURE_AUTHORITY_HOST is {error}") from None
        if origin.scheme == "http" and not is_internal(origin.host):
            raise AuthenticationFailed(f"AZURE_AUTHORITY_HOST names {origin}, which has no TLS; refused")
        return str(origin)

    def _from_docker(self) -> Credential | None:
        """What `az acr login` leaves behind: an identity token of the registry, whichever way it is kept."""
        found = DockerConfig(self._environment).find(self._origin.authority, "")
        if found and found.kind is Kind.PASSWORD and found.username == NO_USER:
            return Credential(Kind.IDENTITY, found.secret, found.source)
        return found if found and found.kind is Kind.IDENTITY else None

    def _as_machine(self) -> Credential:
        """The managed identity of the machine (Azure, "instance metadata service")."""
        who = f"the managed identity {self._client}".rstrip()
        query = {"api-version": "2018-02-01", "resource": self._cloud.audience}
        query |= {"client_id": self._client} if self._client else {}
        host = self._environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST", "") or _MACHINE
        url = f"{host.rstrip('/')}/metadata/identity/oauth2/token?{urlencode(query)}"
        try:
            answer = self._trade(url, headers={"Metadata": "true"}, retry=False)
        except RegistryError as error:
            raise AuthenticationFailed(
                f"{self._spec.at('auth')}: `method: azure` finds no Entra identity here: neither AZURE_CLIENT_SECRET nor "
                "AZURE_FEDERATED_TOKEN_FILE is set, docker's configuration has no identity token for "
                f"{self._origin.authority} that may be used, and there is no managed identity ({error.message})",
                hint=f"log in with `az acr login --name {registry_name(self._spec)}`, or set AZURE_TENANT_ID, "
                "AZURE_CLIENT_ID and one of those two",
            ) from None
        return self._exchange(_token(answer, "access_token", url), who)

    def _exchange(self, access_token: str, who: str) -> Credential:
        """Trade Entra's token for an identity token of the registry."""
        form = {"grant_type": "access_token", "service": self._origin.authority, "access_token": access_token}
        form |= {"tenant": self._tenant} if self._tenant else {}
        url = f"{self._origin}/oauth2/exchange"
        try:
            answer = self._trade(url, form)
        except AuthenticationFailed as error:
            raise _told(
                error,
                f"{error.message}; the registry does not know {who}",
                f"give it a role on the registry {registry_name(self._spec)} (AcrPull to plan, AcrPush to apply); it must be "
                "of the registry's own tenant",
            ) from None
        return Credential(Kind.IDENTITY, _token(answer, "refresh_token", url), who)


def registry_name(spec: RegistrySpec) -> str:
    """What `az acr … --name` calls a registry."""
    return Origin.parse(spec.endpoint).host.partition(".")[0]


def lifetime(token: str) -> float:
    """The seconds between the beginning and the end of a JSON Web Token, which nobody's clock needs to agree with."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return max(0.0, float(claims["exp"]) - float(claims["iat"]))
    except (ValueError, TypeError, KeyError, IndexError):
        return UNKNOWN_LIFETIME


def _read(file: str) -> str:
    """A federated token. Whoever keeps the file writes it anew every hour or so, so it is read for each login."""
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a token"
        raise AuthenticationFailed(f"cannot read AZURE_FEDERATED_TOKEN_FILE ({file}): {reason}") from None


def _token(answer: Mapping[str, Any], name: str, url: str) -> str:
    token = answer.get(name)
    if not isinstance(token, str) or not token:
        raise ProtocolError(f"{url.partition('?')[0]}: 200 without a token", status=200)
    return token


def _told(error: AuthenticationFailed, message: str, hint: str) -> AuthenticationFailed:
    """The same refusal, with what it means; without its status, which would pass for one of the registry's `/v2`."""
    return AuthenticationFailed(message, hint=hint, code=error.code)
