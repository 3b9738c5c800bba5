"""Drafts become documents: settings that all agree on, regions that hold the same, names of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regsync.model.draft import Draft, Seen
from regsync.model.registry import Provider, RegistryType
from regsync.model.settings import Json
from regsync.run.adopting.drafting import agreed, in_regions, named

HERE, THERE = "us-east-1", "eu-west-1"


def a_draft(region: str, **fields: object) -> Draft:
    endpoint = f"123456789012.dkr.ecr.{region}.amazonaws.com"
    seen = Seen("team", "nginx", "1.0.0", f"sha256:{region}", "sha256:content")
    draft = Draft("", Provider.PACK, RegistryType.ECR, endpoint, ("team",), region=region, seen=(seen,))
    return replace(draft, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("every", "common"),
    [
        ([], {}),
        ([{"scanOnPush": True}, {"scanOnPush": True}], {"scanOnPush": True}),
        ([{"scanOnPush": True}, {"scanOnPush": False}], {}),
        ([{"scanOnPush": True}, {}], {}),
        ([{"tagMutability": "MUTABLE", "tagMutabilityExclusions": []}], {"tagMutability": "MUTABLE"}),
        (
            [
                {"tagMutability": "IMMUTABLE_WITH_EXCLUSION", "tagMutabilityExclusions": [each]}
                for each in "ab"
            ],
            {},
        ),
        ([{"encryption": {"type": "AES256"}}], {}),
        ([{"encryption": {"type": "KMS", "key": "k"}}], {"encryption": {"type": "KMS", "key": "k"}}),
    ],
)
def test_settings_are_those_that_all_agree_on(every: list[dict[str, Json]], common: dict[str, Json]) -> None:
    assert agreed(every) == common


def test_regions_that_hold_the_same_are_one_whatever_their_digests() -> None:
    [one] = in_regions([a_draft(HERE), a_draft(THERE)])
    assert one.regions == (HERE, THERE)
    assert one.endpoint == "123456789012.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com"


@pytest.mark.parametrize(
    "other",
    [
        {"seen": ()},
        {"settings": {"scanOnPush": True}},
        {"base": False},
        {"base_content_paths": ("edge",)},
        {"provider": Provider.HELM},
    ],
)
def test_regions_that_differ_stay_apart(other: dict[str, object]) -> None:
    drafts = [a_draft(HERE), a_draft(THERE, **other)]
    assert in_regions(drafts) == drafts


def test_names_are_as_short_as_they_can_be() -> None:
    charts = replace(a_draft(HERE), provider=Provider.HELM)
    assert [each.name for each in named([a_draft(HERE), charts], "ecr")] == ["ecr", "ecr-charts"]
    pair = named([a_draft(HERE), a_draft(THERE)], "ecr")
    assert [each.name for each in pair] == ["ecr-us-east-1", "ecr-eu-west-1"]
    assert [each.name for each in named([a_draft(HERE)], "ecr", {"ecr"})] == ["ecr-2"]
    plain = replace(a_draft(HERE), region="")
    assert [each.name for each in named([plain, plain], "x" * 63)] == ["x" * 63, "x" * 60 + "-2"]
