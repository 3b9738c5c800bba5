"""A directory as a registry: one OCI image layout per repository, at DIRECTORY/REPOSITORY.

Knows the files of a layout (image-spec, image-layout) and how they are replaced so that neither a crash nor a second
writer leaves one half done; knows nothing of packs.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from regsync.model.errors import (
    Conflict,
    NotFound,
    ProtocolError,
    RegistryError,
    RegsyncError,
)
from regsync.model.reference import is_digest, is_repository, is_tag, sha256_digest
from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Blob, RawManifest, Store, Surroundings
from regsync.registries.folder import Folder, failures
from regsync.registries.image import named_blobs

Entry: TypeAlias = dict[str, Any]
"""A descriptor in index.json."""

MARKER = "oci-layout"
INDEX = "index.json"
BLOBS = "blobs"
RESERVED = frozenset({MARKER, INDEX, BLOBS})
"""Names within a layout: since repositories lie inside one another, no part of a repository's path may be one."""

REF_NAME = "org.opencontainers.image.ref.name"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_LIMIT = 4 * 1024 * 1024
INDEX_LIMIT = 64 * 1024 * 1024
CHUNK = 1024 * 1024


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
    """The registry in the directory that is the endpoint. Creates nothing before the first write."""
    return StoreRegistry(spec, LayoutStore(Path(spec.endpoint), spec.shown_endpoint), surroundings.indexes)


