"""Declarations, packs and charts → desired state, with every conflict between them as a diagnostic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from regsync.content.chart import Chart, read_chart
from regsync.content.pack import Pack, read_pack
from regsync.model.declaration import ContentItem, Declaration
from regsync.model.diagnostic import Diagnostic, Explanation, Origin, Related, Severity
from regsync.model.events import ReadingFolders, Sink
from regsync.model.reference import REPOSITORY_LIMIT, Address, chart_tag, is_repository
from regsync.model.registry import Provider, Prune, RegistrySpec, RegistryType
from regsync.model.state import (
    DesiredAbsence,
    DesiredArtifact,
    DesiredRegistry,
    DesiredRepository,
    DesiredState,
)
from regsync.run.registrations import registered, unregistered
from regsync.run.upstream import Fetch, Upstream

ECR_PUBLIC_LIMIT = 205
"""Characters in a repository name, the alias not counted (Amazon ECR Public, CreateRepository)."""

_DOCUMENTS = {Provider.PACK: "pack.json", Provider.HELM: "Chart.yaml"}

CODES = {
    each.code: each
    for each in (
        Explanation(
            "RS301",
            Severity.ERROR,
            "one address with two contents",
            "Two entries of the manifests lead to the same registry, repository and tag, but their folders or "
            "archives hold different files. Only one of them can be there. Remove one entry, or raise the version in "
            "one pack.json or Chart.yaml. Two entries of equal content are fine: the first one counts.",
        ),
        Explanation(
            "RS302",
            Severity.ERROR,
            "an artifact is both wanted and declared absent",
            "A tombstone (`absent: name:version`) names an artifact that another entry asks for. Remove the "
            "tombstone, or the entry, or exclude the folder or archive from the glob that finds it.",
        ),
        Explanation(
            "RS303",
            Severity.ERROR,
            "a repository name that no registry accepts",
            "The base content path, for packs Palette's `spectro-packs/archive`, and the name of the pack or chart "
            "together are longer than 255 characters or break the grammar of repository names. Amazon ECR Public "
            "takes no more than 205 characters, and neither `--` nor `__`. Shorten the base content path or the name "
            "in pack.json or Chart.yaml.",
        ),
    )
}


Source: TypeAlias = Pack | Chart | Upstream
Sources: TypeAlias = Mapping[Address, Source]
"""What is to be pushed to each address."""

Local: TypeAlias = Pack | Chart
"""What lies in a folder or archive beside the manifests."""

Reader: TypeAlias = Callable[[ContentItem], tuple[Local | None, Sequence[Diagnostic]]]

_Read: TypeAlias = Mapping[tuple[Provider, Path], Local]


@dataclass(frozen=True, slots=True)
class Composed:
    """The desired state, as far as it could be made, where its content comes from, and what stands against it. `read` are
    the packs and charts, each once."""

    state: DesiredState
    sources: Sources
    read: tuple[Local, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_item(item: ContentItem) -> tuple[Local | None, Sequence[Diagnostic]]:
    """The pack or chart that an item names, and what is wrong with it."""
    if item.provider is Provider.HELM:
        chart = read_chart(item.local, item.shown)
        return chart.chart, chart.diagnostics
    pack = read_pack(item.local, item.shown)
    return pack.pack, pack.diagnostics


def compose(
    declarations: Sequence[Declaration],
    fetch: Fetch,
    *,
    files: int,
    sink: Sink,
    read_local: Reader = read_item,
) -> Composed:
    """Read every folder and archive once, however many registries name it, and lay them out over the registries, with the
    charts from elsewhere, which `fetch` gets when their bytes are needed."""
    items: dict[tuple[Provider, Path], ContentItem] = {}
    for item in _items(declarations):
        items.setdefault((item.provider, item.local), item)
    read: dict[tuple[Provider, Path], Local] = {}
    diagnostics: list[Diagnostic] = []
    for done, (key, item) in enumerate(items.items(), start=1):
        source, found = read_local(item)
        if source is not None:
            read[key] = source
        diagnostics += found
        sink(ReadingFolders(done, len(items)))
    registries = []
    sources: dict[Address, Source] = {}
    for declaration in declarations:
        registry, found = _registry(declaration, read, fetch, sources)
        registries.append(registry)
        diagnostics += found
    return Composed(
        DesiredState(tuple(sorted(registries, key=lambda each: each.spec.declared)), files),
        sources,
        tuple(read.values()),
        tuple(sorted(dict.fromkeys(diagnostics), key=Diagnostic.sort_key)),  # regions share what is wrong
    )


def as_source(desired: DesiredRegistry) -> DesiredRegistry:
    """`desired`, cut down to what other regions may copy from it: nothing else is looked at there."""
    policy = replace(desired.spec.policy, prune=Prune.OFF)
    spec = replace(desired.spec, policy=policy)
    return DesiredRegistry(spec, desired.artifacts, absences=(), repositories=())


def _items(declarations: Iterable[Declaration]) -> Iterable[ContentItem]:
    return (item for declaration in declarations for item in declaration.items)


def _registry(
    declaration: Declaration, read: _Read, fetch: Fetch, sources: dict[Address, Source]
) -> tuple[DesiredRegistry, list[Diagnostic]]:
    """What one live registry must hold, whose content is added to `sources`; and what stands against it."""
    spec = declaration.spec
    diagnostics: list[Diagnostic] = []
    artifacts: dict[Address, DesiredArtifact] = {}
    for artifact, source in (*_local(declaration, read), *_upstream(declaration, fetch)):
        first = artifacts.setdefault(artifact.address, artifact)
        sources.setdefault(artifact.address, source)
        if first.content.digest != artifact.content.digest:
            diagnostics.append(
                _conflict(
                    "RS301",
                    f"`{_anywhere(artifact.address)}` has two contents: {first.shown} and {artifact.shown}",
                    artifact.origin,
                    first.origin,
                    f"remove one entry, or raise the version in one {_DOCUMENTS[spec.provider]}",
                )
            )
        if flaw := _flaw(spec.type, artifact.address.path):
            diagnostics.append(
                Diagnostic(
                    "RS303",
                    Severity.ERROR,
                    flaw,
                    artifact.origin,
                    help=f"shorten the base content path or the {spec.provider.noun}'s name",
                )
            )
    absences: dict[Address, DesiredAbsence] = {}
    for tombstone in declaration.tombstones:
        address = Address(
            spec.name, spec.repository(tombstone.base_content_path, tombstone.name), tombstone.tag
        )
        absences.setdefault(address, DesiredAbsence(address, tombstone.origin))
        if address in artifacts:
            diagnostics.append(
                _conflict(
                    "RS302",
                    f"`{_anywhere(address)}` is both wanted and declared absent",
                    tombstone.origin,
                    artifacts[address].origin,
                    f"remove the tombstone, or keep {artifacts[address].shown} out with exclude",
                )
            )
    return (
        DesiredRegistry(
            spec,
            tuple(sorted(artifacts.values(), key=lambda each: each.address)),
            tuple(sorted(absences.values(), key=lambda each: each.address)),
            tuple(sorted(_repositories(spec, artifacts.values()), key=lambda each: each.address)),
            registered(declaration, artifacts.values()),
            unregistered(declaration),
        ),
        diagnostics,
    )


def _repositories(spec: RegistrySpec, artifacts: Iterable[DesiredArtifact]) -> list[DesiredRepository]:
    """The projects, the base repositories of packs, and where a push creates none also the repository of each artifact."""
    wanted: dict[Address, tuple[Origin, bool]] = {}
    if spec.repositories.base and spec.provider is Provider.PACK:
        for path in spec.base_content_paths:
            wanted[Address(spec.name, spec.repository(path))] = spec.at("baseContentPaths"), True
    explicit = spec.type.creates_repositories
    if explicit:
        for artifact in artifacts:
            wanted.setdefault(replace(artifact.address, tag=None), (artifact.origin, False))
    projects = [
        DesiredRepository(
            Address.of_project(spec.name, name),
            spec.at("baseContentPaths"),
            base=False,
            explicit=True,
            create=spec.project.create,
            settings=spec.project.settings,
        )
        for name in spec.projects
    ]
    return projects + [
        DesiredRepository(
            address,
            origin,
            base,
            explicit,
            create=spec.repositories.create,
            settings=spec.repositories.settings,
        )
        for address, (origin, base) in wanted.items()
    ]


def _flaw(kind: RegistryType, path: str) -> str | None:
    """Why a registry of this kind takes no repository of that name."""
    public = kind is RegistryType.ECR_PUBLIC
    limit = ECR_PUBLIC_LIMIT if public else REPOSITORY_LIMIT
    flaw = f"`{path}` is no repository name" + (" of Amazon ECR Public" if public else "")
    if len(path) > limit:
        return f"{flaw}: it has {len(path)} characters, and may have {limit}"
    if public and ("--" in path or "__" in path):
        return f"{flaw}: it holds `--` or `__`"
    return None if is_repository(path) else flaw


def _anywhere(address: Address) -> Address:
    """An address without its region: what is wrong is so in all of them and said once."""
    return replace(address, registry=address.registry.partition("@")[0])


def _local(declaration: Declaration, read: _Read) -> Iterator[tuple[DesiredArtifact, Source]]:
    for item in declaration.items:
        if source := read.get((item.provider, item.local)):
            yield _artifact(declaration.spec, item, source), source


def _upstream(declaration: Declaration, fetch: Fetch) -> Iterator[tuple[DesiredArtifact, Source]]:
    spec = declaration.spec
    for item in declaration.upstream:
        repository = spec.repository(item.base_content_path, item.chart.name)
        for pin in item.pins:
            source = Upstream(item.chart, pin, fetch)
            artifact = DesiredArtifact(
                address=Address(spec.name, repository, chart_tag(pin.version)),
                content=source.content,
                title="",
                shown=pin.source,
                origin=item.chart.origin,
                version_origin=item.chart.at("version"),
                packed=pin.size,
                verbatim=item.chart.is_oci,
            )
            yield artifact, source


def _artifact(spec: RegistrySpec, item: ContentItem, source: Local) -> DesiredArtifact:
    tag, title = (source.tag, "") if isinstance(source, Chart) else (source.version, source.title)
    return DesiredArtifact(
        address=Address(spec.name, spec.repository(item.base_content_path, source.name), tag),
        content=source.content,
        title=title,
        shown=source.shown,
        origin=item.origin,
        version_origin=source.version_origin,
    )


def _conflict(code: str, summary: str, origin: Origin, first: Origin, advice: str) -> Diagnostic:
    return Diagnostic(
        code,
        Severity.ERROR,
        summary,
        origin,
        help=advice,
        related=(Related(first, "the other entry"),),
    )
