"""Blobs that are taken over from another live registry, streamed from there and never kept."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, cast

from regsync.registries.base import Store


@dataclass(frozen=True, slots=True)
class RemoteBlob:
    """A blob of another live registry, read anew each time it is opened."""

    store: Store
    repository: str
    digest: str
    size: int

    def open(self) -> BinaryIO:
        exits = ExitStack()
        try:
            stream = exits.enter_context(self.store.open_blob(self.repository, self.digest))
        except BaseException:
            exits.close()
            raise
        return _Closing(stream, exits)


class _Closing(io.BufferedReader):
    """A stream that ends what it was opened in when it is closed."""

    def __init__(self, stream: BinaryIO, exits: ExitStack) -> None:
        super().__init__(cast(io.RawIOBase, stream))
        self._exits = exits

    def close(self) -> None:
        with self._exits:
            super().close()
