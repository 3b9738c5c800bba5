"""Valid documents become declarations, one for each live registry. Knows no YAML and reaches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from regsync.manifest.access import auth, tls
from regsync.manifest.content import Content, Spread
from regsync.manifest.ecr import private_places, public_places
from regsync.manifest.endpoint import (
    Place,
    base_content_paths,
    base_path,
    has_macro,
    in_region,
    layout_directory,
    network_url,
)
from regsync.manifest.lock import Locks
from regsync.manifest.nodes import Mark, Node, Unknown, origins, problem
from regsync.manifest.palette import Registrations, Site, read_palette
from regsync.manifest.repositories import PROJECT_SETTINGS, in_one_region, read_project, read_repositories
from regsync.manifest.rules import check_registry
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import Diagnostic, has_errors
from regsync.model.palette import PaletteSpec
from regsync.model.registry import (
    Overwrite,
    Policy,
    Provider,
    Prune,
    RegistrySpec,
    RegistryType,
)
from regsync.model.settings import differs


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `name` is what it is called, well formed or not; `sound` says that all of it is known and fits its
    kind's schema."""

    kind: str
    node: Node
    name: Node | None
    sound: bool


def build(
    documents: Sequence[Document],
    problems: list[Diagnostic],
    locks: Locks | None = None,
    *,
    with_content: bool = True,
) -> list[Declaration]:
    """What the Registry documents declare, as far as it can be told; everything that is wrong becomes a finding.
    Without `locks` nothing has to be pinned; not `with_content`, what is wrong with content is no finding."""
    by_name: dict[tuple[str, str], Document] = {}
    for each in documents:
        if each.name is None:
            continue
        first = by_name.setdefault((each.kind, each.name.text), each)
        if first is not each and first.name:
            summary = f"{each.kind} `{each.name.text}` is declared twice"
            related = [(first.name.mark, "first declared here")]
            problems.append(problem("RS123", each.name.mark, summary, related=related))
    palettes: dict[str, PaletteSpec | None] = {}
    for each in documents:
        if each.kind == "Palette":
            palette = read_palette(each.node, problems)
            if each.name:
                palettes.setdefault(each.name.text, palette)
    builder = _Builder(
        sets={
            name: each.node.find("spec", "content")
            for (kind, name), each in by_name.items()
            if kind == "ContentSet"
        },
        registrations=Registrations(palettes, problems),
        problems=problems,
        locks=locks,
        with_content=with_content,
    )
    return [
        declaration
        for each in documents
        if each.kind == "Registry"
        for declaration in builder.declarations(each)
    ]


