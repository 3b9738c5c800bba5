"""A registry in memory: real OCI manifests and blobs, checked as a server checks them; for tests.

Knows what every registry enforces; keeps nothing after the process.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from regsync.model.errors import Conflict, NotFound, RegistryError, RegsyncError
from regsync.model.reference import is_digest, is_repository, is_tag, sha256_digest
from regsync.registries.base import Blob, RawManifest, Store
from regsync.registries.image import named_blobs

Fault = Callable[[str, str, str], None]
"""Called with operation, repository and reference before each operation; what it raises is the registry's answer."""


class MemoryStore(Store):
    """Blobs and OCI manifests in dictionaries. `fault` lets a test count requests or make them fail."""

    def __init__(self, fault: Fault = lambda operation, repository, reference: None) -> None:
        self.read_only = True
        self.fault = fault
        self._lock = threading.RLock()
        self._blobs: dict[tuple[str, str], bytes] = {}
        self._manifests: dict[tuple[str, str], RawManifest] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        with self._operation("get_manifest", repository, reference):
            return self._manifest(repository, reference)

    def head_manifest(self, repository: str, reference: str) -> str:
        with self._operation("head_manifest", repository, reference):
            return self._manifest(repository, reference).digest

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        with self._operation("put_manifest", repository, reference, writes=True):
            given = {manifest.digest, reference} if is_digest(reference) else {manifest.digest}
            if given != {sha256_digest(manifest.data)}:
                raise RegistryError("digest invalid", code="DIGEST_INVALID", status=400)
            for digest, _ in named_blobs(manifest):
                if (repository, digest) not in self._blobs and (repository, digest) not in self._manifests:
                    raise RegistryError(f"blob unknown: {digest}", code="MANIFEST_BLOB_UNKNOWN", status=400)
            self._manifests[repository, manifest.digest] = manifest
            tags = self._tags.setdefault(repository, {})
            if reference != manifest.digest:
                tags[reference] = manifest.digest

    @contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[BinaryIO]:
        with self._operation("open_blob", repository, digest):
            if (repository, digest) not in self._blobs:
                raise NotFound(f"blob unknown: {digest}", code="BLOB_UNKNOWN", status=404)
            data = self._blobs[repository, digest]
        yield io.BytesIO(data)

    def has_blob(self, repository: str, digest: str) -> bool:
        with self._operation("has_blob", repository, digest):
            return (repository, digest) in self._blobs

    def put_blob(self, repository: str, blob: Blob, sent: Callable[[int], None]) -> None:
        with self._operation("put_blob", repository, blob.digest, writes=True):
            with blob.open() as stream:
                data = stream.read()
            sent(len(data))
            if sha256_digest(data) != blob.digest:
                raise RegistryError("digest invalid", code="DIGEST_INVALID", status=400)
            self._blobs[repository, blob.digest] = data

    def tags(self, repository: str) -> tuple[str, ...]:
        with self._operation("tags", repository, ""):
            if repository not in self._tags:
                raise NotFound(f"repository unknown: {repository}", code="NAME_UNKNOWN", status=404)
            return tuple(sorted(self._tags[repository]))

    def repositories(self, prefix: str) -> tuple[str, ...]:
        with self._operation("repositories", prefix, ""):
            return tuple(sorted(each for each in self._tags if each.startswith(prefix)))

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        with self._operation("delete_tag", repository, tag, writes=True):
            if self._manifest(repository, tag).digest != digest:
                raise Conflict(f"{repository}:{tag} does not point to {digest}")
            del self._tags[repository][tag]

    def check(self) -> None:
        with self._operation("check", "", ""):
            pass

    def close(self) -> None:
        pass

    @contextmanager
    def _operation(
        self, operation: str, repository: str, reference: str, *, writes: bool = False
    ) -> Iterator[None]:
        if writes and self.read_only:
            raise RegsyncError(f"{operation} {repository}: refused, because planning never writes")
        self.fault(operation, repository, reference)
        prefix = operation in ("repositories", "check")
        if not prefix and not is_repository(repository):
            raise RegistryError(f"invalid name: {repository!r}", code="NAME_INVALID", status=400)
        if reference and not is_tag(reference) and not is_digest(reference):
            raise RegistryError(f"invalid reference: {reference!r}", code="MANIFEST_INVALID", status=400)
        with self._lock:
            yield

    def _manifest(self, repository: str, reference: str) -> RawManifest:
        digest = self._tags.get(repository, {}).get(reference, reference)
        if (repository, digest) not in self._manifests:
            raise NotFound(f"manifest unknown: {repository}:{reference}", code="MANIFEST_UNKNOWN", status=404)
        return self._manifests[repository, digest]
