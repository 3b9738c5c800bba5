"""Finds and runs the real programs of the tests: the CNCF Distribution server, and clients that no one here wrote.

A server lives as long as its context; the system ends it with the test process, however that process ends.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import trustme

from tests.support.tokens import TokenServer

ROOT = Path(__file__).resolve().parents[2]
NEEDS = "needs "  # how the reason of each skip for want of a real part begins
BUILT = frozenset(
    {"registry", "regctl", "helm", "actionlint"}
)  # what `just tools` builds, so CI has no excuse
IN_CI = os.environ.get("CI") == "true"
START_SECONDS = 20.0

USER = "robot"
PASSWORD = "correct-horse"
# bcrypt of PASSWORD at the lowest cost: the server computes it again for every request.
HTPASSWD = f"{USER}:$2b$04$yacPx054l6rJldN0zYt2..2eSebION.8F.4Mg6f4kzkVrYhOWM05C\n"

# The shell becomes the program; what it leaves behind ends the program as soon as its standard input closes.
TIED_TO_US = 'exec 3<&0; (read -r _ <&3; kill $$) & exec "$@" </dev/null 3<&-'


def tool(name: str) -> Path:
    """Return the path of a program from .tools/bin or PATH; skip the test where there is none.

    With CI=true a missing program that `just tools` builds is a failure.
    """
    built = ROOT / ".tools" / "bin" / name
    if built.is_file():
        return built
    if found := shutil.which(name):
        return Path(found)
    advice = " (./justw tools builds it)" if name in BUILT else ""
    reason = f"{NEEDS}the program {name}{advice}"
    if IN_CI and name in BUILT:
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True, slots=True)
class Served:
    """One request as the server's access log has it."""

    method: str
    path: str
    status: int


class RealServer:
    """A program that serves, from its start to the end of its context."""

    _process: subprocess.Popen[bytes]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listening(self, log: Path, saying: str) -> str:
        """Wait until the server's log says where it listens, which `saying` finds, and return that host and port."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            text = log.read_text(encoding="utf-8")
            if found := re.search(saying, text):
                return found[1]
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{log.stem} did not start:\n{text}")
            time.sleep(0.01)


class DistributionServer(RealServer):
    """The real CNCF Distribution v3 server on a free loopback port, with its storage in a folder of its own.

    `login` asks for USER and PASSWORD (htpasswd), `token` for what that service gives out; `tls` serves HTTPS with a
    certificate of the private authority in `ca_file`. Upload locations name the Host that the client asked for.
    """

    def __init__(
        self,
        folder: Path,
        *,
        delete: bool = True,
        login: bool = False,
        token: TokenServer | None = None,
        tls: bool = False,
    ) -> None:
        self.folder = folder
        self.delete = delete
        self.login = login
        self.token = token
        self.tls = tls
        self.url = ""
        self.ca_file = folder / "ca.pem"

    @property
    def host(self) -> str:
        """Return host and port, as an image reference has them."""
        return self.url.partition("://")[2]

    def requests(self) -> list[Served]:
        """Return what was served so far; the line for a large answer may come a moment after its last byte."""
        line = re.compile(r'"([A-Z]+) (\S+) HTTP/[\d.]+" (\d{3}) ')
        log = (self.folder / "access.log").read_text(encoding="utf-8")
        return [Served(found[1], found[2], int(found[3])) for found in line.finditer(log)]

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.json"  # JSON is YAML, too
        config.write_text(json.dumps(self._configuration(), indent=2), encoding="utf-8")
        command = ["sh", "-c", TIED_TO_US, "sh", str(tool("registry")), "serve", str(config)]
        environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
        with (
            (self.folder / "access.log").open("wb") as access,
            (self.folder / "server.log").open("wb") as log,
        ):
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=access, stderr=log, env=environment
            )
        try:
            host = self._listening(self.folder / "server.log", r"listening on (127\.0\.0\.1:\d+)")
            self.url = f"{'https' if self.tls else 'http'}://{host}"
        except BaseException:
            self._stop()
            raise
        return self

    def _configuration(self) -> dict[str, object]:
        http: dict[str, object] = {"addr": "127.0.0.1:0", "secret": "one server alone"}
        if self.tls:
            authority = trustme.CA()
            certificate = authority.issue_cert("127.0.0.1", "localhost")
            authority.cert_pem.write_to_path(self.ca_file)
            certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")
            http["tls"] = {name: str(self.folder / "server.pem") for name in ("certificate", "key")}
        configuration: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "storage")},
                "delete": {"enabled": self.delete},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": http,
        }
        if self.login:
            passwords = self.folder / "htpasswd"
            passwords.write_text(HTPASSWD, encoding="utf-8")
            configuration["auth"] = {"htpasswd": {"realm": "regsync tests", "path": str(passwords)}}
        if self.token:
            configuration["auth"] = {"token": self.token.configuration(self.folder)}
        return configuration
