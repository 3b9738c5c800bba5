"""What the tests of all registries share: packs, payloads and changes, and a handle on one kind of live registry."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regsync.content.index import read_layer
from regsync.model.content import Content
from regsync.model.diagnostic import Origin
from regsync.model.plan import Action, Cause, Change, Reason, ResourceType
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import Auth, AuthMethod, Provider, RegistrySpec, RegistryType
from regsync.model.state import LiveArtifact, Observed
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import LayerIndexes, Payload, RawManifest, Read, Store, Wanted
from regsync.registries.image import IMAGE_MANIFEST, BytesBlob

DATA = Path(__file__).resolve().parents[1] / "data" / "registries"
NAME = "live"
OWNER = "platform"
TITLE = "hello-1.0.0.tar.gz"


@dataclass(frozen=True)
class Vendor:
    """One kind of live registry. `open` gives a new handle on the same content, read-only as in a plan; `path` is a
    repository prefix that no other test uses; `prepare` sees that a repository is there before something is pushed."""

    open: Callable[[], StoreRegistry]
    path: str
    prepare: Callable[[str], object] = lambda repository: None

    @property
    def repository(self) -> str:
        return f"{self.path}/spectro-packs/archive/hello"

    @property
    def base(self) -> str:
        return f"{self.path}/spectro-packs/archive"

    def address(self, tag: str = "1.0.0", repository: str | None = None) -> Address:
        return Address(NAME, repository or self.repository, tag)

    def store(self) -> Store:
        """A store that writes, to plant what others would have pushed."""
        registry = self.open()
        registry.allow_writes()
        return registry.store

    def plant(
        self, manifest: RawManifest, *blobs: bytes, tag: str = "1.0.0", repository: str | None = None
    ) -> None:
        self.prepare(repository or self.repository)
        store = self.store()
        for blob in blobs:
            store.put_blob(repository or self.repository, BytesBlob(blob), ignore)
        store.put_manifest(repository or self.repository, tag, manifest)

    def push(self, payload: Payload, tag: str = "1.0.0", repository: str | None = None) -> LiveArtifact:
        self.execute(create(self.address(tag, repository)), payload)
        return self.live(tag, repository)

    def execute(self, change: Change, payload: Payload | None = None) -> None:
        if change.type is ResourceType.ARTIFACT:
            self.prepare(change.address.path)
        registry = self.open()
        registry.allow_writes()
        registry.execute(wanting(change, payload), payload, ignore)

    def observe(self, wanted: Wanted) -> Observed:
        return run(self.open().reads(wanted))

    def observe_tag(self, tag: str = "1.0.0", repository: str | None = None) -> Observed:
        return self.observe(Wanted(tags={repository or self.repository: (tag,)}))

    def live(self, tag: str = "1.0.0", repository: str | None = None) -> LiveArtifact:
        return self.observe_tag(tag, repository).artifacts[self.address(tag, repository)]


def over(store: Store, indexes: LayerIndexes, path: str) -> Vendor:
    """A registry above a store that outlives every handle."""

    def opened() -> StoreRegistry:
        store.read_only = True
        return StoreRegistry(a_spec(RegistryType.BASIC, "https://registry.example.com"), store, indexes)

    return Vendor(opened, path)


def a_spec(kind: RegistryType, endpoint: str) -> RegistrySpec:
    return RegistrySpec(
        name=NAME,
        owner=OWNER,
        provider=Provider.PACK,
        type=kind,
        endpoint=endpoint,
        shown_endpoint=endpoint,
        base_content_paths=("custom",),
        origin=Origin("registry.yaml", 1, 1),
        auth=Auth(AuthMethod.NONE),
    )


def wanting(change: Change, payload: Payload | None) -> Change:
    """The change as it is planned for a payload."""
    if payload is None:
        return change
    return replace(change, after={"content": payload.content, "title": payload.title})


def ignore(sent: int) -> None:
    """Count no bytes."""


def run(reads: list[Read]) -> Observed:
    """Carry out reads and those that they bring, one after the other."""
    found = []
    while reads:
        reading = reads.pop()()
        found.append(reading.observed)
        reads += reading.more
    return Observed.merged(found)


def archive(files: Mapping[str, bytes] | None = None, folder: str = "hello-1.0.0") -> bytes:
    """A pack as `tar -cz` packs it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in {"pack.json": b'{"name": "hello"}', **(files or {})}.items():
            member = tarfile.TarInfo(f"{folder}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def content_of(layer: bytes) -> str:
    content = read_layer(io.BytesIO(layer))
    assert isinstance(content, Content)
    return content.digest


def pack(text: str = "replicas: 1\n", *, title: str = TITLE, owner: str = OWNER) -> Payload:
    """A payload whose content is told by `text`."""
    layer = archive({"values.yaml": text.encode()})
    return Payload(BytesBlob(layer), title, content_of(layer), owner)


def captured(name: str, media_type: str = IMAGE_MANIFEST) -> RawManifest:
    data = (DATA / name).read_bytes()
    return RawManifest(sha256_digest(data), media_type, data)


def create(address: Address) -> Change:
    return _change(address, Action.CREATE, Reason.MISSING, None)


def update(live: LiveArtifact) -> Change:
    return _change(live.address, Action.UPDATE, Reason.CONTENT_DIFFERS, live)


def delete(live: LiveArtifact) -> Change:
    return _change(live.address, Action.DELETE, Reason.TOMBSTONE, live)


def create_base(repository: str) -> Change:
    address = Address(NAME, repository)
    return Change(
        address, ResourceType.REPOSITORY, Action.CREATE, Cause.MANIFEST, Reason.BASE_REPOSITORY, "missing"
    )


def _change(address: Address, action: Action, reason: Reason, live: LiveArtifact | None) -> Change:
    before: dict[str, Any] | None = None if live is None else {"digest": live.digest, "content": live.content}
    return Change(address, ResourceType.ARTIFACT, action, Cause.MANIFEST, reason, "test", before=before)
