"""The reports of a run: which are asked for, what they will tell, and their files, written when the run has ended."""

from __future__ import annotations

import difflib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regsync.cli.options import DEFAULT_PATH

if TYPE_CHECKING:
    from datetime import datetime

    from regsync.cli.console import Console
    from regsync.model.diagnostic import Diagnostic
    from regsync.model.errors import RegsyncError
    from regsync.model.events import Event
    from regsync.model.outcome import Outcome
    from regsync.model.plan import Plan
    from regsync.report.run import Run
    from regsync.report.since import Since

FORMATS: Mapping[str, str] = {
    "github": "github.render_github",
    "github-output": "github.render_github_output",
    "github-summary": "markdown.render_markdown",
    "gitlab-codequality": "gitlab.render_gitlab_codequality",
    "gitlab-terraform": "gitlab.render_gitlab_terraform",
    "html": "html.render_html",
    "json": "document.render_json",
    "junit": "junit.render_junit",
    "markdown": "markdown.render_markdown",
    "prometheus": "prometheus.render_prometheus",
    "sarif": "sarif.render_sarif",
    "text": "text.render_text",
}
"""The function in `regsync.report` that renders each format: from a run to pieces of text, or to one text."""

APPENDED = frozenset({"github-output", "github-summary"})
"""Formats of files that GitHub shares among all commands of a step."""

OPTIONS: Mapping[str, str] = {"markdown": "max"}
"""The one option of a format that has any, a number."""

SUMMARY_LIMIT = 900 * 1024
"""Bytes of a step's summary that are safe: beyond 1,024 KiB GitHub drops the whole of it."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report: a format, and the file that it goes to. `limit` is `max=` where it is given, in bytes."""

    format: str
    path: str
    limit: int | None = None

    def __str__(self) -> str:
        return f"{self.format}={self.path}"


def parse(text: str) -> Report:
    """Read `FORMAT=PATH` or `FORMAT:OPTION=NUMBER=PATH`. Raises UsageError for what is neither."""
    from regsync.model.errors import UsageError

    known = f"formats: {', '.join(FORMATS)}"
    head, equals, path = text.partition("=")
    name, _, option = head.partition(":")
    if name not in FORMATS:
        near = difflib.get_close_matches(name, FORMATS, n=1)
        raise UsageError(
            f"--report {text}: no such format: {name}" if equals else f"--report {text} is not FORMAT=PATH",
            hint=f"did you mean {near[0]}?" if near and equals else known,
        )
    limit = None
    if option:
        number, equals, path = path.partition("=")
        allowed = OPTIONS.get(name)
        if option != allowed:
            hint = f"it has {name}:{allowed}=NUMBER=PATH" if allowed else f"write {name}=PATH"
            raise UsageError(f"--report {text}: {name} has no option {option}", hint=hint)
        from regsync.report.markdown import LEAST_LIMIT

        if not number.isascii() or not number.isdigit() or int(number) < LEAST_LIMIT:
            raise UsageError(f"--report {text}: {option} is a number of bytes, {LEAST_LIMIT} at least")
        limit = int(number)
    if not equals or not path:
        hint = "the variable that should give it may be empty" if equals else f"write {head}=PATH"
        raise UsageError(f"--report {text} names no file", hint=hint)
    if path == "-" and name != "github":
        raise UsageError(f"--report {text}: only github may go to -, where the runner reads its commands")
    return Report(name, path, limit)


