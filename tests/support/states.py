"""Builders of desired and live state, with everything a test does not speak of filled in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regsync.model.content import Content, FileEntry
from regsync.model.diagnostic import Origin
from regsync.model.plan import Overrides, PlanRequest, Selection
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import Policy, Provider, RegistrySpec, RegistryType
from regsync.model.state import (
    DesiredAbsence,
    DesiredArtifact,
    DesiredRegistry,
    DesiredRepository,
    DesiredState,
    LiveArtifact,
    LiveRepository,
    LiveState,
    Observed,
    Unreadable,
)

BASE = "team/spectro-packs/archive"
FILE = "registries/harbor.yaml"


def a_spec(name: str = "harbor", *, owner: str = "platform", **policy: Any) -> RegistrySpec:
    return RegistrySpec(
        name=name,
        owner=owner,
        provider=Provider.PACK,
        type=RegistryType.BASIC,
        endpoint="https://harbor.example.com",
        shown_endpoint="https://harbor.example.com",
        base_content_paths=("team",),
        origin=Origin(FILE, 1, 1),
        policy=Policy(**policy),
        origins={"policy.overwrite": Origin(FILE, 22, 5), "policy": Origin(FILE, 20, 3)},
    )


def content(text: str) -> Content:
    """The content of a pack whose only file holds `text`."""
    return Content.of([FileEntry("values.yaml", sha256_digest(text.encode())[7:], len(text))])


def address(name: str, tag: str | None = "1.0.0", registry: str = "harbor") -> Address:
    return Address(registry, f"{BASE}/{name}" if name else BASE, tag)


def wanted(name: str, text: str = "", *, tag: str = "1.0.0", registry: str = "harbor") -> DesiredArtifact:
    return DesiredArtifact(
        address=address(name, tag, registry),
        content=content(text or name),
        title=f"{name}-{tag}.tar.gz",
        folder=Path("/packs") / name,
        shown=f"packs/{name}",
        origin=Origin(FILE, 14, 7),
        version_origin=Origin(f"packs/{name}/pack.json", 3, 14),
    )


def absent(name: str, *, tag: str = "1.0.0") -> DesiredAbsence:
    return DesiredAbsence(address(name, tag), Origin(FILE, 31, 7))


def there(
    name: str, text: str = "", *, owner: str | None = "platform", tag: str = "1.0.0", **other: Any
) -> LiveArtifact:
    """A live artifact; with an owner it bears the mark of a push, without one it came by hand."""
    fields: dict[str, Any] = {
        "address": address(name, tag),
        "digest": sha256_digest(f"{name}:{text}".encode()),
        "content": content(text or name).digest,
        "title": f"{name}-{tag}.tar.gz",
        "owner": owner,
        "marked": owner is not None,
        "tags": (tag,),
    }
    return LiveArtifact(**fields | other)


def a_registry(
    *artifacts: DesiredArtifact,
    spec: RegistrySpec | None = None,
    absences: Iterable[DesiredAbsence] = (),
    base: bool = False,
) -> DesiredRegistry:
    spec = spec or a_spec()
    repositories = (DesiredRepository(address("", None), Origin(FILE, 8, 3)),) if base else ()
    return DesiredRegistry(spec, tuple(artifacts), tuple(absences), repositories)


def desired(*registries: DesiredRegistry) -> DesiredState:
    return DesiredState(registries, files=1)


def live(
    *artifacts: LiveArtifact,
    missing: Iterable[Address] = (),
    repositories: Iterable[Address] = (),
    unreadable: Iterable[Unreadable] = (),
    registry: str = "harbor",
) -> LiveState:
    return LiveState(
        {
            registry: Observed(
                artifacts={each.address: each for each in artifacts},
                absent=frozenset(missing),
                repositories={each: LiveRepository(each) for each in repositories},
                unreadable=tuple(unreadable),
            )
        }
    )


def a_request(*targets: str, excludes: tuple[str, ...] = (), **overrides: Any) -> PlanRequest:
    return PlanRequest(("registries",), Selection(targets, excludes), Overrides(**overrides))
