"""What a live registry of ECR is seen to be, and what it costs to look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regsync.model.reference import Address
from regsync.model.registry import Repositories
from regsync.model.state import Observed, UnreadableScope
from regsync.registries.base import Wanted
from regsync.registries.ecr.private import PrivateRegistry
from regsync.registries.image import EMPTY_CONFIG, BytesBlob, Layer, image_manifest, pack_manifest
from tests.registries.elastic import opened, spec_of, surroundings
from tests.registries.vendor import NAME, archive, content_of, pack, run
from tests.support.aws import Aws

BASE = "team/spectro-packs/archive"
HELLO = f"{BASE}/hello"
PACK = pack_manifest(pack())
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
            "action": {"type": "expire"},
        }
    ]
}


def images(count: int) -> dict[str, bytes]:
    """As many OCI manifests, by tag, all different."""
    return {f"1.0.{number}": image_manifest([], {"number": str(number)}).data for number in range(count)}


def create(aws: Aws, *names: str, **parameters: Any) -> None:
    client = aws.client()
    for name in names:
        client.create_repository(repositoryName=name, **parameters)
    aws.front.calls.clear()


def actions(aws: Aws) -> dict[str, int]:
    """How often each action was asked for, `/v2/` itself left out."""
    return dict(Counter(each.action for each in aws.front.calls if each.action))


def observe(registry: PrivateRegistry, *rounds: Wanted) -> Observed:
    """What the rounds find, one after the other as a plan makes them."""
    return Observed.merged([run(registry.reads(each)) for each in rounds])


def look(aws: Aws, cache: Path, *rounds: Wanted, **fields: Any) -> Observed:
    """What a run of its own finds."""
    with opened(spec_of(aws, **fields), surroundings(cache)) as registry:
        return observe(registry, *rounds)


def at(path: str, tag: str | None = None) -> Address:
    return Address(NAME, path, tag)


def paths(each: Iterable[Address]) -> set[str]:
    return {address.path for address in each}


def test_a_repository_costs_two_calls_however_many_tags_it_has(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    pushed = images(1001)
    last = pushed.popitem()
    aws.fill(HELLO, pushed)
    wanted = Wanted(tags={HELLO: ("1.0.7", "2.0.0")})
    observed = look(aws, tmp_path, wanted)
    assert observed.artifacts.keys() == {at(HELLO, "1.0.7")}
    assert observed.absent == {at(HELLO, "2.0.0")}
    assert actions(aws) == {"DescribeImages": 1, "BatchGetImage": 1}
    aws.front.calls.clear()

    aws.fill(HELLO, dict([last]))
    observed = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.1000",)}))
    assert observed.artifacts.keys() == {at(HELLO, "1.0.1000")}
    assert actions(aws) == {"DescribeImages": 2, "BatchGetImage": 1}


def test_what_was_read_once_is_not_read_again(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    aws.fill(HELLO, images(101))
    wanted = Wanted(tags={HELLO: tuple(images(101))})
    first = look(aws, tmp_path, wanted)
    assert len(first.artifacts) == 101
    assert actions(aws) == {"DescribeImages": 1, "BatchGetImage": 2}
    aws.front.calls.clear()
    assert look(aws, tmp_path, wanted) == first
    assert actions(aws) == {"DescribeImages": 1}


def test_a_plan_with_nothing_to_do_costs_one_call_per_repository_and_a_few(aws: Aws, tmp_path: Path) -> None:
    packs = [f"{BASE}/pack-{number}" for number in range(101)]
    create(aws, BASE, *packs)
    for each in packs:
        aws.fill(each, {"1.0.0": PACK.data})
    rounds = Wanted(tags=dict.fromkeys(packs, ("1.0.0",))), Wanted(repositories=(BASE, *packs))
    first = look(aws, tmp_path, *rounds)
    aws.front.calls.clear()
    with opened(spec_of(aws), surroundings(tmp_path)) as registry:
        assert observe(registry, *rounds) == first
        assert registry.requests == len(aws.front.calls)
    assert (len(first.artifacts), len(first.repositories)) == (101, 102)
    assert actions(aws) == {"DescribeImages": 101, "DescribeRepositories": 3}


def test_all_tags_of_a_digest_are_known(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    aws.fill(HELLO, dict.fromkeys(("1.0.0", "latest"), PACK.data))
    [live] = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)})).artifacts.values()
    assert live.tags == ("1.0.0", "latest")
    assert (live.content, live.owner) == (pack().content, "platform")


def test_a_pack_without_a_mark_is_read_from_its_layer(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    layer = archive({"values.yaml": b"by: hand\n"})
    with opened(spec_of(aws), surroundings(tmp_path), writing=True) as registry:
        for blob in (EMPTY_CONFIG, BytesBlob(layer)):
            registry.store.put_blob(HELLO, blob, lambda part: None)
        unmarked = image_manifest([Layer(BytesBlob(layer).digest, len(layer), "hello-1.0.0.tar.gz")], {})
        registry.store.put_manifest(HELLO, "1.0.0", unmarked)
    for expected in (
        {"DescribeImages": 1, "BatchGetImage": 1, "GetAuthorizationToken": 1, "GetDownloadUrlForLayer": 1},
        {"DescribeImages": 1},
    ):
        aws.front.calls.clear()
        [live] = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)})).artifacts.values()
        assert (live.content, live.marked) == (content_of(layer), False)
        assert actions(aws) == expected


def test_a_missing_repository_is_absent_with_all_its_tags(aws: Aws, tmp_path: Path) -> None:
    observed = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}), Wanted(repositories=(HELLO, BASE)))
    assert observed.absent == {at(HELLO, "1.0.0"), at(HELLO), at(BASE)}
    assert actions(aws) == {
        "DescribeImages": 1,
        "DescribeRepositories": 1,
        "GetAuthorizationToken": 1,
        "GetCallerIdentity": 1,
    }


def test_nothing_is_to_be_created_where_the_login_cannot_push(aws: Aws, tmp_path: Path) -> None:
    aws.front.deny("GetAuthorizationToken")
    observed = look(aws, tmp_path, Wanted(repositories=(HELLO,)))
    assert not observed.absent
    assert "ecr:GetAuthorizationToken" in observed.unreadable[0].reason


def test_a_repository_that_vanishes_does_not_spoil_the_others(aws: Aws, tmp_path: Path) -> None:
    packs = [f"{BASE}/pack-{number}" for number in range(3)]
    create(aws, *packs)
    with opened(spec_of(aws), surroundings(tmp_path)) as registry:
        observe(registry, Wanted(tags=dict.fromkeys(packs, ("1.0.0",))))
        aws.client().delete_repository(repositoryName=packs[1])
        observed = observe(registry, Wanted(repositories=tuple(packs)))
    assert paths(observed.repositories) == {packs[0], packs[2]}
    assert observed.absent == {at(packs[1])}


def test_a_repository_that_may_not_be_described_does_not_hide_the_others(aws: Aws, tmp_path: Path) -> None:
    packs = [f"{BASE}/pack-{number}" for number in range(3)]
    create(aws, *packs)
    aws.front.deny("DescribeRepositories", f"*{packs[1]}")
    rounds = Wanted(tags=dict.fromkeys(packs, ("1.0.0",))), Wanted(repositories=tuple(packs))
    observed = look(aws, tmp_path, *rounds)
    assert paths(observed.repositories) == {packs[0], packs[2]}
    assert [each.address for each in observed.unreadable] == [f"{NAME}/{packs[1]}"]


def test_a_denied_action_is_named_with_the_line_that_grants_it(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO, f"{BASE}/other")
    aws.front.deny("DescribeImages", "*/hello")
    wanted = Wanted(tags={HELLO: ("1.0.0",), f"{BASE}/other": ("1.0.0",)})
    observed = look(aws, tmp_path, wanted)
    [unreadable] = observed.unreadable
    arn = f"arn:aws:ecr:us-east-1:{aws.account}:repository/{HELLO}"
    assert (unreadable.scope, unreadable.path) == (UnreadableScope.REPOSITORY, HELLO)
    assert unreadable.reason == (
        f"ecr:DescribeImages is denied to arn:aws:iam::{aws.account}:user/tester "
        "because no identity-based policy allows it"
    )
    assert (unreadable.hint or "").startswith(
        f'grant it: {{"Effect": "Allow", "Action": "ecr:DescribeImages", "Resource": "{arn}"}}; `regsync iam`'
    )
    assert observed.absent == {at(f"{BASE}/other", "1.0.0")}


def test_another_account_s_registry_says_whose_it_is(aws: Aws, tmp_path: Path) -> None:
    observed = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}), account="210987654321")
    [unreadable] = observed.unreadable
    assert not observed.absent
    assert (
        f"the login is of account {aws.account}, and the registry of 210987654321: log in to 210987654321"
        in (unreadable.hint or "")
    )


def test_what_is_missing_in_another_account_s_registry_cannot_be_created(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for a caller who may look at all repositories there.
    monkeypatch.setattr(aws.front, "_shared", lambda *what: True)
    rounds = Wanted(tags={HELLO: ("1.0.0",)}), Wanted(repositories=(HELLO,))
    [unreadable] = look(aws, tmp_path, *rounds, account="210987654321").unreadable
    assert unreadable.reason == (
        f"there is no such repository in the registry of account 210987654321, and the login is of account "
        f"{aws.account}, which cannot create it there"
    )
    others = Repositories(create=False)
    observed = look(aws, tmp_path, *rounds, account="210987654321", repositories=others)
    assert at(HELLO) in observed.absent


def test_a_registry_that_no_longer_lets_us_in_is_unreadable_as_one(aws: Aws, tmp_path: Path) -> None:
    aws.front.deny("*")
    wanted = Wanted(tags={f"{BASE}/pack-{number}": ("1.0.0",) for number in range(20)})
    [unreadable] = look(aws, tmp_path, wanted).unreadable
    assert unreadable.scope is UnreadableScope.REGISTRY
    assert '"Action": "ecr:GetAuthorizationToken", "Resource": "*"' in (unreadable.hint or "")
    assert actions(aws) == {"DescribeImages": 1, "GetCallerIdentity": 1, "GetAuthorizationToken": 1}


def test_settings_are_told_in_the_manifest_s_words(aws: Aws, tmp_path: Path) -> None:
    create(
        aws,
        HELLO,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS"},
    )
    [live] = look(aws, tmp_path, Wanted(repositories=(HELLO,))).repositories.values()
    encryption = live.settings["encryption"]
    assert isinstance(encryption, dict)
    assert (encryption["type"], str(encryption["key"])[:12]) == ("KMS", "arn:aws:kms:")
    assert {**live.settings, "encryption": None} == {
        "tagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "tagMutabilityExclusions": ["latest*"],
        "scanOnPush": True,
        "encryption": None,
    }
    assert not live.marks_read


def test_what_the_manifest_writes_is_read_repository_by_repository(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO, f"{BASE}/bare", tags=[{"Key": "team", "Value": "platform"}])
    aws.client().put_lifecycle_policy(repositoryName=HELLO, lifecyclePolicyText=json.dumps(LIFECYCLE))
    aws.front.calls.clear()
    both = (HELLO, f"{BASE}/bare")
    written = Repositories(settings={"lifecyclePolicy": {}, "policy": {}, "tags": {}, "scanOnPush": True})
    rounds = Wanted(tags=dict.fromkeys(both, ("1",))), Wanted(repositories=both)
    observed = look(aws, tmp_path, *rounds, repositories=written)
    settings = observed.repositories[at(HELLO)].settings
    assert (settings["lifecyclePolicy"], settings["policy"]) == (LIFECYCLE, None)
    assert settings["tags"] == {"team": "platform"}
    assert observed.repositories[at(f"{BASE}/bare")].settings["lifecyclePolicy"] is None
    assert observed.repositories[at(HELLO)].marks_read
    assert actions(aws) == {
        "DescribeImages": 2,
        "DescribeRepositories": 1,
        "GetLifecyclePolicy": 2,
        "GetRepositoryPolicy": 2,
        "ListTagsForResource": 2,
    }


def test_marks_are_read_where_they_are_asked_for(aws: Aws, tmp_path: Path) -> None:
    marks = {"regsync.owner": "platform", "regsync.settings": "scanOnPush=0123abcd tagMutability=4567cdef"}
    create(aws, HELLO, tags=[{"Key": key, "Value": value} for key, value in marks.items()])
    observed = look(aws, tmp_path, Wanted(repositories=(HELLO,)), Wanted(owners=(HELLO,)))
    live = observed.repositories[at(HELLO)]
    assert (live.owner, live.marks_read) == ("platform", True)
    assert live.marks == {"scanOnPush": "0123abcd", "tagMutability": "4567cdef"}
    assert live.settings["tagMutability"] == "MUTABLE"
    assert look(aws, tmp_path, Wanted(owners=(HELLO,))).repositories == {at(HELLO): live}


def test_prune_looks_at_each_repository_once(aws: Aws, tmp_path: Path) -> None:
    create(aws, BASE, HELLO, f"{BASE}/removed", "elsewhere/hello")
    aws.fill(HELLO, dict.fromkeys(("1.0.0", "0.9.0"), PACK.data))
    aws.fill(f"{BASE}/removed", {"1.0.0": PACK.data})
    wanted = Wanted(tags={HELLO: ("1.0.0",), f"{BASE}/new": ("1.0.0",)}, beneath=(f"{BASE}/",))
    observed = look(aws, tmp_path, wanted)
    assert observed.artifacts.keys() == {
        at(HELLO, "1.0.0"),
        at(HELLO, "0.9.0"),
        at(f"{BASE}/removed", "1.0.0"),
    }
    assert observed.listed == {f"{BASE}/"}
    assert actions(aws)["DescribeImages"] == 3
    assert actions(aws)["DescribeRepositories"] == 1


def test_where_the_catalogue_is_denied_prune_sees_what_is_named(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    aws.fill(HELLO, dict.fromkeys(("1.0.0", "0.9.0"), PACK.data))
    aws.front.deny("DescribeRepositories")
    observed = look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}, beneath=(f"{BASE}/",)))
    assert observed.artifacts.keys() == {at(HELLO, "1.0.0"), at(HELLO, "0.9.0")}
    assert not observed.listed
    [note] = observed.notes
    assert note.startswith(f"prune does not see repositories beneath {BASE}/")


def test_a_throttled_read_is_repeated(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    aws.fill(HELLO, {"1.0.0": PACK.data})
    aws.front.throttle("DescribeImages")
    assert look(aws, tmp_path, Wanted(tags={HELLO: ("1.0.0",)})).artifacts


def test_registries_of_one_account_and_region_log_in_once(aws: Aws, tmp_path: Path) -> None:
    create(aws, HELLO)
    around = surroundings(tmp_path)
    spec = spec_of(aws)
    with opened(spec, around) as one, opened(replace(spec, name="two"), around) as two:
        for each in (one, two):
            each.check()
        assert one.requests + two.requests == len(aws.front.calls)
    assert actions(aws) == {"GetAuthorizationToken": 1}
