"""What the layers of a live registry hold: remembered by their digests, else read once. Knows no vendor and no wire."""

from __future__ import annotations

from regsync.content.chartlayer import read_chart_layer, signed
from regsync.content.index import read_layer
from regsync.model.content import Content
from regsync.model.reference import sha256_digest
from regsync.registries.base import LayerIndexes, Store
from regsync.registries.image import Image, Layer


class Contents:
    """The contents of the layers in a store."""

    def __init__(self, store: Store, indexes: LayerIndexes) -> None:
        self._store = store
        self._indexes = indexes

    def digest(self, path: str, image: Image, layer: Layer) -> str | None:
        """The content digest of what `image` says of `layer` in a repository, None where it is neither pack nor chart.

        Raises RegistryError.
        """
        content = self._read(path, layer.digest, is_chart=image.is_chart)
        if content is not None and image.provenance is not None:
            proof = image.provenance
            content = signed(content, (layer.digest, layer.size), (proof.digest, proof.size))
        return None if content is None else content.digest

    def _read(self, path: str, digest: str, *, is_chart: bool) -> Content | None:
        # A layer's readings as a pack and as a chart are two, each with an entry of its own.
        key = sha256_digest(f"chart {digest}".encode()) if is_chart else digest
        known = self._indexes.get(key)
        if known is None:
            with self._store.open_blob(path, digest) as stream:
                # to the end, where the digest is checked
                read = read_chart_layer(stream) if is_chart else read_layer(stream)
            known = (read if isinstance(read, Content) else None,)
            self._indexes.put(key, known[0])
        return known[0]
