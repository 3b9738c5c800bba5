"""Installs Prism, which judges requests by an API description, into .tools/prism, from npm.

It is an extra witness, not a need: without npm or without its registry nothing is installed, and the tests that would
ask it are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".tools" / "prism"
PACKAGE = "@stoplight/prism-cli@5.14.2"  # later ones want Node 24
STAMP = FOLDER / "installed"


def install(npm: str) -> bool:
    """Install Prism, in the place of any other version of it; say whether that went well."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run([npm, "install", *options, "--prefix", FOLDER, PACKAGE], check=False)
    if done.returncode == 0:
        STAMP.write_text(PACKAGE, encoding="utf-8")
    return done.returncode == 0


if __name__ == "__main__":
    npm = shutil.which("npm")
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == PACKAGE:
        print(f"tools: prism is there ({PACKAGE})", flush=True)
    elif npm is None or shutil.which("node") is None:
        print("tools: prism is left out, for there is no npm on PATH", flush=True)
    else:
        print(f"tools: installing prism ({PACKAGE})", flush=True)
        if not install(npm):
            print("tools: prism is left out, for npm could not install it, see above", flush=True)
