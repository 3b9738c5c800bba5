from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from regsync.model.diagnostic import Diagnostic, Severity
from regsync.model.registry import (
    AuthMethod,
    AwsLogin,
    AwsPlace,
    Overwrite,
    RegistryType,
    Repositories,
    SecretRef,
)
from tests.manifest.desk import DATA, Desk, marked, registry

ACCOUNT = "214575254960"
REGION = "{{.spectro.system.aws.region}}"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
TEMPLATE = f'"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"'
ROLE = 'roleArn: "arn:aws:iam::214575254960:role/push"'
KEY = "arn:aws:kms:us-east-1:214575254960:key/1234abcd-12ab"


def ecr(*lines: str) -> str:
    """A registry of type ecr with these lines of spec."""
    return registry(
        "type: ecr", *([] if any("endpoint:" in each for each in lines) else [f"endpoint: {HOST}"]), *lines
    )


def regions(*lines: str) -> str:
    """The same in two regions."""
    return ecr(f"endpoint: {TEMPLATE}", "regions: [us-east-1, eu-west-1]", *lines)


def public(*lines: str) -> str:
    return registry("type: ecr-public", "endpoint: public.ecr.aws/a1b2c3d4", *lines)


def told(found: Diagnostic) -> tuple[str, str, str | None]:
    return found.code, found.summary, found.help


def test_a_template_declares_a_registry_per_region() -> None:
    loaded = Desk(DATA).load("valid/ecr.yaml")
    assert [each.code for each in loaded.diagnostics] == ["RS137"]
    first, second = (each.spec for each in loaded.declarations[:2])
    assert (first.name, first.declared, first.owner) == ("ecr-prod@us-east-1", "ecr-prod", "platform-team")
    assert (first.region, first.default_region, first.is_replica) == ("us-east-1", "eu-west-1", True)
    assert (second.region, second.default_region, second.is_replica) == ("eu-west-1", "eu-west-1", False)
    assert (second.endpoint, second.shown_endpoint, second.connect_to) == (
        "https://214575254960.dkr.ecr.eu-west-1.amazonaws.com",
        "214575254960.dkr.ecr.eu-west-1.amazonaws.com",
        "https://vpce-1.ecr.eu-west-1.vpce.example.com",
    )
    assert (first.type, first.aws, first.namespace) == (RegistryType.ECR, AwsPlace(ACCOUNT), "")
    assert first.policy.overwrite is Overwrite.ALLOW
    assert {each.items for each in loaded.declarations[:2]} == {loaded.declarations[0].items}
    assert {each.tombstones for each in loaded.declarations[:2]} == {loaded.declarations[0].tombstones}
    assert loaded.declarations[0].items


def test_every_setting_of_repositories_arrives() -> None:
    east, west = (each.spec.repositories for each in Desk(DATA).load("valid/ecr.yaml").declarations[:2])
    assert (east.create, east.base, east.replicated) == (False, False, True)
    assert east.settings == {
        "tagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "tagMutabilityExclusions": ["dev-*", "latest"],
        "scanOnPush": True,
        "encryption": {"type": "KMS", "key": "arn:aws:kms:us-east-1:214575254960:key/mrk-1234abcd"},
        "tags": {"team": "platform", "cost-center": "1230"},
        "lifecyclePolicy": json.loads((DATA / "policies/lifecycle.json").read_text()),
        "policy": json.loads((DATA / "policies/repository.json").read_text()),
    }
    assert west.settings["encryption"] == {
        "type": "KMS",
        "key": "arn:aws:kms:eu-west-1:214575254960:key/mrk-1234abcd",
    }


def test_public_registries_have_an_alias() -> None:
    mirror, partner = (each.spec for each in Desk(DATA).load("valid/ecr.yaml").declarations[2:])
    assert (mirror.name, mirror.type, mirror.endpoint, mirror.shown_endpoint) == (
        "mirror",
        RegistryType.ECR_PUBLIC,
        "https://public.ecr.aws",
        "public.ecr.aws/a1b2c3d4",
    )
    assert (mirror.namespace, mirror.region, mirror.aws) == ("a1b2c3d4", "us-east-1", AwsPlace(""))
    assert mirror.repositories == Repositories(settings={"tags": {"team": "platform"}})
    assert (partner.endpoint, partner.aws) == ("https://ecr-public.aws.com", AwsPlace("", dual_stack=True))


