"""`init`: a first manifest, from a folder of packs and an endpoint."""

from __future__ import annotations

from pathlib import Path

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.plan import open_workspace
from regsync.cli.status import OK
from regsync.manifest.target import read_target
from regsync.model.registry import RegistryType
from regsync.report.lines import line


def run(
    console: Console,
    endpoint: str,
    *,
    packs: Path,
    out: Path | None,
    kind: RegistryType | None,
) -> int:
    target = read_target(endpoint, kind, console.root)
    with Display(console) as display, open_workspace(console, display, 1) as workspace:
        first = workspace.begin(target, packs, out)
    console.out(line(each) for each in first.text.splitlines())
    for note in first.notes:
        console.note(f"note: {note}")
    console.note(f"wrote {first.file}; next: regsync validate, then regsync plan {first.file}")
    return OK
