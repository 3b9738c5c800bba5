"""Valid documents become declarations: names, places, logins, policies, content. Knows no YAML and reaches nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from regsync.manifest.content import Content, Spread
from regsync.manifest.endpoint import base_content_paths, layout_directory, network_url
from regsync.manifest.nodes import Mark, Node, Unknown, kind_of_path, problem
from regsync.manifest.rules import check_registry
from regsync.model.diagnostic import Diagnostic, Origin, has_errors
from regsync.model.registry import (
    PACK_NAMESPACE,
    Auth,
    AuthMethod,
    Declaration,
    Overwrite,
    Policy,
    Provider,
    Prune,
    RegistrySpec,
    RegistryType,
    Repositories,
    SecretRef,
    Tls,
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `name` is what it is called, well formed or not; `sound` says that all of it is known and fits its
    kind's schema."""

    kind: str
    node: Node
    name: Node | None
    sound: bool


def build(
    documents: Sequence[Document], supported: frozenset[RegistryType], problems: list[Diagnostic]
) -> list[Declaration]:
    """What the Registry documents declare, as far as it can be told; everything that is wrong becomes a finding."""
    by_name: dict[tuple[str, str], Document] = {}
    for each in documents:
        if each.name is None:
            continue
        first = by_name.setdefault((each.kind, each.name.text), each)
        if first is not each and first.name:
            summary = f"{each.kind} `{each.name.text}` is declared twice"
            related = [(first.name.mark, "first declared here")]
            problems.append(problem("RS123", each.name.mark, summary, related=related))
    builder = _Builder(
        sets={
            name: each.node.find("spec", "content")
            for (kind, name), each in by_name.items()
            if kind == "ContentSet"
        },
        palettes=[name for kind, name in by_name if kind == "Palette"],
        supported=supported,
        problems=problems,
    )
    found = [builder.declaration(each) for each in documents if each.kind == "Registry"]
    return [each for each in found if each is not None]


@dataclass(slots=True)
class _Builder:
    sets: Mapping[str, Node | None]
    palettes: Sequence[str]
    supported: frozenset[RegistryType]
    problems: list[Diagnostic]
    places: dict[tuple[str, str], Mark] = field(default_factory=dict)

    def declaration(self, document: Document) -> Declaration | None:
        """What a Registry document declares. One with errors stands for its content alone; None where that is nothing."""
        before = len(self.problems)
        spec = document.node.find("spec")
        if spec is None:
            return None
        type_ = _type(spec)
        provider = Provider(node.text) if (node := spec.find("provider")) else None
        self.problems.extend(_not_supported(spec, self.supported))
        check_registry(spec, type_, self.palettes, self.problems)
        written = spec.find("baseContentPaths")
        paths = base_content_paths(written, type_, self.problems) if written else {}
        all_known = len(paths) == len(written.elements) if written else spec.lacks("baseContentPaths")
        tls = self._tls(spec.find("tls"))
        place, base_path = self._place(spec, type_), _base_path(spec)
        connect_to = self._connect_to(spec, type_)
        if place and provider and base_path is not None:
            self._claim(place, base_path, provider, paths)
        rules = Content(provider, list(paths) if all_known else None, self.sets)
        content = rules.spread(spec.find("content"), self.problems)
        endpoint = spec.find("endpoint")
        if place and endpoint and type_ is RegistryType.LAYOUT:
            self._check_layout(place, endpoint, list(paths), content)
        items, tombstones = tuple(content.items.values()), tuple(content.tombstones.values())
        sound = document.sound and not has_errors(self.problems[before:])
        if not (sound and document.name and type_ and provider and place and base_path is not None):
            unknown = _unknown_registry(document)
            return Declaration(unknown, items, tombstones) if items or tombstones else None
        registry = RegistrySpec(
            name=document.name.text,
            owner=(document.node.find("metadata", "owner") or document.name).text,
            provider=provider,
            type=type_,
            endpoint=place[0],
            shown_endpoint=place[1],
            base_content_paths=tuple(paths),
            origin=document.name.mark.origin,
            base_path=base_path,
            connect_to=connect_to,
            auth=Auth(AuthMethod.NONE) if type_ is RegistryType.LAYOUT else _auth(spec.find("auth")),
            tls=tls,
            policy=_policy(spec.find("policy")),
            repositories=_repositories(spec.find("repositories")),
            origins=dict(_origins(spec)),
        )
        return Declaration(registry, items, tombstones)

    def _place(self, spec: Node, type_: RegistryType | None) -> tuple[str, str] | None:
        """The endpoint, and how it is shown."""
        endpoint = spec.find("endpoint")
        if endpoint is None or type_ in (None, RegistryType.ECR, RegistryType.ECR_PUBLIC):
            return None
        if type_ is RegistryType.LAYOUT:
            return layout_directory(endpoint, self.problems)
        url = network_url(endpoint, "spec.endpoint", self.problems)
        return (url, url) if url else None

    def _connect_to(self, spec: Node, type_: RegistryType | None) -> str | None:
        node = spec.find("connectTo")
        if node is None or type_ in (None, RegistryType.ECR):
            return None
        return network_url(node, "spec.connectTo", self.problems)

    def _claim(
        self, place: tuple[str, str], base_path: str, provider: Provider, paths: Mapping[str, Mark]
    ) -> None:
        """Report base content paths that another Registry document has, under whatever spelling."""
        endpoint, shown = place
        for path, mark in paths.items():
            if "://" in endpoint:
                url = urlsplit(endpoint)
                port = url.port or (443 if url.scheme == "https" else 80)
                where = f"{url.hostname}:{port}{base_path}/{path}"
            else:
                where = os.path.realpath(Path(endpoint, path))
            first = self.places.setdefault((where, provider), mark)
            if first is not mark:
                summary = f"`{shown}`, path `{path}`, is declared twice"
                advice = "put the content into one Registry document, or give each its own base content path"
                related = [(first, "first declared here")]
                self.problems.append(problem("RS124", mark, summary, advice=advice, related=related))

    def _check_layout(
        self, place: tuple[str, str], endpoint: Node, paths: Sequence[str], content: Spread
    ) -> None:
        """Report a layout that stands where the registry's own packs are read from."""
        directory, shown = place
        written = [Path(directory, path, PACK_NAMESPACE) for path in paths or [""]]
        for pattern in content.patterns:
            if any(pattern.covers(path) for path in written):
                related = [(pattern.node.mark, "the packs")]
                advice = "choose a directory elsewhere, or leave it out of a glob with `exclude`"
                summary = f"the layout {shown} would become content of `{pattern.node.text}`"
                self.problems.append(problem("RS133", endpoint.mark, summary, advice=advice, related=related))
                return

    def _tls(self, node: Node | None) -> Tls:
        if node is None:
            return Tls()
        files: dict[str, Path] = {}
        for name in ("caFile", "certFile", "keyFile"):
            if written := node.find(name):
                file = written.mark.file
                files[name] = file.absolute(written.text)
                if kind_of_path(files[name]) != "file":
                    summary = f"no such file: {file.show(files[name])}"
                    self.problems.append(problem("RS128", written.mark, summary, advice=file.base))
        skip = node.find("insecureSkipVerify")
        if skip and skip.value:
            self.problems.append(problem("RS130", skip.where, "certificates are not verified"))
        shown = [f"{name}={node.fields[name].text}" for name in files]
        return Tls(
            files.get("caFile"),
            files.get("certFile"),
            files.get("keyFile"),
            bool(skip and skip.value),
            " ".join([*shown, "insecureSkipVerify"] if skip and skip.value else shown),
        )


