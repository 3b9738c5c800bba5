"""What is wrong with the user's input: positioned, coded, many at a time. Knows nothing of where it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A position in a file: the path as shown to the user, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Snippet:
    """The source line that a diagnostic speaks of; `length` characters from the origin's column are marked."""

    text: str
    length: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    """A second position that a diagnostic speaks of ("first declared here")."""

    origin: Origin
    label: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about the user's files.

    `summary` is one matter-of-fact line without a full stop and never says how to fix; `help` does.
    `code` is stable and explained by `regsync explain CODE`.
    """

    code: str
    severity: Severity
    summary: str
    origin: Origin | None = None
    snippet: Snippet | None = None
    detail: str | None = None
    help: str | None = None
    related: tuple[Related, ...] = ()

    def sort_key(self) -> tuple[str, int, int, str, str]:
        at = self.origin or Origin("", 0, 0)
        return (at.file, at.line, at.column, self.code, self.summary)


def has_errors(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
    """Whether one of them is an error."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The long form behind a code: what `regsync explain` prints. `title` is one line; `text` is paragraphs."""

    code: str
    severity: Severity
    title: str
    text: str
