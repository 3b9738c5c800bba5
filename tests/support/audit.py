"""Reads all that is in a registry server by nothing but HTTP, and fails where a tag leads to something incomplete."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path
from typing import Any

from tests.support.servers import PASSWORD, USER, DistributionServer

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sound_tags(server: DistributionServer, prefix: str) -> dict[str, str]:
    """Digest by `repository:tag` of all tags beneath a repository prefix; every one has been read to its last byte."""
    with closing(_connection(server)) as connection:
        reader = _Reader(connection, server.login)
        return {
            f"{repository}:{tag}": reader.digest_of_sound_tag(repository, tag)
            for repository in reader.repositories(prefix)
            for tag in reader.tags(repository)
        }


def sound_layout_tags(directory: Path) -> dict[str, str]:
    """The same of a directory of OCI image layouts."""
    found = {}
    for index in directory.rglob("index.json"):
        blobs = index.parent / "blobs" / "sha256"
        for manifest in json.loads(index.read_bytes())["manifests"]:
            tag = manifest.get("annotations", {}).get("org.opencontainers.image.ref.name")
            if tag is not None:
                raw = _verified(manifest["digest"], (blobs / manifest["digest"][7:]).read_bytes())
                for part in _parts(raw):
                    _verified(part["digest"], (blobs / part["digest"][7:]).read_bytes())
                found[f"{index.parent.relative_to(directory)}:{tag}"] = manifest["digest"]
    return found


class _Reader:
    def __init__(self, connection: HTTPConnection, login: bool) -> None:
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._connection = connection
        self._headers = {"Accept": IMAGE_MANIFEST} | (
            {"Authorization": f"Basic {credentials}"} if login else {}
        )

    def get(self, path: str) -> tuple[int, HTTPMessage, bytes]:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path)[2])

    def repositories(self, prefix: str) -> list[str]:
        names = self.json(f"/v2/_catalog?n=1000&last={prefix}")["repositories"]
        return [name for name in names if name.startswith(f"{prefix}/")]

    def tags(self, repository: str) -> list[str]:
        return self.json(f"/v2/{repository}/tags/list").get("tags") or []

    def digest_of_sound_tag(self, repository: str, tag: str) -> str:
        status, headers, raw = self.get(f"/v2/{repository}/manifests/{tag}")
        assert status == 200, f"{repository}:{tag} is listed, but it cannot be read"
        for part in _parts(_verified(headers["Docker-Content-Digest"], raw)):
            status, _, blob = self.get(f"/v2/{repository}/blobs/{part['digest']}")
            assert status == 200, f"{repository}:{tag} lacks {part['digest']}"
            _verified(part["digest"], blob)
        return headers["Docker-Content-Digest"]


def _connection(server: DistributionServer) -> HTTPConnection:
    if server.tls:
        context = ssl.create_default_context(cafile=server.ca_file)
        return HTTPSConnection(server.host, timeout=30, context=context)
    return HTTPConnection(server.host, timeout=30)


def _parts(manifest: bytes) -> list[dict[str, Any]]:
    document = json.loads(manifest)
    return [document["config"], *document["layers"]]


def _verified(digest: str, data: bytes) -> bytes:
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    return data
