"""Where registries are, what goes where, and what a firewall must let through: as text, and as the document of
`schemas/endpoints.schema.json`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlsplit

from regsync.model.access import Host
from regsync.model.palette import DesiredRegistration
from regsync.model.registry import Provider, RegistrySpec, RegistryType
from regsync.model.settings import Json
from regsync.model.state import DesiredRegistry
from regsync.report.lines import Line, Style, line
from regsync.report.typed import TITLE, Typed, as_typed, typed_rows

FORMAT_VERSION = "1.0"
"""Keys may be added within a major version."""

Reached = tuple[DesiredRegistry, Sequence[Host]]
"""A live registry, and the hosts that are needed beside those that its manifest names."""


class _Repository(NamedTuple):
    name: str
    is_base: bool
    tags: tuple[str, ...]


def render_endpoints(reached: Sequence[Reached]) -> list[Line]:
    """A block for each document; in `reached`, its regions stand together."""
    lines = []
    for name, group in groupby(reached, lambda each: each[0].spec.declared):
        regions = list(group)
        specs = [registry.spec for registry, _ in regions]
        repositories = {each for registry, _ in regions for each in _repositories(registry)}
        hosts = dict.fromkeys(host for registry, others in regions for host in _hosts(registry, others))
        lines += [
            line(f"{name}   {specs[0].type}", Style.STRONG),
            *_section("endpoints", [(each.shown_endpoint, _region(each)) for each in specs]),
            *_palette_section(specs[0], [each for registry, _ in regions for each in registry.registrations]),
            *_section("repositories", [(each.name, _holds(each)) for each in sorted(repositories)]),
            *_section("push to", [(address, "") for each in specs for address in _push(each)]),
            *_typed_section(regions[0][0]),
            *_section("hosts to allow, port 443 where none stands", [_host(each) for each in hosts]),
            line(),
        ]
    return lines[:-1]


def endpoints_to_json(reached: Sequence[Reached]) -> dict[str, Json]:
    """One entry for each live registry."""
    return {
        "format_version": FORMAT_VERSION,
        "registries": [_registry(registry, _hosts(registry, others)) for registry, others in reached],
    }


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[Line]:
    width = max((len(first) for first, _ in rows), default=0)
    shown = [line(f"    {first:<{width}}   {second}".rstrip()) for first, second in rows]
    return [line(f"  {title}"), *(shown or [line("    none")])]


def _palette_section(spec: RegistrySpec, registrations: Sequence[DesiredRegistration]) -> list[Line]:
    """As what regsync registers it, else what Palette's form for adding it asks for; a layout cannot be added."""
    if registrations:
        rows = [(each.spec.name, _told(each)) for each in registrations]
        return _section("registered in Palette by regsync", rows)
    if spec.type is RegistryType.LAYOUT:
        return []
    rows = [("endpoint", spec.template), ("base content path", ", ".join(spec.base_content_paths) or "none")]
    if spec.type is RegistryType.ECR:
        rows.insert(1, ("default region", spec.default_region or ""))
    return _section("to type into Palette's form", rows)


def _told(registration: DesiredRegistration) -> str:
    palette, settings = registration.spec.palette, registration.spec.settings
    parts = {
        "endpoint": settings["endpoint"],
        "base content path": registration.spec.base_content_path or "none",
        "default region": settings.get("defaultRegion"),
        "in": f"{palette.name} ({palette.host})",
    }
    return " · ".join(f"{name} {value}" for name, value in parts.items() if value)


def _typed_section(registry: DesiredRegistry) -> list[Line]:
    if not _is_typed(registry.spec):
        return []
    with_paths = len(registry.spec.base_content_paths) > 1
    return _section(TITLE, typed_rows(_typed(registry), with_paths=with_paths))


def _region(spec: RegistrySpec) -> str:
    if spec.region and spec.name != spec.declared:
        return spec.region + (" (default)" if spec.region == spec.default_region else "")
    return spec.region or ""


def _holds(repository: _Repository) -> str:
    return "base repository" if repository.is_base else ", ".join(repository.tags)


def _host(host: Host) -> tuple[str, str]:
    name = host.name if host.port == 443 else f"{host.name}:{host.port}"
    return name, host.purpose + (f" ({host.note})" if host.note else "")


def _registry(registry: DesiredRegistry, hosts: Sequence[Host]) -> Json:
    spec = registry.spec
    return {
        "name": spec.name,
        "type": spec.type.value,
        "endpoint": spec.shown_endpoint,
        "template": spec.template,
        "base_content_paths": [*spec.base_content_paths],
        "region": spec.region,
        "default_region": spec.default_region,
        "push": [*_push(spec)],
        "registrations": [
            {
                "name": each.spec.name,
                "palette": each.spec.palette.name,
                "endpoint": each.spec.settings["endpoint"],
                "base_content_path": each.spec.base_content_path,
                "default_region": each.spec.settings.get("defaultRegion"),
            }
            for each in registry.registrations
        ],
        "to_type": [each._asdict() for each in _typed(registry)],
        "repositories": [
            {"name": each.name, "base": each.is_base, "tags": [*each.tags]}
            for each in _repositories(registry)
        ],
        "hosts": [
            {"name": each.name, "port": each.port, "purpose": each.purpose, "note": each.note or None}
            for each in hosts
        ],
    }


def _repositories(registry: DesiredRegistry) -> list[_Repository]:
    tags: dict[str, list[str]] = {
        each.address.path: [] for each in registry.repositories if each.address.project is None
    }
    for artifact in registry.artifacts:
        tags.setdefault(artifact.address.path, []).append(artifact.address.tag or "")
    bases = {each.address.path for each in registry.repositories if each.base}
    return [_Repository(name, name in bases, tuple(found)) for name, found in sorted(tags.items())]


def _is_typed(spec: RegistrySpec) -> bool:
    return spec.provider is Provider.HELM and not spec.synchronization


def _typed(registry: DesiredRegistry) -> list[Typed]:
    return as_typed(each.address for each in registry.artifacts) if _is_typed(registry.spec) else []


def _push(spec: RegistrySpec) -> list[str]:
    """What is written behind `oras push` (`oras push --oci-layout` for a layout), for charts behind `helm push` (which
    knows no layouts) and the archive, by base content path."""
    place = spec.shown_endpoint.partition("://")[2] or spec.shown_endpoint
    if spec.provider is Provider.HELM and spec.type is not RegistryType.LAYOUT:
        return [f"oci://{place}/{path}".rstrip("/") for path in spec.base_content_paths or ("",)]
    return [f"{place}/{spec.repository(path, 'NAME')}:TAG" for path in spec.base_content_paths or ("",)]


def _hosts(registry: DesiredRegistry, others: Sequence[Host]) -> list[Host]:
    """What the manifest names, and `others`."""
    spec = registry.spec
    if spec.type is RegistryType.LAYOUT:
        return []
    named = [_of_url(spec.endpoint, "registry")]
    if spec.connect_to:
        named.append(_of_url(spec.connect_to, "connectTo", "regsync connects there in the registry's stead"))
    palettes = dict.fromkeys(each.spec.palette.host for each in registry.of_palette)
    return [*named, *others, *(_of_url(each, "Palette") for each in palettes)]


def _of_url(url: str, purpose: str, note: str = "") -> Host:
    parts = urlsplit(url)
    return Host(parts.hostname or "", purpose, parts.port or (80 if parts.scheme == "http" else 443), note)
