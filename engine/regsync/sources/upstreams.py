"""All sources of a run, each opened once for all the charts that are taken from it. Knows no wire."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import ExitStack

from regsync.model.upstream import Pin, UpstreamChart
from regsync.sources.base import Fetched, Means, Source
from regsync.sources.chart_repository import ChartRepository
from regsync.sources.oci import OciSource


class Upstreams:
    """The sources of these charts. Reaches nothing before it is asked to."""

    def __init__(self, charts: Iterable[UpstreamChart], means: Means) -> None:
        self._exits = ExitStack()
        self._sources: dict[Hashable, Source] = {}
        names: dict[Hashable, set[str]] = {}
        for chart in charts:
            key = _key(chart)
            names.setdefault(key, set()).add(chart.name)
            if key not in self._sources:
                # The set of names goes on growing until the last chart was seen.
                source = (
                    OciSource(chart, means) if chart.is_oci else ChartRepository(chart, names[key], means)
                )
                self._exits.callback(source.close)
                self._sources[key] = source

    def of(self, chart: UpstreamChart) -> Source:
        """The source that one of the charts is taken from."""
        return self._sources[_key(chart)]

    def fetch_pinned(self, chart: UpstreamChart, pin: Pin) -> Fetched:
        """See `Source`."""
        return self.of(chart).fetch_pinned(chart.name, pin)

    def close(self) -> None:
        """Close all connections."""
        self._exits.close()


def _key(chart: UpstreamChart) -> Hashable:
    """Equal for charts that are reached in the same way, wherever that is written."""
    trust = chart.tls
    files = trust.ca_file, trust.cert_file, trust.key_file
    return chart.repository, str(chart.auth), files, trust.insecure_skip_verify
