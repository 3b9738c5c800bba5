"""Versions and ranges of versions, as Helm reads them. Knows texts only.

The rules are those of the library that Helm uses (Masterminds/semver 3): `~`, `^`, comparisons, wildcards, hyphens, `||`;
a prerelease is found only by a range that names one itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_VERSION = 256
_LONGEST_RANGE = 512
_MOST_ALTERNATIVES = 32
_LARGEST = 2**64

_TAIL = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_VERSION = re.compile(rf"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?{_TAIL}", re.ASCII)
_STRICT = re.compile(rf"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){{2}}{_TAIL}", re.ASCII)
_PART = r"(?:\d+|[xX*])"
_BOUND = rf"v?{_PART}(?:\.{_PART}){{0,2}}{_TAIL.replace('?P<pre>', '?:')}"
_OPERATOR = r"(?:>=|=>|<=|=<|!=|~>|=|>|<|~|\^|)"
_TERM = rf"{_OPERATOR}\s*{_BOUND}"
_TERMS = re.compile(rf"\s*{_TERM}\s*(?:(?:(?<=\s)|,\s*){_TERM}\s*)*", re.ASCII)
_ONE_TERM = re.compile(_TERM, re.ASCII)
_TERM_PARTS = re.compile(rf"({_OPERATOR})\s*v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?{_TAIL}", re.ASCII)
_HYPHEN = re.compile(rf"\s*({_BOUND})\s+-\s+({_BOUND})\s*", re.ASCII)
_SAME = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}


@dataclass(frozen=True, slots=True)
class Version:
    """A version by its three numbers and its prerelease; what follows a `+` does not count."""

    numbers: tuple[int, int, int]
    prerelease: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What orders versions."""
        return (self.numbers, not self.prerelease, [_identifier(each) for each in self.prerelease.split(".")])


def parse_version(text: str) -> Version | None:
    """The version that a text is to Helm, which takes `v1` and `1.2` too; None where it is none."""
    found = _VERSION.fullmatch(text) if len(text) <= _LONGEST_VERSION else None
    if found is None:
        return None
    numbers = (int(found[1]), int(found[2] or 0), int(found[3] or 0))
    prerelease = found["pre"] or ""
    padded = any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in prerelease.split("."))
    return None if padded or max(numbers) >= _LARGEST else Version(numbers, prerelease)


def is_strict(text: str) -> bool:
    """Whether a text is a version by the letter of SemVer, so that it means one version and no range."""
    return _STRICT.fullmatch(text) is not None and parse_version(text) is not None


class Range:
    """A range of versions."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, with the reason, for what Helm takes for no range."""
        if len(text) > _LONGEST_RANGE:
            raise ValueError(f"a range has at most {_LONGEST_RANGE} characters")
        text = _HYPHEN.sub(r">=\1, <=\2 ", text)
        alternatives = text.split("||")
        if len(alternatives) > _MOST_ALTERNATIVES:
            raise ValueError(f"a range has at most {_MOST_ALTERNATIVES} alternatives")
        self._alternatives = [_terms(each) for each in alternatives]

    def covers(self, version: Version) -> bool:
        """Whether a version lies in the range."""
        return any(
            all(term.holds(version) for term in terms)
            for terms in self._alternatives
            if not version.prerelease or any(term.bound.prerelease for term in terms)
        )


def matching(wanted: str, versions: Iterable[str]) -> list[str]:
    """Those of `versions` that a version or range stands for, newest first: the one of the very same name, else all in
    the range. Raises ValueError where `wanted` is no range."""
    known = sorted(set(versions))
    among = Range(wanted)
    if wanted in known:
        return [wanted]
    parsed = [(version, text) for text in known if (version := parse_version(text)) is not None]
    covered = [each for each in parsed if among.covers(each[0])]
    return [text for _, text in sorted(covered, key=lambda each: each[0].key, reverse=True)]


@dataclass(frozen=True, slots=True)
class _Term:
    """A comparison with `bound`, of whose numbers `written` were given; the rest are wildcards."""

    operator: str
    bound: Version
    written: int

    def holds(self, version: Version) -> bool:
        order = (version.key > self.bound.key) - (version.key < self.bound.key)
        match self.operator:
            case "=":
                return self._is_near(version, order) if self.written < 3 else order == 0
            case "!=":
                return not self._is_equal(version, order)
            case ">":
                return self._is_above(version, order)
            case "<":
                return order < 0
            case ">=":
                return order >= 0
            case "<=":
                return self._is_upto(version, order)
            case "~":
                return self._is_near(version, order)
        return self._is_compatible(version, order)

    def _is_near(self, version: Version, order: int) -> bool:
        if order < 0:
            return False
        if self.bound.numbers == (0, 0, 0) and self.written in (0, 3):
            return True
        same = 1 if self.written == 1 else 2
        return version.numbers[:same] == self.bound.numbers[:same]

    def _is_equal(self, version: Version, order: int) -> bool:
        if self.written in (0, 3):
            return order == 0
        if version.numbers[: self.written] != self.bound.numbers[: self.written]:
            return False
        return self.written == 1 or version.prerelease == self.bound.prerelease

    def _is_above(self, version: Version, order: int) -> bool:
        if self.written in (0, 3):
            return order > 0
        return version.numbers[: self.written] > self.bound.numbers[: self.written]

    def _is_upto(self, version: Version, order: int) -> bool:
        if self.written == 3:
            return order <= 0
        counted = 1 if self.written == 1 else 2
        return version.numbers[:counted] <= self.bound.numbers[:counted]

    def _is_compatible(self, version: Version, order: int) -> bool:
        """`^`: nothing left of the first number that is not zero may change."""
        if order < 0:
            return False
        major, minor, _ = self.bound.numbers
        if major or self.written == 1:
            same = 1
        elif minor or self.written == 2:
            same = 2
        else:
            same = 3
        return version.numbers[:same] == self.bound.numbers[:same]


def _terms(text: str) -> list[_Term]:
    if not _TERMS.fullmatch(text):
        raise ValueError(f"`{text.strip()}` is no range of versions")
    return [_term(each) for each in _ONE_TERM.findall(text)]


def _term(text: str) -> _Term:
    parts = _TERM_PARTS.fullmatch(text)
    assert parts is not None
    operator = _SAME.get(parts[1], parts[1])
    numbers: list[int] = []
    for number in parts.group(2, 3, 4):
        if number is None or not number.isdigit():
            break
        numbers.append(int(number))
    padded = (*numbers, 0, 0, 0)[:3]
    prerelease = parts["pre"] or ""
    bound = parse_version(".".join(map(str, padded)) + (f"-{prerelease}" if prerelease else ""))
    if bound is None:
        raise ValueError(f"`{text}` names no version")
    return _Term(operator, bound, len(numbers))


def _identifier(text: str) -> tuple[bool, int, str]:
    """Numbers come before words and are ordered by value."""
    is_number = text.isdigit() and int(text) < _LARGEST
    return (not is_number, int(text) if is_number else 0, "" if is_number else text)
