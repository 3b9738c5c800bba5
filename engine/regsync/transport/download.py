"""Reads a blob as a file, going on where a broken connection left off. Knows ranges; knows nothing of what is read."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from regsync.model.errors import ProtocolError, Unreachable
from regsync.transport.redact import redact_url
from regsync.transport.retry import ATTEMPTS, SILENT_ATTEMPTS, Again, Patience
from regsync.transport.wire import Answer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Download(io.RawIOBase):
    """The raw bytes of one GET. Its length is checked, its digest is the reader's business.

    `open_at` sends the request for the bytes from an offset on. Reading raises Unreachable when it keeps breaking
    off, ProtocolError when there are more or fewer bytes than stated.
    """

    def __init__(
        self, first: Answer, open_at: Callable[[int], Answer], patience: Patience, size: int | None
    ) -> None:
        super().__init__()
        self._answer = first
        self._open_at = open_at
        self._patience = patience
        self._size = size
        self._at = 0
        self._skip = 0
        self._rest = memoryview(b"")
        self._breaks = 0
        self._begin()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        while not self._rest:
            part = self._next_part()
            if not part:
                return 0
            self._rest = memoryview(part)
        count = min(len(into), len(self._rest))
        into[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._answer.close()
        super().close()

    def _next_part(self) -> bytes:
        """The next bytes that were not read yet; none at the end."""
        while True:
            try:
                part = next(self._parts, b"")
                if not part and self._size is not None and self._at < self._size:
                    raise Again(
                        Unreachable(f"{self._what}: the answer ends {self._size - self._at} bytes early")
                    )
            except Again as broken:
                self._resume(broken)
                continue
            if part and self._skip:
                known = min(self._skip, len(part))
                part, self._skip = part[known:], self._skip - known
                if not part:
                    continue
            self._at += len(part)
            if self._size is not None and self._at > self._size:
                raise ProtocolError(f"{self._what}: more than the stated {self._size} bytes")
            if part:
                self._breaks = 0
            return part

    def _resume(self, broken: Again) -> None:
        self._breaks += 1
        if self._breaks >= (SILENT_ATTEMPTS if broken.silent else ATTEMPTS):
            raise broken.error
        self._answer.close()
        self._patience.pause(self._breaks)
        self._answer = self._open_at(self._at)
        self._begin()

    def _begin(self) -> None:
        """Check that the answer goes on from here; a server that knows no ranges sends what was read, too."""
        self._parts = self._answer.parts()
        self._what = f"GET {redact_url(self._answer.target.url)}"
        headers = self._answer.headers
        if self._answer.status == 206:
            found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
            goes_on = found is not None and int(found[1]) == self._at
            if not goes_on or (self._size is not None and found and found[2] not in {"*", str(self._size)}):
                raise ProtocolError(
                    f"{self._what}: 206 with another range than the one from byte {self._at} on"
                )
            return
        self._skip = self._at
        length = headers.get("content-length", "")
        if length.isdigit() and "transfer-encoding" not in headers:
            if self._size is None:
                self._size = int(length)
            elif int(length) != self._size:
                raise ProtocolError(f"{self._what}: {length} bytes where {self._size} were expected")
