"""A distribution server that keeps everything in memory, for whole runs of the program against odd registries."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from regsync.model.errors import RegistryError
from regsync.registries.base import RawManifest
from regsync.registries.image import BytesBlob
from regsync.registries.memory import MemoryStore
from tests.support.loopback import Handler, LoopbackServer, fields
from tests.support.scripted import Answer

USER, PASSWORD = "robot", "s3cret-pass"
_BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_PATH = re.compile(r"/v2/(.+)/(manifests|blobs|tags)/(.*)")


def oci_error(status: int, code: str, message: str = "", **headers: str) -> Answer:
    """The answer by which a registry says what is wrong."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, {"Content-Type": "application/json", **headers}, body


class MemoryServer(LoopbackServer):
    """Serves `store` as a distribution server would; with `login` only to USER. `requests` has all it was asked."""

    def __init__(self, *, login: bool = False) -> None:
        super().__init__()
        self.login = login
        self.store = MemoryStore()
        self.store.read_only = False
        self.requests: list[str] = []
        self._instead: list[tuple[re.Pattern[str], Callable[[], Answer]]] = []

    def on(self, request: str, answer: Answer | Callable[[], Answer]) -> None:
        """Answer so wherever the regular expression is found in "METHOD path"."""
        self._instead.append((re.compile(request), answer if callable(answer) else lambda: answer))

    def handle(self, request: Handler) -> None:
        body = b"".join(request.body())
        asked = f"{request.command} {request.path}"
        self.requests.append(asked)
        status, headers, answer = self._answer(asked, request, body)
        request.answer(
            status, fields({"Docker-Distribution-Api-Version": "registry/2.0", **dict(headers)}), answer
        )

    def _answer(self, asked: str, request: Handler, body: bytes) -> Answer:
        for pattern, answer in self._instead:
            if pattern.search(asked):
                return answer()
        if self.login and request.headers["Authorization"] != _BASIC:
            challenge = {"WWW-Authenticate": 'Basic realm="registry"'}
            return oci_error(401, "UNAUTHORIZED", "authentication required", **challenge)
        try:
            return self._serve(request.command, request.path, request.headers["Content-Type"] or "", body)
        except RegistryError as error:
            return oci_error(error.status or 500, error.code or "UNKNOWN", error.message)

    def _serve(self, method: str, target: str, media_type: str, body: bytes) -> Answer:
        url = urlsplit(target)
        if url.path == "/v2/":
            return _json({})
        if url.path == "/v2/_catalog":
            return _json({"repositories": list(self.store.repositories(""))})
        found = _PATH.fullmatch(url.path)
        if found is None:
            return oci_error(404, "NOT_FOUND")
        repository, kind, reference = found.groups()
        if kind == "tags":
            return _json({"name": repository, "tags": list(self.store.tags(repository))})
        if kind == "manifests":
            return self._manifest(method, repository, reference, media_type, body)
        if method == "POST":
            return 202, {"Location": f"/v2/{repository}/blobs/uploads/1"}, b""
        if method == "PUT":
            self.store.put_blob(repository, BytesBlob(body), lambda part: None)
            return 201, {"Docker-Content-Digest": parse_qs(url.query)["digest"][0]}, b""
        with self.store.open_blob(repository, reference) as blob:
            return 200, {"Content-Type": "application/octet-stream"}, blob.read()

    def _manifest(self, method: str, repository: str, reference: str, media_type: str, body: bytes) -> Answer:
        if method == "PUT":
            manifest = RawManifest(BytesBlob(body).digest, media_type, body)
            self.store.put_manifest(repository, reference, manifest)
            return 201, {"Docker-Content-Digest": manifest.digest}, b""
        manifest = self.store.get_manifest(repository, reference)
        if method == "DELETE":
            self.store.delete_tag(repository, reference, manifest.digest)
            return 202, {}, b""
        headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
        return 200, headers, manifest.data


def _json(document: object) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
