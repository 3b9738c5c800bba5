"""A registry in memory that has repositories of its own in several regions, and brings content from one to the others.

As strict as Amazon ECR where that decides a plan: no push without a repository, and no immutable tag is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from regsync.model.errors import RegistryError
from regsync.model.plan import Change, Copy, ResourceType
from regsync.model.reference import Address, is_digest
from regsync.model.registry import RegistrySpec
from regsync.model.settings import Json, fingerprint, is_immutable
from regsync.model.state import LiveRepository, Observed
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Copied, LayerIndexes, Payload, RawManifest, Read, Reading, Wanted
from regsync.registries.image import named_blobs
from regsync.registries.memory import MemoryStore


@dataclass
class Repository:
    """A repository that was created: its settings, and what regsync has written beside it."""

    settings: dict[str, Json] = field(default_factory=dict)
    owner: str | None = None
    marks: Mapping[str, str] = field(default_factory=dict)


class Region(MemoryStore):
    """One region. `replicas` get what is pushed here by tag, once somebody has asked for it twice: it takes time."""

    def __init__(self) -> None:
        super().__init__()
        self.created: dict[str, Repository] = {}
        self.replicas: dict[str, Region] = {}
        self.on_the_way: dict[tuple[str, str, str], int] = {}
        self.asked = 0

    @property
    def requests(self) -> int:
        return self.asked

    @contextmanager
    def _operation(
        self, operation: str, repository: str, reference: str, *, writes: bool = False
    ) -> Iterator[None]:
        self.asked += 1
        with super()._operation(operation, repository, reference, writes=writes):
            yield

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        if repository not in self.created:
            raise RegistryError(f"no repository {repository}", code="NAME_UNKNOWN", status=404)
        held = self._tags.get(repository, {})
        if reference in held and is_immutable(self.created[repository].settings, reference):
            raise RegistryError(f"{reference} is immutable", code="TAG_INVALID", status=400)
        super().put_manifest(repository, reference, manifest)
        if not is_digest(reference):
            for region in self.replicas:
                self.on_the_way[repository, reference, region] = 1

    def has_arrived(self, repository: str, tag: str, region: str) -> bool:
        """Let a pushed tag arrive in another region the second time that somebody asks."""
        left = self.on_the_way.get((repository, tag, region))
        if left is None:
            raise RegistryError(f"{repository}:{tag} is not replicated to {region}")
        self.on_the_way[repository, tag, region] = left - 1
        if left > 0:
            return False
        target, manifest = self.replicas[region], self._manifest(repository, tag)
        for digest, _ in named_blobs(manifest):
            target._blobs[repository, digest] = self._blobs[repository, digest]
        target.created.setdefault(repository, Repository())
        target._manifests[repository, manifest.digest] = manifest
        target._tags.setdefault(repository, {})[tag] = manifest.digest
        return True


class RegionRegistry(StoreRegistry):
    """A live registry above a region."""

    def __init__(self, spec: RegistrySpec, store: Region, indexes: LayerIndexes) -> None:
        super().__init__(spec, store, indexes)
        self.region = store

    def reads(self, wanted: Wanted) -> list[Read]:
        asked = [(path, False) for path in wanted.repositories] + [(path, True) for path in wanted.owners]
        return [
            *super().reads(replace(wanted, repositories=())),
            *(partial(self._read_settings, path, marks_read=owners) for path, owners in asked),
        ]

    def _read_settings(self, path: str, *, marks_read: bool) -> Reading:
        address = Address(self.spec.name, path)

        def look() -> Observed:
            with self.region._operation("marks" if marks_read else "settings", path, ""):
                there = self.region.created.get(path)
            if there is None:
                return Observed(absent=frozenset({address}))
            found = LiveRepository(address, {**there.settings})
            if marks_read:
                found = replace(found, owner=there.owner, marks=there.marks, marks_read=True)
            return Observed(repositories={address: found})

        return Reading(self._observe(path, None, look))

    def is_replicated(self, copy: Copy, region: str) -> bool:
        return self.region.has_arrived(copy.address.path, copy.address.tag or "", region)

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        if change.type is not ResourceType.REPOSITORY:
            super().execute(change, payload, sent)
            return
        with self.region._operation(
            "create" if change.before is None else "update", change.address.path, "", writes=True
        ):
            there = self.region.created.setdefault(change.address.path, Repository())
            there.settings.update(change.after or {})
            there.owner = self.spec.owner
            there.marks = {name: fingerprint(name, value) for name, value in (change.after or {}).items()}
