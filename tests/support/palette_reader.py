"""Reads packs and charts out of OCI images as Palette does; written for the tests, apart from all that regsync reads with."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import PurePosixPath

from tests.support.palette_packs import Pack
from tests.support.palette_swagger import Document

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PACK_CONFIG = "application/vnd.unknown.config.v1+json"
CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
TITLE = "org.opencontainers.image.title"

Fetch = Callable[[str], bytes]
"""Gives the bytes of a blob by its digest."""


class NotTaken(Exception):
    """An image that Palette does not list, and why."""


def read_pack(name: str, tag: str, manifest: Document, fetch: Fetch) -> Pack:
    """The pack in an image of the shape that `oras` 1.0.0 gives it. Palette takes no image of image-spec 1.1's artifacts,
    no other title, and no pack that says another name or version of itself."""
    if manifest.get("artifactType") or manifest["config"]["mediaType"] != PACK_CONFIG:
        raise NotTaken(f"{name}:{tag}: an artifact of type {manifest.get('artifactType')}")
    [layer] = manifest["layers"]
    title = layer.get("annotations", {}).get(TITLE)
    if title != f"{name}-{tag}.tar.gz":
        raise NotTaken(f"{name}:{tag}: its title is {title}")
    files = members(fetch(layer["digest"]))
    if "pack.json" not in files or "values.yaml" not in files:
        raise NotTaken(f"{name}:{tag}: no pack.json or no values.yaml in {sorted(files)}")
    said = json.loads(files["pack.json"])
    if (said["name"], said["version"]) != (name, tag):
        raise NotTaken(f"{name}:{tag}: says that it is {said['name']}:{said['version']}")
    return Pack(
        name,
        tag,
        values=files["values.yaml"].decode(),
        display_name=said["displayName"],
        layer=said["layer"],
        readme=files.get("README.md", b"").decode(),
        addon_type=said.get("addonType", ""),
        cloud_types=said.get("cloudTypes", ["all"]),
    )


def read_chart(path: str, tag: str, manifest: Document, fetch: Fetch) -> Pack:
    """The chart in an image of the shape that Helm has given it since 3.7; `path` is what follows the base content path."""
    layers = [each for each in manifest["layers"] if each["mediaType"] == CHART_LAYER]
    if manifest["config"]["mediaType"] != CHART_CONFIG or len(layers) != 1:
        raise NotTaken(f"{path}:{tag}: no chart")
    said = json.loads(fetch(manifest["config"]["digest"]))
    if (said["name"], said["version"].replace("+", "_")) != (PurePosixPath(path).name, tag):
        raise NotTaken(f"{path}:{tag}: says that it is {said['name']}:{said['version']}")
    files = members(fetch(layers[0]["digest"]))
    values = files.get("values.yaml", b"").decode()
    return Pack(path, said["version"], values=values, tag=tag, readme=files.get("README.md", b"").decode())


def members(archive: bytes) -> dict[str, bytes]:
    """The files in the one folder of an archive, or in its root where it has none there, by their relative paths."""
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                files[PurePosixPath(member.name)] = file.read()
    roots = {path.parts[0] for path in files}
    deep = len(roots) == 1 and all(len(path.parts) > 1 for path in files)
    return {str(path.relative_to(*roots) if deep else path): data for path, data in files.items()}
