"""What counts as a file of a pack, wherever it is read: in a folder or in an archive. Knows names and limits only."""

from __future__ import annotations

import re
import unicodedata

MAX_ENTRIES = 50_000
"""Files and folders in one pack, followed links included. Folder and archive share the limits of this module:
what can be pushed can be read back."""

MAX_PATH = 1024
"""UTF-8 bytes in a path below the pack's folder."""

MAX_SIZE = 8 * 1024**3 - 1
"""Bytes of all files of a pack, unpacked: what the size field of one tar header can tell (POSIX ustar)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is left behind by macOS and no part of a pack."""
    return name.startswith("._") or name in (".DS_Store", "__MACOSX")


def normal(path: str) -> str:
    """`path` in the normal form (NFC) under which contents are compared: macOS decomposes names, others do not."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def refusal(path: str) -> str | None:
    """Why no file of a pack may have this path, or None where it may."""
    if not path.isprintable() and _CONTROL.search(path):
        return "has a control character in its name"
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return f"has a path of more than {MAX_PATH} bytes" if length > MAX_PATH else None


def printable(text: str) -> str:
    """`text` with control characters and undecodable bytes as escapes, so that no name can steer a terminal."""
    visible = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return visible.encode("utf-8", "backslashreplace").decode()
