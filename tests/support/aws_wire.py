"""Plain HTTP to a registry's /v2 with a token of AWS: what someone else does there behind regsync's back."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest

from tests.support.aws import Aws
from tests.support.aws_images import digest_of
from tests.support.clients import call

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b"{}"


class Wire:
    """Requests to the registry of an account in one region, for the time of its context."""

    def __init__(self, aws: Aws, region: str = "us-east-1") -> None:
        self.host = aws.host(region)
        login = base64.b64encode(f"AWS:{aws.password(region)}".encode()).decode()
        self.headers = {"Host": self.host, "Authorization": f"Basic {login}"}
        self._client = httpx.Client(base_url=aws.url)

    def __call__(self, method: str, path: str, data: bytes = b"", **headers: str) -> httpx.Response:
        """One request; headers given here replace ours."""
        return self._client.request(method, path, content=data, headers={**self.headers, **headers})

    def upload(self, name: str, data: bytes) -> httpx.Response:
        """Upload a blob in one piece."""
        started = self("POST", f"/v2/{name}/blobs/uploads/")
        if started.status_code != 202:
            return started
        location = httpx.URL(started.headers["Location"])
        assert (location.scheme, location.host) == ("https", self.host)
        return self("PUT", f"{location.path}?digest={digest_of(data)}", data)

    def put(self, name: str, reference: str, manifest: bytes) -> httpx.Response:
        """Put an OCI manifest."""
        return self("PUT", f"/v2/{name}/manifests/{reference}", manifest, **{"Content-Type": OCI_MANIFEST})

    def push(self, name: str, tag: str, layer: bytes = b"layer") -> str:
        """Push `image(layer)` with its blobs and return its digest."""
        for blob in (CONFIG, layer):
            assert self.upload(name, blob).status_code == 201
        assert self.put(name, tag, image(layer)).status_code == 201
        return digest_of(image(layer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def pull_with_regctl(aws: Aws, reference: str, to: Path, region: str = "us-east-1") -> None:
    """Fetch the layer of REPOSITORY:TAG into a folder; regctl calls the registry by its own name, through a proxy."""
    login = f"reg={aws.host(region)},user=AWS,pass={aws.password(region)},tls=disabled"
    get = ("artifact", "get", f"{aws.host(region)}/{reference}", "--output", to)
    call("regctl", "--host", login, *get, HTTP_PROXY=aws.url)


def image(layer: bytes = b"layer", **annotations: str) -> bytes:
    """An OCI manifest with this one layer, layer.tar."""
    title = {"annotations": {"org.opencontainers.image.title": "layer.tar"}}
    config = described("application/vnd.unknown.config.v1+json", CONFIG)
    layers = [described("application/x-tar", layer) | title]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    return json.dumps({**document, "annotations": annotations}).encode()


def described(media_type: str, data: bytes) -> dict[str, object]:
    """How an OCI manifest names these bytes."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def refused(call: Any, **parameters: object) -> tuple[str, str]:
    """Code and message of the refusal that a call of botocore's meets."""
    with pytest.raises(Exception, match="An error occurred") as caught:
        call(**parameters)
    error = vars(caught.value)["response"]["Error"]  # of a class that need not be loaded here
    return error["Code"], error["Message"]


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error of /v2."""
    [error] = answer.json()["errors"]
    return answer.status_code, error["code"], error["message"]
