"""A registry of Amazon ECR as the tests open it: the account of the fixture `aws`, whatever else holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from regsync.content.cache import IndexCache, ManifestCache
from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, AwsPlace, RegistrySpec, RegistryType, SecretRef
from regsync.registries.base import Surroundings
from regsync.registries.ecr.private import PrivateRegistry, open_registry
from regsync.registries.ecr.session import AwsSession, session_of
from tests.registries.vendor import a_spec
from tests.support.aws import Aws

REGION = "us-east-1"


def spec_of(aws: Aws, region: str = REGION, account: str = "", **fields: Any) -> RegistrySpec:
    """The registry of an account in a region; `account` is another one's than that of `aws`."""
    host = aws.host(region).replace(aws.account, account or aws.account)
    spec = replace(
        a_spec(RegistryType.ECR, f"https://{host}"),
        shown_endpoint=host,
        connect_to=aws.url,
        region=region,
        default_region=region,
        aws=AwsPlace(account or aws.account),
        auth=Auth(AuthMethod.AWS),
    )
    return replace(spec, **fields)


def surroundings(cache: Path, **fields: Any) -> Surroundings:
    """A run of its own, with what earlier ones have kept in `cache`."""
    made = Surroundings({}, 4, IndexCache(cache / "layers"), manifests=ManifestCache(cache / "manifests"))
    return replace(made, **fields)


@contextmanager
def opened(spec: RegistrySpec, around: Surroundings, *, writing: bool = False) -> Iterator[PrivateRegistry]:
    """An open registry, read-only unless `writing`."""
    registry = open_registry(spec, around)
    assert isinstance(registry, PrivateRegistry)
    if writing:
        registry.allow_writes()
    try:
        yield registry
    finally:
        registry.close()


@contextmanager
def session(spec: RegistrySpec, around: Surroundings) -> Iterator[AwsSession]:
    """The session of a registry, for calls of the test's own."""
    made = session_of(spec, around)
    try:
        yield made
    finally:
        made.close()


def secret(name: str) -> SecretRef:
    """A reference to an environment variable."""
    return SecretRef("env", name, Origin("registry.yaml", 9, 3))
