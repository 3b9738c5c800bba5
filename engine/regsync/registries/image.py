"""OCI manifests of packs: the bytes that regsync writes. And what it recognises in the bytes of others, charts too.

Knows documents only; knows no registry and reads no layer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from regsync.model.content import CONTENT_ALGORITHM
from regsync.model.errors import ProtocolError, RegistryError
from regsync.model.gojson import go_json
from regsync.model.reference import chart_tag, is_digest, sha256_digest
from regsync.registries.base import Payload, RawManifest

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT_MANIFEST = "application/vnd.oci.artifact.manifest.v1+json"
CONFIG = "application/vnd.unknown.config.v1+json"
FILE_LAYER = "application/vnd.oci.image.layer.v1.tar"
"""The type that oras gives to every file, compressed or not."""

CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE_LAYER = "application/vnd.cncf.helm.chart.provenance.v1.prov"
OLD_CHART_LAYER = "application/tar+gzip"
"""What Helm wrote before 3.7 and still pulls."""

TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"
CREATED = "org.opencontainers.image.created"
UNPACK = "io.deis.oras.content.unpack"
CONTENT_MARK = "regsync.content.digest"
OWNER_MARK = "regsync.owner"

EPOCH = "1970-01-01T00:00:00Z"
"""The `created` of all that regsync writes: equal content must give equal bytes, any later time would claim to be
the time of a build, and oras takes nothing but RFC 3339."""

_GUESSES = 4
_ARCHIVES = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True, slots=True)
class BytesBlob:
    """A small blob that is at hand."""

    data: bytes

    @property
    def digest(self) -> str:
        return sha256_digest(self.data)

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


EMPTY_CONFIG = BytesBlob(b"{}")
"""The config of every manifest that regsync writes; it must be uploaded like any other blob."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A descriptor's digest and size in bytes, and the title under which `oras pull` writes the file; layers of charts
    have none."""

    digest: str
    size: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """What an OCI manifest says of the pack or chart in it.

    `layer` is None where there is neither to be found (*other content*), `content` is the content digest where our
    mark speaks of this very layer, `owner` our other mark, and `note` what is unusual about the form. `provenance` is
    a chart's second layer; what it signs is part of the content, of which a mark then says nothing. `chart` is what a
    chart's annotations call it, `name:tag`.
    """

    layer: Layer | None = None
    content: str | None = None
    owner: str | None = None
    note: str | None = None
    is_chart: bool = False
    provenance: Layer | None = None
    chart: str | None = None

    @property
    def marked(self) -> bool:
        """Whether a mark of ours speaks of this very layer."""
        return self.content is not None or (self.is_chart and self.owner is not None)


def pack_manifest(payload: Payload) -> RawManifest:
    """The OCI manifest that stands for a packed pack, in the form of `oras push` 1.0.0 with our two annotations.

    Raises RegistryError where title or owner cannot be written so that every reader reads the same.
    """
    layer = payload.layer
    return image_manifest(
        [Layer(layer.digest, layer.size, payload.title)],
        {
            CREATED: EPOCH,
            CONTENT_MARK: f"{CONTENT_ALGORITHM}:{payload.content}@{layer.digest}",
            OWNER_MARK: payload.owner,
        },
    )


def base_repository_manifest() -> RawManifest:
    """The OCI manifest of a base repository, as `oras push` 1.0.0 without tag and files; always the same bytes."""
    return image_manifest([], {CREATED: EPOCH})


def image_manifest(layers: Sequence[Layer], annotations: Mapping[str, str]) -> RawManifest:
    """The bytes that oras 1.0.0 writes for files and annotations: Go's JSON, key order of its structs, maps sorted."""
    texts = [*annotations, *annotations.values(), *(each.title for each in layers)]
    for text in texts:
        # Go releases differ in how they escape some of these.
        if any(character < " " or "\ud800" <= character <= "\udfff" for character in text):
            raise RegistryError(f"{text!r} cannot stand in an OCI manifest: it holds a control character")
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": {"mediaType": CONFIG, "digest": EMPTY_CONFIG.digest, "size": EMPTY_CONFIG.size},
        "layers": [
            {
                "mediaType": FILE_LAYER,
                "digest": each.digest,
                "size": each.size,
                "annotations": {TITLE: each.title},
            }
            for each in layers
        ],
        "annotations": dict(sorted(annotations.items(), key=lambda item: item[0].encode())),
    }
    data = go_json(document)
    return RawManifest(sha256_digest(data), IMAGE_MANIFEST, data)


