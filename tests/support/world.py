"""A small world for whole runs: manifests and folders of several owners over registries in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from regsync.model.content import Content
from regsync.model.events import Event
from regsync.model.outcome import Outcome
from regsync.model.palette import PaletteSpec
from regsync.model.plan import Overrides, Plan, PlanRequest, Selection
from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings
from regsync.registries.memory import MemoryStore
from regsync.run.apply import Stop
from regsync.run.approval import approve
from regsync.run.replication import Patience
from regsync.run.workspace import Workspace
from tests.support.memory_palette import MemoryPalette, Registered
from tests.support.projects import ProjectRegistry, Projects
from tests.support.regions import Region, RegionRegistry

HASTE = Patience(shortest=0, longest=0, whole=60)
"""Replication in memory is there when it is asked for."""

Packs = Mapping[tuple[str, str], str]
"""Content by name and version."""


class Indexes(dict[str, tuple[Content | None]]):
    """Layer indexes that last as long as the world."""

    def put(self, layer_digest: str, content: Content | None) -> None:
        self[layer_digest] = (content,)


class World:
    """Owners with folders of packs and a manifest each, and the one registry that they all push to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = MemoryStore()
        self.projects: Projects = {}
        self.registered: dict[str, Registered] = {}
        """What each Palette has, by its host."""
        self.indexes = Indexes()
        self.events: list[Event] = []

    def declare(
        self,
        packs: Packs,
        *,
        owner: str = "platform",
        policy: Mapping[str, object] | None = None,
        absent: tuple[str, ...] = (),
        **spec: object,
    ) -> None:
        """Write `owner`'s folders and manifest anew; `spec` goes into the manifest as it stands."""
        home = self.root / owner
        shutil.rmtree(home, ignore_errors=True)
        for (name, version), text in packs.items():
            folder = home / "packs" / f"{name}-{version}"
            folder.mkdir(parents=True)
            (folder / "pack.json").write_text(json.dumps({"name": name, "version": version}))
            (folder / "values.yaml").write_text(text)
        home.mkdir(exist_ok=True)
        content: list[dict[str, str]] = [{"absent": each} for each in absent]
        if packs:
            content.append({"packs": "packs/*"})
        manifest = {
            "apiVersion": "regsync/v1",
            "kind": "Registry",
            "metadata": {"name": owner},
            "spec": {
                "provider": "pack",
                **self.place(),
                "baseContentPaths": ["team"],
                "policy": dict(policy or {}),
                "content": content,
                **spec,
            },
        }
        (home / "registry.yaml").write_text(json.dumps(manifest))

    def place(self) -> dict[str, object]:
        """The fields of a manifest that say where the registry is."""
        return {"type": "basic", "endpoint": "https://registry.example.com"}

    def stores(self) -> Mapping[str, MemoryStore]:
        """What there is to push to, each by how its tags are told from others'."""
        return {"": self.store}

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        for store in self.stores().values():
            store.read_only = True
        with Workspace(
            self.root,
            environment={},
            indexes=self.indexes,
            sink=self.events.append,
            opener=self._open,
            palette_opener=lambda spec, *_: self.palette(spec),
        ) as workspace:
            yield workspace

    def plan(self, owner: str = "platform", *targets: str, **wanted: object) -> Plan:
        with self.workspace() as workspace:
            return workspace.plan(a_request(owner, *targets, **wanted))[0]

    def apply(self, owner: str = "platform", *targets: str, **wanted: object) -> Outcome:
        """Plan and carry out what the guards let through."""
        with self.workspace() as workspace:
            plan, desired = workspace.plan(a_request(owner, *targets, **wanted))
            return workspace.apply(plan, desired, stop=Stop(), patience=HASTE)

    def apply_saved(self, approved: Plan) -> Outcome:
        with self.workspace() as workspace:
            fresh, desired = workspace.plan(approved.request)
            matched = approve(approved, fresh, gone=workspace.is_gone)
            return workspace.apply(
                matched.plan, desired, stop=Stop(), refused=matched.results, patience=HASTE
            )

    def tags(self) -> dict[str, str]:
        """Digest by `repository:tag` of all that there is, where there are regions with the region before it."""
        return {
            f"{where}{repository}:{tag}": store.head_manifest(repository, tag)
            for where, store in self.stores().items()
            for repository in store.repositories("")
            for tag in store.tags(repository)
        }

    def palette(self, spec: PaletteSpec) -> MemoryPalette:
        return MemoryPalette(spec, self.registered.setdefault(spec.host, {}))

    def _open(self, spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
        if spec.type.has_projects:
            return ProjectRegistry(spec, self.store, surroundings.indexes, self.projects)
        return StoreRegistry(spec, self.store, surroundings.indexes)


class RegionalWorld(World):
    """The same over a registry with several regions, of which the first is the default region of each owner."""

    def __init__(self, root: Path, *, replicated: bool = False) -> None:
        super().__init__(root)
        self.replicated = replicated
        self.regions = {name: Region() for name in ("us-east-1", "ap-south-1", "eu-west-1")}
        first, *others = self.regions
        if replicated:
            self.regions[first].replicas = {name: self.regions[name] for name in others}

    def place(self) -> dict[str, object]:
        host = "123456789012.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com"
        replicated = {"replicated": True} if self.replicated else {}
        return {
            "type": "ecr",
            "endpoint": host,
            "regions": list(self.regions),
            "repositories": replicated,
        }

    def stores(self) -> Mapping[str, MemoryStore]:
        return {f"{name}/": region for name, region in self.regions.items()}

    def _open(self, spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
        return RegionRegistry(spec, self.regions[spec.region or ""], surroundings.indexes)


def a_request(owner: str, *targets: str, **overrides: object) -> PlanRequest:
    return PlanRequest((f"{owner}/registry.yaml",), Selection(targets), Overrides(**overrides))  # type: ignore[arg-type]
