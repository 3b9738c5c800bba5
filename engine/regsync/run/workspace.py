"""One run over a set of manifests: loads, opens the registries it needs, plans and applies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

from regsync.manifest.load import Variables, load
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import Diagnostic, Severity, has_errors
from regsync.model.draft import Imported, Strays, Target
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.model.events import Found, Planned, Sink
from regsync.model.outcome import Outcome, Result
from regsync.model.plan import Change, Plan, PlanRequest, Selection
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.state import DesiredState, LiveState, Unreadable
from regsync.model.upstream import Locking
from regsync.palette.base import Opener as PaletteOpener
from regsync.palette.base import Palette, open_palette
from regsync.planner.build import build_plan, is_reached
from regsync.registries.base import (
    LayerIndexes,
    Manifests,
    NoManifests,
    Registry,
    Surroundings,
    open_registry,
    tell_type,
)
from regsync.run.adopting.first import First, first_manifest
from regsync.run.adopting.importing import Importer, Wish
from regsync.run.adopting.strays import find_strays
from regsync.run.adopting.survey import Unread
from regsync.run.apply import Stop, apply
from regsync.run.desired import Local, Sources, as_source, compose
from regsync.run.diffs import add_diffs
from regsync.run.lock import lock
from regsync.run.observe import observe
from regsync.run.registrar import Registrar
from regsync.run.replication import PATIENCE, Patience
from regsync.run.revisions.base import BaseState, Since, base_state, labelled
from regsync.run.revisions.left import left_behind
from regsync.sources.archives import Archives
from regsync.sources.base import Means
from regsync.sources.upstreams import Upstreams

LARGEST_POOL = 64
"""Threads at most, however many registries there are."""

Opener = Callable[[RegistrySpec, Surroundings], Registry]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the manifests, packs and charts say, without a look at any registry; see `Composed`."""

    desired: DesiredState
    sources: Sources
    read: tuple[Local, ...]
    diagnostics: tuple[Diagnostic, ...]