_LATER: tuple[tuple[tuple[str, ...], object, str], ...] = (
    (("provider",), "helm", "registries of charts (provider: helm) are"),
    (("policy", "replacePalette"), "allow", "`replacePalette: allow` is"),
    (("repositories", "create"), False, "`repositories.create: false` is"),
)


def _type(spec: Node) -> RegistryType | None:
    """The type that is written, or was probably meant."""
    value = spec.fields["type"].value
    word = value.meant if isinstance(value, Unknown) else value
    return RegistryType(word) if isinstance(word, str) else None


def _base_path(spec: Node) -> str | None:
    """What stands before /v2, empty by default; None where it is not known."""
    node = spec.find("basePath")
    if node is None:
        return "" if spec.lacks("basePath") else None
    return f"/{node.text.strip('/')}".rstrip("/")


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


def _not_supported(spec: Node, supported: frozenset[RegistryType]) -> Iterator[Diagnostic]:
    """A finding at everything that the schema allows and this version cannot do."""
    if (type_ := spec.find("type")) and type_.text not in supported:
        yield problem("RS116", type_.where, f"registries of type {type_.text} are not supported yet")
    if palette := spec.find("palette"):
        yield problem("RS116", palette.where, "the registration in Palette is not supported yet")
    for path, value, what in _LATER:
        node = spec.find(*path)
        if node and node.value == value:
            yield problem("RS116", node.where, f"{what} not supported yet")


def _auth(node: Node | None) -> Auth:
    if node is None:
        return Auth()
    username = node.find("username")
    return Auth(
        AuthMethod(node.fields["method"].text),
        username.value if username and isinstance(username.value, str) else _secret(username),
        _secret(node.find("password")),
        _secret(node.find("token")),
    )


def _secret(node: Node | None) -> SecretRef | None:
    if node is None:
        return None
    version = node.find("version")
    number = version.value if version and isinstance(version.value, int) else None
    if variable := node.find("env"):
        return SecretRef("env", variable.text, node.mark.origin, version=number)
    file, written = node.mark.file, node.fields["file"].text
    path = file.absolute(written)
    return SecretRef("file", file.show(path), node.mark.origin, path, number)


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


def _repositories(node: Node | None) -> Repositories:
    if node is None:
        return Repositories()
    written = node.data()
    return Repositories(create=written.get("create", True), base=written.get("base", True))


def _origins(node: Node, above: str = "") -> Iterator[tuple[str, Origin]]:
    for name, each in node.fields.items():
        yield above + name, each.where.origin
        if isinstance(each.value, dict):
            yield from _origins(each, f"{above}{name}.")
