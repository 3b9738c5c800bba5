"""The three doors of AWS: ECR's JSON API, STS, and /v2. Each says what a request is to IAM, who sent it, and serves it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from tests.support.aws_data import PATH, Asked, DataPlane
from tests.support.aws_errors import Document, Refused, ask
from tests.support.aws_identity import ANYONE, Caller, Identities
from tests.support.aws_images import Images
from tests.support.aws_repositories import Repositories
from tests.support.ministack import ECR, MinistackServer, Raw, Scope

HOST = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+")
# What IAM asks for, the action that counts the request first.
V2_ACTIONS = {
    ("HEAD", "manifests"): ("BatchGetImage",),
    ("GET", "manifests"): ("BatchGetImage",),
    ("PUT", "manifests"): ("PutImage",),
    ("DELETE", "manifests"): ("BatchDeleteImage",),
    ("HEAD", "blobs"): ("BatchCheckLayerAvailability",),
    ("GET", "blobs"): ("GetDownloadUrlForLayer",),
    ("POST", "blobs/uploads"): ("InitiateLayerUpload",),
    ("PATCH", "blobs/uploads"): ("UploadLayerPart",),
    ("PUT", "blobs/uploads"): ("CompleteLayerUpload", "UploadLayerPart"),
    ("GET", "tags"): ("ListImages",),
    ("GET", "referrers"): ("BatchGetImage",),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request as AWS understands it.

    `account` and `region` are those of the registry that it is for (of the role, of the caller for the rest of STS),
    empty where unknown. `action` has no service prefix and is empty for the ping of /v2; `permissions` are all
    pairs of "service:Action" and ARN that IAM asks for. `request` is method and path, `status` what was answered.
    """

    account: str
    region: str
    action: str
    permissions: tuple[tuple[str, str], ...]
    request: str
    status: int = 0

    @property
    def resource(self) -> str:
        """The first resource; `*` where the action has none."""
        return self.permissions[0][1] if self.permissions else "*"


class Door(Protocol):
    """One way to ask AWS for something."""

    def call(self, asked: Asked) -> Call: ...
    def login(self, asked: Asked, call: Call) -> Caller:
        """Who asks; raises Refused for whom nobody knows."""

    def serve(self, asked: Asked, call: Call, caller: Caller) -> Raw: ...
    def refuse(self, refused: Refused) -> Raw: ...


class Api:
    """ECR's control plane. What has no strictness of ours goes to ministack as it is."""

    def __init__(
        self,
        ministack: MinistackServer,
        identities: Identities,
        images: Images,
        repositories: Repositories,
        data: DataPlane,
    ) -> None:
        self._ministack = ministack
        self._identities = identities
        self._actions: dict[str, Callable[[Scope, Document], Document]] = {
            **images.actions,
            **repositories.actions,
            "PutImage": data.put_image,
        }

    def call(self, asked: Asked) -> Call:
        parameters = json.loads(asked.body or b"{}")
        account = parameters.get("registryId") or self._identities.account_of(asked.headers)
        scope = Scope(account, self._identities.key_of(asked.headers)[1])
        action = asked.headers.get("x-amz-target", "").rpartition(".")[2]
        tagging = action == "CreateRepository" and parameters.get("tags")
        actions = [action, "TagResource"] if tagging else [action]
        needed = ((f"ecr:{each}", arn) for arn in resources(scope, action, parameters) for each in actions)
        return Call(scope.account, scope.region, action, tuple(needed), f"{asked.method} {asked.path}")

    def login(self, asked: Asked, call: Call) -> Caller:
        if asked.headers.get("x-amz-target") != f"{ECR}.{call.action}":
            raise Refused("UnknownOperationException", "")
        return self._identities.caller(asked.headers)

    def serve(self, asked: Asked, call: Call, caller: Caller) -> Raw:
        scope, parameters = Scope(call.account, call.region), json.loads(asked.body or b"{}")
        if call.action == "GetAuthorizationToken":
            document = self._identities.token(caller, call.region)
        elif action := self._actions.get(call.action):
            document = action(scope, parameters)
        else:
            document = ask(self._ministack, scope, call.action, parameters)
        return Raw(200, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(document).encode())

    def refuse(self, refused: Refused) -> Raw:
        return refused.as_json()


