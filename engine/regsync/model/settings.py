"""The settings of repositories and projects: how each is compared, and by which mark a written value is recognised
later. Knows no API.

Names and forms are the manifest's. Of repositories: `tagMutability` (a word), `tagMutabilityExclusions` (patterns),
`scanOnPush` (a boolean), `encryption` (`type`, `key`), `tags` (texts by key), `lifecyclePolicy` and `policy` (the
documents). Of projects: `public` (a boolean) and `storageLimit` (a text, see `storage_limit`). Those of registrations in
Palette stand in `regsync.model.palette`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

FIXED = frozenset({"encryption"})
"""What cannot be changed once a repository exists (Amazon ECR, CreateRepository)."""

BY_KEY = frozenset({"encryption", "tags"})
"""Compared by the keys that are written; others may stand beside them."""

UNLIMITED = -1
"""The bytes of a storage limit that is none (Harbor, "project quotas")."""

_UNITS = {"Ti": 1 << 40, "Gi": 1 << 30, "Mi": 1 << 20}
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")
_BRACES = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_LISTS = ("Action", "NotAction", "Resource", "NotResource")


def differs(name: str, wanted: Json, live: Json) -> bool:
    """Whether a live value means something else than what is written."""
    return canonical(name, wanted) != canonical(name, seen(name, wanted, live))


def differing(wanted: Mapping[str, Json], live: Mapping[str, Json]) -> tuple[str, ...]:
    """The written settings whose live values mean something else, sorted; what is not live is None there."""
    return tuple(name for name in sorted(wanted) if differs(name, wanted[name], live.get(name)))


def seen(name: str, wanted: Json, live: Json) -> Json:
    """The part of a live value that what is written speaks of."""
    if name in BY_KEY and isinstance(wanted, dict) and isinstance(live, dict):
        return {key: live[key] for key in wanted if key in live}
    return live


def fingerprint(name: str, value: Json) -> str:
    """Eight hex digits, equal for values that mean the same."""
    text = json.dumps(canonical(name, value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def canonical(name: str, value: Json) -> Json:
    """One form for all values of a setting that mean the same."""
    if name == "policy" and isinstance(value, dict):
        return _policy(value)
    if name == "lifecyclePolicy" and isinstance(value, dict):
        rules = value.get("rules")
        return {**value, "rules": _sorted(rules)} if isinstance(rules, list) else value
    if name == "tagMutabilityExclusions" and isinstance(value, list):
        return _sorted(value)
    if name == "storageLimit" and isinstance(value, str):
        return storage_bytes(value)
    if name == "endpoint" and isinstance(value, str):
        bare = _BRACES.sub(r"{{\1}}", value).rstrip("/").removesuffix("/v2").rstrip("/")
        # Of URLs without a path and of hosts, which Palette reaches over TLS.
        return bare.lower().removeprefix("https://")
    if name in ("basePath", "baseContentPath"):
        return value.strip("/") if isinstance(value, str) else ""
    if name == "certificate":
        return "\n".join(str(value or "").split())
    return value


def storage_bytes(text: str) -> int:
    """The bytes of a storage limit: `unlimited`, or a whole number with `Mi`, `Gi`, `Ti` or nothing behind it."""
    number, unit = text[:-2], text[-2:]
    if text == "unlimited":
        return UNLIMITED
    return int(number) * _UNITS[unit] if unit in _UNITS else int(text)


def storage_limit(size: int) -> str:
    """The same the other way round, in the largest unit that gives a whole number."""
    if size == UNLIMITED:
        return "unlimited"
    return next(
        (f"{size // each}{unit}" for unit, each in _UNITS.items() if size and size % each == 0), str(size)
    )


def is_immutable(settings: Mapping[str, Json], tag: str) -> bool:
    """Whether a repository with these settings refuses to move `tag`. Patterns know `*` only (Amazon ECR)."""
    patterns = settings.get("tagMutabilityExclusions")
    excluded = isinstance(patterns, list) and any(fnmatchcase(tag, str(each)) for each in patterns)
    match settings.get("tagMutability"):
        case "IMMUTABLE":
            return True
        case "IMMUTABLE_WITH_EXCLUSION":
            return not excluded
        case "MUTABLE_WITH_EXCLUSION":
            return excluded
    return False


def _policy(document: Mapping[str, Json]) -> Json:
    """A policy of IAM: one value is a list of one, an account is its root, and no list has an order (IAM, "policy
    elements"). AWS answers with other forms than it was given."""
    statements = document.get("Statement")
    each = statements if isinstance(statements, list) else [statements]
    return {
        **document,
        "Version": document.get("Version", "2008-10-17"),  # what IAM takes where none is written
        "Statement": _sorted([_statement(one) if isinstance(one, dict) else one for one in each]),
    }


def _statement(statement: Mapping[str, Json]) -> Json:
    found: dict[str, Json] = dict(statement)
    for name in _LISTS:
        if name in found:
            texts = [str(each) for each in _listed(found[name])]
            found[name] = _sorted([each.lower() if name.endswith("Action") else each for each in texts])
    for name in ("Principal", "NotPrincipal"):
        if name in found:
            who = found[name]
            kinds = who if isinstance(who, dict) else {"AWS": who}
            found[name] = {
                kind: _sorted([_ROOT.sub(r"\1", str(each)) for each in _listed(named)])
                for kind, named in kinds.items()
            }
    conditions = found.get("Condition")
    if isinstance(conditions, dict):
        found["Condition"] = {
            operator: {
                key.lower(): _sorted([_text(each) for each in _listed(values)])
                for key, values in keys.items()
            }
            for operator, keys in conditions.items()
            if isinstance(keys, dict)
        }
    return found


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _text(value: Json) -> Json:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sorted(values: list[Json]) -> list[Json]:
    """In an order that depends on nothing but the values, each once."""
    distinct = {json.dumps(each, sort_keys=True): each for each in values}
    return [distinct[key] for key in sorted(distinct)]
