"""A distribution store as the tests open it (it writes, and it never sleeps), and a server that answers by a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from email.message import Message
from pathlib import Path

from regsync.model.diagnostic import Origin
from regsync.model.registry import Auth, AuthMethod, RegistrySpec, RegistryType, SecretRef, Tls
from regsync.registries.distribution import DistributionStore
from regsync.transport.client import Transport
from tests.registries.vendor import a_spec
from tests.support.scripted import Answer, ScriptedServer
from tests.support.servers import PASSWORD, USER, DistributionServer

JSON = {"Content-Type": "application/json"}
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
PAGE: Answer = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>")
UNKNOWN: Answer = (404, JSON | VERSION, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

ENVIRONMENT: Mapping[str, str] = {"REGISTRY_PASSWORD": PASSWORD}


def spec_for(url: str, *, login: bool = False, ca_file: Path | None = None) -> RegistrySpec:
    """The registry at a URL; with `login` as USER, whose password is in ENVIRONMENT."""
    secret = SecretRef("env", "REGISTRY_PASSWORD", Origin("registry.yaml", 7, 1))
    auth = Auth(AuthMethod.BASIC, USER, secret) if login else Auth(AuthMethod.NONE)
    return replace(a_spec(RegistryType.BASIC, url), auth=auth, tls=Tls(ca_file=ca_file))


def spec_of(server: DistributionServer) -> RegistrySpec:
    return spec_for(server.url, login=server.login, ca_file=server.ca_file if server.tls else None)


@contextmanager
def store_at(
    url: str, *, login: bool = False, sleep: Callable[[float], object] = lambda seconds: None
) -> Iterator[DistributionStore]:
    store = DistributionStore(Transport(spec_for(url, login=login), environment=ENVIRONMENT, sleep=sleep))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def scripted(
    answers: Mapping[str, Answer], *, login: bool = False
) -> Iterator[tuple[DistributionStore, ScriptedServer]]:
    """A store and the server behind it, which answers what is not in `answers` ("METHOD path") with 500."""

    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        welcome: Answer = (200, JSON | VERSION, b"{}")
        if login and headers["Authorization"] is None:
            return (401, JSON | {"WWW-Authenticate": 'Basic realm="x"'}, b"{}")
        return {"GET /v2/": welcome, **answers}.get(f"{method} {path}", (500, {}, b"not in the script"))

    with ScriptedServer(script) as server, store_at(server.url, login=login) as store:
        yield store, server


def asked(server: ScriptedServer) -> list[str]:
    """All requests but the greeting."""
    return [f"{each.method} {each.path}" for each in server.requests if each.path != "/v2/"]


def errors(*codes: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower()} for code in codes]}).encode()
