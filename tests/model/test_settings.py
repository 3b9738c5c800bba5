"""When two values of a setting mean the same."""

from __future__ import annotations

import pytest

from regsync.model.settings import (
    Json,
    differing,
    differs,
    fingerprint,
    is_immutable,
    seen,
    storage_bytes,
    storage_limit,
)

ACCOUNT = "123456789012"


def policy(**statement: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


@pytest.mark.parametrize(
    ("name", "wanted", "live"),
    [
        ("scanOnPush", True, True),
        ("tags", {"team": "a"}, {"team": "a", "regsync.owner": "platform"}),
        ("encryption", {"type": "KMS"}, {"type": "KMS", "key": "arn:aws:kms:…"}),
        ("tagMutabilityExclusions", ["dev-*", "rc-*"], ["rc-*", "dev-*"]),
        ("storageLimit", "1024Mi", "1Gi"),
        ("storageLimit", "unlimited", "unlimited"),
        ("lifecyclePolicy", {"rules": [{"rulePriority": 1}]}, {"rules": [{"rulePriority": 1}]}),
        (
            "policy",
            policy(Principal={"AWS": ACCOUNT}, Action="ecr:BatchGetImage"),
            policy(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action=["ecr:batchgetimage"]),
        ),
        (
            "policy",
            policy(Principal="*", Action=["ecr:a", "ecr:b"], Condition={"Bool": {"aws:X": True}}),
            policy(
                Principal={"AWS": ["*"]}, Action=["ecr:b", "ecr:a"], Condition={"Bool": {"aws:x": ["true"]}}
            ),
        ),
    ],
)
def test_what_means_the_same_does_not_differ(name: str, wanted: Json, live: Json) -> None:
    assert not differs(name, wanted, live)
    assert fingerprint(name, wanted) == fingerprint(name, seen(name, wanted, live))


@pytest.mark.parametrize(
    ("name", "wanted", "live"),
    [
        ("scanOnPush", True, False),
        ("scanOnPush", False, None),
        ("tags", {"team": "a"}, {}),
        ("tags", {"team": "a"}, {"team": "b"}),
        ("policy", policy(Principal={"AWS": ACCOUNT}), policy(Principal={"AWS": "210987654321"})),
        ("policy", policy(Action="ecr:a"), None),
        ("storageLimit", "1Gi", "1Ti"),
        ("storageLimit", "50Gi", "unlimited"),
        ("storageLimit", "50Gi", None),
    ],
)
def test_what_means_something_else_differs(name: str, wanted: Json, live: Json) -> None:
    assert differs(name, wanted, live)


def test_only_what_is_written_can_differ() -> None:
    wanted: dict[str, Json] = {"scanOnPush": True, "tagMutability": "IMMUTABLE", "tags": {"a": "1"}}
    live: dict[str, Json] = {"tagMutability": "MUTABLE", "tags": {"a": "1"}, "policy": {}}
    assert differing(wanted, live) == ("scanOnPush", "tagMutability")


@pytest.mark.parametrize(
    ("mutability", "exclusions", "immutable"),
    [
        ("MUTABLE", [], False),
        ("IMMUTABLE", [], True),
        ("IMMUTABLE", ["1.*"], True),
        ("IMMUTABLE_WITH_EXCLUSION", ["1.*"], False),
        ("IMMUTABLE_WITH_EXCLUSION", ["2.*"], True),
        ("MUTABLE_WITH_EXCLUSION", ["1.*"], True),
        ("MUTABLE_WITH_EXCLUSION", ["2.*"], False),
    ],
)
def test_which_tags_a_repository_refuses_to_move(
    mutability: str, exclusions: list[Json], immutable: bool
) -> None:
    settings: dict[str, Json] = {"tagMutability": mutability, "tagMutabilityExclusions": exclusions}
    assert is_immutable(settings, "1.25.0") is immutable


def test_a_repository_of_which_nothing_is_known_moves_tags() -> None:
    assert not is_immutable({}, "1.25.0")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (-1, "unlimited"),
        (1 << 20, "1Mi"),
        (50 << 30, "50Gi"),
        (1536 << 20, "1536Mi"),
        (2000, "2000"),
        (0, "0"),
    ],
)
def test_a_storage_limit_is_written_in_its_largest_whole_unit(size: int, text: str) -> None:
    assert storage_limit(size) == text
    assert storage_bytes(text) == size
