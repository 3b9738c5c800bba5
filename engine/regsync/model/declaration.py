"""What one Registry document declares: the registry, its content, and what Palette is to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regsync.model.diagnostic import Origin
from regsync.model.palette import RegistrationSpec, Unwanted
from regsync.model.registry import Provider, RegistrySpec
from regsync.model.upstream import UpstreamItem


@dataclass(frozen=True, slots=True)
class ContentItem:
    """A pack or chart that a manifest names, one per match of a glob. `local` is its folder or archive, `shown` how
    messages name that; `provider` tells which of the two it is."""

    local: Path
    shown: str
    base_content_path: str
    origin: Origin
    provider: Provider = Provider.PACK


@dataclass(frozen=True, slots=True)
class Tombstone:
    """`absent: name:version`: this must not be there, under this base content path."""

    name: str
    tag: str
    base_content_path: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Declaration:
    """One Registry document, checked and rendered, with the content sets that it names spread out."""

    spec: RegistrySpec
    items: tuple[ContentItem, ...]
    tombstones: tuple[Tombstone, ...]
    upstream: tuple[UpstreamItem, ...] = ()
    registrations: tuple[RegistrationSpec, ...] = ()
    """In Palette; of several regions the default one has them."""
    unwanted: tuple[Unwanted, ...] = ()
