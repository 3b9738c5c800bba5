"""Saved plans: written atomically, read back and verified."""

from __future__ import annotations

import json
from pathlib import Path

from regsync.model.codec import pieces, plan_from_json, plan_to_json
from regsync.model.errors import Refused, UsageError
from regsync.model.plan import Plan
from regsync.run.atomic import write_text


def is_plan_file(path: Path) -> bool:
    """Whether `path` is meant to be a saved plan and not a manifest: a JSON object that gives its format first."""
    try:
        with path.open("rb") as file:
            start = file.read(256).lstrip()
    except OSError:
        return False
    return start.startswith(b"{") and b'"format_version"' in start


def may_be_plan_file(path: Path) -> bool:
    """The same for one that may be damaged: by its name, or since it begins as JSON does and no manifest in JSON."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).lstrip()
    except OSError:
        start = b""
    return (
        not path.is_dir()
        and (path.suffix == ".json" or start.startswith(b"{"))
        and b"apiVersion" not in start
    )


def write_plan(path: Path, plan: Plan, *, timestamp: str) -> None:
    """Write `plan` to `path`, a file by way of a temporary beside it. Raises UsageError where that cannot be."""
    try:
        write_text(path, pieces(plan_to_json(plan, timestamp=timestamp)))
    except OSError as error:
        raise UsageError(f"cannot write the plan to {path}: {error.strerror}") from error


def read_plan(path: Path) -> Plan:
    """The plan saved in `path`. Raises UsageError where it cannot be read, Refused where it is damaged or of an
    unknown format."""
    if not path.exists():
        raise UsageError(f"no such plan file: {path}")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Refused(
            f"{path} is no saved plan: it is not JSON", hint="make a new one with regsync plan --out FILE"
        ) from error
    try:
        return plan_from_json(document)
    except Refused as refused:
        raise Refused(f"{path}: {refused.message}", hint=refused.hint) from None