def rebuilt_manifest(
    digest: str, size: int, annotations: Mapping[str, str], titles: Iterable[str]
) -> RawManifest | None:
    """The OCI manifest of this digest if it is one that regsync wrote for a pack, from what a list tells of it: its
    annotations, and the bytes that it and all blobs which it names have together. The title is one of `titles`.

    None where these do not give the very bytes; the digest proves that they are the right ones.
    """
    layer_digest = annotations.get(CONTENT_MARK, "").rpartition("@")[2]
    if not is_digest(layer_digest):
        return None
    for title in titles:
        layer_size = 0
        for _ in range(_GUESSES):  # the size of the layer is known less that of the text that states it
            try:
                made = image_manifest([Layer(layer_digest, layer_size, title)], annotations)
            except RegistryError:
                return None
            if made.digest == digest:
                return made
            layer_size = size - EMPTY_CONFIG.size - len(made.data)
    return None


def recognise(manifest: RawManifest) -> Image:
    """What an OCI manifest of any origin says of the pack or chart in it.

    Takes the image manifests of every oras, the artifact manifests of oras 0.16, and what `helm push` writes. A document
    that could be read as two kinds, or as another kind than its media type says, is other content whatever it holds.
    """
    try:
        document = json.loads(manifest.data)
    except (ValueError, RecursionError):
        return Image(note="its OCI manifest is not JSON")
    if not isinstance(document, dict):
        return Image(note="its OCI manifest is no JSON object")
    media_type = manifest.media_type.partition(";")[0].strip().lower()
    if document.get("mediaType", media_type) != media_type:
        return Image(note="its OCI manifest contradicts its media type")
    parts = {
        "layers": IMAGE_MANIFEST,
        "config": IMAGE_MANIFEST,
        "blobs": ARTIFACT_MANIFEST,
        "manifests": None,
    }
    if any(name in document and kind != media_type for name, kind in parts.items()):
        return Image(note=f"not the OCI manifest of a pack ({media_type})")
    annotations = _texts(document.get("annotations"))
    owner = annotations.get(OWNER_MARK) or None
    config = document.get("config")
    if isinstance(config, dict) and config.get("mediaType") == CHART_CONFIG:
        return _chart(document, annotations)
    payloads, others = _payloads(document.get("layers", document.get("blobs")))
    if len(payloads) != 1:
        return Image(
            owner=owner, note=f"holds {'several archives' if payloads else 'no archive'} with a title"
        )
    [(layer, descriptor)] = payloads
    return Image(
        layer=layer,
        content=_marked_content(annotations.get(CONTENT_MARK, ""), layer.digest),
        owner=owner,
        note=_unusual(document, descriptor, media_type, others),
    )


def named_blobs(manifest: RawManifest) -> list[tuple[str, int]]:
    """Digest and size of all that an OCI manifest or index names and that a registry must hold before it.

    Raises ProtocolError where the document is not sound.
    """
    try:
        document = json.loads(manifest.data)
        descriptors = [each for name in ("layers", "blobs", "manifests") for each in document.get(name) or ()]
        descriptors += [document["config"]] if "config" in document else []
        named = [(str(each["digest"]), int(each["size"])) for each in descriptors]
        sound = document.get("mediaType", manifest.media_type) == manifest.media_type
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        sound, named = False, []
    if not sound or not all(is_digest(digest) for digest, _ in named):
        raise ProtocolError(
            f"not a sound OCI manifest ({manifest.media_type})", code="MANIFEST_INVALID", status=400
        )
    return named


