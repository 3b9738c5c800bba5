"""A registry of Harbor as the tests open it: as its administrator, or as whoever else may come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from regsync.content.cache import IndexCache, ManifestCache
from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, RegistrySpec, RegistryType, SecretRef
from regsync.registries.base import Surroundings
from regsync.registries.harbor.registry import HarborRegistry, open_registry
from tests.registries.vendor import a_spec
from tests.support.harbor import HarborServer
from tests.support.harbor_state import Account

SECRET = SecretRef("env", "HARBOR_PASSWORD", Origin("registry.yaml", 9, 3))


def spec_of(harbor: HarborServer, account: Account | None = None, **fields: Any) -> RegistrySpec:
    """The registry for an account, else for the administrator."""
    auth = Auth(AuthMethod.BASIC, (account or harbor.state.admin).name, SECRET)
    return replace(a_spec(RegistryType.HARBOR, harbor.url), **{"auth": auth, **fields})


@contextmanager
def opened(
    harbor: HarborServer,
    cache: Path,
    account: Account | None = None,
    *,
    writing: bool = False,
    **fields: Any,
) -> Iterator[HarborRegistry]:
    """An open registry, read-only unless `writing`, with what earlier runs have kept in `cache`."""
    environment = {SECRET.name: (account or harbor.state.admin).secret}
    around = Surroundings(
        environment, 4, IndexCache(cache / "layers"), manifests=ManifestCache(cache / "manifests")
    )
    registry = open_registry(spec_of(harbor, account, **fields), around)
    assert isinstance(registry, HarborRegistry)
    if writing:
        registry.allow_writes()
    try:
        yield registry
    finally:
        registry.close()
