"""The moving display of a terminal: bars with bytes and rate for what runs, a counter for what is read."""

from __future__ import annotations

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
)
from rich.table import Column
from rich.text import Text

from regsync.cli.views import awaited, finished, stopping
from regsync.model.events import (
    Event,
    Finished,
    Observing,
    Progressed,
    ReadingFolders,
    Started,
    Stopping,
    Waiting,
)
from regsync.model.outcome import Status
from regsync.report.lines import clean, show_bytes, show_count
from regsync.report.verbs import doing


class Bytes(ProgressColumn):
    """Bytes sent and their rate, for rows that are uploads."""

    def render(self, task: Task) -> Text:
        if not task.fields.get("upload") or not task.total:
            return Text()
        rate = f", {show_bytes(int(task.speed))}/s" if task.speed else ""
        return Text(f"{show_bytes(int(task.completed))} of {show_bytes(int(task.total))}{rate}")


class What(ProgressColumn):
    """What a row is about, cut where the terminal is too narrow for it."""

    def render(self, task: Task) -> Text:
        return Text(task.description, no_wrap=True, overflow="ellipsis")


class LiveView:
    """Bars on stderr, cleared away when they are done; what did not come about stays as a line, too."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._applied = 0
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def show(self, event: Event) -> None:
        match event:
            case ReadingFolders(done, total):
                self._count("reading folders", done, total)
            case Observing(done, total, waiting):
                self._count("reading registries", done, total, awaited(waiting))
            case Started(change):
                where, _, name = str(change.address).rpartition("/")
                if registration := change.address.registration:
                    where, name = "Palette", registration
                text = clean(f"{doing(change)} {name} in {where}")  # its end is cut first
                self._tasks[str(change.address)] = self._bars().add_task(text, total=None, upload=True)
            case Progressed(change, sent, total):
                self._bars().update(self._tasks[str(change.address)], completed=sent, total=total)
            case Waiting(change, text):
                name = clean(f"{change.address.registration}: {text}")
                self._bars().update(self._tasks[str(change.address)], description=name)
            case Finished(result):
                task = self._tasks.pop(str(result.change.address), None)
                if task is not None:
                    self._bars().remove_task(task)
                if result.status is Status.APPLIED:
                    self._applied += 1
                    self._spin("applied", f"{show_count(self._applied, 'change')} applied")
                elif result.status is not Status.SKIPPED:
                    self._say(finished(result), "yellow")
            case Stopping(running):
                self._say(stopping(running), "yellow")

    def tick(self) -> None: ...

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._tasks.clear()

    def _say(self, text: str, style: str) -> None:
        self._bars().console.print(clean(text), style=style, markup=False, soft_wrap=True)

    def _count(self, what: str, done: int, total: int, more: str = "") -> None:
        self._spin(what, clean(f"{what} {done}/{total}{more}"), done, total)
        if done >= total:
            self._bars().remove_task(self._tasks.pop(what))

    def _spin(self, what: str, text: str, done: int = 0, total: int | None = None) -> None:
        """Show `text` in the row for `what`."""
        if what not in self._tasks:
            self._tasks[what] = self._bars().add_task(text, total=total)
        self._bars().update(self._tasks[what], description=text, completed=done, total=total)

    def _bars(self) -> Progress:
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(table_column=Column(no_wrap=True)),
                BarColumn(bar_width=20, table_column=Column(no_wrap=True)),
                Bytes(Column(no_wrap=True)),
                What(),
                console=RichConsole(stderr=True, highlight=False, no_color=not self._color),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.start()
        return self._progress
