"""What IAM must grant: to regsync for a plan and for an apply, and to Palette. Pure; knows no SDK.

Which actions have a resource, and how its ARN reads, is told by AWS's Service Authorization Reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from regsync.model.access import Access, IamPolicy, Trustee
from regsync.model.declaration import Declaration
from regsync.model.registry import (
    Auth,
    AuthMethod,
    AwsLogin,
    Provider,
    Prune,
    RegistrySpec,
    RegistryType,
)
from regsync.model.settings import FIXED, Json
from regsync.registries.ecr.actions import repository_arn, service_of

LIMIT = 6144
"""Characters of a managed policy, white space not counted (IAM, "quotas")."""

PALETTE_ACCOUNT = "<PALETTE-ACCOUNT-ID>"
EXTERNAL_ID = "<EXTERNAL-ID>"
CALLER_ACCOUNT = "<CALLER-ACCOUNT-ID>"


@dataclass(frozen=True, slots=True)
class _Service:
    """Actions of one of the two services, and what Palette's documentation asks of it, by what they are about."""

    login: tuple[str, ...]
    registry: str
    """The ARN of a registry, or `*` where it is no resource."""
    read_registry: tuple[str, ...]
    read: tuple[str, ...]
    palette_registry: tuple[str, ...]
    palette_repositories: tuple[str, ...]


_SERVICES = {
    RegistryType.ECR: _Service(
        login=("ecr:GetAuthorizationToken",),
        registry="*",
        read_registry=(),
        read=("BatchGetImage", "DescribeImages", "GetDownloadUrlForLayer"),
        palette_registry=("DescribeRegistry", "GetRegistryPolicy"),
        palette_repositories=(
            "BatchCheckLayerAvailability",
            "BatchGetImage",
            "DescribeImageReplicationStatus",
            "DescribeImageScanFindings",
            "DescribeImages",
            "GetDownloadUrlForLayer",
            "GetLifecyclePolicy",
            "GetLifecyclePolicyPreview",
            "GetRepositoryPolicy",
            "ListImages",
            "ListTagsForResource",
        ),
    ),
    RegistryType.ECR_PUBLIC: _Service(
        login=("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"),
        registry="arn:aws:ecr-public::*:registry/*",
        read_registry=("DescribeRegistries",),
        read=("DescribeImages",),  # OCI manifests and layers are there for everyone
        palette_registry=("DescribeRegistries", "GetRegistryCatalogData"),
        palette_repositories=(
            "BatchCheckLayerAvailability",
            "DescribeImageTags",
            "DescribeImages",
            "GetRepositoryCatalogData",
            "GetRepositoryPolicy",
            "ListTagsForResource",
        ),
    ),
}
_PUSH = (
    "BatchCheckLayerAvailability",
    "CompleteLayerUpload",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
)
# By setting: what reads it where DescribeRepositories does not tell, and what changes it.
_READ_SETTING = {"lifecyclePolicy": "GetLifecyclePolicy", "policy": "GetRepositoryPolicy"}
_WRITE_SETTING = {
    "tagMutability": "PutImageTagMutability",
    "tagMutabilityExclusions": "PutImageTagMutability",
    "scanOnPush": "PutImageScanningConfiguration",
    "lifecyclePolicy": "PutLifecyclePolicy",
    "policy": "SetRepositoryPolicy",
}
# Of whoever creates a repository with a key of his own (Amazon ECR, "encryption at rest").
_KEY = ("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant")

_CATALOGUE = "DescribeRepositories covers all repositories: prune looks among them for those of removed packs"
_EVERY_REGION = "regions are `*`: one by one, the ARNs would not fit into a managed policy"
_DISCOVERY = "DescribeRepositories covers all repositories: Palette finds none where it is narrowed"
_PUBLIC = "a public registry can also be added to Palette without a login; then this is not needed"
_HOLDERS = {AuthMethod.CREDENTIALS: "the user whose access key spec.palette.auth names"}
_CALLERS = "put in the account of the identity that assumes the role, or that identity's own ARN"
_TRUST = "Palette shows its account and the external ID where the role's ARN is entered: put both in"


def access(
    declarations: Iterable[Declaration], trustees: Mapping[str, Trustee] | None = None
) -> tuple[Access, ...]:
    """The policies for each document of type ecr or ecr-public, sorted by name. `trustees` are the Palettes that assume a
    role, by document; where one is missing, its trust policy has placeholders."""
    documents: dict[str, list[Declaration]] = {}
    for each in declarations:
        if each.spec.type in _SERVICES:
            documents.setdefault(each.spec.declared, []).append(each)
    return tuple(
        policies(
            [each.spec for each in regions],
            can_delete=any(each.tombstones or each.spec.policy.prune is Prune.MANAGED for each in regions),
            palette=next((one.auth for each in regions for one in each.registrations), None),
            trustee=(trustees or {}).get(name),
        )
        for name, regions in sorted(documents.items())
    )


