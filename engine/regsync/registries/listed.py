"""Registries that tell all tags of a repository at once: observed by a call per repository instead of one per tag.

Knows what a list leaves to be read; knows no vendor and no wire.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from regsync.model.errors import NotFound
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.state import Observed
from regsync.registries.artifacts import Listing, StoreRegistry, is_artifact
from regsync.registries.base import RawManifest, Read, Reading, Shared, Store, Surroundings


class ListedStore(Store, Protocol):
    """A store that can list."""

    def tagged(self, repository: str) -> Mapping[str, str]:
        """The digest behind every tag. Raises NotFound where the registry says that there is no such repository."""

    def manifests(self, repository: str, digests: Sequence[str]) -> Iterable[RawManifest]:
        """Those OCI manifests that can be had without a request for each, with other bytes under no digest."""


class ListedRegistry(StoreRegistry):
    """A live registry above such a store."""

    store: ListedStore

    def __init__(self, spec: RegistrySpec, store: ListedStore, surroundings: Surroundings) -> None:
        super().__init__(spec, store, surroundings.indexes)
        self._manifests = surroundings.manifests
        self._tagged = Shared()
        """Digests by tag of each repository that was looked at."""

    def _reads_of_tags(self, path: str, tags: Sequence[str]) -> list[Read]:
        return [partial(self._read_tags, path, tags)]

    def _read_tags(self, path: str, tags: Sequence[str]) -> Reading:
        more: list[Read] = []

        def look() -> Observed:
            live = self._live_tags(path)
            more.extend(self._reads_of_artifacts(path, live, [tag for tag in tags if tag in live]))
            return Observed(absent=frozenset(self._address(path, tag) for tag in tags if tag not in live))

        return Reading(self._observe(path, None, look), tuple(more))

    def _read_repository(self, path: str, known: frozenset[str], listing: Listing) -> Reading:
        more: list[Read] = []

        def look() -> Observed:
            live = self._live_tags(path)
            listing.remaining.discard(path)
            others = [tag for tag in sorted(live) if tag not in known and is_artifact(tag)]
            more.extend(self._reads_of_artifacts(path, live, others))
            return Observed(listed=listing.listed)

        return Reading(self._observe(path, None, look), tuple(more))

    def _live_tags(self, path: str) -> Mapping[str, str]:
        """The digest behind every tag; none where there is no such repository."""
        try:
            return self._list(path)
        except NotFound:
            return {}

    def _list(self, path: str) -> Mapping[str, str]:
        """The digest behind every tag, asked for once. Raises NotFound where there is no such repository."""
        return self._tagged.get(path, lambda: self.store.tagged(path))

    def _reads_of_artifacts(self, path: str, live: Mapping[str, str], tags: Sequence[str]) -> list[Read]:
        """A read per tag. What it takes is at hand then, unless the content is not marked."""
        manifests = self._known_manifests(path, {live[tag] for tag in tags})
        siblings: dict[str, list[str]] = {}
        for tag in sorted(live):
            siblings.setdefault(live[tag], []).append(tag)
        return [
            partial(self._read_artifact, path, tag, live[tag], manifests.get(live[tag]), siblings[live[tag]])
            for tag in tags
        ]

    def _known_manifests(self, path: str, digests: Collection[str]) -> dict[str, RawManifest]:
        """OCI manifests that are kept here, and those that come many at once."""
        kept = {digest: self._manifests.get(digest) for digest in digests}
        found = {digest: RawManifest(digest, *each) for digest, each in kept.items() if each}
        for each in self.store.manifests(path, sorted(set(digests) - found.keys())):
            found[each.digest] = self._keep(each)
        return found

    def _keep(self, manifest: RawManifest) -> RawManifest:
        self._manifests.put(manifest.digest, manifest.media_type, manifest.data)
        return manifest

    def _read_artifact(
        self, path: str, tag: str, digest: str, manifest: RawManifest | None, tags: Iterable[str]
    ) -> Reading:
        address = self._address(path, tag)

        def look() -> Observed:
            found = manifest or self._keep(self.store.get_manifest(path, digest))
            return Observed({address: replace(self._artifact(address, found), tags=tuple(tags))})

        return Reading(self._observe(path, tag, look))

    def _put(self, path: str, reference: str, manifest: RawManifest) -> None:
        super()._put(path, reference, manifest)
        self._keep(manifest)

    def _address(self, path: str, tag: str | None = None) -> Address:
        return Address(self.spec.name, path, tag)
