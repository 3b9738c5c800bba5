"""The table of what each region holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regsync.model.plan import Action, Change, Copy, RegistryView
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.lines import plain
from regsync.report.plan import Detail, render_plan
from tests.support.plans import LIVE, make_change, make_plan

REGIONS = ("us-east-1", "eu-west-1", "ap-south-1")
VIEWS = tuple(
    RegistryView(f"ecr-prod@{each}", "ecr", f"2145.dkr.ecr.{each}.amazonaws.com", each, REGIONS[0])
    for each in REGIONS
)


def address(region: str, pack: str) -> str:
    return f"ecr-prod@{region}/custom/spectro-packs/archive/{pack}"


def equal(region: str, pack: str, digest: str = LIVE) -> Change:
    change = make_change(address(region, pack), Action.NO_OP)
    return make_change(
        address(region, pack), Action.NO_OP, before={**(change.before or {}), "digest": digest}
    )


NGINX = [equal(each, "nginx:1.25.0") for each in REGIONS]
REDIS = [
    equal("us-east-1", "redis:7.2.1"),
    make_change(
        address("eu-west-1", "redis:7.2.1"),
        why="copied from ecr-prod@us-east-1",
        copy=Copy(Address.parse(address("us-east-1", "redis:7.2.1")), LIVE),
        source=None,
    ),
    equal("ap-south-1", "redis:7.2.1", "sha256:" + "9" * 64),
]
VAULT = [make_change(address(each, "vault:0.27.0")) for each in REGIONS]
DARK = [
    make_change(address("us-east-1", "argo:6.0.0"), Action.BLOCKED),
    equal("eu-west-1", "argo:6.0.0"),
]
ARGO = Address.parse(address("ap-south-1", "argo:6.0.0"))
UNREADABLE = Unreadable(ARGO.registry, UnreadableScope.TAG, "502 Bad Gateway", ARGO.path, ARGO.tag)


@pytest.mark.parametrize("detail", Detail)
def test_regions_that_disagree(golden: Callable[[str, str], None], detail: Detail) -> None:
    plan = make_plan(
        *NGINX, *REDIS, *VAULT, *DARK, registries=VIEWS, unreadable=(UNREADABLE,), not_compared=1
    )
    golden(f"report/parity-{detail.value}", plain(render_plan(plan, detail=detail)))


def test_regions_that_agree_take_one_line() -> None:
    text = plain(render_plan(make_plan(*NGINX, registries=VIEWS)))
    assert "Parity of ecr-prod in 3 regions: 1 equal\n\n" in text


def test_a_table_of_many_artifacts_is_cut_and_says_so() -> None:
    rows = [
        change
        for index in range(30)
        for change in (equal("us-east-1", f"p:{index}"), make_change(address("eu-west-1", f"p:{index}")))
    ]
    text = plain(render_plan(make_plan(*rows, registries=VIEWS[:2])))
    assert "0 equal" not in text
    assert "30 uneven" in text
    assert "… 10 more artifacts (--detail full)" in text


def test_one_region_has_no_table() -> None:
    assert "Parity" not in plain(render_plan(make_plan(NGINX[0], registries=VIEWS[:1])))