def test_without_a_template_there_is_one_registry_of_the_region_in_its_host(desk: Desk) -> None:
    spec = desk.declared(ecr()).spec
    assert (spec.name, spec.region, spec.default_region) == ("prod", "us-east-1", "us-east-1")
    assert spec.repositories == Repositories()


def test_the_first_region_is_the_default_one(desk: Desk) -> None:
    assert [each.spec.default_region for each in desk.declarations(regions())] == ["us-east-1"] * 2


@pytest.mark.parametrize(
    ("host", "region", "place"),
    [
        ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", AwsPlace(ACCOUNT)),
        ("DKR.ecr.US-east-1.AmazonAWS.com", "us-east-1", AwsPlace(ACCOUNT)),
        ("dkr.ecr-fips.us-west-2.amazonaws.com", "us-west-2", AwsPlace(ACCOUNT, fips=True)),
        ("dkr-ecr.eu-west-1.on.aws", "eu-west-1", AwsPlace(ACCOUNT, dual_stack=True)),
        ("dkr-ecr-fips.us-east-2.on.aws", "us-east-2", AwsPlace(ACCOUNT, fips=True, dual_stack=True)),
        ("dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", AwsPlace(ACCOUNT, "aws-us-gov")),
        (
            "dkr-ecr-fips.us-gov-east-1.on.aws",
            "us-gov-east-1",
            AwsPlace(ACCOUNT, "aws-us-gov", fips=True, dual_stack=True),
        ),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", AwsPlace(ACCOUNT, "aws-cn")),
        (
            "dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
            "cn-northwest-1",
            AwsPlace(ACCOUNT, "aws-cn", dual_stack=True),
        ),
        ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", AwsPlace(ACCOUNT, "aws-eusc")),
        ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", AwsPlace(ACCOUNT, "aws-iso")),
        ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", AwsPlace(ACCOUNT, "aws-iso-b")),
        ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", AwsPlace(ACCOUNT, "aws-iso-e")),
        ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", AwsPlace(ACCOUNT, "aws-iso-f")),
    ],
)
def test_a_host_tells_account_region_and_partition(
    desk: Desk, host: str, region: str, place: AwsPlace
) -> None:
    spec = desk.declared(ecr(f"endpoint: {ACCOUNT}.{host}", f"partition: {place.partition}")).spec
    assert (spec.region, spec.aws, spec.endpoint) == (region, place, f"https://{ACCOUNT}.{host}".lower())


@pytest.mark.parametrize(
    ("endpoint", "summary", "advice"),
    [
        (
            f"https://{HOST}",
            "`spec.endpoint` of type ecr is a host, and no more",
            f"write `{HOST}`",
        ),
        (
            f"{HOST}/custom/packs",
            "`spec.endpoint` of type ecr is a host, and no more",
            f"write `{HOST}`; `custom/packs` belongs in baseContentPaths",
        ),
        (f"{HOST}/", "`spec.endpoint` of type ecr is a host, and no more", f"write `{HOST}`"),
        (
            "12345.dkr.ecr.us-east-1.amazonaws.com",
            "`12345` is no AWS account: an account has 12 digits",
            None,
        ),
        (
            "<account>.dkr.ecr.us-east-1.amazonaws.com",
            "`<account>` is no AWS account: an account has 12 digits",
            None,
        ),
        (
            f"{ACCOUNT}.dkr.ecr.<region>.amazonaws.com",
            "`<region>` is no region of AWS",
            "regions read like us-east-1",
        ),
        (
            f"{ACCOUNT}.dkr.ecr.us-east.amazonaws.com",
            "`us-east` is no region of AWS",
            "regions read like us-east-1",
        ),
        (
            f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com",
            "`cn-north-1` lies in partition aws-cn, whose hosts end otherwise",
            f"the registry there is `{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn`",
        ),
        (
            "harbor.example.com",
            "`harbor.example.com` is no host of Amazon ECR",
            "the form is <account>.dkr.ecr.<region>.amazonaws.com",
        ),
        (
            f"{HOST}:443",
            f"`{HOST}:443` is no host of Amazon ECR",
            "the form is <account>.dkr.ecr.<region>.amazonaws.com",
        ),
        (
            f"{ACCOUNT}.dkr-ecr.us-iso-east-1.c2s.ic.gov",
            f"`{ACCOUNT}.dkr-ecr.us-iso-east-1.c2s.ic.gov` is no host of Amazon ECR",
            "the form is <account>.dkr.ecr.<region>.amazonaws.com",
        ),
        (
            "public.ecr.aws/a1b2c3d4",
            "`public.ecr.aws` is the host of ECR Public",
            "write `type: ecr-public`",
        ),
        (f"AWS:hunter2@{HOST}", "`spec.endpoint` holds a login", "put the login into auth"),
    ],
)
def test_what_is_no_host_is_refused_with_what_to_write(
    desk: Desk, endpoint: str, summary: str, advice: str | None
) -> None:
    found = desk.found(ecr(f"endpoint: '{endpoint}'"))
    assert told(found) == ("RS121", summary, advice)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "endpoint", [f"{REGION}.dkr.ecr.us-east-1.amazonaws.com", f"{ACCOUNT}.dkr.ecr.x{REGION}.amazonaws.com"]
)
def test_the_macro_stands_for_the_whole_region_and_nothing_else(desk: Desk, endpoint: str) -> None:
    found = desk.found(ecr(f"endpoint: '{endpoint}'", "regions: [us-east-1]"))
    assert told(found) == (
        "RS121",
        "the macro for the region stands elsewhere than the region",
        f"the form is <account>.dkr.ecr.{REGION}.amazonaws.com",
    )


