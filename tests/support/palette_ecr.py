"""How Palette enters private registries of Amazon ECR: with a key, or by a role that it assumes from its own account.

Speaks the wire formats of ECR and STS itself, apart from all that regsync speaks them with.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

from tests.support.aws import Aws
from tests.support.aws_bucket import authority
from tests.support.aws_identity import Role
from tests.support.ministack import ECR, signed_by
from tests.support.palette_lister import BAD_LOGIN, UNREACHABLE, RealLister, Web, checked
from tests.support.palette_reader import IMAGE_MANIFEST
from tests.support.palette_rules import PALETTES_ACCOUNT
from tests.support.palette_swagger import Document
from tests.support.palette_sync import NotListed

HOST = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")
REGION = re.compile(r"\{\{\s*\.spectro\.system\.aws\.region\s*\}\}")
PALETTE_KEY = "AKIAPALETTEITSELF000"
PAGE = 3


def aws_lister(aws: Aws) -> RealLister:
    """Who lists the registries of the test suite's AWS for Palette, which gets an account of its own there. Roles that
    Palette is to assume are let in by `trust`."""
    aws.front.keys[PALETTE_KEY] = PALETTES_ACCOUNT
    return RealLister({"*.amazonaws.com": aws.url}, trusted=authority(), open_ecr=EcrRegistry)


def trust(aws: Aws, name: str, external_id: str) -> str:
    """Let whoever knows the external ID assume a role of the account; return the role's ARN."""
    arn = f"arn:aws:iam::{aws.account}:role/{name}"
    aws.front.roles[arn] = Role(external_id)
    return arn


class EcrRegistry:
    """A registry in the region of its endpoint; of a template in the default region."""

    def __init__(self, web: Web, spec: Document) -> None:
        self._web = web
        self._host = REGION.sub(spec.get("defaultRegion") or "", spec["endpoint"])
        found = HOST.fullmatch(self._host)
        if found is None:
            raise NotListed(UNREACHABLE, f"lookup {self._host}: no such host")
        self._account, self._region = found.groups()
        self._session = self._enter(spec.get("credentials") or {})
        [data] = self._call("GetAuthorizationToken")["authorizationData"]
        self._login = f"Basic {data['authorizationToken']}"

    def greet(self) -> None:
        self.get("/v2/")

    def names(self, beneath: str) -> list[str]:
        pages = self._pages("DescribeRepositories", "repositories", registryId=self._account)
        every = sorted(each["repositoryName"] for each in pages)
        return [each for each in every if each.startswith(f"{beneath}/")]

    def tags(self, repository: str) -> list[str]:
        of = {"registryId": self._account, "repositoryName": repository, "filter": {"tagStatus": "TAGGED"}}
        return sorted(each["imageTag"] for each in self._pages("ListImages", "imageIds", **of))

    def get(self, path: str) -> bytes:
        headers = {"Authorization": self._login, "Accept": IMAGE_MANIFEST}
        return checked(self._web("GET", f"https://{self._host}{path}", headers)).content

    def _enter(self, credentials: Document) -> dict[str, str]:
        """The headers of signed requests to ECR."""
        if credentials.get("credentialType") == "sts":
            key, token = self._assume(credentials.get("sts") or {})
            return {"Authorization": signed_by(key, self._region, "ecr"), "X-Amz-Security-Token": token}
        return {"Authorization": signed_by(credentials.get("accessKey", ""), self._region, "ecr")}

    def _assume(self, role: Document) -> tuple[str, str]:
        """Access key id and session token of the role."""
        asked = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleSessionName": "palette"}
        form = asked | {"RoleArn": role.get("arn", ""), "ExternalId": role.get("externalId", "")}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": signed_by(PALETTE_KEY, self._region, "sts"),
        }
        answer = self._web("POST", "https://sts.amazonaws.com/", headers, urlencode(form).encode())
        key, token = (
            re.search(f"<{name}>(.+?)</{name}>", answer.text) for name in ("AccessKeyId", "SessionToken")
        )
        if answer.status_code != 200 or key is None or token is None:
            raise NotListed(BAD_LOGIN, f"{role.get('arn')} cannot be assumed: {answer.status_code}")
        return key[1], token[1]

    def _pages(self, action: str, key: str, **parameters: object) -> list[Document]:
        items: list[Document] = []
        more: Document = {}
        while True:
            answer = self._call(action, maxResults=PAGE, **parameters, **more)
            items += answer[key]
            if not answer.get("nextToken"):
                return items
            more = {"nextToken": answer["nextToken"]}

    def _call(self, action: str, **parameters: object) -> Document:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{ECR}.{action}",
            **self._session,
        }
        url = f"https://api.ecr.{self._region}.amazonaws.com/"
        answer = self._web("POST", url, headers, json.dumps(parameters).encode())
        if answer.status_code != 200:
            raise NotListed(BAD_LOGIN, f"ecr:{action}: {answer.json().get('message', answer.status_code)}")
        document: Document = answer.json()
        return document
