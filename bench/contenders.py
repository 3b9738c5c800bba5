"""What is compared: the commands of each contender, as a user types them, and the server that it talks to."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.packs import Pack
from bench.servers import Distribution, Ecr, Server

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"
REGSYNC = Path(sys.executable).with_name("regsync")
BASE = "bench"
REGIONS = ("us-east-1", "eu-west-1")


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

    `server` makes its server in an empty folder. `cold` and `repeat` prepare, in another and for that server, the
    command that brings the packs into an empty registry and the one for when nothing has changed since.
    """

    name: str
    server: Callable[[Path], Server]
    cold: Callable[[Path, Server], Sequence[str | Path]]
    repeat: Callable[[Path, Server], Sequence[str | Path]]


def tar_and_push(pusher: Pusher, packs: Sequence[Pack], at_once: int) -> Contender:
    """Pack and push each folder, so many at once; the same again when nothing changed, as these tools cannot tell."""

    def command(folder: Path, server: Server) -> Sequence[str | Path]:
        lines = []
        for pack in packs:
            archive = f"{pack.name}-{pack.version}.tar.gz"
            reference = f"{server.host}/{BASE}/spectro-packs/archive/{pack.name}:{pack.version}"
            tar = ("tar", "-czf", archive, "-C", str(pack.folder.parent), pack.folder.name)
            push = (str(pusher.program), *pusher.push(server.host, reference, archive))
            lines.append(f"{shlex.join(tar)} && {shlex.join(push)}")
        (folder / "commands").write_bytes("\0".join(lines).encode())
        return ("sh", "-c", f"exec xargs -0 -n 1 -P {at_once} sh -c < commands")

    manner = "one by one" if at_once == 1 else f"{at_once} at a time"
    return Contender(f"tar + {pusher.name}, {manner}", Distribution, command, command)


def regsync(packs: Path) -> Contender:
    """All packs of a folder to a registry."""

    def spec(server: Server) -> dict[str, object]:
        return {"type": "basic", "endpoint": server.url, "auth": {"method": "none"}}

    return _applied("regsync", Distribution, [packs / "*"], spec)


def regsync_to_ecr(packs: Sequence[Pack]) -> Contender:
    """Some packs to Amazon ECR, to each of REGIONS."""

    def spec(server: Server) -> dict[str, object]:
        return {"type": "ecr", "endpoint": server.host, "regions": REGIONS, "connectTo": server.url}

    name = f"regsync, {len(packs)} to ECR, {len(REGIONS)} regions"
    return _applied(name, Ecr, [pack.folder for pack in packs], spec)


def _applied(
    name: str,
    server: Callable[[Path], Server],
    packs: Sequence[Path],
    spec: Callable[[Server], dict[str, object]],
) -> Contender:
    """Apply a manifest; plan it again when nothing changed."""

    def manifest(folder: Path, server: Server) -> Path:
        content = [{"packs": [os.path.relpath(each, folder) for each in packs]}]
        document = {
            "apiVersion": "regsync/v1",
            "kind": "Registry",
            "metadata": {"name": "bench"},
            "spec": {"provider": "pack", "baseContentPaths": [BASE], **spec(server), "content": content},
        }
        path = folder / "bench.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML, too
        return path

    return Contender(
        name,
        server,
        lambda folder, server: (REGSYNC, "apply", "--auto-approve", manifest(folder, server)),
        lambda folder, server: (REGSYNC, "plan", "--detailed-exitcode", manifest(folder, server)),
    )
