from __future__ import annotations

from pathlib import Path

import pytest

from regsync.model.registry import (
    Auth,
    AuthMethod,
    Overwrite,
    Policy,
    Provider,
    Prune,
    RegistryType,
    SecretRef,
    Tls,
)
from tests.manifest.desk import DATA, Desk, registry


def test_defaults_stand_for_what_is_not_written(desk: Desk) -> None:
    spec = desk.declared(registry()).spec
    assert (spec.name, spec.owner, spec.provider, spec.type) == (
        "prod",
        "prod",
        Provider.PACK,
        RegistryType.BASIC,
    )
    assert (spec.endpoint, spec.shown_endpoint) == (
        "https://harbor.example.com",
        "https://harbor.example.com",
    )
    assert (spec.base_path, spec.connect_to, spec.region, spec.repositories.base) == ("", None, None, True)
    assert (spec.auth, spec.tls, spec.policy) == (Auth(), Tls(), Policy())
    assert str(spec.origin) == "registries/prod.yaml:3:18"


def test_every_field_of_a_basic_registry_arrives() -> None:
    desk = Desk(DATA)
    loaded = desk.load("valid/every-field.yaml")
    assert loaded.diagnostics == ()
    (declaration,) = loaded.declarations
    spec = declaration.spec
    user, password = spec.auth.username, spec.auth.password
    assert isinstance(user, SecretRef)
    assert password is not None
    assert (str(user), str(password), spec.auth.method) == (
        "env:ARTIFACTORY_USER",
        "file:valid/secrets/artifactory version 2",
        AuthMethod.BASIC,
    )
    assert str(password.origin) == "valid/every-field.yaml:16:15"
    assert password.path == DATA / "valid/secrets/artifactory"
    assert spec.tls == Tls(
        DATA / "certs/ca.pem",
        DATA / "certs/client.pem",
        DATA / "certs/client.key",
        insecure_skip_verify=False,
        shown="caFile=../certs/ca.pem certFile=../certs/client.pem keyFile=../certs/client.key",
    )
    assert spec.policy == Policy(Overwrite.ALLOW, Prune.MANAGED, 0, 100, ("*/nginx:*",))
    assert (spec.owner, spec.base_path, spec.connect_to, spec.repositories.base) == (
        "platform-team",
        "/artifactory/api/docker/packs",
        "https://127.0.0.1:8443",
        False,
    )
    assert spec.base_content_paths == ("team-a", "team-b/packs")
    assert [(each.shown, each.base_content_path) for each in declaration.items] == [
        ("packs/good-1.0.0", "team-b/packs"),
        ("packs/good-1.0.0", "team-a"),
    ]
    assert [f"{each.base_content_path}/{each.name}:{each.tag}" for each in declaration.tombstones] == [
        "team-a/old-app:1.0.0-rc.1",
        "team-a/old-app:0.9.1",
    ]


def test_the_position_of_every_written_field_is_kept(desk: Desk) -> None:
    spec = desk.declared(registry("policy:\n    overwrite: allow", "repositories: {base: false}")).spec
    places = {
        "provider": 5,
        "endpoint": 7,
        "content": 9,
        "policy": 10,
        "policy.overwrite": 11,
        "policy.prune": 10,  # not written: its parent
        "repositories.base": 12,
        "tls.caFile": 4,  # nor its parent: `spec:`
    }
    assert {name: spec.at(name).line for name in places} == places


def test_advice_says_where_a_field_is_to_be_written(desk: Desk) -> None:
    spec = desk.declared(registry("policy:\n    overwrite: allow")).spec
    file = spec.origin.file
    assert spec.place("policy.overwrite") == f"at {file}:11"
    assert spec.place("policy.prune") == f"below policy at {file}:10"
    assert spec.place("tls.caFile") == f"below spec at {file}:4"


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("harbor.example.com", "https://harbor.example.com"),
        ("HTTPS://Harbor.Example.com/", "https://harbor.example.com"),
        ("https://harbor.example.com:443", "https://harbor.example.com"),
        ("harbor.example.com:8443", "https://harbor.example.com:8443"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://localhost:80/", "http://localhost"),
        ("localhost:5000", "https://localhost:5000"),
        ("https://[::1]:5000", "https://[::1]:5000"),
        ("registry_1:5000", "https://registry_1:5000"),
    ],
)
def test_endpoints_are_normalised(desk: Desk, written: str, endpoint: str) -> None:
    spec = desk.declared(registry(f"endpoint: '{written}'")).spec
    assert (spec.endpoint, spec.shown_endpoint) == (endpoint, endpoint)


@pytest.mark.parametrize(
    ("written", "summary"),
    [
        ("https://harbor.example.com/team", "holds more than scheme, host and port"),
        ("harbor.example.com/v2/", "holds more than scheme, host and port"),
        ("https://harbor.example.com?x=1", "holds more than scheme, host and port"),
        ("https://harbor.example.com#x", "holds more than scheme, host and port"),
        ("https://user@harbor.example.com", "holds a login"),
        ("ftp://harbor.example.com", "has the scheme `ftp`"),
        ("https://", "names no host"),
        ("https://:5000", "names no host"),
        ("https://-x.example.com", "names no host"),
        ("https://harbor.example.com:0x50", "is no URL"),
        ("https://harbor.example.com:99999", "is no URL"),
        ("https://[::1", "is no URL"),
    ],
)
@pytest.mark.parametrize("field", ["endpoint", "connectTo"])
def test_what_is_no_endpoint_is_refused(desk: Desk, field: str, written: str, summary: str) -> None:
    found = desk.found(registry(f"{field}: '{written}'"))
    assert (found.code, found.summary) == ("RS121", f"`spec.{field}` {summary}")


