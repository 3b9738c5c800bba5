"""Clients that no one here wrote, as they pull packs, and GNU tar as it unpacks them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import oras.client

from tests.support.servers import PASSWORD, USER, DistributionServer, tool

AT_ONCE = 4


def call(program: str, *arguments: str | Path, **variables: str) -> None:
    subprocess.run([tool(program), *arguments], check=True, env={**os.environ, **variables})


def pull_with_regctl(server: DistributionServer, reference: str, to: Path) -> None:
    host = f"reg={server.host},user={USER},pass={PASSWORD},tls=enabled"
    get = ("artifact", "get", f"{server.host}/{reference}", "--output", to)
    call("regctl", "--host", host, *get, SSL_CERT_FILE=str(server.ca_file))


def pull_with_the_oras_sdk(server: DistributionServer, reference: str, to: Path) -> None:
    client = oras.client.OrasClient(server.host, tls_verify=str(server.ca_file), auth_backend="basic")
    client.auth.set_basic_auth(USER, PASSWORD)
    client.pull(f"{server.host}/{reference}", outdir=str(to))
    client.session.close()


def pull_with_oras(server: DistributionServer, reference: str, to: Path) -> None:
    login = ("--ca-file", server.ca_file, "--username", USER, "--password", PASSWORD)
    call("oras", "pull", *login, "--output", to, f"{server.host}/{reference}")


def unpacked(archive: Path) -> Path:
    """Unpack with GNU tar, and return the one folder that comes out."""
    out = archive.with_name("unpacked")
    out.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", out], check=True)
    [folder] = out.iterdir()
    return folder


def differing(packs: Mapping[Path, str], pull: Callable[[str, Path], None], scratch: Path) -> list[str]:
    """The folders that are not what `pull(reference, directory)` and GNU tar make of their packs."""

    def differs(folder: Path) -> bool:
        to = scratch / folder.name
        to.mkdir()
        pull(packs[folder], to)
        [archive] = to.iterdir()
        return files_of(unpacked(archive)) != files_of(folder)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [folder.name for folder, yes in zip(packs, pool.map(differs, packs), strict=True) if yes]


def files_of(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Bytes of each file below a folder, and whether it may be run; links count as what they lead to, macOS's own files
    not at all."""
    found = {}
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [each for each in folders if each != "__MACOSX"]
        for name in names:
            if name != ".DS_Store" and not name.startswith("._"):
                path = Path(root, name)
                found[str(path.relative_to(folder))] = (path.read_bytes(), os.access(path, os.X_OK))
    return found
