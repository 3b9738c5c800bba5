"""Builders of desired and live state, with everything a test does not speak of filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from regsync.model.content import Content, FileEntry
from regsync.model.diagnostic import Origin
from regsync.model.plan import Overrides, PlanRequest, Selection
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import Policy, Provider, RegistrySpec, RegistryType, Repositories
from regsync.model.settings import Json
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


def an_ecr_spec(
    region: str = "us-east-1", *, repositories: Repositories | None = None, **policy: Any
) -> RegistrySpec:
    """One region of the document `ecr`, whose default region is us-east-1."""
    positions = {"repositories": Origin(FILE, 40, 3), "repositories.scanOnPush": Origin(FILE, 42, 5)}
    spec = a_spec(f"ecr@{region}", **policy)
    return replace(
        spec,
        type=RegistryType.ECR,
        region=region,
        default_region="us-east-1",
        repositories=repositories or Repositories(),
        origins={**spec.origins, **positions},
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
        shown=f"packs/{name}",
        origin=Origin(FILE, 14, 7),
        version_origin=Origin(f"packs/{name}/pack.json", 3, 14),
    )


def absent(name: str, *, tag: str = "1.0.0") -> DesiredAbsence:
    return DesiredAbsence(address(name, tag), Origin(FILE, 31, 7))


def there(
    name: str,
    text: str = "",
    *,
    owner: str | None = "platform",
    tag: str = "1.0.0",
    registry: str = "harbor",
    **other: Any,
) -> LiveArtifact:
    """A live artifact; with an owner it bears the mark of a push, without one it came by hand."""
    fields: dict[str, Any] = {
        "address": address(name, tag, registry),
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


def an_ecr(*artifacts: DesiredArtifact, spec: RegistrySpec | None = None) -> DesiredRegistry:
    """A region that must hold the artifacts, whatever region they name, and a repository for each."""
    spec = spec or an_ecr_spec()
    held = tuple(replace(each, address=replace(each.address, registry=spec.name)) for each in artifacts)
    names = sorted({each.address.path.rpartition("/")[2] for each in held})
    return DesiredRegistry(spec, held, (), tuple(a_repository(name, spec) for name in names))


def a_repository(name: str = "nginx", spec: RegistrySpec | None = None, **other: Any) -> DesiredRepository:
    """The repository of a pack that must be there itself."""
    spec = spec or an_ecr_spec()
    found = DesiredRepository(
        address(name, None, spec.name),
        Origin(FILE, 14, 7),
        base=False,
        explicit=True,
        create=spec.repositories.create,
        settings=spec.repositories.settings,
    )
    return replace(found, **other)


def a_live_repository(
    name: str = "nginx",
    settings: Mapping[str, Json] | None = None,
    *,
    registry: str = "ecr@us-east-1",
    **other: Any,
) -> LiveRepository:
    """A repository with its settings; with an owner or marks, they have been read."""
    fields: dict[str, Any] = {"settings": settings or {}, "marks_read": True}
    return LiveRepository(address(name, None, registry), **fields | other)


def desired(*registries: DesiredRegistry) -> DesiredState:
    return DesiredState(registries, files=1)


def live(
    *artifacts: LiveArtifact,
    missing: Iterable[Address] = (),
    repositories: Iterable[LiveRepository | Address] = (),
    unreadable: Iterable[Unreadable] = (),
    registry: str = "harbor",
) -> LiveState:
    found = [each if isinstance(each, LiveRepository) else LiveRepository(each) for each in repositories]
    return LiveState(
        {
            registry: Observed(
                artifacts={each.address: each for each in artifacts},
                absent=frozenset(missing),
                repositories={each.address: each for each in found},
                unreadable=tuple(unreadable),
            )
        }
    )


def in_region(
    region: str,
    *artifacts: LiveArtifact,
    settings: Mapping[str, Json] | None = None,
    unreadable: Iterable[Unreadable] = (),
    missing: Iterable[str] = (),
) -> LiveState:
    """What one region of the document `ecr` holds: artifacts, whatever region they name, in repositories of ours with
    these settings. Of `missing` packs the repositories are missing, too."""
    name = f"ecr@{region}"
    held = [replace(each, address=replace(each.address, registry=name)) for each in artifacts]
    there = {each.address.path.rpartition("/")[2] for each in held}
    return live(
        *held,
        missing=[address(each, tag, name) for each in missing for tag in ("1.0.0", None)],
        repositories=[a_live_repository(each, settings, registry=name, owner="platform") for each in there],
        unreadable=unreadable,
        registry=name,
    )


def together(*states: LiveState) -> LiveState:
    return LiveState({name: found for state in states for name, found in state.registries.items()})


def a_request(*targets: str, excludes: tuple[str, ...] = (), **overrides: Any) -> PlanRequest:
    return PlanRequest(("registries",), Selection(targets, excludes), Overrides(**overrides))
