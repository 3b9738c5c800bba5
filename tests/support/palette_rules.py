"""What Palette does with registrations beyond what its API description tells: what it refuses, and how it shows what it holds.

Of most refusals nobody has published the code; such codes are made up here, so no client may go by them. Published are
ResourceNotFound and InvalidRegistryCredentials.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.support.palette_packs import Pack
from tests.support.palette_swagger import Document

BASIC, ECR = "basic", "ecr"
MASK = "********"
PALETTES_ACCOUNT = "481503482911"
"""Palette's own at AWS, from which it assumes roles."""
SECRETS = frozenset({"password", "token", "secretKey", "secretToken"})
NO_TLS: Mapping[str, Any] = {"enabled": False, "insecureSkipVerify": False, "certificate": ""}
"""What is shown where no TLS settings were sent."""
NEVER = "0001-01-01T00:00:00.000Z"
"""A time that has not come yet: Go's zero."""
SYNC_IS_FIXED = "Registry synchronization setting cannot be changed after the registry is created"
"""Palette's own words, since 4.10."""

_TAIL = itertools.count(1)
_HEAD = secrets.token_hex(8)


class Refusal(Exception):
    """A request that Palette does not serve."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.status = status
        self.document = {"code": code, "message": message, "ref": "", "details": {}}


@dataclass
class Registration:
    """A registry as Palette keeps it: `document` has `metadata`, `spec` with the secrets as they were sent, and `status`.
    `packs` is what the last sync has listed, by name and version."""

    kind: str
    document: Document
    is_default: bool = False
    packs: dict[tuple[str, str], Pack] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        return str(self.document["metadata"]["uid"])

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def spec(self) -> Document:
        """Empty where it is null."""
        return self.document["spec"] or {}

    @property
    def sync_status(self) -> Document:
        """Empty where it is null."""
        return (self.document["status"] or {}).get("syncStatus") or {}

    @property
    def is_private(self) -> bool:
        auth = self.spec.get("auth") or {}
        return bool(self.spec.get("isPrivate")) if self.kind == ECR else auth.get("type") != "noAuth"


def new_uid() -> str:
    return f"{_HEAD}{next(_TAIL):08x}"


def registration(kind: str, sent: Document, *, now: str, is_default: bool = False) -> Registration:
    """What is made of a document that was sent: the defaults are filled in, a status is not taken from anyone."""
    metadata = {name: value for name, value in sent.get("metadata", {}).items() if name != "uid"}
    spec = {"scope": "tenant", "providerType": "helm", "containsSpectroManifest": False, **sent["spec"]}
    if spec.get("credentials"):
        spec["credentials"] = {"credentialType": "secret", "partition": "aws", **spec["credentials"]}
    times = {"creationTimestamp": now, "lastModifiedTimestamp": now}
    status = {"status": "", "message": "", "lastRunTime": NEVER, "lastSyncedTime": NEVER}
    document = {
        "kind": "oci",
        "metadata": {"name": "", **metadata, "uid": new_uid(), **times},
        "spec": deepcopy(spec),
        "status": {"syncStatus": {"isSyncSupported": bool(spec.get("isSyncSupported")), **status}},
    }
    return Registration(kind, document, is_default)


def overwrite(live: Registration, sent: Document, *, now: str) -> None:
    """Let a document that was sent take the place of all but the uid, the time of creation and the status."""
    new = registration(live.kind, sent, now=now).document
    for name in ("uid", "creationTimestamp"):
        new["metadata"][name] = live.document["metadata"][name]
    live.document |= {"metadata": new["metadata"], "spec": new["spec"]}
    if live.sync_status and live.spec["providerType"] == "pack":
        live.sync_status["isSyncSupported"] = bool(live.spec.get("isSyncSupported"))


def check_document(kind: str, sent: Document, version: tuple[int, int]) -> None:
    """Refuse a whole registration that is not complete."""
    if version >= (4, 10) and not (sent.get("metadata") or {}).get("name"):
        raise Refusal(400, "ValidationFailed", "metadata.name is required")
    if "spec" not in sent:
        raise Refusal(400, "ValidationFailed", "spec is required")
    check_spec(kind, sent["spec"])


def check_spec(kind: str, spec: Document) -> None:
    """Refuse settings that do not go together."""
    provider, syncs = spec.get("providerType", "helm"), spec.get("isSyncSupported", False)
    if syncs and not spec.get("baseContentPath"):
        raise Refusal(400, "ValidationFailed", "baseContentPath is required when synchronization is enabled")
    if provider == "zarf" and kind == ECR:
        raise Refusal(400, "ValidationFailed", "provider type zarf is not supported for ecr registries")
    if provider == "pack" and not syncs:
        raise Refusal(400, "ValidationFailed", "pack registries must be synchronized")


def check_overwrite(live: Registration, sent: Document, version: tuple[int, int]) -> None:
    """Refuse changes that need another registration."""
    if live.is_default:
        raise Refusal(403, "OperationForbidden", "Default registries cannot be edited")
    if sent["metadata"]["name"] != live.name:
        raise Refusal(400, "ValidationFailed", "metadata.name cannot be updated")
    switched = bool(sent["spec"].get("isSyncSupported")) != live.sync_status.get("isSyncSupported", False)
    if switched and version >= (4, 10) and live.spec["providerType"] != "pack":
        raise Refusal(400, "ValidationFailed", SYNC_IS_FIXED)


def masks_in(document: object) -> Iterator[str]:
    """The names of fields that hold nothing but a mask."""
    for name, value in document.items() if isinstance(document, dict) else ():
        if isinstance(value, str) and value and not value.strip("*"):
            yield name
        yield from masks_in(value)


def shown(live: Registration) -> Document:
    """A registration as a read by uid and type shows it. Whether it synchronizes only the status tells."""
    document = deepcopy(live.document)
    for name in ("annotations", "labels"):
        document["metadata"][name] = document["metadata"].get(name) or None
    spec = document["spec"]
    if spec is None:
        return document
    spec.pop("isSyncSupported", None)
    login = spec.setdefault("auth" if live.kind == BASIC else "credentials", None)
    for name in SECRETS.intersection(login or ()):
        login[name] = MASK if login[name] else ""
    if live.kind == ECR and login:
        spec["credentials"] = {"sts": None, "podIdentity": None, **login}
    place = login if live.kind == BASIC else spec
    if place is not None and place.get("tls", NO_TLS) is not None:
        place["tls"] = {**NO_TLS, **place.get("tls", {})}
    return document


def summarized(live: Registration) -> Document:
    """A registration's line in the summary."""
    spec, metadata = live.spec, live.document["metadata"]
    names = ("endpoint", "defaultRegion", "scope", "providerType", "containsSpectroManifest")
    told = {name: spec[name] for name in names if name in spec}
    named = {"name": metadata["name"], "uid": metadata["uid"], "annotations": None, "labels": None}
    return {
        "metadata": named,
        "spec": {"registryType": live.kind, "isPrivate": live.is_private, **told},
        "status": {"sync": deepcopy(live.sync_status) or None},
    }


def flattened(live: Registration) -> Document:
    """A registration as a read by its uid alone shows it: without name and status."""
    spec = shown(live)["spec"] or {}
    token = {"type": "token", "password": MASK, "token": MASK, "tls": spec.get("tls")}
    told = {
        name: spec[name] for name in ("providerType", "scope", "endpoint", "defaultRegion") if name in spec
    }
    return {"type": live.kind, **told, "auth": spec.get("auth") if live.kind == BASIC else token}


def metadata_row(live: Registration) -> Document:
    """A registration's line in the list of the registries of all kinds."""
    told = {"isDefault": live.is_default, "isPrivate": live.is_private, "scope": live.spec.get("scope", "")}
    return {"kind": "oci", "name": live.name, "uid": live.uid, **told}
