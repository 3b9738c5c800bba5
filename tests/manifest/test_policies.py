from __future__ import annotations

import json
from typing import Any

import pytest

from regsync.model.diagnostic import Diagnostic, Severity
from tests.manifest.desk import Desk, marked
from tests.manifest.test_ecr import ecr

STATEMENT: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
SELECTION: dict[str, Any] = {
    "tagStatus": "untagged",
    "countType": "sinceImagePushed",
    "countUnit": "days",
    "countNumber": 14,
}
RULE: dict[str, Any] = {"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}


def without(document: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names} | more


def rule(**selection: Any) -> dict[str, Any]:
    return RULE | {"selection": SELECTION | selection}


def found_in(desk: Desk, field: str, text: str) -> tuple[Diagnostic, ...]:
    """The findings about a policy file of this text."""
    desk.write("policies/p.json", text)
    return desk.check(ecr(f"repositories: {{{field}: ../policies/p.json}}")).diagnostics


def statements(desk: Desk, *written: Any) -> tuple[Diagnostic, ...]:
    return found_in(desk, "policyFile", json.dumps({"Statement": [*written]}))


def rules(desk: Desk, *written: Any) -> tuple[Diagnostic, ...]:
    return found_in(desk, "lifecyclePolicyFile", json.dumps({"rules": [*written]}))


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        {"Sid": "x", "Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "NotAction": ["ecr:*"]},
        STATEMENT | {"Condition": {"StringLike": {"aws:PrincipalArn": "*"}}, "Resource": "*"},
    ],
)
def test_statements_that_may_be_right(desk: Desk, statement: Any) -> None:
    assert statements(desk, statement) == ()
    assert found_in(desk, "policyFile", json.dumps({"Statement": statement})) == ()


@pytest.mark.parametrize(
    ("statement", "summary", "advice", "mark"),
    [
        ("x", "a statement is an object", None, '"x"'),
        (without(STATEMENT, "Effect"), "a statement lacks `Effect`", None, "{"),
        (without(STATEMENT, "Action"), "a statement lacks `Action`", None, "{"),
        (without(STATEMENT, "Principal"), "a statement lacks `Principal`", None, "{"),
        (
            without(STATEMENT, "Principal", Principals="*"),
            "`Principals` is no part of a statement",
            "did you mean `Principal`?",
            '"Principals"',
        ),
        (
            STATEMENT | {"Effect": "allow"},
            "`Effect` is neither Allow nor Deny",
            "did you mean `Allow`?",
            '"allow"',
        ),
        (STATEMENT | {"Effect": 1}, "`Effect` is neither Allow nor Deny", None, "1"),
    ],
)
def test_a_statement_that_aws_would_refuse(
    desk: Desk, statement: Any, summary: str, advice: str | None, mark: str
) -> None:
    (found,) = statements(desk, STATEMENT, statement)
    assert (found.code, found.summary, found.help, marked(found)) == ("RS134", summary, advice, mark)


def test_a_flaw_is_told_at_its_place_in_the_file_and_where_that_is_named(desk: Desk) -> None:
    text = json.dumps({"Statement": [STATEMENT | {"Sid": '{[\\"', "Efect": 1.5}]}, indent="\t")
    (found,) = found_in(desk, "policyFile", text)
    assert (str(found.origin), marked(found)) == ("policies/p.json:8:4", '"Efect"')
    assert [str(each.origin) for each in found.related] == ["registries/prod.yaml:10:30"]


def test_a_policy_without_a_statement_is_refused(desk: Desk) -> None:
    assert [each.summary for each in statements(desk)] == ["`Statement` is empty"]


@pytest.mark.parametrize(
    "one",
    [
        RULE,
        RULE | {"description": "x"},
        rule(countType="imageCountMoreThan"),
        rule(storageClass="archive", countType="sinceImageTransitioned"),
        rule(countType="sinceSomethingNew", countUnit="weeks", newField=True),
        RULE | {"action": {"type": "transition", "targetStorageClass": "archive"}},
        RULE | {"action": {"type": "somethingNew"}, "newField": 1},
    ],
)
def test_rules_that_may_be_right(desk: Desk, one: Any) -> None:
    assert rules(desk, one) == ()