@pytest.mark.parametrize(
    ("endpoint", "summary", "advice"),
    [
        (
            "https://public.ecr.aws/a1b2c3d4",
            "`spec.endpoint` of type ecr-public is a host and an alias, and no more",
            "write `public.ecr.aws/a1b2c3d4`",
        ),
        (
            "public.ecr.aws/a1b2c3d4/packs",
            "`spec.endpoint` of type ecr-public is a host and an alias, and no more",
            "write `public.ecr.aws/a1b2c3d4`; `packs` belongs in baseContentPaths",
        ),
        (
            "public.ecr.aws",
            "`spec.endpoint` lacks the registry's alias",
            "the form is public.ecr.aws/<alias>; the console and DescribeRegistries show the alias",
        ),
        (
            "public.ecr.aws/<alias>",
            "`<alias>` is no alias of a registry",
            "the form is public.ecr.aws/<alias>; the console and DescribeRegistries show the alias",
        ),
        (HOST, f"`{HOST}` is no registry of ECR Public", "private registries are of type ecr"),
        ("x/a", "`x/a` is no registry of ECR Public", "the form is public.ecr.aws/<alias>"),
        ("AWS:hunter2@public.ecr.aws/a", "`spec.endpoint` holds a login", "put the login into auth"),
    ],
)
def test_what_is_no_public_registry_is_refused_with_what_to_write(
    desk: Desk, endpoint: str, summary: str, advice: str
) -> None:
    found = desk.found(registry("type: ecr-public", f"endpoint: '{endpoint}'"))
    assert told(found) == ("RS121", summary, advice)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("field", ["endpoint", "connectTo"])
def test_a_public_registry_has_no_regions(desk: Desk, field: str) -> None:
    lines = {"endpoint": "public.ecr.aws/a", field: f"https://{REGION}.example.com/a"}
    found = desk.found(registry("type: ecr-public", *(f"{name}: '{text}'" for name, text in lines.items())))
    assert (found.code, marked(found)) == ("RS114", f"'{lines[field]}'")


def test_regions_of_other_partitions_are_told_where_they_stand(desk: Desk) -> None:
    text = ecr(f"endpoint: {TEMPLATE}", "regions: [us-east-1, cn-north-1, us-gov-west-1]")
    china, government = desk.check(text).diagnostics
    assert (marked(china), told(china)) == (
        "cn-north-1",
        (
            "RS121",
            "`cn-north-1` lies in partition aws-cn, whose hosts end otherwise",
            f"the registry there is `{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn`",
        ),
    )
    assert (marked(government), told(government)) == (
        "us-gov-west-1",
        (
            "RS129",
            "`us-gov-west-1` lies in partition aws-us-gov, and `us-east-1` in aws",
            "an account belongs to one partition: write a Registry document for each",
        ),
    )


