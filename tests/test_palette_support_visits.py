"""The Palette of the tests really goes to the registries that it is told of, with the login that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acr import HOST, TOKEN, AcrFront
from tests.support.aws import Aws
from tests.support.aws_wire import Wire
from tests.support.hand import push_by_hand
from tests.support.palette import PaletteServer
from tests.support.palette_client import CHARTS, LOGIN, OCI, PACKS, TLS, Client, problem
from tests.support.palette_content import Image, chart_image, pack_image, push
from tests.support.palette_ecr import aws_lister, trust
from tests.support.palette_lister import RealLister
from tests.support.scripted import ScriptedServer
from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.support.tokens import EVERYTHING, TokenServer


@pytest.fixture
def visitor(palette: PaletteServer) -> Iterator[Client]:
    """A client of the Palette that really goes to registries."""
    client = Client(palette)
    with client.http:
        yield client


def at(server: DistributionServer, path: str, **instead: Any) -> dict[str, Any]:
    """The spec of a registration of a server."""
    certificate = server.ca_file.read_text(encoding="utf-8") if server.tls else ""
    login = {"type": "basic", "username": USER, "password": PASSWORD} if server.login else {"type": "noAuth"}
    auth = {**login, "tls": {**TLS, "certificate": certificate}}
    return {**PACKS, "endpoint": server.url, "baseContentPath": path, "auth": auth, **instead}


def listed(palette: PaletteServer, name: str) -> set[str]:
    return {":".join(key) for key in palette.named(name).packs}


def test_packs_are_found_where_they_are(
    palette: PaletteServer, visitor: Client, distribution_tls: DistributionServer, unique_path: str
) -> None:
    archive = f"{unique_path}/spectro-packs/archive"
    versions = [f"1.{minor}.0" for minor in range(5)]
    for version in versions:
        push(distribution_tls, f"{archive}/nginx", version, pack_image("nginx", version))
    push(distribution_tls, f"{archive}/empty", "1.0.0", pack_image("empty", "1.0.0", ""))
    push(distribution_tls, f"{unique_path}/elsewhere/nginx", "9.0.0", pack_image("nginx", "9.0.0"))
    path = visitor.created("it", spec=at(distribution_tls, unique_path))
    assert visitor.sync(path)["status"] == "Completed"
    assert listed(palette, "it") == {"empty:1.0.0", *(f"nginx:{each}" for each in versions)}
    found = visitor.read(f"/v1/packs/nginx/registries/{palette.named('it').uid}")
    assert (found["layer"], found["displayName"], found["addonType"]) == ("addon", "Nginx", "app services")
    assert found["packValues"][0]["values"] == "pack:\n  namespace: nginx\n"
    empty = visitor.read(f"/v1/packs/empty/registries/{palette.named('it').uid}")
    assert "values" not in empty["packValues"][0]


def test_only_packs_of_the_known_shape_are_taken(
    palette: PaletteServer,
    visitor: Client,
    distribution: DistributionServer,
    unique_path: str,
    tmp_path: Path,
) -> None:
    archive = f"{unique_path}/spectro-packs/archive"
    for name in ("hello", "newer"):
        [_, layer] = pack_image(name, "1.0.0").blobs
        (tmp_path / f"{name}-1.0.0.tar.gz").write_bytes(layer)
    for version, name in (("1.0.0", "hello"), ("1.3.3", "newer")):
        file = tmp_path / f"{name}-1.0.0.tar.gz"
        push_by_hand(version, distribution.host, f"{archive}/{name}", "1.0.0", file)
    for name, image in {
        "titled": pack_image("titled", "1.0.0", title="dist/titled-1.0.0.tar.gz"),
        "typed": pack_image("typed", "1.0.0", artifactType="application/vnd.unknown.artifact.v1"),
        "renamed": pack_image("other", "1.0.0", title="renamed-1.0.0.tar.gz"),
    }.items():
        push(distribution, f"{archive}/{name}", "1.0.0", image)
    visitor.sync(visitor.created("it", spec=at(distribution, unique_path)))
    assert listed(palette, "it") == {"hello:1.0.0"}
    lister = palette.api.lister
    assert isinstance(lister, RealLister)
    assert {each.partition(":")[0] for each in lister.skipped} == {"newer", "titled", "typed", "renamed"}


def test_charts_are_found_by_their_path(
    palette: PaletteServer, visitor: Client, distribution: DistributionServer, unique_path: str
) -> None:
    push(distribution, f"{unique_path}/web", "1.0.0_a", chart_image("web", "1.0.0+a"))
    push(distribution, f"{unique_path}/deep/er", "2.0.0", chart_image("er", "2.0.0"))
    push(distribution, f"{unique_path}/nginx", "1.0.0", pack_image("nginx", "1.0.0"))
    visitor.sync(visitor.created("it", spec=at(distribution, unique_path, providerType="helm")))
    assert listed(palette, "it") == {"web:1.0.0+a", "deep/er:2.0.0"}
    found = visitor.read(f"/v1/packs/web/registries/{palette.named('it').uid}")
    assert (found["tags"][0]["tag"], found["packValues"][0]["values"]) == ("1.0.0_a", "replicas: 1\n")


def test_a_token_service_is_asked_with_the_login(tmp_path: Path, unique_path: str) -> None:
    with (
        TokenServer({USER: PASSWORD}, {USER: EVERYTHING}) as tokens,
        DistributionServer(tmp_path / "registry", token=tokens) as server,
        PaletteServer(RealLister()) as palette,
    ):
        client = Client(palette)
        with client.http:
            login = {"type": "basic", "username": USER, "password": PASSWORD}
            spec = at(server, unique_path, auth=login)
            assert client("POST", f"{OCI}/basic/validate", spec).status_code == 204
            assert client.sync(client.created("it", spec=spec))["status"] == "Completed"
            spec["auth"] = {**login, "password": "wrong"}
            assert client("POST", f"{OCI}/basic/validate", spec).status_code == 400
    assert {each.user for each in tokens.asked} == {USER}


def test_a_host_is_led_to_loopback_under_its_own_name(
    palette: PaletteServer, visitor: Client, acr: AcrFront, distribution: DistributionServer, unique_path: str
) -> None:
    push(distribution, f"{unique_path}/spectro-packs/archive/nginx", "1.0.0", pack_image("nginx", "1.0.0"))
    palette.api.lister = RealLister({HOST: acr.url})
    tls = {**TLS, "certificate": acr.ca_file.read_text(encoding="utf-8")}
    auth = {"type": "basic", "username": TOKEN, "password": PASSWORD, "tls": tls}
    spec = at(distribution, unique_path, endpoint=f"https://{HOST}/", auth=auth)
    assert visitor("POST", f"{OCI}/basic/validate", spec).status_code == 204
    assert visitor.sync(visitor.created("it", spec=spec))["status"] == "Completed"
    assert listed(palette, "it") == {"nginx:1.0.0"}


def test_a_login_that_is_not_let_in_fails_validation_and_sync(
    visitor: Client, distribution_tls: DistributionServer, unique_path: str
) -> None:
    right = at(distribution_tls, unique_path)
    assert visitor("POST", f"{OCI}/basic/validate", right).status_code == 204
    wrong = {**right, "auth": {**right["auth"], "password": "wrong"}}
    assert problem(visitor("POST", f"{OCI}/basic/validate", wrong))[:2] == (400, "InvalidRegistryCredentials")
    failed = visitor.sync(visitor.created("it", spec=wrong))
    assert failed["status"] == "Failed"
    assert "401" in failed["message"]


def test_what_stands_in_the_way_is_told_of_helm_registries_alone(
    palette: PaletteServer, visitor: Client, distribution_tls: DistributionServer, unique_path: str
) -> None:
    def silent(*request: object) -> tuple[int, dict[str, str], bytes]:
        server.closing.wait(10)
        return 200, {}, b""

    def code(endpoint: str, provider: str = "helm", **tls: Any) -> str:
        spec = {
            **PACKS,
            "providerType": provider,
            "endpoint": endpoint,
            "auth": {**LOGIN, "tls": {**TLS, **tls}},
        }
        return problem(visitor("POST", f"{OCI}/basic/validate", spec))[1]

    palette.api.lister = RealLister(seconds=0.2)
    with ScriptedServer(silent) as server:
        assert code(server.url) == "RegistryTimeout"
        assert code(server.url, "pack") == "InvalidRegistryCredentials"
    assert code("https://harbor.example.com") == "RegistryUnreachable"
    assert code("http://127.0.0.1:1") == "RegistryUnreachable"
    assert code(distribution_tls.url) == "RegistryUnreachable"
    assert code(distribution_tls.url, insecureSkipVerify=True) == "InvalidRegistryCredentials"
    palette.api.version = (4, 9)
    assert code("https://harbor.example.com") == "InvalidRegistryCredentials"


def push_to_ecr(aws: Aws, repository: str, tag: str, image: Image, region: str) -> None:
    aws.client(region=region).create_repository(repositoryName=repository)
    with Wire(aws, region) as wire:
        for blob in image.blobs:
            assert wire.upload(repository, blob).status_code == 201
        assert wire.put(repository, tag, image.manifest).status_code == 201


def test_registries_of_amazon_are_entered_by_key_and_by_role(aws: Aws, unique_path: str) -> None:
    names = [f"pack-{number}" for number in range(4)]
    for name in names:
        repository = f"{unique_path}/spectro-packs/archive/{name}"
        push_to_ecr(aws, repository, "1.0.0", pack_image(name, "1.0.0"), "us-west-1")
    with PaletteServer(aws_lister(aws)) as palette:
        client = Client(palette)
        role = trust(aws, "palette-read", palette.api.external_id)
        key = {"credentialType": "secret", "accessKey": aws.key, "secretKey": aws.secret}
        sts = {"credentialType": "sts", "sts": {"arn": role, "externalId": palette.api.external_id}}
        about = {**CHARTS, "providerType": "pack", "baseContentPath": unique_path}
        with client.http:
            for name, endpoint, credentials in (
                ("by key", aws.host("us-west-1"), key),
                ("by role", aws.host("{{ .spectro.system.aws.region }}"), sts),
            ):
                spec = {**about, "endpoint": endpoint, "credentials": credentials}
                assert client("POST", f"{OCI}/ecr/validate", spec).status_code == 204
                assert client.sync(client.created(name, "ecr", spec))["status"] == "Completed"
                assert listed(palette, name) == {f"{each}:1.0.0" for each in names}
            for wrong in (
                {**key, "accessKey": "AKIAUNKNOWN"},
                {**sts, "sts": {"arn": role, "externalId": "of another tenant"}},
            ):
                answer = client("POST", f"{OCI}/ecr/validate", {**spec, "credentials": wrong})
                assert problem(answer)[:2] == (400, "InvalidRegistryCredentials")
