"""The lock file: what was pinned for the charts that manifests take from elsewhere. Reaches nothing.

It stands beside the file that asks, so a content set brings its own, whoever names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from regsync.manifest.nodes import Mark, Node, SourceFile, kind_of_path, problem, shown_path
from regsync.manifest.schema import conform
from regsync.manifest.source import LOCK_NAME, read
from regsync.model.diagnostic import Diagnostic
from regsync.model.reference import chart_tag
from regsync.model.semver import matching
from regsync.model.upstream import Asked, Pin, UpstreamChart

_HEAD = """\
# Written by `regsync lock`. Change the manifests, not this file.
apiVersion: regsync/v1
kind: Lock
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """What is pinned for one ask, and where that stands."""

    pins: tuple[Pin, ...]
    mark: Mark


@dataclass(slots=True)
class Locks:
    """The lock files of a run, each read once."""

    files: dict[Path, Mapping[Asked, Locked] | None] = field(default_factory=dict)

    def pins_for(self, chart: UpstreamChart, node: Node, problems: list[Diagnostic]) -> tuple[Pin, ...]:
        """What is pinned for a chart that `node` asks for; nothing becomes a finding, as does a lock file that cannot be
        used."""
        file = lock_beside(node.mark.file)
        if file.path not in self.files:
            self.files[file.path] = read_lock(file, problems)
        known = self.files[file.path]
        if known is None:  # said of the file itself
            return ()
        if found := known.get(chart.asked):
            return found.pins
        version = node.find("version")
        mark = version.mark if version else node.mark
        others = [each.mark for asked, each in known.items() if asked[:2] == chart.asked[:2]]
        summary = (
            f"{chart.name} `{chart.version}` is not what {file.shown} has pinned"
            if others
            else f"{chart.name} `{chart.version}` is not pinned in {file.shown}"
        )
        related = [(other, "pinned here") for other in others[:1]]
        problems.append(problem("RS136", mark, summary, advice="run `regsync lock`", related=related))
        return ()


def lock_beside(file: SourceFile) -> SourceFile:
    """The lock file of a manifest, there or not."""
    path = file.path.parent / LOCK_NAME
    return SourceFile(path, shown_path(path, file.root), file.root)


def read_lock(file: SourceFile, problems: list[Diagnostic]) -> Mapping[Asked, Locked] | None:
    """What a lock file has pinned, by what was asked for; nothing where there is no such file, and None where it cannot be
    used, which becomes findings."""
    if kind_of_path(file.path) is None:
        return {}
    found: list[Diagnostic] = []
    file, nodes = read(file, found, by_machine=True)
    if len(nodes) != 1 and not found:
        found.append(
            problem("RS135", Mark(file, 1, 1), f"{file.shown} does not hold one document", advice=_ADVICE)
        )
    nodes = [] if found else [conform(nodes[0], "Lock", found)]
    locked: dict[Asked, Locked] = {}
    if not found:
        for entry in nodes[0].fields["charts"].elements:
            _take(entry, locked, found)
    problems += found
    return None if found else locked


def render_lock(pinned: Mapping[Asked, tuple[Pin, ...]]) -> str:
    """The lock file for these pins: the same text for the same pins, in whatever order they come."""
    lines = [_HEAD + ("charts:" if pinned else "charts: []")]
    for (repository, name, version, newest), pins in sorted(pinned.items()):
        lines += [f"  - repository: {_text(repository)}", f"    name: {_text(name)}"]
        lines += [f"    version: {_text(version)}"]
        lines += [f"    newest: {newest}"] if newest != 1 else []
        lines += ["    pinned:"]
        for pin in pins:
            lines += [
                f"      - version: {_text(pin.version)}",
                f"        source: {_text(pin.source)}",
                f"        digest: {pin.digest}",
                f"        content: {pin.content}",
                f"        size: {pin.size}",
            ]
    return "\n".join(lines) + "\n"


_ADVICE = "restore it from version control, or remove what is wrong and run `regsync lock`"


def _take(entry: Node, locked: dict[Asked, Locked], found: list[Diagnostic]) -> None:
    repository, name, version = (entry.fields[each].text for each in ("repository", "name", "version"))
    newest = entry.find("newest")
    number = newest.value if newest and isinstance(newest.value, int) else 1
    asked = repository, name, version, number
    pins = []
    if first := locked.get(asked):
        summary = f"{name} `{version}` is pinned twice"
        related = [(first.mark, "first pinned here")]
        found.append(problem("RS135", entry.mark, summary, advice=_ADVICE, related=related))
    for node in entry.fields["pinned"].elements:
        version_, source, digest, content = (
            node.fields[each].text for each in ("version", "source", "digest", "content")
        )
        pin = Pin(version_, source, digest, content, int(str(node.fields["size"].value)))
        pins.append(pin)
        if flaw := _flaw(pin, repository, name, version):
            mark = node.fields["source" if "source" in flaw else "version"].mark
            found.append(problem("RS135", mark, flaw, advice=_ADVICE))
    if len(pins) > number:
        summary = f"{len(pins)} versions of {name} are pinned where {number} are asked for"
        found.append(problem("RS135", entry.mark, summary, advice=_ADVICE))
    locked[asked] = Locked(tuple(pins), entry.mark)


def _flaw(pin: Pin, repository: str, name: str, version: str) -> str | None:
    """Why `regsync lock` cannot have pinned this."""
    try:
        fits = matching(version, [pin.version])
    except ValueError:
        fits = []
    if not fits:
        return f"{name} {pin.version} does not match `{version}`"
    if repository.startswith("oci://"):
        expected = f"{repository}/{name}:{chart_tag(pin.version)}"
        if pin.source != expected:
            return f"the source of {name} {pin.version} is not {expected}"
    elif pin.source.startswith("oci://"):
        return f"the source of {name} {pin.version} is not in a chart repository"
    return None


def _text(text: str) -> str:
    """A text in quotes, which JSON and YAML write alike."""
    return json.dumps(text, ensure_ascii=True)
