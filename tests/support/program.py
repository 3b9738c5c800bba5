"""Runs the program as a process of its own, for what only a process has: signals, a sudden end, an exit status."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_RUN = 60.0


@contextmanager
def running(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start `regsync ARGUMENTS` in directory `cwd`; at the end of the context, or after a minute, it is killed."""
    command = [sys.executable, "-m", "regsync", *arguments]
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(LONGEST_RUN, process.kill)
    deadline.start()
    with process:
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()


def await_line(process: subprocess.Popen[str], text: str) -> None:
    """Read the process's stderr up to the line that holds `text`."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"the program ended without a word of {text!r}")
