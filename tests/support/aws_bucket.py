"""The S3 bucket that ECR's layers come from, on an origin of its own: it takes a signed address and nothing besides."""

from __future__ import annotations

import re
import secrets
import ssl
from functools import cache
from urllib.parse import urlencode, urlsplit

import trustme

from tests.support.loopback import Handler, LoopbackServer
from tests.support.ministack import MinistackServer, Raw, Scope

HOST = re.compile(r"prod-[a-z0-9-]+-starport-layer-bucket\.s3\.[a-z0-9-]+\.amazonaws\.com")
TWO_LOGINS = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter,"
    " Signature query string parameter or the Authorization header should be specified"
)


@cache
def authority() -> trustme.CA:
    """Who signs the bucket's certificate."""
    return trustme.CA()


class Bucket(LoopbackServer):
    """Serves the layers whose addresses it has signed, over TLS: a redirect out of TLS is not followed by everyone.

    `fetched` has the paths of all that was asked of it.
    """

    def __init__(self, ministack: MinistackServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("127.0.0.1").configure_cert(context)
        super().__init__(tls=context)
        self.fetched: list[str] = []
        self._ministack = ministack
        self._signed: dict[str, tuple[Scope, str]] = {}

    def address(self, scope: Scope, name: str, digest: str, *, proxied: bool) -> str:
        """A new address from which the layer can be fetched; for clients of a proxy, under the bucket's own name."""
        query = urlencode({"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Signature": secrets.token_hex(32)})
        path = f"/{scope.account}/{digest}?{query}"
        self._signed[path] = scope, f"/v2/{name}/blobs/{digest}"
        bucket = f"http://prod-{scope.region}-starport-layer-bucket.s3.{scope.region}.amazonaws.com"
        return f"{bucket if proxied else self.url}{path}"

    def handle(self, request: Handler) -> None:
        url = urlsplit(request.path)
        path = f"{url.path}?{url.query}"
        self.fetched.append(path)
        if "Authorization" in request.headers:
            answer = refusal(400, "InvalidArgument", TWO_LOGINS)
        elif request.command != "GET" or path not in self._signed:
            answer = refusal(403, "AccessDenied", "Access Denied")
        else:
            raw = self._ministack.v2(self._signed[path][0], "GET", self._signed[path][1])
            answer = Raw(raw.status, [("Content-Type", "application/octet-stream")], raw.body)
        request.answer(answer.status, answer.headers, answer.body)


def refusal(status: int, code: str, message: str) -> Raw:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Raw(status, [("Content-Type", "application/xml")], body.encode())
