"""Runs the program in a pseudo-terminal of its own, as a person at a keyboard has it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

LONGEST_SILENCE = 20.0
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PIECE = re.compile(rf"{_ESCAPE.pattern}|(?s:.)")


class Terminal:
    """`regsync ARGUMENTS` in directory `cwd`. `shown` is all that the terminal was sent so far, escapes included.

    With `piped` stdout goes to a pipe and is read by `end`, so that the terminal has stderr alone; `stderr_to` names a
    file that has stderr instead.
    """

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        columns: int = 100,
        piped: bool = False,
        stderr_to: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.shown = ""
        self.piped = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # Ctrl-C cuts what is on its way
        self._keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        inherited = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
        stderr = screen if stderr_to is None else os.open(stderr_to, os.O_WRONLY | os.O_CREAT)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "regsync", *arguments],
            cwd=cwd,
            env={**inherited, "TERM": "xterm-256color", **environment},
            stdin=screen,
            stdout=subprocess.PIPE if piped else screen,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=partial(fcntl.ioctl, screen, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - Ctrl-C needs it
        )
        for each in {screen, stderr}:
            os.close(each)

    @property
    def text(self) -> str:
        """What was shown, without escapes."""
        return _ESCAPE.sub("", self.shown).replace("\r\n", "\n")

    def screen(self) -> list[str]:
        """The lines that are left on the screen. It scrolls, but it does not wrap: choose enough columns."""
        lines: list[list[str]] = [[]]
        row = column = 0
        for piece in _PIECE.findall(self.shown):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                row += 1
                lines += [[] for _ in range(row + 1 - len(lines))]
            elif piece.startswith("\x1b"):
                if piece[-1] == "A":
                    row -= int(piece[2:-1] or 1)
                elif piece == "\x1b[2K":
                    lines[row] = []
                else:
                    assert piece[-1] in "mhl", f"an escape that no one here expects: {piece!r}"
            else:
                line = lines[row]
                line += " " * (column + 1 - len(line))
                line[column] = piece
                column += 1
        shown = ["".join(line).rstrip() for line in lines]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def await_text(self, text: str) -> None:
        """Read on until the terminal has shown `text`."""
        while text not in self.text:
            assert self._read(), (
                f"the program ended, or was silent for too long, without {text!r}:\n{self.text}"
            )

    def press(self, text: str) -> None:
        os.write(self._keyboard, text.encode())

    def end(self) -> int:
        """Read what is left, and return the exit status."""
        while self._read():
            pass
        if self._process.stdout is not None:
            self.piped = self._process.stdout.read().decode()
        return self._process.wait(LONGEST_SILENCE)

    def _read(self) -> bool:
        """Read a piece; False where the program has closed the terminal or says nothing any more."""
        ready, _, _ = select.select([self._keyboard], [], [], LONGEST_SILENCE)
        try:
            piece = os.read(self._keyboard, 65536) if ready else b""
        except OSError:  # how Linux says that the other side is closed
            return False
        self.shown += self._decoder.decode(piece)
        return bool(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        os.close(self._keyboard)