@pytest.mark.parametrize(
    ("host", "region", "advice"),
    [
        (f"{ACCOUNT}.dkr.ecr.us-esat-1.amazonaws.com", "us-esat-1", "did you mean `us-east-1`?"),
        (f"{ACCOUNT}.dkr.ecr.cn-nort-1.amazonaws.com.cn", "cn-nort-1", "did you mean `cn-north-1`?"),
        (f"{ACCOUNT}.dkr.ecr.xx-zzzzzzzzzzzz-9.amazonaws.com", "xx-zzzzzzzzzzzz-9", None),
    ],
)
def test_a_region_that_aws_is_not_known_to_have_is_warned_of(
    desk: Desk, host: str, region: str, advice: str | None
) -> None:
    loaded = desk.check(ecr(f"endpoint: {host}"))
    (found,) = loaded.diagnostics
    assert told(found) == ("RS139", f"AWS is not known to have a region `{region}`", advice)
    assert [each.spec.region for each in loaded.declarations] == [region]


def test_an_unknown_region_is_told_where_it_stands_in_the_list(desk: Desk) -> None:
    found = desk.found(ecr(f"endpoint: {TEMPLATE}", "regions: [us-east-1, eu-wst-1]"))
    assert (marked(found), found.help) == ("eu-wst-1", "did you mean `eu-west-1`?")


def test_a_path_in_connect_to_is_no_base_path(desk: Desk) -> None:
    found = desk.found(ecr("connectTo: https://vpce.example.com/v2"))
    assert told(found) == (
        "RS121",
        "`spec.connectTo` holds more than scheme, host and port",
        "write `https://vpce.example.com`",
    )


def test_no_exclusion_is_written_twice(desk: Desk) -> None:
    exclusions = "{tagMutability: IMMUTABLE_WITH_EXCLUSION, tagMutabilityExclusions: [dev, dev]}"
    found = desk.found(ecr(f"repositories: {exclusions}"))
    assert (found.code, found.summary) == (
        "RS111",
        "`spec.repositories.tagMutabilityExclusions` has an element twice",
    )


def test_a_partition_that_the_host_contradicts_is_refused(desk: Desk) -> None:
    found = desk.found(ecr("partition: aws-us-gov"))
    assert (found.code, marked(found), found.help) == (
        "RS129",
        "aws-us-gov",
        "leave `partition` out: the endpoint tells it",
    )


@pytest.mark.parametrize(
    ("one", "other", "codes"),
    [
        (ecr(), ecr(), ["RS124", "RS124"]),
        (regions(), ecr(), ["RS124", "RS124"]),
        (regions("baseContentPaths: [team]"), regions("baseContentPaths: [x, team]"), ["RS124", "RS124"]),
        (ecr(), ecr(f"endpoint: {ACCOUNT}.dkr-ecr.us-east-1.on.aws"), ["RS124", "RS124"]),
        (public(), registry("type: ecr-public", "endpoint: ecr-public.aws.com/a1b2c3d4"), ["RS124", "RS124"]),
        (ecr(), ecr(f"endpoint: {HOST.replace('us-east-1', 'us-west-2')}"), []),
        (ecr(), ecr(f"endpoint: {HOST.replace('2145', '2146')}"), []),
        (public(), registry("type: ecr-public", "endpoint: public.ecr.aws/other"), []),
    ],
)
def test_one_registry_and_path_has_one_document_whatever_form_its_host_has(
    desk: Desk, one: str, other: str, codes: list[str]
) -> None:
    desk.write("a.yaml", one)
    desk.write("b.yaml", other.replace("name: prod", "name: dev"))
    found = desk.load("a.yaml", "b.yaml").diagnostics
    assert [each.code for each in found] == codes
    assert all(each.origin and each.origin.file == "b.yaml" for each in found)


