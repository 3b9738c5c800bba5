"""Runs the program in this process as a user would and gathers what it says."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from regsync.cli.main import run


@dataclass(frozen=True)
class Ran:
    """What a command line printed and ended with."""

    status: int
    out: str
    err: str


def regsync(*arguments: str | Path, cwd: Path | None = None) -> Ran:
    """Run `regsync ARGUMENTS` in directory `cwd`. Neither stream is a terminal and stdin is empty."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = run([os.fspath(each) for each in arguments])
    return Ran(status, out.getvalue(), err.getvalue())
