"""Valid documents become declarations: names, places, logins, policies, content. Knows no YAML and reaches nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from regsync.manifest.content import Content
from regsync.manifest.endpoint import base_content_paths, layout_directory, network_url
from regsync.manifest.nodes import Mark, Node, kind_of_path, problem
from regsync.manifest.rules import check_registry
from regsync.model.diagnostic import Diagnostic, Origin, has_errors
from regsync.model.registry import (
    Auth,
    AuthMethod,
    Declaration,
    Overwrite,
    Policy,
    Provider,
    Prune,
    RegistrySpec,
    RegistryType,
    SecretRef,
    Tls,
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `valid` says that it fits its kind's schema; a name may be known of one that does not."""

    kind: str
    node: Node
    valid: bool

    @property
    def name(self) -> Node | None:
        metadata = self.node.find("metadata")
        name = metadata.find("name") if metadata and isinstance(metadata.value, dict) else None
        return name if name and isinstance(name.value, str) else None


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
            name: each.node.at(["spec", "content"]) if each.valid else None
            for (kind, name), each in by_name.items()
            if kind == "ContentSet"
        },
        palettes=[name for kind, name in by_name if kind == "Palette"],
        supported=supported,
        problems=problems,
    )
    found = [builder.declaration(each.node) for each in documents if each.kind == "Registry" and each.valid]
    return [each for each in found if each is not None]


@dataclass(slots=True)
class _Builder:
    sets: Mapping[str, Node | None]
    palettes: Sequence[str]
    supported: frozenset[RegistryType]
    problems: list[Diagnostic]
    places: dict[tuple[str, Provider], Mark] = field(default_factory=dict)

    def declaration(self, document: Node) -> Declaration | None:
        """What a valid Registry document declares, None where the registry itself cannot be told from it."""
        before = len(self.problems)
        spec = document.fields["spec"]
        type_ = RegistryType(spec.fields["type"].text)
        provider = Provider(spec.fields["provider"].text)
        self.problems.extend(_not_supported(spec, type_, self.supported))
        check_registry(spec, self.palettes, self.problems)
        paths = base_content_paths(spec.find("baseContentPaths"), type_, self.problems)
        tls = self._tls(spec.find("tls"))
        place = self._place(spec, type_)
        connect_to = self._connect_to(spec, type_)
        sound = not has_errors(self.problems[before:])
        content = Content(provider, list(paths), self.sets).spread(spec.fields["content"], self.problems)
        if place is None or not sound:
            return None
        name = document.at(["metadata", "name"])
        base_path = spec.find("basePath")
        base_repository = spec.find("repositories", "base")
        registry = RegistrySpec(
            name=name.text,
            owner=(document.find("metadata", "owner") or name).text,
            provider=provider,
            type=type_,
            endpoint=place[0],
            shown_endpoint=place[1],
            base_content_paths=tuple(paths),
            origin=name.mark.origin,
            base_path=f"/{base_path.text.strip('/')}".rstrip("/") if base_path else "",
            connect_to=connect_to,
            auth=Auth(AuthMethod.NONE) if type_ is RegistryType.LAYOUT else _auth(spec.find("auth")),
            tls=tls,
            policy=_policy(spec.find("policy")),
            base_repository=base_repository is None or bool(base_repository.value),
            origins=dict(_origins(spec)),
        )
        if not self._alone(registry, paths):
            return None
        return Declaration(registry, tuple(content.items.values()), tuple(content.tombstones.values()))

    def _place(self, spec: Node, type_: RegistryType) -> tuple[str, str] | None:
        """The endpoint, and how it is shown."""
        endpoint = spec.fields["endpoint"]
        if type_ is RegistryType.LAYOUT:
            return layout_directory(endpoint, self.problems)
        if type_ in (RegistryType.ECR, RegistryType.ECR_PUBLIC):
            return None
        url = network_url(endpoint, "spec.endpoint", self.problems)
        return (url, url) if url else None

    def _connect_to(self, spec: Node, type_: RegistryType) -> str | None:
        node = spec.find("connectTo")
        if node is None or type_ is RegistryType.ECR:
            return None
        return network_url(node, "spec.connectTo", self.problems)

    def _alone(self, registry: RegistrySpec, paths: Mapping[str, Mark]) -> bool:
        """Whether no other Registry document has one of these base content paths, under whatever spelling."""
        alone = True
        for path, mark in paths.items():
            if registry.type is RegistryType.LAYOUT:
                place = os.path.realpath(Path(registry.endpoint, path))
            else:
                url = urlsplit(registry.endpoint)
                port = url.port or (443 if url.scheme == "https" else 80)
                place = f"{url.hostname}:{port}{registry.base_path}/{path}"
            first = self.places.setdefault((place, registry.provider), mark)
            if first is not mark:
                alone = False
                summary = f"`{registry.shown_endpoint}`, path `{path}`, is declared twice"
                advice = "put the content into one Registry document, or give each its own base content path"
                related = [(first, "first declared here")]
                self.problems.append(problem("RS124", mark, summary, advice=advice, related=related))
        return alone

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
                    self.problems.append(problem("RS128", written.mark, summary))
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


def _not_supported(
    spec: Node, type_: RegistryType, supported: frozenset[RegistryType]
) -> Iterator[Diagnostic]:
    """A finding at everything that the schema allows and this version cannot do."""
    if type_ not in supported:
        mark = spec.fields["type"].where
        yield problem("RS116", mark, f"registries of type {type_} are not supported yet")
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


def _origins(node: Node, above: str = "") -> Iterator[tuple[str, Origin]]:
    for name, each in node.fields.items():
        yield above + name, each.where.origin
        if isinstance(each.value, dict):
            yield from _origins(each, f"{above}{name}.")
