"""What stands beneath a registry of Harbor: blobs and OCI manifests over `/v2`, lists and projects by its API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.registry import PACK_NAMESPACE, RegistrySpec
from regsync.model.settings import Json, storage_bytes, storage_limit
from regsync.registries.base import RawManifest, Surroundings
from regsync.registries.distribution import DistributionStore
from regsync.registries.harbor.api import HarborApi, ListedArtifact
from regsync.registries.harbor.failures import NoProject, advised, other_scheme, refused_login
from regsync.registries.image import rebuilt_manifest
from regsync.transport.client import Transport
from regsync.transport.messages import Response

_SHUT_OUT = (AuthenticationFailed, PermissionDenied)

DEFAULT_LOGIN = ("admin", "Harbor12345")
"""What Harbor's installer sets and everyone knows (harbor.yml, harbor_admin_password)."""


class HarborStore(DistributionStore):
    """One Harbor. Owns its transport. Settings of projects have the manifest's form here."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._api = HarborApi(transport)
        self._listed: dict[str, dict[str, ListedArtifact]] = {}
        """What lists told of artifacts, by repository and digest."""
        self._immutable: dict[str, set[str]] = {}
        """The tags that lists told to be immutable, by repository."""

    @property
    def has_default_login(self) -> bool:
        """Whether the login is the one that every Harbor begins with."""
        return self._http.logs_in_as(*DEFAULT_LOGIN)

    def tagged(self, repository: str) -> dict[str, str]:
        """The digest behind every tag; none where there is no such repository or project. Raises PermissionDenied where
        the login may not list, though it may read what it can name."""
        found = {each.digest: each for each in self._api.artifacts(*_split(repository))}
        if not all(each.tags for each in found.values()):
            raise PermissionDenied(f"Harbor lists the artifacts of {repository} without their tags")
        self._listed[repository] = found
        self._immutable[repository] = {
            tag for each in found.values() for tag, kept in each.tags.items() if kept
        }
        return {tag: each.digest for each in found.values() for tag in each.tags}

    def manifests(self, repository: str, digests: Sequence[str]) -> Iterable[RawManifest]:
        """Those of our own pushes: the list has all that their bytes are made of but the title, which goes by the tag."""
        for digest in digests:
            listed = self._listed[repository][digest]
            titles = [f"{repository.rpartition('/')[2]}-{tag}.tar.gz" for tag in listed.tags]
            made = rebuilt_manifest(digest, listed.size, listed.annotations, titles)
            if made is not None:
                yield made

    def is_immutable(self, repository: str, tag: str) -> bool:
        """Whether a list told that a rule keeps a tag as it is."""
        return tag in self._immutable.get(repository, ())

    def head_manifest(self, repository: str, reference: str) -> str:
        try:
            return super().head_manifest(repository, reference)
        except PermissionDenied as error:
            if error.status != 401:
                raise
            # The answer to a HEAD has no words that tell a project that is missing from one that is closed.
            return self.get_manifest(repository, reference).digest

    def repositories(self, prefix: str) -> tuple[str, ...]:
        """Those of the project that `prefix` begins with; none where there is no such project. Without a prefix, those of
        all projects that the login may see."""
        if not prefix:
            return tuple(sorted(self._api.every_repository()))
        project = prefix.partition("/")[0]
        try:
            names = self._api.repositories(project)
        except NotFound:
            return ()
        except PermissionDenied:
            if self.has_project(project):
                raise
            return ()
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def expect_repository(self, repository: str) -> None:
        """Raise NotFound where there is no such repository. One that holds nothing with a tag counts."""
        self._api.expect_repository(*_split(repository))

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        """Untag: over `/v2` the whole digest would go. An artifact that is left without any tag is for the project's own
        rules of retention."""
        try:
            self._api.untag(*_split(repository), digest, tag)
        except PermissionDenied:  # who may delete by /v2 need not have the right to untag
            super().delete_tag(repository, tag, digest)
        except NotFound as error:
            with suppress(NotFound):
                found = self.head_manifest(repository, tag)
                raise Conflict(
                    f"{repository}:{tag} moved from {digest} to {found}",
                    hint="plan again to see what was pushed meanwhile",
                ) from error

    def has_project(self, project: str) -> bool:
        """Whether there is a project of that name, be it open to the login or not."""
        try:
            return self._api.exists(project)
        except _SHUT_OUT:  # nobody without a login is told, and by newer releases nobody who may not read it
            pass
        try:
            self.tags(f"{project}/{PACK_NAMESPACE}")
        except NoProject:
            return False
        except (NotFound, *_SHUT_OUT):  # Harbor looks for the project before it judges who is asking
            pass
        return True

    def project(self, project: str, names: Iterable[str]) -> dict[str, Json]:
        """The settings of a project, as far as they are among `names`. Raises NotFound where there is no such project."""
        wanted = set(names)
        if not wanted:
            if not self.has_project(project):
                raise _missing(project)
            return {}
        try:
            told = self._api.project(project)
        except PermissionDenied:
            if self.has_project(project):
                raise
            raise _missing(project) from None
        found: dict[str, Json] = {}
        if "public" in wanted:
            metadata = told.get("metadata")
            if not isinstance(metadata, dict):
                raise ProtocolError(f"Harbor tells of project {project} without its metadata")
            found["public"] = metadata.get("public") == "true"
        if "storageLimit" in wanted:
            found["storageLimit"] = storage_limit(self._api.storage_limit(project))
        return found

    def create_project(self, project: str, settings: dict[str, Json]) -> None:
        """Create a project, private unless it is said otherwise. Raises Conflict where it exists."""
        limit = settings.get("storageLimit")
        self._api.create_project(
            project,
            public=settings.get("public") is True,
            storage_limit=None if limit is None else storage_bytes(str(limit)),
        )

    def correct_project(self, project: str, name: str, value: Json) -> None:
        """Give one setting of a project another value."""
        if name == "public":
            self._api.set_public(project, public=value is True)
        else:
            self._api.set_storage_limit(project, storage_bytes(str(value)))


class HarborTransport(Transport):
    """Says of each refusal what Harbor means by it."""

    def __init__(self, spec: RegistrySpec, surroundings: Surroundings) -> None:
        self._spec = spec
        super().__init__(
            spec,
            environment=surroundings.environment,
            parallelism=surroundings.parallelism,
            read_only=True,
            log=surroundings.trace,
        )

    def ping(self) -> None:
        try:
            super().ping()
        except AuthenticationFailed as error:
            raise refused_login(error, self._spec) from None
        except Unreachable as error:
            raise other_scheme(error, self._session.login.realm, self._spec) from None

    def request(self, method: str, path: str, **options: Any) -> Response:
        try:
            return super().request(method, path, **options)
        except RegistryError as error:
            raise advised(error, path, self._spec) from None


def _split(repository: str) -> tuple[str, str]:
    """The project of a repository, and its name therein."""
    project, _, name = repository.partition("/")
    return project, name


def _missing(project: str) -> NoProject:
    return NoProject(f"Harbor has no project {project}", status=404)
