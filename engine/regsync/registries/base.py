"""What a live registry offers to the rest: `Registry` to observe and execute, `Store` beneath it for blobs and
OCI manifests. Knows no vendor and no wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO, Protocol, TypeVar

from regsync.model.content import Content
from regsync.model.plan import Change, Copy
from regsync.model.registry import RegistrySpec, RegistryType
from regsync.model.state import Limits, LiveArtifact, Observed


class Blob(Protocol):
    """Bytes that can be read more than once: an upload is repeated from the start when it breaks."""

    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...
    def open(self) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class RawManifest:
    """An OCI manifest as the registry serves it: digest of exactly these bytes, media type, bytes."""

    digest: str
    media_type: str
    data: bytes


class Store(Protocol):
    """Blobs and OCI manifests of one registry, addressed by repository. Thread-safe.

    Methods raise `NotFound` only for the registry's own "not there"; every other failure is another
    `RegistryError`. Digests of all that is read are checked. While `read_only` is set, writing raises.
    """

    read_only: bool

    def locked(self, repository: str) -> AbstractContextManager[None]:
        """Keeps other writers away from a repository while its tag is checked and then written, where the
        registry has a way to do so; may be entered again inside itself."""
        return nullcontext()

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        """The OCI manifest behind a tag or digest."""

    def head_manifest(self, repository: str, reference: str) -> str:
        """The digest of the OCI manifest behind a tag or digest, without its bytes."""

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        """Store an OCI manifest under a tag or its digest. All blobs that it names must be there."""

    def open_blob(self, repository: str, digest: str) -> AbstractContextManager[BinaryIO]:
        """A blob's bytes, verified against the digest when read to the end."""

    def has_blob(self, repository: str, digest: str) -> bool: ...

    def put_blob(self, repository: str, blob: Blob, sent: Callable[[int], None]) -> None:
        """Upload a blob. `sent` is called with the bytes of each part as it leaves; a repeated upload takes its
        bytes back by negative numbers."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags, sorted. Raises NotFound where the registry says that there is no such repository."""

    def repositories(self, prefix: str) -> tuple[str, ...]:
        """All repositories whose name starts with `prefix`, sorted. Raises where the catalogue is denied."""

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        """Remove `tag`, which points to `digest`, and no other tag. Raises Conflict where only deleting the
        digest is possible and another tag shares it."""

    def limits(self) -> Limits:
        """What the registry cannot do, as far as it has shown itself by now."""
        return Limits()

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return 0

    def check(self) -> None:
        """Reach the registry and log in; raises what stands against it."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to observe: tags by repository, repositories themselves, prefixes (see `RegistrySpec.prefixes`) of which all
    repositories one level beneath are to be listed whole, the repositories of which it must be known who owns them, and
    repositories of which all tags are wanted."""

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repositories: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read found, and the reads that it makes necessary."""

    observed: Observed
    more: tuple[Read, ...] = ()


Read = Callable[[], Reading]
"""One independent piece of observation; never raises for what a registry can answer."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What is pushed with a change: the packed layer, its title, and the content digest and owner for the mark.

    A chart has no title but a config, as `helm push` writes it, and the provenance file that came with it, if any.
    """

    layer: Blob
    title: str
    content: str
    owner: str
    config: bytes | None = None
    provenance: bytes | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """What is taken over from another live registry as it stands: the OCI manifest and all blobs that it names, and the
    content digest of what its layer was found to hold, whatever marks say; None where that is neither pack nor chart."""

    manifest: RawManifest
    blobs: tuple[Blob, ...]
    content: str | None


class Registry(Protocol):
    """One live registry."""

    spec: RegistrySpec

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repeated ones included."""

    def reads(self, wanted: Wanted) -> list[Read]:
        """The reads that observe `wanted`; they may run in any order and side by side."""

    def repositories(self, prefix: str) -> tuple[str, ...]:
        """All repositories whose name starts with `prefix`, sorted. Raises RegistryError where they are not told."""

    def limits(self) -> Limits:
        """What the registry cannot do whoever logs in, as far as its reads have shown."""

    def open_layer(self, artifact: LiveArtifact) -> AbstractContextManager[BinaryIO]:
        """The layer of a live artifact, for a diff."""

    def copied(self, copy: Copy) -> Copied:
        """What `copy` speaks of, which must be here; its blobs are read when they are opened.

        Raises Conflict where something else is live by now.
        """

    def is_replicated(self, copy: Copy, region: str) -> bool:
        """Whether the registry's own replication has brought `copy.address`, which is here, to `region`.

        Raises RegistryError where it failed there, or where there is no replication.
        """

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        """Carry out one planned change behind its precondition: `change.before` must still be what is live.

        Raises Conflict where it is not, other RegistryErrors where it fails. A tag is written last, so an
        interrupted call never leaves one that points to something incomplete.
        """

    def allow_writes(self) -> None:
        """Leave the read-only mode in which every registry is opened."""

    def check(self) -> None:
        """Reach the registry and log in; writes nothing."""

    def close(self) -> None: ...


class LayerIndexes(Protocol):
    """Contents of layers that were read once, by layer digest. None from `get` means unknown; a stored None means
    that the layer is no pack."""

    def get(self, layer_digest: str) -> tuple[Content | None] | None: ...
    def put(self, layer_digest: str, content: Content | None) -> None: ...


class Manifests(Protocol):
    """OCI manifests that were read once, by digest: media type and bytes, None where unknown."""

    def get(self, digest: str) -> tuple[str, bytes] | None: ...
    def put(self, digest: str, media_type: str, data: bytes) -> None: ...


class NoManifests:
    """Keeps none."""

    def get(self, digest: str) -> None: ...
    def put(self, digest: str, media_type: str, data: bytes) -> None: ...


T = TypeVar("T")


class Shared:
    """Things by key, each made once and by whoever asks first; others who ask for it meanwhile wait. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._made: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gave when `key` was first asked for. Where it raised, the next one tries."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._made:
                self._made[key] = make()
            found: T = self._made[key]
        return found


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a registry is opened with: environment variables, how many requests at once, what was read before."""

    environment: Mapping[str, str]
    parallelism: int
    indexes: LayerIndexes
    trace: Callable[[str], None] = lambda line: None
    """Is told of every request, secrets taken out."""
    shared: Shared = field(default_factory=Shared)
    """What several live registries of a run have in common, as a login to one account."""
    manifests: Manifests = field(default_factory=NoManifests)


_VENDORS: Mapping[RegistryType, str] = {
    RegistryType.ACR: "regsync.registries.acr.registry",
    RegistryType.BASIC: "regsync.registries.basic",
    RegistryType.ECR: "regsync.registries.ecr.private",
    RegistryType.ECR_PUBLIC: "regsync.registries.ecr.public",
    RegistryType.HARBOR: "regsync.registries.harbor.registry",
    RegistryType.LAYOUT: "regsync.registries.layout",
}


def tell_type(spec: RegistrySpec, surroundings: Surroundings) -> RegistryType:
    """Of which type the registry at the endpoint of `spec`, of type basic, turns out to be: it is asked, by reading alone.

    Raises RegistryError where no registry answers.
    """
    module = import_module(_VENDORS[RegistryType.HARBOR])
    return RegistryType.HARBOR if module.is_harbor(spec, surroundings) else RegistryType.BASIC


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open a live registry read-only. Reaches nothing yet. Each vendor's module has `open_registry` of this form."""
    module = import_module(_VENDORS[spec.type])
    registry: Registry = module.open_registry(spec, surroundings)
    return registry
