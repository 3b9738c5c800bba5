"""What is carried out in a live registry of ECR, behind which precondition, and what a failure leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regsync.model.errors import Conflict, PermissionDenied, RegistryError
from regsync.model.plan import Action, Cause, Change, Copy, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Repositories
from regsync.model.settings import Json, differing, seen
from regsync.model.state import LiveRepository
from regsync.registries.base import Wanted
from regsync.registries.ecr.private import PrivateRegistry
from regsync.registries.ecr.settings import CREATED, marks
from regsync.registries.image import BytesBlob, base_repository_manifest, pack_manifest
from tests.registries.elastic import opened, spec_of, surroundings
from tests.registries.vendor import NAME, OWNER, ignore, pack, run, wanting
from tests.registries.vendor import create as creation_of
from tests.support.aws import Aws
from tests.support.aws_wire import Wire, image

HELLO = "team/spectro-packs/archive/hello"
LIFECYCLE: Json = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
            "action": {"type": "expire"},
        }
    ]
}
POLICY: Json = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "210987654321"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    },
}
SETTINGS: dict[str, Json] = {
    "tagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "tagMutabilityExclusions": ["latest*", "dev-*"],
    "scanOnPush": True,
    "encryption": {"type": "AES256"},
    "tags": {"team": "platform", "cost-center": "42"},
    "lifecyclePolicy": LIFECYCLE,
    "policy": POLICY,
}


@pytest.fixture
def registry(aws: Aws, tmp_path: Path) -> Iterator[PrivateRegistry]:
    """Return a registry that writes, of a manifest with SETTINGS."""
    spec = spec_of(aws, repositories=Repositories(settings=SETTINGS))
    with opened(spec, surroundings(tmp_path), writing=True) as made:
        yield made


def made(settings: Mapping[str, Json]) -> Change:
    """The creation of HELLO as a plan has it."""
    address = Address(NAME, HELLO)
    kind, action = ResourceType.REPOSITORY, Action.CREATE
    return Change(address, kind, action, Cause.UNKNOWN, Reason.MISSING, "missing", after=settings)


def corrected(live: LiveRepository, settings: Mapping[str, Json]) -> Change:
    """The correction of HELLO as a plan has it that saw `live`."""
    before = {name: seen(name, value, live.settings.get(name)) for name, value in settings.items()}
    return replace(made(settings), action=Action.UPDATE, before=before)


def live(registry: PrivateRegistry) -> LiveRepository:
    """HELLO, as the registry tells now."""
    wanted = Wanted(repositories=(HELLO,)), Wanted(owners=(HELLO,))
    [_, found] = [run(registry.reads(each)).repositories[Address(NAME, HELLO)] for each in wanted]
    return found


def actions(aws: Aws) -> dict[str, int]:
    return dict(Counter(each.action for each in aws.front.calls if each.action))


def put(aws: Aws, operation: str, **parameters: Any) -> None:
    """Change HELLO behind regsync's back."""
    getattr(aws.client(), operation)(repositoryName=HELLO, **parameters)


def test_a_repository_is_created_as_it_is_written(aws: Aws, registry: PrivateRegistry) -> None:
    registry.execute(made(SETTINGS), None, ignore)
    assert actions(aws) == {
        "CreateRepository": 1,
        "PutLifecyclePolicy": 1,
        "SetRepositoryPolicy": 1,
        "TagResource": 1,
    }
    found = live(registry)
    assert not differing(SETTINGS, found.settings)
    assert (found.owner, found.marks.keys()) == (OWNER, SETTINGS.keys())


def test_a_repository_without_settings_is_one_call(aws: Aws, registry: PrivateRegistry) -> None:
    registry.execute(made({}), None, ignore)
    assert actions(aws) == {"CreateRepository": 1}
    assert live(registry).owner == OWNER


def test_a_repository_that_somebody_created_alike_is_fine(aws: Aws, registry: PrivateRegistry) -> None:
    for _ in range(2):
        registry.execute(made(SETTINGS), None, ignore)


def test_a_repository_that_somebody_created_otherwise_is_left_alone(
    aws: Aws, registry: PrivateRegistry
) -> None:
    aws.client().create_repository(repositoryName=HELLO, imageTagMutability="MUTABLE")
    before = live(registry)
    with pytest.raises(
        Conflict, match="exists by now, with another lifecyclePolicy, policy, scanOnPush, tagM"
    ):
        registry.execute(made({**SETTINGS, "tags": {}}), None, ignore)
    assert live(registry) == before


CREATION = {name: value for name, value in SETTINGS.items() if name in CREATED}


def test_a_creation_whose_answer_was_lost_is_completed(aws: Aws, registry: PrivateRegistry) -> None:
    registry.execute(made(CREATION), None, ignore)
    registry.execute(made(SETTINGS), None, ignore)
    found = live(registry)
    assert not differing(SETTINGS, found.settings)
    assert (found.owner, found.marks.keys()) == (OWNER, SETTINGS.keys())