def policies(
    specs: Sequence[RegistrySpec],
    *,
    can_delete: bool,
    palette: Auth | None = None,
    trustee: Trustee | None = None,
) -> Access:
    """The policies for one document of type ecr or ecr-public, of whose regions each has an entry in `specs`.

    `can_delete`: something live may have to go, by prune or by a tombstone. `palette` is how Palette logs in, where the
    manifest says so.
    """
    spec = specs[0]
    assert spec.aws is not None  # every registry of these types has a place
    found = _for_palette(specs, spec.aws.partition, palette, trustee)
    if spec.auth.method is not AuthMethod.NONE:
        found = [*_for_regsync(specs, can_delete), *found]
    regions = tuple(each.region for each in specs if each.region)
    return Access(spec.declared, spec.type, spec.aws.account, regions, tuple(found))


def _for_regsync(specs: Sequence[RegistrySpec], can_delete: bool) -> list[IamPolicy]:
    spec, login = specs[0], specs[0].auth.aws
    caller = _caller(login)
    holder = f"the role {login.role_arn}" if login.role_arn else caller
    notes = (_CATALOGUE,) if spec.policy.prune is Prune.MANAGED else ()
    reading = _reading(spec)
    writing = reading | _writing(spec, can_delete)
    keys = dict.fromkeys(key for key in map(_key, specs) if key)

    def plan(places: Sequence[RegistrySpec]) -> list[Json]:
        return _regsync_statements(places, reading)

    def apply(places: Sequence[RegistrySpec]) -> list[Json]:
        statements = _regsync_statements(places, writing)
        if spec.repositories.replicated:
            statements.append(_allow("Replication", ["ecr:DescribeRegistry"], ["*"]))
        if keys and spec.repositories.create:
            # ECR calls KMS in its caller's name, who needs the key for nothing else.
            services = [f"ecr.{each.region}.*" for each in places]
            through_ecr: Json = {"StringLike": {"kms:ViaService": _listed(services)}}
            statements.append({**_allow("Keys", _KEY, [*keys]), "Condition": through_ecr})
        return statements

    title = f"regsync apply: permissions of {holder}, those of plan included"
    found = [
        _policy("plan", f"regsync plan: permissions of {holder}", specs, plan, notes),
        _policy("apply", title, specs, apply, notes),
    ]
    if login.role_arn:
        title = f"regsync, to become that role: permissions of {caller}"
        statement = _allow("AssumeRole", ["sts:AssumeRole"], [login.role_arn])
        found.append(IamPolicy("assume-role", title, _document([statement])))
        partition = login.role_arn.split(":")[1]
        trust = _trust(f"arn:{partition}:iam::{CALLER_ACCOUNT}:root", login.external_id)
        title = f"regsync: trust policy of the role {login.role_arn}"
        found.append(IamPolicy("trust", title, _document([trust]), (_CALLERS,)))
    return found


def _trust(principal: str, external_id: str | None) -> Json:
    trust: dict[str, Json] = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    if external_id:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return trust


def _caller(login: AwsLogin) -> str:
    if login.access_key_id:
        return "the user whose access key spec.auth names"
    if login.profile:
        return f"the identity of profile {login.profile}"
    return "the identity that regsync runs as"


def _reading(spec: RegistrySpec) -> set[str]:
    settings = spec.repositories.settings
    names = {"DescribeRepositories", *_SERVICES[spec.type].read}
    names |= {action for setting, action in _READ_SETTING.items() if setting in settings}
    if settings:
        names.add("ListTagsForResource")  # before settings change, it is asked whose repository it is
    return names


def _writing(spec: RegistrySpec, can_delete: bool) -> set[str]:
    own = spec.repositories
    names = {*_PUSH}
    names |= {action for setting, action in _WRITE_SETTING.items() if setting in own.settings}
    if own.create:
        names.add("CreateRepository")
    if own.create or own.settings.keys() - FIXED:
        names.add("TagResource")  # the mark of what was written
    if can_delete:
        names.add("BatchDeleteImage")
    if own.replicated:
        names.add("DescribeImageReplicationStatus")
    return names


