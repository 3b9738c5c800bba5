"""Makes documents of drafts: what they declare and are called, and which are one in several regions."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from regsync.manifest.load import Variables, load, load_text
from regsync.manifest.write import render_drafts
from regsync.model.diagnostic import has_errors
from regsync.model.draft import Draft, Target
from regsync.model.errors import Refused, UsageError
from regsync.model.registry import REGION_MACRO, Provider, RegistrySpec, RegistryType
from regsync.model.settings import Json, canonical

_LONGEST = 63
"""Characters of a document's name."""

_DEFAULTS: Mapping[str, Json] = {"encryption": {"type": "AES256"}, "tagMutabilityExclusions": []}
"""Settings that are as ever, and need not be written."""


def declared(draft: Draft, root: Path, file: Path) -> RegistrySpec:
    """The live registry that the document declares, once it lies in `file`. Raises UsageError for a wrong endpoint."""
    loaded = load_text(render_drafts([draft]), file, root=root)
    if has_errors(loaded.diagnostics):
        first = loaded.diagnostics[0]
        summary = first.summary.replace("`spec.endpoint`", "the endpoint")
        raise UsageError(f"{draft.endpoint}: {summary}", hint=first.help)
    return loaded.declarations[0].spec


def login(target: Target) -> str:
    """How to log in to a registry that no manifest declares yet."""
    host = target.endpoint.partition("://")[2] or target.endpoint
    if target.type in (RegistryType.ECR, RegistryType.ECR_PUBLIC):
        return "log in to AWS: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws sso login`"
    if target.type is RegistryType.ACR:
        return f"log in with `az acr login --name {host.partition('.')[0]}` or `docker login {host}`"
    return f"log in with `docker login {host}`"


def as_typed(text: str, file: Path, target: Target) -> str:
    """A text that cites the manifest in `file`, which is not there yet, with the endpoint in its stead."""
    return re.sub(rf"{re.escape(file.as_posix())}:\d+:\d+", lambda _: str(target), text)


def advice(hint: str | None, file: Path, target: Target) -> str | None:
    """Advice that may name fields of the manifest, in terms of the command line."""
    if hint is None:
        return None
    if "spec.auth" in hint or "check user name and secret" in hint:
        return login(target)
    if "caFile" in hint:
        return "name the certificate of its authority with --ca-file"
    if "`type: basic`" in hint:
        return f"if {target} is no Harbor: --type basic"
    return (
        as_typed(hint, file, target)
        .replace(" and spec.basePath", "")
        .replace("spec.connectTo", "--connect-to")
    )


def beside(root: Path, file: Path) -> list[RegistrySpec]:
    """The live registries that the manifests in the folder of `file` declare, as far as they can be read."""
    paths = sorted((root / file).parent.glob("*.y*ml"))
    return [
        each.spec for each in load(paths, root=root, variables=Variables(), with_content=False).declarations
    ]


def refuse_declared(
    spec: RegistrySpec, base_content_paths: Iterable[str], others: Iterable[RegistrySpec]
) -> None:
    """Raise Refused where one of the other registries is the same and has one of these base content paths."""
    for other in others:
        if _place(other) != _place(spec):
            continue
        for path in base_content_paths:
            if path in (other.base_content_paths or ("",)):
                at = other.at("baseContentPaths")
                raise Refused(
                    f"{spec.shown_endpoint}/{path}".rstrip("/")
                    + f" is declared already: {at} (`{other.declared}`); declared twice, it could not be planned",
                    hint=f"`regsync import --unmanaged {at.file}` tells what no manifest names there",
                )


def _place(spec: RegistrySpec) -> Hashable:
    return spec.provider, spec.endpoint, spec.base_path, spec.namespace


def path_from(root: Path, file: Path, path: str) -> str:
    """A path as a manifest writes it: relative to its own folder, unless it is absolute."""
    if Path(path).is_absolute():
        return path
    relative = Path(os.path.relpath(root / path, (root / file).parent)).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def agreed(every: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """The settings that mean the same in all of them, without those that are as ever."""
    first, *others = every or [{}]
    found = {
        name: value
        for name, value in first.items()
        if all(name in each and canonical(name, each[name]) == canonical(name, value) for each in others)
    }
    mutability = {"tagMutability", "tagMutabilityExclusions"}  # one means nothing without the other
    if not mutability <= found.keys():
        found = {name: value for name, value in found.items() if name not in mutability}
    return {name: value for name, value in found.items() if _DEFAULTS.get(name, ...) != value}


def in_regions(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts, those that differ by nothing but their region as one."""
    groups: dict[Hashable, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(_but_for_region(draft), []).append(draft)
    return [
        replace(
            group[0],
            region="",
            endpoint=group[0].endpoint.replace(group[0].region, REGION_MACRO),
            regions=tuple(each.region for each in group),
        )
        if len(group) > 1
        else group[0]
        for group in groups.values()
    ]


def named(drafts: Sequence[Draft], slug: str, others: Collection[str] = ()) -> list[Draft]:
    """The drafts with names that neither they share nor `others` have: after the registry, and only where that is not
    enough after the region, too."""
    kinds = Counter(draft.provider for draft in drafts)
    taken = set(others)
    found = []
    for draft in drafts:
        region = f"-{draft.region}" if draft.region and kinds[draft.provider] > 1 else ""
        stem = f"{slug}{region}{'-charts' if draft.provider is Provider.HELM else ''}"
        name, number = stem[:_LONGEST].strip("-"), 2
        while name in taken:
            name, number = f"{stem[: _LONGEST - 3]}-{number}", number + 1
        taken.add(name)
        found.append(replace(draft, name=name))
    return found


def _but_for_region(draft: Draft) -> Hashable:
    """Equal for drafts that can be one document. Digests may differ: content does not."""
    if not draft.region:
        return draft.endpoint, draft.provider, draft.base_content_paths
    seen = frozenset(replace(each, digest="") for each in draft.seen)
    settings = repr(sorted(draft.settings.items()))
    template = draft.endpoint.replace(draft.region, REGION_MACRO)
    return template, draft.provider, draft.base_content_paths, draft.base, settings, seen
