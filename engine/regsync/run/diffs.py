"""Adds to a plan what changes inside each pack and chart: reads the live layers of those that differ, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from regsync.content.chart import Chart
from regsync.content.chartlayer import read_chart_layer, signed
from regsync.content.diff import diff_chart_archives, diff_charts, diff_contents
from regsync.content.index import OtherContent, read_layer
from regsync.content.pack import Pack
from regsync.model.content import FileDiff
from regsync.model.errors import RegsyncError
from regsync.model.plan import Change, Plan
from regsync.model.state import LiveArtifact, LiveState
from regsync.registries.base import Registry
from regsync.run.desired import Source, Sources
from regsync.run.threads import results

LARGEST_LAYER = 64 * 1024 * 1024
"""Bytes of a live layer above which it is not fetched for a diff alone."""

_IN_MEMORY = 4 * 1024 * 1024


def add_diffs(
    plan: Plan,
    sources: Sources,
    live: LiveState,
    registries: Mapping[str, Registry],
    *,
    pool: ThreadPoolExecutor,
) -> Plan:
    """`plan`, where every change of content carries its file diffs or a note why there are none."""

    def with_diff(change: Change) -> Change:
        source = sources.get(change.address)
        if source is None:
            return change
        there = live.registries[change.address.registry].artifacts.get(change.address)
        if there is None or there.content in (None, source.content.digest):
            return change
        return _with_diff(change, source, there, registries[change.address.registry])

    return replace(plan, changes=tuple(results(pool, with_diff, plan.changes)))


def _with_diff(change: Change, source: Source, live: LiveArtifact, registry: Registry) -> Change:
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
        try:
            diffs = _differences(source, live, spool)
        except RegsyncError as error:  # a chart from elsewhere has to be fetched for it
            return _noted(change, f"no diff: {error.message}")
    if isinstance(diffs, OtherContent):
        return _noted(change, f"no diff: {diffs.reason}")
    return replace(change, diffs=diffs)


def _differences(source: Source, live: LiveArtifact, layer: BinaryIO) -> tuple[FileDiff, ...] | OtherContent:
    before = read_layer(layer) if isinstance(source, Pack) else read_chart_layer(layer)
    if isinstance(before, OtherContent):
        return before
    layer.seek(0)
    if isinstance(source, Pack):
        return diff_contents(before, source.content, layer, source.folder)
    if live.provenance is not None:
        before = signed(before, (live.layer_digest or "", live.layer_size or 0), live.provenance)
    if isinstance(source, Chart):
        return diff_charts(before, source, layer)
    fetched = source.fetched()
    with fetched.archive.open() as archive:
        return diff_chart_archives(before, fetched.content, layer, archive)


def _noted(change: Change, note: str) -> Change:
    return replace(change, notes=(*change.notes, note))