def _regsync_statements(places: Sequence[RegistrySpec], names: set[str]) -> list[Json]:
    spec = places[0]
    service = _SERVICES[spec.type]
    found: list[Json] = [_allow("Login", service.login, ["*"])]
    if service.read_registry:
        found.append(_allow("Registry", _actions(spec, service.read_registry), [service.registry]))
    if spec.policy.prune is Prune.MANAGED:
        names = names - {"DescribeRepositories"}
        found.append(_discovery(places))
    return [*found, _allow("Repositories", _actions(spec, names), _arns(places, _patterns(spec)))]


def _for_palette(
    specs: Sequence[RegistrySpec], partition: str, login: Auth | None, trustee: Trustee | None
) -> list[IamPolicy]:
    if login and login.method is AuthMethod.NONE:
        return []
    service = _SERVICES[specs[0].type]
    public = specs[0].type is RegistryType.ECR_PUBLIC

    def statements(places: Sequence[RegistrySpec]) -> list[Json]:
        spec = places[0]
        repositories = _actions(spec, service.palette_repositories)
        return [
            _allow("Login", service.login, ["*"]),
            _allow("Registry", _actions(spec, service.palette_registry), [service.registry]),
            _discovery(places),
            _allow("Repositories", repositories, _arns(places, _palette_patterns(spec))),
        ]

    who = (
        _HOLDERS.get(login.method, "")
        if login
        else "the role that it assumes, or of the user whose key it has"
    )
    role = f"the role {login.aws.role_arn}" if login and login.aws.role_arn else ""
    notes = (_DISCOVERY, _PUBLIC) if public else (_DISCOVERY,)
    found = [_policy("palette", f"Palette: permissions of {role or who}", specs, statements, notes)]
    if login is None or login.method is AuthMethod.STS:
        account, external_id = (
            (trustee.account, trustee.external_id) if trustee else (PALETTE_ACCOUNT, EXTERNAL_ID)
        )
        trust = _trust(f"arn:{partition}:iam::{account}:root", external_id)
        title = f"Palette: trust policy of {role or 'that role'}"
        left = () if trustee else (_TRUST,)
        found.append(IamPolicy("palette-trust", title, _document([trust]), left))
    return found


def _policy(
    name: str,
    title: str,
    specs: Sequence[RegistrySpec],
    statements: Callable[[Sequence[RegistrySpec]], list[Json]],
    notes: tuple[str, ...],
) -> IamPolicy:
    """A policy for each of the regions, or where that is too long for IAM, for any region."""
    document = _document(statements(specs))
    if len(json.dumps(document, separators=(",", ":"))) > LIMIT:
        document = _document(statements([replace(specs[0], region="*")]))
        notes = (*notes, _EVERY_REGION)
    return IamPolicy(name, title, document, notes)


def _document(statements: list[Json]) -> Mapping[str, Json]:
    return {"Version": "2012-10-17", "Statement": statements}


def _discovery(places: Sequence[RegistrySpec]) -> Json:
    """Leave to list all repositories: the action is asked of all where the call names none."""
    return _allow("Discovery", _actions(places[0], ["DescribeRepositories"]), _arns(places, ["*"]))


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Json]:
    return {"Sid": sid, "Effect": "Allow", "Action": _listed(actions), "Resource": _listed(resources)}


def _listed(texts: Sequence[str]) -> Json:
    """A list, or where it has one element only that: IAM takes both."""
    return [*texts] if len(texts) > 1 else texts[0]


def _actions(spec: RegistrySpec, names: Iterable[str]) -> list[str]:
    return [f"{service_of(spec)}:{name}" for name in sorted(names)]


def _arns(places: Sequence[RegistrySpec], patterns: Sequence[str]) -> list[str]:
    """The repositories, in each region. ECR Public names no account in its endpoint: there, any will do."""
    public = places[0].type is RegistryType.ECR_PUBLIC
    return [repository_arn(spec, each, "*" if public else "") for spec in places for each in patterns]


def _patterns(spec: RegistrySpec) -> list[str]:
    """Names of the repositories that the manifest is about, and not those beside them: `team*` would cover `team-b`,
    too. Packs may come and go without a new policy."""
    bases = [spec.repository(path) for path in spec.base_content_paths]
    return [name for base in bases for name in (base, f"{base}/*")] or ["*"]


def _palette_patterns(spec: RegistrySpec) -> list[str]:
    """The same, for packs as Palette's documentation writes it."""
    if spec.provider is Provider.PACK:
        return [f"{spec.repository(path)}*" for path in spec.base_content_paths]
    return _patterns(spec)


def _key(spec: RegistrySpec) -> str | None:
    encryption = spec.repositories.settings.get("encryption")
    key = encryption.get("key") if isinstance(encryption, dict) else None
    return key if isinstance(key, str) else None
