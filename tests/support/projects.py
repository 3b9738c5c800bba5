"""A registry in memory whose repositories lie in projects, which must be there before anything is pushed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from regsync.model.errors import RegistryError
from regsync.model.plan import Change, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.settings import Json
from regsync.model.state import LiveRepository, Observed
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Copied, LayerIndexes, Payload, Read, Reading, Wanted
from regsync.registries.memory import MemoryStore

Projects = dict[Address, dict[str, Json]]
"""The settings of each project."""


class ProjectRegistry(StoreRegistry):
    """A live registry above a store and the projects that are kept beside it."""

    def __init__(
        self, spec: RegistrySpec, store: MemoryStore, indexes: LayerIndexes, projects: Projects
    ) -> None:
        super().__init__(spec, store, indexes)
        self.projects = projects

    def reads(self, wanted: Wanted) -> list[Read]:
        addresses = [Address(self.spec.name, path) for path in wanted.repositories]
        others = tuple(each.path for each in addresses if each.project is None)
        return [
            *super().reads(replace(wanted, repositories=others)),
            *(partial(self._read_project, each) for each in addresses if each.project is not None),
        ]

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        if change.type is ResourceType.PROJECT:
            self.projects.setdefault(change.address, {}).update(change.after or {})
        elif change.address.within[-1] not in self.projects:
            raise RegistryError(f"{change.address} lies in no project")
        else:
            super().execute(change, payload, sent)

    def _read_project(self, address: Address) -> Reading:
        if address not in self.projects:
            return Reading(Observed(absent=frozenset({address})))
        live = LiveRepository(address, {**self.projects[address]}, marks_read=True)
        return Reading(Observed(repositories={address: live}))
