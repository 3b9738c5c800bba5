"""Which versions a range stands for: the newest, unless they are too fresh. Knows no source of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from regsync.model.errors import RegsyncError
from regsync.model.semver import matching, parse_version
from regsync.model.upstream import UpstreamChart
from regsync.sources.base import Listing, Offer


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, newest first, and the versions that were held back for being too fresh."""

    offers: tuple[Offer, ...]
    held_back: tuple[str, ...] = ()


def choose(chart: UpstreamChart, listing: Listing, now: datetime) -> Choice:
    """The `newest` versions of a chart that lie in its range and are old enough.

    What does not tell its age is too fresh for any `min_age`. Raises RegsyncError where nothing is left, and
    RegistryErrors of the listing.
    """
    offers: dict[str, Offer] = {}
    for each in listing.offers(chart.name, chart.version):
        offers.setdefault(each.version, each)
    chosen: list[Offer] = []
    held_back: list[str] = []
    for version in matching(chart.version, offers):
        offer = offers[version]
        if chart.min_age and not _is_old_enough(chart, listing, offer, now):
            held_back.append(version)
            continue
        chosen.append(offer)
        if len(chosen) == chart.newest:
            break
    if chosen:
        return Choice(tuple(chosen), tuple(held_back))
    if held_back:
        raise RegsyncError(
            f"every version of {chart.name} in `{chart.version}` is younger than minAge, or does not tell its age: "
            + ", ".join(held_back[:5]),
            hint="wait, lower minAge, or widen the range to older versions",
        )
    raise RegsyncError(
        f"no version of {chart.name} in {chart.repository} matches `{chart.version}`",
        hint=_known(list(offers)),
    )


def _is_old_enough(chart: UpstreamChart, listing: Listing, offer: Offer, now: datetime) -> bool:
    created = listing.created(chart.name, offer)
    return created is not None and now - created >= timedelta(seconds=chart.min_age)


def _known(versions: list[str]) -> str:
    """A help line: what there is instead."""
    parsed = [(version.key, text) for text in versions if (version := parse_version(text)) is not None]
    if not parsed:
        return "it has no version at all that Helm would find"
    newest = max(parsed)[1]
    only_early = all(version.prerelease for text in versions if (version := parse_version(text)))
    return f"its newest version is {newest}" + (
        ", and there are only prereleases: a range finds them if it names one, as in `>=0-0`"
        if only_early
        else ""
    )
