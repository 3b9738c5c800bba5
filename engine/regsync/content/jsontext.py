"""Where in a JSON text a value stands. Knows nothing of what the values mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def offset_of(text: str, *path: str | int) -> int:
    """The offset of the value that `path` (keys and list indexes) leads to in a valid JSON text.

    Where the path does not lead all the way, the offset of the last value that it reaches.
    """
    at = _after_blank(text, 0)
    for step in path:
        found = None
        for key, offset in _children(text, at):
            if key == step:
                found = offset  # the last of equal keys is the one that parsers keep
        if found is None:
            break
        at = found
    return at


def token_at(text: str, offset: int) -> str:
    """The value at `offset` as it is written."""
    return text[offset : _DECODER.raw_decode(text, offset)[1]]


def _children(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """The keys or indexes of the object or list at `at`, each with the offset of its value."""
    if text[at] not in "{[":
        return
    keyed = text[at] == "{"
    at = _after_blank(text, at + 1)
    index = 0
    while text[at] not in "}]":
        key: str | int = index
        if keyed:
            key, at = _DECODER.raw_decode(text, at)
            at = _after_blank(text, _after_blank(text, at) + 1)
        yield key, at
        at = _after_blank(text, _DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _after_blank(text, at + 1)
        index += 1


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
