"""What a document registers in Palette, with what Palette must then list. Knows no Palette."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regsync.model.declaration import Declaration
from regsync.model.palette import DesiredRegistration, Listing, UnwantedRegistration
from regsync.model.reference import Address, chart_version
from regsync.model.registry import Provider
from regsync.model.state import DesiredArtifact

_VALUES = "values.yaml"
_DOCUMENTS = {"pack.json", "Chart.yaml"}


def registered(
    declaration: Declaration, artifacts: Iterable[DesiredArtifact]
) -> tuple[DesiredRegistration, ...]:
    """The registrations of a live registry that is to hold `artifacts`, sorted by address."""
    registry = declaration.spec
    listed = sorted(artifacts, key=lambda each: each.address)
    found = []
    for spec in declaration.registrations:
        address = Address.of_registration(registry.declared, spec.name)
        desired = DesiredRegistration(address, spec, registry)
        if desired.synchronizes:
            listings = tuple(_listings(listed, desired.prefix, registry.provider))
            desired = DesiredRegistration(address, spec, registry, listings)
        found.append(desired)
    return tuple(sorted(found, key=lambda each: each.address))


def unregistered(declaration: Declaration) -> tuple[UnwantedRegistration, ...]:
    """The registrations that must not be there, sorted by address."""
    registry = declaration.spec
    found = (
        UnwantedRegistration(Address.of_registration(registry.declared, each.name), each, registry.owner)
        for each in declaration.unwanted
    )
    return tuple(sorted(found, key=lambda each: each.address))


def _listings(artifacts: Iterable[DesiredArtifact], prefix: str, provider: Provider) -> Iterator[Listing]:
    """What Palette makes of the artifacts beneath a base content path: a chart below a further path has that in its name."""
    for each in artifacts:
        path, tag = each.address.path, each.address.tag or ""
        if path.startswith(prefix):
            version = chart_version(tag) if provider is Provider.HELM else tag
            yield Listing(path.removeprefix(prefix), version, each.address, _is_valued(each))


def _is_valued(artifact: DesiredArtifact) -> bool | None:
    """Whether it has values to show; None where its files are not told, as of a chart that is yet to be fetched."""
    sizes = {each.path: each.size for each in artifact.content.files}
    return sizes.get(_VALUES, 0) > 0 if sizes.keys() & _DOCUMENTS else None
