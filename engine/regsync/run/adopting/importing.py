"""Writes manifests for what is live in registries, so that the next plan has nothing to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from regsync.manifest.write import render_drafts
from regsync.model.draft import Draft, Imported, Seen, Target, Written
from regsync.model.errors import RegistryError, RegsyncError, UsageError
from regsync.model.events import Observing, Sink
from regsync.model.reference import Address
from regsync.model.registry import PACK_NAMESPACE, Provider, RegistrySpec, RegistryType
from regsync.model.state import LiveArtifact, Observed, Unreadable, UnreadableScope
from regsync.registries.base import LayerIndexes, Registry, Wanted
from regsync.run.adopting.drafting import (
    advice,
    agreed,
    as_typed,
    beside,
    declared,
    in_regions,
    login,
    named,
    path_from,
    refuse_declared,
)
from regsync.run.adopting.files import refuse_existing, write_manifest
from regsync.run.adopting.pulling import Judged, Puller
from regsync.run.adopting.survey import SortedOut, repositories, sort_out, survey
from regsync.run.observe import read_all
from regsync.run.threads import results


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be imported. `out` is the file to write, None for one per registry in registries/; `folder` is where
    packs and charts go, None where they stay; `repositories` are all there are where nobody tells; `connect_to` and
    `ca_file` are how registries are reached. Paths are relative to the root of the run."""

    targets: tuple[Target, ...]
    out: Path | None = None
    folder: Path | None = None
    repositories: tuple[str, ...] = ()
    connect_to: str | None = None
    ca_file: Path | None = None

    def file(self, target: Target) -> Path:
        """Where the documents of a registry go."""
        return self.out or Path("registries", f"{target.slug}.yaml")


