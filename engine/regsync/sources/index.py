"""Reads the index of a chart repository as it comes in, however large it is. Knows Helm's `index.yaml` and no wire.

The document is never built: an index may have a hundred megabytes, of which a run needs the versions of a few charts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MOST_VERSIONS = 100_000
DEEPEST = 100
"""Levels of nesting in what is passed by: the parser's time grows with their square."""

_STARTS = frozenset((MappingStartEvent, SequenceStartEvent))
_ENDS = frozenset((MappingEndEvent, SequenceEndEvent))
_KEPT = frozenset(("version", "created", "digest"))


class BadIndex(Exception):
    """A document is no index of a chart repository. The text says why and where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version as an index lists it; what it does not say is empty."""

    version: str
    urls: tuple[str, ...] = ()
    digest: str = ""
    created: str = ""


def read_index(stream: BinaryIO, names: Collection[str]) -> dict[str, list[Entry]]:
    """What an index lists of the charts called `names`; those that it does not know are left out.

    Takes YAML and JSON. Raises BadIndex for what is neither, or no index, and what `stream` raises.
    """
    # The parser in C: the other one takes an hour for a large index.
    reader = _Reader(YAML(typ="safe").parse(stream))
    try:
        return reader.index(names)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"line {mark.line + 1}: " if mark else ""
        raise BadIndex(f"{at}not YAML: {error.problem}") from None
    except YAMLError as error:
        raise BadIndex(f"not YAML: {str(error).partition(chr(10))[0]}") from None


class _Reader:
    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events

    def index(self, names: Collection[str]) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        known = False
        if not any(isinstance(event, DocumentStartEvent) for event in self._events):
            raise BadIndex("it is empty")
        for key, value in self._pairs(next(self._events), "the document"):
            if key != "entries":
                self._skip(value)
                continue
            known = True
            if isinstance(value, ScalarEvent) and value.value in ("", "null", "~"):
                continue
            for name, versions in self._pairs(value, "`entries`"):
                if name in names:
                    found[name] = list(self._entries(versions, name))
                else:
                    self._skip(versions)
        if not known:
            raise BadIndex("it has no `entries`")
        for _ in self._events:
            pass
        return found

    def _entries(self, event: Event, name: str) -> Iterator[Entry]:
        for count, each in enumerate(self._items(event, f"`entries.{name}`"), start=1):
            if count > MOST_VERSIONS:
                self._fail(each, f"more than {MOST_VERSIONS} versions of {name}")
            texts: dict[str, str] = {}
            urls: tuple[str, ...] = ()
            for key, value in self._pairs(each, f"a version of {name}"):
                if key in _KEPT:
                    texts[key] = self._text(value, f"`{key}` of {name}")
                elif key == "urls":
                    urls = tuple(
                        self._text(url, f"a URL of {name}") for url in self._items(value, f"`urls` of {name}")
                    )
                else:
                    self._skip(value)
            if texts.get("version"):
                yield Entry(urls=urls, **texts)

    def _pairs(self, event: Event, what: str) -> Iterator[tuple[str, Event]]:
        """Key and first event of each value of a mapping; the value must be taken before the next is asked for."""
        if not isinstance(event, MappingStartEvent):
            self._fail(event, f"{what} is no mapping")
        while not isinstance(key := next(self._events), MappingEndEvent):
            yield self._text(key, f"a key in {what}"), next(self._events)

    def _items(self, event: Event, what: str) -> Iterator[Event]:
        if not isinstance(event, SequenceStartEvent):
            self._fail(event, f"{what} is no list")
        while not isinstance(item := next(self._events), SequenceEndEvent):
            yield item

    def _text(self, event: Event, what: str) -> str:
        if not isinstance(event, ScalarEvent):
            self._fail(event, f"{what} is no text")
        return str(event.value)

    def _skip(self, event: Event) -> None:
        """Pass by a value, of which `event` is the first."""
        if not isinstance(event, CollectionStartEvent):
            return
        depth = 1
        for inner in self._events:
            kind = type(inner)
            if kind in _STARTS:
                depth += 1
                if depth > DEEPEST:
                    self._fail(inner, f"nested more than {DEEPEST} deep")
            elif kind in _ENDS:
                depth -= 1
                if not depth:
                    return

    def _fail(self, event: Event, reason: str) -> NoReturn:
        raise BadIndex(f"line {event.start_mark.line + 1}: {reason}")
