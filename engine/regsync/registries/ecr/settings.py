"""A repository's settings between the manifest's form and that of ECR's API, and regsync's marks among its tags.

Knows forms only: calls nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from regsync.model.settings import Json, fingerprint

OWNER_TAG = "regsync.owner"
SETTINGS_TAG = "regsync.settings"

POLICIES: Mapping[str, tuple[str, str]] = {
    "lifecyclePolicy": ("GetLifecyclePolicy", "lifecyclePolicyText"),
    "policy": ("GetRepositoryPolicy", "policyText"),
}
"""By which operation each policy is read, and where its answer has it."""

OWN_CALL = frozenset({*POLICIES, "tags"})
"""Settings that are read one repository at a time."""

CREATED = frozenset({"encryption", "scanOnPush", "tagMutability", "tagMutabilityExclusions", "tags"})
"""Settings that a repository is created with; the others are put afterwards."""

_ENCRYPTION = {"type": "encryptionType", "key": "kmsKey"}


@dataclass(frozen=True, slots=True)
class Correction:
    """A call that sets some settings of a repository."""

    names: tuple[str, ...]
    operation: str
    parameters: Mapping[str, Any]


def described(description: Mapping[str, Any]) -> dict[str, Json]:
    """The settings that DescribeRepositories tells; those of ECR Public has none."""
    settings: dict[str, Json] = {}
    if "imageTagMutability" in description:
        filters = description.get("imageTagMutabilityExclusionFilters") or ()
        settings["tagMutability"] = description["imageTagMutability"]
        settings["tagMutabilityExclusions"] = [each["filter"] for each in filters]
    if "imageScanningConfiguration" in description:
        settings["scanOnPush"] = bool(description["imageScanningConfiguration"].get("scanOnPush"))
    if "encryptionConfiguration" in description:
        found = description["encryptionConfiguration"]
        settings["encryption"] = {
            key: found[name] for key, name in _ENCRYPTION.items() if found.get(name) is not None
        }
    return settings


def creation(settings: Mapping[str, Json]) -> dict[str, Any]:
    """The parameters of CreateRepository for the settings that it takes beside tags."""
    parameters = mutability(settings) if "tagMutability" in settings else {}
    if "scanOnPush" in settings:
        parameters["imageScanningConfiguration"] = {"scanOnPush": settings["scanOnPush"]}
    encryption = settings.get("encryption")
    if isinstance(encryption, dict):
        parameters["encryptionConfiguration"] = {_ENCRYPTION[key]: value for key, value in encryption.items()}
    return parameters


def mutability(settings: Mapping[str, Json]) -> dict[str, Any]:
    """The parameters that say which tags may be moved; filters come with the two modes that have exclusions only."""
    mode, patterns = settings["tagMutability"], settings.get("tagMutabilityExclusions")
    parameters: dict[str, Any] = {"imageTagMutability": mode}
    if str(mode).endswith("_WITH_EXCLUSION") and isinstance(patterns, list):
        filters = [{"filterType": "WILDCARD", "filter": each} for each in patterns]
        parameters["imageTagMutabilityExclusionFilters"] = filters
    return parameters


def corrections(names: Collection[str], settings: Mapping[str, Json]) -> list[Correction]:
    """The calls that bring the named settings about; those of CreateRepository only and tags have none here."""
    found = []
    if moved := tuple(sorted({"tagMutability", "tagMutabilityExclusions"}.intersection(names))):
        found.append(Correction(moved, "PutImageTagMutability", mutability(settings)))
    if "scanOnPush" in names:
        scan = creation({"scanOnPush": settings["scanOnPush"]})
        found.append(Correction(("scanOnPush",), "PutImageScanningConfiguration", scan))
    if "lifecyclePolicy" in names:
        text = {"lifecyclePolicyText": _text(settings["lifecyclePolicy"])}
        found.append(Correction(("lifecyclePolicy",), "PutLifecyclePolicy", text))
    if "policy" in names:
        found.append(
            Correction(("policy",), "SetRepositoryPolicy", {"policyText": _text(settings["policy"])})
        )
    return found


def marks(owner: str, settings: Mapping[str, Json]) -> dict[str, str]:
    """The tags by which regsync knows later whose a repository is, and what it last wrote there."""
    prints = [f"{name}={fingerprint(name, settings[name])}" for name in sorted(settings)]
    return {OWNER_TAG: owner, SETTINGS_TAG: " ".join(prints)}


def read_marks(tags: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """The owner among a repository's tags, and by setting the fingerprint of what was last written."""
    pairs = (each.partition("=") for each in str(tags.get(SETTINGS_TAG, "")).split())
    return tags.get(OWNER_TAG), {name: value for name, _, value in pairs}


def document(text: str) -> Json:
    """A policy that the API tells as text; the text itself where that is no JSON, so that it differs from any policy."""
    try:
        found: Json = json.loads(text)
    except ValueError:
        return text
    return found


def as_pairs(tags: Mapping[str, Any]) -> list[dict[str, str]]:
    """Tags as the API takes and tells them."""
    return [{"Key": key, "Value": str(value)} for key, value in tags.items()]


def _text(policy: Json) -> str:
    """A policy as the API takes it; its length is limited, so there is no white space."""
    return json.dumps(policy, separators=(",", ":"))
