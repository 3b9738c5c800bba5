"""Manifests that are written for the user to keep: new files only."""

from __future__ import annotations

from pathlib import Path

from regsync.manifest.schema import schema_text
from regsync.manifest.write import SCHEMA
from regsync.model.errors import Refused, RegsyncError


def refuse_existing(root: Path, file: Path) -> None:
    """Raise Refused where a file is there already."""
    if (root / file).exists():
        raise Refused(
            f"{file.as_posix()} is there already, and nothing is overwritten",
            hint=f"`regsync import --unmanaged {file.as_posix()}` tells what is live and not named in it; move it away to "
            "have it written anew; --out is for what no manifest declares",
        )


def write_manifest(root: Path, file: Path, text: str) -> None:
    """Write a manifest that is not there yet and, where it is missing, the schema for editors beside it.

    Raises Refused where the manifest is there, RegsyncError where it cannot be written.
    """
    refuse_existing(root, file)
    path = root / file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as manifest:
            manifest.write(text)
        schema = path.with_name(SCHEMA)
        if not schema.exists():
            schema.write_text(schema_text("manifest"), encoding="utf-8")
    except OSError as failure:
        raise RegsyncError(f"cannot write {file.as_posix()}: {failure.strerror}") from None
