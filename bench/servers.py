"""The servers that are talked to. Each is fresh and empty, and tells what it was asked for and what that cost it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.support.aws import Aws, AwsFront
from tests.support.ministack import MinistackServer
from tests.support.servers import DistributionServer


class Server(Protocol):
    """A running server: the registry's `host`, the `url` that it is reached at, and the environment to enter it."""

    @property
    def host(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def environment(self) -> Mapping[str, str]: ...

    def asked(self) -> Counter[str]:
        """How often what has been asked for so far."""

    def processor(self) -> float:
        """The processor time that it has used so far, in seconds."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Distribution(DistributionServer):
    """The CNCF Distribution server, which anyone may enter; what is asked for are methods of HTTP."""

    environment: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, delete=False)

    def asked(self) -> Counter[str]:
        seen: Counter[str] | None = None
        while seen != (seen := Counter(each.method for each in self.requests())):
            time.sleep(0.05)  # the access log may come a moment late
        return seen

    def processor(self) -> float:
        return processor_of(self._process.pid)


class Ecr:
    """A private registry of Amazon ECR in every region, as ministack plays it; what is asked for are actions.

    Before it stands the strict layer of the tests, since ministack alone spares its clients calls that AWS does not: it
    asks nobody to log in, and mounts every blob.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exits = ExitStack()

    @property
    def host(self) -> str:
        return self._aws.host("{{ .spectro.system.aws.region }}")

    @property
    def url(self) -> str:
        return self._aws.url

    @property
    def environment(self) -> Mapping[str, str]:
        return self._aws.environment

    def asked(self) -> Counter[str]:
        return Counter(each.action or "ping" for each in self._aws.front.calls)

    def processor(self) -> float:
        """That of ministack, and of this process, which the strict layer runs in."""
        return processor_of(self._ministack.pid) + time.process_time()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._ministack = exits.enter_context(MinistackServer(self._folder))
            front = exits.enter_context(AwsFront(self._ministack))
            self._aws = Aws(front, self._ministack, self._folder)
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, trace)


def processor_of(process: int) -> float:
    """The processor time that a process has used, in seconds (proc(5): fields 14 and 15)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
