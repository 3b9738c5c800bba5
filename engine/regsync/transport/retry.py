"""How long to be patient with a registry: what is tried again, how often, and after which pause.

Knows statuses and headers; knows nothing of how a request is sent.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TypeVar

from regsync.model.errors import RateLimited, RegistryError

ATTEMPTS = 5
SILENT_ATTEMPTS = 2
"""Attempts that may use up their whole time-out: one who keeps silent that long will rarely speak the third time."""
RETRIED = frozenset({408, 425, 429, 499, 500, 502, 503, 504, 522})
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
LONGEST_WAIT = 60.0
"""Seconds that a Retry-After may ask for; what is longer fails at once."""

T = TypeVar("T")


class Again(Exception):
    """An attempt failed, but the next one may not. `wait` is what the server asked for in Retry-After, in seconds;
    `silent` says that a whole time-out went by."""

    def __init__(self, error: RegistryError, wait: float | None = None, *, silent: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait
        self.silent = silent


class Patience:
    """Runs attempts against one host. What the host asks for in Retry-After holds for all threads."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._resume_at = 0.0
        self._lock = threading.Lock()

    def run(self, attempt: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        """The result of the first attempt that does not raise Again; else the last one's error, be it that too many of
        them were silent.

        Raises RateLimited at once where the host asks for a longer wait than LONGEST_WAIT.
        """
        silences = 0
        for count in range(1, attempts + 1):
            self._await_turn()
            try:
                return attempt()
            except Again as again:
                error, wait = again.error, again.wait
                silences += again.silent
            if silences == SILENT_ATTEMPTS:
                break
            if wait is not None and wait > LONGEST_WAIT:
                raise RateLimited(
                    f"{error.message}; it asks to wait {wait:.0f} s",
                    hint=f"run again after that time (regsync waits {LONGEST_WAIT:.0f} s at most)",
                    code=error.code,
                    status=error.status,
                )
            if wait:
                with self._lock:
                    self._resume_at = max(self._resume_at, self._clock() + wait)
            elif count < attempts:
                self.pause(count)
        raise noted(error, f" ({count} attempts)") if count > 1 else error

    def pause(self, count: int) -> None:
        """Wait after failure number `count` in a row: at random up to a ceiling that doubles ("full jitter")."""
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2**count)
        self._sleep(random.uniform(0, ceiling))  # noqa: S311 - spreads retries, keeps no secret

    def _await_turn(self) -> None:
        pause = self._resume_at - self._clock()
        if pause > 0:
            self._sleep(pause)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that Retry-After asks for, be it a number or a date (counted from the answer's own Date)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    try:
        now = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        now = time.time()
    return max(0.0, until - now)


def noted(error: RegistryError, note: str) -> RegistryError:
    """The same error anew, with a note at the end of its message."""
    return type(error)(error.message + note, hint=error.hint, code=error.code, status=error.status)
