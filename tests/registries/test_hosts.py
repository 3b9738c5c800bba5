"""The hosts of AWS, held against the endpoint rules that botocore itself follows."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import Loader

from regsync.model.access import Host
from regsync.model.registry import Auth, AuthMethod, AwsPlace, RegistrySpec
from regsync.registries.ecr.hosts import aws_hosts
from tests.support.iam import ecr_spec, public_spec
from tests.support.states import a_spec

PARTITIONS: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]


@cache
def rules(service: str) -> EndpointProvider:
    loader = Loader()
    return EndpointProvider(
        loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions")
    )


def resolved(service: str, region: str, *, fips: bool, dual_stack: bool, **more: Any) -> str:
    """The host that botocore connects to."""
    found = rules(service).resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack, **more)
    return str(found.url).removeprefix("https://")


def hosts(spec: RegistrySpec, purpose: str) -> list[str]:
    return [each.name for each in aws_hosts(spec) if each.purpose == purpose]


@pytest.mark.parametrize("dual_stack", [False, True], ids=["ipv4", "dual-stack"])
@pytest.mark.parametrize("fips", [False, True], ids=["plain", "fips"])
@pytest.mark.parametrize("partition", PARTITIONS, ids=[each["id"] for each in PARTITIONS])
def test_hosts_are_those_of_botocore_in_every_region_and_form(
    partition: dict[str, Any], fips: bool, dual_stack: bool
) -> None:
    regions = [each for each in partition["regions"] if not each.endswith("-global")]
    assert regions
    for region in regions:
        spec = ecr_spec(region, aws=AwsPlace("214575254960", partition["id"], fips, dual_stack))
        form = {"fips": fips, "dual_stack": dual_stack}
        assert resolved("ecr", region, **form) in hosts(spec, "API")
        assert [resolved("sts", region, UseGlobalEndpoint=False, **form)] == hosts(spec, "STS")
        bucket = {"Bucket": f"prod-{region}-starport-layer-bucket"}
        layers = resolved("s3", region, fips=False, dual_stack=dual_stack, **bucket)
        assert layers in hosts(spec, "layers")


def test_a_private_registry() -> None:
    assert aws_hosts(ecr_spec("eu-west-1")) == (
        Host("api.ecr.eu-west-1.amazonaws.com", "API"),
        Host("sts.eu-west-1.amazonaws.com", "STS"),
        Host("prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com", "layers"),
    )


def test_a_fips_registry_has_the_api_under_the_name_that_aws_publishes_too() -> None:
    spec = ecr_spec("us-gov-west-1", aws=AwsPlace("214575254960", "aws-us-gov", fips=True))
    assert "ecr-fips.us-gov-west-1.amazonaws.com" in hosts(spec, "API")


@pytest.mark.parametrize("dual_stack", [False, True])
def test_a_public_registry(dual_stack: bool) -> None:
    spec = public_spec(aws=AwsPlace("", dual_stack=dual_stack))
    assert hosts(spec, "API") == [resolved("ecr-public", "us-east-1", fips=False, dual_stack=dual_stack)]
    assert all(each.endswith(".cloudfront.net") for each in hosts(spec, "layers"))


def test_without_a_login_there_is_no_call_to_aws() -> None:
    spec = public_spec(auth=Auth(AuthMethod.NONE))
    assert {each.purpose for each in aws_hosts(spec)} == {"layers"}


def test_other_registries_need_nothing_of_aws() -> None:
    assert aws_hosts(a_spec()) == ()
