"""Finds packs and charts that have changed since the merge base while their version has not. Reaches no registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regsync.content.chart import Chart
from regsync.content.diff import diff_local
from regsync.content.pack import Pack
from regsync.model.content import FileDiff, FileStatus
from regsync.model.diagnostic import Diagnostic, Explanation, Severity
from regsync.model.plan import Base
from regsync.model.registry import Overwrite
from regsync.model.state import DesiredState
from regsync.run.desired import Local, Sources
from regsync.run.revisions.base import BaseState

CODES = {
    "RS305": Explanation(
        "RS305",
        Severity.ERROR,
        "a pack or chart has changed and its version has not",
        "Found by `regsync validate --base REF` only: the files differ from those at the merge base of REF and HEAD, and "
        "pack.json or Chart.yaml gives the same version. Where that version was pushed, its tag keeps what it has, and the "
        "apply after the merge will be blocked; whoever uses the tag cannot tell the two apart. Raise the version, and "
        "where clusters still use the old one, keep its folder beside the new one.\n\n"
        "It is a warning where every registry that gets the pack or chart says `policy: {overwrite: allow}`.",
    )
}

MOST_FILES = 5
MOST_LINES = 12
"""How much of the difference is told: files, and changed lines of each."""


def kept_versions(desired: DesiredState, sources: Sources, then: BaseState) -> list[Diagnostic]:
    """A finding for each pack or chart from a folder or archive whose address held other content at the merge base."""
    changed: dict[str, tuple[Local, Local, Severity]] = {}
    for registry in desired.registries:
        allowed = registry.spec.policy.overwrite is Overwrite.ALLOW
        for address in (each.address for each in registry.artifacts):
            now, before = sources[address], then.sources.get(address)
            if not isinstance(now, Pack | Chart) or not isinstance(before, Pack | Chart):
                continue
            if now.content.digest == before.content.digest or (allowed and now.shown in changed):
                continue
            changed[now.shown] = before, now, Severity.WARNING if allowed else Severity.ERROR
    return [_finding(*each, then.base) for _, each in sorted(changed.items())]


def _finding(before: Local, now: Local, severity: Severity, base: Base) -> Diagnostic:
    noun = "chart" if isinstance(now, Chart) else "pack"
    return Diagnostic(
        "RS305",
        severity,
        f"the {noun} {now.name} {now.version} has changed, and its version has not",
        now.version_origin,
        detail="\n".join((f"since {base}:", *_told(diff_local(before, now)))),
        help="bump the version",
    )


def _told(diffs: Sequence[FileDiff]) -> Iterator[str]:
    for diff in diffs[:MOST_FILES]:
        about = "" if diff.status is FileStatus.CHANGED else diff.status.value
        yield "   ".join(each for each in (diff.path, about, diff.note) if each)
        lines = [each for each in diff.lines if each[0] in "@+-"]
        yield from (f"  {each}" for each in lines[:MOST_LINES])
        if len(lines) > MOST_LINES:
            yield f"  … {len(lines) - MOST_LINES} more lines"
    if len(diffs) > MOST_FILES:
        yield f"… {len(diffs) - MOST_FILES} more files"
