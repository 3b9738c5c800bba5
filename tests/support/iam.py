"""Specs of Amazon ECR, and policies read as IAM reads them."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from regsync.model.diagnostic import Origin
from regsync.model.registry import AwsPlace, Provider, RegistrySpec, RegistryType

ACCOUNT = "214575254960"


def ecr_spec(region: str = "us-east-1", *, document: str = "ecr-prod", **more: Any) -> RegistrySpec:
    """One region of a templated private registry; `more` are further fields."""
    host = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    fields: dict[str, Any] = {
        "name": f"{document}@{region}",
        "owner": document,
        "provider": Provider.PACK,
        "type": RegistryType.ECR,
        "endpoint": f"https://{host}",
        "shown_endpoint": host,
        "base_content_paths": ("custom",),
        "origin": Origin("registries/ecr.yaml", 3, 17),
        "region": region,
        "default_region": "us-east-1",
        "aws": AwsPlace(ACCOUNT),
    }
    return RegistrySpec(**{**fields, **more})


def public_spec(**more: Any) -> RegistrySpec:
    """A registry of ECR Public."""
    fields: dict[str, Any] = {
        "name": "gallery",
        "type": RegistryType.ECR_PUBLIC,
        "endpoint": "https://public.ecr.aws",
        "shown_endpoint": "public.ecr.aws/a1b2c3d4",
        "namespace": "a1b2c3d4",
        "aws": AwsPlace(""),
    }
    return ecr_spec(**{**fields, **more})


def allows(document: Mapping[str, Any], action: str, resource: str = "*") -> bool:
    """Whether a policy grants an action on a resource. An action without one is only granted on `*`; conditions are
    taken for met."""
    return any(
        each["Effect"] == "Allow"
        and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _listed(each["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in _listed(each["Resource"]))
        for each in document["Statement"]
    )


def allowed_actions(document: Mapping[str, Any]) -> set[str]:
    """All that a policy grants on anything, as it is written."""
    return {action for each in document["Statement"] for action in _listed(each["Action"])}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
