"""Makes documents of drafts: what they declare and are called, and which are one in several regions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from regsync.manifest.load import load_text
from regsync.manifest.write import render_drafts
from regsync.model.diagnostic import has_errors
from regsync.model.draft import Draft
from regsync.model.errors import UsageError
from regsync.model.registry import REGION_MACRO, Provider, RegistrySpec
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
        raise UsageError(f"{draft.endpoint}: {first.summary}", hint=first.help)
    return loaded.declarations[0].spec


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


def named(drafts: Sequence[Draft], slug: str) -> list[Draft]:
    """The drafts with names of their own: after the registry, and only where that is not enough after the region, too."""
    kinds = Counter(draft.provider for draft in drafts)
    taken: set[str] = set()
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
