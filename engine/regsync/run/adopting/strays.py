"""Finds what is live beneath the base content paths of manifests and named by none of them. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from regsync.model.draft import Stray, Strays
from regsync.model.errors import RegistryError
from regsync.model.events import Sink
from regsync.model.reference import Address
from regsync.model.state import (
    DesiredRegistry,
    DesiredState,
    LiveArtifact,
    Observed,
    Unreadable,
    UnreadableScope,
)
from regsync.registries.base import Registry
from regsync.run.adopting.survey import repositories, survey

_ADVICE = (
    "the repositories of what the manifests name were looked at; log in as somebody who may list the others"
)


def find_strays(
    desired: DesiredState,
    registries: Mapping[str, Registry],
    *,
    pool: ThreadPoolExecutor,
    sink: Sink,
) -> tuple[list[Strays], list[Unreadable]]:
    """What no manifest names, by Registry document, those of its regions together; and what could not be read."""
    documents: dict[str, list[tuple[DesiredRegistry, Observed]]] = {}
    unreadable: list[Unreadable] = []
    for each in desired.registries:
        observed = _observed(each, registries[each.spec.name], pool=pool, sink=sink)
        unreadable += observed.unreadable
        documents.setdefault(each.spec.declared, []).append((each, observed))
    return [_strays(found) for found in documents.values()], unreadable


def _observed(
    desired: DesiredRegistry, registry: Registry, *, pool: ThreadPoolExecutor, sink: Sink
) -> Observed:
    """All artifacts one level beneath the base content paths; where the catalogue is denied, of the repositories that
    manifests name."""
    spec = desired.spec
    denied: tuple[Unreadable, ...] = ()
    try:
        every = repositories(registry, spec.prefixes, _ADVICE)
    except RegistryError as error:
        every = [address.path for address in _named(desired)]
        denied = (Unreadable(spec.name, UnreadableScope.REGISTRY, error.message, hint=error.hint),)
    paths = [path for path in dict.fromkeys(every) if _base(desired, path) is not None]
    observed = survey(registry, paths, pool=pool, sink=sink)
    return replace(observed, unreadable=(*denied, *observed.unreadable))


def _strays(found: list[tuple[DesiredRegistry, Observed]]) -> Strays:
    holders: dict[tuple[str, str, str], list[tuple[DesiredRegistry, LiveArtifact]]] = {}
    for desired, observed in found:
        named = set(_named(desired))
        for address, live in observed.artifacts.items():
            if address not in named:
                holders.setdefault(_place(desired, address), []).append((desired, live))
    spec = found[0][0].spec
    return Strays(
        spec.declared,
        spec.owner,
        spec.place("content"),
        next(iter(spec.base_content_paths), ""),
        sum(len(observed.artifacts) for _, observed in found),
        tuple(
            Stray(
                *place,
                owner=next((live.owner for _, live in have if live.owner), None),
                regions=tuple(desired.spec.region or "" for desired, _ in have)
                if len(have) < len(found)
                else (),
            )
            for place, have in sorted(holders.items())
        ),
    )


def _named(desired: DesiredRegistry) -> list[Address]:
    """All artifacts that manifests speak of, be it that they must not be there."""
    wanted = [each.address for each in desired.artifacts]
    return wanted + [each.address for each in desired.absences]


def _place(desired: DesiredRegistry, address: Address) -> tuple[str, str, str]:
    """Base content path, name and tag."""
    return _base(desired, address.path) or "", address.path.rpartition("/")[2], address.tag or ""


def _base(desired: DesiredRegistry, path: str) -> str | None:
    """The base content path that a repository lies one level beneath; None where there is none."""
    spec = desired.spec
    above, _, name = path.rpartition("/")
    return next(
        (base for base in spec.base_content_paths or ("",) if spec.repository(base) == above and name), None
    )
