"""Policies: as narrow as the manifest allows, and nothing less than what runs and Palette need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from regsync.model.access import IamPolicy
from regsync.model.declaration import Declaration, Tombstone
from regsync.model.diagnostic import Origin
from regsync.model.registry import (
    Auth,
    AuthMethod,
    AwsLogin,
    AwsPlace,
    Policy,
    Provider,
    Prune,
    RegistrySpec,
    Repositories,
    SecretRef,
)
from regsync.registries.ecr.actions import WRITES, actions_of, may_call, service_of
from regsync.registries.ecr.iam import LIMIT, access, policies
from tests.support.iam import ACCOUNT, allowed_actions, allows, ecr_spec, public_spec
from tests.support.servers import ROOT
from tests.support.states import a_spec

DATA = ROOT / "tests" / "data"
ORIGIN = Origin("registries/ecr.yaml", 9, 5)
ROLE = "arn:aws:iam::214575254960:role/push-packs"
KEY = "arn:aws:kms:us-east-1:214575254960:key/1234abcd"
ARCHIVE = "custom/spectro-packs/archive"
PRUNE = Policy(prune=Prune.MANAGED)
EVERY_SETTING: dict[str, Any] = {
    "tagMutability": "IMMUTABLE",
    "tagMutabilityExclusions": ["dev-*"],
    "scanOnPush": True,
    "encryption": {"type": "KMS", "key": KEY},
    "tags": {"team": "platform"},
    "lifecyclePolicy": {"rules": []},
    "policy": {"Statement": []},
}
# What Palette's documentation on adding an ECR registry lists.
PALETTE_DOCUMENTED = {*(DATA / "palette-ecr-actions.txt").read_text(encoding="utf-8").split()}
PULLS = (("GET", "/v2/x/manifests/1"), ("HEAD", "/v2/x/manifests/1"), ("GET", "/v2/x/blobs/sha256:1"))
PUSHES = (
    ("HEAD", "/v2/x/blobs/sha256:1"),
    ("POST", "/v2/x/blobs/uploads/"),
    ("PUT", "/v2/x/blobs/uploads/1"),
    ("PUT", "/v2/x/manifests/1"),
)


def repository(name: str, region: str = "us-east-1", partition: str = "aws") -> str:
    return f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/{name}"


def named(*specs: RegistrySpec, can_delete: bool = False) -> dict[str, IamPolicy]:
    return {each.name: each for each in policies(specs, can_delete=can_delete).policies}


def document(name: str, *specs: RegistrySpec, can_delete: bool = False) -> Mapping[str, Any]:
    return named(*specs, can_delete=can_delete)[name].document


def written(*names: str, **more: Any) -> Repositories:
    return Repositories(settings={name: EVERY_SETTING[name] for name in names}, **more)


def size(document: Mapping[str, Any]) -> int:
    return len("".join(json.dumps(document).split()))


# For regsync


def test_a_plan_reads_what_the_manifest_is_about_and_nothing_else() -> None:
    plan = document("plan", ecr_spec())
    assert allowed_actions(plan) == {
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetDownloadUrlForLayer",
    }
    assert allows(plan, "ecr:GetAuthorizationToken")
    for name in (ARCHIVE, f"{ARCHIVE}/nginx"):
        assert allows(plan, "ecr:BatchGetImage", repository(name))
    for other in (
        "custom",
        "other/spectro-packs/archive/nginx",
        f"{ARCHIVE[1:]}/nginx",
        f"{ARCHIVE}-old/nginx",
    ):
        assert not allows(plan, "ecr:BatchGetImage", repository(other))
    assert not allows(plan, "ecr:BatchGetImage", repository(ARCHIVE, "eu-west-1"))


@pytest.mark.parametrize(
    ("setting", "reads", "writes"),
    [
        ("tagMutability", set(), {"PutImageTagMutability"}),
        ("tagMutabilityExclusions", set(), {"PutImageTagMutability"}),
        ("scanOnPush", set(), {"PutImageScanningConfiguration"}),
        ("tags", set(), set()),
        ("lifecyclePolicy", {"GetLifecyclePolicy"}, {"PutLifecyclePolicy"}),
        ("policy", {"GetRepositoryPolicy"}, {"SetRepositoryPolicy"}),
    ],
)
def test_each_setting_asks_for_what_reads_and_writes_it(
    setting: str, reads: set[str], writes: set[str]
) -> None:
    with_it, without = ecr_spec(repositories=written(setting)), ecr_spec()
    owners = "ecr:ListTagsForResource"
    more = {name: allowed_actions(document(name, with_it)) for name in ("plan", "apply")}
    less = {name: allowed_actions(document(name, without)) for name in ("plan", "apply")}
    assert more["plan"] - less["plan"] == {f"ecr:{each}" for each in reads} | {owners}
    assert more["apply"] - less["apply"] == {f"ecr:{each}" for each in reads | writes} | {owners}


def test_an_apply_pushes_and_creates() -> None:
    apply, plan = (allowed_actions(document(name, ecr_spec())) for name in ("apply", "plan"))
    assert apply - plan == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:CompleteLayerUpload",
        "ecr:CreateRepository",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:TagResource",
        "ecr:UploadLayerPart",
    }
    assert plan <= apply


def test_an_apply_that_creates_no_repository_needs_no_leave_to() -> None:
    apply = allowed_actions(document("apply", ecr_spec(repositories=Repositories(create=False))))
    assert not apply & {"ecr:CreateRepository", "ecr:TagResource"}
    spec = ecr_spec(repositories=written("scanOnPush", "encryption", create=False))
    apply = allowed_actions(document("apply", spec))
    assert "ecr:TagResource" in apply  # the mark is written anew with a setting
    assert not any(each.startswith("kms:") for each in apply)
    spec = ecr_spec(repositories=written("encryption", create=False))
    assert "ecr:TagResource" not in allowed_actions(document("apply", spec))  # encryption is never changed


def test_deleting_is_granted_only_where_something_may_go() -> None:
    assert "ecr:BatchDeleteImage" not in allowed_actions(document("apply", ecr_spec()))
    found = named(ecr_spec(), can_delete=True)
    assert "ecr:BatchDeleteImage" in allowed_actions(found["apply"].document)
    assert "ecr:BatchDeleteImage" not in allowed_actions(found["plan"].document)


def test_prune_looks_through_the_catalogue() -> None:
    for name in ("plan", "apply"):
        policy = named(ecr_spec(policy=PRUNE), can_delete=True)[name]
        assert allows(policy.document, "ecr:DescribeRepositories", repository("*"))
        assert not allows(policy.document, "ecr:DescribeImages", repository("other"))
        assert any("prune" in note for note in policy.notes)


def test_replication_is_asked_about() -> None:
    spec = ecr_spec(repositories=Repositories(replicated=True))
    assert {"ecr:DescribeImageReplicationStatus", "ecr:DescribeRegistry"} <= allowed_actions(
        document("apply", spec)
    )
    assert "ecr:DescribeImageReplicationStatus" not in allowed_actions(document("plan", spec))


def test_a_key_is_granted_for_calls_through_ecr() -> None:
    keys = {region: f"arn:aws:kms:{region}:{ACCOUNT}:key/1" for region in ("us-east-1", "eu-west-1")}
    specs = [
        ecr_spec(region, repositories=Repositories(settings={"encryption": {"type": "KMS", "key": key}}))
        for region, key in keys.items()
    ]
    apply = document("apply", *specs)
    (statement,) = [each for each in apply["Statement"] if each["Sid"] == "Keys"]
    assert statement["Action"] == ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"]
    assert statement["Resource"] == [*keys.values()]
    assert statement["Condition"] == {
        "StringLike": {"kms:ViaService": ["ecr.us-east-1.*", "ecr.eu-west-1.*"]}
    }
    assert not any("kms" in each for each in allowed_actions(document("plan", *specs)))


def test_the_key_of_aws_needs_no_leave() -> None:
    spec = ecr_spec(repositories=Repositories(settings={"encryption": {"type": "KMS"}}))
    assert not any("kms" in each for each in allowed_actions(document("apply", spec)))


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_arns_are_those_of_the_partition(region: str, partition: str) -> None:
    spec = ecr_spec(region, aws=AwsPlace(ACCOUNT, partition))
    found = named(spec)
    for name in ("plan", "apply", "palette"):
        action = "ecr:BatchGetImage"
        assert allows(found[name].document, action, repository(f"{ARCHIVE}/nginx", region, partition))
        assert "arn:aws:" not in json.dumps(found[name].document)
    assert "arn:aws:" not in json.dumps(found["palette-trust"].document)


def test_charts_are_found_beneath_their_base_path_and_not_beside_it() -> None:
    spec = ecr_spec(provider=Provider.HELM, base_content_paths=("team",))
    for name in ("plan", "apply", "palette"):
        granted = document(name, spec)
        for repo in ("team", "team/charts/nginx"):
            assert allows(granted, "ecr:DescribeImages", repository(repo))
        assert not allows(granted, "ecr:DescribeImages", repository("team-b/nginx"))


def test_charts_without_a_base_path_may_be_anywhere() -> None:
    spec = ecr_spec(provider=Provider.HELM, base_content_paths=())
    assert allows(document("plan", spec), "ecr:DescribeImages", repository("nginx"))


def test_a_role_is_assumed_by_whoever_has_the_credentials() -> None:
    login = AwsLogin(role_arn=ROLE, profile="ci")
    found = named(ecr_spec(auth=Auth(AuthMethod.STS, aws=login)))
    assert ROLE in found["plan"].title
    assert ROLE in found["apply"].title
    assert "profile ci" in found["assume-role"].title
    assert allows(found["assume-role"].document, "sts:AssumeRole", ROLE)
    assert not allows(found["assume-role"].document, "sts:AssumeRole", ROLE + "-2")
    assert not {"assume-role", "trust"} & named(ecr_spec()).keys()


@pytest.mark.parametrize("external_id", [None, "platform-team"])
def test_the_role_trusts_whoever_assumes_it(external_id: str | None) -> None:
    login = AwsLogin(role_arn=ROLE, external_id=external_id)
    (statement,) = document("trust", ecr_spec(auth=Auth(AuthMethod.STS, aws=login)))["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::<CALLER-ACCOUNT-ID>:root"}
    assert statement["Action"] == "sts:AssumeRole"
    wanted = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    assert statement.get("Condition") == wanted


def test_the_secret_is_not_told() -> None:
    login = AwsLogin(access_key_id="AKIAEXAMPLE", secret_access_key=SecretRef("env", "THE_SECRET", ORIGIN))
    found = policies([ecr_spec(auth=Auth(AuthMethod.CREDENTIALS, aws=login))], can_delete=False)
    assert "access key" in found.policies[0].title
    assert "THE_SECRET" not in str(found)
    assert "AKIAEXAMPLE" not in str(found)


# For Palette


def test_palette_reads_all_that_its_documentation_asks_for() -> None:
    private, public = (allowed_actions(document("palette", each)) for each in (ecr_spec(), public_spec()))
    assert private | public == PALETTE_DOCUMENTED | {"sts:GetServiceBearerToken"}
    assert len(PALETTE_DOCUMENTED) == 25
    assert not private & public
    assert {each.partition(":")[0] for each in private} == {"ecr"}


def test_palettes_resources_are_written_as_its_documentation_has_them() -> None:
    statements = document("palette", ecr_spec())["Statement"]
    assert repository(f"{ARCHIVE}*") in [each["Resource"] for each in statements]


def test_palette_sees_packs_alone_but_discovers_among_all_repositories() -> None:
    palette = document("palette", ecr_spec())
    assert allows(palette, "ecr:GetDownloadUrlForLayer", repository(f"{ARCHIVE}/nginx"))
    assert not allows(palette, "ecr:GetDownloadUrlForLayer", repository("payroll"))
    assert allows(palette, "ecr:DescribeRepositories", repository("payroll"))
    anywhere = {each for each in allowed_actions(palette) if allows(palette, each)}
    assert anywhere == {"ecr:GetAuthorizationToken", "ecr:DescribeRegistry", "ecr:GetRegistryPolicy"}


def test_palettes_login_is_never_the_pushers() -> None:
    apply = named(ecr_spec(auth=Auth(AuthMethod.STS, aws=AwsLogin(role_arn=ROLE))))
    assert ROLE not in str(apply["palette"]) + str(apply["palette-trust"])


def test_palettes_account_and_external_id_are_left_open_visibly() -> None:
    trust = document("palette-trust", ecr_spec())
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::<PALETTE-ACCOUNT-ID>:root"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "<EXTERNAL-ID>"}}


# ECR Public


def test_a_public_registry_is_named_without_region_and_account() -> None:
    spec = public_spec()
    arn = f"arn:aws:ecr-public::{ACCOUNT}:repository/{ARCHIVE}/nginx"
    for name, action in (("plan", "DescribeImages"), ("apply", "PutImage"), ("palette", "DescribeImageTags")):
        assert allows(document(name, spec), f"ecr-public:{action}", arn)
        assert allows(document(name, spec), "sts:GetServiceBearerToken")
        assert not any(each.startswith("ecr:") for each in allowed_actions(document(name, spec)))
        registry = f"arn:aws:ecr-public::{ACCOUNT}:registry/{ACCOUNT}"
        assert allows(document(name, spec), "ecr-public:DescribeRegistries", registry)


def test_without_a_login_regsync_needs_no_policy() -> None:
    assert [*named(public_spec(auth=Auth(AuthMethod.NONE)))] == ["palette", "palette-trust"]


# All of them


def test_no_policy_deletes_a_repository() -> None:
    everything: dict[str, Any] = {"policy": PRUNE, "repositories": Repositories(settings=EVERY_SETTING)}
    for spec in (ecr_spec(**everything), public_spec(**everything)):
        for policy in named(spec, can_delete=True).values():
            if policy.name != "palette-trust":
                for prefix in ("ecr", "ecr-public"):
                    assert not allows(policy.document, f"{prefix}:DeleteRepository", repository(ARCHIVE))


@pytest.mark.parametrize(("count", "bases", "any_region"), [(20, 1, False), (40, 1, True), (20, 4, True)])
def test_a_policy_fits_into_iam_however_many_regions_there_are(
    count: int, bases: int, any_region: bool
) -> None:
    regions = [f"eu-central-{number}" for number in range(count)]
    paths = tuple(f"team-{number}" for number in range(bases))
    specs = [ecr_spec(each, base_content_paths=paths, policy=PRUNE) for each in regions]
    for policy in named(*specs, can_delete=True).values():
        assert size(policy.document) <= LIMIT
    widened = named(*specs, can_delete=True)["apply"]
    assert allows(widened.document, "ecr:PutImage", repository("team-0/spectro-packs/archive/x", regions[-1]))
    assert any("regions are `*`" in note for note in widened.notes) == any_region


@pytest.mark.parametrize("public", [False, True], ids=["ecr", "ecr-public"])
def test_policies_hold_what_requests_and_calls_stand_for_and_nothing_else(public: bool) -> None:
    everything: dict[str, Any] = {"repositories": Repositories(settings=EVERY_SETTING), "policy": PRUNE}
    spec = public_spec() if public else ecr_spec(**everything)
    service = service_of(spec)
    plan, apply = (allowed_actions(document(each, spec, can_delete=True)) for each in ("plan", "apply"))
    pulled = {action for request in PULLS for action in actions_of(service, *request)}
    pushed = {action for request in PUSHES for action in actions_of(service, *request)}
    changed = {each for each in WRITES if each.startswith(f"{service}:")}
    assert pulled <= plan
    assert not [each for each in plan if each.startswith(service) and not may_call(each, planning=True)]
    others = {each for each in apply if each.startswith(service) and not may_call(each, planning=True)}
    assert others == pushed | changed


def test_each_document_has_policies_of_its_own() -> None:
    declared = [
        Declaration(ecr_spec("us-east-1"), (), ()),
        Declaration(ecr_spec("eu-west-1"), (), (Tombstone("nginx", "1.0.0", "custom", ORIGIN),)),
        Declaration(public_spec(policy=PRUNE), (), ()),
        Declaration(ecr_spec(document="dev"), (), ()),
        Declaration(a_spec(), (), ()),
    ]
    dev, prod, gallery = access(declared)
    assert (prod.registry, prod.account, prod.regions) == ("ecr-prod", ACCOUNT, ("us-east-1", "eu-west-1"))
    deletes = [
        any(action.endswith(":BatchDeleteImage") for action in allowed_actions(each.policies[1].document))
        for each in (dev, prod, gallery)
    ]
    assert deletes == [False, True, True]
