"""ECR's repositories as AWS keeps them: names, tag mutability with its exclusions, encryption and policies.

Keeps what ministack loses (tag mutability); the rest of a repository's settings, ministack knows.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.support.aws_errors import Document, Refused, about_repository, ask, invalid
from tests.support.aws_images import Images, check_batch, page
from tests.support.ministack import MinistackServer, Scope

PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{PART}(?:/{PART})*")
EXCLUSION = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
PLAIN = ("MUTABLE", "IMMUTABLE")
WITH_EXCLUSION = ("MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")
MOST_TAGS = 50
DEFAULT_KEY = "key/00000000-0000-0000-0000-0000000000ec"
ALL = 1_000_000


class Repositories:
    """The actions of ECR's API that concern repositories. `missing_keys` are ARNs of KMS keys that nobody may use."""

    def __init__(self, ministack: MinistackServer, images: Images) -> None:
        self.missing_keys: set[str] = set()
        self._ministack = ministack
        self._images = images
        self._mutability: defaultdict[tuple[Scope, str], Document] = defaultdict(
            lambda: {"imageTagMutability": "MUTABLE"}
        )
        self.actions = {
            "CreateRepository": self._create,
            "DeleteRepository": self._delete,
            "DescribeRepositories": self._describe,
            "PutImageTagMutability": self._put_mutability,
            "PutLifecyclePolicy": self._put_lifecycle,
            "SetRepositoryPolicy": self._set_policy,
            "TagResource": self._tag,
        }

    def check_there(self, scope: Scope, name: str) -> None:
        """Refuse what is asked of a repository that does not exist."""
        ask(self._ministack, scope, "ListTagsForResource", {"resourceArn": scope.arn(name)})

    def check_overwrite(self, scope: Scope, name: str, tag: str) -> None:
        """Refuse to move a tag that stands already where tags are immutable, even to what it points to."""
        mutability = self._mutability[scope, name]
        filters = mutability.get("imageTagMutabilityExclusionFilters", ())
        excluded = any(matches(each["filter"], tag) for each in filters)
        if mutability["imageTagMutability"].startswith("IMMUTABLE") == excluded:
            return
        if self._ministack.v2(scope, "HEAD", f"/v2/{name}/manifests/{tag}").status == 200:
            message = (
                f"The image tag '{tag}' already exists in the '{name}' repository"
                " and cannot be overwritten because the tag is immutable."
            )
            raise Refused("ImageTagAlreadyExistsException", message)

    def policy(self, scope: Scope, name: str) -> Document:
        """The repository's own policy; empty where there is none or no such repository."""
        try:
            answer = ask(self._ministack, scope, "GetRepositoryPolicy", {"repositoryName": name})
        except Refused:
            return {}
        document: Document = json.loads(answer["policyText"])
        return document

    def _create(self, scope: Scope, parameters: Document) -> Document:
        name = parameters["repositoryName"]
        check_name(name)
        mutability = checked_mutability(parameters)
        if len(parameters.get("tags", ())) > MOST_TAGS:
            raise Refused("TooManyTagsException", f"Too many tags: a repository has {MOST_TAGS} at most")
        asked = {key: value for key, value in parameters.items() if key not in mutability}
        if "encryptionConfiguration" in asked:
            asked["encryptionConfiguration"] = self._encryption(scope, asked["encryptionConfiguration"])
        created = ask(self._ministack, scope, "CreateRepository", asked)["repository"]
        self._mutability[scope, name] = mutability
        return {"repository": created | mutability}

    def _encryption(self, scope: Scope, asked: Document) -> Document:
        key = asked.get("kmsKey")
        if asked["encryptionType"] == "AES256":
            if key:
                raise invalid("encryptionConfiguration", "KMS key must not be given with AES256")
            return asked
        if key in self.missing_keys:
            raise Refused("KmsException", f"Key '{key}' does not exist", kmsError="NotFoundException")
        return asked | {"kmsKey": key or f"arn:aws:kms:{scope.region}:{scope.account}:{DEFAULT_KEY}"}

    def _delete(self, scope: Scope, parameters: Document) -> Document:
        name = parameters["repositoryName"]
        if parameters.get("force"):
            self._images.forget(scope, name)
        deleted = ask(self._ministack, scope, "DeleteRepository", parameters)["repository"]
        return {"repository": deleted | self._mutability.pop((scope, name))}

    def _describe(self, scope: Scope, parameters: Document) -> Document:
        answer = ask(self._ministack, scope, "DescribeRepositories", {"maxResults": ALL})["repositories"]
        live = {each["repositoryName"]: each for each in answer}
        known = {name: each | self._mutability[scope, name] for name, each in live.items()}
        names = parameters.get("repositoryNames")
        if not names:
            chosen, more = page(parameters, list(known.values()))
            return {"repositories": chosen, **more}
        check_batch("repositoryNames", names, parameters)
        for each in names:
            if each not in known:
                raise about_repository("RepositoryNotFoundException", scope, each)
        return {"repositories": [known[each] for each in names]}

    def _put_mutability(self, scope: Scope, parameters: Document) -> Document:
        mutability = checked_mutability(parameters)
        asked = {"repositoryName": parameters["repositoryName"], "imageTagMutability": "MUTABLE"}
        answer = ask(self._ministack, scope, "PutImageTagMutability", asked)
        self._mutability[scope, parameters["repositoryName"]] = mutability
        return answer | mutability

    def _put_lifecycle(self, scope: Scope, parameters: Document) -> Document:
        text = stored_lifecycle(parameters["lifecyclePolicyText"])
        return ask(self._ministack, scope, "PutLifecyclePolicy", parameters | {"lifecyclePolicyText": text})

    def _set_policy(self, scope: Scope, parameters: Document) -> Document:
        text = stored_policy(parameters["policyText"])
        return ask(self._ministack, scope, "SetRepositoryPolicy", parameters | {"policyText": text})

    def _tag(self, scope: Scope, parameters: Document) -> Document:
        arn = {"resourceArn": parameters["resourceArn"]}
        live = ask(self._ministack, scope, "ListTagsForResource", arn)["tags"]
        if len({each["Key"] for each in [*live, *parameters["tags"]]}) > MOST_TAGS:
            raise Refused("TooManyTagsException", f"Too many tags: a repository has {MOST_TAGS} at most")
        return ask(self._ministack, scope, "TagResource", parameters)


