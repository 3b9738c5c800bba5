"""The fields of pack.json as Palette wants them. Looks at no other file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from regsync.content.codes import Code
from regsync.content.sources import Source
from regsync.model.diagnostic import Diagnostic

# Field names, layers and clouds: pack-schema.json of Spectro Cloud's pack-central repository and the pages on
# custom packs; clouds that newer versions of Palette know are added.
_FIELDS = (
    "addonSubType", "addonType", "annotations", "ansibleRoles", "charts", "cloudType", "cloudTypes", "constraints",
    "displayName", "eol", "group", "kubeManifests", "layer", "name", "version",
)  # fmt: skip
_LAYERS = ("kernel", "os", "k8s", "cni", "csi", "addon")
_CLOUDS = (
    "all", "aks", "apache-cloudstack", "aws", "azure", "baremetal", "coxedge", "custom", "edge", "edge-native", "eks",
    "gcp", "gke", "libvirt", "maas", "openstack", "tencent", "tke", "vsphere",
)  # fmt: skip
_REQUIRED = ("displayName", "layer")
_STRINGS = ("addonSubType", "addonType", "cloudType", "eol", "group", *_REQUIRED)
_STRING_LISTS = ("ansibleRoles", "charts", "cloudTypes", "kubeManifests")


def lint_fields(source: Source, document: dict[str, object]) -> Iterator[Diagnostic]:
    """Findings about everything but name and version."""
    for key in _REQUIRED:
        if document.get(key, "") == "":
            yield source.finding_in_json(Code.FIELD_MISSING, f"pack.json has no `{key}`", key)
    if "cloudTypes" not in document and "cloudType" not in document:
        yield source.finding_in_json(
            Code.FIELD_MISSING,
            "pack.json has no `cloudTypes`",
            advice='add `"cloudTypes": ["all"]`, or name the clouds',
        )
    if document.get("layer") == "addon" and document.get("addonType", "") == "":
        yield source.finding_in_json(
            Code.FIELD_MISSING,
            "pack.json has no `addonType`, which packs of layer addon need",
            "layer",
            advice='add `"addonType": "system app"`, or another type that Palette filters by',
        )
    yield from _types(source, document)
    yield from _unknown(source, document)


def strings(document: dict[str, object], key: str) -> list[tuple[int, str]]:
    """The strings of a list field with their indexes; what is no string there has a finding of its own."""
    value = document.get(key)
    return (
        [(index, each) for index, each in enumerate(value) if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Advice that names the known word most like this one, None where none is."""
    close = get_close_matches(word, list(known), 1, cutoff)
    return f"did you mean `{close[0]}`?" if close else None


def _types(source: Source, document: dict[str, object]) -> Iterator[Diagnostic]:
    for key in _STRINGS:
        if not isinstance(document.get(key, ""), str):
            yield source.finding_in_json(Code.FIELD_INVALID, f"`{key}` is not a string", key)
    for key in _STRING_LISTS:
        value = document.get(key) or []
        if not isinstance(value, list):
            yield source.finding_in_json(Code.FIELD_INVALID, f"`{key}` is not a list", key)
            continue
        for index, each in enumerate(value):
            if not isinstance(each, str):
                yield source.finding_in_json(
                    Code.FIELD_INVALID, f"`{key}[{index}]` is not a string", key, index
                )
    annotations = document.get("annotations") or {}
    if not isinstance(annotations, dict):
        yield source.finding_in_json(Code.FIELD_INVALID, "`annotations` is not an object", "annotations")
        return
    for key, value in annotations.items():
        if not isinstance(value, str):
            yield source.finding_in_json(
                Code.FIELD_INVALID,
                f"the annotation `{key}` is not a string",
                "annotations",
                key,
                advice="quote it",
            )


def _unknown(source: Source, document: dict[str, object]) -> Iterator[Diagnostic]:
    layer = document.get("layer")
    if isinstance(layer, str) and layer and layer not in _LAYERS:
        advice = did_you_mean(layer, _LAYERS) or f"one of {', '.join(_LAYERS)}"
        yield source.finding_in_json(
            Code.FIELD_UNKNOWN, f"the layer `{layer}` is not known", "layer", advice=advice
        )
    for index, cloud in strings(document, "cloudTypes"):
        if cloud not in _CLOUDS:
            yield source.finding_in_json(
                Code.FIELD_UNKNOWN,
                f"the cloud `{cloud}` is not known",
                "cloudTypes",
                index,
                advice=did_you_mean(cloud, _CLOUDS),
            )
    missing = [field for field in _FIELDS if field not in document]
    known = {field.lower() for field in _FIELDS}  # capitals are not judged: many JSON readers match any case
    for key in document:
        if key.lower() not in known and (hint := did_you_mean(key, missing, cutoff=0.85)):
            yield source.finding_in_json(
                Code.FIELD_UNKNOWN, f"the field `{key}` is not known", key, advice=hint
            )