@pytest.mark.parametrize("owner", ["somebody", ""])
def test_what_another_created_meanwhile_is_not_completed(
    owner: str, aws: Aws, registry: PrivateRegistry, tmp_path: Path
) -> None:
    theirs = spec_of(aws, owner=owner, repositories=Repositories(settings=CREATION))
    with opened(theirs, surroundings(tmp_path), writing=True) as another:
        another.execute(made(CREATION), None, ignore)
    with pytest.raises(Conflict, match="exists by now, with another lifecyclePolicy and policy than"):
        registry.execute(made(SETTINGS), None, ignore)
    assert live(registry).settings["policy"] is None


def test_what_a_failed_creation_left_is_named(aws: Aws, registry: PrivateRegistry) -> None:
    aws.front.deny("SetRepositoryPolicy")
    with pytest.raises(PermissionDenied) as caught:
        registry.execute(made(SETTINGS), None, ignore)
    assert caught.value.message.startswith(
        "it was created, its lifecyclePolicy was set, its policy not: ecr:SetRepositoryPolicy is denied to "
    )
    assert '"Action": "ecr:SetRepositoryPolicy"' in (caught.value.hint or "")
    found = live(registry)
    assert differing(SETTINGS, found.settings) == ("policy",)
    assert "policy" not in found.marks  # nobody changed it since: it was never there


def test_a_creation_that_is_denied_leaves_nothing(aws: Aws, registry: PrivateRegistry) -> None:
    aws.front.deny("TagResource")
    with pytest.raises(PermissionDenied) as caught:
        registry.execute(made(SETTINGS), None, ignore)
    arn = f"arn:aws:ecr:us-east-1:{aws.account}:repository/{HELLO}"
    assert f'"Action": "ecr:TagResource", "Resource": "{arn}"' in (caught.value.hint or "")
    assert run(registry.reads(Wanted(repositories=(HELLO,)))).absent


def test_a_key_that_cannot_be_used(aws: Aws, registry: PrivateRegistry) -> None:
    key = f"arn:aws:kms:us-east-1:{aws.account}:key/gone"
    aws.front.missing_keys.add(key)
    with pytest.raises(RegistryError) as caught:
        registry.execute(made({"encryption": {"type": "KMS", "key": key}}), None, ignore)
    assert caught.value.code == "KmsException"
    assert key in caught.value.message
    assert "the key must be enabled, in the region of the repository" in (caught.value.hint or "")


def test_each_setting_is_corrected(aws: Aws, registry: PrivateRegistry) -> None:
    tags = [{"Key": "team", "Value": "somebody"}, {"Key": "other", "Value": "stays"}]
    aws.client().create_repository(repositoryName=HELLO, tags=tags)
    change = corrected(live(registry), SETTINGS)
    aws.front.calls.clear()
    registry.execute(change, None, ignore)
    written = {
        "PutImageTagMutability": 1,
        "PutImageScanningConfiguration": 1,
        "PutLifecyclePolicy": 1,
        "SetRepositoryPolicy": 1,
        "TagResource": 1,
    }
    assert written.items() <= actions(aws).items()
    found = live(registry)
    assert not differing(SETTINGS, found.settings)
    assert found.settings["tags"] == {
        "team": "platform",
        "cost-center": "42",
        "other": "stays",
        **marks(OWNER, SETTINGS),
    }


def test_only_what_differs_is_put(aws: Aws, registry: PrivateRegistry) -> None:
    registry.execute(made(SETTINGS), None, ignore)
    put(aws, "put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": False})
    change = corrected(live(registry), SETTINGS)
    aws.front.calls.clear()
    registry.execute(change, None, ignore)
    writes = {
        name: count for name, count in actions(aws).items() if not name.startswith(("Get", "Desc", "List"))
    }
    assert writes == {"PutImageScanningConfiguration": 1, "TagResource": 1}
    aws.front.calls.clear()
    registry.execute(change, None, ignore)
    assert "TagResource" not in actions(aws)