@pytest.mark.parametrize(
    ("auth", "method", "login"),
    [
        (None, AuthMethod.AWS, AwsLogin()),
        ("{method: aws}", AuthMethod.AWS, AwsLogin()),
        ("{method: aws, profile: ci}", AuthMethod.AWS, AwsLogin(profile="ci")),
        (
            f"{{method: sts, {ROLE}}}",
            AuthMethod.STS,
            AwsLogin(role_arn="arn:aws:iam::214575254960:role/push"),
        ),
        (
            f'{{method: sts, {ROLE}, profile: ci, externalId: "a:1", sessionName: nightly, duration: 12h}}',
            AuthMethod.STS,
            AwsLogin(
                profile="ci",
                role_arn="arn:aws:iam::214575254960:role/push",
                external_id="a:1",
                session_name="nightly",
                duration=43200,
            ),
        ),
    ],
)
@pytest.mark.parametrize("manifest", [ecr, public])
def test_ways_to_log_in_to_aws(
    desk: Desk, manifest: Callable[..., str], auth: str | None, method: AuthMethod, login: AwsLogin
) -> None:
    spec = desk.declared(manifest(*([f"auth: {auth}"] if auth else []))).spec
    assert (spec.auth.method, spec.auth.aws) == (method, login)


@pytest.mark.parametrize("method", ["credentials", f"sts, {ROLE}"])
def test_an_access_key_is_referred_to(desk: Desk, method: str) -> None:
    key = "accessKeyId: AKIAEXAMPLE, secretAccessKey: {env: KEY}, sessionToken: {file: token}"
    login = desk.declared(ecr(f"auth: {{method: {method}, {key}}}")).spec.auth.aws
    assert (login.access_key_id, str(login.secret_access_key)) == ("AKIAEXAMPLE", "env:KEY")
    assert isinstance(login.session_token, SecretRef)
    assert login.session_token.path == desk.root / "registries/token"


@pytest.mark.parametrize(
    ("auth", "code", "mark"),
    [
        ("{method: none}", "RS110", "none"),
        ("{method: docker}", "RS110", "docker"),
        ("{method: aws, roleArn: x}", "RS106", "roleArn"),
        (
            "{method: credentials, externalId: x, accessKeyId: a, secretAccessKey: {env: X}}",
            "RS106",
            "externalId",
        ),
        ("{method: credentials, accessKeyId: a}", "RS107", "auth"),
        ("{method: credentials, accessKeyId: a, secretAccessKey: hunter2}", "RS115", "secretAccessKey"),
        ("{method: sts, externalId: xy}", "RS107", "auth"),
        ("{method: sts, roleArn: push}", "RS111", "push"),
        (f"{{method: sts, {ROLE}, externalId: x}}", "RS111", "x"),
        (f"{{method: sts, {ROLE}, accessKeyId: a}}", "RS107", "accessKeyId"),
        (f"{{method: sts, {ROLE}, sessionName: a b}}", "RS111", "a b"),
        (f"{{method: sts, {ROLE}, duration: 899s}}", "RS111", "899s"),
        (f"{{method: sts, {ROLE}, duration: 721m}}", "RS111", "721m"),
        (f"{{method: sts, {ROLE}, duration: 13h}}", "RS111", "13h"),
        (f'{{method: sts, {ROLE}, duration: "1h\\n"}}', "RS111", '"1h\\n"'),
        (
            f"{{method: sts, {ROLE}, profile: ci, accessKeyId: a, secretAccessKey: {{env: X}}}}",
            "RS129",
            "profile",
        ),
    ],
)
def test_a_login_that_aws_would_not_take_is_refused(desk: Desk, auth: str, code: str, mark: str) -> None:
    found = desk.found(ecr(f"auth: {auth}"))
    assert (found.code, marked(found)) == (code, mark)
    assert "hunter2" not in repr(found)


def test_a_public_registry_is_read_without_a_login(desk: Desk) -> None:
    assert desk.declared(public("auth: {method: none}")).spec.auth.method is AuthMethod.NONE


@pytest.mark.parametrize(
    "setting",
    [
        "tagMutability: MUTABLE",
        "tagMutabilityExclusions: [a]",
        "scanOnPush: true",
        "encryption: {type: AES256}",
        "lifecyclePolicyFile: x.json",
        "policyFile: x.json",
        "replicated: true",
    ],
)
def test_a_public_registry_has_no_settings_of_private_ones(desk: Desk, setting: str) -> None:
    found = desk.found(public(f"repositories: {{{setting}}}"))
    name = setting.partition(":")[0]
    assert (found.code, marked(found), found.help) == (
        "RS106",
        name,
        "only registries of type ecr have it",
    )