class Sts:
    """The Security Token Service, in the query form that SDKs speak with it."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def call(self, asked: Asked) -> Call:
        form = self._form(asked)
        arn = form.get("RoleArn", "")
        account = arn.split(":")[4] if arn.count(":") >= 5 else self._identities.account_of(asked.headers)
        needed = (("sts:AssumeRole", arn),) if form.get("Action") == "AssumeRole" else ()
        region = self._identities.key_of(asked.headers)[1]
        return Call(account, region, form.get("Action", ""), needed, f"{asked.method} {asked.path}")

    def login(self, asked: Asked, call: Call) -> Caller:
        unsigned = call.action == "AssumeRoleWithWebIdentity"
        return ANYONE if unsigned else self._identities.caller(asked.headers)

    def serve(self, asked: Asked, call: Call, caller: Caller) -> Raw:
        return self._identities.sts(self._form(asked), caller)

    def refuse(self, refused: Refused) -> Raw:
        return refused.as_xml()

    def _form(self, asked: Asked) -> dict[str, str]:
        return dict(parse_qsl(asked.body.decode()))


class Registry:
    """/v2 of every registry, told apart by the host name."""

    def __init__(self, identities: Identities, data: DataPlane) -> None:
        self._identities = identities
        self._data = data

    def call(self, asked: Asked) -> Call:
        host = HOST.fullmatch(asked.host)
        scope = Scope(host[1], host[2]) if host else Scope("", "")
        found = PATH.fullmatch(asked.path)
        actions: tuple[str, ...] = ("",)
        name = ""
        if asked.path == "/v2/_catalog":
            actions, name = ("DescribeRepositories",), "*"
        elif found:
            actions, name = V2_ACTIONS.get((asked.method, found[2]), ("",)), found[1]
        needed = tuple((f"ecr:{each}", scope.arn(name)) for each in actions if each)
        return Call(scope.account, scope.region, actions[0], needed, f"{asked.method} {asked.target}")

    def login(self, asked: Asked, call: Call) -> Caller:
        if not call.account:
            raise Refused("UNSUPPORTED", f"There is no registry at '{asked.host}'")
        caller = self._identities.logged_in(asked.headers.get("authorization", ""), call.region)
        if caller is None:
            raise NotLoggedIn(asked.host)
        return caller

    def serve(self, asked: Asked, call: Call, caller: Caller) -> Raw:
        return self._data.serve(Scope(call.account, call.region), asked)

    def refuse(self, refused: Refused) -> Raw:
        return refused.as_oci()


class NotLoggedIn(Refused):
    """A request to /v2 without a login, or with one that is no token of AWS."""

    def __init__(self, host: str) -> None:
        super().__init__("UNAUTHORIZED", "Not Authorized", 401)
        self._host = host

    def as_oci(self) -> Raw:
        challenge = f'Basic realm="https://{self._host}/",service="ecr.amazonaws.com"'
        headers = [("WWW-Authenticate", challenge), ("Content-Type", "text/plain")]
        return Raw(401, headers, b"Not Authorized\n")


def resources(scope: Scope, action: str, parameters: Document) -> list[str]:
    """The ARNs that a call of the API is about, as IAM sees it."""
    if "resourceArn" in parameters:
        return [parameters["resourceArn"]]
    if "repositoryName" in parameters:
        return [scope.arn(parameters["repositoryName"])]
    if action == "DescribeRepositories":
        return [scope.arn(each) for each in parameters.get("repositoryNames") or ["*"]]
    return ["*"]
