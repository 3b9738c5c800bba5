"""What a .helmignore file leaves out of a chart. Knows Helm's rules, which are not those of git."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = ".helmignore"
_DEFAULT = "templates/.?*"
_SEPARATOR = "/"


class BadPattern(Exception):
    """A line that Helm refuses, counted from 1."""

    def __init__(self, pattern: str, reason: str, line: int) -> None:
        super().__init__(f"the pattern `{pattern}` {reason}")
        self.line = line


@dataclass(frozen=True, slots=True)
class _Rule:
    """`expression` is None for what can never match."""

    expression: re.Pattern[str] | None
    whole_path: bool
    negated: bool
    folders_only: bool

    def matches(self, path: str) -> bool:
        name = path if self.whole_path else path.rpartition(_SEPARATOR)[2]
        return self.expression is not None and self.expression.fullmatch(name) is not None


class HelmIgnore:
    """The rules in `text`, with the one that Helm adds. Raises BadPattern."""

    def __init__(self, text: str = "") -> None:
        lines = enumerate((*text.removeprefix("\ufeff").split("\n"), _DEFAULT), start=1)
        self._rules = [
            _rule(rule, number) for number, line in lines if (rule := line.strip()) and rule[0] != "#"
        ]

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether the file or folder at `path` is left out, a folder with all that is in it.

        The first rule that matches decides. One with an exclamation mark leaves out all that it does *not* match.
        """
        for rule in self._rules:
            fits = rule.matches(path)
            if rule.negated:
                if not fits or (rule.folders_only and not is_folder):
                    return True
            elif fits and (is_folder or not rule.folders_only):
                return True
        return False


def _rule(rule: str, line: int) -> _Rule:
    if "**" in rule:
        raise BadPattern(rule, "holds a double star, which Helm does not know", line)
    if _expression(rule) is None:
        raise BadPattern(rule, "is not closed, or ends in a backslash", line)
    pattern = rule.removeprefix("!").removesuffix(_SEPARATOR)
    return _Rule(
        expression=_expression(pattern.removeprefix(_SEPARATOR)),
        whole_path=_SEPARATOR in pattern,
        negated=rule.startswith("!"),
        folders_only=rule.removeprefix("!").endswith(_SEPARATOR),
    )


def _expression(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Go's filepath.Match, None where it is malformed.

    A star matches no slash and takes as little as lets all up to the next star match; that is not tried again in
    another way, so that no pattern takes long.
    """
    chunks = [""]
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*":
            chunks.append("")
        elif letter == "?":
            chunks[-1] += "[^/]"
        elif letter == "[":
            found = _letters(pattern, at)
            if found is None:
                return None
            chunks[-1] += found[0]
            at = found[1]
        else:
            if letter == "\\":
                if at == len(pattern):
                    return None
                letter = pattern[at]
                at += 1
            chunks[-1] += re.escape(letter)
    first, *others = chunks
    inner = "".join(f"(?>[^/]*?{each})" for each in others[:-1])
    last = f"[^/]*?{others[-1]}" if others else ""
    return re.compile(first + inner + last)


def _letters(pattern: str, at: int) -> tuple[str, int] | None:
    """The set of letters whose opening bracket stands before `at`, and where it ends."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    seen = False
    while not (seen and pattern.startswith("]", at)):
        seen = True
        low = high = _letter(pattern, at)
        if low is not None and pattern.startswith("-", low[1]):
            high = _letter(pattern, low[1] + 1)
        if low is None or high is None:
            return None
        at = high[1]
        if low[0] <= high[0]:
            ranges.append(f"{re.escape(low[0])}-{re.escape(high[0])}")
    if ranges:
        return f"[{'^' if negated else ''}{''.join(ranges)}]", at + 1
    return "[\\s\\S]" if negated else "(?!)", at + 1


def _letter(pattern: str, at: int) -> tuple[str, int] | None:
    """The letter at `at` of a set, and where the next one begins, which must be there."""
    if pattern.startswith("\\", at):
        at += 1
    elif pattern.startswith(("-", "]"), at):
        return None
    return (pattern[at], at + 1) if at + 1 < len(pattern) else None