def test_a_layout_is_a_directory_relative_to_the_manifest(desk: Desk) -> None:
    spec = desk.declared(registry("type: layout", "endpoint: ../dist/registry")).spec
    assert spec.endpoint == str(desk.root / "dist/registry")
    assert spec.shown_endpoint == "dist/registry"
    assert spec.auth.method is AuthMethod.NONE


def test_a_layout_may_be_above_the_root(desk: Desk) -> None:
    desk.write("work/prod.yaml", registry("type: layout", "endpoint: ../../usb"))
    (declaration,) = Desk(desk.root / "work").load("prod.yaml").declarations
    assert declaration.spec.shown_endpoint == "../../usb"
    assert Path(declaration.spec.endpoint) == desk.root.parent / "usb"


@pytest.mark.parametrize(
    ("endpoint", "packs", "codes"),
    [
        ("../packs/out", "../packs/*", ["RS133"]),
        ("../packs/a-1.0.0/deep/out", "../packs/a-1.0.0", ["RS133"]),
        ("../packs", "../packs/*", ["RS133"]),
        ("../link/out", "../packs/a-1.0.0", ["RS133"]),
        ("../out/deep", "../**/*-1.0.0", []),
        ("../packs/out-1.0.0", "../**/*-1.0.0", ["RS133"]),
        ("../packs/.out", "../packs/*", []),
        ("../packs/.out/x-1.0.0", "../**/*-1.0.0", []),
        ("../out", "../packs/*", []),
    ],
)
def test_a_layout_must_not_become_its_own_content(
    desk: Desk, endpoint: str, packs: str, codes: list[str]
) -> None:
    desk.packs("a-1.0.0")
    (desk.root / "link").symlink_to("packs/a-1.0.0")
    loaded = desk.check(registry("type: layout", f"endpoint: {endpoint}", f"content: [{{packs: '{packs}'}}]"))
    assert [each.code for each in loaded.diagnostics] == codes


@pytest.mark.parametrize("path", ["blobs", "a/index.json", "oci-layout/b"])
def test_a_layout_refuses_the_names_of_its_own_files(desk: Desk, path: str) -> None:
    found = desk.found(registry("type: layout", f"baseContentPaths: [{path}]"))
    assert found.code == "RS122"
    desk.declared(registry(f"baseContentPaths: [{path}]"))


@pytest.mark.parametrize(
    "path",
    ["spectro-packs/archive", "/a/spectro-packs/archive/", "spectro-packs/archive/b", "A", "a//b", "/", "-a"],
)
def test_a_base_content_path_that_leads_astray_is_refused(desk: Desk, path: str) -> None:
    assert desk.found(registry(f"baseContentPaths: ['{path}']")).code == "RS122"


@pytest.mark.parametrize("path", ["spectro-packs", "spectro-packs/x"])
def test_a_base_content_path_named_spectro_packs_is_legal_and_doubtful(desk: Desk, path: str) -> None:
    loaded = desk.check(registry(f"baseContentPaths: [{path}]"))
    assert [each.code for each in loaded.diagnostics] == ["RS131"]
    assert loaded.declarations[0].spec.base_content_paths == (path,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("endpoint: harbor.example.com", "endpoint: https://HARBOR.example.com:443/"),
        ("endpoint: http://h", "endpoint: h:80"),
        ("baseContentPaths: [team]", "baseContentPaths: [x, /team/]"),
        ("basePath: /api", "basePath: /api/"),
    ],
)
def test_one_place_has_one_registry(desk: Desk, one: str, other: str) -> None:
    desk.write("a.yaml", registry(one))
    desk.write("b.yaml", registry(other).replace("prod", "dev"))
    loaded = desk.load("a.yaml", "b.yaml")
    assert {each.code for each in loaded.diagnostics} == {"RS124"}
    (found, *_) = loaded.diagnostics
    assert found.origin is not None
    assert (found.origin.file, found.related[0].origin.file) == ("b.yaml", "a.yaml")


@pytest.mark.parametrize(
    "other", ["endpoint: harbor.example.com:8443", "baseContentPaths: [team/a]", "basePath: /api"]
)
def test_another_port_path_or_api_is_another_place(desk: Desk, other: str) -> None:
    desk.write("a.yaml", registry())
    desk.write("b.yaml", registry(other).replace("prod", "dev"))
    assert desk.load("a.yaml", "b.yaml").diagnostics == ()


def test_layouts_are_told_apart_by_where_they_really_are(desk: Desk) -> None:
    (desk.root / "real").mkdir()
    (desk.root / "link").symlink_to("real")
    desk.write("a.yaml", registry("type: layout", "endpoint: real"))
    desk.write("b.yaml", registry("type: layout", "endpoint: link").replace("prod", "dev"))
    assert {each.code for each in desk.load("a.yaml", "b.yaml").diagnostics} == {"RS124"}
