"""Files that a run leaves behind, written whole or not at all. Knows nothing of what they hold."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write text to `path` by way of a temporary beside it, in UTF-8. Raises OSError.

    A link is followed, not replaced; what is no file (/dev/stdout, a pipe) is written to as it stands.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(pieces)
        return
    target = path.resolve()
    temporary = target.with_name(f".{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
