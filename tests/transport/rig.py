"""What the transport's tests share: a spec, a transport that never really sleeps, and answers that registries give."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, Provider, RegistrySpec, RegistryType, SecretRef, Tls
from regsync.transport.client import Transport
from regsync.transport.credentials import Logins
from regsync.transport.wire import Timeouts
from tests.support.scripted import Answer

AT = Origin("registries/prod.yaml", 9, 5)
SECRET = "s3cret-pass"
LOGIN = Auth(AuthMethod.BASIC, "robot", SecretRef("env", "REGISTRY_PASSWORD", AT))
TOKEN = Auth(AuthMethod.TOKEN, token=SecretRef("env", "REGISTRY_TOKEN", AT))
ANONYMOUS = Auth(AuthMethod.NONE)
ENVIRONMENT = {"REGISTRY_PASSWORD": SECRET, "REGISTRY_TOKEN": "ready-made-token"}
JSON = {"Content-Type": "application/json"}
REGISTRY = {**JSON, "Docker-Distribution-Api-Version": "registry/2.0"}
OK: Answer = (200, REGISTRY, b"{}")


def make_spec(url: str, **fields: Any) -> RegistrySpec:
    given: dict[str, Any] = {
        "name": "prod",
        "owner": "prod",
        "provider": Provider.PACK,
        "type": RegistryType.BASIC,
        "endpoint": url,
        "shown_endpoint": url,
        "base_content_paths": ("team",),
        "origin": Origin("registries/prod.yaml", 1, 1),
        "origins": {"auth": AT},
        "auth": ANONYMOUS,
        "tls": Tls(),
    }
    return RegistrySpec(**{**given, **fields})


class Clock:
    """Time that passes only by sleeping; `pauses` has the seconds of each sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@contextmanager
def transport(
    url: str,
    *,
    environment: Mapping[str, str] = ENVIRONMENT,
    clock: Clock | None = None,
    read_only: bool = False,
    logins: Logins | None = None,
    pace: Callable[[str, str], None] | None = None,
    log: list[str] | None = None,
    parallelism: int = 8,
    timeouts: Timeouts = Timeouts(connect=5, read=5, write=5, stored=5),  # noqa: B008 - frozen
    **fields: Any,
) -> Iterator[Transport]:
    clock = clock or Clock()
    opened = Transport(
        make_spec(url, **fields),
        environment=environment,
        parallelism=parallelism,
        read_only=read_only,
        logins=logins,
        pace=pace,
        log=(log if log is not None else []).append,
        timeouts=timeouts,
        clock=clock,
        sleep=clock.sleep,
    )
    try:
        yield opened
    finally:
        opened.close()


def basic(user: str = "robot", password: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def oci_error(status: int, code: str, message: str = "said the registry") -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, REGISTRY, body


def unauthorized(challenge: str | None) -> Answer:
    status, headers, body = oci_error(401, "UNAUTHORIZED", "authentication required")
    return (
        status,
        {**dict(headers), **({"WWW-Authenticate": challenge} if challenge is not None else {})},
        body,
    )


def html(status: int) -> Answer:
    return status, {"Content-Type": "text/html; charset=utf-8"}, b"<!DOCTYPE html><html>welcome</html>"
