"""What a manifest says of a registry: where it is, how to log in, and what is allowed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from regsync.model.diagnostic import Origin
from regsync.model.settings import Json

PACK_NAMESPACE = "spectro-packs/archive"
"""What Palette appends to a base content path to find packs."""

REGION_MACRO = "{{.spectro.system.aws.region}}"
"""Palette's macro for the region that a cluster is deployed to."""


class Provider(StrEnum):
    PACK = "pack"
    HELM = "helm"

    @property
    def noun(self) -> str:
        """What its artifacts are called."""
        return "chart" if self is Provider.HELM else "pack"

    @property
    def namespace(self) -> str:
        """What stands between a base content path and the name of an artifact."""
        return PACK_NAMESPACE if self is Provider.PACK else ""


class RegistryType(StrEnum):
    BASIC = "basic"
    HARBOR = "harbor"
    ACR = "acr"
    ECR = "ecr"
    ECR_PUBLIC = "ecr-public"
    LAYOUT = "layout"

    @property
    def creates_repositories(self) -> bool:
        """Whether a repository must be created before its first push; elsewhere the push does so."""
        return self in (RegistryType.ECR, RegistryType.ECR_PUBLIC)

    @property
    def has_projects(self) -> bool:
        """Whether every repository lies in a project, which must be there before anything is pushed into it."""
        return self is RegistryType.HARBOR


class AuthMethod(StrEnum):
    DOCKER = "docker"
    NONE = "none"
    BASIC = "basic"
    TOKEN = "token"
    AZURE = "azure"
    AWS = "aws"
    CREDENTIALS = "credentials"
    STS = "sts"


class Overwrite(StrEnum):
    NEVER = "never"
    ALLOW = "allow"


