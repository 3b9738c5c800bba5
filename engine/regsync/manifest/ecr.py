"""Where registries of Amazon ECR are, told from their hosts. Knows names only, and reaches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regsync.manifest.endpoint import Place, has_macro, in_region, refuses_macro
from regsync.manifest.nodes import Node, nearest, problem
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import REGION_MACRO, AwsPlace

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_ACCOUNT = re.compile(r"[0-9]{12}")
_HOST = re.compile(r"([^.]*)\.dkr([.-])ecr(-fips)?\.([^.]*)\.(.*)")
_ANY_REGION = "<region>"  # stands in the place of the macro while the host is looked at
_LIKE = "<account>.dkr.ecr.<region>.amazonaws.com"

_PUBLIC_HOSTS = ("public.ecr.aws", "ecr-public.aws.com")  # the second one is reached over IPv6 too
_PUBLIC_REGION = "us-east-1"  # the only one with an API of ECR Public
_PUBLIC_LIKE = "public.ecr.aws/<alias>"
_ALIAS = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class _Partition:
    """A part of AWS with regions and accounts of its own: how its regions begin, how its hosts end, and which regions
    it is known to have."""

    name: str
    regions: str
    suffix: str
    dual_stack_suffix: str | None
    known: str


# A region is of the first one that fits (Amazon ECR, "endpoints"; botocore's partitions).
_PARTITIONS = (
    _Partition("aws-us-gov", "us-gov-", "amazonaws.com", "on.aws", "us-gov-east-1 us-gov-west-1"),
    _Partition(
        "aws-cn", "cn-", "amazonaws.com.cn", "on.amazonwebservices.com.cn", "cn-north-1 cn-northwest-1"
    ),
    _Partition("aws-eusc", "eusc-", "amazonaws.eu", None, "eusc-de-east-1"),
    _Partition("aws-iso", "us-iso-", "c2s.ic.gov", None, "us-iso-east-1 us-iso-west-1"),
    _Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", None, "us-isob-east-1 us-isob-west-1"),
    _Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", None, "eu-isoe-west-1"),
    _Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", None, "us-isof-east-1 us-isof-south-1"),
    _Partition(
        "aws",
        "",
        "amazonaws.com",
        "on.aws",
        "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
        "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 "
        "ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 "
        "eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 "
        "us-east-1 us-east-2 us-west-1 us-west-2",
    ),
)


@dataclass(frozen=True, slots=True)
class _Host:
    """The parts of a private registry's host; the region is `_ANY_REGION` where a macro stands for it."""

    account: str
    region: str
    suffix: str
    fips: bool
    dual_stack: bool

    def ends_like(self, partition: _Partition) -> bool:
        """Whether this may be a host of the partition."""
        return self.suffix == (partition.dual_stack_suffix if self.dual_stack else partition.suffix)


def account_and_region(host: str) -> tuple[str, str] | None:
    """Of which account a private registry is, and in which region; None where it is no host of one."""
    found = _HOST.fullmatch(host.lower())
    if found is None or not any(found[5] in (each.suffix, each.dual_stack_suffix) for each in _PARTITIONS):
        return None
    return found[1], found[4]


def is_public(host: str) -> bool:
    """Whether a host is that of ECR Public."""
    return host.lower() in _PUBLIC_HOSTS


def private_places(spec: Node, problems: list[Diagnostic]) -> list[Place]:
    """The registries that a `spec` of type ecr names: one, or one for each of `regions`.

    What is wrong with the endpoint or a region becomes a finding, and has no place.
    """
    endpoint, written = spec.find("endpoint"), spec.find("regions")
    host = _private_host(endpoint, problems) if endpoint else None
    if endpoint is None or host is None:
        return []
    regions = {host.region: endpoint}
    if has_macro(endpoint):
        regions = {each.text: each for each in written.each} if written else {}
    places: list[Place] = []
    for region, node in regions.items():
        partition = next(each for each in _PARTITIONS if region.startswith(each.regions))
        if not host.ends_like(partition):
            summary = f"`{region}` lies in partition {partition.name}, whose hosts end otherwise"
            advice = f"the registry there is `{host.account}.dkr.ecr.{region}.{partition.suffix}`"
            related = [] if node is endpoint else [(endpoint.mark, "the endpoint")]
            problems.append(problem("RS121", node.mark, summary, advice=advice, related=related))
        elif places and places[0].partition != partition.name:
            first = f"`{places[0].region}` in {places[0].partition}"
            summary = f"`{region}` lies in partition {partition.name}, and {first}"
            advice = "an account belongs to one partition: write a Registry document for each"
            problems.append(problem("RS129", node.mark, summary, advice=advice))
        else:
            known = partition.known.split()
            if region not in known:
                swapped = next((each for each in known if sorted(each) == sorted(region)), None)
                meant = swapped or nearest(region, known)
                question = f"did you mean `{meant}`?" if meant else None
                summary = f"AWS is not known to have a region `{region}`"
                problems.append(problem("RS139", node.mark, summary, advice=question))
            name = in_region(endpoint.text, region).lower()
            aws = AwsPlace(host.account, partition.name, host.fips, host.dual_stack)
            places.append(Place(f"https://{name}", name, region, aws))
    return places


