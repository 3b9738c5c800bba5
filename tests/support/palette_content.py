"""Packs and charts as hands push them, for what Palette is to list: made here, apart from all that regsync writes."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.aws_wire import OCI_MANIFEST, described
from tests.support.charts import chart_yaml, tgz
from tests.support.palette_reader import CHART_CONFIG, CHART_LAYER, PACK_CONFIG, TITLE
from tests.support.servers import PASSWORD, USER, DistributionServer

VALUES = "pack:\n  namespace: {}\n"


@dataclass(frozen=True)
class Image:
    """An OCI manifest with the blobs that it names."""

    manifest: bytes
    blobs: tuple[bytes, ...]


def pack_image(
    name: str, version: str, values: str | None = None, *, title: str | None = None, **instead: Any
) -> Image:
    """A pack as `oras` 1.0.0 pushes it. `instead` are other fields of the OCI manifest."""
    said = {"name": name, "version": version, "displayName": name.title(), "layer": "addon"}
    files = {
        "pack.json": json.dumps({**said, "addonType": "app services", "cloudTypes": ["all"]}),
        "values.yaml": VALUES.format(name) if values is None else values,
        "README.md": f"# {name}\n",
    }
    layer = tgz(files, f"{name}-{version}")
    titled = {"annotations": {TITLE: title or f"{name}-{version}.tar.gz"}}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(PACK_CONFIG, b"{}"),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", layer) | titled],
    }
    return Image(json.dumps({**document, **instead}).encode(), (b"{}", layer))


def chart_image(name: str, version: str) -> Image:
    """A chart as Helm pushes it."""
    config = json.dumps({"apiVersion": "v2", "name": name, "version": version}).encode()
    layer = tgz({"Chart.yaml": chart_yaml(name, version), "values.yaml": "replicas: 1\n"}, name)
    document = {
        "schemaVersion": 2,
        "config": described(CHART_CONFIG, config),
        "layers": [described(CHART_LAYER, layer)],
    }
    return Image(json.dumps(document).encode(), (config, layer))


def push(server: DistributionServer, repository: str, tag: str, image: Image) -> None:
    """Push an image to a server, with a login where it asks for one."""
    login = (USER, PASSWORD) if server.login else None
    verify = ssl.create_default_context(cafile=server.ca_file) if server.tls else False
    with httpx.Client(base_url=server.url, auth=login, verify=verify) as client:
        for data in image.blobs:
            digest = str(described("", data)["digest"])
            started = client.post(f"/v2/{repository}/blobs/uploads/")
            where = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": digest})
            client.put(where, content=data).raise_for_status()
        put = client.put(
            f"/v2/{repository}/manifests/{tag}",
            content=image.manifest,
            headers={"Content-Type": OCI_MANIFEST},
        )
        put.raise_for_status()
