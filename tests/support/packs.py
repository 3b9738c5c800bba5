"""Builds small packs that Palette would accept; a test then breaks what it wants broken."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def make_pack(
    folder: Path,
    name: str = "nginx",
    version: str = "1.25.0",
    *,
    files: Mapping[str, str | bytes | None] | None = None,
    chart: bool = False,
) -> Path:
    """Write a valid pack into `folder/NAME-VERSION` and return that path.

    It has one manifest or, with `chart`, one chart archive. `files` adds or replaces files by their relative path;
    None leaves a file out.
    """
    payload = f"charts/{name}-{version}.tgz" if chart else f"manifests/{name}.yaml"
    pack_json = {
        "addonType": "app services",
        "annotations": {"source": "community", "contributor": "regsync"},
        "cloudTypes": ["all"],
        "displayName": name.capitalize(),
        "layer": "addon",
        "name": name,
        "version": version,
        "charts" if chart else "kubeManifests": [payload],
    }
    values = (
        f"pack:\n  namespace: {name}\n  content:\n    images:\n      - image: example.com/{name}:{version}\n"
        + (f"charts:\n  {name}:\n    replicas: 1\n" if chart else f"manifests:\n  {name}:\n    replicas: 1\n")
    )
    contents: dict[str, str | bytes | None] = {
        "pack.json": json.dumps(pack_json, indent=2) + "\n",
        "values.yaml": values,
        "logo.png": LOGO,
        "README.md": f"# {name}\n",
        payload: chart_archive(name, version) if chart else f"kind: Namespace\nmetadata: {{name: {name}}}\n",
    }
    root = folder / f"{name}-{version}"
    for path, content in {**contents, **(files or {})}.items():
        if content is not None:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def chart_archive(name: str, version: str) -> bytes:
    """Return the archive of a chart that has a Chart.yaml and a values.yaml."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in {
            "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: {version}\n",
            "values.yaml": "replicas: 1\n",
        }.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)