def check_name(name: str) -> None:
    """Refuse a repository name that ECR's grammar or its length forbids."""
    if not 2 <= len(name) <= 256:
        bound = "greater than or equal to 2" if len(name) < 2 else "less than or equal to 256"
        raise invalid("repositoryName", f"must have length {bound}")
    if not NAME.fullmatch(name):
        raise invalid("repositoryName", f"must satisfy regular expression '{NAME.pattern}'")


def checked_mutability(parameters: Document) -> Document:
    """What a request says of tag mutability, as a repository tells it."""
    mode = parameters.get("imageTagMutability", "MUTABLE")
    filters = parameters.get("imageTagMutabilityExclusionFilters")
    if mode in PLAIN and filters is None:
        return {"imageTagMutability": mode}
    if mode not in WITH_EXCLUSION:
        raise invalid("imageTagMutability", f"must be one of {[*PLAIN, *WITH_EXCLUSION]} and fit the filters")
    if not filters or len(filters) > 5 or not all(EXCLUSION.fullmatch(each["filter"]) for each in filters):
        raise invalid("imageTagMutabilityExclusionFilters", "1 to 5 wildcard filters")
    return {"imageTagMutability": mode, "imageTagMutabilityExclusionFilters": filters}


def matches(wildcard: str, tag: str) -> bool:
    """Whether a filter, in which only `*` is special, means a tag."""
    return re.fullmatch(".*".join(map(re.escape, wildcard.split("*"))), tag) is not None


def stored_lifecycle(text: str) -> str:
    """A lifecycle policy in the form in which ECR gives it back."""
    try:
        document = json.loads(text)
        rules = document["rules"]
        whole = all({"rulePriority", "selection", "action"} <= set(each) for each in rules)
    except (ValueError, TypeError, KeyError):
        whole, rules = False, ()
    if not rules or not whole:
        raise invalid("LifecyclePolicyText", "Lifecycle policy validation failure")
    return json.dumps(document, separators=(",", ":"))


def stored_policy(text: str) -> str:
    """A repository policy in the form in which ECR gives it back: accounts as ARNs, lists of one as their element."""
    try:
        document = json.loads(text)
        statements = [stored_statement(each) for each in as_list(document["Statement"])]
    except (ValueError, TypeError, KeyError):
        statements = []
    if not statements:
        raise invalid("PolicyText", "Invalid repository policy provided")
    return json.dumps(document | {"Statement": statements}, indent=2, separators=(",", " : "))


def stored_statement(statement: Document) -> Document:
    """One statement of a policy as ECR keeps it. Raises KeyError where it lacks a part."""
    if statement["Effect"] not in {"Allow", "Deny"}:
        raise ValueError(statement["Effect"])
    principal = statement["Principal"]
    if isinstance(principal, dict):
        principal = {
            kind: as_scalar([as_arn(each) for each in as_list(ids)]) for kind, ids in principal.items()
        }
    return statement | {"Principal": principal, "Action": as_scalar(as_list(statement["Action"]))}


def as_arn(principal: str) -> str:
    """An account's number as the ARN of its root; any other principal as it is."""
    return f"arn:aws:iam::{principal}:root" if re.fullmatch(r"\d{12}", principal) else principal


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_scalar(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)
