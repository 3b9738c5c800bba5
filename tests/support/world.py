"""A small world for whole runs: manifests and folders of several owners over one registry in memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from regsync.model.content import Content
from regsync.model.events import Event
from regsync.model.outcome import Outcome
from regsync.model.plan import Overrides, Plan, PlanRequest, Selection
from regsync.model.registry import RegistrySpec
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Surroundings
from regsync.registries.memory import MemoryStore
from regsync.run.apply import Stop
from regsync.run.approval import approve
from regsync.run.workspace import Workspace

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
        self.indexes = Indexes()
        self.events: list[Event] = []

    def declare(
        self,
        packs: Packs,
        *,
        owner: str = "platform",
        policy: Mapping[str, object] | None = None,
        absent: tuple[str, ...] = (),
    ) -> None:
        """Write `owner`'s folders and manifest anew."""
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
                "type": "basic",
                "endpoint": "https://registry.example.com",
                "baseContentPaths": ["team"],
                "policy": dict(policy or {}),
                "content": content,
            },
        }
        (home / "registry.yaml").write_text(json.dumps(manifest))

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        self.store.read_only = True
        with Workspace(
            self.root, environment={}, indexes=self.indexes, sink=self.events.append, opener=self._open
        ) as workspace:
            yield workspace

    def plan(self, owner: str = "platform", **wanted: object) -> Plan:
        with self.workspace() as workspace:
            return workspace.plan(a_request(owner, **wanted))[0]

    def apply(self, owner: str = "platform", **wanted: object) -> Outcome:
        """Plan and carry out what the guards let through."""
        with self.workspace() as workspace:
            plan, desired = workspace.plan(a_request(owner, **wanted))
            return workspace.apply(plan, desired, stop=Stop())

    def apply_saved(self, approved: Plan) -> Outcome:
        with self.workspace() as workspace:
            fresh, desired = workspace.plan(approved.request)
            matched = approve(approved, fresh, gone=workspace.is_gone)
            return workspace.apply(matched.plan, desired, stop=Stop(), refused=matched.results)

    def tags(self) -> dict[str, str]:
        """Digest by `repository:tag` of all that is in the registry."""
        return {
            f"{repository}:{tag}": self.store.head_manifest(repository, tag)
            for repository in self.store.repositories("")
            for tag in self.store.tags(repository)
        }

    def _open(self, spec: RegistrySpec, surroundings: Surroundings) -> StoreRegistry:
        return StoreRegistry(spec, self.store, surroundings.indexes)


def a_request(owner: str, **overrides: object) -> PlanRequest:
    return PlanRequest((f"{owner}/registry.yaml",), Selection(), Overrides(**overrides))  # type: ignore[arg-type]
