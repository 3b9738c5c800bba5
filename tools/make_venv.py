"""Makes .venv with the project (editable) and its pinned development set; called by justw with any Python 3.11+.

The stamp that justw compares is written last, so an interrupted set-up has none and is made anew. A lock that
the system releases with its process keeps concurrent first calls apart.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "justw.stamp"
LOCK = ROOT / ".venv.lock"
PATIENCE = 900  # seconds that another call may take for the same work


def lock() -> None:
    """Take the lock for the life of this process, or leave with a message after PATIENCE seconds."""
    handle = os.open(LOCK, os.O_CREAT | os.O_RDWR)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"justw: another call has been making {VENV} for {PATIENCE} seconds; giving up")
            time.sleep(0.2)


def stamped() -> str:
    """Return what the finished environment was made from; empty where there is none."""
    try:
        return STAMP.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def made_here(stamp: str) -> bool:
    """Tell whether the environment is whole and stands where it was made: scripts in it hold its path."""
    return stamp.endswith(f" {ROOT}")


def make(wanted: str) -> None:
    """Bring .venv to what `wanted` stands for; a whole one is updated, any other replaced."""
    print(f"justw: setting up {VENV}", file=sys.stderr)
    if not made_here(stamped()):
        venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    STAMP.unlink(missing_ok=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    # By environment and not by -c, so that the pins hold for the build backend, too; relative, as pip splits at spaces.
    pins = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), "constraints.txt")
    subprocess.run(
        [*pip, "install", "--editable", ".[dev,docs]"], cwd=ROOT, env=os.environ | pins, check=True
    )
    STAMP.write_text(f"{wanted}\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        lock()
        if stamped() != sys.argv[1]:
            make(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"justw: the set-up failed; the next call starts anew\njustw: {problem}")
