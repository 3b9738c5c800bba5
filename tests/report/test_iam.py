from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from jsonschema import Draft7Validator

from regsync.model.access import Access
from regsync.model.registry import Auth, AuthMethod, AwsLogin, AwsPlace, Policy, Prune, Repositories
from regsync.registries.ecr.iam import policies
from regsync.report.iam import iam_to_json, render_iam
from regsync.report.lines import plain
from tests.support.iam import ecr_spec, public_spec
from tests.support.servers import ROOT

Golden = Callable[[str, str], None]

SCHEMA = json.loads((ROOT / "schemas" / "iam.schema.json").read_text(encoding="utf-8"))
KEY = "arn:aws:kms:us-east-1:214575254960:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = AwsLogin(role_arn="arn:aws:iam::214575254960:role/push-packs")
TWO_REGIONS = policies(
    [ecr_spec(each, auth=Auth(AuthMethod.STS, aws=ROLE)) for each in ("us-east-1", "eu-west-1")],
    can_delete=False,
)
EVERYTHING = policies(
    [
        ecr_spec(
            name="ecr-all",
            auth=Auth(AuthMethod.AWS),
            policy=Policy(prune=Prune.MANAGED),
            repositories=Repositories(
                settings={
                    "tagMutability": "IMMUTABLE",
                    "scanOnPush": True,
                    "encryption": {"type": "KMS", "key": KEY},
                    "tags": {"team": "platform"},
                    "lifecyclePolicy": {"rules": []},
                    "policy": {"Statement": []},
                },
                replicated=True,
            ),
        )
    ],
    can_delete=True,
)
CHINA = policies(
    [ecr_spec("cn-north-1", name="ecr-cn", aws=AwsPlace("214575254960", "aws-cn"))], can_delete=False
)
PUBLIC = policies([public_spec(auth=Auth(AuthMethod.AWS))], can_delete=False)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("two-regions", [TWO_REGIONS]),
        ("everything", [EVERYTHING]),
        ("two-documents", [CHINA, PUBLIC]),
    ],
)
def test_policies_as_text(golden: Golden, name: str, found: Sequence[Access]) -> None:
    golden(f"report/iam-{name}", plain(render_iam(found)))


def test_what_is_copied_from_the_text_is_the_policy() -> None:
    text = plain(render_iam([TWO_REGIONS, EVERYTHING]))
    blocks = [
        json.loads("".join(part.partition("\n}")[:2]))
        for part in text.replace("\n{", "\0{").split("\0")
        if part.startswith("{")
    ]
    assert blocks == [each.document for access in (TWO_REGIONS, EVERYTHING) for each in access.policies]


def test_policies_as_json() -> None:
    document = iam_to_json([TWO_REGIONS, EVERYTHING, CHINA, PUBLIC])
    Draft7Validator(SCHEMA).validate(document)
    (first, *_) = json.loads(json.dumps(document))["registries"]
    assert first["policies"]["plan"]["document"] == TWO_REGIONS.policies[0].document
