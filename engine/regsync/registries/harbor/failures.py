"""What a refusal of Harbor means: which kind it is, in plain words, and what to do about it. Calls nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotARegistry,
    NotFound,
    PermissionDenied,
    RegistryError,
    Unreachable,
    Unsupported,
)
from regsync.model.registry import RegistrySpec
from regsync.registries.harbor.api import ROOT


class NoProject(NotFound):
    """There is no project of that name, and so nothing in it."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A way in which Harbor refuses: its status, its words, what they amount to and the advice, which may name the
    `project` and positions of the manifest."""

    status: int
    words: str
    kind: type[RegistryError]
    hint: str


# Harbor says by its texts what its codes leave open: DENIED and FORBIDDEN stand for all sorts of things.
_REFUSALS = (
    _Refusal(
        401,
        "project {project} not found",
        NoProject,
        "create the project {project}, or let regsync do so: `project: {{create: true}}` ({project_at})",
    ),
    _Refusal(
        401,
        "action: pull",
        PermissionDenied,
        "the login may not read in project {project}: it needs the role guest, or as a robot account repository:pull",
    ),
    _Refusal(
        401,
        "action: push",
        PermissionDenied,
        "the login may not push to project {project}: it needs the role developer, or as a robot account "
        "repository:push",
    ),
    _Refusal(
        401,
        "action: delete",
        PermissionDenied,
        "the login may not delete in project {project}: it needs the role maintainer, or as a robot account tag:delete",
    ),
    _Refusal(
        403,
        "exceed the configured upper limit",
        RegistryError,
        "project {project} is full: raise its storage limit (project.storageLimit, {limit_at}), or delete what nobody "
        "needs there and let Harbor collect garbage",
    ),
    _Refusal(
        403,
        "read only mode",
        Unsupported,
        "an administrator has set this Harbor to read-only: wait until that is over",
    ),
    _Refusal(
        403,
        "to a proxy project",
        Unsupported,
        "project {project} is a proxy cache of another registry: choose a base content path in another project "
        "({paths_at})",
    ),
    _Refusal(
        403,
        "can create project",
        PermissionDenied,
        "have somebody create it who may, or log in as a system robot with project:create; "
        "`project: {{create: false}}` leaves it to others ({project_at})",
    ),
    _Refusal(
        403,
        "CSRF token",
        PermissionDenied,
        "Harbor wants that of requests with a session cookie, and regsync sends none: a proxy in between adds it",
    ),
    _Refusal(
        412,
        "configured as immutable",
        Conflict,
        "a rule of project {project} keeps the tag as it is: give a changed pack a new version, or change the rule",
    ),
)
# What the API refuses with nothing but "forbidden", by the beginning of what is asked for within a project.
_RIGHTS = {
    "/metadatas/": "the role maintainer, or as a robot account metadata:update",
    "/repositories": "the role guest, or as a robot account artifact:list, tag:list and repository:list",
    "/summary": "the role guest, or as a robot account project:read and quota:read",
    "": "the role guest, or as a robot account project:read",
}
_PROJECT = re.compile(rf"/v2/([^/]+)/|{ROOT}/projects/([^/?]+)(.*)")


def advised(error: RegistryError, path: str, spec: RegistrySpec) -> RegistryError:
    """`error`, which the answer to a request for `path` amounts to, with Harbor's meaning where it has another one."""
    found = _PROJECT.search(path)
    project = (found[1] or found[2]) if found else ""
    places = {
        "project": project,
        "project_at": spec.at("project"),
        "limit_at": spec.at("project.storageLimit"),
        "paths_at": spec.at("baseContentPaths"),
    }
    for each in _REFUSALS:
        if error.status == each.status and each.words.format(**places) in error.message:
            return _anew(error, each.kind, each.hint.format(**places))
    if isinstance(error, NotARegistry) and error.status == 404 and path.startswith(ROOT):
        return _anew(error, NotARegistry, f"if that is no Harbor, write `type: basic` ({spec.at('type')})")
    if error.status == 403 and path.startswith(f"{ROOT}/quotas"):
        return _anew(
            error, PermissionDenied, "only system administrators of Harbor may change storage limits"
        )
    if error.status == 403 and found and found[2]:
        rights = next(need for part, need in _RIGHTS.items() if found[3].startswith(part))
        return _anew(error, PermissionDenied, f"for project {project} the login needs {rights}")
    return error


def refused_login(error: AuthenticationFailed, spec: RegistrySpec) -> AuthenticationFailed:
    """`error`, told to those who may have lost a `$`."""
    if error.status != 401:
        return error
    hint = (
        f"check user name and secret ({spec.at('auth')}); the names of robot accounts hold a `$`, which shells replace "
        "inside double quotes"
    )
    return AuthenticationFailed(error.message, hint=hint, code=error.code, status=error.status)


def other_scheme(error: Unreachable, realm: str, spec: RegistrySpec) -> Unreachable:
    """`error`, explained where Harbor gives out its tokens over another scheme than it is reached by."""
    scheme = realm.partition("://")[0]
    if not realm or spec.endpoint.startswith(f"{scheme}://"):
        return error
    hint = (
        f"Harbor believes that it is reached over {scheme}: correct external_url in its harbor.yml, or the endpoint "
        f"({spec.at('endpoint')})"
    )
    return Unreachable(error.message, hint=hint, code=error.code, status=error.status)


def _anew(error: RegistryError, kind: type[RegistryError], hint: str) -> RegistryError:
    return kind(error.message, hint=hint, code=error.code, status=error.status)
