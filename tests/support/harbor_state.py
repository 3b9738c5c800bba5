"""What a Harbor of the tests knows: accounts with their rights, projects, and the artifacts in them.

Follows Harbor 2.15: rights by role and by robot account, tags of its own beside the registry behind it. Knows no HTTP.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from regsync.model.reference import sha256_digest

UNLIMITED = -1
READING = frozenset(
    {
        "project:read",
        "repository:read",
        "repository:list",
        "repository:pull",
        "artifact:read",
        "artifact:list",
        "tag:list",
        "quota:read",
    }
)
"""What the role guest may, and in a public project everyone but the quota."""

DEVELOPER = READING | {"repository:push", "artifact:create"}
MAINTAINER = DEVELOPER | {"tag:delete", "artifact:delete", "repository:delete", "metadata:update"}
PROJECT_ADMIN = MAINTAINER | {"project:update"}
ROBOT = frozenset({"repository:pull", "repository:push"})
"""What most robot accounts are given: no list, no project."""


class Refused(Exception):
    """An answer that is an error, with Harbor's code and words."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"errors": [{"code": code, "message": message}]}).encode() + b"\n"
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Account:
    """A user, or a robot account (`robot$…`). `rights` are held by project, `*` standing for all; `system` are those
    that belong to no project."""

    name: str
    secret: str
    admin: bool = False
    rights: dict[str, frozenset[str]] = field(default_factory=dict)
    system: frozenset[str] = frozenset()

    @property
    def is_robot(self) -> bool:
        return self.name.startswith("robot$")

    @property
    def is_system_robot(self) -> bool:
        return self.is_robot and "+" not in self.name


@dataclass
class Artifact:
    digest: str
    media_type: str
    config_type: str
    size: int
    annotations: dict[str, str]


@dataclass
class Repository:
    """Artifacts in the order of their pushes, and to which of them tags point."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Project:
    """`rules` are globs on tags that are immutable; `stored` has the bytes of each blob that counts in the quota;
    `registry` is the number of the registry that a proxy cache stands for."""

    name: str
    number: int
    metadata: dict[str, str]
    limit: int = UNLIMITED
    registry: int | None = None
    rules: tuple[str, ...] = ()
    repositories: dict[str, Repository] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)

    @property
    def is_public(self) -> bool:
        return self.metadata.get("public") == "true"

    def keeps(self, tag: str) -> bool:
        """Whether a rule keeps a tag as it is."""
        return any(fnmatchcase(tag, each) for each in self.rules)

    def store(self, digest: str, size: int) -> None:
        """Count a blob, if there is room for it."""
        used = sum(self.stored.values())
        if digest not in self.stored and UNLIMITED < self.limit < used + size:
            text = (
                f"adding {show(size)} of storage resource, which when updated to current usage of {show(used)} will "
                f"exceed the configured upper limit of {show(self.limit)}."
            )
            raise Refused(403, "DENIED", text)
        self.stored[digest] = size


def show(size: int) -> str:
    """Bytes as Harbor shows them."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"


@dataclass(frozen=True)
class Token:
    """What /service/token gave out: to whom, and for which actions in which repositories, as was the case then."""

    account: Account | None
    access: dict[str, frozenset[str]]


class Harbor:
    """Accounts, projects and tokens of one Harbor, with its administrator and the project `library`."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.projects: dict[str, Project] = {}
        self.tokens: dict[str, Token] = {}
        self.everyone_creates = True
        self.default_limit = UNLIMITED
        self.refused_logins = 0
        self.admin = self.add_account("admin", admin=True)
        self.add_project("library", public=True)

    def add_account(
        self,
        name: str,
        rights: Mapping[str, frozenset[str]] | None = None,
        *,
        admin: bool = False,
        system: Iterable[str] = (),
    ) -> Account:
        """Let somebody in, with rights by project."""
        secret = f"never-printed-{secrets.token_hex(8)}"
        made = Account(name, secret, admin, dict(rights or {}), frozenset(system))
        self.accounts[name] = made
        return made

    def add_project(self, name: str, *, public: bool = False, limit: int | None = None) -> Project:
        number = len(self.projects) + 1
        metadata = {"public": "true" if public else "false"}
        self.projects[name] = Project(name, number, metadata, self.default_limit if limit is None else limit)
        return self.projects[name]

    def login(self, header: str) -> Account | None:
        """Whose Basic credentials these are; nobody's where they are wrong, since Harbor goes on as for anyone."""
        try:
            name, _, secret = (
                base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")
            )
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self.accounts.get(name)
        if account is None or account.secret != secret:
            self.refused_logins += 1
            return None
        return account

    def may(self, account: Account | None, project: Project, right: str) -> bool:
        if project.is_public and right in READING - {"quota:read"}:
            return True
        if account is None:
            return False
        rights = account.rights.get(project.name, frozenset()) | account.rights.get("*", frozenset())
        return account.admin or right in rights

    def actions(self, account: Account | None, repository: str) -> frozenset[str]:
        """What an account may do with a repository over /v2."""
        project = self.projects.get(repository.partition("/")[0])
        if project is None:
            return frozenset()
        return frozenset(
            each for each in ("pull", "push", "delete") if self.may(account, project, f"repository:{each}")
        )

    def give_token(self, account: Account | None, scopes: Iterable[str]) -> str:
        """A token for what the account may of what it asks for, be that nothing at all."""
        access = {}
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if kind == "repository":
                access[name] = self.actions(account, name) & frozenset(actions.split(","))
        token = secrets.token_urlsafe(24)
        self.tokens[token] = Token(account, access)
        return token

    def repository(self, name: str) -> Repository | None:
        project, _, rest = name.partition("/")
        found = self.projects.get(project)
        return found.repositories.get(rest) if found else None

    def push(self, name: str, tag: str | None, media_type: str, data: bytes) -> None:
        """Take note of an OCI manifest that the registry behind has taken."""
        project, _, rest = name.partition("/")
        document: dict[str, Any] = json.loads(data)
        config = document.get("config", {"mediaType": media_type, "size": 0})
        digest = sha256_digest(data)
        size = len(data) + config["size"] + sum(each["size"] for each in document.get("layers", ()))
        repository = self.projects[project].repositories.setdefault(rest, Repository())
        annotations = document.get("annotations") or {}
        repository.artifacts[digest] = Artifact(digest, media_type, config["mediaType"], size, annotations)
        if tag is not None:
            repository.tags[tag] = digest
