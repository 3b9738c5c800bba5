"""What others must grant before a registry can be used: IAM policies, and hosts that a firewall lets through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regsync.model.registry import RegistryType
from regsync.model.settings import Json


@dataclass(frozen=True, slots=True)
class IamPolicy:
    """One policy document. `name` is short and stable (`plan`), `title` says whose policy it is."""

    name: str
    title: str
    document: Mapping[str, Json]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trustee:
    """Who assumes a role: an account of AWS, and the external ID that it shows."""

    account: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Access:
    """All policies that the live registries of one document need. ECR Public has no `account` in its endpoint."""

    registry: str
    type: RegistryType
    account: str
    regions: tuple[str, ...]
    policies: tuple[IamPolicy, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is connected to, and what for (`registry`, `API`)."""

    name: str
    purpose: str
    port: int = 443
    note: str = ""
