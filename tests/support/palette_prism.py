"""Runs Prism, a judge of requests by an API description that no one here wrote, on the description of Palette."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.support.palette import Seen
from tests.support.palette_swagger import FILE
from tests.support.servers import NEEDS, ROOT, TIED_TO_US, RealServer

PROGRAM = ROOT / ".tools" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
KEY = "any-key-will-do"


class PrismServer(RealServer):
    """Prism with `--errors`: it answers a request that violates the description with 422 (without a key: 401), any other
    with an example of the answer that is described."""

    def __init__(self, folder: Path) -> None:
        node = shutil.which("node")
        if node is None or not PROGRAM.is_file():
            pytest.skip(f"{NEEDS}Prism and Node (./justw tools installs Prism where there is npm)")
        self.folder = folder
        self.url = ""
        self._node = node

    def judge(self, seen: Seen) -> str | None:
        """Send a request once more, to Prism, and return what it finds wrong."""
        headers = {"ApiKey": KEY} | ({"Content-Type": seen.headers["content-type"]} if seen.body else {})
        content = json.dumps(seen.body).encode() if seen.body is not None else b""
        url = httpx.URL(f"{self.url}{seen.path}", params=dict(seen.query))
        answer = httpx.request(seen.method, url, headers=headers, content=content, trust_env=False)
        violations: str | None = answer.headers.get("sl-violations")
        return violations if answer.status_code < 400 else f"{answer.status_code} {violations} {answer.text}"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        prism = [
            self._node,
            str(PROGRAM),
            "mock",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--errors",
            str(FILE),
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        with (self.folder / "prism.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", TIED_TO_US, "sh", *prism],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
            )
        try:
            host = self._listening(self.folder / "prism.log", r"listening on http://(127\.0\.0\.1:\d+)")
            self.url = f"http://{host}"
        except BaseException:
            self._stop()
            raise
        return self
