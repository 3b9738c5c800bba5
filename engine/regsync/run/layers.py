"""Packs and charts made into layers, each once for all the registries it goes to. Knows no registry."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from regsync.content.archive import SpooledLayer, pack_archive
from regsync.content.chart import Chart, pack_chart
from regsync.content.pack import Pack
from regsync.registries.base import Copied, Payload
from regsync.run.desired import Source
from regsync.run.upstream import Upstream


class Layers:
    """Packed layers, each let go after the last change that pushes it.

    Packing is one at a time: it is bound by the interpreter, and several at once are slower than one.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._packing = threading.Lock()
        self._users = Counter(_key(each) for each in sources)
        self._layers: dict[Hashable, SpooledLayer] = {}

    def payload(self, source: Source, owner: str) -> Payload | Copied:
        """What to push for `source`. Raises ContentError where its folder or archive is not what was planned, and other
        RegsyncErrors where it cannot be fetched."""
        if isinstance(source, Upstream):
            fetched = source.fetched()
            return fetched.copied or Payload(
                fetched.archive, "", fetched.content.digest, owner, fetched.config
            )
        with self._packing:
            layer = self._layers.get(_key(source))
            if layer is None:
                layer = self._layers[_key(source)] = _packed(source)
        content = source.content.digest
        if isinstance(source, Chart):
            return Payload(layer, "", content, owner, source.config, source.provenance)
        return Payload(layer, source.title, content, owner)

    @contextmanager
    def kept(self, source: Source | None) -> Iterator[None]:
        """Keeps the layer of `source` until the last change that pushes it has ended."""
        try:
            yield
        finally:
            if source is not None:
                with self._packing:
                    self._users[_key(source)] -= 1
                    layer = None if self._users[_key(source)] else self._layers.pop(_key(source), None)
                if layer is not None:
                    layer.close()


def _packed(source: Pack | Chart) -> SpooledLayer:
    if isinstance(source, Chart):
        return pack_chart(source)
    return pack_archive(source.folder, source.shown, source.content, source.title)


def _key(source: Source) -> Hashable:
    """Equal for what gives the same layer. An archive of a chart is pushed as it is, so it stands for itself."""
    if isinstance(source, Upstream):
        return source.pin
    if isinstance(source, Chart):
        return source.content.digest, source.archive and source.archive.sha256
    return source.content.digest, source.title
