"""Policy files of Amazon ECR: reads them, and tells what AWS is certain to refuse. Knows no API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from regsync.manifest.nodes import (
    Mark,
    Node,
    SourceFile,
    Unquoted,
    did_you_mean,
    kind_of_path,
    nearest,
    problem,
)
from regsync.model.diagnostic import Diagnostic
from regsync.model.settings import Json

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s,:{}\[\]"]+')

# Of a statement (IAM, "grammar of the JSON policy language"). The names are all there are.
_STATEMENT = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_EFFECTS = ("Allow", "Deny")
# Of a rule (Amazon ECR, "lifecycle policy properties"). AWS adds names and words to these: others are taken for new
# unless they are all but equal to one of them.
_RULE = ("rulePriority", "description", "selection", "action")
_SELECTION = (
    "tagStatus",
    "tagPatternList",
    "tagPrefixList",
    "storageClass",
    "countType",
    "countUnit",
    "countNumber",
)
_ACTION = ("type", "targetStorageClass")
_TAG_STATUS = ("tagged", "untagged", "any")
_TAG_LISTS = ("tagPatternList", "tagPrefixList")
_COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_ACTIONS = ("expire", "transition")
_ALL_BUT_EQUAL = 0.9


class _Flaw(NamedTuple):
    mark: Mark
    summary: str
    advice: str | None = None
    code: str = "RS134"


_Check = Callable[[Node], Iterator[_Flaw]]


def lifecycle_policy(node: Node, problems: list[Diagnostic]) -> Json:
    """The lifecycle policy in the file that a node names; None where there is none. What is wrong becomes a finding."""
    return _policy(node, "rules", _lifecycle_flaws, problems)


def repository_policy(node: Node, problems: list[Diagnostic]) -> Json:
    """The repository policy in the file that a node names; None where there is none. What is wrong becomes a finding."""
    return _policy(node, "Statement", _repository_flaws, problems)


def _policy(node: Node, needed: str, check: _Check, problems: list[Diagnostic]) -> Json:
    file = node.mark.file
    path = file.absolute(node.text)
    shown = file.show(path)
    if kind_of_path(path) != "file":
        problems.append(problem("RS128", node.mark, f"no such file: {shown}", advice=file.base))
        return None
    mark = Mark(SourceFile(path, shown, file.root), 1, 1)
    try:
        text = path.read_text(encoding="utf-8-sig")
        document: Json = json.loads(text, object_pairs_hook=_unique)
        lines = text.split("\n")
        tokens = _tokens(replace(mark.file, lines=tuple(lines)))
        written = _node(next(tokens), tokens)
    except OSError as error:
        flaw = f"cannot read {shown}: {error.strerror}"
    except json.JSONDecodeError as error:
        flaw = f"{shown} is not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        mark = replace(mark, line=error.lineno, column=error.colno)
    except (ValueError, RecursionError) as error:
        flaw = f"{shown} cannot be used: {error}"
    else:
        if not isinstance(document, dict):
            flaw = f"{shown} holds no JSON object"
        elif not isinstance(document.get(needed), list | dict):
            flaw = f"{shown} has no `{needed}`"
        else:
            named = [(node.mark, "named here")]
            problems.extend(
                problem(each.code, each.mark, each.summary, advice=each.advice, related=named)
                for each in check(written)
            )
            return document
    problems.append(problem("RS134", node.mark, flaw, related=[(mark, "in this file")]))
    return None


def _unique(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    """An object, in which Python would keep the last one of equal keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` is written twice in one object")
    return found


_Token = tuple[str, Mark]


def _tokens(file: SourceFile) -> Iterator[_Token]:
    """Brackets and scalars of JSON that is known to be well formed, of which none spans lines."""
    for number, line in enumerate(file.lines, 1):
        for found in _TOKEN.finditer(line):
            yield found[0], Mark(file, number, found.start() + 1, len(found[0]))


def _node(token: _Token, tokens: Iterator[_Token], key: Mark | None = None) -> Node:
    """The value that begins with a token; what follows stays in `tokens`. Python's reader tells no positions."""
    text, mark = token
    if text == "{":
        fields = {}
        while (name := next(tokens))[0] != "}":
            fields[json.loads(name[0])] = _node(next(tokens), tokens, name[1])
        return Node(fields, mark, key)
    if text == "[":
        elements = []
        while (each := next(tokens))[0] != "]":
            elements.append(_node(each, tokens))
        return Node(elements, mark, key)
    value = json.loads(text)
    return Node(Unquoted(text) if isinstance(value, float) else value, mark, key)


def _repository_flaws(policy: Node) -> Iterator[_Flaw]:
    statements = policy.fields["Statement"]
    if not statements.elements:
        yield _Flaw(statements.mark, "`Statement` is empty")
    for each in statements.elements:
        if not isinstance(each.value, dict):
            yield _Flaw(each.mark, "a statement is an object")
            continue
        for name, value in each.fields.items():
            if name not in _STATEMENT:
                advice = did_you_mean(name, _STATEMENT)
                yield _Flaw(value.where, f"`{name}` is no part of a statement", advice)
        yield from _missing(each, "a statement", ["Effect"])
        for name in ("Principal", "Action"):
            if each.lacks(f"Not{name}"):
                yield from _missing(each, "a statement", [name])
        effect = each.find("Effect")
        if effect and effect.value not in _EFFECTS:
            yield _Flaw(effect.mark, "`Effect` is neither Allow nor Deny", _meant(effect, _EFFECTS))


def _lifecycle_flaws(policy: Node) -> Iterator[_Flaw]:
    rules = policy.fields["rules"]
    if not isinstance(rules.value, list) or not rules.value:
        yield _Flaw(rules.mark, "`rules` is no list with rules")
        return
    priorities: set[object] = set()
    for rule in rules.elements:
        if not isinstance(rule.value, dict):
            yield _Flaw(rule.mark, "a rule is an object")
            continue
        yield from _misspelt(rule, _RULE)
        yield from _missing(rule, "a rule", ["rulePriority", "selection", "action"])
        if priority := rule.find("rulePriority"):
            yield from _no_count(priority, "rulePriority")
            if priority.value in priorities:
                yield _Flaw(priority.mark, f"`rulePriority` {priority.value} is that of another rule, too")
            priorities.add(priority.value)
        selection, action = rule.find("selection"), rule.find("action")
        if selection:
            yield from _selection_flaws(selection)
        if action:
            yield from _action_flaws(action)
        status, kind = rule.find("selection", "tagStatus"), rule.find("action", "type")
        if status and kind and status.value in ("any", "tagged") and kind.value == "expire":
            summary = "this rule expires images that have tags: it may hit what the manifest names"
            advice = "regsync would push again what AWS deletes: let it expire `untagged` images only"
            yield _Flaw(status.mark, summary, advice, "RS138")


def _selection_flaws(selection: Node) -> Iterator[_Flaw]:
    if not isinstance(selection.value, dict):
        yield _Flaw(selection.mark, "`selection` is an object")
        return
    yield from _misspelt(selection, _SELECTION)
    yield from _missing(selection, "`selection`", ["tagStatus", "countType", "countNumber"])
    status, kind = selection.find("tagStatus"), selection.find("countType")
    if status and status.value not in _TAG_STATUS:
        yield _Flaw(
            status.mark, "`tagStatus` is none of tagged, untagged and any", _meant(status, _TAG_STATUS)
        )
    lists = [selection.fields[name] for name in _TAG_LISTS if not selection.lacks(name)]
    if status and status.value == "untagged" and lists:
        yield _Flaw(lists[0].where, "what is untagged has no tags to choose by")
    if status and status.value == "tagged" and not any(_near(each, _TAG_LISTS) for each in selection.fields):
        yield _Flaw(status.mark, "`tagStatus` tagged needs `tagPatternList` or `tagPrefixList`")
    if kind:
        yield from _misspelt_word(kind, "countType", _COUNT_TYPES)
        if kind.value == "sinceImagePushed":
            yield from _missing(selection, "`selection`", ["countUnit"])
    if number := selection.find("countNumber"):
        yield from _no_count(number, "countNumber")


def _action_flaws(action: Node) -> Iterator[_Flaw]:
    if not isinstance(action.value, dict):
        yield _Flaw(action.mark, "`action` is an object")
        return
    yield from _misspelt(action, _ACTION)
    yield from _missing(action, "`action`", ["type"])
    if kind := action.find("type"):
        yield from _misspelt_word(kind, "type", _ACTIONS)


def _missing(node: Node, what: str, names: Iterable[str]) -> Iterator[_Flaw]:
    """Flaws for the names that an object lacks. What is misspelt is not missing as well."""
    for name in names:
        if not any(_near(each, [name]) for each in node.fields):
            yield _Flaw(node.mark, f"{what} lacks `{name}`")


def _misspelt(node: Node, known: Sequence[str]) -> Iterator[_Flaw]:
    for name, value in node.fields.items():
        if name not in known and (meant := _near(name, known)):
            yield _Flaw(value.where, f"unknown field `{name}`", f"did you mean `{meant}`?")


def _misspelt_word(node: Node, name: str, known: Sequence[str]) -> Iterator[_Flaw]:
    if not isinstance(node.value, str):
        yield _Flaw(node.mark, f"`{name}` is text")
    elif node.value not in known and (meant := _near(node.value, known)):
        yield _Flaw(node.mark, f"unknown {name} `{node.value}`", f"did you mean `{meant}`?")


def _no_count(node: Node, name: str) -> Iterator[_Flaw]:
    if type(node.value) is not int or node.value < 1:  # True is an int, too
        yield _Flaw(node.mark, f"`{name}` is a whole number from 1 on")


def _near(word: str, known: Iterable[str]) -> str | None:
    return nearest(word, known, _ALL_BUT_EQUAL)


def _meant(node: Node, known: Iterable[str]) -> str | None:
    return did_you_mean(node.value, known) if isinstance(node.value, str) else None
