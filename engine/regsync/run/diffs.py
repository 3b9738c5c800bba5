"""Adds to a plan what changes inside each pack: reads the live layers of packs that differ, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from regsync.content.diff import diff_contents
from regsync.content.index import OtherContent, read_layer
from regsync.model.errors import RegsyncError
from regsync.model.plan import Change, Plan
from regsync.model.state import DesiredArtifact, DesiredState, LiveArtifact, LiveState
from regsync.registries.base import Registry
from regsync.run.threads import results

LARGEST_LAYER = 64 * 1024 * 1024
"""Bytes of a live layer above which it is not fetched for a diff alone."""

_IN_MEMORY = 4 * 1024 * 1024


def add_diffs(
    plan: Plan,
    desired: DesiredState,
    live: LiveState,
    registries: Mapping[str, Registry],
    *,
    pool: ThreadPoolExecutor,
) -> Plan:
    """`plan`, where every change of a pack's content carries its file diffs or a note why there are none."""
    artifacts = {each.address: each for registry in desired.registries for each in registry.artifacts}

    def with_diff(change: Change) -> Change:
        artifact = artifacts.get(change.address)
        there = live.registries[change.address.registry].artifacts.get(change.address)
        if artifact is None or there is None or there.content in (None, artifact.content.digest):
            return change
        return _with_diff(change, artifact, there, registries[change.address.registry])

    return replace(plan, changes=tuple(results(pool, with_diff, plan.changes)))


def _with_diff(change: Change, desired: DesiredArtifact, live: LiveArtifact, registry: Registry) -> Change:
    size = live.layer_size
    if size is None or size > LARGEST_LAYER:
        return _noted(change, "the live layer is too large to be fetched for a diff")
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        spool = cast(BinaryIO, file)
        try:
            with registry.open_layer(live) as layer:
                copyfileobj(layer, spool)
        except RegsyncError as error:
            return _noted(change, f"no diff: {error.message}")
        spool.seek(0)
        before = read_layer(spool)
        if isinstance(before, OtherContent):
            return _noted(change, f"no diff: {before.reason}")
        spool.seek(0)
        diffs = diff_contents(before, desired.content, spool, desired.folder)
    return replace(change, diffs=diffs)


def _noted(change: Change, note: str) -> Change:
    return replace(change, notes=(*change.notes, note))
