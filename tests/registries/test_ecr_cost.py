"""What looking at a registry of ECR need not cost again: what this machine has pushed, and what other regions have read."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from regsync.model.reference import Address
from regsync.registries.base import Wanted
from tests.registries.elastic import opened, spec_of, surroundings
from tests.registries.vendor import NAME, create, ignore, pack, run, wanting
from tests.support.aws import Aws

HELLO = Address(NAME, "team/spectro-packs/archive/hello", "1.0.0")


def test_what_was_pushed_from_here_is_not_fetched_by_the_next_plan(aws: Aws, tmp_path: Path) -> None:
    aws.client().create_repository(repositoryName=HELLO.path)
    payload = pack()
    with opened(spec_of(aws), surroundings(tmp_path), writing=True) as registry:
        registry.execute(wanting(create(HELLO), payload), payload, ignore)
    aws.front.calls.clear()
    with opened(spec_of(aws), surroundings(tmp_path)) as registry:
        observed = run(registry.reads(Wanted(tags={HELLO.path: ("1.0.0",)})))
    assert observed.artifacts[HELLO].content == payload.content
    assert [each.action for each in aws.front.calls] == ["DescribeImages"]


def test_all_regions_share_what_the_sdk_has_read(aws: Aws, tmp_path: Path) -> None:
    around = surroundings(tmp_path)
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(opened(spec_of(aws, region), around)).store.session.client("ecr")
            for region in ("us-east-1", "eu-west-1")
        )
        assert one.meta.region_name != other.meta.region_name
        assert one.meta.service_model.metadata is other.meta.service_model.metadata