def _chart(document: dict[str, Any], annotations: Mapping[str, str]) -> Image:
    """What the OCI manifest of a chart says. Helm finds its layers by their types, in any order.

    `helm push` copies annotations out of Chart.yaml: ours are marks only where they speak of the very layer, whose
    digest nothing in it can know.
    """
    descriptors = document.get("layers")
    every = [each for each in descriptors if isinstance(each, dict)] if isinstance(descriptors, list) else []
    charts = [each for each in every if each.get("mediaType") in (CHART_LAYER, OLD_CHART_LAYER)]
    proofs = [each for each in every if each.get("mediaType") == PROVENANCE_LAYER]
    layer = _layer(charts[0]) if len(charts) == 1 else None
    provenance = _layer(proofs[0]) if len(proofs) == 1 else None
    if layer is None or (proofs and provenance is None):
        return Image(note="holds no chart that Helm would pull", is_chart=True)
    marked = _marked_content(annotations.get(CONTENT_MARK, ""), layer.digest)
    name, version = annotations.get(TITLE), annotations.get(VERSION)
    return Image(
        layer=layer,
        content=None if provenance else marked,
        owner=(annotations.get(OWNER_MARK) or None) if marked else None,
        note="holds more than a chart" if len(every) > len(charts) + len(proofs) else None,
        is_chart=True,
        provenance=provenance,
        chart=f"{name}:{chart_tag(version)}" if name and version else None,
    )


def _payloads(descriptors: object) -> tuple[list[tuple[Layer, dict[str, Any]]], int]:
    """The descriptors that are an archive of a pack, and how many others there are."""
    every = descriptors if isinstance(descriptors, list) else []
    found = []
    for each in every:
        if not isinstance(each, dict):
            continue
        annotations = _texts(each.get("annotations"))
        title = annotations.get(TITLE, "")
        archive = title.endswith(_ARCHIVES) or (title and annotations.get(UNPACK) == "true")
        if archive and (layer := _layer(each, title)):
            found.append((layer, each))
    return found, len(every) - len(found)


def _layer(descriptor: dict[str, Any], title: str = "") -> Layer | None:
    """What a descriptor speaks of, None where it is not sound."""
    digest, size = descriptor.get("digest"), descriptor.get("size")
    if isinstance(digest, str) and is_digest(digest) and isinstance(size, int) and size >= 0:
        return Layer(digest, size, title)
    return None


def _marked_content(mark: str, layer_digest: str) -> str | None:
    algorithm, _, rest = mark.partition(":")
    content, _, digest = rest.partition("@")
    believed = algorithm == CONTENT_ALGORITHM and digest == layer_digest and is_digest(content)
    return content if believed else None


def _unusual(document: dict[str, Any], layer: dict[str, Any], media_type: str, others: int) -> str | None:
    """How the form differs from that of oras 1.0.0 (versions as their releases write them)."""
    config = document.get("config")
    if media_type == ARTIFACT_MANIFEST:
        return "pushed as an OCI artifact manifest, as oras 0.16 does"
    if others:
        return "holds more than the archive of a pack"
    if UNPACK in _texts(layer.get("annotations")):
        return "pushed as a folder, not as an archive"
    if document.get("artifactType") == "application/vnd.unknown.artifact.v1":
        return "pushed by oras 1.1 or later"
    if "mediaType" not in document:
        return "pushed by oras 0.15 or earlier"
    config_type = config.get("mediaType") if isinstance(config, dict) else None
    if "artifactType" in document or config_type != CONFIG or layer.get("mediaType") != FILE_LAYER:
        return "not in the form of oras 1.0.0"
    return None


def _texts(annotations: object) -> dict[str, str]:
    """The annotations that are texts."""
    items = annotations.items() if isinstance(annotations, dict) else ()
    return {key: value for key, value in items if isinstance(value, str)}
