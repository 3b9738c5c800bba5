"""AWS as far as ECR and STS go: in front of ministack, as strict as the real one, with all that was asked of it.

Knows when to fail and who may ask for what; how each door answers, the modules beside it know.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.aws_bucket import HOST as BUCKET
from tests.support.aws_bucket import authority
from tests.support.aws_data import Asked, DataPlane
from tests.support.aws_doors import Api, Call, Door, Registry, Sts
from tests.support.aws_errors import Refused, not_authorized
from tests.support.aws_identity import Caller, Identities, Role
from tests.support.aws_images import Images
from tests.support.aws_repositories import Repositories, as_list
from tests.support.loopback import Handler, LoopbackServer
from tests.support.ministack import MinistackServer, Scope

__all__ = ["Aws", "AwsFront", "Call", "Role"]


class AwsFront(LoopbackServer):
    """Serves ECR's API, STS and /v2 of every account and region at one address.

    `keys` are the access key ids that are known, with their accounts; `roles` the roles that can be assumed, by ARN;
    `missing_keys` the ARNs of KMS keys that do not exist. `calls` has every request, in the order of the answers. A
    request may also come as to a proxy, which lets clients in that cannot be told another address.
    """

    def __init__(self, ministack: MinistackServer) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.identities = Identities(ministack)
        self.keys = self.identities.keys
        self.roles = self.identities.roles
        images = Images(ministack)
        self._repositories = Repositories(ministack, images)
        self.missing_keys = self._repositories.missing_keys
        data = DataPlane(ministack, images, self._repositories)
        self.bucket = data.bucket
        self._api: Door = Api(ministack, self.identities, images, self._repositories, data)
        self._sts: Door = Sts(self.identities)
        self._registry: Door = Registry(self.identities, data)
        self._throttled: Counter[str] = Counter()
        self._denied: list[tuple[str, str]] = []
        self._down: set[str] = set()
        self._one_by_one = threading.Lock()

    def throttle(self, action: str, times: int = 1) -> None:
        """Let the next `times` requests that are this action fail as too many, at whichever door."""
        self._throttled[action] += times

    def deny(self, action: str, resource: str = "*") -> None:
        """From now on let nobody do this action (`DescribeImages`, or a glob) to the resources whose ARN the glob fits."""
        self._denied.append((action, resource))

    def take_down(self, region: str) -> None:
        """From now on break off every connection on which a region is asked for something."""
        self._down.add(region)

    def expire_tokens(self) -> None:
        """End every login to /v2 now."""
        self.identities.expire_tokens()

    def expire_sessions(self) -> None:
        """End every assumed role now."""
        self.identities.expire_sessions()

    def reset(self) -> None:
        """Forget the calls, and let everything work again."""
        self.calls.clear()
        self._throttled.clear()
        self._denied.clear()
        self._down.clear()

    def handle(self, request: Handler) -> None:
        if BUCKET.fullmatch(urlsplit(request.path).netloc):
            self.bucket.handle(request)
        else:
            self._handle(request)

    def _handle(self, request: Handler) -> None:
        asked = read(request)
        door = self._door(asked)
        call = door.call(asked)
        if call.region in self._down:
            raise ConnectionResetError(f"{call.region} is down")
        with self._one_by_one:  # as AWS, which checks and writes in one step
            try:
                caller = door.login(asked, call)
                self._permit(call, caller)
                answer = door.serve(asked, call, caller)
            except Refused as refused:
                answer = door.refuse(refused)
            self.calls.append(replace(call, status=answer.status))
        request.answer(answer.status, answer.headers, answer.body)

    def _door(self, asked: Asked) -> Door:
        if asked.path.startswith("/v2/"):
            return self._registry
        form = asked.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return self._sts if form else self._api

    def _permit(self, call: Call, caller: Caller) -> None:
        if self._throttled[call.action] > 0:
            self._throttled[call.action] -= 1
            raise Refused("ThrottlingException", "Rate exceeded")
        for permission, arn in call.permissions:
            action = permission.partition(":")[2]
            if any(fnmatchcase(action, denied) and fnmatchcase(arn, glob) for denied, glob in self._denied):
                raise not_authorized(caller.arn, permission, arn, "identity-based")
            foreign = arn.startswith("arn:aws:ecr:") and call.account != caller.account
            if foreign and not self._shared(call, caller, permission, arn):
                raise not_authorized(caller.arn, permission, arn, "resource-based")

    def _shared(self, call: Call, caller: Caller, permission: str, arn: str) -> bool:
        """Whether the policy of another account's repository lets the caller do this to it."""
        scope = Scope(call.account, call.region)
        policy = self._repositories.policy(scope, arn.partition("/")[2])
        welcome = {"*", caller.arn, f"arn:aws:iam::{caller.account}:root"}
        return any(
            each["Effect"] == "Allow"
            and not welcome.isdisjoint(principals(each["Principal"]))
            and any(fnmatchcase(permission, action) for action in as_list(each["Action"]))
            for each in policy.get("Statement", ())
        )

    def __enter__(self) -> Self:
        self.bucket.__enter__()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.bucket.__exit__(kind, error, trace)
        finally:
            super().__exit__(kind, error, trace)


