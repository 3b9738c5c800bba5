"""Rules between the fields of a registry that no schema can tell. Knows what the fields mean; reaches nothing."""

from __future__ import annotations

from collections.abc import Collection

from regsync.manifest.endpoint import REGION_MACRO, check_ecr_host
from regsync.manifest.nodes import Node, did_you_mean, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import RegistryType


def check_registry(
    spec: Node, type_: RegistryType | None, palettes: Collection[str], problems: list[Diagnostic]
) -> None:
    """Report what contradicts in a `spec`, as far as it is known. `palettes` are the names of Palette documents."""
    endpoint, tls = spec.find("endpoint"), spec.find("tls")
    if endpoint and type_ is RegistryType.ECR:
        check_ecr_host(endpoint, problems)
        _check_regions(spec, endpoint, problems)
    if repositories := spec.find("repositories"):
        _check_mutability(repositories, spec.find("policy", "overwrite"), problems)
    if tls and endpoint and endpoint.text.startswith("http://"):
        related = [(endpoint.mark, "the endpoint")]
        summary = "`spec.tls` has no meaning for an endpoint of http://"
        problems.append(problem("RS129", tls.where, summary, related=related))
    name = spec.find("palette", "ref")
    if name and name.text not in palettes:
        advice = did_you_mean(name.text, palettes) or "no file of this run has a Palette"
        problems.append(problem("RS125", name.mark, f"no Palette is called `{name.text}`", advice=advice))


def _check_regions(spec: Node, endpoint: Node, problems: list[Diagnostic]) -> None:
    regions, default = spec.find("regions"), spec.find("defaultRegion")
    templated = REGION_MACRO in endpoint.text
    if templated and spec.lacks("regions"):
        advice = "write `regions: [us-east-1, …]`, or the region itself into the endpoint"
        summary = "`spec.endpoint` has a macro for the region, but there is no `spec.regions`"
        problems.append(problem("RS129", endpoint.mark, summary, advice=advice))
    for node in (regions, default):
        if node and not templated:
            advice = f"write `{REGION_MACRO}` where the region stands in the endpoint"
            summary = "regions need an endpoint with a macro for the region"
            related = [(endpoint.mark, "the endpoint")]
            problems.append(problem("RS129", node.where, summary, advice=advice, related=related))
    names = regions.texts if regions else None
    if names is not None and default and default.text not in names:
        summary = f"`{default.text}` is none of `spec.regions`"
        nearby = did_you_mean(default.text, names)
        problems.append(problem("RS129", default.mark, summary, advice=nearby))
    connect_to = spec.find("connectTo")
    if connect_to and REGION_MACRO in connect_to.text and not templated:
        summary = "`spec.connectTo` has a macro for the region, but `spec.endpoint` has none"
        problems.append(problem("RS129", connect_to.mark, summary))


def _check_mutability(repositories: Node, overwrite: Node | None, problems: list[Diagnostic]) -> None:
    mutability = repositories.find("tagMutability")
    exclusions = repositories.find("tagMutabilityExclusions")
    if mutability and overwrite and mutability.value == "IMMUTABLE" and overwrite.value == "allow":
        related = [(mutability.mark, "no tag can be overwritten")]
        summary = "`policy.overwrite: allow` contradicts `tagMutability: IMMUTABLE`"
        problems.append(problem("RS129", overwrite.mark, summary, related=related))
    excluding = mutability is not None and mutability.text.endswith("_WITH_EXCLUSION")
    if exclusions and not excluding and (mutability or repositories.lacks("tagMutability")):
        advice = "write `tagMutability: IMMUTABLE_WITH_EXCLUSION` or `MUTABLE_WITH_EXCLUSION`"
        summary = "`tagMutabilityExclusions` needs a tagMutability with exclusions"
        problems.append(problem("RS129", exclusions.where, summary, advice=advice))
    elif mutability and excluding and repositories.lacks("tagMutabilityExclusions"):
        summary = f"`{mutability.text}` needs `tagMutabilityExclusions`"
        problems.append(problem("RS129", mutability.mark, summary))
