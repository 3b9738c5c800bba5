"""The AWS of the tests: what ministack lets pass in repositories and images, and AWS does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.aws import Aws
from tests.support.aws_images import digest_of
from tests.support.aws_wire import CONFIG, OCI_MANIFEST, Wire, described, image, problem, refused

AB = {"repositoryName": "a/b"}
ANY_TAG = {"filterType": "WILDCARD", "filter": "*"}


@pytest.fixture
def ecr(aws: Aws) -> Any:
    """Return a client of an account with one repository, a/b."""
    client = aws.client()
    client.create_repository(**AB)
    return client


@pytest.fixture
def wire(aws: Aws) -> Iterator[Wire]:
    with Wire(aws) as made:
        yield made


@pytest.mark.parametrize(
    ("mode", "exclusions", "tag", "overwritten"),
    [
        ("MUTABLE", [], "1.0.0", True),
        ("IMMUTABLE", [], "1.0.0", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*", "latest"], "1.0.0", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*", "latest"], "dev-1", True),
        ("MUTABLE_WITH_EXCLUSION", ["v*.0"], "v1.0", False),
        ("MUTABLE_WITH_EXCLUSION", ["v*.0"], "latest", True),
    ],
)
def test_an_immutable_tag_is_never_overwritten(
    aws: Aws, wire: Wire, mode: str, exclusions: list[str], tag: str, overwritten: bool
) -> None:
    ecr = aws.client()
    filters = [ANY_TAG | {"filter": each} for each in exclusions]
    mutability = {"imageTagMutability": mode, "imageTagMutabilityExclusionFilters": filters}
    wanted = {key: value for key, value in mutability.items() if value}
    created = ecr.create_repository(**AB, **wanted)["repository"]
    assert created == created | wanted
    assert ecr.describe_repositories(repositoryNames=["a/b"])["repositories"] == [created]
    wire.push("a/b", tag)
    wire.upload("a/b", b"other")
    same, other = wire.put("a/b", tag, image()), wire.put("a/b", tag, image(b"other"))
    if overwritten:
        assert (same.status_code, other.status_code) == (201, 201)
        return
    message = (
        f"The image tag '{tag}' already exists in the 'a/b' repository"
        " and cannot be overwritten because the tag is immutable."
    )
    assert problem(same) == problem(other) == (400, "TAG_INVALID", message)
    put = {**AB, "imageTag": tag, "imageManifest": image(b"other").decode()}
    assert refused(ecr.put_image, **put) == ("ImageTagAlreadyExistsException", message)
    ecr.put_image_tag_mutability(**AB, imageTagMutability="MUTABLE")
    assert ecr.put_image(**put)["image"]["imageId"]["imageTag"] == tag


@pytest.mark.parametrize(
    ("mode", "filters"),
    [
        ("IMMUTABLE", [ANY_TAG]),
        ("IMMUTABLE_WITH_EXCLUSION", []),
        ("MUTABLE_WITH_EXCLUSION", [ANY_TAG] * 6),
        ("MUTABLE_WITH_EXCLUSION", [ANY_TAG | {"filter": "a+"}]),
    ],
)
def test_mutability_and_its_filters_must_fit(ecr: Any, mode: str, filters: list[dict[str, str]]) -> None:
    wrong = {
        "imageTagMutability": mode,
        **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
    }
    assert refused(ecr.put_image_tag_mutability, **AB, **wrong)[0] == "InvalidParameterException"
    assert refused(ecr.create_repository, repositoryName="c/d", **wrong)[0] == "InvalidParameterException"


def test_a_tag_is_deleted_without_the_image(aws: Aws, wire: Wire) -> None:
    ecr = aws.client()
    ecr.create_repository(**AB, imageTagMutability="IMMUTABLE")
    digest = wire.push("a/b", "1.0.0")
    wire.put("a/b", "latest", image())
    deleted = ecr.batch_delete_image(**AB, imageIds=[{"imageTag": "1.0.0"}])["imageIds"]
    assert deleted == [{"imageTag": "1.0.0", "imageDigest": digest}]
    [left] = ecr.describe_images(**AB)["imageDetails"]
    assert (left["imageDigest"], left["imageTags"]) == (digest, ["latest"])
    assert wire("HEAD", "/v2/a/b/manifests/1.0.0").status_code == 404
    ecr.batch_delete_image(**AB, imageIds=[{"imageTag": "latest"}])
    assert ecr.describe_images(**AB)["imageDetails"] == []
    assert wire("HEAD", f"/v2/a/b/manifests/{digest}").status_code == 404


def test_a_digest_is_deleted_with_all_its_tags(ecr: Any, wire: Wire) -> None:
    digest = wire.push("a/b", "1")
    wire.put("a/b", "2", image())
    deleted = ecr.batch_delete_image(**AB, imageIds=[{"imageDigest": digest}])["imageIds"]
    assert [each["imageTag"] for each in deleted] == ["1", "2"]
    assert wire("GET", "/v2/a/b/tags/list").json()["tags"] == []


def test_failures_of_a_delete_say_why(ecr: Any, wire: Wire) -> None:
    digest = wire.push("a/b", "1")
    children = [described(OCI_MANIFEST, image())]
    index = json.dumps({"schemaVersion": 2, "manifests": children}).encode()
    assert wire.put("a/b", "all", index).status_code == 201
    asked: list[tuple[dict[str, str], str]] = [
        ({}, "MissingDigestAndTag"),
        ({"imageDigest": "sha256:short"}, "InvalidImageDigest"),
        ({"imageDigest": digest_of(b"none")}, "ImageNotFound"),
        ({"imageTag": "none"}, "ImageNotFound"),
        ({"imageDigest": digest, "imageTag": "all"}, "ImageTagDoesNotMatchDigest"),
        ({"imageDigest": digest}, "ImageReferencedByManifestList"),
    ]
    answer = ecr.batch_delete_image(**AB, imageIds=[each for each, _ in asked])
    assert answer["imageIds"] == []
    assert [(each["imageId"], each["failureCode"]) for each in answer["failures"]] == asked


def test_images_are_described_as_aws_does(ecr: Any, wire: Wire) -> None:
    digest = wire.push("a/b", "1")
    untagged = wire.push("a/b", digest_of(image(b"more")), b"more")
    wire.put("a/b", "2", image())
    tagged, bare = ecr.describe_images(**AB)["imageDetails"]
    assert (tagged["imageTags"], tagged["imageSizeInBytes"]) == (["1", "2"], 7)
    assert tagged["artifactMediaType"] == "application/vnd.unknown.config.v1+json"
    assert (bare["imageDigest"], "imageTags" in bare) == (untagged, False)
    assert ecr.describe_images(**AB, filter={"tagStatus": "UNTAGGED"})["imageDetails"] == [bare]
    assert ecr.describe_images(**AB, imageIds=[{"imageTag": "2"}])["imageDetails"] == [tagged]
    code, message = refused(ecr.describe_images, **AB, imageIds=[{"imageTag": "2"}, {"imageTag": "none"}])
    assert (code, "imageTag:'none'" in message) == ("ImageNotFoundException", True)
    named = [{"imageDigest": digest, "imageTag": tag} for tag in ("1", "2")]
    assert ecr.list_images(**AB)["imageIds"] == [*named, {"imageDigest": untagged}]
    assert ecr.list_images(**AB, filter={"tagStatus": "TAGGED"})["imageIds"] == named
    some = ecr.batch_get_image(**AB, imageIds=[{"imageTag": "1"}, {"imageTag": "none"}])
    [found], [failure] = some["images"], some["failures"]
    assert (found["imageId"], found["imageManifest"]) == (named[0], image().decode())
    assert (failure["imageId"], failure["failureCode"]) == ({"imageTag": "none"}, "ImageNotFound")


def test_images_and_tags_come_in_pages(aws: Aws, ecr: Any, wire: Wire) -> None:
    aws.fill("a/b", {f"v{number}": image(number=str(number)) for number in range(1001)})
    first = ecr.describe_images(**AB)
    assert len(first["imageDetails"]) == 100
    second = ecr.describe_images(**AB, nextToken=first["nextToken"])
    assert second["imageDetails"][0]["imageTags"] == ["v100"]
    whole = ecr.describe_images(**AB, maxResults=1000)
    rest = ecr.describe_images(**AB, maxResults=1000, nextToken=whole["nextToken"])
    assert (len(whole["imageDetails"]), len(rest["imageDetails"]), "nextToken" in rest) == (1000, 1, False)
    pages = ecr.get_paginator("list_images").paginate(**AB, maxResults=500)
    assert [len(each["imageIds"]) for each in pages] == [500, 500, 1]
    assert len(wire("GET", "/v2/a/b/tags/list").json()["tags"]) == 100
    link = wire("GET", "/v2/a/b/tags/list?n=1000").headers["Link"]
    found = re.fullmatch(rf'<https://{aws.host()}(/v2/a/b/tags/list\?last=\w+)>; rel="next"', link)
    assert found is not None
    last = wire("GET", found[1])
    assert (last.json()["tags"], "Link" in last.headers) == (["v1000"], False)
    assert problem(wire("GET", "/v2/a/b/tags/list?n=1001"))[:2] == (405, "UNSUPPORTED")


def test_repositories_come_in_pages(ecr: Any, wire: Wire) -> None:
    for number in range(100):
        ecr.create_repository(repositoryName=f"r{number}")
    first = ecr.describe_repositories()
    assert len(first["repositories"]) == 100
    [last] = ecr.describe_repositories(nextToken=first["nextToken"])["repositories"]
    assert last["repositoryName"] == "r99"
    catalog = wire("GET", "/v2/_catalog")
    assert (len(catalog.json()["repositories"]), "Link" in catalog.headers) == (100, True)
    assert "Link" not in wire("GET", "/v2/_catalog?n=101").headers


def test_requests_past_the_limits_are_invalid(ecr: Any) -> None:
    tags = [{"imageTag": str(number)} for number in range(101)]
    for call, wrong in (
        (ecr.describe_repositories, {"maxResults": 1001}),
        (ecr.describe_repositories, {"repositoryNames": ["a/b"] * 101}),
        (ecr.describe_repositories, {"repositoryNames": ["a/b"], "maxResults": 10}),
        (ecr.describe_images, {**AB, "maxResults": 1001}),
        (ecr.describe_images, {**AB, "imageIds": tags}),
        (ecr.describe_images, {**AB, "imageIds": tags[:1], "nextToken": "MA=="}),
        (ecr.list_images, {**AB, "maxResults": 1001}),
        (ecr.list_images, {**AB, "nextToken": "made-up"}),
        (ecr.batch_get_image, {**AB, "imageIds": tags}),
        (ecr.batch_delete_image, {**AB, "imageIds": tags}),
    ):
        assert refused(call, **wrong)[0] == "InvalidParameterException", wrong


def test_one_missing_repository_fails_the_whole_call(aws: Aws, ecr: Any) -> None:
    message = f"The repository with name 'no/such' does not exist in the registry with id '{aws.account}'"
    said = refused(ecr.describe_repositories, repositoryNames=["a/b", "no/such"])
    assert said == ("RepositoryNotFoundException", message)


def test_layers_come_from_s3_and_without_a_login(aws: Aws, ecr: Any, wire: Wire) -> None:
    wire.push("a/b", "1")
    answer = wire("GET", f"/v2/a/b/blobs/{digest_of(b'layer')}")
    assert (answer.status_code, answer.content) == (307, b"")
    location = answer.headers["Location"]
    assert location.startswith(aws.front.bucket.url)
    assert httpx.get(location).content == b"layer"
    twice = httpx.get(location, headers={"Authorization": wire.headers["Authorization"]})
    assert (twice.status_code, "Only one auth mechanism allowed" in twice.text) == (400, True)
    assert httpx.get(location.partition("?")[0]).status_code == 403
    assert len(aws.front.bucket.fetched) == 3
    assert wire("GET", f"/v2/a/b/blobs/{digest_of(b'none')}").status_code == 404


@pytest.mark.parametrize("name", ["Upper/case", "a//b", "a/../b", "a_-b", "a" * 257])
def test_repository_names_follow_the_grammar(ecr: Any, name: str) -> None:
    code, message = refused(ecr.create_repository, repositoryName=name)
    assert (code, "'repositoryName'" in message) == ("InvalidParameterException", True)


def test_settings_are_kept_and_changed(aws: Aws) -> None:
    ecr = aws.client()
    kms = {"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:us-east-1:{aws.account}:key/1"}
    created = ecr.create_repository(
        repositoryName="a__b/c--d",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration=kms,
        tags=[{"Key": "team", "Value": "platform"}],
    )["repository"]
    assert created["encryptionConfiguration"] == kms
    scanning = {"imageScanningConfiguration": {"scanOnPush": False}}
    ecr.put_image_scanning_configuration(repositoryName="a__b/c--d", **scanning)
    assert ecr.describe_repositories()["repositories"] == [created | scanning]
    arn = {"resourceArn": created["repositoryArn"]}
    ecr.tag_resource(**arn, tags=[{"Key": "cost", "Value": "1"}])
    ecr.untag_resource(**arn, tagKeys=["team"])
    assert ecr.list_tags_for_resource(**arn)["tags"] == [{"Key": "cost", "Value": "1"}]
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refused(ecr.tag_resource, **arn, tags=many)[0] == "TooManyTagsException"


def test_encryption_needs_a_key_that_exists(aws: Aws, ecr: Any) -> None:
    keys = f"arn:aws:kms:us-east-1:{aws.account}:key/"
    aws.front.missing_keys.add(f"{keys}gone")
    gone = {"encryptionType": "KMS", "kmsKey": f"{keys}gone"}
    asked = {"repositoryName": "c/d", "encryptionConfiguration": gone}
    assert refused(ecr.create_repository, **asked)[0] == "KmsException"
    asked["encryptionConfiguration"] = {"encryptionType": "KMS"}
    made = ecr.create_repository(**asked)["repository"]["encryptionConfiguration"]
    assert made["kmsKey"].startswith(keys)
    assert refused(ecr.create_repository, **asked)[0] == "RepositoryAlreadyExistsException"


def test_a_repository_policy_is_checked_and_comes_back_in_another_form(ecr: Any) -> None:
    assert refused(ecr.get_repository_policy, **AB)[0] == "RepositoryPolicyNotFoundException"
    one = {"Sid": "pull", "Effect": "Allow", "Principal": {"AWS": ["123456789012"]}, "Action": ["ecr:Get*"]}
    ecr.set_repository_policy(**AB, policyText=json.dumps({"Version": "2012-10-17", "Statement": [one]}))
    stored = ecr.get_repository_policy(**AB)["policyText"]
    kept = one | {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "ecr:Get*"}
    assert json.loads(stored) == {"Version": "2012-10-17", "Statement": [kept]}
    for wrong in ("{", "[]", "{}", '{"Statement": []}', '{"Statement": [{"Effect": "Allow"}]}'):
        assert refused(ecr.set_repository_policy, **AB, policyText=wrong)[0] == "InvalidParameterException"
    assert ecr.get_repository_policy(**AB)["policyText"] == stored


def test_a_lifecycle_policy_is_checked(ecr: Any) -> None:
    assert refused(ecr.get_lifecycle_policy, **AB)[0] == "LifecyclePolicyNotFoundException"
    few = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
    policy = {"rules": [{"rulePriority": 1, "selection": few, "action": {"type": "expire"}}]}
    ecr.put_lifecycle_policy(**AB, lifecyclePolicyText=json.dumps(policy, indent=2))
    assert json.loads(ecr.get_lifecycle_policy(**AB)["lifecyclePolicyText"]) == policy
    for wrong in ("{", '{"rules": []}', '{"rules": [{"rulePriority": 1}]}', '{"rules": [1]}'):
        put = {**AB, "lifecyclePolicyText": wrong.ljust(100)}  # shorter ones do not leave botocore
        assert refused(ecr.put_lifecycle_policy, **put)[0] == "InvalidParameterException"


def test_a_manifest_must_be_whole(aws: Aws, ecr: Any, wire: Wire) -> None:
    wire.upload("a/b", CONFIG)
    where = f"repository with name 'a/b' in the registry with id '{aws.account}'"
    layers = f"Layers with digests '[{digest_of(b'layer')}]'"
    message = f"{layers} required for pushing image into {where} do not exist"
    assert problem(wire.put("a/b", "1", image())) == (404, "BLOB_UPLOAD_UNKNOWN", message)
    put = {**AB, "imageManifest": image().decode()}
    assert refused(ecr.put_image, **put) == ("LayersNotFoundException", message)
    index = json.dumps({"schemaVersion": 2, "manifests": [{"digest": digest_of(b"none")}]}).encode()
    assert problem(wire.put("a/b", "1", index))[:2] == (404, "MANIFEST_BLOB_UNKNOWN")
    wire.upload("a/b", b"layer")
    assert problem(wire.put("a/b", digest_of(b"other"), image()))[:2] == (400, "MANIFEST_INVALID")
    for wrong in (b"not json", b"[]", b"{}"):
        assert problem(wire.put("a/b", "1", wrong))[:2] == (400, "MANIFEST_INVALID")
    assert problem(wire.put("a/b", "1+2", image()))[:2] == (400, "TAG_INVALID")
    assert wire.put("a/b", "1", image()).status_code == 201


def test_an_image_that_is_there_is_not_put_again(ecr: Any, wire: Wire) -> None:
    wire.push("a/b", "1")
    put = {**AB, "imageManifest": image().decode(), "imageTag": "1"}
    assert refused(ecr.put_image, **put)[0] == "ImageAlreadyExistsException"
    wrong = put | {"imageTag": "2", "imageDigest": digest_of(b"other")}
    assert refused(ecr.put_image, **wrong)[0] == "ImageDigestDoesNotMatchException"


def test_no_blob_is_empty_or_mounted(ecr: Any, wire: Wire) -> None:
    ecr.create_repository(repositoryName="c/d")
    wire.upload("a/b", b"layer")
    assert problem(wire.upload("a/b", b""))[:2] == (400, "BLOB_UPLOAD_INVALID")
    mount = f"/v2/c/d/blobs/uploads/?mount={digest_of(b'layer')}&from=a/b"
    assert wire("POST", mount).status_code == 202
    assert wire("HEAD", f"/v2/c/d/blobs/{digest_of(b'layer')}").status_code == 404


def test_a_new_repository_holds_nothing_of_an_old_one(ecr: Any, wire: Wire) -> None:
    digest = wire.push("a/b", "1")
    assert refused(ecr.delete_repository, **AB)[0] == "RepositoryNotEmptyException"
    ecr.delete_repository(**AB, force=True)
    ecr.create_repository(**AB)
    assert wire("HEAD", f"/v2/a/b/manifests/{digest}").status_code == 404
    assert wire("HEAD", f"/v2/a/b/blobs/{digest_of(b'layer')}").status_code == 404
