"""Azure Container Registry: a distribution server that has logins, locks and a way to take one tag away of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from regsync.model.errors import (
    AuthenticationFailed,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RegistryError,
)
from regsync.model.reference import Address, is_tag
from regsync.model.registry import AuthMethod, RegistrySpec
from regsync.model.state import LiveArtifact, Observed
from regsync.registries.acr.entra import EntraLogins, registry_name
from regsync.registries.base import Blob, RawManifest, Reading, Registry, Surroundings
from regsync.registries.distribution import DistributionStore
from regsync.registries.listed import ListedRegistry
from regsync.transport.client import Transport
from regsync.transport.messages import Response, Scope

PAGE = 1000
"""Tags to ask for at once: the most that ACR gives."""

_METADATA = ("metadata_read",)
_REFUSED = frozenset({403, 405, 409})
_ROLES = {
    "DELETE": ("AcrDelete", "content/delete"),
    "PATCH": ("AcrPush", "content/write"),
    "POST": ("AcrPush", "content/write"),
    "PUT": ("AcrPush", "content/write"),
}
_READER = ("AcrPull", "content/read and metadata/read")


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open the registry at `spec.endpoint`, read-only. Reaches nothing yet; writing has to be allowed."""
    return AcrRegistry(spec, AcrStore(spec, AcrTransport(spec, surroundings)), surroundings)


class AcrRegistry(ListedRegistry):
    """A registry of Azure. A login that may pull need not be one that may list."""

    store: AcrStore

    def _read_tags(self, path: str, tags: Sequence[str]) -> Reading:
        """One list, and a request for each tag that is not in it: one can be kept out of lists (listEnabled: false)."""
        if self._down is not None:
            return Reading(Observed(unreadable=(self._down,)))
        live: Mapping[str, str] = {}
        try:
            live = self._list(path)
        except NotFound:
            return Reading(Observed(absent=frozenset(self._address(path, tag) for tag in tags)))
        except RegistryError as error:
            if not isinstance(error, AuthenticationFailed | PermissionDenied):
                return Reading(Observed(unreadable=(self._unreadable(error, path, None),)))
        reads = self._reads_of_artifacts(path, live, [tag for tag in tags if tag in live])
        return Reading(
            Observed(), (*reads, *(partial(self._read_tag, path, tag) for tag in tags if tag not in live))
        )

    def _artifact(self, address: Address, manifest: RawManifest) -> LiveArtifact:
        kept = address.tag in self.store.kept(address.path)
        return replace(super()._artifact(address, manifest), immutable=kept)


class AcrStore(DistributionStore):
    """Blobs and OCI manifests of a registry of Azure."""

    def __init__(self, spec: RegistrySpec, transport: Transport) -> None:
        super().__init__(transport)
        self._spec = spec
        self._kept: dict[str, frozenset[str]] = {}

    def tagged(self, repository: str) -> Mapping[str, str]:
        """The digest behind every tag. Raises NotFound where there is no such repository."""
        pages = self._pages(f"{self._own_path(repository)}/_tags", f"n={PAGE}", Scope(repository, _METADATA))
        found = [tag for page in pages for tag in _tags_on(page)]
        self._kept[repository] = frozenset(name for name, _, locked in found if locked)
        return {name: digest for name, digest, _ in found}

    def kept(self, repository: str) -> frozenset[str]:
        """The tags that a lock keeps everyone from moving and deleting, as far as they were listed."""
        return self._kept.get(repository, frozenset())

    def manifests(self, repository: str, digests: Sequence[str]) -> Iterable[RawManifest]:
        """None: each takes a request of its own."""
        return ()

    def tags(self, repository: str) -> tuple[str, ...]:
        return tuple(sorted(self.tagged(repository)))

    def put_blob(self, repository: str, blob: Blob, sent: Callable[[int], None]) -> None:
        with self._telling_of_locks(repository, None, "write"):
            super().put_blob(repository, blob, sent)

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        with self._telling_of_locks(repository, reference if is_tag(reference) else None, "write"):
            super().put_manifest(repository, reference, manifest)

    def delete_tag(self, repository: str, tag: str, digest: str) -> None:
        """Untag. DELETE on `/v2` takes a digest with all its tags, while ACR's own API takes the one tag; what is left
        without any stays as an untagged manifest, which is for the registry's retention policy."""
        path, scope = self._own_path(repository, tag), Scope(repository, ("delete",))
        with self._telling_of_locks(repository, tag, "delete", "write"):  # who may not write may not delete
            response = self._http.request("DELETE", path, scope=scope, expect={202, 404})
        if response.status == 404:
            with suppress(NotFound):
                self.head_manifest(repository, tag)
                raise ProtocolError(f"DELETE {response.url}: 404, but it is there", status=404)

    def _own_path(self, repository: str, tag: str | None = None) -> str:
        """Where ACR's own API has a repository or a tag of it."""
        path = self._path(repository).replace("/v2/", "/acr/v1/", 1)
        return path if tag is None else f"{path}/_tags/{tag}"

    @contextmanager
    def _telling_of_locks(self, repository: str, tag: str | None, *verbs: str) -> Iterator[None]:
        """Where ACR disallows something, look whether a lock is the reason, which is one on any of these verbs. It answers
        405 to all sorts of things (REGISTRY_DISALLOWED_OPERATION: "on this registry, repository or image")."""
        try:
            yield
        except RegistryError as error:
            if error.status not in _REFUSED:
                raise
            image = f"{repository}:{tag}"
            places = [("image", image, self._own_path(repository, tag))] if tag else []
            places.append(("repository", repository, self._own_path(repository)))
            for kind, name, path in places:
                if verb := self._locked(repository, path, verbs):
                    raise PermissionDenied(
                        f"{error.message}; {name} is locked ({verb}Enabled: false)",
                        hint=f"who locked it meant it to stay; to unlock it: az acr repository update "
                        f"--name {registry_name(self._spec)} --{kind} {name} --{verb}-enabled true",
                        code=error.code,
                        status=error.status,
                    ) from error
            raise

    def _locked(self, repository: str, path: str, verbs: Sequence[str]) -> str | None:
        """Which of these verbs an attribute forbids. Who may not read attributes learns nothing."""
        with suppress(RegistryError, AttributeError, KeyError, TypeError):
            scope = Scope(repository, _METADATA)
            document = self._http.request("GET", path, scope=scope, expect={200}).json()
            attributed = document.get("tag", document)
            return next((verb for verb in verbs if _is_locked(attributed, verb)), None)
        return None


