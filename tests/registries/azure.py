"""A registry of Azure as the tests open it, and the logins to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from regsync.content.cache import IndexCache, ManifestCache
from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, AzureLogin, RegistrySpec, RegistryType, SecretRef, Tls
from regsync.registries.acr.registry import AcrRegistry, open_registry
from regsync.registries.base import Surroundings
from tests.registries.vendor import a_spec
from tests.support.acr import HOST, TOKEN, AcrFront
from tests.support.entra import PUSHER, SECRET, TENANT
from tests.support.servers import PASSWORD

AT = Origin("registry.yaml", 7, 9)
ENVIRONMENT = {"REGISTRY_PASSWORD": PASSWORD}


def basic(username: str = TOKEN) -> Auth:
    """A user of the registry itself, whose password is in ENVIRONMENT."""
    return Auth(AuthMethod.BASIC, username, SecretRef("env", "REGISTRY_PASSWORD", AT))


def azure(tenant: str | None = None, client_id: str | None = None) -> Auth:
    return Auth(AuthMethod.AZURE, azure=AzureLogin(tenant, client_id))


def pusher(acr: AcrFront) -> dict[str, str]:
    """The environment of someone who has the secret of Entra's application PUSHER."""
    return {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": PUSHER,
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_AUTHORITY_HOST": acr.entra.url,
    }


def spec_of(acr: AcrFront, auth: Auth | None = None, **fields: Any) -> RegistrySpec:
    spec = replace(
        a_spec(RegistryType.ACR, f"https://{HOST}"),
        connect_to=acr.url,
        auth=auth or basic(),
        tls=Tls(ca_file=acr.ca_file),
        origins={"auth": AT},
    )
    return replace(spec, **fields)


def surroundings(cache: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Surroundings:
    """A run of its own, with what earlier ones have kept in `cache`."""
    return Surroundings(
        environment, 4, IndexCache(cache / "layers"), manifests=ManifestCache(cache / "manifests")
    )


@contextmanager
def opened(spec: RegistrySpec, around: Surroundings, *, writing: bool = False) -> Iterator[AcrRegistry]:
    """An open registry, read-only unless `writing`."""
    registry = open_registry(spec, around)
    assert isinstance(registry, AcrRegistry)
    if writing:
        registry.allow_writes()
    try:
        yield registry
    finally:
        registry.close()
