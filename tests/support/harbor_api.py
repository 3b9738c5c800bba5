"""The project API of a Harbor of the tests (`/api/v2.0`), as strict about rights, names and forms as Harbor 2.15.

Knows paths and documents; what is behind them, `harbor_state` knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.support.harbor_state import Account, Artifact, Harbor, Project, Refused, Repository

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
LARGEST_PAGE = 100
FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Asked:
    """One request: the path without the query, once decoded as by the proxy in front."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    account: Account | None

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Said:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def as_json(document: Any, headers: Mapping[str, str] | None = None) -> Said:
    fields = {"Content-Type": "application/json", **(headers or {})}
    return Said(200, fields, json.dumps(document).encode() + b"\n")


class Api:
    """`head_needs_read` is how Harbor answers after 2.15: whether a project exists is told to its readers only.
    `lists_tags` says whether lists of artifacts have their tags."""

    def __init__(self, harbor: Harbor) -> None:
        self._harbor = harbor
        self.head_needs_read = False
        self.lists_tags = True

    def handle(self, asked: Asked) -> Said:
        accept = asked.headers.get("Accept", "*/*")
        if "application/json" not in accept and "*/*" not in accept:
            raise invalid("unsupported media type requested, only [application/json] are available")
        if asked.body and asked.headers.get("Content-Type") != "application/json":
            given = asked.headers.get("Content-Type", "application/octet-stream")
            raise invalid(f'unsupported media type "{given}", only [application/json] are allowed')
        for method, pattern, handler in self._routes():
            found = re.fullmatch(f"/api/v2.0{pattern}", asked.path)
            if found and method == asked.method:
                return handler(asked, *(unquote(each) for each in found.groups()))
        raise Refused(404, "NOT_FOUND", f"path {asked.path} was not found")

    def _routes(self) -> Sequence[tuple[str, str, Callable[..., Said]]]:
        project, repository = r"/projects/([^/]+)", r"/repositories/([^/]+)"
        return (
            ("GET", "/ping", self._ping),
            ("GET", "/repositories", self._every_repository),
            ("HEAD", "/projects", self._project_exists),
            ("POST", "/projects", self._create),
            ("GET", project, self._project),
            ("GET", f"{project}/summary", self._summary),
            ("PUT", f"{project}/metadatas/([^/]+)", self._set_metadata),
            ("GET", f"{project}/repositories", self._repositories),
            ("GET", f"{project}{repository}", self._repository),
            ("GET", f"{project}{repository}/artifacts", self._artifacts),
            ("DELETE", f"{project}{repository}/artifacts/([^/]+)/tags/([^/]+)", self._untag),
            ("GET", "/quotas", self._quotas),
            ("PUT", "/quotas/([0-9]+)", self._set_quota),
        )

    def _ping(self, asked: Asked) -> Said:
        return Said(200, {"Content-Type": "text/plain; charset=utf-8"}, b"Pong")

    def _every_repository(self, asked: Asked) -> Said:
        projects = [
            each
            for each in self._harbor.projects.values()
            if self._harbor.may(asked.account, each, "repository:list")
        ]
        return paged(
            asked, [{"name": f"{each.name}/{name}"} for each in projects for name in each.repositories]
        )

    def _project_exists(self, asked: Asked) -> Said:
        name = asked.query.get("project_name", "")
        if asked.account is None:
            raise unauthorized()
        if self.head_needs_read:
            self._allowed(asked, name, "project:read")
        elif name not in self._harbor.projects:
            raise Refused(404, "NOT_FOUND", f"project {name} not found")
        return Said(200, {})

    def _create(self, asked: Asked) -> Said:
        account, wanted = asked.account, parsed(asked.body)
        if account is None:
            raise unauthorized()
        if account.is_robot and not account.is_system_robot:
            raise Refused(403, "FORBIDDEN", "Only system level robot can create project")
        creates = account.admin or "project:create" in account.system
        if not creates and (account.is_robot or not self._harbor.everyone_creates):
            raise Refused(403, "FORBIDDEN", "Only system admin can create project")
        name, metadata = wanted["project_name"], wanted.get("metadata") or {}
        if not all(isinstance(each, str) for each in metadata.values()):
            field = "ProjectMetadata.metadata.public of type string"
            raise invalid(
                f'parsing project body from "" failed, because json: cannot unmarshal bool into Go struct field {field}'
            )
        if not NAME.fullmatch(name):
            raise bad("project name is not in lower case or contains illegal characters")
        if name in self._harbor.projects:
            raise Refused(409, "CONFLICT", f"The project named {name} already exists")
        # A limit that somebody else writes is passed over without a word.
        limit = wanted.get("storage_limit") if account.admin else None
        project = self._harbor.add_project(name, public=metadata.get("public") == "true", limit=limit or None)
        if not account.is_robot:
            account.rights[name] = account.rights.get(name, frozenset()) | {"project:read", "quota:read"}
        return Said(201, {"Location": f"/api/v2.0/projects/{project.number}"})

    def _project(self, asked: Asked, name: str) -> Said:
        project = self._allowed(asked, name, "project:read")
        told = {
            "name": project.name,
            "project_id": project.number,
            "metadata": project.metadata,
            "repo_count": len(project.repositories),
        }
        return as_json(told | ({"registry_id": project.registry} if project.registry else {}))

    def _summary(self, asked: Asked, name: str) -> Said:
        project = self._allowed(asked, name, "project:read")
        quota = {"hard": {"storage": project.limit}, "used": {"storage": sum(project.stored.values())}}
        told: dict[str, Any] = {"repo_count": len(project.repositories)}
        if self._harbor.may(asked.account, project, "quota:read"):
            told["quota"] = quota
        return as_json(told)

    def _set_metadata(self, asked: Asked, name: str, key: str) -> Said:
        project = self._allowed(asked, name, "metadata:update")
        value = parsed(asked.body).get(key)
        if key != "public" or value not in {"true", "false"}:
            raise bad(f"invalid value: {value}")
        project.metadata[key] = value
        return Said(200, {})

    def _repositories(self, asked: Asked, name: str) -> Said:
        project = self._allowed(asked, name, "repository:list")
        return paged(asked, [{"name": f"{name}/{each}"} for each in reversed(project.repositories)])

    def _repository(self, asked: Asked, name: str, repository: str) -> Said:
        project = self._allowed(asked, name, "repository:read")
        if repository not in project.repositories:
            raise Refused(404, "NOT_FOUND", f"repository {name}/{repository} not found")
        return as_json({"name": f"{name}/{repository}"})

    def _artifacts(self, asked: Asked, name: str, repository: str) -> Said:
        if asked.account and asked.account.admin and name not in self._harbor.projects:
            return paged(asked, [])  # as of what is empty
        project = self._allowed(asked, name, "artifact:list")
        found = project.repositories.get(repository, Repository())
        immutable = asked.query.get("with_immutable_status") == "true"
        items = [
            self._item(project, found, each, immutable=immutable)
            for each in reversed(found.artifacts.values())
        ]
        if asked.query.get("q") == "tags=*":
            items = [each for each in items if each["digest"] in found.tags.values()]
        return paged(asked, items)

    def _item(
        self, project: Project, repository: Repository, artifact: Artifact, *, immutable: bool
    ) -> dict[str, Any]:
        tags = [
            {"name": tag, "immutable": immutable and project.keeps(tag)}
            for tag, digest in repository.tags.items()
            if digest == artifact.digest
        ]
        return {
            "digest": artifact.digest,
            "size": artifact.size,
            "type": "UNKNOWN",
            "media_type": artifact.config_type,
            "manifest_media_type": artifact.media_type,
            "annotations": artifact.annotations,
            "references": None,
            "tags": (tags or None) if self.lists_tags else None,
        }

    def _untag(self, asked: Asked, name: str, repository: str, reference: str, tag: str) -> Said:
        project = self._allowed(asked, name, "tag:delete")
        found = project.repositories.get(repository, Repository())
        digest = found.tags.get(reference, reference)
        if digest not in found.artifacts:
            raise Refused(404, "NOT_FOUND", f"artifact {name}/{repository}:{reference} not found")
        if found.tags.get(tag) != digest:
            raise Refused(404, "NOT_FOUND", f"tag {tag} attached to artifact 20 not found")
        if project.keeps(tag):
            raise Refused(412, "PRECONDITION", f"the tag {tag} configured as immutable, cannot be deleted")
        del found.tags[tag]
        return Said(200, {})

    def _quotas(self, asked: Asked) -> Said:
        self._require_admin(asked)
        wanted = asked.query.get("reference_id")
        return paged(
            asked,
            [
                {"id": 100 + each.number, "ref": {"id": each.number, "name": each.name}}
                for each in self._harbor.projects.values()
                if asked.query.get("reference") == "project" and str(each.number) == wanted
            ],
        )

    def _set_quota(self, asked: Asked, number: str) -> Said:
        self._require_admin(asked)
        for each in self._harbor.projects.values():
            if 100 + each.number == int(number):
                each.limit = parsed(asked.body)["hard"]["storage"]
                return Said(200, {})
        raise Refused(404, "NOT_FOUND", f"quota {number} not found")

    def _require_admin(self, asked: Asked) -> None:
        if asked.account is None:
            raise unauthorized()
        if not asked.account.admin:
            raise Refused(403, "FORBIDDEN", FORBIDDEN)

    def _allowed(self, asked: Asked, name: str, right: str) -> Project:
        """The project, if the caller has a right there. Only an administrator learns that there is none."""
        by_name = asked.headers.get("X-Is-Resource-Name") == "true" or "/repositories" in asked.path
        project = None if name.isdigit() and not by_name else self._harbor.projects.get(name)
        if project is not None and self._harbor.may(asked.account, project, right):
            return project
        if asked.account is None:
            raise unauthorized()
        if project is None and asked.account.admin:
            raise Refused(404, "NOT_FOUND", f"project {name} not found")
        raise Refused(403, "FORBIDDEN", FORBIDDEN)


def paged(asked: Asked, items: Sequence[Any]) -> Said:
    """A page of a list, with a link to the next one."""
    size, page = (
        int(asked.query.get(name, default)) for name, default in (("page_size", "10"), ("page", "1"))
    )
    if size > LARGEST_PAGE:
        raise invalid("page_size in query should be less than or equal to 100")
    total = {"X-Total-Count": str(len(items))}
    if page * size < len(items):
        query = urlencode({**asked.query, "page": str(page + 1)})
        total["Link"] = f'<{urlsplit(asked.target).path}?{query}>; rel="next"'
    return as_json(items[(page - 1) * size : page * size], total)


def parsed(body: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise invalid("parsing project body failed") from error
    return document


def unauthorized() -> Refused:
    return Refused(401, "UNAUTHORIZED", "unauthorized")


def invalid(what: str) -> Refused:
    return Refused(422, "UNPROCESSABLE_ENTITY", f"validation failure list:\n{what}")


def bad(what: str) -> Refused:
    return Refused(400, "BAD_REQUEST", what)
