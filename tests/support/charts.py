"""Builds small charts that Helm would pack, and runs the real Helm on them."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.servers import tool

Files = Mapping[str, str | bytes | None]


def make_chart(
    folder: Path, name: str = "web", version: str = "1.0.0", *, files: Files | None = None
) -> Path:
    """Write a chart into `folder/NAME` and return that path. `files` adds or replaces files by their relative path; None
    leaves a file out."""
    contents: dict[str, str | bytes | None] = {
        "Chart.yaml": chart_yaml(name, version),
        "values.yaml": "replicas: 1\n",
        "templates/cm.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: {{ .Chart.Name }}}\n",
    }
    for path, content in {**contents, **(files or {})}.items():
        if content is not None:
            target = folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name


def chart_yaml(name: str = "web", version: str = "1.0.0", more: str = "") -> str:
    return f"apiVersion: v2\nname: {name}\nversion: {version}\n{more}"


def tgz(files: Files, top: str = "web") -> bytes:
    """An archive of exactly these files below a folder, as `tar -cz` makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content or b""
            member = tarfile.TarInfo(f"{top}/{path}" if top else path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def members(archive: bytes) -> list[tuple[str, str, bytes]]:
    """Name, mode and bytes of all entries, which must be files."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for each in opened:
            file = opened.extractfile(each)
            assert file is not None, each.name
            found.append((each.name, oct(each.mode), file.read()))
    return found


def helm(*arguments: str | Path) -> str:
    """Run the real Helm, which must succeed, and return what it prints."""
    done = subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def helm_refuses(*arguments: str | Path) -> str:
    """Run the real Helm, which must fail, and return why."""
    done = subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def helm_package(chart: Path, to: Path) -> Path:
    """The archive that `helm package` makes of a chart's folder."""
    to.mkdir(parents=True, exist_ok=True)
    said = helm("package", chart, "--destination", to)
    return Path(said.partition("saved it to: ")[2].strip())
