"""Parsed values that know where they stand, and findings about them. Knows no YAML, no schema and no field."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from regsync.manifest.codes import CODES
from regsync.model.diagnostic import Diagnostic, Origin, Related, Snippet

# What follows a key that names a secret, unless it is a reference or stands on later lines; and a URL's user part.
_SECRET = re.compile(
    r"""((?:pass|pasw|pwd|secret|token|api_?key)[\w-]*["']?\s*:\s*)"""
    r"""(?![\s|>]|\{\s*(?:env\s*:\s*["']?[a-z_]\w*["']?\s*[,}]|file\b)).+""",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_USERINFO = re.compile(r"(://)[^/@\s]+@|[^/@\s:\"']+:[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the user's. `shown` is its path as messages name it, `root` what shown paths are relative to."""

    path: Path
    shown: str
    root: Path
    lines: tuple[str, ...] = ()

    def locate(self, written: str) -> Path:
        """Where a path leads that is written in this file: it is relative to the file's folder."""
        return self.path.parent / written

    def absolute(self, written: str) -> Path:
        """The same as an absolute path without `..`; nothing need be there, and links stay links."""
        return Path(os.path.abspath(self.locate(written)))  # noqa: PTH100 - Path.resolve follows links

    def show(self, path: Path) -> str:
        return shown_path(path, self.root)

    @property
    def base(self) -> str:
        """A help line for a path in this file that leads nowhere."""
        return f"paths are relative to the manifest's folder: {self.show(self.path.parent)}"


def kind_of_path(path: Path) -> Literal["folder", "file"] | None:
    """What is at a path; None where nothing is, or nothing that may be looked at."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return "folder" if stat.S_ISDIR(mode) else "file"


def shown_path(path: Path, root: Path) -> str:
    """`path` relative to `root`, with `/` and possibly `..`; absolute where there is no way between the two."""
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


@dataclass(frozen=True, slots=True)
class Mark:
    """`length` characters of a file from `line` and `column`, which count from 1."""

    file: SourceFile
    line: int
    column: int
    length: int = 1

    @property
    def origin(self) -> Origin:
        return Origin(self.file.shown, self.line, self.column)

    @property
    def snippet(self) -> Snippet | None:
        """The source line, with what may be a secret masked; None where there is nothing to show."""
        text = self.file.lines[self.line - 1] if self.line <= len(self.file.lines) else ""
        if not text.strip():
            return None
        text = _USERINFO.sub(r"\1********@", _SECRET.sub(r"\1********", text))
        return Snippet(text, max(1, min(self.length, len(text) - self.column + 1)))


@dataclass(frozen=True, slots=True)
class Unquoted:
    """An unquoted scalar that some YAML readers do not read as what is written: 1.10, 012, 2024-01-01."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that nothing more can be said of, since what is wrong with it was reported: it is no YAML of manifests, its
    template cannot be rendered, or it breaks the schema. `meant` is the word that was probably meant."""

    meant: str | None = None


Scalar = str | int | bool | Unquoted | Unknown | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its position. `key` is the position of the key that it stands under.

    `written` is the source text of an unquoted scalar that YAML does not read as text, `template` the text
    before rendering.
    """

    value: Scalar | dict[str, Node] | list[Node]
    mark: Mark
    key: Mark | None = None
    written: str | None = None
    template: str | None = None

    @property
    def where(self) -> Mark:
        """The key, or the value where there is none."""
        return self.key or self.mark

    @property
    def text(self) -> str:
        """The value of a node that the schema knows to be text."""
        assert isinstance(self.value, str)
        return self.value

    @property
    def fields(self) -> dict[str, Node]:
        """The entries of a node that the schema knows to be a mapping."""
        assert isinstance(self.value, dict)
        return self.value

    @property
    def known(self) -> bool:
        """Whether this value and all below are known."""
        if isinstance(self.value, dict):
            return all(each.known for each in self.value.values())
        if isinstance(self.value, list):
            return all(each.known for each in self.value)
        return not isinstance(self.value, Unknown)

    @property
    def elements(self) -> list[Node]:
        """The elements of a list; a single value is a list of itself."""
        return self.value if isinstance(self.value, list) else [self]

    @property
    def each(self) -> list[Node]:
        """The elements that are known."""
        return [each for each in self.elements if not isinstance(each.value, Unknown)]

    @property
    def texts(self) -> list[str] | None:
        """The elements, which are texts; None unless all are known."""
        return [each.text for each in self.elements] if self.known else None

    @property
    def holds_template(self) -> bool:
        """Whether this text, or one below, has anything for Jinja2 to look at."""
        if isinstance(self.value, dict):
            return any(each.holds_template for each in self.value.values())
        if isinstance(self.value, list):
            return any(each.holds_template for each in self.value)
        return isinstance(self.value, str) and any(each in self.value for each in ("{{", "{%", "{#"))

    def find(self, *names: str) -> Node | None:
        """The node under these keys, None where it is not written or not known."""
        node: Node | None = self
        for name in names:
            node = node.value.get(name) if node and isinstance(node.value, dict) else None
        return None if node and isinstance(node.value, Unknown) else node

    def lacks(self, name: str) -> bool:
        """Whether a mapping does not have this key, not even with an unknown value."""
        return name not in self.fields

    def data(self) -> Any:
        """Plain Python values, for the schema."""
        if isinstance(self.value, dict):
            return {name: node.data() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value

    def at(self, path: Iterable[str | int]) -> Node:
        """The node under keys and indexes."""
        node = self
        for step in path:
            node = node.fields[step] if isinstance(step, str) else node.elements[step]
        return node

    def with_value(self, path: Sequence[str | int], value: Scalar) -> Node:
        """A copy in which the node at `path` has another value; a key that is not there is added."""
        if not path:
            return replace(self, value=value)
        step, rest = path[0], path[1:]
        if isinstance(step, str):
            child = self.fields.get(step, self)
            return replace(self, value={**self.fields, step: child.with_value(rest, value)})
        copy = list(self.elements)
        copy[step] = copy[step].with_value(rest, value)
        return replace(self, value=copy)


def problem(
    code: str,
    mark: Mark | None,
    summary: str,
    *,
    detail: str | None = None,
    advice: str | None = None,
    related: Sequence[tuple[Mark, str]] = (),
) -> Diagnostic:
    """A finding of this room; its severity is that of its code, `advice` becomes its help."""
    return Diagnostic(
        code,
        CODES[code].severity,
        _printable(summary),
        mark.origin if mark else None,
        mark.snippet if mark else None,
        _printable(detail) if detail else None,
        _printable(advice) if advice else None,
        tuple(Related(other.origin, label) for other, label in related),
    )


def origins(node: Node, above: str = "") -> Iterator[tuple[str, Origin]]:
    """Where each field of a mapping stands, by its dotted name, those of mappings within included."""
    for name, each in node.fields.items():
        yield above + name, each.where.origin
        if isinstance(each.value, dict):
            yield from origins(each, f"{above}{name}.")


def _printable(text: str) -> str:
    """Control characters as escapes: what a pull request writes must not steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known word that was probably meant; upper and lower case count as one. `likeness` is of difflib, up to 1."""
    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A help line for an unknown word: the nearest known one, else all of them, else nothing."""
    names = sorted(known)
    if match := nearest(word, names):
        return f"did you mean `{match}`?"
    return "known here: " + ", ".join(names) if names else None
