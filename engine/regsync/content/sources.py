"""A text file of a pack and the findings about it: positions, and the line shown with each."""

from __future__ import annotations

from dataclasses import dataclass

from regsync.content.codes import Code, finding
from regsync.content.jsontext import offset_of, token_at
from regsync.content.leaks import masked
from regsync.model.diagnostic import Diagnostic, Origin, Snippet


@dataclass(frozen=True, slots=True)
class Source:
    """`shown` is the file as messages name it."""

    shown: str
    text: str

    def finding(
        self, code: Code, summary: str, line: int, column: int, *, length: int = 1, advice: str | None = None
    ) -> Diagnostic:
        """A finding at a position, counted from 1."""
        origin = Origin(self.shown, line, column)
        return finding(code, summary, origin, snippet=self._snippet(line, length), help=advice)

    def finding_in_json(
        self, code: Code, summary: str, *path: str | int, advice: str | None = None
    ) -> Diagnostic:
        """A finding about the value that `path` leads to in a JSON file."""
        offset = offset_of(self.text, *path)
        length = len(token_at(self.text, offset).partition("\n")[0])
        return self.finding(code, summary, *self.position(offset), length=length, advice=advice)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, counted from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def origin_in_json(self, *path: str | int) -> Origin:
        """Where the value that `path` leads to stands in a JSON file."""
        return Origin(self.shown, *self.position(offset_of(self.text, *path)))

    def _snippet(self, line: int, length: int) -> Snippet | None:
        lines = masked(self.text).split("\n", line)
        shown = lines[line - 1].rstrip("\r") if line <= len(lines) else ""
        return Snippet(shown, length) if shown.strip() else None
