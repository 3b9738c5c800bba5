"""`/v2` of a Harbor of the tests: its logins and rules in front of a real CNCF Distribution server, which has the bytes.

The registry behind knows manifests by their digests only: tags are Harbor's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from regsync.model.reference import is_digest, is_tag, sha256_digest
from tests.support.harbor_api import Asked, Said, as_json
from tests.support.harbor_state import Harbor, Project, Refused, Repository, Token

UPSTREAM_SECONDS = 60.0
PASSED_ON = ("Accept", "Content-Type", "Content-Length", "Range", "Content-Range")
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class DataPlane:
    """`upstream` is the server behind, in which all repositories stand below `prefix`."""

    def __init__(self, harbor: Harbor, upstream: str, prefix: str) -> None:
        self._harbor = harbor
        self._upstream = upstream.removeprefix("http://")
        self._prefix = prefix

    def handle(self, asked: Asked, token: Token | None, realm: str) -> Said:
        if asked.path == "/v2/":
            if not (token.account if token else asked.account):
                raise self._challenge(asked, realm, "", "unauthorized")
            return Said(200, {"Content-Type": "application/json; charset=utf-8", **VERSION}, b"{}")
        if asked.path == "/v2/_catalog":
            words = "unauthorized to list catalog: unauthorized to list catalog"
            raise Refused(401, "UNAUTHORIZED", words, WWW_Authenticate='Basic realm="harbor"', **_VERSION)
        for pattern, handler in self._routes():
            if found := re.fullmatch(rf"/v2/(?P<name>.+){pattern}", asked.path):
                name = found["name"]
                if "/" not in name:
                    raise Refused(400, "BAD_REQUEST", f"bad request: invalid repository name: {name}")
                self._permit(asked, name, token, realm)
                said: Said = handler(asked, **found.groupdict())
                return said
        raise Refused(404, "NOT_FOUND", f"path {asked.path} was not found")

    def _routes(self) -> Sequence[tuple[str, Callable[..., Said]]]:
        return (
            ("/tags/list", self._tags),
            ("/manifests/(?P<reference>[^/]+)", self._manifest),
            ("/blobs/uploads/(?P<session>[^/]*)", self._upload),
            ("/blobs/(?P<digest>[^/]+)", self._blob),
        )

    def _permit(self, asked: Asked, name: str, token: Token | None, realm: str) -> None:
        """Let only those pass who may: a missing project is told by an empty challenge, and whoever has shown some login is
        asked for none but Basic."""
        needed = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(asked.method, "push")
        sent = "Authorization" in asked.headers
        scope = f"repository:{name}:{'pull,push' if needed == 'push' else needed}"
        if not sent and needed == "pull":
            words = "authorize header needed to send HEAD to repository"
            raise self._challenge(asked, realm, scope, words)
        project = name.partition("/")[0]
        mounted = parse_qs(urlsplit(asked.target).query).get("from", [""])[0]
        for wanted in (project, mounted.partition("/")[0]):
            if wanted and wanted not in self._harbor.projects:
                text = f"project {wanted} not found: project {wanted} not found"
                raise Refused(401, "UNAUTHORIZED", text, WWW_Authenticate="", **_VERSION)
        allowed = self._actions(asked, name, token)
        looks = needed == "pull" and (asked.method == "HEAD" or asked.path.endswith("/tags/list"))
        if needed not in allowed and not (looks and "push" in allowed):
            words = f"unauthorized to access repository: {name}, action: {needed}"
            raise self._challenge(asked, realm, scope, words)

    def _actions(self, asked: Asked, name: str, token: Token | None) -> frozenset[str]:
        return token.access.get(name, frozenset()) if token else self._harbor.actions(asked.account, name)

    def _challenge(self, asked: Asked, realm: str, scope: str, words: str) -> Refused:
        challenge = 'Basic realm="harbor"'
        if "Authorization" not in asked.headers:
            suffix = f',scope="{scope}"' if scope else ""
            challenge = f'Bearer realm="{realm}",service="harbor-registry"{suffix}'
        return Refused(401, "UNAUTHORIZED", f"{words}: {words}", WWW_Authenticate=challenge, **_VERSION)

    def _tags(self, asked: Asked, name: str) -> Said:
        repository = self._repository(name)
        tags = sorted(repository.tags)
        after, count = asked.query.get("last", ""), asked.query.get("n")
        tags = [each for each in tags if each > after]
        link = {}
        if count and int(count) < len(tags):
            tags = tags[: int(count)]
            link["Link"] = f'</v2/{name}/tags/list?last={tags[-1]}&n={count}>; rel="next"'
        return as_json({"name": name, "tags": tags}, link)

    def _manifest(self, asked: Asked, name: str, reference: str) -> Said:
        if asked.method == "PUT":
            return self._put_manifest(asked, name, reference)
        if asked.method == "DELETE" and not is_digest(reference):
            text = f"unsupported digest {reference}: invalid checksum digest format"
            raise Refused(400, "UNSUPPORTED", text)
        repository = self._repository(name)
        digest = repository.tags.get(reference, reference)
        if digest not in repository.artifacts:
            separator = "@" if is_digest(reference) else ":"
            raise Refused(404, "NOT_FOUND", f"artifact {name}{separator}{reference} not found")
        if asked.method == "DELETE":
            return self._delete_manifest(self._project(name), repository, digest)
        return self._forward(asked, f"/v2/{self._prefix}/{name}/manifests/{digest}")

    def _put_manifest(self, asked: Asked, name: str, reference: str) -> Said:
        project, digest = self._project(name), sha256_digest(asked.body)
        tag = None if is_digest(reference) else reference
        if tag is not None and not is_tag(tag):
            raise Refused(400, "BAD_REQUEST", f"invalid tag name: {tag}")
        repository = self._harbor.repository(name) or Repository()
        if tag in repository.tags and project.keeps(tag):
            short = name.partition("/")[2]
            text = f"Failed to process request due to '{short}:{tag}' configured as immutable."
            raise Refused(412, "PRECONDITION", text)
        self._refuse_proxy(project)
        self._reserve(project, digest, len(asked.body))
        stored = digest if tag else reference
        said = self._forward(asked, f"/v2/{self._prefix}/{name}/manifests/{stored}")
        if said.status == 201:
            project.store(digest, len(asked.body))
            media_type = asked.headers.get("Content-Type", "")
            self._harbor.push(name, tag, media_type, asked.body)
        return said

    def _delete_manifest(self, project: Project, repository: Repository, digest: str) -> Said:
        tags = [tag for tag, on in repository.tags.items() if on == digest]
        for tag in tags:
            if project.keeps(tag):
                text = f"the tag {tag} configured as immutable, cannot be deleted"
                raise Refused(412, "PRECONDITION", text)
        for tag in tags:
            del repository.tags[tag]
        del repository.artifacts[digest]
        return Said(202, {})

    def _upload(self, asked: Asked, name: str, session: str) -> Said:
        project, query = self._project(name), asked.query
        self._refuse_proxy(project)
        size = len(asked.body)
        if "mount" in query:
            stored = self._project(query["from"]).stored
            size = stored.get(query["mount"], 0)
        digest = query.get("mount") or query.get("digest", "")
        self._reserve(project, digest, size)
        target = f"/v2/{self._prefix}/{name}/blobs/uploads/{session}"
        if asks := urlsplit(asked.target).query:
            target += f"?{asks}".replace("&from=", f"&from={self._prefix}%2F")
        said = self._forward(asked, target)
        if said.status == 201:
            project.store(digest, size)
        return said

    def _blob(self, asked: Asked, name: str, digest: str) -> Said:
        return self._forward(asked, f"/v2/{self._prefix}/{name}/blobs/{digest}")

    def _reserve(self, project: Project, digest: str, size: int) -> None:
        """Refuse what would not fit."""
        before = dict(project.stored)
        project.store(digest, size)
        project.stored = before

    def _refuse_proxy(self, project: Project) -> None:
        if project.registry is not None:
            text = f"denied: can not push artifact to a proxy project: {project.name}"
            raise Refused(403, "DENIED", text)

    def _project(self, name: str) -> Project:
        return self._harbor.projects[name.partition("/")[0]]

    def _repository(self, name: str) -> Repository:
        found = self._harbor.repository(name)
        if found is None:
            raise Refused(404, "NOT_FOUND", f"repository {name} not found")
        return found

    def _forward(self, asked: Asked, target: str) -> Said:
        """What the server behind answers; it builds Locations for the host that the client asked for."""
        connection = HTTPConnection(self._upstream, timeout=UPSTREAM_SECONDS)
        headers = {name: asked.headers[name] for name in PASSED_ON if name in asked.headers}
        try:
            connection.request(asked.method, target, asked.body, {**headers, "Host": asked.headers["Host"]})
            with connection.getresponse() as answer:
                body = answer.read()
                kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        finally:
            connection.close()
        if "Location" in kept:
            kept["Location"] = kept["Location"].replace(f"/v2/{self._prefix}/", "/v2/", 1)
        return Said(answer.status, kept, body)


_VERSION: dict[str, Any] = {name.replace("-", "_"): value for name, value in VERSION.items()}


def token_answer(token: str) -> Said:
    body = {"token": token, "access_token": "", "expires_in": 1800, "issued_at": "2026-11-21T15:18:41Z"}
    return Said(200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode())
