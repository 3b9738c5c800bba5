"""Somebody who speaks to the Palette of the tests by hand, and what such people register."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx

from tests.support.palette import PaletteServer

OCI = "/v1/registries/oci"
TLS = {"enabled": True, "insecureSkipVerify": False, "certificate": ""}
SECRET = "s3cret-of-palette"
LOGIN = {"type": "basic", "username": "robot$palette", "password": SECRET}
PACKS = {
    "endpoint": "https://harbor.example.com",
    "basePath": "",
    "baseContentPath": "platform",
    "providerType": "pack",
    "isSyncSupported": True,
    "containsSpectroManifest": False,
    "auth": {**LOGIN, "tls": TLS},
}
CHARTS = {
    "endpoint": "123456789012.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com",
    "defaultRegion": "us-west-1",
    "isPrivate": True,
    "providerType": "helm",
    "isSyncSupported": True,
    "baseContentPath": "charts",
    "containsSpectroManifest": False,
    "credentials": {
        "credentialType": "sts",
        "partition": "aws",
        "sts": {"arn": "arn:aws:iam::123456789012:role/palette-read", "externalId": "shared"},
    },
    "tls": TLS,
}


class Client:
    """Somebody who speaks to Palette by hand."""

    def __init__(
        self, palette: PaletteServer, key: str | None = None, verify: ssl.SSLContext | bool = False
    ) -> None:
        self.http = httpx.Client(
            timeout=60,  # a visit of a registry may take long on a busy machine
            base_url=palette.url,
            headers={"ApiKey": key or palette.api_key},
            verify=verify,
        )

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        return (
            self.http.request(method, path, json=body, params=query)
            if body is not None
            else (self.http.request(method, path, params=query))
        )

    def create(self, name: str, kind: str = "basic", spec: Any = PACKS, **metadata: Any) -> httpx.Response:
        body = {"metadata": {"name": name, **metadata}, "spec": spec}
        return self("POST", f"{OCI}/{kind}", body, skipPackSync="true")

    def created(self, name: str, kind: str = "basic", spec: Any = PACKS, **metadata: Any) -> str:
        """The path of a new registration."""
        answer = self.create(name, kind, spec, **metadata)
        assert answer.status_code == 201, answer.text
        return f"{OCI}/{answer.json()['uid']}/{kind}"

    def read(self, path: str) -> Any:
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sync(self, path: str, *, force: bool = False) -> Any:
        """Have a registry listed, and wait; return the last status."""
        assert self("POST", f"{path}/sync", forceSync=json.dumps(force)).status_code == 202
        while (status := self.read(f"{path}/sync/status"))["status"] == "InProgress":
            pass
        return status


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()
    assert set(error) == {"code", "message", "ref", "details"}
    return answer.status_code, error["code"], error["message"]
