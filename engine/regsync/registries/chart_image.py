"""The OCI manifest of a chart: the bytes that `helm push` writes, with our two marks. Knows documents only.

Facts: Helm 3.22 (pkg/registry), whose bytes the tests hold against these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from regsync.model.content import CONTENT_ALGORITHM
from regsync.model.gojson import go_json
from regsync.model.reference import sha256_digest
from regsync.registries.base import Blob, Copied, Payload, RawManifest
from regsync.registries.image import (
    CHART_CONFIG,
    CHART_LAYER,
    CONTENT_MARK,
    CREATED,
    EPOCH,
    IMAGE_MANIFEST,
    OWNER_MARK,
    PROVENANCE_LAYER,
    TITLE,
    VERSION,
    BytesBlob,
)

_IMAGE = "org.opencontainers.image."


def chart_image(payload: Payload) -> Copied:
    """What is pushed for a chart: the OCI manifest of `helm push` but for a fixed `created` and our marks, and its blobs.

    Nothing in Chart.yaml can stand in for a mark.
    """
    config = BytesBlob(payload.config or b"{}")
    layers: list[tuple[str, Blob]] = [(CHART_LAYER, payload.layer)]
    if payload.provenance is not None:
        layers.append((PROVENANCE_LAYER, BytesBlob(payload.provenance)))
    annotations = {
        **chart_annotations(config.data, EPOCH),
        CONTENT_MARK: f"{CONTENT_ALGORITHM}:{payload.content}@{payload.layer.digest}",
        OWNER_MARK: payload.owner,
    }
    manifest = chart_manifest(config, layers, annotations)
    return Copied(manifest, (*(blob for _, blob in layers), config), payload.content)


def chart_manifest(
    config: Blob, layers: list[tuple[str, Blob]], annotations: Mapping[str, str]
) -> RawManifest:
    """The bytes that Helm writes for a config, layers by their types, and annotations: no `mediaType`, the layers in the
    order of their digests."""
    document = {
        "schemaVersion": 2,
        "config": _descriptor(CHART_CONFIG, config),
        "layers": [_descriptor(*each) for each in sorted(layers, key=lambda each: each[1].digest)],
        "annotations": dict(sorted(annotations.items())),
    }
    data = go_json(document)
    return RawManifest(sha256_digest(data), IMAGE_MANIFEST, data)


def chart_annotations(config: bytes, created: str) -> dict[str, str]:
    """The annotations that Helm takes from a chart's config. The chart's own come on top and may replace all of Helm's
    but title and version; `created` is RFC 3339."""
    chart: dict[str, Any] = json.loads(config)
    own = {
        f"{_IMAGE}description": chart.get("description", ""),
        TITLE: chart.get("name", ""),
        VERSION: chart.get("version", ""),
        f"{_IMAGE}url": chart.get("home", ""),
        CREATED: created,
        f"{_IMAGE}source": next(iter(chart.get("sources", ())), ""),
        f"{_IMAGE}authors": ", ".join(map(_author, chart.get("maintainers", ()))),
    }
    theirs = {key: text for key, text in chart.get("annotations", {}).items() if key not in (TITLE, VERSION)}
    return {key: text for key, text in own.items() if text.strip()} | theirs


def _author(maintainer: Mapping[str, str]) -> str:
    email = maintainer.get("email")
    return maintainer.get("name", "") + (f" ({email})" if email else "")


def _descriptor(media_type: str, blob: Blob) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}
