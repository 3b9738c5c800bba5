"""Declarations and pack folders → desired state, with every conflict between them as a diagnostic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regsync.content.pack import Pack, PackRead, read_pack
from regsync.model.diagnostic import Diagnostic, Explanation, Origin, Related, Severity
from regsync.model.events import ReadingFolders, Sink
from regsync.model.reference import Address, is_repository
from regsync.model.registry import ContentItem, Declaration, Prune, RegistrySpec, RegistryType
from regsync.model.state import (
    DesiredAbsence,
    DesiredArtifact,
    DesiredRegistry,
    DesiredRepository,
    DesiredState,
)

ECR_PUBLIC_LIMIT = 205
"""Characters in a repository name, the alias not counted (Amazon ECR Public, CreateRepository)."""

CODES = {
    each.code: each
    for each in (
        Explanation(
            "RS301",
            Severity.ERROR,
            "one address with two contents",
            "Two entries of the manifests lead to the same registry, repository and tag, but their folders hold "
            "different files. Only one of them can be there. Remove one entry, or raise the version in one "
            "pack.json. Two entries of equal content are fine: the first one counts.",
        ),
        Explanation(
            "RS302",
            Severity.ERROR,
            "an artifact is both wanted and declared absent",
            "A tombstone (`absent: name:version`) names an artifact that another entry asks for. Remove the "
            "tombstone, or the entry, or exclude the folder from the glob that finds it.",
        ),
        Explanation(
            "RS303",
            Severity.ERROR,
            "a repository name that no registry accepts",
            "The base content path, Palette's `spectro-packs/archive` and the pack's name together are longer "
            "than 255 characters or break the grammar of repository names. Amazon ECR Public takes no more than "
            "205 characters, and neither `--` nor `__`. Shorten the base content path or the name in pack.json.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Composed:
    """The desired state, as far as it could be made, and what stands against it."""

    state: DesiredState
    packs: tuple[Pack, ...]
    diagnostics: tuple[Diagnostic, ...]


def compose(declarations: Sequence[Declaration], *, files: int, sink: Sink) -> Composed:
    """Read every folder once, however many registries name it, and lay the packs out over the registries."""
    shown: dict[Path, str] = {}
    for item in _items(declarations):
        shown.setdefault(item.local, item.shown)
    reads: dict[Path, PackRead] = {}
    for done, (folder, name) in enumerate(shown.items(), start=1):
        reads[folder] = read_pack(folder, name)
        sink(ReadingFolders(done, len(shown)))
    diagnostics = [each for read in reads.values() for each in read.diagnostics]
    registries = []
    for declaration in declarations:
        registry, found = _registry(declaration, reads)
        registries.append(registry)
        diagnostics += found
    return Composed(
        DesiredState(tuple(sorted(registries, key=lambda each: each.spec.declared)), files),
        tuple(read.pack for read in reads.values() if read.pack is not None),
        tuple(sorted(dict.fromkeys(diagnostics), key=Diagnostic.sort_key)),  # regions share what is wrong
    )


def as_source(desired: DesiredRegistry) -> DesiredRegistry:
    """`desired`, cut down to what other regions may copy from it: nothing else is looked at there."""
    policy = replace(desired.spec.policy, prune=Prune.OFF)
    return replace(desired, spec=replace(desired.spec, policy=policy), absences=(), repositories=())


def _items(declarations: Iterable[Declaration]) -> Iterable[ContentItem]:
    return (item for declaration in declarations for item in declaration.items)


def _registry(
    declaration: Declaration, reads: dict[Path, PackRead]
) -> tuple[DesiredRegistry, list[Diagnostic]]:
    spec = declaration.spec
    diagnostics: list[Diagnostic] = []
    artifacts: dict[Address, DesiredArtifact] = {}
    for item in declaration.items:
        pack = reads[item.local].pack
        if pack is None:
            continue
        artifact = _artifact(spec, item, pack)
        first = artifacts.setdefault(artifact.address, artifact)
        if first.content.digest != artifact.content.digest:
            diagnostics.append(
                _conflict(
                    "RS301",
                    f"`{_anywhere(artifact.address)}` has two contents: {first.shown} and {artifact.shown}",
                    artifact.origin,
                    first.origin,
                    "remove one entry, or raise the version in one pack.json",
                )
            )
        if flaw := _flaw(spec.type, artifact.address.path):
            diagnostics.append(
                Diagnostic(
                    "RS303",
                    Severity.ERROR,
                    flaw,
                    artifact.origin,
                    help="shorten the base content path or the pack's name",
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
                    "remove the tombstone, or keep the folder out with exclude",
                )
            )
    return (
        DesiredRegistry(
            spec,
            tuple(sorted(artifacts.values(), key=lambda each: each.address)),
            tuple(sorted(absences.values(), key=lambda each: each.address)),
            tuple(sorted(_repositories(spec, artifacts.values()), key=lambda each: each.address)),
        ),
        diagnostics,
    )


def _repositories(spec: RegistrySpec, artifacts: Iterable[DesiredArtifact]) -> list[DesiredRepository]:
    """The base repositories, and where a push creates none also the repository of each artifact."""
    wanted: dict[Address, tuple[Origin, bool]] = {}
    if spec.repositories.base:
        for path in spec.base_content_paths:
            wanted[Address(spec.name, spec.repository(path))] = spec.at("baseContentPaths"), True
    explicit = spec.type.creates_repositories
    if explicit:
        for artifact in artifacts:
            wanted.setdefault(replace(artifact.address, tag=None), (artifact.origin, False))
    return [
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
    if not is_repository(path):
        return f"`{path}` is no repository name"
    if kind is RegistryType.ECR_PUBLIC and (len(path) > ECR_PUBLIC_LIMIT or "--" in path or "__" in path):
        return f"`{path}` is no repository name of Amazon ECR Public"
    return None


def _anywhere(address: Address) -> Address:
    """An address without its region: what is wrong is so in all of them and said once."""
    return replace(address, registry=address.registry.partition("@")[0])


def _artifact(spec: RegistrySpec, item: ContentItem, pack: Pack) -> DesiredArtifact:
    return DesiredArtifact(
        address=Address(spec.name, spec.repository(item.base_content_path, pack.name), pack.version),
        content=pack.content,
        title=pack.title,
        folder=pack.folder,
        shown=pack.shown,
        origin=item.origin,
        version_origin=pack.version_origin,
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
