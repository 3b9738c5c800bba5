from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft7Validator

from regsync.model.diagnostic import Origin
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, AwsPlace, RegistrySpec, RegistryType
from regsync.model.state import DesiredRegistry, DesiredRepository
from regsync.registries.acr.hosts import azure_hosts
from regsync.registries.ecr.hosts import aws_hosts
from regsync.report.endpoints import Reached, endpoints_to_json, render_endpoints
from regsync.report.lines import plain
from tests.support.iam import ecr_spec, public_spec
from tests.support.registrations import SETTINGS, registered
from tests.support.servers import ROOT
from tests.support.states import a_spec, wanted

Golden = Callable[[str, str], None]

SCHEMA = json.loads((ROOT / "schemas" / "endpoints.schema.json").read_text(encoding="utf-8"))
ORIGIN = Origin("registries/ecr.yaml", 6, 3)
TEAM = ("team",)


def reached(spec: RegistrySpec) -> Reached:
    """A registry that wants three packs beneath `team`, and each repository that has to be created for that."""
    packs = (("kyverno", "3.1.0"), ("nginx", "1.25.0"), ("nginx", "1.26.0"))
    artifacts = tuple(wanted(name, tag=tag, registry=spec.name) for name, tag in packs)
    repositories = [
        DesiredRepository(Address(spec.name, spec.repository(path)), ORIGIN)
        for path in spec.base_content_paths
    ]
    if spec.type.creates_repositories:
        paths = sorted({each.address.path for each in artifacts})
        repositories += [DesiredRepository(Address(spec.name, path), ORIGIN, base=False) for path in paths]
    projects = [DesiredRepository(Address.of_project(spec.name, each), ORIGIN) for each in spec.projects]
    return DesiredRegistry(spec, artifacts, (), (*projects, *repositories)), aws_hosts(spec)


REGIONS = [reached(ecr_spec(each, base_content_paths=TEAM)) for each in ("us-east-1", "eu-west-1")]
PUBLIC = reached(public_spec(base_content_paths=("team", "edge"), auth=Auth(AuthMethod.AWS)))
TUNNEL = reached(
    replace(
        a_spec(),
        endpoint="http://harbor.lan:8080",
        shown_endpoint="http://harbor.lan:8080",
        connect_to="https://127.0.0.1:8443",
    )
)
HARBOR = reached(replace(a_spec("harbor-prod"), type=RegistryType.HARBOR))
LAYOUT = reached(
    replace(a_spec("layout"), type=RegistryType.LAYOUT, endpoint="/srv/live", shown_endpoint="live")
)
REGISTERED = tuple(
    registered({**SETTINGS, "baseContentPath": path, **more}, document="ecr", name=name)
    for name, path, more in (
        ("ecr", "team", {"endpoint": "214575254960.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com"}),
        ("ecr-edge", "edge", {"defaultRegion": "us-east-1"}),
    )
)
IN_PALETTE = [(replace(REGIONS[0][0], registrations=REGISTERED), REGIONS[0][1]), REGIONS[1]]
DUAL_STACK = reached(
    ecr_spec(
        name="ecr-six",
        endpoint="https://214575254960.dkr-ecr-fips.us-east-1.on.aws",
        shown_endpoint="214575254960.dkr-ecr-fips.us-east-1.on.aws",
        aws=AwsPlace("214575254960", fips=True, dual_stack=True),
        base_content_paths=TEAM,
    )
)


@pytest.mark.parametrize(
    ("name", "registries"),
    [
        ("two-regions", REGIONS),
        ("dual-stack", [DUAL_STACK]),
        ("public", [PUBLIC]),
        ("others", [TUNNEL, LAYOUT]),
        ("registered", IN_PALETTE),
    ],
)
def test_endpoints_as_text(golden: Golden, name: str, registries: list[Reached]) -> None:
    golden(f"report/endpoints-{name}", plain(render_endpoints(registries)))


def test_endpoints_as_json(golden: Golden) -> None:
    document = endpoints_to_json([*REGIONS, PUBLIC, TUNNEL, LAYOUT])
    Draft7Validator(SCHEMA).validate(document)
    golden("report/endpoints-json", json.dumps(document, indent=2) + "\n")


def test_registrations_and_the_host_of_palette_as_json() -> None:
    document: Any = endpoints_to_json(IN_PALETTE)
    Draft7Validator(SCHEMA).validate(document)
    default, other = document["registries"]
    assert other["registrations"] == []
    assert default["registrations"][1] == {
        "name": "ecr-edge",
        "palette": "prod",
        "endpoint": "https://harbor.example.com",
        "base_content_path": "edge",
        "default_region": "us-east-1",
    }
    allowed = {"name": "palette.example.com", "port": 443, "purpose": "Palette", "note": None}
    assert allowed in default["hosts"]


def test_the_hosts_of_azure_are_as_the_schema_says() -> None:
    spec = replace(a_spec("acr"), endpoint="https://team.azurecr.io", type=RegistryType.ACR)
    spec = replace(spec, auth=Auth(AuthMethod.AZURE))
    document = endpoints_to_json([(DesiredRegistry(spec, (), (), ()), azure_hosts(spec))])
    Draft7Validator(SCHEMA).validate(document)
    assert '"Entra"' in json.dumps(document)


def test_a_project_is_no_repository() -> None:
    document = endpoints_to_json([HARBOR])
    Draft7Validator(SCHEMA).validate(document)
    assert "@project" not in json.dumps(document)
    assert "@project" not in plain(render_endpoints([HARBOR]))
