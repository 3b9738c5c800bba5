"""Runs ministack, which plays ECR's control plane, its /v2 data plane and STS, and speaks to it as whoever is meant.

It tells accounts apart by the access key id (twelve digits are an account) or the Host, checks no signature and
asks for no login. Knows nothing of what AWS does otherwise.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.loopback import Fields
from tests.support.servers import NEEDS, TIED_TO_US, RealServer

ECR = "AmazonEC2ContainerRegistry_V20150921"
LONGEST_ANSWER = 60.0
OWN_HEADERS = ("x-amz", "access-control", "connection", "date", "server", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Scope:
    """One private registry: the account and the region that it belongs to."""

    account: str
    region: str

    @property
    def host(self) -> str:
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    def arn(self, repository: str) -> str:
        """The ARN of a repository, which need not exist."""
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{repository}"


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as ministack gave it, without what is its own (request ids, CORS)."""

    status: int
    headers: Fields
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


class MinistackServer(RealServer):
    """ministack with ECR and STS alone, on a free loopback port; all it holds is in its memory."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("ministack") is None:
            pytest.skip(f"{NEEDS}the Python package ministack (the extra dev brings it)")
        self.folder = folder
        self.host = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Raw:
        """One request, on a connection of its own."""
        connection = HTTPConnection(self.host, timeout=LONGEST_ANSWER)
        try:
            connection.request(method, path, body, {"Connection": "close", **headers})
            answer = connection.getresponse()
            kept = [pair for pair in answer.getheaders() if not pair[0].lower().startswith(OWN_HEADERS)]
            return Raw(answer.status, kept, answer.read())
        finally:
            connection.close()

    def api(self, scope: Scope, action: str, parameters: Mapping[str, object]) -> Raw:
        """Call ECR's control plane in this registry."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{ECR}.{action}",
            "Authorization": signed_by(scope.account, scope.region, "ecr"),
        }
        return self.send("POST", "/", headers, json.dumps(parameters).encode())

    def v2(
        self, scope: Scope, method: str, path: str, body: bytes = b"", content_type: str | None = None
    ) -> Raw:
        """Ask this registry's data plane."""
        headers = {"Host": scope.host} | ({"Content-Type": content_type} if content_type else {})
        return self.send(method, path, headers, body)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": "0",
            "SERVICES": "ecr,sts",
            "IOT_MTLS_ENABLED": "0",  # it would listen on every interface, whatever BIND_HOST says
            "PERSIST_STATE": "0",
            "STATE_DIR": str(self.folder / "state"),
            "DOCKER_HOST": f"unix://{self.folder}/none",  # it would remove other ministacks' containers
        }
        command = ["sh", "-c", TIED_TO_US, "sh", sys.executable, "-m", "ministack"]
        with (self.folder / "ministack.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd=self.folder
            )
        try:
            self.host = self._listening(
                self.folder / "ministack.log", r"Running on http://(127\.0\.0\.1:\d+) "
            )
        except BaseException:
            self._stop()
            raise
        return self


def signed_by(key: str, region: str, service: str) -> str:
    """The Authorization header of AWS signature 4, as far as ministack reads it."""
    return f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, Signature=unread"