class LayoutStore(Store):
    """Repositories as OCI image layouts beneath one directory; `shown` is how messages name it.

    A missing directory is an empty registry; one that cannot be read, or is no sound layout, is an error and never
    taken for empty. A tag is an index entry with a name, a manifest without a tag one without. Entries, annotations
    and files of others stay as they are. No blob is ever removed: another program may be reading it or about to name
    it.
    """

    def __init__(self, directory: Path, shown: str) -> None:
        self.read_only = True
        self._root = Folder(directory, shown)
        self._threads: dict[str, threading.RLock] = {}
        self._held: set[str] = set()

    @contextmanager
    def locked(self, repository: str) -> Iterator[None]:
        """Keeps other threads and processes from writing to a repository; for readers nothing changes."""
        if self.read_only:
            raise RegsyncError(
                f"{repository}: not written, because planning never writes",
                hint="this is a bug in regsync: please report it",
            )
        folder = self._folder(repository)
        with self._threads.setdefault(repository, threading.RLock()):
            if repository in self._held:
                yield
                return
            folder.make()
            with folder.lock():
                self._held.add(repository)
                try:
                    folder.sweep()
                    yield
                finally:
                    self._held.discard(repository)

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        entry = _find(self._folder(repository), reference)
        try:
            with self.open_blob(repository, entry["digest"]) as file:
                data = file.read(MANIFEST_LIMIT + 1)
        except NotFound as error:
            raise ProtocolError(f"{error.message}, which its {INDEX} names") from error
        if len(data) > MANIFEST_LIMIT:
            raise ProtocolError(
                f"{repository}:{reference} has an OCI manifest of more than {MANIFEST_LIMIT} bytes"
            )
        return RawManifest(entry["digest"], str(entry.get("mediaType", "")), data)

    def head_manifest(self, repository: str, reference: str) -> str:
        return str(_find(self._folder(repository), reference)["digest"])

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        folder = self._folder(repository)
        if manifest.digest != sha256_digest(manifest.data) or (
            is_digest(reference) and reference != manifest.digest
        ):
            raise ProtocolError(f"{repository}: not the bytes of {reference}", code="DIGEST_INVALID")
        with self.locked(repository):
            for digest, size in named_blobs(manifest):
                if folder.size(_blob(digest)) != size:
                    raise ProtocolError(
                        f"{folder.shown} has no blob {digest} of {size} bytes", code="MANIFEST_BLOB_UNKNOWN"
                    )
            index = _read_index(folder) or {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}
            folder.write(_blob(manifest.digest), [manifest.data])
            present = _matching(index["manifests"], reference)
            if not present or any(each["digest"] != manifest.digest for each in present):
                entry: Entry = {
                    "mediaType": manifest.media_type,
                    "digest": manifest.digest,
                    "size": len(manifest.data),
                }
                if not is_digest(reference):
                    entry["annotations"] = {REF_NAME: reference}
                kept = [each for each in index["manifests"] if each not in present]
                _write_index(folder, {**index, "manifests": [*kept, entry]})

    @contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[BinaryIO]:
        folder = self._folder(repository)
        file = folder.open(_blob(digest))
        if file is None:
            raise NotFound(f"{folder.shown} has no blob {digest}", code="BLOB_UNKNOWN")
        algorithm, _, wanted = digest.partition(":")
        with file:
            with failures(f"{folder.shown}/{_blob(digest)}"):
                found = hashlib.file_digest(file, algorithm).hexdigest()
                file.seek(0)
            if found != wanted:
                raise ProtocolError(f"the bytes of {folder.shown}/{_blob(digest)} have another digest")
            yield file

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the blob is there and whole; what a crash of another program left of one does not count."""
        try:
            with self.open_blob(repository, digest):
                return True
        except (NotFound, ProtocolError):
            return False

    def put_blob(self, repository: str, blob: Blob, sent: Callable[[int], None]) -> None:
        algorithm, _, wanted = blob.digest.partition(":")

        def parts() -> Iterator[bytes]:
            state = hashlib.new(algorithm)
            with blob.open() as stream:
                while part := stream.read(CHUNK):
                    state.update(part)
                    yield part
                    sent(len(part))
            if state.hexdigest() != wanted:
                raise ProtocolError(
                    f"the bytes sent as {blob.digest} have another digest", code="DIGEST_INVALID"
                )

        with self.locked(repository):
            self._folder(repository).write(_blob(blob.digest), parts())

    def tags(self, repository: str) -> tuple[str, ...]:
        names = {_name(each) for each in _entries(self._folder(repository))}
        return tuple(sorted(name for name in names if name is not None and is_tag(name)))

    def repositories(self, prefix: str) -> tuple[str, ...]:
        layouts = (path for path, files in self._root.walk(RESERVED) if INDEX in files)
        return tuple(sorted(each for each in layouts if each.startswith(prefix) and is_repository(each)))

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        folder = self._folder(repository)
        with self.locked(repository):
            if _find(folder, tag)["digest"] != digest:
                raise Conflict(f"{repository}:{tag} does not point to {digest}")
            index = _read_index(folder) or {}
            left = [each for each in index["manifests"] if _name(each) != tag]
            _write_index(folder, {**index, "manifests": left})

    def check(self) -> None:
        self._root.check()

    def close(self) -> None:
        """Nothing is kept open."""

    def _folder(self, repository: str) -> Folder:
        if not is_repository(repository):
            raise RegistryError(f"{repository!r} is no repository name", code="NAME_INVALID")
        if reserved := RESERVED.intersection(repository.split("/")):
            raise RegistryError(
                f"a layout cannot hold the repository {repository}: {min(reserved)} is the name of a file in it",
                hint="choose another name for the path, the pack or the chart",
                code="NAME_INVALID",
            )
        return Folder(self._root.path / repository, f"{self._root.shown}/{repository}")


def _find(folder: Folder, reference: str) -> Entry:
    found = _matching(_entries(folder), reference)
    if not found:
        raise NotFound(f"{folder.shown} has no {reference}", code="MANIFEST_UNKNOWN")
    if any(each["digest"] != found[0]["digest"] for each in found):
        raise ProtocolError(f"{folder.shown}/{INDEX} gives {reference} to several OCI manifests")
    return found[0]


def _matching(entries: list[Entry], reference: str) -> list[Entry]:
    """The index entries of a tag or digest."""
    if is_digest(reference):
        return [each for each in entries if each["digest"] == reference]
    return [each for each in entries if _name(each) == reference]


def _entries(folder: Folder) -> list[Entry]:
    index = _read_index(folder)
    if index is None:
        raise NotFound(f"there is no layout in {folder.shown}", code="NAME_UNKNOWN")
    entries: list[Entry] = index["manifests"]
    return entries


def _read_index(folder: Folder) -> dict[str, Any] | None:
    """The index with a list of sound entries, None where there is no layout. Raises ProtocolError for a damaged one."""
    data = _read(folder, INDEX)
    if data is None:
        return None
    try:
        index: dict[str, Any] = json.loads(data)
        index["manifests"] = index["manifests"] or []  # Go writes null where there are none
        version = json.loads(_read(folder, MARKER) or b"{}")["imageLayoutVersion"]
        sound = version == "1.0.0" and all(_is_sound(each) for each in index["manifests"])
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise ProtocolError(
            f"{folder.shown} is no sound OCI image layout",
            hint=f"look at its {MARKER} and {INDEX}: restore them, or move the directory away",
        )
    return index


def _read(folder: Folder, name: str) -> bytes | None:
    file = folder.open(name)
    if file is None:
        return None
    with file, failures(f"{folder.shown}/{name}"):
        data = file.read(INDEX_LIMIT + 1)
    if len(data) > INDEX_LIMIT:
        raise ProtocolError(f"{folder.shown}/{name} is larger than {INDEX_LIMIT} bytes")
    return data


def _write_index(folder: Folder, index: dict[str, Any]) -> None:
    if folder.size(MARKER) is None:
        folder.write(MARKER, [b'{"imageLayoutVersion":"1.0.0"}'])
    folder.write(INDEX, [json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode()])


def _is_sound(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and is_digest(str(entry.get("digest")))
        and isinstance(entry.get("annotations") or {}, dict)
    )


def _name(entry: Entry) -> str | None:
    """The tag of an index entry; other tools also put whole references there."""
    name = (entry.get("annotations") or {}).get(REF_NAME)
    return name if isinstance(name, str) else None


def _blob(digest: str) -> str:
    if not is_digest(digest):
        raise RegistryError(f"{digest!r} is no digest", code="DIGEST_INVALID")
    return f"{BLOBS}/{digest.replace(':', '/')}"
