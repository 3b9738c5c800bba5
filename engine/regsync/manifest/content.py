"""Spreads `content:` out: globs to folders and archives, content sets to their items, tombstones to names. Opens none."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from regsync.manifest.endpoint import is_base_content_path
from regsync.manifest.lock import Locks, lock_beside
from regsync.manifest.nodes import Mark, Node, did_you_mean, kind_of_path, problem
from regsync.manifest.upstream import read_upstream
from regsync.model.declaration import ContentItem, Tombstone
from regsync.model.diagnostic import Diagnostic
from regsync.model.reference import chart_tag, is_repository, is_tag
from regsync.model.registry import PACK_NAMESPACE, Provider
from regsync.model.upstream import Asked, UpstreamItem

_BRACES = re.compile(r"\{[^{}]*,[^{}]*\}")
_OTHER_SORT = {Provider.PACK: "charts", Provider.HELM: "packs"}
_MARKERS = {Provider.PACK: "pack.json", Provider.HELM: "Chart.yaml"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A path or glob of packs or charts, and the names of folders and archives that it leaves out."""

    node: Node
    excluded: Sequence[str]

    def covers(self, path: Path) -> bool:
        """Whether the pattern matches an absolute path or a folder that this lies in, there or still to be made."""
        wanted = self.node.mark.file.absolute(self.node.text)
        real_path, real_wanted = Path(os.path.realpath(path)), Path(os.path.realpath(wanted))
        return any(
            each == real_wanted or _matches(each.parts, wanted.parts)
            for each in (path, *path.parents, real_path, *real_path.parents)
            if not any(fnmatchcase(each.name, name) for name in self.excluded)
        )


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """What glob would say of a path that need not be there: no Python before 3.13 can tell."""
    ends = {0}  # how many of the parts what was wanted so far may have taken
    for name in wanted:
        taken: set[int] = set()
        for end in ends:
            if name == "**":
                hidden = (at for at in range(end, len(parts)) if parts[at][0] == ".")
                taken.update(range(end, next(hidden, len(parts)) + 1))
            elif end < len(parts) and (name[0] == "." or parts[end][0] != "."):
                taken |= {end + 1} if fnmatchcase(parts[end], name) else set()
        ends = taken
    return len(parts) in ends


@dataclass(slots=True)
class Spread:
    """What a registry's content comes to; each folder, archive and tombstone once per base content path, the first
    counts. `patterns` are where its packs or charts come from."""

    items: dict[tuple[str, Path], ContentItem] = field(default_factory=dict)
    tombstones: dict[tuple[str, str, str], Tombstone] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    upstream: dict[tuple[str, Asked], UpstreamItem] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """Where a registry's content goes and which sets it may name.

    `provider` and `base_content_paths` are None where they are not known, or not all of the paths. `sets` holds the
    content of every set by name, None where that is not known. Without `locks` nothing has to be pinned.
    """

    provider: Provider | None
    base_content_paths: Sequence[str] | None
    sets: Mapping[str, Node | None]
    locks: Locks | None = None

    def spread(self, content: Node | None, problems: list[Diagnostic]) -> Spread:
        """Everything that `content` comes to, as far as it is known. What is wrong with it becomes a finding."""
        result = Spread()
        for item in content.each if content else ():
            path = self._base_content_path(item, problems)
            name = item.find("set")
            if name is None:
                self._add(item, path, [], result, problems)
            elif name.text not in self.sets:
                advice = did_you_mean(name.text, self.sets) or "no file of this run has a ContentSet"
                problems.append(
                    problem("RS125", name.mark, f"no content set is called `{name.text}`", advice=advice)
                )
            elif members := self.sets[name.text]:
                for member in members.each:
                    self._add(member, path, _patterns(item), result, problems, named_at=name.mark)
        return result

    def _base_content_path(self, item: Node, problems: list[Diagnostic]) -> str | None:
        """Where an item goes; None where that cannot be told. The first path is empty where it is not known."""
        known = self.base_content_paths
        node = item.find("path")
        if node is None:
            return (known[0] if known else "") if item.lacks("path") else None
        path = node.text.strip("/")
        if known is not None and path not in known:
            summary = f"`{path}` is none of the base content paths"
            problems.append(problem("RS125", node.mark, summary, advice=did_you_mean(path, known)))
        return path if is_base_content_path(path, self.provider) else None

    def _add(
        self,
        item: Node,
        path: str | None,
        excluded: Sequence[str] | None,
        result: Spread,
        problems: list[Diagnostic],
        named_at: Mark | None = None,
    ) -> None:
        """Add one item, which may be that of a set; `excluded` is what the naming item leaves out. Without a path it
        is only judged."""
        wrong = _OTHER_SORT[self.provider] if self.provider else None
        if wrong and (node := item.find(wrong)):
            summary = f"`{wrong}` in a registry of provider {self.provider}"
            related = [(node.where, f"the set has {wrong} here")] if named_at else []
            problems.append(problem("RS132", named_at or node.where, summary, related=related))
        elif node := item.find("absent"):
            if exclude := item.find("exclude"):
                problems.append(problem("RS129", exclude.where, "`exclude` has no meaning beside `absent`"))
            tombstone = _tombstone(node, path or "", self.provider, problems)
            if tombstone and path is not None:
                result.tombstones.setdefault((path, tombstone.name, tombstone.tag), tombstone)
        elif node := item.find("packs") or item.find("charts"):
            provider = Provider.HELM if item.find("charts") else Provider.PACK
            own = _patterns(item)
            left_out = None if own is None or excluded is None else [*excluded, *own]
            for pattern in node.each:
                self._match(pattern, provider, path, left_out, result, problems)

    def _match(
        self,
        pattern: Node,
        provider: Provider,
        path: str | None,
        excluded: Sequence[str] | None,
        result: Spread,
        problems: list[Diagnostic],
    ) -> None:
        """Add what one path or glob leads to."""
        if isinstance(pattern.value, dict):
            self._take(pattern, path, excluded, result, problems)
            return
        if excluded is not None:
            result.patterns.append(Pattern(pattern, excluded))
        for found in _matches_of(pattern, provider, excluded, problems):
            if path is not None:
                shown, local = pattern.mark.file.show(found), Path(os.path.realpath(found))
                item = ContentItem(local, shown, path, pattern.mark.origin, provider)
                result.items.setdefault((path, local), item)

    def _take(
        self,
        node: Node,
        path: str | None,
        excluded: Sequence[str] | None,
        result: Spread,
        problems: list[Diagnostic],
    ) -> None:
        """Add a chart from elsewhere, with what is pinned for it."""
        chart = read_upstream(node, problems)
        if chart is None or excluded is None or any(fnmatchcase(chart.name, each) for each in excluded):
            return
        pins = self.locks.pins_for(chart, node, problems) if self.locks else ()
        if path is not None:
            file = lock_beside(node.mark.file)
            item = UpstreamItem(chart, path, file.path, file.shown, pins)
            result.upstream.setdefault((path, chart.asked), item)


