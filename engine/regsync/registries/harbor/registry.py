"""A live registry of Harbor: observed by its lists, where the login may list, and its projects kept as declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from regsync.model.errors import Conflict, NotFound, PermissionDenied, RegistryError
from regsync.model.plan import Action, Change, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.settings import differing
from regsync.model.state import LiveArtifact, LiveRepository, Observed
from regsync.registries.artifacts import Listing, StoreRegistry
from regsync.registries.base import (
    Copied,
    Payload,
    RawManifest,
    Read,
    Reading,
    Registry,
    Shared,
    Surroundings,
    Wanted,
)
from regsync.registries.declared import check_meanwhile, listed, outstanding
from regsync.registries.harbor.api import HarborApi
from regsync.registries.harbor.store import DEFAULT_LOGIN, HarborStore, HarborTransport
from regsync.registries.image import base_repository_manifest
from regsync.registries.listed import ListedRegistry


def open_registry(spec: RegistrySpec, surroundings: Surroundings) -> Registry:
    """Open the registry at `spec.endpoint`, read-only. Reaches nothing yet; writing has to be allowed."""
    store = HarborStore(HarborTransport(spec, surroundings))
    return HarborRegistry(spec, store, surroundings)


def is_harbor(spec: RegistrySpec, surroundings: Surroundings) -> bool:
    """Whether what answers at `spec.endpoint` is a Harbor. Raises RegistryError where no registry answers."""
    transport = HarborTransport(spec, surroundings)
    try:
        transport.ping()
        return HarborApi(transport).is_there()
    finally:
        transport.close()


class HarborRegistry(ListedRegistry):
    """A registry above a store of Harbor."""

    store: HarborStore

    def __init__(self, spec: RegistrySpec, store: HarborStore, surroundings: Surroundings) -> None:
        super().__init__(spec, store, surroundings)
        self._projects = Shared()
        self._closed: dict[str, bool] = {}
        """Projects whose artifacts the login may not list, and whether they are there: then all that is to be known of
        them is asked tag by tag."""

    def reads(self, wanted: Wanted) -> list[Read]:
        """One read per repository for its tags, and one per project; see `Registry`."""
        projects = [path for path in wanted.repositories if self._address(path).project]
        others = tuple(path for path in wanted.repositories if path not in projects)
        return [
            *super().reads(replace(wanted, repositories=others)),
            *(partial(self._read_project, path) for path in projects),
        ]

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        """Carry out one change; see `Registry`."""
        project = change.address.project or ""
        match change.type, change.action:
            case ResourceType.PROJECT, Action.CREATE:
                self._create_project(change, project)
            case ResourceType.PROJECT, Action.UPDATE:
                self._update_project(change, project)
            case _:
                super().execute(change, payload, sent)

    def _read_tags(self, path: str, tags: Sequence[str]) -> Reading:
        if self._may_list(path):
            reading = super()._read_tags(path, tags)
            if self._may_list(path):  # else it was just refused
                return reading
        return Reading(Observed(), tuple(StoreRegistry._reads_of_tags(self, path, tags)))

    def _read_repository(self, path: str, known: frozenset[str], listing: Listing) -> Reading:
        if self._may_list(path):
            reading = super()._read_repository(path, known, listing)
            if self._may_list(path):
                return reading
        return StoreRegistry._read_repository(self, path, known, listing)

    def _may_list(self, path: str) -> bool:
        """Whether the artifacts of a repository are listed for this login, as far as that is known. There is nothing to be
        listed of a missing project, which closes itself to all but administrators."""
        return not self._closed.get(path.partition("/")[0], False)

    def _list(self, path: str) -> Mapping[str, str]:
        project = path.partition("/")[0]
        there = self._closed.get(project)
        if there is None:
            try:
                return super()._list(path)
            except PermissionDenied:
                there = self._projects.get(project, lambda: self.store.has_project(project))
                self._closed[project] = there
        if there:
            raise PermissionDenied(f"the login may not list the artifacts of project {project}")
        raise NotFound(f"Harbor has no project {project}")

    def _artifact(self, address: Address, manifest: RawManifest) -> LiveArtifact:
        live = super()._artifact(address, manifest)
        return replace(live, immutable=self.store.is_immutable(address.path, address.tag or ""))

    def _read_base(self, path: str) -> Reading:
        """A base repository is there whatever it holds; who may not ask for it looks for what regsync pushes there."""

        def look() -> Observed:
            try:
                self.store.expect_repository(path)
            except PermissionDenied:
                self.store.head_manifest(path, base_repository_manifest().digest)
            address = self._address(path)
            return Observed(repositories={address: LiveRepository(address)})

        return Reading(self._observe(path, None, look))

    def _read_project(self, path: str) -> Reading:
        address = self._address(path)

        def look() -> Observed:
            settings = self.store.project(address.project or "", self.spec.project.settings)
            # There is no place for marks beside a project, so none are left to be read.
            return Observed(repositories={address: LiveRepository(address, settings, marks_read=True)})

        return Reading(replace(self._observe(path, None, look), notes=self._notes()))

    def _notes(self) -> tuple[str, ...]:
        if not self.store.has_default_login:
            return ()
        warning = (
            f"the password of {DEFAULT_LOGIN[0]} is the one that every Harbor begins with: change it, and give regsync a "
            "robot account of its own"
        )
        return (warning,)

    def _create_project(self, change: Change, project: str) -> None:
        wanted = dict(change.after or {})
        try:
            self.store.create_project(project, wanted)
        except Conflict:
            check_meanwhile(change, self.store.project(project, wanted))
        else:
            self._check_written(change, project, "it was created")

    def _update_project(self, change: Change, project: str) -> None:
        """Correct what differs, if it is still what the plan saw. A failure names what was done before."""
        wanted = change.after or {}
        done: list[str] = []
        for name in outstanding(change, self.store.project(project, wanted)):
            try:
                self.store.correct_project(project, name, wanted[name])
            except RegistryError as error:
                before = f"its {listed(done)} was set, " if done else ""
                raise _anew(error, f"{change.address}: {before}its {name} not: {error.message}") from error
            done.append(name)
        if done:
            self._check_written(change, project, f"its {listed(done)} was set")

    def _check_written(self, change: Change, project: str, done: str) -> None:
        """Read back what was written: Harbor passes over a storage limit that the login may not set."""
        wanted = change.after or {}
        try:
            live = self.store.project(project, wanted) if wanted else {}
        except RegistryError as error:
            message = f"{change.address}: {done}, but what came of it cannot be read: {error.message}"
            raise _anew(error, message) from error
        if names := differing(wanted, live):
            found = ", ".join(f"{name} {live.get(name)} instead of {wanted[name]}" for name in names)
            raise RegistryError(
                f"{change.address}: {done}, but with {found}",
                hint="Harbor heeds storage limits of system administrators only: have one of them set it, or leave "
                f"project.storageLimit out ({self.spec.at('project.storageLimit')})",
            )


def _anew(error: RegistryError, message: str) -> RegistryError:
    return type(error)(message, hint=error.hint, code=error.code, status=error.status)
