"""Harbor's API v2.0: its paths, forms and pages. Knows nothing of packs and of what is desired."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from regsync.model.errors import PermissionDenied, ProtocolError, RegistryError
from regsync.model.reference import is_digest
from regsync.transport.client import Transport
from regsync.transport.messages import Bytes, Response

ROOT: Final = "/api/v2.0"
PAGE = 100
"""Objects to ask for at once: the most that Harbor gives."""
MOST_PAGES = 1000
READINGS = 3
"""How often a list is read that changes under way."""

_JSON = "application/json"
# Without it a name of digits alone is taken for an id.
_BY_NAME = {"X-Is-Resource-Name": "true"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListedArtifact:
    """What a list tells of an artifact with tags. `size` is in bytes, of its OCI manifest and all blobs that this names
    together; `tags` say of each whether a rule of the project keeps it as it is."""

    digest: str
    size: int
    annotations: Mapping[str, str]
    tags: Mapping[str, bool]


class HarborApi:
    """The API of one Harbor. Its methods raise RegistryErrors: NotFound only in Harbor's own words, PermissionDenied
    also where what is asked for may not be there, since Harbor tells only administrators which of the two it is."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def is_there(self) -> bool:
        """Whether Harbor answers, which says `Pong` to whoever asks (its API, "ping")."""
        try:
            response = self._http.request("GET", f"{ROOT}/ping", direct=True, expect={200})
        except RegistryError:
            return False
        return response.body.strip().strip(b'"') == b"Pong"

    def artifacts(self, project: str, repository: str) -> list[ListedArtifact]:
        """All artifacts with tags. None at all may also be a repository or a project that is not there."""
        # `*` stands for any tag. Whether a tag is immutable is told only to those who ask.
        query = "q=tags%3D*&with_tag=true&with_immutable_status=true"
        return [
            _artifact(each) for each in self._pages(f"{_repository(project, repository)}/artifacts", query)
        ]

    def repositories(self, project: str) -> list[str]:
        """All repositories of a project, the project's name included."""
        found = self._pages(f"{ROOT}/projects/{project}/repositories", "")
        return [_field(each, "name", str) for each in found]

    def every_repository(self) -> list[str]:
        """All repositories that the login may see, whatever their project."""
        return [_field(each, "name", str) for each in self._pages(f"{ROOT}/repositories", "")]

    def expect_repository(self, project: str, repository: str) -> None:
        """Raise NotFound where there is no such repository. One with untagged artifacts alone counts."""
        self._get(_repository(project, repository))

    def untag(self, project: str, repository: str, digest: str, tag: str) -> None:
        """Take a tag off the artifact that has it. Raises NotFound where this artifact has no such tag."""
        path = f"{_repository(project, repository)}/artifacts/{digest}/tags/{tag}"
        self._http.request("DELETE", path, direct=True, expect={200})

    def exists(self, project: str) -> bool:
        """Whether there is a project of that name, be it open to the login or not."""
        path = f"{ROOT}/projects?project_name={project}"
        response = self._http.request("HEAD", path, direct=True, accept=_JSON, expect={200, 404})
        if response.status == 404 and response.content_type != _JSON:
            self.project(project)  # not Harbor's own answer: that to a GET says whose it is
        return response.status == 200

    def project(self, project: str) -> dict[str, Any]:
        """What Harbor tells of a project: `project_id`, `metadata`, …"""
        return _object(self._get(f"{ROOT}/projects/{project}"))

    def storage_limit(self, project: str) -> int:
        """The most bytes that a project may hold, -1 for no limit. Raises PermissionDenied where it is not told."""
        response = self._get(f"{ROOT}/projects/{project}/summary")
        summary = _object(response)
        if "quota" not in summary:
            raise PermissionDenied(
                f"GET {response.url}: 200 without a quota: the login may not read it, or Harbor keeps none"
            )
        return _field(_field(_field(summary, "quota", dict), "hard", dict), "storage", int)

    def create_project(self, project: str, *, public: bool, storage_limit: int | None) -> None:
        """Create a project; without a limit it gets the one that is set for all. Raises Conflict where it exists.

        Harbor heeds the limit of system administrators only, and tells nobody else so.
        """
        # All metadata are texts in Harbor.
        body: dict[str, Any] = {"project_name": project, "metadata": {"public": _text(public)}}
        if storage_limit is not None:
            body["storage_limit"] = storage_limit
        self._write("POST", f"{ROOT}/projects", body, {201})

    def set_public(self, project: str, *, public: bool) -> None:
        """Open a project to everyone's reading, or close it. Other metadata stay."""
        self._write("PUT", f"{ROOT}/projects/{project}/metadatas/public", {"public": _text(public)}, {200})

    def set_storage_limit(self, project: str, limit: int) -> None:
        """Set the most bytes that a project may hold, which is for system administrators."""
        number = _field(self.project(project), "project_id", int)
        found = self._pages(f"{ROOT}/quotas", f"reference=project&reference_id={number}")
        if len(found) != 1:
            raise ProtocolError(f"Harbor tells of {len(found)} quotas of project {project}, not of one")
        path = f"{ROOT}/quotas/{_field(found[0], 'id', int)}"
        self._write("PUT", path, {"hard": {"storage": limit}}, {200})

    def _get(self, path: str) -> Response:
        return self._http.request("GET", path, direct=True, accept=_JSON, headers=_BY_NAME, expect={200})

    def _write(self, method: str, path: str, body: object, expect: Collection[int]) -> None:
        fields = {**_BY_NAME, "Content-Type": _JSON}
        data = Bytes(json.dumps(body).encode())
        self._http.request(method, path, direct=True, headers=fields, body=data, expect=expect)

    def _pages(self, path: str, query: str) -> list[dict[str, Any]]:
        """All objects of a list. What is deleted while it is read moves others over the edge of a page, unseen, so it is
        read anew then."""
        for _ in range(READINGS):
            items: list[dict[str, Any]] = []
            totals = set()
            for response in self._linked(f"{path}?{query}&page_size={PAGE}".replace("?&", "?")):
                document = response.json()
                if not isinstance(document, list) or not all(isinstance(each, dict) for each in document):
                    raise ProtocolError(f"GET {response.url}: 200 without a list of objects")
                items += document
                totals.add(response.headers.get("x-total-count"))
            if len(totals) == 1:
                return items
        raise ProtocolError(f"GET {path}: the list changed each of the {READINGS} times that it was read")

    def _linked(self, path: str) -> Iterator[Response]:
        """The answers to a list's first page and to all that are linked from there."""
        for _ in range(MOST_PAGES):
            response = self._get(path)
            yield response
            if response.next_query is None:
                return
            path = f"{path.partition('?')[0]}?{response.next_query}"
        raise ProtocolError(f"GET {path}: the pages do not come to an end ({MOST_PAGES} read)")


def _repository(project: str, name: str) -> str:
    """The path of a repository. Harbor wants the slashes of its name encoded twice, since the proxy in front decodes
    once."""
    return f"{ROOT}/projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}"


def _text(flag: bool) -> str:
    return "true" if flag else "false"


def _artifact(item: dict[str, Any]) -> ListedArtifact:
    digest, tags = _field(item, "digest", str), item.get("tags") or []
    annotations = item.get("annotations") or {}
    if not is_digest(digest) or not isinstance(tags, list) or not isinstance(annotations, dict):
        raise ProtocolError(f"Harbor lists an artifact that is none: {digest[:80]!r}")
    return ListedArtifact(
        digest,
        _field(item, "size", int),
        {key: value for key, value in annotations.items() if isinstance(value, str)},
        {_field(each, "name", str): each.get("immutable") is True for each in tags},
    )


def _object(response: Response) -> dict[str, Any]:
    document = response.json()
    if not isinstance(document, dict):
        raise ProtocolError(f"{response.method} {response.url}: {response.status} without an object")
    return document


def _field(document: object, name: str, kind: type[T]) -> T:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise ProtocolError(f"Harbor's answer lacks `{name}`")
    return value
