"""How AWS says no: refusals under the API's codes and in its words, and the same as STS and /v2 put them."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from tests.support.ministack import MinistackServer, Raw, Scope

Document = dict[str, Any]
"""What travels as a JSON object."""

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
STS_CODES = {
    "AccessDeniedException": (403, "AccessDenied"),
    "ExpiredTokenException": (403, "ExpiredToken"),
    "MissingAuthenticationTokenException": (403, "MissingAuthenticationToken"),
    "ThrottlingException": (400, "Throttling"),
    "UnrecognizedClientException": (403, "InvalidClientTokenId"),
}
V2_CODES = {
    "AccessDeniedException": (403, "DENIED"),
    "ImageDigestDoesNotMatchException": (400, "MANIFEST_INVALID"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "InvalidParameterException": (405, "UNSUPPORTED"),
    "LayersNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "ReferencedImagesNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ThrottlingException": (429, "TOOMANYREQUESTS"),
}
# What AWS says of a repository where ministack says less.
OF_REPOSITORIES = {
    "LifecyclePolicyNotFoundException": "Lifecycle policy does not exist for the repository with name '{}'",
    "RepositoryAlreadyExistsException": "The repository with name '{}' already exists",
    "RepositoryNotEmptyException": "The repository with name '{}' cannot be deleted because it still contains images",
    "RepositoryNotFoundException": "The repository with name '{}' does not exist",
    "RepositoryPolicyNotFoundException": "Repository policy does not exist for the repository with name '{}'",
}


class Refused(Exception):
    """A request that is not served, under the code that ECR's API has for it."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields

    def as_json(self) -> Raw:
        """The refusal as ECR's API gives it."""
        headers = [("Content-Type", "application/x-amz-json-1.1")]
        document = {"__type": self.code, "message": self.message, **self.fields}
        return Raw(self.status, headers, json.dumps(document).encode())

    def as_xml(self) -> Raw:
        """The refusal as STS gives it."""
        status, code = STS_CODES.get(self.code, (self.status, self.code))
        error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(self.message)}</Message>"
        body = f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error>{error}</Error><RequestId>0</RequestId></ErrorResponse>'
        return Raw(status, [("Content-Type", "text/xml")], body.encode())

    def as_oci(self) -> Raw:
        """The refusal as the data plane gives it."""
        status, code = V2_CODES.get(self.code, (self.status, self.code))
        headers = [("Docker-Distribution-Api-Version", "registry/2.0"), ("Content-Type", "application/json")]
        document = {"errors": [{"code": code, "message": self.message}]}
        return Raw(status, headers, json.dumps(document).encode())


def invalid(parameter: str, constraint: str) -> Refused:
    """A parameter that breaks a rule."""
    rule = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    return Refused("InvalidParameterException", rule)


def about_repository(code: str, scope: Scope, name: str) -> Refused:
    """What is wrong with a repository, under one of the codes that OF_REPOSITORIES has."""
    return Refused(code, f"{OF_REPOSITORIES[code].format(name)} in the registry with id '{scope.account}'")


def not_authorized(caller: str, action: str, resource: str, why: str) -> Refused:
    """A caller, by ARN, who may not do `service:Action`; `why` is the kind of policy that is missing, or nothing."""
    missing = f" because no {why} policy allows the {action} action" if why else ""
    message = f"User: {caller} is not authorized to perform: {action} on resource: {resource}{missing}"
    return Refused("AccessDeniedException", message)


def ask(ministack: MinistackServer, scope: Scope, action: str, parameters: Document) -> Document:
    """Call ministack's API. Raises Refused as ministack refuses, in AWS's words where it has others."""
    raw = ministack.api(scope, action, parameters)
    document: Document = raw.json()
    if raw.status == 200:
        return document
    code = document["__type"]
    if code in OF_REPOSITORIES:
        name = parameters.get("repositoryName") or parameters["resourceArn"].partition("/")[2]
        raise about_repository(code, scope, name)
    raise Refused(code, document["message"], raw.status)