def _private_host(endpoint: Node, problems: list[Diagnostic]) -> _Host | None:
    scheme, _, rest = endpoint.text.rpartition("://")
    name, slash, path = rest.partition("/")
    found = _HOST.fullmatch(in_region(name, _ANY_REGION).lower())
    host = _Host(found[1], found[4], found[5], bool(found[3]), found[2] == "-") if found else None
    advice: str | None = f"the form is {_LIKE}"
    if "@" in endpoint.text:
        flaw, advice = "`spec.endpoint` holds a login", "put the login into auth"
    elif name.lower() in _PUBLIC_HOSTS:
        flaw, advice = f"`{name}` is the host of ECR Public", "write `type: ecr-public`"
    elif host is None or not any(host.ends_like(each) for each in _PARTITIONS):
        flaw = f"`{endpoint.text}` is no host of Amazon ECR"
    elif scheme or slash:
        flaw = "`spec.endpoint` of type ecr is a host, and no more"
        advice = _without_the_rest(name, path)
    elif has_macro(endpoint) and host.region != _ANY_REGION:
        flaw = "the macro for the region stands elsewhere than the region"
        advice = f"the form is {_LIKE.replace('<region>', REGION_MACRO)}"
    elif not _ACCOUNT.fullmatch(host.account):
        flaw, advice = f"`{host.account}` is no AWS account: an account has 12 digits", None
    elif not has_macro(endpoint) and not _REGION.fullmatch(host.region):
        flaw, advice = f"`{host.region}` is no region of AWS", "regions read like us-east-1"
    else:
        return host
    problems.append(problem("RS121", endpoint.mark, flaw, advice=advice))
    return None


def public_places(endpoint: Node, problems: list[Diagnostic]) -> list[Place]:
    """The registry that the endpoint of a `spec` of type ecr-public names; none where that is wrong."""
    if refuses_macro(endpoint, problems):
        return []
    scheme, _, rest = endpoint.text.rpartition("://")
    name, _, path = rest.partition("/")
    alias, _, below = path.strip("/").partition("/")
    host = name.lower()
    if "@" in endpoint.text:
        flaw, advice = "`spec.endpoint` holds a login", "put the login into auth"
    elif host not in _PUBLIC_HOSTS:
        flaw, advice = f"`{endpoint.text}` is no registry of ECR Public", f"the form is {_PUBLIC_LIKE}"
        if _HOST.fullmatch(host):
            advice = "private registries are of type ecr"
    elif not _ALIAS.fullmatch(alias):
        flaw = (
            f"`{alias}` is no alias of a registry" if alias else "`spec.endpoint` lacks the registry's alias"
        )
        advice = f"the form is {_PUBLIC_LIKE}; the console and DescribeRegistries show the alias"
    elif scheme or below:
        flaw = "`spec.endpoint` of type ecr-public is a host and an alias, and no more"
        advice = _without_the_rest(f"{name}/{alias}", below)
    else:
        aws = AwsPlace("", dual_stack=host == _PUBLIC_HOSTS[1])
        return [Place(f"https://{host}", f"{host}/{alias}", _PUBLIC_REGION, aws, alias)]
    problems.append(problem("RS121", endpoint.mark, flaw, advice=advice))
    return []


def _without_the_rest(endpoint: str, path: str) -> str:
    advice = f"write `{endpoint}`"
    return f"{advice}; `{path}` belongs in baseContentPaths" if path.strip("/") else advice
