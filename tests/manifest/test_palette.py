"""What manifests say of Palette: where it is, and as what registries are registered there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regsync.manifest.load import Loaded
from regsync.model.palette import PaletteSpec, RegistrationSpec
from regsync.model.registry import AuthMethod, Tls
from regsync.model.settings import Json
from tests.manifest.desk import DATA, Desk, marked, registry

CERTIFICATE = (DATA / "certs/ca.pem").read_text()
ECR = "214575254960.dkr.ecr.us-east-1.amazonaws.com"
REGION = "{{.spectro.system.aws.region}}"
TEMPLATE = f"214575254960.dkr.ecr.{REGION}.amazonaws.com"
NO_LOGIN = "palette: {ref: hub, auth: {method: none}}"


def palette(name: str = "hub", host: str = "https://palette.example.com", more: str = "") -> str:
    """A Palette document."""
    return f"""\
---
apiVersion: regsync/v1
kind: Palette
metadata: {{name: {name}}}
spec: {{host: "{host}", apiKey: {{env: KEY}}{more}}}
"""


def registered(*fields: str, auth: str = "{method: none}") -> str:
    """The line of a spec that registers it."""
    return f"palette: {{{', '.join(('ref: hub', f'auth: {auth}', *fields))}}}"


def registrations(desk: Desk, *lines: str) -> tuple[RegistrationSpec, ...]:
    """Those of one registry with one live registry and without a finding."""
    return desk.declarations(registry(*lines) + palette())[0].registrations


def settings(desk: Desk, *lines: str) -> dict[str, Json]:
    """Those of the first registration."""
    return dict(registrations(desk, *lines)[0].settings)


def names(desk: Desk, paths: str, *fields: str) -> dict[str, str]:
    """The names in Palette by base content path."""
    found = registrations(desk, f"baseContentPaths: [{paths}]", registered(*fields))
    return {each.base_content_path: each.name for each in found}


def every_kind() -> Loaded:
    loaded = Desk(DATA).load("valid/palette.yaml")
    assert loaded.diagnostics == ()
    return loaded


def all_settings(name: str) -> dict[str, Json]:
    """The settings of a registration in the file with all kinds."""
    found = (each for one in every_kind().declarations for each in one.registrations)
    return dict(next(each for each in found if each.name == name).settings)


def test_a_palette_is_a_host_and_a_reference_to_its_key() -> None:
    harbor = every_kind().declarations[0].registrations[0].palette
    assert (harbor.name, harbor.host, str(harbor.api_key)) == (
        "palette-prod",
        "https://api.spectrocloud.com",
        "env:PALETTE_API_KEY version 4",
    )
    assert harbor.tls == Tls(DATA / "certs/ca.pem", shown="caFile=../certs/ca.pem")
    assert str(harbor.origin) == "valid/palette.yaml:113:18"
    positions = {name: str(harbor.at(name)) for name in ("host", "tls.caFile", "tls.certFile", "unwritten")}
    assert positions == {
        "host": "valid/palette.yaml:115:3",
        "tls.caFile": "valid/palette.yaml:117:9",
        "tls.certFile": "valid/palette.yaml:117:3",
        "unwritten": "valid/palette.yaml:113:18",
    }


def test_every_field_of_a_registration_arrives() -> None:
    harbor = every_kind().declarations[0]
    first, second, third = harbor.registrations
    assert [(each.name, each.base_content_path, str(each.origin)) for each in harbor.registrations] == [
        ("Harbor of the platform", "team-a", "valid/palette.yaml:18:11"),
        ("Harbor of the platform-team-b-packs", "team-b/packs", "valid/palette.yaml:10:30"),
        ("harbor-c", "team-c", "valid/palette.yaml:19:21"),
    ]
    assert first.settings == {
        "type": "basic",
        "provider": "pack",
        "endpoint": "https://harbor.example.com",
        "basePath": "",
        "baseContentPath": "team-a",
        "synchronization": True,
        "auth": "basic",
        "username": "reader",
        "password.version": 3,
        "certificate": CERTIFICATE,
        "insecureSkipVerify": False,
    }
    assert {**second.settings, "baseContentPath": "team-a"} == first.settings
    assert (str(third.auth), third.tls) == (
        "basic reader env:PALETTE_HARBOR_PASSWORD version 3",
        Tls(DATA / "certs/ca.pem", shown="caFile=../certs/ca.pem"),
    )
    assert (first.replace, first.wait, first.timeout) == (True, False, 7200)
    assert [(each.name, str(each.origin)) for each in harbor.unwanted] == [
        ("harbor-old", "valid/palette.yaml:20:14"),
        ("harbor-older", "valid/palette.yaml:20:26"),
    ]
    assert {each.palette for each in harbor.unwanted} == {first.palette}


def test_what_is_not_written_is_told_as_palettes_form_has_it(desk: Desk) -> None:
    (found,) = registrations(desk, "baseContentPaths: [team]", NO_LOGIN)
    assert found.settings == {
        "type": "basic",
        "provider": "pack",
        "endpoint": "https://harbor.example.com",
        "basePath": "",
        "baseContentPath": "team",
        "synchronization": True,
        "auth": "none",
        "certificate": "",
        "insecureSkipVerify": False,
    }
    assert (found.name, found.tls, found.replace, found.wait, found.timeout) == (
        "prod",
        Tls(),
        False,
        True,
        600,
    )
    assert found.auth.method is AuthMethod.NONE
    assert str(found.origin) == "registries/prod.yaml:10:3"


def test_charts_that_palette_does_not_list_need_no_base_content_path() -> None:
    assert all_settings("acr") == {
        "type": "basic",
        "provider": "helm",
        "endpoint": "https://team.azurecr.io",
        "basePath": "",
        "baseContentPath": "",
        "synchronization": False,
        "auth": "token",
        "certificate": "",
        "insecureSkipVerify": False,
    }


def test_the_path_of_an_api_is_a_part_of_the_place() -> None:
    found = all_settings("jfrog")
    assert (found["endpoint"], found["basePath"]) == (
        "https://team.jfrog.io",
        "/artifactory/api/docker/charts",
    )
    assert "username" not in found
    assert found["username.version"] == 2


def test_a_template_is_registered_once_and_as_it_is_written() -> None:
    east, west = [each for each in every_kind().declarations if each.spec.declared == "ecr-prod"]
    assert (east.spec.region, east.registrations, east.unwanted) == ("us-gov-east-1", (), ())
    assert [each.name for each in west.registrations] == ["ecr-prod", "ecr-prod-other"]
    assert [each.name for each in west.unwanted] == ["ecr-old"]
    assert west.registrations[0].settings == {
        "type": "ecr",
        "provider": "pack",
        "endpoint": "214575254960.dkr.ecr.{{ .spectro.system.aws.region }}.amazonaws.com",
        "baseContentPath": "custom",
        "defaultRegion": "us-gov-west-1",
        "private": True,
        "partition": "aws-us-gov",
        "synchronization": True,
        "auth": "sts",
        "roleArn": "arn:aws-us-gov:iam::214575254960:role/palette-read",
        "externalId": "palette",
        "certificate": "",
        "insecureSkipVerify": False,
    }


def test_the_first_region_is_the_one_that_palette_falls_back_to(desk: Desk) -> None:
    text = registry("type: ecr", f'endpoint: "{TEMPLATE}"', "regions: [us-west-2, us-east-1]", NO_LOGIN)
    first, second = desk.declarations(text + palette())
    assert first.registrations[0].settings["defaultRegion"] == "us-west-2"
    assert second.registrations == ()


def test_one_region_is_no_default_region() -> None:
    found = all_settings("ecr-one")
    assert "defaultRegion" not in found
    assert (found["endpoint"], found["accessKeyId"], found["secretAccessKey.version"]) == (
        ECR,
        "AKIAEXAMPLE",
        1,
    )


@pytest.mark.parametrize(
    ("lines", "partition"),
    [
        ((f"endpoint: {ECR}",), "aws"),
        ((f"endpoint: {ECR}", "partition: aws"), "aws"),
        (("endpoint: 214575254960.dkr.ecr.us-gov-west-1.amazonaws.com",), "aws-us-gov"),
        (("endpoint: 214575254960.dkr.ecr.us-iso-east-1.c2s.ic.gov",), "aws-iso"),
    ],
)
def test_the_partition_of_a_login_is_told_from_the_host(
    desk: Desk, lines: tuple[str, ...], partition: str
) -> None:
    login = '{method: sts, roleArn: "arn:aws:iam::214575254960:role/palette"}'
    found = settings(desk, "type: ecr", *lines, registered(auth=login))
    assert (found["partition"], found["private"]) == (partition, True)
    public = settings(desk, "type: ecr", *lines, NO_LOGIN)
    assert ("partition" in public, public["private"]) == (False, False)


def test_a_public_registry_keeps_its_alias() -> None:
    assert all_settings("public") == {
        "type": "ecr",
        "provider": "pack",
        "endpoint": "public.ecr.aws/a1b2c3d4",
        "baseContentPath": "community",
        "private": False,
        "synchronization": True,
        "auth": "none",
        "certificate": "",
        "insecureSkipVerify": False,
    }


@pytest.mark.parametrize("more", ["connectTo: https://127.0.0.1:8443", "auth: {method: none}"])
def test_palette_goes_its_own_way(desk: Desk, more: str) -> None:
    assert settings(desk, NO_LOGIN) == settings(desk, NO_LOGIN, more)


def test_a_registry_without_tls_keeps_its_scheme(desk: Desk) -> None:
    found = settings(desk, "endpoint: http://registry.example.com:80", NO_LOGIN)
    assert found["endpoint"] == "http://registry.example.com"


# Names


@pytest.mark.parametrize(
    ("paths", "fields", "expected"),
    [
        ("a", (), {"a": "prod"}),
        ("a, b/c", (), {"a": "prod", "b/c": "prod-b-c"}),
        ("/a/, b", ("name: Team A",), {"a": "Team A", "b": "Team A-b"}),
        ("a, b", ("names: {a: one}",), {"a": "one", "b": "prod-b"}),
        ("a, b/c", ("name: x", "names: {/b/c/: two}"), {"a": "x", "b/c": "two"}),
    ],
)
def test_each_base_content_path_has_a_name(
    desk: Desk, paths: str, fields: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert names(desk, paths, *fields) == expected


def test_a_path_behind_the_others_renames_nothing(desk: Desk) -> None:
    before = names(desk, "a, b/c")
    after = names(desk, "a, b/c, d")
    assert before.items() < after.items()


def two(desk: Desk, one: str, other: str, *hosts: str) -> Loaded:
    """Two registries that are registered in the Palettes `hub` and `lab`."""
    hub, lab = hosts or ("https://palette.example.com", "https://palette.example.com")
    second = registry("baseContentPaths: [elsewhere]", other).replace("name: prod", "name: dev")
    first = registry("baseContentPaths: [team]", one)
    return desk.check(first + "---\n" + second + palette("hub", hub) + palette("lab", lab))


def test_without_a_login_names_are_absent_and_nothing_is_registered(desk: Desk) -> None:
    (found,) = desk.declarations(registry("palette: {ref: hub, absent: [prod, old]}") + palette())
    assert found.registrations == ()
    assert [(each.name, each.palette.name) for each in found.unwanted] == [("prod", "hub"), ("old", "hub")]


@pytest.mark.parametrize("fields", ["ref: hub", "ref: hub, name: x", "ref: hub, absent: [old], name: x"])
def test_what_is_registered_needs_a_login(desk: Desk, fields: str) -> None:
    found = desk.found(registry(f"palette: {{{fields}}}") + palette())
    assert (found.code, found.summary) == ("RS107", "`spec.palette` lacks `auth`")


def test_ones_own_name_is_not_absent_beside_a_login(desk: Desk) -> None:
    found = desk.found(registry(registered("absent: [prod]")) + palette())
    assert found.code == "RS140"
    assert "without `auth`, registers nothing" in (found.help or "")


HUB = "palette: {ref: hub, auth: {method: none}, name: x}"
LAB = "palette: {ref: lab, auth: {method: none}, name: x}"


@pytest.mark.parametrize(
    ("one", "other", "summary"),
    [
        (HUB, HUB, "two registrations in Palette are called `x`"),
        (HUB, LAB, "two registrations in Palette are called `x`"),
        (HUB, "palette: {ref: lab, absent: [x], auth: {method: none}}", "`x` is both registered"),
        ("palette: {ref: hub, absent: [x], auth: {method: none}}", LAB, "`x` is both registered"),
        (
            "palette: {ref: hub, absent: [x], auth: {method: none}}",
            "palette: {ref: lab, absent: [x], auth: {method: none}}",
            "`x` is declared absent twice",
        ),
    ],
)
def test_a_palette_has_each_name_once(desk: Desk, one: str, other: str, summary: str) -> None:
    (found,) = two(
        desk, one, other, "https://palette.example.com", "https://PALETTE.example.com:443/"
    ).diagnostics
    assert found.code == "RS140"
    assert found.summary.startswith(summary)
    assert marked(found) == "x"
    assert found.origin is not None
    assert found.origin.line > found.related[0].origin.line


def test_another_palette_has_names_of_its_own(desk: Desk) -> None:
    loaded = two(desk, HUB, LAB, "https://one.example.com", "https://two.example.com")
    assert loaded.diagnostics == ()


def test_a_default_name_collides_where_it_comes_from(desk: Desk) -> None:
    loaded = two(desk, HUB.replace(", name: x", ", absent: [dev]"), HUB.replace(", name: x", ""))
    (found,) = loaded.diagnostics
    assert (found.code, marked(found)) == ("RS140", "palette")


def test_one_template_is_one_registration_whatever_the_regions(desk: Desk) -> None:
    lines = ("type: ecr", "baseContentPaths: [custom]", NO_LOGIN)
    east = registry(*lines, f'endpoint: "{TEMPLATE}"', "regions: [us-east-1]")
    spaced = TEMPLATE.replace("{{", "{{ ").replace("}}", " }}")
    west = registry(*lines, f'endpoint: "{spaced}"', "regions: [us-west-2]").replace("prod", "dev")
    (found,) = desk.check(east + "---\n" + west + palette()).diagnostics
    assert (found.code, found.summary) == (
        "RS124",
        f"`{spaced}`, path `custom`, is registered in Palette twice",
    )
    elsewhere = west.replace("[custom]", "[other]")
    assert desk.check(east + "---\n" + elsewhere + palette()).diagnostics == ()


def test_one_place_is_not_registered_under_two_names(desk: Desk) -> None:
    first = registry("baseContentPaths: [team]", registered("name: one"))
    second = first.replace("name: prod", "name: dev").replace("name: one", "name: two")
    (found,) = desk.check(first + "---\n" + second + palette()).diagnostics
    assert found.code == "RS124"


# Trust


@pytest.fixture
def certificates(desk: Desk) -> Path:
    """Certificates beside the manifest."""
    folder = desk.root / "registries"
    folder.mkdir()
    shutil.copy(DATA / "certs/ca.pem", folder / "ca.pem")
    (folder / "other.pem").write_text(CERTIFICATE * 2)
    for name in ("client.pem", "client.key"):
        (folder / name).write_text("stands in for another")
    return folder


@pytest.mark.usefixtures("certificates")
def test_palette_trusts_what_regsync_trusts_and_gets_no_key(desk: Desk) -> None:
    trust = "tls: {caFile: ca.pem, certFile: client.pem, keyFile: client.key}"
    (found,) = registrations(desk, "baseContentPaths: [team]", trust, NO_LOGIN)
    assert found.settings["certificate"] == CERTIFICATE
    assert found.settings["insecureSkipVerify"] is False
    assert found.tls == Tls(desk.root / "registries/ca.pem", shown="caFile=ca.pem")


@pytest.mark.usefixtures("certificates")
def test_palettes_own_trust_stands_for_itself(desk: Desk) -> None:
    found = settings(desk, "tls: {caFile: ca.pem}", registered("tls: {caFile: other.pem}"))
    assert found["certificate"] == CERTIFICATE * 2
    without = settings(desk, "tls: {caFile: ca.pem}", registered("tls: {insecureSkipVerify: false}"))
    assert without["certificate"] == ""
    assert without["insecureSkipVerify"] is False


def test_nothing_but_certificates_is_given_to_palette(desk: Desk, certificates: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"
    text = f"subject=/CN=ca\n{CERTIFICATE}{key}".replace("\n", "\r\n")
    (certificates / "ca.pem").write_bytes(text.encode())
    assert settings(desk, "tls: {caFile: ca.pem}", NO_LOGIN)["certificate"] == CERTIFICATE


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x30\x82\xff\xfe",
        b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
        CERTIFICATE.replace("BEGIN CERTIFICATE", "BEGIN PUBLIC KEY").encode(),
    ],
)
def test_what_is_no_certificate_is_not_given_to_palette(
    desk: Desk, certificates: Path, content: bytes
) -> None:
    (certificates / "ca.pem").write_bytes(content)
    found = desk.found(registry("tls: {caFile: ca.pem}", NO_LOGIN) + palette())
    assert (found.code, marked(found)) == ("RS142", "ca.pem")
    assert "holds no certificate" in found.summary


def test_a_certificate_is_needed_for_palette_only(desk: Desk, certificates: Path) -> None:
    (certificates / "ca.pem").write_text("no certificate")
    desk.declared(registry("tls: {caFile: ca.pem}"))


@pytest.mark.parametrize(
    "lines",
    [("tls: {insecureSkipVerify: true}", NO_LOGIN), (registered("tls: {insecureSkipVerify: true}"),)],
)
def test_a_palette_that_trusts_everyone_is_told_once(desk: Desk, lines: tuple[str, ...]) -> None:
    loaded = desk.check(registry(*lines) + palette())
    assert [each.code for each in loaded.diagnostics] == ["RS130"]
    (found, _) = loaded.declarations[0].registrations
    assert found.settings["insecureSkipVerify"] is True
    assert found.tls == Tls(insecure_skip_verify=True, shown="insecureSkipVerify")


# Palettes


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:8080", "http://127.8.9.10", "http://[::1]:8080", "http://localhost:8080/"]
)
def test_a_palette_on_this_machine_needs_no_tls(desk: Desk, host: str) -> None:
    declaration = desk.declared(registry(NO_LOGIN) + palette(host=host))
    assert declaration.registrations[0].palette.host == host.rstrip("/")


@pytest.mark.parametrize(
    "host", ["http://palette.example.com", "http://10.0.0.1", "http://localhost.example.com"]
)
def test_a_key_travels_over_tls_only(desk: Desk, host: str) -> None:
    found = desk.found(registry(NO_LOGIN) + palette(host=host))
    assert (found.code, found.help) == ("RS143", f"write {host.replace('http', 'https')}")


def test_nothing_is_registered_in_a_palette_that_is_wrong(desk: Desk) -> None:
    loaded = desk.check(registry(NO_LOGIN) + palette(host="https://palette.example.com/v1"))
    assert [each.code for each in loaded.diagnostics] == ["RS111"]
    assert loaded.declarations[0].registrations == ()


def test_a_palette_may_stand_in_any_file(desk: Desk) -> None:
    desk.write("b.yaml", registry(NO_LOGIN))
    desk.write("z.yaml", palette())
    (declaration,) = desk.load("b.yaml", "z.yaml").declarations
    assert isinstance(declaration.registrations[0].palette, PaletteSpec)
    (found,) = desk.load("b.yaml").diagnostics
    assert (found.code, found.help) == ("RS125", "no file of this run has a Palette")


def test_a_registration_with_a_mistake_is_none(desk: Desk) -> None:
    loaded = desk.check(registry(registered("names: {gone: x}")) + palette())
    assert [each.code for each in loaded.diagnostics] == ["RS125"]
    assert loaded.declarations == ()