class Prune(StrEnum):
    OFF = "off"
    MANAGED = "managed"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is to be had; never the secret. `source` is `env` or `file`, `name` the variable or path.

    A file's `name` is as shown to the user; `path` is where it is. A `version` that rises says that the secret has
    changed.
    """

    source: str
    name: str
    origin: Origin
    path: Path | None = None
    version: int | None = None

    def __str__(self) -> str:
        version = "" if self.version is None else f" version {self.version}"
        return f"{self.source}:{self.name}{version}"


@dataclass(frozen=True, slots=True)
class AwsLogin:
    """How to come by credentials of AWS: those written here, else those of `profile`, else what the SDK finds; and the
    role to assume with them. `access_key_id` may be written out; `duration` is in seconds."""

    profile: str | None = None
    access_key_id: str | SecretRef | None = None
    secret_access_key: SecretRef | None = None
    session_token: SecretRef | None = None
    role_arn: str | None = None
    external_id: str | None = None
    session_name: str = "regsync"
    duration: int | None = None

    def __str__(self) -> str:
        parts = {
            "profile": self.profile,
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
            "sessionToken": self.session_token,
            "roleArn": self.role_arn,
            "externalId": self.external_id,
        }
        return " ".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@dataclass(frozen=True, slots=True)
class AzureLogin:
    """Whose Entra identity to log in with: the tenant, and the application or managed identity. What is not written is
    that of the environment."""

    tenant: str | None = None
    client_id: str | None = None

    def __str__(self) -> str:
        parts = {"tenant": self.tenant, "clientId": self.client_id}
        return " ".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Auth:
    """How to log in. `username` may be written out; `password` and `token` are always references. `aws` belongs to the
    methods aws, credentials and sts, `azure` to the method of that name."""

    method: AuthMethod = AuthMethod.DOCKER
    username: str | SecretRef | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None
    aws: AwsLogin = field(default_factory=AwsLogin)
    azure: AzureLogin = field(default_factory=AzureLogin)

    def __str__(self) -> str:
        named = [str(each) for each in (self.username, self.password, self.token) if each is not None]
        return " ".join(each for each in (self.method.value, *named, str(self.aws), str(self.azure)) if each)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings; paths are absolute, `shown` holds them as the manifest has them (for bindings and messages)."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure_skip_verify: bool = False
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    overwrite: Overwrite = Overwrite.NEVER
    prune: Prune = Prune.OFF
    max_deletes: int = 5
    max_delete_share: int = 30
    """Percent of the live artifacts of a live registry; counts from ten live artifacts on."""
    protect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """What the host of an ECR registry says: the account (12 digits; empty for ECR Public), the partition
    (`aws`, `aws-cn`, …), and whether it is the FIPS or the dual-stack form."""

    account: str
    partition: str = "aws"
    fips: bool = False
    dual_stack: bool = False


@dataclass(frozen=True, slots=True)
class Repositories:
    """How repositories come into being.

    `settings` are those that the manifest writes, by the manifest's names; see `regsync.model.settings`.
    `replicated`: the registry's own replication brings content from the default region to the others.
    """

    create: bool = True
    base: bool = True
    settings: Mapping[str, Json] = field(default_factory=dict)
    replicated: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """How the projects of a registry come into being. `settings` as those of repositories."""

    create: bool = True
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """One live registry. A templated endpoint yields one of these per region, `name` then ends in `@region`.

    `endpoint` is a URL without a path for network registries and an absolute directory for `layout`;
    `shown_endpoint` is the form that messages, plans and bindings carry (a layout's directory relative to the
    manifest's root, so that a plan file reads the same on another machine).
    """

    name: str
    owner: str
    provider: Provider
    type: RegistryType
    endpoint: str
    shown_endpoint: str
    base_content_paths: tuple[str, ...]
    origin: Origin
    base_path: str = ""
    connect_to: str | None = None
    region: str | None = None
    default_region: str | None = None
    """Of a templated endpoint: the region that comes first where content has to come from somewhere."""
    aws: AwsPlace | None = None
    namespace: str = ""
    """What stands before every repository in the registry's own paths and in none of our addresses: the alias of ECR
    Public."""
    auth: Auth = field(default_factory=Auth)
    tls: Tls = field(default_factory=Tls)
    policy: Policy = field(default_factory=Policy)
    repositories: Repositories = field(default_factory=Repositories)
    project: Project = field(default_factory=Project)
    synchronization: bool = True
    """Whether Palette lists its content by itself; without, users type names and versions."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Positions of the written fields below `spec`, by dotted name (`policy.overwrite`); its own has no name."""

    @property
    def declared(self) -> str:
        """The name of its document: what the live registries of all its regions have in common."""
        return self.name.partition("@")[0]

    @property
    def template(self) -> str:
        """The endpoint as its document has it: with the macro where there is a live registry for each region."""
        if self.region is None or self.name == self.declared:
            return self.shown_endpoint
        return self.shown_endpoint.replace(self.region, REGION_MACRO)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that content goes to, in the order of the base content paths: the first segment of each."""
        if not self.type.has_projects:
            return ()
        return tuple(dict.fromkeys(path.partition("/")[0] for path in self.base_content_paths))

    @property
    def is_replica(self) -> bool:
        """Whether its content comes from the default region by the registry's own replication."""
        return self.repositories.replicated and self.region != self.default_region

    def at(self, name: str) -> Origin:
        """Where field `name` stands, else its nearest written parent, be it `spec`."""
        return self.origins.get(self._written(name), self.origin)

    def place(self, name: str) -> str:
        """Where to write field `name`, for advice: `at prod.yaml:9`, or `below policy at prod.yaml:8` where it is not written
        yet."""
        written, at = self._written(name), self.at(name)
        below = "" if written == name else f"below {written or 'spec'} "
        return f"{below}at {at.file}:{at.line}"

    def _written(self, name: str) -> str:
        while name and name not in self.origins:
            name = name.rpartition(".")[0]
        return name

    def binding(self) -> dict[str, str]:
        """To what an approval is bound: another endpoint, tunnel, trust or login is another change."""
        parts = {
            "endpoint": self.shown_endpoint,
            "basePath": self.base_path,
            "region": self.region or "",
            "connectTo": self.connect_to or "",
            "tls": self.tls.shown,
            "auth": str(self.auth),
        }
        return {key: value for key, value in parts.items() if value}

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the repositories of its artifacts begin with, each prefix ending in a slash; an empty one stands for the
        top of the registry."""
        bases = [self.repository(path) for path in self.base_content_paths or ("",)]
        return tuple(f"{base}/" if base else "" for base in bases)

    def repository(self, base_content_path: str, name: str = "") -> str:
        """The repository of pack or chart `name` under a base content path; without a name the base repository."""
        parts = [base_content_path, self.provider.namespace, name]
        return "/".join(part for part in parts if part)