@pytest.mark.parametrize(
    ("mutability", "codes"),
    [
        ("tagMutability: IMMUTABLE", ["RS129"]),
        ("tagMutability: IMMUTABLE_WITH_EXCLUSION, tagMutabilityExclusions: ['dev-*']", []),
        ("tagMutability: MUTABLE_WITH_EXCLUSION, tagMutabilityExclusions: ['v*']", []),
        ("tagMutability: MUTABLE", []),
    ],
)
def test_what_nothing_can_overwrite_contradicts_overwriting(
    desk: Desk, mutability: str, codes: list[str]
) -> None:
    loaded = desk.check(ecr(f"repositories: {{{mutability}}}", "policy: {overwrite: allow}"))
    assert [each.code for each in loaded.diagnostics] == codes


@pytest.mark.parametrize(
    ("key", "code", "summary", "advice"),
    [
        (
            "alias/packs",
            "RS111",
            "`alias/packs` is an alias, not the ARN of a key",
            "write arn:aws:kms:<region>:<account>:key/<id>: ECR answers with that, whatever it was given",
        ),
        (
            "arn:aws:kms:us-east-1:214575254960:alias/packs",
            "RS111",
            "`arn:aws:kms:us-east-1:214575254960:alias/packs` is an alias, not the ARN of a key",
            "write arn:aws:kms:<region>:<account>:key/<id>: ECR answers with that, whatever it was given",
        ),
        (
            "1234abcd-12ab",
            "RS111",
            "`1234abcd-12ab` is not the ARN of a key",
            "write arn:aws:kms:<region>:<account>:key/<id>: ECR answers with that, whatever it was given",
        ),
        (
            KEY.replace("us-east-1", "eu-west-1"),
            "RS129",
            "the key does not lie in us-east-1",
            "write the ARN of a key there: arn:aws:kms:us-east-1:…",
        ),
        (
            KEY.replace("arn:aws:", "arn:aws-cn:"),
            "RS129",
            "the key lies in partition aws-cn, and the registry in aws",
            "an account belongs to one partition: a key there is arn:aws:kms:…",
        ),
        (
            KEY.replace("us-east-1", REGION),
            "RS129",
            "`spec.repositories.encryption.key` has a macro for the region, but `spec.endpoint` has none",
            None,
        ),
    ],
)
def test_a_key_is_an_arn_in_the_region_of_the_registry(
    desk: Desk, key: str, code: str, summary: str, advice: str | None
) -> None:
    found = desk.found(ecr(f"repositories: {{encryption: {{type: KMS, key: '{key}'}}}}"))
    assert told(found) == (code, summary, advice)


def test_one_key_cannot_serve_several_regions(desk: Desk) -> None:
    found = desk.found(regions(f"repositories: {{encryption: {{type: KMS_DSSE, key: '{KEY}'}}}}"))
    assert told(found) == (
        "RS129",
        "the key does not lie in eu-west-1",
        f"write `{REGION}` where the region stands in the ARN",
    )


def test_a_key_needs_an_encryption_with_keys(desk: Desk) -> None:
    found = desk.found(ecr(f"repositories: {{encryption: {{type: AES256, key: '{KEY}'}}}}"))
    assert (found.code, marked(found)) == ("RS129", "key")


@pytest.mark.parametrize("field", ["policyFile", "lifecyclePolicyFile"])
def test_the_macro_has_no_place_in_the_name_of_a_file(desk: Desk, field: str) -> None:
    found = desk.found(regions(f"repositories: {{{field}: '{REGION}.json'}}"))
    assert (found.code, marked(found)) == ("RS114", REGION)


def test_an_encryption_that_replication_cannot_give_is_a_warning(desk: Desk) -> None:
    found = desk.found(regions("repositories: {replicated: true, encryption: {type: KMS}}"))
    assert (found.code, found.severity, marked(found)) == ("RS137", Severity.WARNING, "encryption")
    assert [each.label for each in found.related] == ["it creates those in the other regions"]
    assert "repository creation template" in str(found.help)
    desk.declarations(regions("repositories: {replicated: true, encryption: {type: AES256}}"))
    desk.declarations(regions("repositories: {replicated: false, encryption: {type: KMS}}"))


@pytest.mark.parametrize("text", [ecr(), ecr(f"endpoint: {TEMPLATE}", "regions: [us-east-1]")])
def test_replication_needs_another_region(desk: Desk, text: str) -> None:
    found = desk.found(text + "  repositories: {replicated: true}\n")
    assert (found.code, marked(found)) == ("RS129", "replicated")


