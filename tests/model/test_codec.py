from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator

from regsync.model.codec import fingerprint, plan_from_json, plan_to_json
from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.errors import Refused
from regsync.model.plan import (
    Action,
    Cause,
    Change,
    Copy,
    Guard,
    Plan,
    Reason,
    RegistryView,
    ResourceType,
    Source,
)
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope
from tests.support.plans import make_change, make_plan, plans
from tests.support.servers import ROOT

AT = "2026-11-21T05:31:00Z"
SCHEMA = json.loads((ROOT / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))


def document(plan: Plan) -> dict[str, Any]:
    """What a saved plan reads as."""
    read: dict[str, Any] = json.loads(json.dumps(plan_to_json(plan, timestamp=AT)))
    return read


def sealed(written: dict[str, Any]) -> dict[str, Any]:
    """`written` with the fingerprint that the schema's own words give it."""
    outside = (
        "format_version",
        "regsync_version",
        "timestamp",
        "plan_id",
        "fingerprint",
        "run",
        "resource_drift",
    )
    content = {key: value for key, value in written.items() if key not in outside}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**written, "fingerprint": hashlib.sha256(canonical.encode()).hexdigest()}


def keys(node: object) -> set[str]:
    """The keys of all objects in a JSON document."""
    if isinstance(node, list):
        return set().union(*map(keys, node))
    if isinstance(node, dict):
        return set(node).union(*map(keys, node.values()))
    return set()


@given(plans)
def test_a_saved_plan_is_the_plan_as_its_schema_says(plan: Plan) -> None:
    written = document(plan)
    Draft7Validator(SCHEMA).validate(written)
    assert plan_from_json(written) == plan
    summary = plan.summary
    assert written["summary"] == {
        "add": summary.add,
        "change": summary.change,
        "delete": summary.delete,
        "blocked": summary.blocked,
        "unchanged": summary.unchanged,
        "unmanaged": plan.unmanaged,
        "not_compared": plan.not_compared,
        "outside_selection": plan.outside,
    }
    assert (
        sum("delete" in each["change"]["actions"] for each in written["resource_changes"]) == summary.delete
    )


def test_the_schema_describes_every_key() -> None:
    entry = FileEntry("values.yaml", "0" * 64, 12)
    regions = [
        RegistryView(f"ecr@{each}", "ecr", "host", each, "us-east-1") for each in ("us-east-1", "eu-west-1")
    ]
    change = make_change(
        "ecr@eu-west-1/team/nginx:1.25.0",
        before={},
        after={},
        binding={},
        source=Source("packs/nginx", 1, 12),
        diffs=(FileDiff("values.yaml", FileStatus.CHANGED, entry, entry),),
        copy=Copy(Address("ecr@us-east-1", "team/nginx", "1.25.0")),
    )
    guard = Guard("deletes", "harbor-prod", True, "deletes 0/5", "--max-deletes 0")
    dark = Unreadable("harbor-prod", UnreadableScope.REGISTRY, "no answer")
    plan = make_plan(change, guards=(guard,), unreadable=(dark,), registries=tuple(regions))
    assert keys(document(plan)) - {each.region for each in regions} <= keys(SCHEMA)


def test_parity_stands_in_the_document_and_follows_from_the_rest() -> None:
    views = [
        RegistryView(f"ecr@{each}", "ecr", "host", each, "us-east-1") for each in ("eu-west-1", "us-east-1")
    ]
    plan = make_plan(
        make_change("ecr@us-east-1/team/nginx:1.25.0", Action.NO_OP),
        make_change("ecr@eu-west-1/team/nginx:1.25.0"),
        registries=tuple(views),
    )
    written = document(plan)
    assert written["parity"] == [
        {
            "registry": "ecr",
            "regions": ["us-east-1", "eu-west-1"],
            "artifacts": [
                {
                    "artifact": "team/nginx:1.25.0",
                    "standings": {"us-east-1": "equal", "eu-west-1": "missing"},
                }
            ],
        }
    ]
    assert plan_from_json(written) == plan