@dataclass(slots=True)
class Importer:
    """One import. `open` opens a registry that reads no layers, `tell_type` asks one what it is."""

    root: Path
    open: Callable[[RegistrySpec], Registry]
    tell_type: Callable[[RegistrySpec], RegistryType]
    indexes: LayerIndexes
    pool: ThreadPoolExecutor
    sink: Sink
    unreadable: list[Unreadable] = field(default_factory=list)
    elsewhere: list[Seen] = field(default_factory=list)
    expected: frozenset[str] = frozenset()
    pulled: int = 0
    known: int = 0
    aside: list[tuple[str, str]] = field(default_factory=list)
    others: dict[Path, list[RegistrySpec]] = field(default_factory=dict)

    def run(self, wish: Wish) -> Imported:
        """Read all registries, and write what could be read. Raises Refused before any layer is read where a file is there
        already, or one beside it declares the same; RegsyncErrors where there is nothing to write."""
        self.expected = frozenset(wish.repositories)
        files = dict.fromkeys(wish.file(target) for target in wish.targets)
        for file in files:
            refuse_existing(self.root, file)
            self.others[file] = beside(self.root, file)
        drafts: dict[Path, list[tuple[Target, Draft]]] = {file: [] for file in files}
        with ExitStack() as exits:
            puller = self._puller(wish, exits)
            for target in wish.targets:
                before = len(self.unreadable)
                try:
                    found = self._drafts(target, wish, puller)
                except RegistryError as error:
                    self.unreadable.append(
                        Unreadable(str(target), UnreadableScope.REGISTRY, error.message, hint=error.hint)
                    )
                else:
                    drafts[wish.file(target)] += [(target, each) for each in found]
                self.unreadable[before:] = [
                    _as_typed(each, target, wish.file(target)) for each in self.unreadable[before:]
                ]
        written = [self._write(file, found) for file, found in drafts.items() if found]
        if not written and not self.unreadable:
            raise RegsyncError(
                f"there are neither packs nor charts in {', '.join(str(each) for each in wish.targets)}",
                hint="is the path right? without one, the whole registry is looked at",
            )
        return Imported(
            tuple(written),
            tuple(self.unreadable),
            tuple(self.elsewhere),
            wish.folder.as_posix() if wish.folder else None,
            self.pulled,
            self.known,
            tuple(self.aside),
        )

    def _puller(self, wish: Wish, exits: ExitStack) -> Puller:
        folder = None if wish.folder is None else self.root / wish.folder
        try:
            if folder is not None:
                missing = [each for each in (folder, *folder.parents) if not each.exists()]
                exits.callback(_remove_empty, missing)
                folder.mkdir(parents=True, exist_ok=True)
            scratch = tempfile.TemporaryDirectory(prefix=".regsync-", dir=folder, ignore_cleanup_errors=True)
        except OSError as failure:
            raise UsageError(f"cannot write to {wish.folder}: {failure.strerror}") from None
        shown = wish.folder.as_posix() if wish.folder else ""
        return Puller(folder, shown, Path(exits.enter_context(scratch)), self.indexes)

    def _drafts(self, target: Target, wish: Wish, puller: Puller) -> list[Draft]:
        """The documents for one registry."""
        draft = self._draft(target, wish)
        file = wish.file(target)
        packs = self._open(draft, file)
        names = [*wish.repositories] or repositories(packs, target.prefixes, _advice(target))
        sorted_out = sort_out(names)
        refuse_declared(packs.spec, sorted_out.bases, self.others[file])
        found = [self._packs(draft, packs, sorted_out, puller, file)] if sorted_out.bases else []
        self.elsewhere += [each for each in sorted_out.odd if each.base not in sorted_out.bases]
        if sorted_out.others:
            charts = replace(
                draft, name=f"{draft.name}-charts", provider=Provider.HELM, base_content_paths=("import",)
            )
            registry = self._open(charts, file)
            above = dict.fromkeys(base for base, _ in sorted_out.others.values())
            refuse_declared(registry.spec, above, self.others[file])
            found += self._charts(charts, registry, sorted_out.others, puller, file)
        return found

    def _draft(self, target: Target, wish: Wish) -> Draft:
        """What is known of a registry before anything in it is."""
        file = wish.file(target)
        name = f"{target.slug}-{target.region}" if target.region else target.slug
        endpoint = target.endpoint
        if target.type is RegistryType.LAYOUT:
            endpoint = path_from(self.root, file, endpoint)
        ca_file = path_from(self.root, file, wish.ca_file.as_posix()) if wish.ca_file else None
        draft = Draft(
            name,
            Provider.PACK,
            target.type or RegistryType.BASIC,
            endpoint,
            ("import",),
            region=target.region,
            connect_to=wish.connect_to,
            ca_file=ca_file,
        )
        if target.type is None:
            draft = replace(draft, type=self.tell_type(declared(draft, self.root, file)))
        if draft.type.has_projects:  # settings are read where they are written
            draft = replace(draft, project={"public": False})
        if draft.type.creates_repositories:  # a missing one may be that of another account
            draft = replace(draft, settings={"create": False})
        return draft

    def _open(self, draft: Draft, file: Path) -> Registry:
        return self.open(declared(draft, self.root, file))

    def _packs(
        self, draft: Draft, registry: Registry, sorted_out: SortedOut, puller: Puller, file: Path
    ) -> Draft:
        bases = sorted_out.bases
        seen = self._seen(registry, sorted_out.packs, puller, file, is_chart=False)
        seen += [each for each in sorted_out.odd if each.base in bases]
        draft = replace(draft, base_content_paths=tuple(bases), seen=_ordered(seen))
        base_repositories = {base: registry.spec.repository(base) for base in bases}
        explicit = draft.type.creates_repositories
        live = self._repositories(
            registry, [*base_repositories.values(), *(sorted_out.packs if explicit else ())], draft
        )
        there = {each.path for each in live.repositories}
        stays = {each.base for each in draft.managed if each.local} if not explicit else set()
        base = all(path in there or name in stays for name, path in base_repositories.items())
        return _with_settings(replace(draft, base=base), live)

    def _charts(
        self,
        draft: Draft,
        registry: Registry,
        paths: Mapping[str, tuple[str, str]],
        puller: Puller,
        file: Path,
    ) -> list[Draft]:
        """A document for charts beneath base content paths, and one for those at the top of the registry."""
        seen = self._seen(registry, paths, puller, file, is_chart=True)
        bases = {each.base for each in seen if not each.reason}
        others = {Seen(each.base, each.name) for each in seen if each.base not in bases}
        self.elsewhere += sorted(others, key=lambda each: (each.base, each.name))
        found = []
        for chosen in (sorted(bases - {""}), [""] if "" in bases else []):
            if chosen:
                mine = [each for each in seen if each.base in chosen]
                made = replace(draft, base_content_paths=tuple(chosen), seen=_ordered(mine))
                explicit = [path for path, (base, _) in paths.items() if base in chosen]
                wanted = explicit if draft.type.creates_repositories else []
                found.append(_with_settings(made, self._repositories(registry, wanted, made)))
        return found

    def _seen(
        self,
        registry: Registry,
        paths: Mapping[str, tuple[str, str]],
        puller: Puller,
        file: Path,
        *,
        is_chart: bool,
    ) -> list[Seen]:
        """All artifacts in some repositories, each judged, and pulled where that is wanted."""
        observed = survey(registry, [*paths], pool=self.pool, sink=self.sink)
        self.unreadable += observed.unreadable
        artifacts = [each for _, each in sorted(observed.artifacts.items())]
        self.unreadable += _missing(registry, self.expected & paths.keys(), observed)

        def judge(live: LiveArtifact) -> Judged | Unreadable:
            try:
                return puller.judge(registry, live, is_chart=is_chart)
            except RegistryError as error:
                return _unreadable(live.address, error.message, error.hint)

        seen = []
        verdicts = results(self.pool, judge, artifacts)
        for done, (live, judged) in enumerate(zip(artifacts, verdicts, strict=True), start=1):
            self.sink(Observing(done, len(artifacts)))
            if isinstance(judged, Unreadable):
                self.unreadable.append(judged)
                continue
            base, name = paths[live.address.path]
            local = self._put(puller, judged, live, file, is_chart=is_chart)
            tag = live.address.tag or ""
            seen.append(Seen(base, name, tag, live.digest, judged.content, local, judged.reason))
        return seen

    def _put(self, puller: Puller, judged: Judged, live: LiveArtifact, file: Path, *, is_chart: bool) -> str:
        """Where an artifact lies now, as its manifest names it; empty where it was not to be pulled."""
        if judged.reason or not puller.pulls:
            return ""
        place = puller.put(judged, live, is_chart=is_chart)
        if place is None:
            why = "it is not pulled: something else lies where it would go"
            self.unreadable.append(_unreadable(live.address, why, "move that away, or name another folder"))
            return ""
        self.known += judged.known is not None
        self.pulled += judged.known is None
        if (taken := puller.taken(place)) is not None:
            self.aside.append((puller.show(taken), puller.show(place)))
        return path_from(self.root, file, puller.show(place))

    def _repositories(self, registry: Registry, paths: Sequence[str], draft: Draft) -> Observed:
        """Repositories and, where there are such, the projects of a document's base content paths."""
        projects = []
        if draft.type.has_projects:
            names = dict.fromkeys(path.partition("/")[0] for path in draft.base_content_paths)
            projects = [Address.of_project(registry.spec.name, name).path for name in names]
        wanted = Wanted(repositories=(*dict.fromkeys(paths), *projects))
        [(_, observed)] = read_all({"": registry.reads(wanted)}, self.pool, self.sink).items()
        self.unreadable += observed.unreadable
        return observed

    def _write(self, file: Path, found: Sequence[tuple[Target, Draft]]) -> Written:
        slug = found[0][0].slug
        taken = {each.declared for each in self.others[file]}
        drafts = named(in_regions([draft for _, draft in found]), slug, taken)
        targets = dict.fromkeys(str(target) for target, _ in found)
        comment = f"What was live in {', '.join(targets)} when `regsync import` looked."
        write_manifest(self.root, file, render_drafts(drafts, comment))
        return Written(file.as_posix(), tuple(drafts))


