"""The entry point: argv in, exit status out. The only place where an exception becomes a status and a message."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from regsync import __version__
from regsync.cli.status import CHANGES, FAILED, OK, USAGE

if TYPE_CHECKING:
    from regsync.cli.console import Console
    from regsync.model.errors import RegsyncError


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})

_INTERRUPTED = "interrupted; nothing was written to any registry"


class Interrupt(BaseException):
    """SIGINT or SIGTERM while nothing is being written. Not KeyboardInterrupt: that one typer keeps to itself."""


def main() -> NoReturn:
    """Run the program and exit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if sys.stdout is None or sys.stderr is None:  # closed by who started us
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  as long as the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except OSError as error:  # the last of the output: a full disk behind stdout
        sys.stderr.write(f"error: cannot write the output: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except Interrupt as interrupt:
        after_the_keys = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{after_the_keys}{_INTERRUPTED}\n")
        sys.stderr.flush()
        os._exit(128 + interrupt.args[0])  # reads that still wait for a registry must not hold the exit up
    sys.exit(status)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupt(number)


def run(arguments: list[str]) -> int:
    """Run one command line, write its reports, and return its exit status. Raises only Interrupt and BrokenPipeError."""
    from regsync.cli.console import Console
    from regsync.model.errors import RegsyncError

    console = Console(os.environ)
    console.as_json = any(
        each.partition("=")[0] == "--json" for each in arguments
    )  # until options are parsed
    try:
        status, error = _run(arguments, console)
    except (BrokenPipeError, Interrupt) as stop:
        interrupted = isinstance(stop, Interrupt)
        status = 128 + stop.args[0] if interrupted else FAILED
        error = RegsyncError(_INTERRUPTED if interrupted else "nobody reads the output")
        for _ in console.reports.write(console, status, error):
            pass  # there is nobody to tell
        raise
    for failure in console.reports.write(console, status, error):
        console.fail(_told(failure))
        status = FAILED if status in (OK, CHANGES) else status
    return status


def _run(arguments: list[str], console: Console) -> tuple[int, RegsyncError | None]:
    """The exit status of one command line, and what kept it from going on, which has been told by then."""
    from regsync.cli.app import app

    try:
        status = app(arguments, standalone_mode=False, prog_name="regsync", obj=console)
    except typer.Exit as stop:
        return stop.exit_code, None
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the single choke point
        if isinstance(error, typer.TyperException) and _is_help(error):
            return USAGE, None
        told = _told(error)
        console.fail(told)
        if told.exit_status == USAGE and not console.reports.wanted:
            _ask_for_reports(arguments, console)
        return told.exit_status, told
    return (status if isinstance(status, int) else OK), None


def _ask_for_reports(arguments: list[str], console: Console) -> None:
    """Find the reports that a wrong command line asks for: those of an earlier run must not pass for this one's."""
    from regsync.cli.app import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    name = next((each for each in arguments if each in commands), None)
    elsewhere = os.environ.get("REGSYNC_C") or any(each.startswith("-C") for each in arguments)
    if name is None or (elsewhere and console.root == Path()):
        return
    rest = arguments[arguments.index(name) + 1 :]
    understood = commands[name].make_context(
        name, rest, resilient_parsing=True, ignore_unknown_options=True, obj=console
    )
    given = understood.params
    paths = [each for each in given.get("paths") or () if not each.startswith("-")]
    asked = given.get("report"), paths, given.get("target"), given.get("exclude")
    console.reports.ask(console, name, *asked, tolerant=True)


def _is_help(error: typer.TyperException) -> bool:
    """Show the help of a group of commands that was called without a command: it is the answer."""
    if shown := _message(error).startswith("Usage: "):
        sys.stderr.write(f"{_message(error)}\n")
    return shown


def _message(error: typer.TyperException) -> str:
    return str(getattr(error, "format_message", lambda: str(error))())


def _usage(error: typer.TyperException) -> RegsyncError:
    from regsync.model.errors import UsageError

    context = getattr(error, "ctx", None)
    hint = f"see {context.command_path if context else 'regsync'} --help"
    option = getattr(error, "option_name", None)
    if context and any(option in each.opts for each in context.find_root().command.params):
        hint = f"{option} stands before the command: regsync {option} {context.info_name}"
    return UsageError(_message(error), hint=hint)


def _told(error: Exception) -> RegsyncError:
    """An exception as users are told of it."""
    from regsync.model.errors import RegsyncError

    if isinstance(error, RegsyncError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return RegsyncError(f"cannot write: {error.strerror}")
    trace = "".join(traceback.format_exception(error))
    if os.environ.get("REGSYNC_DEBUG"):
        sys.stderr.write(trace)
        where = "the traceback stands above"
    else:
        with tempfile.NamedTemporaryFile("w", prefix="regsync-", suffix=".txt", delete=False) as file:
            file.write(f"regsync {__version__}\n{trace}")
        where = f"the traceback is in {file.name}; please report it"
    what = f"this is a bug in regsync {__version__}: {type(error).__name__}: {error}"
    return RegsyncError(what, hint=where)