class Aws:
    """An account of its own behind a front, with a key for it.

    `environment` has all that a program needs to find and enter it and to trust its bucket, and no region. `folder`
    is for the files that are named there.
    """

    def __init__(self, front: AwsFront, ministack: MinistackServer, folder: Path) -> None:
        self.front = front
        self.account = str(10**11 + secrets.randbelow(9 * 10**11))
        self.key = f"AKIA{secrets.token_hex(8).upper()}"
        self.secret = f"never-printed-{secrets.token_hex(8)}"
        front.keys[self.key] = self.account
        authority().cert_pem.write_to_path(folder / "ca.pem")
        self.environment = {
            "AWS_ENDPOINT_URL": front.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
            "SSL_CERT_FILE": str(folder / "ca.pem"),
        }
        self._ministack = ministack
        self._clients: dict[tuple[str | None, ...], Any] = {}

    @property
    def url(self) -> str:
        """Where all of AWS answers: for AWS_ENDPOINT_URL and for connectTo."""
        return self.front.url

    def host(self, region: str = "us-east-1") -> str:
        """The endpoint of the account's registry in a region."""
        return Scope(self.account, region).host

    def client(
        self,
        service: str = "ecr",
        region: str = "us-east-1",
        *,
        key: str | None = None,
        token: str | None = None,
    ) -> Any:
        """A botocore client that tries once, as the account's own user or with another key and session token."""
        wanted = (service, region, key, token)
        if wanted not in self._clients:
            config = import_module("botocore.config").Config(retries={"total_max_attempts": 1}, proxies={})
            login = {"aws_access_key_id": key or self.key, "aws_secret_access_key": self.secret}
            where = {"region_name": region, "endpoint_url": self.url, "config": config}
            client = sdk().create_client(service, **login, **where, aws_session_token=token)
            self._clients[wanted] = client
        return self._clients[wanted]

    def password(self, region: str = "us-east-1") -> str:
        """A token that logs the user AWS in to /v2 in a region."""
        [data] = self.client("ecr", region).get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]

    def fill(self, repository: str, pushes: dict[str, bytes], region: str = "us-east-1") -> None:
        """Put many OCI manifests by tag into a repository that exists, quickly: nothing is checked or counted."""
        for tag, manifest in pushes.items():
            path = f"/v2/{repository}/manifests/{tag}"
            kind = "application/vnd.oci.image.manifest.v1+json"
            self._ministack.v2(Scope(self.account, region), "PUT", path, manifest, kind)

    def close(self) -> None:
        for each in self._clients.values():
            each.close()


@cache
def sdk() -> Any:
    """A botocore session, which is loaded late: it takes a while, and most tests have no need of it."""
    return import_module("botocore.session").Session()


def read(request: Handler) -> Asked:
    """Take in one request, whether it is sent as to a server or as to a proxy."""
    url = urlsplit(request.path)
    target = url.path + (f"?{url.query}" if url.query else "")
    host = (url.netloc or request.headers["Host"] or "").partition(":")[0]
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.command, host, target, headers, b"".join(request.body()), bool(url.netloc))


def principals(principal: Any) -> set[str]:
    """The principals that a statement of a policy names."""
    named = principal.values() if isinstance(principal, dict) else [principal]
    return {each for ids in named for each in as_list(ids)}