def _with_settings(draft: Draft, live: Observed) -> Draft:
    """The document with the settings on which its repositories, and its projects, agree."""
    projects = [each.settings for address, each in live.repositories.items() if address.project]
    others = [each.settings for address, each in live.repositories.items() if not address.project]
    return replace(draft, settings=agreed(others), project=agreed(projects))


def _missing(registry: Registry, expected: Iterable[str], observed: Observed) -> list[Unreadable]:
    """The repositories that the user has named and that hold nothing."""
    found = {each.path for each in observed.artifacts} | {each.path for each in observed.unreadable}
    return [
        Unreadable(
            registry.spec.name,
            UnreadableScope.REPOSITORY,
            "there is no such repository, or nothing in it",
            path,
        )
        for path in sorted(expected)
        if path not in found
    ]


def _ordered(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(seen, key=lambda each: (each.base, each.name, each.tag)))


def _unreadable(address: Address, reason: str, hint: str | None) -> Unreadable:
    return Unreadable(address.registry, UnreadableScope.TAG, reason, address.path, address.tag, hint)


def _as_typed(unreadable: Unreadable, target: Target, file: Path) -> Unreadable:
    return replace(
        unreadable,
        reason=as_typed(unreadable.reason, file, target),
        hint=advice(unreadable.hint, file, target),
    )


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that were made for what then did not come."""
    with suppress(OSError):
        for each in folders:
            each.rmdir()


def _advice(target: Target) -> str:
    path = f"{target.paths[0] if target.paths else 'team'}/{PACK_NAMESPACE}/nginx"
    return (
        f"name them, each in full: regsync import {target} --repository {path} --repository …; or, as somebody who may "
        f"list them, {login(target)}"
    )
