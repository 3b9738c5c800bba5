"""JSON as Go's encoding/json writes it: the digests of documents that Go programs write depend on every byte."""

from __future__ import annotations

import json

# These five are escaped so that a document is safe inside HTML.
_ESCAPES = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})


def go_json(document: object) -> bytes:
    """The compact form of `document`, members in the order in which they are given.

    Go sorts the keys of maps and keeps the order of structs, which are told apart by the caller. Go before 1.22 writes
    U+0008 and U+000C in another way.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES).encode()
