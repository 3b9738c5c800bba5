"""What the tests of sources share: charts as a manifest asks for them, and means that end with the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, SecretRef, Tls
from regsync.model.upstream import UpstreamChart
from regsync.sources.archives import Archives
from regsync.sources.base import Means
from tests.support.servers import PASSWORD, USER

AT = Origin("prod.yaml", 9, 7)
LOGIN = Auth(AuthMethod.BASIC, USER, SecretRef("env", "SHELF_PASSWORD", AT))
NO_LOGIN = Auth(AuthMethod.NONE)


def asked(repository: str, version: str = "*", **fields: Any) -> UpstreamChart:
    """A chart called `web` that a manifest asks for, without a login unless one is given."""
    return UpstreamChart(
        repository, version=version, **{"name": "web", "origin": AT, "auth": NO_LOGIN, **fields}
    )


def means(folder: Path, **variables: str) -> Means:
    return Means({"SHELF_PASSWORD": PASSWORD, **variables}, Archives(folder / "cache"))


def trusting(ca_file: Path) -> Tls:
    return Tls(ca_file=ca_file)
