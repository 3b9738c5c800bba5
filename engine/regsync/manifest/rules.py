"""Rules between the fields of a registry that no schema can tell. Knows what the fields mean; reaches nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from regsync.manifest.access import check_auth
from regsync.manifest.endpoint import Place, has_macro, in_region
from regsync.manifest.nodes import Node, did_you_mean, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import REGION_MACRO, Provider, RegistryType

_KEY = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")


def check_registry(
    spec: Node,
    type_: RegistryType | None,
    places: Sequence[Place],
    problems: list[Diagnostic],
) -> None:
    """Report what contradicts in a `spec`, as far as it is known. `places` are where its registries are."""
    endpoint, tls = spec.find("endpoint"), spec.find("tls")
    if endpoint and type_ is RegistryType.ECR:
        _check_regions(spec, endpoint, problems)
        _check_partition(spec, endpoint, places, problems)
    if type_ is RegistryType.HARBOR:
        _check_projects(spec, problems)
    if auth := spec.find("auth"):
        check_auth(auth, problems)
    if repositories := spec.find("repositories"):
        _check_mutability(repositories, spec.find("policy", "overwrite"), problems)
        _check_encryption(repositories, places, problems)
        _check_replicated(repositories, problems)
        _check_base(spec.find("provider"), repositories.find("base"), problems)
    if tls and endpoint and endpoint.text.startswith("http://"):
        related = [(endpoint.mark, "the endpoint")]
        summary = "`spec.tls` has no meaning for an endpoint of http://"
        problems.append(problem("RS129", tls.where, summary, related=related))


def _check_projects(spec: Node, problems: list[Diagnostic]) -> None:
    paths, provider = spec.find("baseContentPaths"), spec.find("provider")
    none = spec.lacks("baseContentPaths") if paths is None else not paths.each
    if none and provider and provider.value == Provider.HELM:  # packs need a path anywhere
        advice = "write `baseContentPaths: [PROJECT]`"
        where = paths.mark if paths else spec.fields["type"].mark
        problems.append(
            problem("RS129", where, "Harbor has no repositories outside of projects", advice=advice)
        )


def _check_regions(spec: Node, endpoint: Node, problems: list[Diagnostic]) -> None:
    regions, default = spec.find("regions"), spec.find("defaultRegion")
    templated = has_macro(endpoint)
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
    for path in (("connectTo",), ("repositories", "encryption", "key")):
        node = spec.find(*path)
        if node and has_macro(node) and not templated:
            summary = f"`spec.{'.'.join(path)}` has a macro for the region, but `spec.endpoint` has none"
            problems.append(problem("RS129", node.mark, summary))
    replicated = spec.find("repositories", "replicated")
    if replicated and replicated.value and (not templated or (names is not None and len(names) < 2)):
        summary = "`replicated: true` needs several regions: one to push to, and others to replicate to"
        advice = f"write `{REGION_MACRO}` into the endpoint, and all regions into `regions`"
        problems.append(problem("RS129", replicated.where, summary, advice=advice))


def _check_partition(spec: Node, endpoint: Node, places: Sequence[Place], problems: list[Diagnostic]) -> None:
    written, told = spec.find("partition"), places[0].partition if places else None
    if written and told and written.text != told:
        summary = f"`partition: {written.text}` contradicts the endpoint, which lies in {told}"
        related = [(endpoint.mark, "the endpoint")]
        advice = "leave `partition` out: the endpoint tells it"
        problems.append(problem("RS129", written.mark, summary, advice=advice, related=related))


def _check_base(provider: Node | None, base: Node | None, problems: list[Diagnostic]) -> None:
    if provider and base and provider.value == Provider.HELM and base.value:
        related = [(provider.mark, "the provider")]
        summary = "`base: true` has no meaning for charts: only packs have a base repository"
        problems.append(problem("RS129", base.where, summary, related=related))


def _check_mutability(repositories: Node, overwrite: Node | None, problems: list[Diagnostic]) -> None:
    mutability = repositories.find("tagMutability")
    exclusions = repositories.find("tagMutabilityExclusions")
    # With exclusions there are tags of either sort, and a plan tells which of its changes meet which.
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


def _check_encryption(repositories: Node, places: Sequence[Place], problems: list[Diagnostic]) -> None:
    kind, key = repositories.find("encryption", "type"), repositories.find("encryption", "key")
    if key is None:
        return
    if kind and kind.text == "AES256":
        related = [(kind.mark, "the encryption")]
        summary = "`key` has no meaning beside `type: AES256`"
        advice = "write `type: KMS` or `KMS_DSSE`, or leave the key out"
        problems.append(problem("RS129", key.where, summary, advice=advice, related=related))
    found = _KEY.fullmatch(in_region(key.text, "region"))
    if found is None:
        what = "an alias, not the ARN of a key" if "alias/" in key.text else "not the ARN of a key"
        advice = "write arn:aws:kms:<region>:<account>:key/<id>: ECR answers with that, whatever it was given"
        problems.append(problem("RS111", key.mark, f"`{key.text}` is {what}", advice=advice))
        return
    if places and found[1] != places[0].partition:
        summary = f"the key lies in partition {found[1]}, and the registry in {places[0].partition}"
        advice = f"an account belongs to one partition: a key there is arn:{places[0].partition}:kms:…"
        problems.append(problem("RS129", key.mark, summary, advice=advice))
        return
    elsewhere = [place for place in places if not _is_beside(key.text, place)]
    if elsewhere:
        missed = ", ".join(place.region or "" for place in elsewhere)
        advice = f"write the ARN of a key there: arn:{elsewhere[0].partition}:kms:{elsewhere[0].region}:…"
        if len(places) > 1:
            advice = f"write `{REGION_MACRO}` where the region stands in the ARN"
        problems.append(problem("RS129", key.mark, f"the key does not lie in {missed}", advice=advice))


def _check_replicated(repositories: Node, problems: list[Diagnostic]) -> None:
    replicated, encryption = repositories.find("replicated"), repositories.find("encryption")
    kind = repositories.find("encryption", "type")
    if not replicated or not replicated.value or not encryption or (kind and kind.text == "AES256"):
        return
    summary = "`encryption` is not given to repositories that ECR's replication creates"
    advice = (
        "let a repository creation template of each replica's region, applied for REPLICATION, encrypt them so, or "
        "leave `encryption` out"
    )
    related = [(replicated.where, "it creates those in the other regions")]
    problems.append(problem("RS137", encryption.where, summary, advice=advice, related=related))


def _is_beside(key: str, place: Place) -> bool:
    """Whether a key is of the region of a registry, which ECR asks for."""
    found = _KEY.fullmatch(in_region(key, place.region or ""))
    return found is not None and (found[1], found[2]) == (place.partition, place.region)
