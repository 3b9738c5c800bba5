"""The store behind any server of the OCI distribution-spec: its paths, statuses, pages and quirks.

Logins, retries, redirects and limits are the transport's; what an OCI manifest says is not looked at here.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final
from urllib.parse import quote

from regsync.model.errors import (
    Conflict,
    NotARegistry,
    NotFound,
    ProtocolError,
    RateLimited,
    RegistryError,
    RegsyncError,
    Unreachable,
    Unsupported,
)
from regsync.model.reference import is_digest, is_repository, is_tag
from regsync.model.state import Limits
from regsync.registries.base import Blob, RawManifest, Store
from regsync.registries.capabilities import server_of
from regsync.transport.client import Transport
from regsync.transport.messages import CATALOG, Bytes, Response, Scope

# CNCF Distribution answers as if there were no OCI manifest when its type is not among these.
ACCEPT: Final = (
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.artifact.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
CATALOGUE_PAGE = 1000
"""Repositories to ask for at once: CNCF Distribution and ECR refuse more. Tags come in the server's own pages, since
Quay refuses even fewer."""
MOST_PAGES = 1000
UPLOADS = 3
"""How often an upload is begun while its answers are lost or its sessions die."""

_DEAD_SESSION = frozenset({"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "RANGE_INVALID"})
_BY_DIGEST_ONLY = frozenset({"DIGEST_INVALID", "UNSUPPORTED"})


class DistributionStore(Store):
    """A registry over HTTP. Owns its transport. `namespace` stands before every repository in the server's paths."""

    def __init__(self, transport: Transport, namespace: str = "") -> None:
        self._http = transport
        self._prefix = f"{namespace}/" if namespace else ""
        self._uploaded: set[tuple[str, str]] = set()
        """Repository and digest of each blob that was put."""
        self._sources: dict[str, str] = {}
        """For each of these digests, the repository that had it first."""
        self._mounts = True

    @property
    def read_only(self) -> bool:
        """Whether writing raises; the transport itself refuses then."""
        return self._http.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._http.read_only = value

    @property
    def requests(self) -> int:
        return self._http.requests

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        path, scope = self._manifest_path(repository, reference), self._scope(repository)
        response = self._http.request("GET", path, scope=scope, accept=ACCEPT, expect={200})
        stated = response.headers.get("docker-content-digest")
        if stated is None and not response.content_type.startswith("application/vnd."):
            raise NotARegistry(
                f"GET {response.url}: 200 with {response.content_type or 'something untyped'}, not an OCI manifest",
                hint="a proxy, a login page or a web server answers in the registry's stead: check the endpoint",
                status=200,
            )
        digest = _digest_of(response, reference if is_digest(reference) else stated)
        return RawManifest(digest, response.content_type, response.body)

    def head_manifest(self, repository: str, reference: str) -> str:
        path, scope = self._manifest_path(repository, reference), self._scope(repository)
        response = self._http.request("HEAD", path, scope=scope, accept=ACCEPT, expect={200, 404})
        version = response.headers.get("docker-distribution-api-version")
        stated = response.headers.get("docker-content-digest", "")
        if response.status == 404 and version and response.content_type == "application/json":
            raise NotFound(f"HEAD {response.url}: 404", status=404)
        if response.status == 200 and is_digest(stated):
            if is_digest(reference) and stated != reference:
                raise _wrong_digest(response, stated, reference)
            return stated
        # Any proxy may answer 404 and some servers state no digest: the answer to a GET has a body to judge by.
        return self.get_manifest(repository, reference).digest

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        response = self._http.request(
            "PUT",
            self._manifest_path(repository, reference),
            scope=self._scope(repository),
            headers={"Content-Type": manifest.media_type},
            body=Bytes(manifest.data),
            expect={201},
        )
        stated = response.headers.get("docker-content-digest", manifest.digest)
        if stated != manifest.digest:
            raise _wrong_digest(response, stated, manifest.digest)

    @contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[BinaryIO]:
        path, scope = self._blob_path(repository, digest), self._scope(repository)
        with self._http.stream(path, scope=scope) as stream:
            yield io.BufferedReader(_Verified(stream, digest, f"blob {digest} of {repository}"))

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a blob is there. Any 404 counts as no: all that follows from it is an upload."""
        path, scope = self._blob_path(repository, digest), self._scope(repository)
        return self._http.request("HEAD", path, scope=scope, expect={200, 404}).status == 200

    def put_blob(self, repository: str, blob: Blob, sent: Callable[[int], None]) -> None:
        """Upload a blob in one piece, or mount it from where an earlier call has put it."""
        if (repository, blob.digest) in self._uploaded:
            return
        for left in reversed(range(UPLOADS)):
            location = self._begin_upload(repository, blob.digest)
            if location is None:
                break
            try:
                self._finish_upload(repository, location, blob, sent)
                break
            except RegistryError as error:
                passing = isinstance(error, Unreachable | RateLimited) or error.code in _DEAD_SESSION
                if not (passing and left):
                    raise
            if self.has_blob(repository, blob.digest):  # only the answer was lost
                sent(blob.size)
                break
        self._uploaded.add((repository, blob.digest))
        self._sources.setdefault(blob.digest, repository)

    def _begin_upload(self, repository: str, digest: str) -> str | None:
        """Where to upload to; None where the registry has taken the blob from another repository instead.

        A mount spares it the costly part of an upload, and us a request: every pack has the same config.
        """
        path, scope = f"{self._path(repository)}/blobs/uploads/", self._scope(repository)
        source = self._sources.get(digest)
        if source is not None and self._mounts:
            try:
                response = self._http.request(
                    "POST",
                    f"{path}?mount={quote(digest)}&from={quote(self._prefix + source, safe='')}",
                    scope=(scope, self._scope(source)),
                    expect={201, 202},
                )
            except RegistryError:
                # The spec wants 202 of those who do not mount; Harbor says 401, others 4xx.
                self._mounts = False
            else:
                return None if response.status == 201 else _location(response)
        return _location(self._http.request("POST", path, scope=scope, expect={202}))

    def _finish_upload(self, repository: str, location: str, blob: Blob, sent: Callable[[int], None]) -> None:
        scope = self._scope(repository)
        try:
            self._http.request(
                "PUT",
                f"{location}{'&' if '?' in location else '?'}digest={quote(blob.digest, safe='')}",
                scope=scope,
                headers={"Content-Type": "application/octet-stream"},
                body=blob,
                expect={201, 204},  # 204 is how old Docker registries say it
                retry=False,  # the session may be dead
                sent=sent,
            )
        except BaseException as error:
            if not (isinstance(error, Unreachable) and error.status is None):  # else there is nobody to tell
                with suppress(RegsyncError):
                    self._http.request("DELETE", location, scope=scope, expect={204}, retry=False)
            raise

    def tags(self, repository: str) -> tuple[str, ...]:
        return self._list(f"{self._path(repository)}/tags/list", "", "tags", self._scope(repository))

    def limits(self) -> Limits:
        return server_of(self._http.greeting).limits

    def repositories(self, prefix: str) -> tuple[str, ...]:
        self._http.ping()  # which shows what it is
        server = server_of(self._http.greeting)
        if not server.catalogue:
            raise Unsupported(f"{server.limits.server} has no catalogue")
        try:
            names = self._list("/v2/_catalog", f"n={CATALOGUE_PAGE}", "repositories", CATALOG)
        except RegistryError as error:
            if error.status != 404:
                raise
            raise Unsupported(f"{error.message}: the registry has no catalogue", status=404) from error
        own = (name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix))
        return tuple(name for name in own if name.startswith(prefix))

    def _list(self, path: str, query: str, key: str, scope: Scope) -> tuple[str, ...]:
        """All names of a paged list, sorted."""
        pages = self._pages(path, query, scope)
        return tuple(sorted({name for page in pages for name in _names(page, key)}))

    def _pages(self, path: str, query: str, scope: Scope) -> Iterator[Response]:
        """The pages of a list. Raises ProtocolError where they do not come to an end."""
        asked: set[str] = set()
        while query not in asked and len(asked) < MOST_PAGES:
            asked.add(query)
            at = f"{path}?{query}" if query else path
            page = self._http.request("GET", at, scope=scope, accept="application/json", expect={200})
            yield page
            if page.next_query is None:
                return
            query = page.next_query
        raise ProtocolError(f"GET {page.url}: its pages do not come to an end ({len(asked)} read)")

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        try:
            self._delete(repository, tag)
        except RegistryError as error:
            if error.status != 405 and error.code not in _BY_DIGEST_ONLY:
                raise
            # CNCF Distribution 2 and Harbor delete by digest only, and its tags go with it.
            self._expect_only_tag(repository, tag, digest)
            self._delete(repository, digest)

    def _delete(self, repository: str, reference: str) -> None:
        """Delete by tag or digest. What is gone is fine: the answer to an earlier attempt may have been lost."""
        scope = Scope(self._prefix + repository, ("pull", "delete"))
        try:
            self._http.request(
                "DELETE", self._manifest_path(repository, reference), scope=scope, expect={202}
            )
        except NotFound as error:
            # GitLab and others say so where only the right to delete is missing.
            with suppress(NotFound):
                self.head_manifest(repository, reference)
                raise ProtocolError(f"{error.message}, but it is there", status=404) from error
        except Unsupported as error:
            hint = (
                "allow deletes in the registry (CNCF Distribution: storage.delete.enabled: true, or "
                "REGISTRY_STORAGE_DELETE_ENABLED=true)"
            )
            raise Unsupported(error.message, hint=hint, code=error.code, status=error.status) from error

    def _expect_only_tag(self, repository: str, tag: str, digest: str) -> None:
        """Raise Conflict unless `tag`, and no other tag, points to `digest`."""
        on_digest = [each for each in self.tags(repository) if self._points_to(repository, each, digest)]
        if on_digest != [tag]:
            others = ", ".join(each for each in on_digest if each != tag) or "no tag"
            raise Conflict(
                f"{repository}:{tag} cannot be deleted alone: this registry deletes whole digests, "
                f"and {digest} is found under {others}",
                hint="delete the other tags too, or keep this one",
            )

    def _points_to(self, repository: str, tag: str, digest: str) -> bool:
        try:
            return self.head_manifest(repository, tag) == digest
        except NotFound:  # deleted since it was listed
            return False

    def check(self) -> None:
        self._http.ping()

    def close(self) -> None:
        self._http.close()

    def _scope(self, repository: str) -> Scope:
        """What a token for a repository must allow. While applying, one token serves reads and writes."""
        actions = ("pull",) if self.read_only else ("pull", "push")
        return Scope(self._prefix + repository, actions)

    def _path(self, repository: str) -> str:
        if not is_repository(repository):
            raise ProtocolError(f"{repository!r} is no repository name")
        return f"/v2/{self._prefix}{repository}"

    def _manifest_path(self, repository: str, reference: str) -> str:
        if not (is_tag(reference) or is_digest(reference)):
            raise ProtocolError(f"{reference!r} is no tag or digest")
        return f"{self._path(repository)}/manifests/{reference}"

    def _blob_path(self, repository: str, digest: str) -> str:
        if not is_digest(digest):
            raise ProtocolError(f"{digest!r} is no digest")
        return f"{self._path(repository)}/blobs/{digest}"


class _Verified(io.RawIOBase):
    """Passes a stream on and raises at its end if the bytes have another digest."""

    def __init__(self, stream: BinaryIO, digest: str, what: str) -> None:
        super().__init__()
        self._stream = stream
        self._digest = digest
        self._what = what
        self._state = hashlib.new(digest.partition(":")[0])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # typeshed lacks a buffer type before 3.12
        part = self._stream.read(len(into))
        self._state.update(part)
        into[: len(part)] = part
        if not part and self._state.hexdigest() != self._digest.partition(":")[2]:
            raise ProtocolError(f"the bytes of {self._what} have another digest")
        return len(part)


def _location(response: Response) -> str:
    if not response.location:
        raise ProtocolError(f"POST {response.url}: {response.status} without a Location to upload to")
    return response.location


def _digest_of(response: Response, expected: str | None) -> str:
    """The digest of an answer's body; it must be the one that is expected where there is one."""
    algorithm = expected.partition(":")[0] if expected and is_digest(expected) else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, response.body).hexdigest()}"
    if expected not in {None, digest}:
        raise _wrong_digest(response, digest, expected)
    return digest


def _wrong_digest(response: Response, found: str, expected: str) -> ProtocolError:
    return ProtocolError(
        f"{response.method} {response.url}: its digest is {found}, but {expected} was expected"
    )


def _names(response: Response, key: str) -> Sequence[str]:
    """The names on one page of a list. None at all may be an empty list, null (CNCF Distribution 2) or left out."""
    document = response.json()
    if isinstance(document, dict) and (key in document or "name" in document):
        names = document.get(key)
        if names is None:
            return ()
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            return names
    raise ProtocolError(f"GET {response.url}: {response.status} without a list of {key}")
