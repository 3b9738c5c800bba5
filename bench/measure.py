"""Runs one command and reads from the operating system what it and all its descendants cost.

Knows processes and nothing of registries. As a program it is the small process that starts the command: until it
executes, a child has the memory of the process that made it, so the peak of a small command started by a large
process would be the large one's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and processor time in seconds; `peak` is the memory of the largest single process in bytes."""

    wall: float
    processor: float
    peak: int


class CommandFailed(Exception):
    """The command ended with another status than 0; the message has the end of what it printed."""


def measure(
    command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str], log: Path
) -> Cost:
    """Run a command in a folder with exactly this environment, and return what it cost.

    What it prints goes to `log`. Raises CommandFailed unless it exits with 0.
    """
    launcher = [sys.executable, "-I", "-S", __file__, log, *command]
    ended = subprocess.run(launcher, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    said = json.loads(ended.stdout)
    if said.pop("status") != 0:
        shown = " ".join(str(part) for part in command)
        raise CommandFailed(f"{shown} failed:\n{log.read_text(errors='replace')[-2000:]}")
    return Cost(**said)


def launch(log: str, command: Sequence[str]) -> None:
    """Run the command and print its status and cost as JSON."""
    with Path(log).open("wb") as output:
        begun = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
    unit = 1 if sys.platform == "darwin" else 1024
    said = {
        "status": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * unit,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])