class AcrTransport(Transport):
    """Logs in the way that the manifest says, and tells what is behind a refusal of Azure."""

    def __init__(self, spec: RegistrySpec, surroundings: Surroundings) -> None:
        self._spec = spec
        environment = surroundings.environment
        azure = spec.auth.method is AuthMethod.AZURE
        super().__init__(
            spec,
            environment=environment,
            parallelism=surroundings.parallelism,
            read_only=True,
            logins=EntraLogins(spec, environment, self.trade) if azure else None,
            log=surroundings.trace,
        )

    def ping(self) -> None:
        try:
            super().ping()
        except AuthenticationFailed as error:
            if error.status != 401:
                raise
            raise _advised(error, _why_refused(self._spec) or error.hint) from None
        except PermissionDenied as error:
            name = registry_name(self._spec)
            hint = (
                f"its firewall may not let this address in: az acr show --name {name} --query networkRuleSet"
            )
            raise _advised(error, hint) from None

    def request(self, method: str, path: str, **options: Any) -> Response:
        try:
            return super().request(method, path, **options)
        except PermissionDenied as error:
            # A refusal without a code is not the registry's, but that of where it redirected to.
            if error.code is None and method != "HEAD":
                raise
            role, action = _ROLES.get(method, _READER)
            hint = f"the login needs the role {role} on the registry; a token needs {action} in its scope map"
            raise _advised(error, hint) from None


def _tags_on(page: Response) -> list[tuple[str, str, bool]]:
    """Of each tag on a page of ACR's own list: name, digest, and whether it is locked."""
    try:
        tags = page.json()["tags"] or ()
        return [(str(each["name"]), str(each["digest"]), _is_locked(each, "write")) for each in tags]
    except (KeyError, TypeError, AttributeError):
        raise ProtocolError(f"GET {page.url}: 200 without a list of tags", status=200) from None


def _is_locked(attributed: Mapping[str, Any], verb: str) -> bool:
    return attributed["changeableAttributes"][f"{verb}Enabled"] is False


def _why_refused(spec: RegistrySpec) -> str | None:
    """What may be wrong with a login that the registry refuses, as far as its kind tells."""
    at, name = spec.at("auth"), registry_name(spec)
    if spec.auth.method in {AuthMethod.AZURE, AuthMethod.DOCKER}:
        return f"log in again: an identity token of `az acr login --name {name}` lasts for some hours only"
    if spec.auth.method is not AuthMethod.BASIC:
        return None
    if spec.auth.username == name:
        return (
            f"check the password ({at}); the admin user is disabled unless somebody enabled it: "
            f"az acr update --name {name} --admin-enabled true"
        )
    return (
        f"check user name and secret ({at}); a service principal needs a role on the registry, a token must be enabled, "
        "and the passwords of both expire"
    )


def _advised(error: RegistryError, hint: str | None) -> RegistryError:
    return type(error)(error.message, hint=hint, code=error.code, status=error.status)