@dataclass(slots=True)
class _Builder:
    sets: Mapping[str, Node | None]
    registrations: Registrations
    problems: list[Diagnostic]
    locks: Locks | None
    with_content: bool
    places: dict[tuple[str, str], Mark] = field(default_factory=dict)
    projects: dict[tuple[str, str], Node] = field(default_factory=dict)

    def declarations(self, document: Document) -> list[Declaration]:
        """What a Registry document declares: one live registry, or one per region. One with errors stands for its
        content alone, if that is anything."""
        before = len(self.problems)
        spec = document.node.find("spec")
        if spec is None:
            return []
        type_ = _type(spec)
        provider = Provider(node.text) if (node := spec.find("provider")) else None
        places = self._places(spec, type_)
        check_registry(spec, type_, places, self.problems)
        written = spec.find("baseContentPaths")
        paths = base_content_paths(written, type_, provider, self.problems) if written else {}
        all_known = len(paths) == len(written.elements) if written else spec.lacks("baseContentPaths")
        trust = tls(spec.find("tls"), self.problems)
        repositories = read_repositories(spec.find("repositories"), self.problems)
        judged: Sequence[Place | None] = places or [None]
        connections = [self._connect_to(spec, type_, each) for each in judged]
        before_v2 = base_path(spec)
        if project := spec.find("project"):
            for place in places:
                self._compare_projects(place, project, paths)
        endpoint = spec.find("endpoint")
        if provider and endpoint and before_v2 is not None:
            claimed = paths or ({"": endpoint.mark} if all_known else {})
            for place in places:
                self._claim(place, before_v2, provider, claimed)
        rules = Content(provider, list(paths) if all_known else None, self.sets, self.locks)
        content = rules.spread(spec.find("content"), self.problems if self.with_content else [])
        if places and endpoint and provider and type_ is RegistryType.LAYOUT:
            written_to = [Path(places[0].endpoint, each, provider.namespace) for each in paths or [""]]
            self._check_layout(places[0], endpoint, written_to, content)
        items, tombstones = tuple(content.items.values()), tuple(content.tombstones.values())
        upstream = tuple(content.upstream.values())
        sound = document.sound and bool(places) and not has_errors(self.problems[before:])
        site = Site(document.name, type_, tuple(places), paths if all_known else None, sound)
        registered, unwanted = self.registrations.read(spec, site)
        sound = sound and not has_errors(self.problems[before:])
        if not (sound and document.name and endpoint and type_ and provider and before_v2 is not None):
            unknown = _unknown_registry(document)
            return (
                [Declaration(unknown, items, tombstones, upstream)] if items or tombstones or upstream else []
            )
        name = document.name.text
        default, synchronization = spec.find("defaultRegion"), spec.find("synchronization")
        default_region = default.text if default else places[0].region
        return [
            Declaration(
                RegistrySpec(
                    name=f"{name}@{place.region}" if has_macro(endpoint) else name,
                    owner=(document.node.find("metadata", "owner") or document.name).text,
                    provider=provider,
                    type=type_,
                    endpoint=place.endpoint,
                    shown_endpoint=place.shown,
                    base_content_paths=tuple(paths),
                    origin=document.name.mark.origin,
                    base_path=before_v2,
                    connect_to=connect_to,
                    region=place.region,
                    default_region=default_region,
                    aws=place.aws,
                    namespace=place.namespace,
                    auth=auth(spec.find("auth"), type_),
                    tls=trust,
                    policy=_policy(spec.find("policy")),
                    repositories=in_one_region(repositories, place.region or ""),
                    project=read_project(spec.find("project")),
                    synchronization=synchronization is None or bool(synchronization.value),
                    origins={"": spec.where.origin, **dict(origins(spec))},
                ),
                items,
                tombstones,
                upstream,
                registered if place.region == default_region else (),
                unwanted if place.region == default_region else (),
            )
            for place, connect_to in zip(places, connections, strict=True)
        ]

    def _places(self, spec: Node, type_: RegistryType | None) -> list[Place]:
        """Where the registries are that a document declares; none where that cannot be told."""
        endpoint = spec.find("endpoint")
        if endpoint is None:
            return []
        match type_:
            case None:
                return []
            case RegistryType.ECR:
                return private_places(spec, self.problems)
            case RegistryType.ECR_PUBLIC:
                return public_places(endpoint, self.problems)
            case RegistryType.LAYOUT:
                found = layout_directory(endpoint, self.problems)
                return [Place(*found)] if found else []
        url = network_url(endpoint, "spec.endpoint", self.problems)
        return [Place(url, url)] if url else []

    def _connect_to(self, spec: Node, type_: RegistryType | None, place: Place | None) -> str | None:
        node = spec.find("connectTo")
        if node is None or type_ is None:
            return None
        if type_ is RegistryType.ECR:
            region = place.region if place and place.region else "region"
            node = replace(node, value=in_region(node.text, region))
        return network_url(node, "spec.connectTo", self.problems)

    def _claim(self, place: Place, base_path: str, provider: Provider, paths: Mapping[str, Mark]) -> None:
        """Report base content paths that another Registry document has, under whatever spelling."""
        for path, mark in paths.items():
            where = place.of(f"{base_path}/{path}".lstrip("/"))
            first = self.places.setdefault((where, provider), mark)
            if first is not mark:
                where_in = f", path `{path}`," if path else ""
                summary = f"`{place.shown}`{where_in} is declared twice"
                advice = "put the content into one Registry document, or give each its own base content path"
                related = [(first, "first declared here")]
                self.problems.append(problem("RS124", mark, summary, advice=advice, related=related))

    def _compare_projects(self, place: Place, written: Node, paths: Iterable[str]) -> None:
        """Report settings of a project that another Registry document writes otherwise: each apply would undo the other."""
        for project in dict.fromkeys(path.partition("/")[0] for path in paths):
            for name in PROJECT_SETTINGS:
                node = written.find(name)
                first = self.projects.setdefault((place.of(project), name), node) if node else None
                if node and first and differs(name, first.data(), node.data()):
                    summary = f"`{name}` of project `{project}` is written with two values"
                    related = [(first.mark, "the other value")]
                    self.problems.append(problem("RS129", node.mark, summary, related=related))

    def _check_layout(
        self, place: Place, endpoint: Node, written_to: Sequence[Path], content: Spread
    ) -> None:
        """Report a layout that stands where the registry's own packs or charts are read from."""
        for pattern in content.patterns:
            if any(pattern.covers(path) for path in written_to):
                related = [(pattern.node.mark, "the content")]
                advice = "choose a directory elsewhere, or leave it out of a glob with `exclude`"
                summary = f"the layout {place.shown} would become content of `{pattern.node.text}`"
                self.problems.append(problem("RS133", endpoint.mark, summary, advice=advice, related=related))
                return


def _type(spec: Node) -> RegistryType | None:
    """The type that is written, or was probably meant."""
    value = spec.fields["type"].value
    word = value.meant if isinstance(value, Unknown) else value
    return RegistryType(word) if isinstance(word, str) else None


def _unknown_registry(document: Document) -> RegistrySpec:
    """What the content of a document with errors is judged by: without a place, and without a policy."""
    name = document.name.text if document.name else "?"
    return RegistrySpec(
        name=name,
        owner=name,
        provider=Provider.PACK,
        type=RegistryType.BASIC,
        endpoint="",
        shown_endpoint="",
        base_content_paths=(),
        origin=document.node.mark.origin,
    )


def _policy(node: Node | None) -> Policy:
    if node is None:
        return Policy()
    written = node.data()
    default = Policy()
    return Policy(
        Overwrite(written.get("overwrite", default.overwrite)),
        Prune(written.get("prune", default.prune)),
        written.get("maxDeletes", default.max_deletes),
        written.get("maxDeleteShare", default.max_delete_share),
        tuple(written.get("protect", default.protect)),
    )
