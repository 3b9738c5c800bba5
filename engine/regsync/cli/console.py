"""The two streams and what may be written on them: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from regsync.cli.options import Color, LogFormat
from regsync.cli.reports import Reports
from regsync.report.lines import Line, Style, line

if TYPE_CHECKING:
    from regsync.model.errors import RegsyncError

_ANSI = {
    Style.STRONG: "\x1b[1m",
    Style.DIM: "\x1b[2m",
    Style.ADD: "\x1b[32m",
    Style.CHANGE: "\x1b[33m",
    Style.DELETE: "\x1b[31m",
    Style.WARNING: "\x1b[33m",
    Style.ERROR: "\x1b[1;31m",
}


_LEVEL = {Style.WARNING: "warn", Style.ERROR: "error"}


def wants_color(choice: Color, stream: IO[str], environment: Mapping[str, str]) -> bool:
    """--color, then NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE, then TERM=dumb, then whether it is a terminal."""
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR") or environment.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return environment.get("TERM") != "dumb" and stream.isatty()


@dataclass(slots=True)
class Console:
    """The streams, and the options that govern them: set while the command line is parsed, read from then on."""

    environment: Mapping[str, str]
    root: Path = Path()
    color: Color = Color.AUTO
    log_format: LogFormat = LogFormat.TEXT
    verbosity: int = 0
    interactive: bool = True
    as_json: bool = False
    """Whether stdout is an event stream or a JSON document."""
    reports: Reports = field(default_factory=Reports)
    _begun: bool = False

    def out(self, lines: Iterable[Line]) -> None:
        self._write(sys.stdout, lines)

    def err(self, lines: Iterable[Line]) -> None:
        """Lines for stderr; with --log-format json each becomes a record, as those of the log are."""
        if self.log_format is LogFormat.TEXT:
            self._write(sys.stderr, lines)
        else:
            _write_json(
                sys.stderr,
                (_record(each.text, _LEVEL.get(each.style, "info")) for each in lines if each.text),
            )

    def text(self, pieces: Iterable[str]) -> None:
        """What another program reads, as it stands."""
        sys.stdout.writelines(pieces)
        sys.stdout.flush()

    def json(self, *documents: object) -> None:
        """JSON documents, each on a line of stdout."""
        _write_json(sys.stdout, documents)

    def records(self, *records: object) -> None:
        """Lines of the event stream. The first line of all tells which stream it is."""
        from regsync.report.events import version_record

        first = () if self._begun else (version_record(now()),)
        self._begun = True
        self.json(*first, *records)

    def fail(self, error: RegsyncError) -> None:
        """Tell why the run could not go on: on stderr, or at the end of the event stream."""
        if self.log_format is LogFormat.TEXT and not self.as_json:
            from regsync.report.diagnostics import render_error

            self.err(render_error(error))
            return
        from regsync.report.events import error_records

        records = error_records(error, now())
        if self.as_json:
            self.records(*records)
        else:
            _write_json(sys.stderr, records)

    def note(self, text: str) -> None:
        """A line for the person at the terminal; silent with -q."""
        if self.verbosity >= 0:
            self.err([line(text)])

    def may_ask(self) -> bool:
        """Prompt only where somebody can see the question and answer it."""
        return self.interactive and sys.stdin.isatty() and sys.stderr.isatty()

    def live(self) -> bool:
        """Whether stderr is a terminal on which a moving display makes sense."""
        dull = self.environment.get("CI") or self.environment.get("TERM") == "dumb"
        return sys.stderr.isatty() and not dull and self.verbosity == 0 and self.log_format is LogFormat.TEXT

    def colors(self, stream: IO[str]) -> bool:
        """Whether what is written on a stream is coloured."""
        return wants_color(self.color, stream, self.environment)

    def start_logging(self) -> None:
        """Send log records of the given verbosity to stderr, as text or as a JSON object a line.

        A log does not move: with -v there is no moving display that it would tear.
        """
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            _JsonFormatter() if self.log_format is LogFormat.JSON else logging.Formatter("%(message)s")
        )
        logger = logging.getLogger("regsync")
        logger.handlers = [handler]
        logger.propagate = False
        debugging = self.verbosity > 0 or self.environment.get("REGSYNC_DEBUG")
        logger.setLevel(logging.DEBUG if debugging else logging.WARNING)

    def _write(self, stream: TextIO, lines: Iterable[Line]) -> None:
        colored = self.colors(stream)
        parts = []
        for each in lines:
            paint = _ANSI.get(each.style, "") if colored and each.text else ""
            parts.append(f"{paint}{each.text}\x1b[0m\n" if paint else f"{each.text}\n")
        stream.write("".join(parts))
        stream.flush()


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower().removesuffix("ing")
        return json.dumps(_record(record.getMessage(), level, record.name), ensure_ascii=False)


def _record(message: str, level: str, module: str = "regsync") -> dict[str, str]:
    return {"@level": level, "@message": message, "@module": module, "@timestamp": now(), "type": "log"}


def _write_json(stream: TextIO, documents: Iterable[object]) -> None:
    stream.write("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents))
    stream.flush()


def now() -> str:
    """The time as RFC 3339 in UTC; SOURCE_DATE_EPOCH fixes it."""
    return moment().strftime("%Y-%m-%dT%H:%M:%SZ")


def moment() -> datetime:
    """The same as a value."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
