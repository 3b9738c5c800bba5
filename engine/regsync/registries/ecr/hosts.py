"""Which hosts of AWS stand behind a registry: API, STS, and where layers are. Knows no SDK and reaches nothing."""

from __future__ import annotations

from regsync.model.access import Host
from regsync.model.registry import AuthMethod, AwsPlace, RegistrySpec, RegistryType

# By partition the suffix of hosts, and that of their dual-stack forms (botocore, partitions.json).
_SUFFIXES = {
    "aws": ("amazonaws.com", "api.aws"),
    "aws-cn": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "aws-eusc": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "aws-iso": ("c2s.ic.gov", "api.aws.ic.gov"),
    "aws-iso-b": ("sc2s.sgov.gov", "api.aws.scloud"),
    "aws-iso-e": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "aws-iso-f": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "aws-us-gov": ("amazonaws.com", "api.aws"),
}

# Where a pull from public.ecr.aws is sent for layers (named by AWS in the requirements of EKS Anywhere).
_PUBLIC_LAYERS = ("d2glxqk2uabbnd.cloudfront.net", "d5l0dvt14r5h8.cloudfront.net")
_UNPUBLISHED = "AWS publishes no list of these, and may change them"


def aws_hosts(spec: RegistrySpec) -> tuple[Host, ...]:
    """What a registry of Amazon ECR needs beside its own host; nothing for other registries.

    Hosts of the API and of STS are those that botocore connects to.
    """
    place, region = spec.aws, spec.region or ""
    if place is None:
        return ()
    public = spec.type is RegistryType.ECR_PUBLIC
    layers = (
        [Host(each, "layers", note=_UNPUBLISHED) for each in _PUBLIC_LAYERS]
        if public
        else [Host(each, "layers") for each in _layers(place, region)]
    )
    if spec.auth.method is AuthMethod.NONE:
        return tuple(layers)
    api = _api("ecr-public" if public else "ecr", place, region)
    return (*(Host(each, "API") for each in api), Host(_sts(place, region), "STS"), *layers)


def _api(service: str, place: AwsPlace, region: str) -> list[str]:
    suffix, dual_stack = _SUFFIXES[place.partition]
    name = f"{service}-fips" if place.fips else service
    if place.dual_stack:
        return [f"{name}.{region}.{dual_stack}"]
    # AWS's table of FIPS hosts has none with `api.`, but the endpoint rules of botocore lead there.
    return [f"api.{name}.{region}.{suffix}", *([f"{name}.{region}.{suffix}"] if place.fips else [])]


def _sts(place: AwsPlace, region: str) -> str:
    suffix, dual_stack = _SUFFIXES[place.partition]
    if place.dual_stack:
        return f"sts{'-fips' if place.fips else ''}.{region}.{dual_stack}"
    # In GovCloud, STS has one host, which is the FIPS one.
    fips = place.fips and place.partition != "aws-us-gov"
    return f"sts{'-fips' if fips else ''}.{region}.{suffix}"


def _layers(place: AwsPlace, region: str) -> list[str]:
    """The bucket that a registry redirects to for layers (Amazon ECR, "VPC endpoints"), under the names that S3 has for
    it."""
    suffix, _ = _SUFFIXES[place.partition]
    forms = ["s3", "s3.dualstack"] if place.dual_stack else ["s3"]
    return [f"prod-{region}-starport-layer-bucket.{form}.{region}.{suffix}" for form in forms]
