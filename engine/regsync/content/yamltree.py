"""YAML as a tree that knows its positions: what is there and where it stands. Knows nothing of what it means.

Built from the parser's events: loading with positions costs many times as much, and loading without them chokes on
the macros that Palette's files hold in place of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

Value: TypeAlias = "str | list[Node] | dict[str, Pair] | None"

T = TypeVar("T")

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_MERGE = "<<"
_SLOWLY = 1 << 20


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar as its text, a list, a mapping, or None for null; line and column counted from 1.

    Aliases stand for what they point to, and mappings hold what their merge keys bring in.
    """

    value: Value
    line: int = 1
    column: int = 1

    @property
    def pairs(self) -> Mapping[str, Pair]:
        """A mapping's entries, none for anything else. Keys that are no scalars are left out."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """A list's items, none for anything else."""
        return self.value if isinstance(self.value, list) else []

    def get(self, *path: str) -> Node:
        """The value that the keys lead to, null where they lead nowhere."""
        node = self
        for key in path:
            pair = node.pairs.get(key)
            if pair is None:
                return Node(None, node.line, node.column)
            node = pair.value
        return node


@dataclass(frozen=True, slots=True)
class Pair:
    """An entry of a mapping: its key, for the position, and its value."""

    key: Node
    value: Node


class BadYaml(Exception):
    """The text is no YAML that all readers understand alike. Positions are counted from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def read_yaml(text: str) -> Node:
    """The document in `text`, null where there is none.

    Raises BadYaml for what is no YAML, a key written twice in one mapping, an unknown alias, and a second document.
    """
    return built(text, _only_document)


def built(text: str, build: Callable[[Iterator[Event]], T]) -> T:
    """What `build` makes of the parser's events. Raises BadYaml where `text` is no YAML, and what `build` raises.

    The fast parser is of a time when no plain text in brackets could hold a colon: where it refuses, the slow one is
    asked, too, unless the text is so long that it would take minutes.
    """
    try:
        return build(_events(text, pure=False))
    except BadYaml:
        if len(text) <= _SLOWLY:
            with suppress(BadYaml):
                return build(_events(text, pure=True))
        raise


def _events(text: str, *, pure: bool) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=pure).parse(text)
    except MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadYaml(failure.problem or str(failure), line, column) from failure
    except YAMLError as failure:
        raise BadYaml(str(failure).partition("\n")[0], 1, 1) from failure


def _only_document(events: Iterator[Event]) -> Node:
    builder = _Builder()
    for event in events:
        builder.take(event)
    for extra in builder.documents[1:]:
        if extra.value is not None:
            raise BadYaml("a second document starts here", extra.line, extra.column)
    return builder.documents[0] if builder.documents else Node(None)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    anchor: str | None
    key: Node | None = None
    merges: list[Node] = field(default_factory=list)


class _Builder:
    def __init__(self) -> None:
        self.documents: list[Node] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Event) -> None:
        if isinstance(event, ScalarEvent):
            null = event.value in _NULL and not event.style
            self._put(_node(None if null else event.value, event), event.anchor)
        elif isinstance(event, MappingStartEvent):
            self._open.append(_Open(_node({}, event), event.anchor))
        elif isinstance(event, SequenceStartEvent):
            self._open.append(_Open(_node([], event), event.anchor))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            done = self._open.pop()
            for source in done.merges:
                for key, pair in source.pairs.items():
                    done.node.value.setdefault(key, pair)  # type: ignore[union-attr]  # a mapping, as its end says
            self._put(done.node, done.anchor)
        elif isinstance(event, AliasEvent):
            node = self._anchors.get(event.anchor)
            if node is None:
                at = _node(None, event)
                raise BadYaml(f"the alias *{event.anchor} is not defined before", at.line, at.column)
            self._put(node, None)
        elif isinstance(event, DocumentStartEvent):
            self._anchors.clear()

    def _put(self, node: Node, anchor: str | None) -> None:
        """Give a finished node to what it stands in."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.documents.append(node)
            return
        parent = self._open[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._put_pair(parent, parent.key, node)
            parent.key = None

    def _put_pair(self, parent: _Open, key: Node, value: Node) -> None:
        pairs = parent.node.value
        assert isinstance(pairs, dict)
        name = "null" if key.value is None else key.value
        if name == _MERGE:
            parent.merges += value.items or [value]
        elif isinstance(name, str):
            if name in pairs:
                raise BadYaml(f"the key {name} is written twice in one mapping", key.line, key.column)
            pairs[name] = Pair(key, value)


def _node(value: Value, event: Event) -> Node:
    mark = event.start_mark
    return Node(value, mark.line + 1, mark.column + 1)