def test_exclusions_alone_are_put_with_the_live_mode(aws: Aws, registry: PrivateRegistry) -> None:
    registry.execute(made(SETTINGS), None, ignore)
    registry.execute(corrected(live(registry), {"tagMutabilityExclusions": ["nightly"]}), None, ignore)
    found = live(registry).settings
    assert found["tagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["tagMutabilityExclusions"] == ["nightly"]


def test_what_moved_since_the_plan_is_not_corrected(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    change = corrected(live(registry), SETTINGS)
    put(aws, "put_image_tag_mutability", imageTagMutability="IMMUTABLE")
    before = live(registry)
    with pytest.raises(Conflict, match="is not what the plan saw: its tagMutability changed"):
        registry.execute(change, None, ignore)
    assert live(registry) == before


def test_a_failed_correction_names_what_is_done_and_what_is_not(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    change = corrected(live(registry), SETTINGS)
    aws.front.deny("PutLifecyclePolicy")
    with pytest.raises(PermissionDenied) as caught:
        registry.execute(change, None, ignore)
    assert "its scanOnPush was set, its lifecyclePolicy, policy and tags not: " in caught.value.message
    assert live(registry).owner is None


def test_a_push_asks_for_no_more_than_it_needs(aws: Aws, registry: PrivateRegistry) -> None:
    other = f"{HELLO}-2"
    for each in (HELLO, other):
        aws.client().create_repository(repositoryName=each)
    aws.front.calls.clear()
    for path in (HELLO, other):
        registry.execute(wanting(creation_of(Address(NAME, path, "1.0.0")), pack()), pack(), ignore)
    assert actions(aws) == {
        "GetAuthorizationToken": 1,
        "BatchGetImage": 2,
        "InitiateLayerUpload": 4,
        "CompleteLayerUpload": 4,
        "PutImage": 2,
    }


def push(registry: PrivateRegistry, tag: str = "1.0.0", text: str = "replicas: 1\n") -> None:
    payload = pack(text)
    registry.execute(wanting(creation_of(Address(NAME, HELLO, tag)), payload), payload, ignore)


def test_an_immutable_tag_that_holds_the_same_is_fine(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO, imageTagMutability="IMMUTABLE")
    for _ in range(2):
        push(registry)
    assert actions(aws)["PutImage"] == 1


def test_an_immutable_tag_is_never_moved(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO, imageTagMutability="IMMUTABLE")
    push(registry)
    push(registry, "2.0.0", "replicas: 2\n")
    with pytest.raises(Conflict, match="its repository never moves it") as caught:
        registry.store.put_manifest(HELLO, "1.0.0", pack_manifest(pack("replicas: 2\n")))
    assert caught.value.code == "TAG_INVALID"


def test_an_immutable_tag_that_was_pushed_alike_meanwhile_is_fine(
    aws: Aws, registry: PrivateRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client().create_repository(repositoryName=HELLO, imageTagMutability="IMMUTABLE")
    put_manifest = registry.store.put_manifest

    def put_twice(*what: Any) -> None:
        put_manifest(*what)
        put_manifest(*what)

    monkeypatch.setattr(registry.store, "put_manifest", put_twice)
    push(registry)
    assert actions(aws)["PutImage"] == 2


def test_a_login_that_ends_during_the_run_is_renewed(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    push(registry)
    aws.front.expire_tokens()
    push(registry, "2.0.0")
    assert actions(aws)["GetAuthorizationToken"] == 2


@pytest.mark.parametrize(
    ("denied", "granted"),
    [
        ("PutImage", '"ecr:PutImage"'),
        ("BatchGetImage", '"ecr:BatchGetImage"'),
        ("BatchCheckLayerAvailability", '"ecr:BatchCheckLayerAvailability"'),
        ("UploadLayerPart", '"ecr:UploadLayerPart"'),
    ],
)
def test_a_denied_push_names_the_line_that_grants_it(
    aws: Aws, registry: PrivateRegistry, denied: str, granted: str
) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    aws.front.deny(denied)
    payload = replace(pack(), layer=BytesBlob(bytes(2 << 20)))
    with pytest.raises(PermissionDenied) as caught:
        registry.execute(wanting(creation_of(Address(NAME, HELLO, "1.0.0")), payload), payload, ignore)
    arn = f"arn:aws:ecr:us-east-1:{aws.account}:repository/{HELLO}"
    assert f'"Action": {granted}, "Resource": "{arn}"' in (caught.value.hint or "")


def test_a_pack_is_taken_over_from_another_region_as_it_stands(
    aws: Aws, registry: PrivateRegistry, tmp_path: Path
) -> None:
    elsewhere = spec_of(aws, "eu-west-1", name="live@eu-west-1")
    for region in ("us-east-1", "eu-west-1"):
        aws.client(region=region).create_repository(repositoryName=HELLO)
    push(registry)
    digest = pack_manifest(pack()).digest
    with opened(elsewhere, surroundings(tmp_path), writing=True) as other:
        copied = registry.copied(Copy(Address(NAME, HELLO, "1.0.0"), digest))
        change = wanting(creation_of(Address("live@eu-west-1", HELLO, "1.0.0")), pack())
        other.execute(change, copied, ignore)
        assert other.store.tagged(HELLO) == {"1.0.0": digest}


def test_a_tag_that_is_gone_needs_no_delete(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    registry.store.delete_tag(HELLO, "1.0.0", base_repository_manifest().digest)


def test_a_delete_that_ecr_refuses_is_no_success(aws: Aws, registry: PrivateRegistry) -> None:
    aws.client().create_repository(repositoryName=HELLO)
    kind = "application/vnd.oci.image.index.v1+json"
    with Wire(aws) as wire:
        digest = wire.push(HELLO, "1.0.0")
        index = {
            "schemaVersion": 2,
            "mediaType": kind,
            "manifests": [{"digest": digest, "size": len(image(b"layer")), "mediaType": kind}],
        }
        put_index = wire(
            "PUT", f"/v2/{HELLO}/manifests/all", json.dumps(index).encode(), **{"Content-Type": kind}
        )
        assert put_index.status_code == 201
    with pytest.raises(RegistryError, match="was not deleted: ImageReferencedByManifestList"):
        registry.store.delete_tag(HELLO, "1.0.0", digest)