@pytest.mark.parametrize(
    ("one", "summary", "advice", "mark"),
    [
        ("x", "a rule is an object", None, '"x"'),
        (without(RULE, "rulePriority"), "a rule lacks `rulePriority`", None, "{"),
        (without(RULE, "selection"), "a rule lacks `selection`", None, "{"),
        (without(RULE, "action"), "a rule lacks `action`", None, "{"),
        (
            without(RULE, "rulePriority", rulePriorty=1),
            "unknown field `rulePriorty`",
            "did you mean `rulePriority`?",
            '"rulePriorty"',
        ),
        (RULE | {"rulePriority": 0}, "`rulePriority` is a whole number from 1 on", None, "0"),
        (RULE | {"rulePriority": True}, "`rulePriority` is a whole number from 1 on", None, "true"),
        (RULE | {"rulePriority": "1"}, "`rulePriority` is a whole number from 1 on", None, '"1"'),
        (RULE | {"selection": []}, "`selection` is an object", None, "["),
        (
            RULE | {"selection": without(SELECTION, "tagStatus")},
            "`selection` lacks `tagStatus`",
            None,
            "{",
        ),
        (
            RULE | {"selection": without(SELECTION, "countUnit")},
            "`selection` lacks `countUnit`",
            None,
            "{",
        ),
        (rule(countNumber=0), "`countNumber` is a whole number from 1 on", None, "0"),
        (
            rule(tagStatus="untaged"),
            "`tagStatus` is none of tagged, untagged and any",
            "did you mean `untagged`?",
            '"untaged"',
        ),
        (
            rule(countType="imageCountMoreThen"),
            "unknown countType `imageCountMoreThen`",
            "did you mean `imageCountMoreThan`?",
            '"imageCountMoreThen"',
        ),
        (rule(countType=1), "`countType` is text", None, "1"),
        (rule(tagPrefixList=["v"]), "what is untagged has no tags to choose by", None, '"tagPrefixList"'),
        (RULE | {"action": "expire"}, "`action` is an object", None, '"expire"'),
        (RULE | {"action": {}}, "`action` lacks `type`", None, "{"),
        (
            RULE | {"action": {"type": "Expire"}},
            "unknown type `Expire`",
            "did you mean `expire`?",
            '"Expire"',
        ),
    ],
)
def test_a_rule_that_aws_would_refuse(
    desk: Desk, one: Any, summary: str, advice: str | None, mark: str
) -> None:
    (found,) = rules(desk, one)
    assert (found.code, found.summary, found.help, marked(found)) == ("RS134", summary, advice, mark)


def test_no_two_rules_have_one_priority(desk: Desk) -> None:
    (found,) = rules(desk, RULE, RULE)
    assert (found.code, found.summary) == ("RS134", "`rulePriority` 1 is that of another rule, too")


@pytest.mark.parametrize("written", [[], {}, RULE])
def test_a_lifecycle_policy_has_a_list_of_rules(desk: Desk, written: Any) -> None:
    (found,) = found_in(desk, "lifecyclePolicyFile", json.dumps({"rules": written}))
    assert (found.code, found.summary) == ("RS134", "`rules` is no list with rules")


def test_what_is_tagged_is_chosen_by_its_tags(desk: Desk) -> None:
    found = rules(desk, rule(tagStatus="tagged"))
    assert "`tagStatus` tagged needs `tagPatternList` or `tagPrefixList`" in [each.summary for each in found]


@pytest.mark.parametrize(
    "selection", [{"tagStatus": "any"}, {"tagStatus": "tagged", "tagPatternList": ["v*"]}]
)
def test_a_rule_that_deletes_what_the_manifest_names_is_warned_of(
    desk: Desk, selection: dict[str, Any]
) -> None:
    (found,) = rules(desk, rule(**selection))
    assert (found.code, found.severity, marked(found)) == (
        "RS138",
        Severity.WARNING,
        f'"{selection["tagStatus"]}"',
    )
    assert "`untagged`" in str(found.help)
    transition = {"type": "transition", "targetStorageClass": "archive"}
    assert rules(desk, rule(**selection) | {"action": transition}) == ()
