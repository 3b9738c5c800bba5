"""What a source of charts offers to the rest, and what is fetched from it. Knows no wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from regsync.model.content import Content
from regsync.model.errors import ProtocolError
from regsync.model.registry import Provider, RegistrySpec, RegistryType
from regsync.model.upstream import Pin, UpstreamChart
from regsync.registries.base import Copied
from regsync.sources.archives import Archive, Archives


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that a source has, where, and the digest of its archive where the source states one; both as the source
    has them."""

    version: str
    source: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A chart at hand: what pins it, its content, and its archive.

    From a chart repository come the very archive, and the config that `helm push` would write for it; from another
    registry everything as it stands there (`copied`).
    """

    pin: Pin
    content: Content
    archive: Archive
    config: bytes
    copied: Copied | None = None


class Listing(Protocol):
    """The versions of charts that there are. Thread-safe; methods raise RegistryErrors."""

    def offers(self, name: str, wanted: str) -> Sequence[Offer]:
        """The versions of a chart among which those that `wanted` stands for are."""

    def created(self, name: str, offer: Offer) -> datetime | None:
        """When a version came into being, as its publisher says; None where it is not told."""


class Source(Listing, Protocol):
    """One chart repository or registry. Reads only."""

    def fetch(self, name: str, offer: Offer) -> Fetched:
        """Get one version; it must be the chart and version that it is offered as."""

    def fetch_pinned(self, name: str, pin: Pin) -> Fetched:
        """Get what was pinned, from the cache where it is there. Raises ProtocolError where it is something else by now."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """With what sources are reached: environment variables, requests at once, the cache, and who is told of requests."""

    environment: Mapping[str, str]
    archives: Archives
    parallelism: int = 8
    trace: Callable[[str], None] = lambda line: None


def spec_of(chart: UpstreamChart, endpoint: str) -> RegistrySpec:
    """What the transport has to know of a source: where it is, how to log in, and where the user has written that."""
    origins = {**chart.origins, "endpoint": chart.at("repository")}
    return RegistrySpec(
        name=chart.repository,
        owner="",
        provider=Provider.HELM,
        type=RegistryType.BASIC,
        endpoint=endpoint,
        shown_endpoint=endpoint,
        base_content_paths=(),
        origin=chart.origin,
        auth=chart.auth,
        tls=chart.tls,
        origins=origins,
    )


def check_identity(name: str, offer: Offer, found_name: str, found_version: str) -> None:
    """Raise ProtocolError where a chart is not the one that it was offered as."""
    if (found_name, found_version) != (name, offer.version):
        raise ProtocolError(
            f"{offer.source} holds {found_name} {found_version}, but is offered as {name} {offer.version}",
            hint="tell the publisher of the chart; until it is mended, ask for another version",
        )


def check_pin(pin: Pin, fetched: Fetched) -> Fetched:
    """What was fetched for a pin. Raises ProtocolError where it is something else."""
    if fetched.pin != pin:
        differs = [
            part
            for part in ("version", "digest", "content", "size")
            if getattr(pin, part) != getattr(fetched.pin, part)
        ]
        raise ProtocolError(
            f"{pin.source} is not what was pinned: it differs in {' and '.join(differs)}",
            hint="if the lock file was edited by hand, restore it; else see what was published anew, and pin that "
            "with `regsync lock --update NAME`",
        )
    return fetched
