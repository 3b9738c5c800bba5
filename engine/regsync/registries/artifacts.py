"""Packs in any registry: observes them and carries out changes through a `Store`.

Knows OCI manifests and how a tag is moved safely; knows no vendor and no wire.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    RegistryError,
    Unsupported,
)
from regsync.model.plan import Action, Change, Copy, ResourceType
from regsync.model.reference import Address, is_repository, is_tag
from regsync.model.registry import Provider, RegistrySpec
from regsync.model.state import Limits, LiveArtifact, LiveRepository, Observed, Unreadable, UnreadableScope
from regsync.registries.base import (
    Blob,
    Copied,
    LayerIndexes,
    Payload,
    RawManifest,
    Read,
    Reading,
    Store,
    Wanted,
)
from regsync.registries.chart_image import chart_image
from regsync.registries.contents import Contents
from regsync.registries.image import (
    CONTENT_MARK,
    EMPTY_CONFIG,
    Image,
    base_repository_manifest,
    named_blobs,
    pack_manifest,
    recognise,
)
from regsync.registries.remote import RemoteBlob

# Signatures, attestations and referrers that clients keep under a tag made of the digest they speak of (cosign, the
# referrers tag schema of distribution-spec): they belong to that digest and are no artifacts of their own.
_COMPANION = re.compile(r"sha256-[0-9a-f]{64}(\..+)?")

_DENIED = (AuthenticationFailed, PermissionDenied, Unsupported, NotFound)
"""How registries say that they have a catalogue, but not for you, or none at all."""

_WORTH_ASKING = 1 << 20
"""Bytes from which on a layer is asked for before it is sent; sending less costs no more than asking."""


class StoreRegistry:
    """A live registry above a store."""

    def __init__(self, spec: RegistrySpec, store: Store, indexes: LayerIndexes) -> None:
        self.spec = spec
        self.store = store
        self._contents = Contents(store, indexes)
        self._asking = threading.Lock()
        self._down: Unreadable | None = None

    def reads(self, wanted: Wanted) -> list[Read]:
        """One read per tag, per base repository and per prefix; see `Registry`."""
        return [
            *(read for path, tags in wanted.tags.items() for read in self._reads_of_tags(path, tags)),
            *(partial(self._read_base, path) for path in wanted.repositories),
            *(partial(self._read_beneath, prefix, wanted) for prefix in wanted.beneath),
            *(partial(self._read_repository, path, frozenset(), _ALONE) for path in wanted.whole),
        ]

    def repositories(self, prefix: str) -> tuple[str, ...]:
        """All repositories whose name starts with `prefix`; see `Registry`."""
        return self.store.repositories(prefix)

    def limits(self) -> Limits:
        """What the registry cannot do; see `Registry`."""
        return self.store.limits()

    def open_layer(self, artifact: LiveArtifact) -> AbstractContextManager[BinaryIO]:
        """The layer of a live artifact. Raises RegistryError where it has none."""
        if artifact.layer_digest is None:
            raise RegistryError(f"{artifact.address} has no layer that holds a {self.spec.provider.noun}")
        return self.store.open_blob(artifact.address.path, artifact.layer_digest)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self.store.requests

    def copied(self, copy: Copy) -> Copied:
        """What is live at an address, to be taken over elsewhere; see `Registry`."""
        path, tag = copy.address.path, copy.address.tag or ""
        manifest = self.store.get_manifest(path, tag)
        if manifest.digest != copy.digest:
            raise Conflict(
                f"{copy.address} is not what the plan saw: expected {copy.digest}, found {manifest.digest}",
                hint="plan again to see what was pushed meanwhile",
            )
        blobs: list[Blob] = [
            EMPTY_CONFIG if digest == EMPTY_CONFIG.digest else RemoteBlob(self.store, path, digest, size)
            for digest, size in named_blobs(manifest)
        ]
        image = recognise(manifest)
        content = self._contents.digest(path, image, image.layer) if image.layer else None
        return Copied(manifest, tuple(blobs), content)

    def is_replicated(self, copy: Copy, region: str) -> bool:
        """Never: registries without a replication of their own have none to wait for."""
        raise Unsupported(f"{self.spec.name} does not replicate by itself")

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        """Carry out one change; see `Registry`. What is wanted and already so is left alone, whoever made it so."""
        path, tag = change.address.path, change.address.tag
        with self.store.locked(path):
            match change.type, change.action:
                case ResourceType.REPOSITORY, Action.CREATE if tag is None:
                    self._create_base(path)
                case ResourceType.ARTIFACT, Action.CREATE | Action.UPDATE if tag and payload:
                    self._push(change, tag, payload, sent)
                case ResourceType.ARTIFACT, Action.DELETE if tag:
                    self._delete(change, tag)
                case _:
                    raise RegistryError(
                        f"{change.address}: cannot {change.action} an object of type {change.type}"
                    )

    def allow_writes(self) -> None:
        """Leave the read-only mode."""
        self.store.read_only = False

    def check(self) -> None:
        """Reach the registry and log in."""
        self.store.check()

    def close(self) -> None:
        """Let go of connections."""
        self.store.close()

    def _reads_of_tags(self, path: str, tags: Sequence[str]) -> list[Read]:
        return [partial(self._read_tag, path, tag) for tag in tags]

    def _read_tag(self, path: str, tag: str) -> Reading:
        return Reading(self._observe_tag(path, tag))

    def _read_base(self, path: str) -> Reading:
        def look() -> Observed:
            self.store.head_manifest(path, base_repository_manifest().digest)
            address = Address(self.spec.name, path)
            return Observed(repositories={address: LiveRepository(address)})

        return Reading(self._observe(path, None, look))

    def _read_beneath(self, prefix: str, wanted: Wanted) -> Reading:
        """The repositories one level beneath a prefix, and a read for each; where the catalogue is denied, those known
        anyway."""
        if self._down is not None:
            return Reading(Observed(unreadable=(self._down,)))
        notes: tuple[str, ...] = ()
        try:
            every = self.store.repositories(prefix)
            paths = frozenset(
                each for each in every if is_repository(each) and "/" not in each.removeprefix(prefix)
            )
        except RegistryError as error:
            unreadable = self._unreadable(error, prefix.removesuffix("/"), None)
            if unreadable.scope is UnreadableScope.REGISTRY or not isinstance(error, _DENIED):
                return Reading(Observed(unreadable=(unreadable,)))
            paths = frozenset(each for each in wanted.tags if each.startswith(prefix))
            notes = (
                f"prune does not see repositories beneath {prefix or '/'} that no manifest names: {error.message}",
            )
        listing = Listing(prefix, set(paths), complete=not notes)
        reads = [
            partial(self._read_repository, path, frozenset(wanted.tags.get(path, ())), listing)
            for path in sorted(paths)
        ]
        return Reading(Observed(listed=listing.listed, notes=notes), tuple(reads))

    def _read_repository(self, path: str, known: frozenset[str], listing: Listing) -> Reading:
        """All tags of a repository but those known, which other reads look at."""

        def look() -> Observed:
            try:
                tags = self.store.tags(path)
            except NotFound:  # also said of a repository that holds nothing but untagged manifests
                tags = ()
            listing.remaining.discard(path)
            found = Observed.merged(
                self._observe_tag(path, tag) for tag in tags if tag not in known and is_artifact(tag)
            )
            return replace(found, artifacts=_with_siblings(found.artifacts), listed=listing.listed)

        return Reading(self._observe(path, None, look))

    def _observe_tag(self, path: str, tag: str) -> Observed:
        address = Address(self.spec.name, path, tag)

        def look() -> Observed:
            return Observed({address: self._artifact(address, self.store.get_manifest(path, tag))})

        return self._observe(path, tag, look)

    def _observe(self, path: str, tag: str | None, look: Callable[[], Observed]) -> Observed:
        """What `look` finds, and what it means where it fails. A registry that is down is not asked again."""
        if self._down is not None:
            return Observed(unreadable=(self._down,))
        try:
            return look()
        except NotFound:
            return Observed(absent=frozenset({Address(self.spec.name, path, tag)}))
        except RegistryError as error:
            return Observed(unreadable=(self._unreadable(error, path, tag),))

    def _unreadable(self, error: RegistryError, path: str, tag: str | None) -> Unreadable:
        """How far a failure reaches: the whole registry where it does not even answer a greeting, the repository where
        rights are missing (they are given by repository), else the tag alone."""
        with self._asking:
            if self._down is None:
                try:
                    self.store.check()
                except RegistryError as failure:
                    self._down = Unreadable(
                        self.spec.name, UnreadableScope.REGISTRY, failure.message, hint=failure.hint
                    )
            if self._down is not None:
                return self._down
        if tag is None or isinstance(error, AuthenticationFailed | PermissionDenied):
            return Unreadable(
                self.spec.name, UnreadableScope.REPOSITORY, error.message, path, hint=error.hint
            )
        return Unreadable(self.spec.name, UnreadableScope.TAG, error.message, path, tag, hint=error.hint)

    def _artifact(self, address: Address, manifest: RawManifest) -> LiveArtifact:
        """What a tag points to. Reads the layer only where neither our mark nor an earlier read tells its content."""
        image = recognise(manifest)
        if image.is_chart is not (self.spec.provider is Provider.HELM):
            image = Image(owner=image.owner, note="a Helm chart" if image.is_chart else "no Helm chart")
        layer, content, note = image.layer, image.content, image.note
        if layer is not None and content is None:
            try:
                content = self._contents.digest(address.path, image, layer)
            except NotFound:
                note = f"its layer {layer.digest} is missing in the registry"
        return LiveArtifact(
            address=address,
            digest=manifest.digest,
            content=content,
            title=layer.title if layer else None,
            owner=image.owner,
            marked=image.marked,
            layer_digest=layer.digest if layer else None,
            layer_size=layer.size if layer else None,
            tags=(address.tag,) if address.tag else (),
            chart=image.chart,
            provenance=(image.provenance.digest, image.provenance.size) if image.provenance else None,
            note=note,
        )

    def _create_base(self, path: str) -> None:
        manifest = base_repository_manifest()
        if self._digest(path, manifest.digest) is None:
            self.store.put_blob(path, EMPTY_CONFIG, lambda part: None)
            self._put(path, manifest.digest, manifest)

    def _push(self, change: Change, tag: str, payload: Payload | Copied, sent: Callable[[int], None]) -> None:
        path = change.address.path
        image = payload if isinstance(payload, Copied) else _packed(payload)
        if change.copy:
            _check_content(change, change.copy, image)
        if self._is_done(change, tag, image.manifest):
            return
        large = False
        for blob in image.blobs:
            large |= blob.size >= _WORTH_ASKING
            if blob.size < _WORTH_ASKING or not self.store.has_blob(path, blob.digest):
                self.store.put_blob(path, blob, _uncounted if blob is EMPTY_CONFIG else sent)
        if large and self._is_done(change, tag, image.manifest):  # others had time to push meanwhile
            return
        self._put(path, tag, image.manifest)

    def _is_done(self, change: Change, tag: str, manifest: RawManifest) -> bool:
        """Whether the tag holds what is wanted already. Raises Conflict where it holds neither that nor what the
        plan saw."""
        path = change.address.path
        found = self._digest(path, tag)
        if found == manifest.digest:
            return True
        if found == _seen(change):
            return False
        if found is not None:
            live = self._artifact(change.address, self.store.get_manifest(path, found))
            if change.after and (live.content, live.title) == (
                change.after["content"],
                change.after["title"],
            ):
                return True
        raise _conflict(change, found)

    def _delete(self, change: Change, tag: str) -> None:
        path = change.address.path
        found = self._digest(path, tag)
        if found is None:
            return
        if found != _seen(change):
            raise _conflict(change, found)
        with suppress(NotFound):
            self.store.delete_tag(path, tag, found)

    def _put(self, path: str, reference: str, manifest: RawManifest) -> None:
        try:
            self.store.put_manifest(path, reference, manifest)
        except RegistryError:
            # An answer can be lost, and some registries refuse what they already hold: what is there decides.
            with suppress(RegistryError):
                if self._digest(path, reference) == manifest.digest:
                    return
            raise

    def _digest(self, path: str, reference: str) -> str | None:
        try:
            return self.store.head_manifest(path, reference)
        except NotFound:
            return None


def _uncounted(part: int) -> None:
    """What every pack has counts in no upload."""


def _check_content(change: Change, copy: Copy, image: Copied) -> None:
    """Raise RegistryError unless what is taken over holds what is wanted. The plan may have believed a mark, which whoever
    can push can write."""
    wanted = change.after and change.after["content"]
    if image.content != wanted:
        raise RegistryError(
            f"{copy.address} is not copied: its mark {CONTENT_MARK} is forged: it says {wanted}, and its layer holds "
            f"{image.content or 'neither pack nor chart'}",
            hint=f"find out who pushed {copy.digest}, and delete that tag: the next apply pushes it anew",
        )


def _packed(payload: Payload) -> Copied:
    if payload.config is not None:
        return chart_image(payload)
    return Copied(pack_manifest(payload), (payload.layer, EMPTY_CONFIG), payload.content)


def is_artifact(tag: str) -> bool:
    """Whether a tag that a registry lists is one that can be addressed, and of an artifact of its own."""
    return is_tag(tag) and not _COMPANION.fullmatch(tag)


@dataclass(slots=True)
class Listing:
    """The repositories beneath a prefix whose tags are still to be listed, and whether those are all there are."""

    prefix: str
    remaining: set[str]
    complete: bool

    @property
    def listed(self) -> frozenset[str]:
        return frozenset({self.prefix}) if self.complete and not self.remaining else frozenset()


_ALONE = Listing("", set(), complete=False)
"""That of a repository which is read for itself: nothing follows from it for others."""


def _with_siblings(artifacts: Mapping[Address, LiveArtifact]) -> dict[Address, LiveArtifact]:
    """The artifacts of one repository, those on one digest knowing each other's tags."""
    tags: dict[str, tuple[str, ...]] = {}
    for each in artifacts.values():
        tags[each.digest] = tuple(sorted({*tags.get(each.digest, ()), *each.tags}))
    return {address: replace(each, tags=tags[each.digest]) for address, each in artifacts.items()}


def _seen(change: Change) -> object:
    """The digest that the plan saw, None where it saw no such tag."""
    return None if change.before is None else change.before["digest"]


def _conflict(change: Change, found: str | None) -> Conflict:
    nothing = "no such tag"
    return Conflict(
        f"{change.address} is not what the plan saw: expected {_seen(change) or nothing}, found {found or nothing}",
        hint="plan again to see what was pushed meanwhile",
    )