def test_the_fingerprint_is_of_the_content_alone() -> None:
    plan = make_plan(make_change("harbor-prod/team/nginx:1.25.0"))
    earlier = plan_to_json(plan, timestamp=AT)
    later = plan_to_json(plan, timestamp="2027-01-01T00:00:00Z")
    assert earlier["fingerprint"] == later["fingerprint"] == fingerprint(plan)
    assert earlier["plan_id"] == fingerprint(plan)[:8]


def test_every_field_of_a_change_counts_in_the_fingerprint() -> None:
    change = make_change("harbor-prod/team/nginx:1.25.0")
    other: dict[str, Any] = {
        "address": Address("harbor-prod", "team/nginx", "1.26.0"),
        "type": ResourceType.REPOSITORY,
        "action": Action.UPDATE,
        "cause": Cause.DRIFT,
        "reason": Reason.PRUNE,
        "why": "because",
        "origin": None,
        "before": {},
        "after": None,
        "binding": {},
        "source": Source("packs/nginx", 1, 12),
        "diffs": (FileDiff("values.yaml", FileStatus.CHANGED, None, None),),
        "notes": ("noted",),
        "help": "do this",
        "wanted": Action.DELETE,
        "copy": Copy(Address("ecr@us-east-1", "team/nginx", "1.25.0"), "sha256:" + "0" * 64),
    }
    assert set(other) == {field.name for field in fields(Change)}
    made = [make_plan(change), *(make_plan(replace(change, **{name: other[name]})) for name in other)]
    assert len({fingerprint(plan) for plan in made}) == len(made)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["resource_changes", 0, "change", "actions"], ["delete"]),
        (["resource_changes", 0, "change", "after", "content"], "sha256:" + "0" * 64),
        (["resource_changes", 0, "binding", "endpoint"], "https://elsewhere.example.com"),
        (["request", "overrides", "max_deletes"], 1000),
        (["summary", "unmanaged"], 7),
        (["applyable"], False),
        (["fingerprint"], "0" * 64),
        (["added_by_hand"], True),
    ],
    ids=lambda path: ".".join(map(str, path)) if isinstance(path, list) else "",
)
def test_an_altered_plan_is_refused(path: list[Any], value: object) -> None:
    altered = document(make_plan(make_change("harbor-prod/team/nginx:1.25.0")))
    node: Any = altered
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    with pytest.raises(Refused, match="altered after it was saved"):
        plan_from_json(altered)


def test_a_later_minor_version_with_more_keys_is_read() -> None:
    plan = make_plan(make_change("harbor-prod/team/nginx:1.25.0"))
    later = document(plan)
    later["format_version"] = "1.7"
    later["resource_changes"][0]["urgency"] = "high"
    assert plan_from_json(sealed(later)) == plan


def test_a_well_sealed_plan_that_makes_no_sense_is_refused() -> None:
    written = document(make_plan(make_change("harbor-prod/team/nginx:1.25.0")))
    for key, value in [("address", "nginx"), ("why", 7), ("cause", "weather"), ("diffs", ["values.yaml"])]:
        broken = {**written, "resource_changes": [{**written["resource_changes"][0], key: value}]}
        with pytest.raises(Refused, match="the plan cannot be read"):
            plan_from_json(sealed(broken))


def test_an_unknown_format_or_content_algorithm_is_refused() -> None:
    written = document(make_plan())
    with pytest.raises(Refused, match=r"format 2\.0, and this regsync reads 1\.0"):
        plan_from_json({**written, "format_version": "2.0"})
    with pytest.raises(Refused, match="regsync-content-v2, and this regsync by regsync-content-v1"):
        plan_from_json({**written, "content_algorithm": "regsync-content-v2"})


@pytest.mark.parametrize(
    "other", [None, [], "plan", {}, {"resource_changes": []}, {"terraform_version": "1.9"}]
)
def test_what_is_no_plan_is_refused(other: object) -> None:
    with pytest.raises(Refused, match="not a plan of regsync"):
        plan_from_json(other)
