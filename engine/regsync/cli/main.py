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
from regsync.cli.status import FAILED, OK, USAGE

if TYPE_CHECKING:
    from regsync.cli.console import Console


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


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
        sys.stderr.write(f"{after_the_keys}interrupted; nothing was written\n")
        sys.stderr.flush()
        os._exit(128 + interrupt.args[0])  # reads that still wait for a registry must not hold the exit up
    sys.exit(status)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupt(number)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status. Raises only Interrupt and BrokenPipeError."""
    from regsync.cli.app import app
    from regsync.cli.console import Console

    console = Console(os.environ)
    try:
        status = app(arguments, standalone_mode=False, prog_name="regsync", obj=console)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        console.as_json = console.as_json or "--json" in arguments
        return _usage(error, console)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  the single choke point
        return _failed(error, console)
    return status if isinstance(status, int) else OK


def _usage(error: typer.TyperException, console: Console) -> int:
    from regsync.model.errors import UsageError

    message = getattr(error, "format_message", lambda: str(error))()
    if message.startswith("Usage: "):  # a group of commands without a command: its help is the answer
        sys.stderr.write(f"{message}\n")
        return USAGE
    context = getattr(error, "ctx", None)
    hint = f"see {context.command_path if context else 'regsync'} --help"
    option = getattr(error, "option_name", None)
    if context and any(option in each.opts for each in context.find_root().command.params):
        hint = f"{option} stands before the command: regsync {option} {context.info_name}"
    console.fail(UsageError(message, hint=hint))
    return USAGE


def _failed(error: Exception, console: Console) -> int:
    from regsync.model.errors import RegsyncError

    if isinstance(error, RegsyncError):
        console.fail(error)
        return error.exit_status
    if isinstance(error, OSError) and error.errno in _FULL:
        console.fail(RegsyncError(f"cannot write: {error.strerror}"))
        return FAILED
    trace = "".join(traceback.format_exception(error))
    if os.environ.get("REGSYNC_DEBUG"):
        sys.stderr.write(trace)
        where = "the traceback stands above"
    else:
        with tempfile.NamedTemporaryFile("w", prefix="regsync-", suffix=".txt", delete=False) as file:
            file.write(f"regsync {__version__}\n{trace}")
        where = f"the traceback is in {file.name}; please report it"
    what = f"this is a bug in regsync {__version__}: {type(error).__name__}: {error}"
    console.fail(RegsyncError(what, hint=where))
    return FAILED