@pytest.mark.parametrize(
    ("key", "summary"),
    [
        ("regsync.owner", "`regsync.owner` is a tag of regsync's own"),
        ("aws:team", "tags that begin with `aws:` belong to AWS"),
        ("AWS:team", "tags that begin with `AWS:` belong to AWS"),
        ("", "the key of a tag has 1 to 128 characters, not 0"),
        ("k" * 129, "the key of a tag has 1 to 128 characters, not 129"),
    ],
)
def test_a_tag_that_aws_or_regsync_would_not_take_is_refused(desk: Desk, key: str, summary: str) -> None:
    found = desk.found(ecr(f"repositories: {{tags: {{'{key}': x}}}}"))
    assert (found.code, found.summary, marked(found)) == ("RS111", summary, f"'{key}'")


def test_tags_have_limits(desk: Desk) -> None:
    tags = {f"k{number}": "v" for number in range(48)}
    assert desk.declared(ecr(f"repositories: {{tags: {json.dumps(tags)}}}")).spec.repositories.settings == {
        "tags": tags
    }
    found = desk.found(ecr(f"repositories: {{tags: {json.dumps({**tags, 'one': 'more'})}}}"))
    assert (found.code, found.summary) == ("RS111", "`spec.repositories.tags` has more than 48 entries")
    found = desk.found(ecr(f"repositories: {{tags: {{team: {'v' * 257}}}}}"))
    assert (found.code, found.summary) == (
        "RS111",
        "`spec.repositories.tags.team` has more than 256 characters",
    )


@pytest.mark.parametrize(
    ("text", "summary", "place"),
    [
        (b'{"rules": [}', "registries/p.json is not JSON: expecting value", "1:12"),
        (b'{"rules":\n  x}', "registries/p.json is not JSON: expecting value", "2:3"),
        (b"rules: []", "registries/p.json is not JSON: expecting value", "1:1"),
        (b"", "registries/p.json is not JSON: expecting value", "1:1"),
        (b"\xff\xfe\x00", "registries/p.json cannot be used: ", "1:1"),
        (b"[" * 100_000, "registries/p.json cannot be used: ", "1:1"),
        (b'[{"rules": []}]', "registries/p.json holds no JSON object", "1:1"),
        (b'{"Statement": []}', "registries/p.json has no `rules`", "1:1"),
        (
            b'{"rules": [], "rules": [1]}',
            "registries/p.json cannot be used: `rules` is written twice in one object",
            "1:1",
        ),
    ],
)
def test_a_policy_file_that_cannot_be_used_is_told_with_its_place(
    desk: Desk, text: bytes, summary: str, place: str
) -> None:
    path = desk.write("registries/p.json", "")
    path.write_bytes(text)
    found = desk.found(ecr("repositories: {lifecyclePolicyFile: p.json}"))
    assert (found.code, marked(found)) == ("RS134", "p.json")
    assert found.summary.startswith(summary)
    assert [str(each.origin) for each in found.related] == [f"registries/p.json:{place}"]


def test_a_repository_policy_has_statements(desk: Desk) -> None:
    desk.write("registries/p.json", '{"rules": []}')
    found = desk.found(ecr("repositories: {policyFile: p.json}"))
    assert (found.code, found.summary) == ("RS134", "registries/p.json has no `Statement`")


@pytest.mark.parametrize("name", ["gone.json", "."])
def test_a_policy_file_that_is_not_there_is_told(desk: Desk, name: str) -> None:
    found = desk.found(ecr(f"repositories: {{policyFile: {name}}}"))
    assert (found.code, marked(found)) == ("RS128", name)
    assert found.help == "paths are relative to the manifest's folder: registries"


def test_a_policy_file_that_cannot_be_read_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("registries/prod.yaml", ecr("repositories: {policyFile: p.json}"))
    monkeypatch.chdir(desk.root / "registries")
    with socket.socket(socket.AF_UNIX) as not_a_file:
        not_a_file.bind("p.json")
        (found,) = desk.load("registries/prod.yaml").diagnostics
    assert (found.code, found.summary[:31]) == ("RS134", "cannot read registries/p.json: ")
