"""Charts in another registry (`oci://`): its tags, and OCI manifests with their blobs as they stand there.

Knows what Helm makes of tags; the wire is the store's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from regsync.content.chartlayer import read_chart_layer, signed
from regsync.model.content import Content
from regsync.model.errors import ProtocolError
from regsync.model.reference import chart_tag, is_repository, is_tag
from regsync.model.semver import is_strict
from regsync.model.upstream import Pin, UpstreamChart
from regsync.registries.base import Copied, RawManifest, Shared
from regsync.registries.distribution import DistributionStore
from regsync.registries.image import CREATED, IMAGE_MANIFEST, Image, named_blobs, recognise
from regsync.sources.archives import LARGEST, Archive
from regsync.sources.base import Fetched, Means, Offer, Source, check_identity, check_pin, spec_of
from regsync.transport.client import Transport


class OciSource(Source):
    """The charts beneath one path of a registry."""

    def __init__(self, chart: UpstreamChart, means: Means) -> None:
        parts = urlsplit(chart.repository)
        self._chart = chart
        self._archives = means.archives
        self._path = parts.path.strip("/")
        self._shared = Shared()
        self._store = DistributionStore(
            Transport(
                spec_of(chart, f"https://{parts.netloc}"),
                environment=means.environment,
                parallelism=means.parallelism,
                read_only=True,
                log=means.trace,
            )
        )

    def offers(self, name: str, wanted: str) -> Sequence[Offer]:
        """All versions, but for a whole version that one alone: it need not be looked for."""
        if is_strict(wanted):
            return [self._offer(name, wanted)]
        tags = self._store.tags(self._repository(name))
        versions = (tag.replace("_", "+") for tag in tags if is_tag(tag))
        # Helm finds others by their exact names only.
        return [self._offer(name, each) for each in versions if is_strict(each) or each == wanted]

    def created(self, name: str, offer: Offer) -> datetime | None:
        manifest = self._manifest(name, chart_tag(offer.version))
        try:
            time = datetime.fromisoformat(json.loads(manifest.data)["annotations"][CREATED])
        except (ValueError, KeyError, TypeError):
            return None
        return time if time.tzinfo else None

    def fetch(self, name: str, offer: Offer) -> Fetched:
        return self._fetched(name, offer, self._manifest(name, chart_tag(offer.version)))

    def fetch_pinned(self, name: str, pin: Pin) -> Fetched:
        kept = self._archives.get(pin.digest)
        manifest = (
            RawManifest(pin.digest, _media_type(kept.read()), kept.read())
            if kept
            else self._manifest(name, pin.digest)
        )
        return check_pin(pin, self._fetched(name, Offer(pin.version, pin.source), manifest))

    def close(self) -> None:
        self._store.close()

    def _repository(self, name: str) -> str:
        repository = f"{self._path}/{name}" if self._path else name
        if not is_repository(repository):
            raise ProtocolError(f"`{repository}` is no repository name ({self._chart.at('repository')})")
        return repository

    def _offer(self, name: str, version: str) -> Offer:
        return Offer(version, f"{self._chart.repository}/{name}:{chart_tag(version)}")

    def _manifest(self, name: str, reference: str) -> RawManifest:
        """An OCI manifest by its tag, asked for once, or by its digest."""
        repository = self._repository(name)
        found: RawManifest = self._shared.get(
            (name, reference), lambda: self._store.get_manifest(repository, reference)
        )
        return found

    def _fetched(self, name: str, offer: Offer, manifest: RawManifest) -> Fetched:
        image = recognise(manifest)
        if not image.is_chart or image.layer is None:
            raise ProtocolError(f"{offer.source} is no Helm chart: {image.note or 'it holds something else'}")
        blobs = {digest: self._blob(name, digest, size) for digest, size in named_blobs(manifest)}
        layer = blobs[image.layer.digest]
        config = blobs[json.loads(manifest.data)["config"]["digest"]].read()
        check_identity(name, offer, *_identity(config, offer.source))
        content = _content(layer, image, offer.source)
        if self._archives.get(manifest.digest) is None:
            self._keep(manifest, offer.source)
        pin = Pin(offer.version, offer.source, manifest.digest, content.digest, layer.size)
        return Fetched(pin, content, layer, config, Copied(manifest, tuple(blobs.values()), content.digest))

    def _blob(self, name: str, digest: str, size: int) -> Archive:
        if size > LARGEST:
            raise ProtocolError(
                f"the blob {digest} of {name} has more than {LARGEST >> 20} MiB, which no chart has"
            )
        kept = self._archives.get(digest)
        if kept is not None:
            return kept
        with self._store.open_blob(self._repository(name), digest) as stream:
            return self._archives.keep(stream, f"blob {digest} of {name}", digest)

    def _keep(self, manifest: RawManifest, what: str) -> None:
        self._archives.keep(io.BytesIO(manifest.data), what, manifest.digest)


def _content(layer: Archive, image: Image, source: str) -> Content:
    with layer.open() as file:
        content = read_chart_layer(file)
    if not isinstance(content, Content):
        raise ProtocolError(f"{source} {content.reason}")
    if image.provenance is not None:
        proof = image.provenance
        content = signed(content, (layer.digest, layer.size), (proof.digest, proof.size))
    return content


def _identity(config: bytes, source: str) -> tuple[str, str]:
    """Name and version as the config has them."""
    try:
        chart: Any = json.loads(config)
        return str(chart["name"]), str(chart["version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProtocolError(f"{source} has a config that is none of a chart") from None


def _media_type(data: bytes) -> str:
    """The type of a kept OCI manifest: `helm push` leaves it out of the document."""
    try:
        return str(json.loads(data).get("mediaType", IMAGE_MANIFEST))
    except (ValueError, AttributeError, RecursionError):
        return IMAGE_MANIFEST