def _patterns(item: Node) -> list[str] | None:
    """What an item leaves out; None where that is not known."""
    node = item.find("exclude")
    if node is None:
        return [] if item.lacks("exclude") else None
    return node.texts


def _tombstone(
    node: Node, path: str, provider: Provider | None, problems: list[Diagnostic]
) -> Tombstone | None:
    name, _, tag = node.text.partition(":")
    if provider is Provider.HELM:
        tag = chart_tag(tag)
    advice = None
    if provider is Provider.PACK and f"/{PACK_NAMESPACE}/" in f"/{name}/":
        flaw = f"`{name}` holds `{PACK_NAMESPACE}`, which regsync appends to the base content path"
        advice = "leave the path out: a tombstone is NAME:VERSION"
    elif is_repository(name) and is_tag(tag):
        return Tombstone(name, tag, path, node.mark.origin)
    else:
        flaw = f"`{tag}` is no tag" if is_repository(name) else f"`{name}` is no repository name"
        if glob.has_magic(node.text):
            advice = "a tombstone names one version; `prune: managed` drops all that no manifest names"
    problems.append(problem("RS111", node.mark, f"{flaw}, so nothing can be there", advice=advice))
    return None


def _matches_of(
    pattern: Node, provider: Provider, excluded: Sequence[str] | None, problems: list[Diagnostic]
) -> Iterator[Path]:
    """The folders, for charts also the archives, that a path or glob leads to, sorted; none where it is not known which
    are left out."""
    file = pattern.mark.file
    charts = provider is Provider.HELM
    literal = file.locate(pattern.text)
    if kind_of_path(literal) or not glob.has_magic(pattern.text):
        matches = [literal] if kind_of_path(literal) else []
    else:
        # Not Path.glob: that finds hidden folders too, and takes no absolute pattern.
        found = sorted(glob.glob(pattern.text, root_dir=file.path.parent, recursive=True))  # noqa: PTH207 - Path.glob has no root_dir
        matches = [
            path
            for path in map(file.locate, found)
            if kind_of_path(path) == "folder" or (charts and _is_archive(path))
        ]
    what = "neither a folder nor a .tgz archive" if charts else "no folder"
    if not matches:
        braces = _BRACES.search(pattern.text)
        advice = "braces are not expanded; write a list" if braces else file.base
        problems.append(problem("RS126", pattern.mark, f"`{pattern.text}` matches {what}", advice=advice))
    for match in matches:
        if excluded is None or any(fnmatchcase(match.name, each) for each in excluded):
            continue
        if kind_of_path(match / _MARKERS[provider]) == "file" or (charts and _is_archive(match)):
            yield match
        else:
            flaw = f"has no {_MARKERS[provider]}" if kind_of_path(match) == "folder" else f"is {what}"
            advice = f"name the folder of the {provider.noun}, or leave this one out with `exclude`"
            problems.append(problem("RS127", pattern.mark, f"{file.show(match)} {flaw}", advice=advice))


def _is_archive(path: Path) -> bool:
    return path.suffix == ".tgz" and kind_of_path(path) == "file"
