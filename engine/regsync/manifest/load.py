"""Reads manifests: files in, declarations and findings out. Knows the order of the steps; each stands in a module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regsync.manifest.build import Document, build
from regsync.manifest.lock import Locks
from regsync.manifest.nodes import Mark, Node, SourceFile, Unknown, kind_of_path, nearest, problem, shown_path
from regsync.manifest.schema import KINDS, conform
from regsync.manifest.source import find, parse, read
from regsync.manifest.variables import Variables
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import Diagnostic

__all__ = ["API_VERSION", "Loaded", "Variables", "load", "load_text"]

API_VERSION = "regsync/v1"
_OTHER_REGSYNC = {"version", "creds", "defaults", "sync"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the manifests declare, everything that is wrong with them, and how many files there were.

    With an error among the diagnostics the declarations are not all that was meant, and good only for finding more
    errors: a registry that has errors itself is declared for its content alone.
    """

    declarations: tuple[Declaration, ...]
    diagnostics: tuple[Diagnostic, ...]
    files: int
    paths: frozenset[Path] = frozenset()
    """The files that were read, as real paths."""


def load(
    paths: Sequence[Path],
    *,
    root: Path,
    variables: Variables,
    pinned: bool = True,
    with_content: bool = True,
) -> Loaded:
    """Read the manifests at `paths`: files, or folders with everything below that is YAML and not hidden.

    Relative paths, and the paths in messages, are relative to `root`. Charts from elsewhere have to be `pinned` in the
    lock files beside the manifests. Not `with_content`, what is wrong with content is no finding: packs need not be
    there. Never raises for what the user wrote, a path that leads nowhere included: all
    findings about all files come together, sorted by position.
    """
    problems: list[Diagnostic] = []
    files = find(paths, root, problems)
    documents: list[Document] = []
    for file in files:
        before = len(problems)
        read_file, nodes = read(file, problems)
        if not nodes and len(problems) == before:
            problems.append(_no_manifest(read_file))
        found = (_document(node, variables, problems) for node in nodes)
        documents.extend(each for each in found if each)
    if files and not documents:
        problems.extend(_packs_instead(paths, root))
    declarations = build(documents, problems, Locks() if pinned else None, with_content=with_content)
    findings = sorted(dict.fromkeys(problems), key=Diagnostic.sort_key)
    read_paths = frozenset(each.path.resolve() for each in files)
    return Loaded(tuple(declarations), tuple(findings), len(files), read_paths)


def load_text(text: str, path: Path, *, root: Path) -> Loaded:
    """What a manifest says that is not written yet; `path` is where it is to lie, relative to `root`."""
    problems: list[Diagnostic] = []
    _, nodes = parse(SourceFile(root / path, shown_path(root / path, root), root), text, problems)
    documents = [each for node in nodes if (each := _document(node, Variables(), problems))]
    declarations = build(documents, problems)
    return Loaded(tuple(declarations), tuple(sorted(problems, key=Diagnostic.sort_key)), 1)


def _packs_instead(paths: Sequence[Path], root: Path) -> Iterator[Diagnostic]:
    """A finding for every folder that was named for manifests, but is a pack or holds some."""
    for path in (root / each for each in paths):
        if kind_of_path(path) == "folder" and any((*path.glob("pack.json"), *path.glob("*/pack.json"))):
            summary = f"{shown_path(path, root)} holds packs, and no manifest"
            advice = "name manifests: files of kind Registry, whose `content` names the packs"
            yield problem("RS104", None, summary, advice=advice)


def _no_manifest(file: SourceFile) -> Diagnostic:
    advice = f"begin with `apiVersion: {API_VERSION}` and `kind: Registry`"
    return problem("RS104", Mark(file, 1, 1), f"{file.shown} holds no document", advice=advice)


def _document(node: Node, variables: Variables, problems: list[Diagnostic]) -> Document | None:
    """The document, rendered and held against the schema of its kind; None where it has no kind."""
    kind = _kind(node, problems)
    if kind is None:
        return None
    before = len(problems)
    if node.holds_template:
        from regsync.manifest.template import render  # noqa: PLC0415 - 30 ms that most manifests do not need

        node = render(node, variables, problems)
    named = node.find("metadata", "name")
    name = named if named and isinstance(named.value, str) else None
    node = conform(node, kind, problems)
    return Document(kind, node, name, sound=node.known and len(problems) == before)


def _kind(node: Node, problems: list[Diagnostic]) -> str | None:
    fields = node.value if isinstance(node.value, dict) else {}
    version, kind = fields.get("apiVersion"), fields.get("kind")
    if any(each and isinstance(each.value, Unknown) for each in (node, version, kind)):
        return None
    if "sync" in fields and not version and not kind and fields.keys() <= _OTHER_REGSYNC:
        summary = "this is a configuration of regclient's regsync, another program of the same name"
        advice = "write a manifest of kind Registry, or run regclient's program with this file"
        problems.append(problem("RS105", node.mark, summary, advice=advice))
    elif version is None or kind is None:
        lacking = " and ".join(f"`{name}`" for name in ("apiVersion", "kind") if name not in fields)
        advice = f"a manifest begins with `apiVersion: {API_VERSION}` and a kind: {', '.join(KINDS)}"
        problems.append(problem("RS104", node.mark, f"this document lacks {lacking}", advice=advice))
    elif version.value != API_VERSION:
        summary = f"unknown apiVersion `{version.written or version.data()}`"
        problems.append(problem("RS104", version.mark, summary, advice=f"write `{API_VERSION}`"))
    elif kind.value not in KINDS:
        match = nearest(str(kind.data()), KINDS)
        advice = f"did you mean `{match}`?" if match else f"the kinds are {', '.join(KINDS)}"
        problems.append(problem("RS104", kind.mark, f"unknown kind `{kind.data()}`", advice=advice))
    else:
        return kind.text
    return None
