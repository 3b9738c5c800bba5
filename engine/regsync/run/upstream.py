"""Charts from elsewhere as content of registries: pinned by the lock file, fetched only when their bytes are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from regsync.model.content import Content
from regsync.model.upstream import Pin, UpstreamChart
from regsync.sources.base import Fetched

Fetch = Callable[[UpstreamChart, Pin], Fetched]


@dataclass(frozen=True, slots=True)
class Upstream:
    """One version of a chart from elsewhere. Its content has no files before it is fetched."""

    chart: UpstreamChart
    pin: Pin
    fetch: Fetch

    @property
    def content(self) -> Content:
        return Content(self.pin.content, ())

    def fetched(self) -> Fetched:
        """The chart itself, from the cache where it is there. Raises RegsyncErrors."""
        return self.fetch(self.chart, self.pin)
