"""A chart repository: an `index.yaml` on a web server, and archives wherever it says. Knows no OCI registry."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

from regsync.content.chart import read_chart
from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.registry import AuthMethod
from regsync.model.upstream import Pin, UpstreamChart
from regsync.registries.base import Shared
from regsync.sources.archives import Archive
from regsync.sources.base import Fetched, Means, Offer, Source, check_identity, check_pin, spec_of
from regsync.sources.index import BadIndex, Entry, read_index
from regsync.transport.client import Transport
from regsync.transport.retry import noted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_INDEX = 128 << 20
"""Bytes of the largest index that is read; the largest that is known has some 30 MB."""
INDEX_SECONDS = 300.0

_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


class ChartRepository(Source):
    """One chart repository, of which the index is read once, for the charts called `names`."""

    def __init__(
        self,
        chart: UpstreamChart,
        names: Collection[str],
        means: Means,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(chart.repository)
        self._chart = chart
        self._names = names
        self._archives = means.archives
        self._clock = clock
        self._base = chart.repository.rstrip("/") + "/"
        self._shared = Shared()
        self._transport = Transport(
            spec_of(chart, f"{parts.scheme}://{parts.netloc}"),
            environment=means.environment,
            parallelism=means.parallelism,
            read_only=True,
            greets=False,
            log=means.trace,
        )

    def offers(self, name: str, wanted: str) -> Sequence[Offer]:
        return [Offer(each.version, next(iter(each.urls), ""), each.digest) for each in self._entries(name)]

    def created(self, name: str, offer: Offer) -> datetime | None:
        texts = (each.created for each in self._entries(name) if each.version == offer.version)
        return _time(next(texts, ""))

    def fetch(self, name: str, offer: Offer) -> Fetched:
        placed = self._placed(name, offer)
        return self._fetched(name, placed, self._download(placed.source, placed.digest))

    def fetch_pinned(self, name: str, pin: Pin) -> Fetched:
        archive = self._archives.get(pin.digest) or self._download(pin.source, pin.digest)
        return check_pin(pin, self._fetched(name, Offer(pin.version, pin.source, pin.digest), archive))

    def close(self) -> None:
        self._transport.close()

    def _entries(self, name: str) -> list[Entry]:
        index: dict[str, list[Entry]] | RegistryError = self._shared.get("index", self._index)
        if isinstance(index, RegistryError):
            raise noted(index, "")
        if name not in index:
            raise NotFound(
                f"{self._base}index.yaml lists no chart called {name}",
                hint=f"check the name and the repository ({self._chart.at('name')})",
            )
        return index[name]

    def _index(self) -> dict[str, list[Entry]] | RegistryError:
        """The index, or why there is none: a repository that is down is not asked again for every chart."""
        try:
            return self._read_index()
        except RegistryError as error:
            return error

    def _read_index(self) -> dict[str, list[Entry]]:
        url = f"{self._base}index.yaml"
        try:
            with self._open(url) as stream:
                bounded = io.BufferedReader(_Bounded(stream, url, self._clock))
                return read_index(bounded, self._names)
        except BadIndex as error:
            raise NotARegistry(
                f"{url} is not the index of a chart repository: {error}",
                hint=f"check the repository ({self._chart.at('repository')})",
            ) from None

    def _placed(self, name: str, offer: Offer) -> Offer:
        """An offer of the index with a whole URL and digest. Raises ProtocolError where it leads nowhere."""
        what = f"{self._base}index.yaml: {name} {offer.version}"
        if not offer.source:
            raise ProtocolError(f"{what} has no URL")
        try:
            source = urljoin(self._base, offer.source)
            parts = urlsplit(source)
        except ValueError:
            raise ProtocolError(f"{what} is at no URL") from None
        if parts.scheme == "oci":
            raise ProtocolError(
                f"{what} is in another registry: {source}", hint="name that registry as the `repository`"
            )
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            raise ProtocolError(f"{what} is at no URL that can be fetched without a login in it")
        found = _SHA256.fullmatch(offer.digest or "")
        if offer.digest and not found:
            raise ProtocolError(f"{what} has a digest that is none of sha256: {offer.digest[:80]}")
        return Offer(offer.version, source, f"sha256:{found[1]}" if found else None)

    def _download(self, url: str, digest: str | None) -> Archive:
        kept = self._archives.get(digest) if digest else None
        if kept is not None:
            return kept
        with self._open(url) as stream:
            return self._archives.keep(stream, url, digest)

    def _fetched(self, name: str, offer: Offer, archive: Archive) -> Fetched:
        chart = read_chart(archive.path, offer.source)
        if chart.chart is None:
            raise ProtocolError(
                f"{offer.source} is no chart that can be pushed: {chart.diagnostics[0].summary}",
                hint="Helm would refuse it, too: ask its publisher, or ask for another version",
            )
        check_identity(name, offer, chart.chart.name, chart.chart.version)
        content = chart.chart.content
        pin = Pin(offer.version, offer.source, archive.digest, content.digest, archive.size)
        return Fetched(pin, content, archive, chart.chart.config)

    @contextmanager
    def _open(self, url: str) -> Iterator[BinaryIO]:
        """The bytes at a URL; only the repository's own host sees its login."""
        try:
            with self._transport.stream(url) as stream:
                yield stream
        except RegistryError as error:
            raise self._explained(error) from None

    def _explained(self, error: RegistryError) -> RegistryError:
        """The same error, in terms of a web server where the transport speaks of registries."""
        chart = self._chart
        if error.status == 404:
            at = chart.at("repository")
            return NotFound(error.message, hint=f"check the repository ({at})", status=404)
        if error.status in {401, 403} and isinstance(error, AuthenticationFailed | PermissionDenied):
            named = chart.auth.method is not AuthMethod.NONE
            hint = "check the login, and what it may read" if named else "name the login in `auth`"
            return type(error)(error.message, hint=f"{hint} ({chart.at('auth')})", status=error.status)
        return error


def _time(text: str) -> datetime | None:
    """An RFC 3339 time as Go writes it, with up to nine digits of a second."""
    try:
        time = datetime.fromisoformat(_FRACTION.sub(r".\1", text))
    except ValueError:
        return None
    return time if time.tzinfo else None


class _Bounded(io.RawIOBase):
    """Passes an index on, up to what one may have and as long as it may take."""

    def __init__(self, stream: BinaryIO, url: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self._stream = stream
        self._url = url
        self._clock = clock
        self._until = clock() + INDEX_SECONDS
        self._left = LARGEST_INDEX

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        part = self._stream.read(len(into))
        self._left -= len(part)
        if self._left < 0:
            raise ProtocolError(
                f"{self._url} has more than {LARGEST_INDEX >> 20} MiB",
                hint="ask for a smaller index, or name the registry (oci://) that has the same charts",
            )
        if self._clock() > self._until:
            raise Unreachable(f"{self._url} did not arrive within {INDEX_SECONDS:.0f} s")
        into[: len(part)] = part
        return len(part)