@dataclass(slots=True)
class Reports:
    """What was asked for, and what is known of the run so far."""

    wanted: tuple[Report, ...] = ()
    command: str = ""
    plan: Plan | None = None
    outcome: Outcome | None = None
    since: Since | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _subject: tuple[str, ...] = ()
    _requests: dict[str, int] = field(default_factory=dict)
    """Of the plan; an outcome knows its own."""
    _started: datetime | None = None
    _begun: float = 0.0

    def ask(
        self,
        console: Console,
        command: str,
        texts: Iterable[str] | None,
        paths: list[str] | None = None,
        targets: list[str] | None = None,
        excludes: list[str] | None = None,
        *,
        reads: Iterable[Path | None] = (),
        tolerant: bool = False,
    ) -> None:
        """Take down what `--report` says, and what the run is about as far as that is known before it begins. Raises
        UsageError, before anything is done, where a report cannot be; `tolerant` leaves that one out instead.

        What an earlier run has left in the files goes away, lest it passes for this run's when it is killed; not what
        the command `reads` itself, nor metrics, which keep the time of the last success.
        """
        from regsync.cli.console import moment
        from regsync.model.errors import UsageError

        self.command, self._started, self._begun = command, moment(), time.monotonic()
        self._subject = _subject(paths or [DEFAULT_PATH], targets or (), excludes or ())
        files: dict[Path, Report] = {}
        wanted = []
        for text in texts or ():
            try:
                wanted.append(_placed(parse(text), console.root, files))
            except UsageError:
                if not tolerant:
                    raise
        self.wanted = tuple(wanted)
        kept = {(console.root / each).resolve() for each in (*(paths or ()), *reads) if each}
        for path, each in files.items():
            if each.format not in (*APPENDED, "prometheus") and path.is_file() and path.resolve() not in kept:
                with suppress(OSError):  # writing it will tell
                    path.resolve().unlink()

    def see(self, event: Event) -> None:
        """Keep what an event tells of the run."""
        from regsync.model.events import Ended, Found, Planned

        match event:
            case Found(diagnostic):
                self.diagnostics.append(diagnostic)
            case Planned(plan, requests):
                self.plan, self._requests = plan, dict(requests)
            case Ended(outcome):
                self.plan, self.outcome = outcome.plan, outcome

    def write(
        self, console: Console, status: int, error: RegsyncError | None, *, early: bool = False
    ) -> Iterator[Exception]:
        """Write all reports of a run that ended with `status`, and give back why some could not be written. Those that
        are written `early`, before the run has ended, are written again at its end: nothing is appended to a file."""
        from regsync.model.errors import RegsyncError

        if not self.wanted:
            return
        run = self.run(console, status, error)
        for each in self.wanted:
            if early and (each.format in APPENDED or each.path == "-"):
                continue
            try:
                _write(each, console.root / each.path, run)
            except OSError as failure:
                yield RegsyncError(f"cannot write the report {each}: {failure.strerror}")
            except Exception as failure:  # noqa: BLE001  one broken report must not hide the others, nor the run
                yield failure

    def run(self, console: Console, status: int, error: RegsyncError | None) -> Run:
        """The run as it is known now, ending with `status`."""
        from regsync.cli.surrounding import surrounding
        from regsync.model.errors import ManifestInvalid
        from regsync.report.run import Run

        assert self._started is not None
        folder = os.path.relpath(console.root).replace(os.sep, "/")
        request = self.plan.request if self.plan else None
        about = (
            _subject(request.paths, request.selection.targets, request.selection.excludes)
            if request
            else self._subject
        )
        found = error.diagnostics if isinstance(error, ManifestInvalid) else ()
        requests = dict(self._requests)
        for name, count in self.outcome.requests.items() if self.outcome else ():
            requests[name] = requests.get(name, 0) + count
        return Run(
            command=self.command,
            started=self._started,
            seconds=time.monotonic() - self._begun,
            status=status,
            plan=self.plan,
            outcome=self.outcome,
            since=self.since,
            diagnostics=(*self.diagnostics, *found),
            error=error,
            requests=requests,
            surrounding=surrounding(console.environment),
            subject=(folder, *about),
            folder="" if folder == "." else folder,
        )


def _placed(report: Report, root: Path, files: dict[Path, Report]) -> Report:
    """The report, its file put beside those of others. Raises UsageError where it cannot go there."""
    from regsync.model.errors import UsageError

    path = root / report.path
    if report.path == "-":
        return report
    if not path.parent.is_dir():
        raise UsageError(f"--report {report}: no such folder: {path.parent}")
    if path.is_dir():
        raise UsageError(f"--report {report}: {report.path} is a folder")
    if report.format not in APPENDED and path in files:
        raise UsageError(f"--report {report}: {files[path]} goes to the same file")
    files[path] = report
    return report


def _subject(paths: Iterable[str], targets: Iterable[str], excludes: Iterable[str]) -> tuple[str, ...]:
    """What tells runs on one commit apart, in the words of the command line."""
    return (
        *paths,
        *(f"--target={each}" for each in targets),
        *(f"--exclude={each}" for each in excludes),
    )


def _write(report: Report, path: Path, run: Run) -> None:
    from regsync.run.atomic import write_text

    if report.path == "-":
        sys.stderr.writelines(_pieces(report, path, run))
    elif report.format in APPENDED:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(_pieces(report, path, run))
    else:
        write_text(path, _pieces(report, path, run))


def _pieces(report: Report, path: Path, run: Run) -> Iterable[str]:
    module, _, name = FORMATS[report.format].partition(".")
    render: Callable[..., Any] = getattr(import_module(f"regsync.report.{module}"), name)
    match report.format:
        case "markdown":
            return [render(run, limit=report.limit) if report.limit else render(run)]
        case "github-summary":
            return [render(run, limit=SUMMARY_LIMIT)]
        case "prometheus":
            from regsync.report.prometheus import last_success

            known = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            return render(run, before=last_success(known))  # type: ignore[no-any-return]
    return render(run)  # type: ignore[no-any-return]
