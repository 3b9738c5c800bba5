"""What is compared: the commands of each contender, as a user types them, and the server that they talk to."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.packs import Pack
from tests.support.servers import DistributionServer

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"
REGSYNC = Path(sys.executable).with_name("regsync")
BASE = "bench"
MANIFEST = """\
apiVersion: regsync/v1
kind: Registry
metadata: {{name: bench}}
spec:
  provider: pack
  type: basic
  endpoint: http://{host}
  baseContentPaths: [{base}]
  auth: {{method: none}}
  content:
    - packs: {content}
"""


class MeasuredServer(DistributionServer):
    """A fresh CNCF Distribution server that tells what it was asked and what that cost it."""

    def processor(self) -> float:
        """Return the processor time that the server has used, in seconds (proc(5): fields 14 and 15)."""
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def served(self) -> int:
        """Return how many requests were served; waits for the access log, which may come a moment late."""
        count = -1
        while count != (count := len(self.requests())):
            time.sleep(0.05)
        return count


@dataclass(frozen=True, slots=True)
class Pusher:
    """A program that pushes one file as an artifact. `push` gives its arguments for host, reference and file."""

    program: Path
    push: Callable[[str, str, str], Sequence[str]]

    @property
    def name(self) -> str:
        return self.program.name


def find_pusher() -> Pusher:
    """Return `oras` from .tools/bin or PATH, else the `regctl` of .tools/bin in its place."""

    def oras(_host: str, reference: str, file: str) -> Sequence[str]:
        return ("push", "--plain-http", reference, file)

    def regctl(host: str, reference: str, file: str) -> Sequence[str]:
        types = (
            *("--config-type", "application/vnd.unknown.config.v1+json"),
            *("--file-media-type", "application/vnd.oci.image.layer.v1.tar"),
        )
        server = ("--host", f"reg={host},tls=disabled")
        return (*server, "artifact", "put", *types, "--file-title", "--file", file, reference)

    if found := shutil.which("oras", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}"):
        return Pusher(Path(found), oras)
    return Pusher(TOOLS / "regctl", regctl)


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to bring packs into a registry.

    `cold` and `repeat` prepare, in an empty folder and for a server's host, the command that brings them into an
    empty registry and the one for when nothing has changed since.
    """

    name: str
    cold: Callable[[Path, str], Sequence[str | Path]]
    repeat: Callable[[Path, str], Sequence[str | Path]]


def tar_and_push(pusher: Pusher, packs: Sequence[Pack], at_once: int) -> Contender:
    """Pack and push each folder, so many at once; the same again when nothing changed, as these tools cannot tell."""

    def command(folder: Path, host: str) -> Sequence[str | Path]:
        lines = []
        for pack in packs:
            archive = f"{pack.name}-{pack.version}.tar.gz"
            reference = f"{host}/{BASE}/spectro-packs/archive/{pack.name}:{pack.version}"
            tar = ("tar", "-czf", archive, "-C", str(pack.folder.parent), pack.folder.name)
            push = (str(pusher.program), *pusher.push(host, reference, archive))
            lines.append(f"{shlex.join(tar)} && {shlex.join(push)}")
        (folder / "commands").write_bytes("\0".join(lines).encode())
        return ("sh", "-c", f"exec xargs -0 -n 1 -P {at_once} sh -c < commands")

    manner = "one by one" if at_once == 1 else f"{at_once} at a time"
    return Contender(f"tar + {pusher.name}, {manner}", command, command)


def regsync(packs: Path) -> Contender:
    """Apply a manifest that names the folder of packs; plan it again when nothing changed."""

    def manifest(folder: Path, host: str) -> Path:
        path = folder / "bench.yaml"
        content = f"{os.path.relpath(packs, folder)}/*"
        path.write_text(MANIFEST.format(host=host, base=BASE, content=json.dumps(content)), encoding="utf-8")
        return path

    return Contender(
        "regsync",
        lambda folder, host: (REGSYNC, "apply", "--auto-approve", manifest(folder, host)),
        lambda folder, host: (REGSYNC, "plan", "--detailed-exitcode", manifest(folder, host)),
    )