class Workspace:
    """A context manager that owns the open registries and the threads of one run.

    `root` is the directory that paths are relative to. `opener` is replaced by tests that inject a registry.
    """

    def __init__(
        self,
        root: Path,
        *,
        environment: Mapping[str, str],
        indexes: LayerIndexes,
        sink: Sink,
        manifests: Manifests | None = None,
        parallelism: int = 8,
        trace: Callable[[str], None] = lambda line: None,
        opener: Opener = open_registry,
        palette_opener: PaletteOpener = open_palette,
        archives: Archives | None = None,
    ) -> None:
        self.root = root
        self._archives = archives or Archives()
        self._surroundings = Surroundings(
            environment, parallelism, indexes, trace, manifests=manifests or NoManifests()
        )
        self._sink = sink
        self._opener = opener
        self._registries: dict[str, Registry] = {}
        self._palette_opener = palette_opener
        self._palettes: dict[str, Palette] = {}
        self._sources: Sources = {}
        self._live = LiveState({})
        self._declared = DesiredState((), files=0)
        """All that the manifests of the last plan say, whatever its selection reached."""
        self._exits = ExitStack()
        self._exits.callback(self._archives.close)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            # Who interrupts a run does not wait for reads that hang.
            self._pool.shutdown(wait=error is None, cancel_futures=True)
        self._exits.close()

    def check(self, paths: Sequence[str], variables: Variables) -> Checked:
        """Read manifests and folders; never raises for what is in them."""
        loaded = load(
            [Path(path) for path in paths],
            root=self.root,
            variables=variables,
        )
        upstreams = self._upstreams(loaded.declarations)
        composed = compose(loaded.declarations, upstreams.fetch_pinned, files=loaded.files, sink=self._sink)
        diagnostics = sorted((*loaded.diagnostics, *composed.diagnostics), key=Diagnostic.sort_key)
        return Checked(composed.state, composed.sources, composed.read, tuple(diagnostics))

    def lock(
        self, paths: Sequence[str], variables: Variables, *, update: Collection[str], now: datetime
    ) -> Locking:
        """Pin the charts that manifests take from elsewhere; see `lock`.

        Raises ManifestInvalid where the manifests have errors, UsageError where none of them asks for a chart of
        `update`.
        """
        loaded = load(
            [Path(path) for path in paths],
            root=self.root,
            variables=variables,
            pinned=False,
        )
        if has_errors(loaded.diagnostics):
            raise ManifestInvalid(loaded.diagnostics)
        names = {item.chart.name for each in loaded.declarations for item in each.upstream}
        for name in sorted(set(update) - names):
            known = ", ".join(sorted(names)) or "none at all"
            raise UsageError(
                f"no manifest takes a chart called {name} from elsewhere",
                hint=f"charts from elsewhere: {known}",
            )
        return lock(
            loaded.declarations,
            loaded.paths,
            self._upstreams(loaded.declarations),
            root=self.root,
            update=update,
            now=now,
            pool=self._threads(),
        )

    def adopt(self, wish: Wish) -> Imported:
        """Write manifests for what is live; see `Importer`."""
        around = replace(self._surroundings, indexes=Unread())
        return Importer(
            self.root,
            lambda spec: self._open(spec, around),
            lambda spec: tell_type(spec, around),
            self._surroundings.indexes,
            self._threads(),
            self._sink,
        ).run(wish)

    def begin(self, target: Target, packs: Path, out: Path | None) -> First:
        """Write a first manifest; see `first_manifest`."""
        surroundings = self._surroundings
        return first_manifest(
            target, packs, out, root=self.root, tell_type=lambda spec: tell_type(spec, surroundings)
        )

    def strays(self, paths: Sequence[str], variables: Variables) -> tuple[list[Strays], list[Unreadable]]:
        """What no manifest names; see `find_strays`. Raises ManifestInvalid where the manifests have errors."""
        checked = self.check(paths, variables)
        if has_errors(checked.diagnostics):
            raise ManifestInvalid(checked.diagnostics)
        around = replace(self._surroundings, indexes=Unread())
        for each in checked.desired.registries:
            self._open(each.spec, around)
        return find_strays(checked.desired, self._registries, pool=self._threads(), sink=self._sink)

    def _upstreams(self, declarations: Iterable[Declaration]) -> Upstreams:
        """Where charts from elsewhere come from; reached when they are needed."""
        around = self._surroundings
        means = Means(around.environment, self._archives, around.parallelism, around.trace)
        upstreams = Upstreams((item.chart for each in declarations for item in each.upstream), means)
        self._exits.callback(upstreams.close)
        return upstreams

    @contextmanager
    def base(self, since: Since, paths: Sequence[str], checked: Checked) -> Iterator[BaseState]:
        """What was desired at a merge base; `checked` is what is desired now. See `base_state`."""
        with base_state(
            since,
            paths,
            root=self.root,
            environment=self._surroundings.environment,
            read=checked.read,
            fetch=self._upstreams(()).fetch_pinned,
        ) as then:
            yield then

    def plan(self, request: PlanRequest, since: Since | None = None) -> tuple[Plan, DesiredState]:
        """Compare manifests and live registries, those that the selection can reach; and with `since` tell which changes
        came with what the manifests say since then.

        Raises ManifestInvalid where the manifests have errors, UsageError where nothing can be told `since` then.
        """
        checked = self.check(request.paths, Variables(request.variables))
        if has_errors(checked.diagnostics):
            raise ManifestInvalid(checked.diagnostics)
        if not checked.desired.registries:
            raise UsageError(
                f"nothing to compare: no document of kind Registry in {', '.join(request.paths)}",
                hint="name the file that declares the registry, too",
            )
        then = None
        if since:
            with self.base(since, request.paths, checked) as then:
                pass  # its packs are not needed any more
        self._sources = checked.sources
        self._declared = checked.desired
        desired, notes = _reached(checked.desired, request.selection)
        registries = self.registries(desired)
        self._live = observe(
            desired, registries, self.palettes(desired), pool=self._threads(), sink=self._sink
        )
        plan = build_plan(request, desired, self._live)
        if then:
            plan = labelled(plan, then, self._live)
            notes += left_behind(
                then.desired, checked.desired, plan, registries, pool=self._threads(), sink=self._sink
            )
        plan = add_diffs(plan, checked.sources, self._live, registries, pool=self._threads())
        warnings = [each for each in checked.diagnostics if each.severity is Severity.WARNING]
        for each in warnings:
            self._sink(Found(each))
        spoken = [f"{each.origin}: {each.summary}" for each in warnings]
        plan = replace(plan, notes=(*spoken, *notes, *plan.notes))
        self._sink(Planned(plan, self.requests))
        return plan, desired

    def idle(self, request: PlanRequest) -> list[str]:
        """The targets and excludes of `request`, for which the last plan was made, that match nothing.

        They are held against all that the manifests name, and all that the plan would hold without excludes.
        Where a part of that is unreadable nobody can tell.
        """
        targets, excludes = request.selection.targets, request.selection.excludes
        desired, _ = _reached(self._declared, request.selection)
        whole = build_plan(replace(request, selection=Selection(targets)), desired, self._live)
        if whole.errored:
            return []
        known: list[Address] = [change.address for change in whole.changes]
        for each in self._declared.registries:
            known += (one.address for one in each.artifacts)
            known += (one.address for one in each.absences)
            known += (one.address for one in each.repositories)
            known += (one.address for one in each.of_palette)
        registries = [each.spec.name for each in self._declared.registries]
        idle = [target for target in targets if not any(one.matches(target) for one in known)]
        for exclude in excludes:
            whole_registry = any(Selection.leaves_out(name, exclude) for name in registries)
            if not whole_registry and not any(one.matches(exclude) for one in known):
                idle.append(exclude)
        return idle

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by live registry."""
        registries = {name: registry.requests for name, registry in sorted(self._registries.items())}
        return {**registries, **self._registrar(self._declared).requests}

    def is_gone(self, change: Change) -> bool:
        """Whether the last plan saw, at the same endpoint, that what `change` was to delete is not there."""
        address = change.address
        observed = self._live.registries.get(address.registry)
        if observed is None or self._registries[address.registry].spec.binding() != change.binding:
            return False
        listed = any(address.path.startswith(prefix) for prefix in observed.listed)
        return address in observed.absent or (listed and address not in observed.artifacts)

    def apply(
        self,
        plan: Plan,
        desired: DesiredState,
        *,
        stop: Stop,
        fail_fast: bool = False,
        refused: Sequence[Result] = (),
        patience: Patience = PATIENCE,
    ) -> Outcome:
        """Carry out `plan`, which this workspace made."""
        return apply(
            plan,
            desired,
            self._sources,
            self._registries,
            self._registrar(desired),
            pool=self._threads(),
            sink=self._sink,
            stop=stop,
            fail_fast=fail_fast,
            refused=refused,
            patience=patience,
        )

    def registries(self, desired: DesiredState) -> Mapping[str, Registry]:
        """The live registries of `desired`, opened read-only on first use."""
        for each in desired.registries:
            if each.spec.name not in self._registries:
                self._open(each.spec, self._surroundings)
        return self._registries

    def palettes(self, desired: DesiredState) -> Mapping[str, Palette]:
        """The Palettes of `desired`, opened read-only on first use."""
        around = self._surroundings
        for registry in desired.registries:
            for each in registry.of_palette:
                spec = each.spec.palette
                if spec.name not in self._palettes:
                    palette = self._palette_opener(spec, around.environment, around.trace)
                    self._exits.callback(palette.close)
                    self._palettes[spec.name] = palette
        return self._palettes

    def open_anew(self, spec: RegistrySpec) -> Registry:
        """Open a live registry read-only, for whoever closes it."""
        return self._opener(spec, self._surroundings)

    def _registrar(self, desired: DesiredState) -> Registrar:
        return Registrar(desired, self._palettes, self.open_anew)

    def _open(self, spec: RegistrySpec, surroundings: Surroundings) -> Registry:
        registry = self._registries[spec.name] = self._opener(spec, surroundings)
        self._exits.callback(registry.close)
        return registry

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            wanted = self._surroundings.parallelism * max(1, len(self._registries)) + len(self._palettes)
            self._pool = ThreadPoolExecutor(min(wanted, LARGEST_POOL))
        return self._pool


def _reached(desired: DesiredState, selection: Selection) -> tuple[DesiredState, list[str]]:
    """What of `desired` is looked at, and notes on the rest: all that the selection can reach, and of other regions of
    the same documents what may be copied from them."""
    reached = {each.spec.name for each in desired.registries if is_reached(each, selection)}
    documents = {name.partition("@")[0] for name in reached}
    kept, sources, left_out = [], [], []
    for each in desired.registries:
        if each.spec.name in reached:
            kept.append(each)
        elif each.spec.declared in documents:
            kept.append(as_source(each))
            sources.append(each.spec.name)
        else:
            left_out.append(each.spec.name)
    notes = []
    if sources:
        notes.append(f"outside the selection, looked at only to copy from: {', '.join(sorted(sources))}")
    if left_out:
        notes.append(f"not looked at, being outside the selection: {', '.join(sorted(left_out))}")
    return replace(desired, registries=tuple(kept)), notes
