"""Reads an endpoint as people write it on the command line: which registry, of which type, and where in it to look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from regsync.manifest.ecr import account_and_region, is_public
from regsync.model.draft import Target
from regsync.model.errors import UsageError
from regsync.model.reference import is_repository
from regsync.model.registry import RegistryType

_DIRECTORY = re.compile(r"[./~]|[A-Za-z]:[\\/]")
_AZURE = (".azurecr.io", ".azurecr.us", ".azurecr.cn")
_LONGEST = 40
"""Characters of a name, to which more may be added."""


def read_targets(endpoints: Iterable[str], type_: RegistryType | None, root: Path) -> tuple[Target, ...]:
    """The registries that endpoints name, each once, with all paths to look beneath. `type_` overrides what hosts tell.

    Raises UsageError for what is no endpoint.
    """
    found: dict[str, Target] = {}
    for text in endpoints:
        target = read_target(text, type_, root)
        first = found.setdefault(target.endpoint, target)
        whole = not (first.paths and target.paths)
        paths = () if whole else tuple(dict.fromkeys((*first.paths, *target.paths)))
        found[target.endpoint] = replace(first, paths=paths)
    return tuple(found.values())


def read_target(text: str, type_: RegistryType | None, root: Path) -> Target:
    """The registry that one endpoint names. Raises UsageError for what is no endpoint."""
    if type_ is RegistryType.LAYOUT or (type_ is None and _is_directory(text, root)):
        return Target(text, slug(Path(root, text).resolve().name), RegistryType.LAYOUT)
    scheme, _, rest = text.rpartition("://")
    host, _, path = rest.partition("/")
    path = path.strip("/")
    found = account_and_region(host)
    if type_ is None:
        type_ = _type_of(host)
    if type_ is RegistryType.ECR_PUBLIC:
        alias, _, path = path.partition("/")
        target = Target(f"{host}/{alias}", slug(f"ecr-public-{alias}"), type_)
    elif type_ is RegistryType.ECR:
        account, region = found or (host, "")
        target = Target(host, slug(f"ecr-{account}"), type_, region=region)
    elif type_ is RegistryType.ACR:
        target = Target(f"{scheme or 'https'}://{host}", slug(f"acr-{host.partition('.')[0]}"), type_)
    else:
        target = Target(f"{scheme or 'https'}://{host}", slug(host), type_)
    if path and not is_repository(path):
        raise UsageError(
            f"{text}: `{path}` is no repository path",
            hint="an endpoint is a host and, where only a part of the registry is meant, the path to look beneath",
        )
    return replace(target, paths=(path,) if path else ())


def slug(text: str) -> str:
    """A name for documents and files, made of what is there."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-") or "registry"


def _is_directory(text: str, root: Path) -> bool:
    return "://" not in text and (_DIRECTORY.match(text) is not None or (root / text).is_dir())


def _type_of(host: str) -> RegistryType | None:
    """What a host tells of its registry's type."""
    if is_public(host):
        return RegistryType.ECR_PUBLIC
    if account_and_region(host):
        return RegistryType.ECR
    name = host.lower().partition(":")[0]
    return RegistryType.ACR if name.endswith(_AZURE) else None
