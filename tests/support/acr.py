"""A registry of Azure: its logins, its own API, its pages, locks and data endpoint, before the real CNCF Distribution
server (Azure/acr, "AAD-OAuth"; the Azure CLI's `acr` module)."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.support.audit import IMAGE_MANIFEST
from tests.support.entra import PUSHER, READER, Entra, authority, tls_for
from tests.support.loopback import Fields, Handler, LoopbackServer
from tests.support.proxy import FaultProxy
from tests.support.servers import PASSWORD
from tests.support.tokens import ANYONE, encoded

NAME = "team"
HOST = f"{NAME}.azurecr.io"
API = {"Docker-Distribution-Api-Version": "registry/2.0", "Content-Type": "application/json; charset=utf-8"}

PULL = frozenset({"pull"})
READ = PULL | {"metadata_read", "*"}
PUSH = READ | {"push"}
ALL = PUSH | {"delete"}

ADMIN, TOKEN = NAME, "ci-token"
DEFAULT_PAGE, LARGEST_PAGE = 100, 1000
NO_USER = "00000000-0000-0000-0000-000000000000"

_PATH = re.compile(r"/v2/(.+)/(manifests|blobs|tags|blobs/uploads)/([^/]*)")
_OWN = re.compile(r"/acr/v1/(.+?)(?:/_tags(?:/([^/]+))?)?")
_ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}

Answer = tuple[int, dict[str, str], bytes]
Grant = dict[tuple[str, str], frozenset[str]]


class AcrFront(FaultProxy):
    """Serves the registry `HOST` over TLS. All that it needs no answer of its own for goes through to the real server.

    `passwords` has those who log in by name, `rights` what each may do, applications of Entra by client id among them,
    and ANYONE where anonymous pulls are allowed.
    `locks` holds repository, tag (None for all of it) and verb of what is disallowed, `hidden` what no list shows, and
    `instead` what its own API answers to paths with that ending.
    """

    def __init__(self, upstream: str, entra: Entra, folder: Path) -> None:
        super().__init__(upstream, tls=tls_for(HOST))
        self.ca_file = folder / "azure-ca.pem"
        authority().cert_pem.write_to_path(self.ca_file)
        self.data = DataEndpoint(self._upstream)
        self.entra = entra
        self.passwords = {TOKEN: PASSWORD}
        self.rights = {TOKEN: ALL, ADMIN: ALL, PUSHER: ALL, READER: READ}
        self.locks: set[tuple[str, str | None, str]] = set()
        self.hidden: set[tuple[str, str]] = set()
        self.instead: dict[str, Answer] = {}
        self.lifetime = 3 * 3600
        self.refresh_tokens: dict[str, str] = {}
        self._access_tokens: dict[str, Grant] = {}

    def asked(self, part: str = "") -> list[str]:
        """Method and path of all that came, in its order, with `part` in it."""
        every = (f"{each.method} {each.path}" for each in self.requests)
        return [each for each in every if part in each]

    def handle(self, request: Handler) -> None:
        url = urlsplit(request.path)
        if url.path.startswith("/oauth2/"):
            answer: Answer | None = self._login(request, url.path, b"".join(request.body()).decode())
        else:
            answer = self._judge(request, url.path) or self._serve(request.command, url.path, url.query)
            if answer is None:
                request.headers["X-Forwarded-Proto"] = "https"
                super().handle(request)
                return
            for _ in request.body():
                pass
        assert answer is not None
        self._note(request, None, answer[0])
        request.answer(answer[0], [*answer[1].items()], answer[2])

    def refresh_token(self, subject: str) -> str:
        """A new identity token of the registry, as `az acr login` leaves it in docker's configuration."""
        claims = {
            "sub": subject,
            "iat": 1497988712,
            "exp": 1497988712 + self.lifetime,
            "jti": secrets.token_hex(4),
        }
        token = ".".join(
            [*(encoded(json.dumps(each).encode()) for each in ({"alg": "RS256"}, claims)), "c2ln"]
        )
        self.refresh_tokens[token] = subject
        return token

    def _login(self, request: Handler, path: str, body: str) -> Answer:
        post = request.command == "POST"
        form = parse_qsl(body if post else urlsplit(request.path).query)
        fields = dict(form)
        if fields.get("service") != HOST:
            return error(400, "UNSUPPORTED", "service is wrong")
        if path == "/oauth2/exchange":
            subject = self.entra.tokens.get(fields.get("access_token", ""))
            if subject not in self.rights or fields.get("grant_type") != "access_token":
                return error(401, "UNAUTHORIZED", "authentication required")
            return as_json({"refresh_token": self.refresh_token(subject)})
        caller = self.refresh_tokens.get(fields.get("refresh_token", "")) if post else self._caller(request)
        if caller is None and not post and "Authorization" not in request.headers:
            caller = ANYONE
        if caller not in self.rights:
            return error(401, "UNAUTHORIZED", "authentication required")
        scopes = [scope for name, value in form if name == "scope" for scope in value.split()]
        token = f"acr-access-{secrets.token_hex(8)}"
        self._access_tokens[token] = granted(self.rights[caller], scopes)
        return as_json({"access_token": token})

    def _caller(self, request: Handler) -> str | None:
        """Who logs in with a password; an identity token may be one."""
        scheme, _, value = (request.headers["Authorization"] or "").partition(" ")
        if scheme != "Basic":
            return None
        user, _, password = base64.b64decode(value).decode().partition(":")
        if user == NO_USER:
            return self.refresh_tokens.get(password)
        return user if self.passwords.get(user) == password else None

    def _judge(self, request: Handler, path: str) -> Answer | None:
        """The refusal of a request that is not allowed."""
        kind, name, action = needed(request.command, path)
        scheme, _, token = (request.headers["Authorization"] or "").partition(" ")
        caller = self._caller(request)
        if caller is not None:
            allowed = not action or action in self.rights[caller]
        else:
            grant = self._access_tokens.get(token) if scheme == "Bearer" else None
            allowed = grant is not None and (not action or action in grant.get((kind, name), ()))
        if allowed:
            return self._locked(request.command, path)
        scope = f',scope="{kind}:{name}:{action}"' if action else ""
        challenge = f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"{scope}'
        return error(401, "UNAUTHORIZED", "authentication required", challenge)

    def _locked(self, method: str, path: str) -> Answer | None:
        repository, tag, verb = written(method, path)
        forbidden = {"write", verb}  # who may not write may not delete
        if verb and any(
            (repository, place, each) in self.locks for place in (tag, None) for each in forbidden
        ):
            text = "The operation is disallowed on this registry, repository or image."
            return error(405, "REGISTRY_DISALLOWED_OPERATION", text)
        return None

    def _serve(self, method: str, path: str, query: str) -> Answer | None:
        if path == "/v2/_catalog":
            names = sorted(self._upstream_names(path, "repositories"))
            return self._page(path, query, "repositories", names)
        found = _PATH.fullmatch(path)
        if found and (found[2], method) == ("blobs", "GET") and self._call("HEAD", path)[0] == 200:
            return 307, {"Location": self.data.address(path)}, b""
        if found and (found[2], method) == ("manifests", "DELETE"):
            # With all its tags, be it named by one of them.
            digest = self._digest(found[1], found[3])
            return self._call("DELETE", f"/v2/{found[1]}/manifests/{digest}")
        own = _OWN.fullmatch(path)
        return self._serve_own(method, path, query, own[1], own[2]) if own else None

    def _serve_own(self, method: str, path: str, query: str, repository: str, tag: str | None) -> Answer:
        for ending, answer in self.instead.items():
            if path.endswith(ending):
                return answer
        status, _, body = self._call("GET", f"/v2/{repository}/tags/list")
        if status != 200:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = json.loads(body)["tags"] or []
        if path.endswith("/_tags"):
            shown = sorted(each for each in tags if (repository, each) not in self.hidden)
            return self._page(path, query, "tags", [self._described(repository, each) for each in shown])
        if tag is None:
            return as_json({"registry": HOST, "imageName": repository, **self._attributes(repository, None)})
        if tag not in tags:
            return error(404, "TAG_UNKNOWN", "the specified tag does not exist")
        if method == "DELETE":
            return self._call(
                "DELETE", f"/v2/{repository}/manifests/{tag}"
            )  # which takes this tag alone there
        return as_json({"registry": HOST, "imageName": repository, "tag": self._described(repository, tag)})

    def _described(self, repository: str, tag: str) -> dict[str, object]:
        described = {"name": tag, "digest": self._digest(repository, tag), "signed": False}
        return described | self._attributes(repository, tag)

    def _attributes(self, repository: str, tag: str | None) -> dict[str, object]:
        enabled = {
            f"{verb}Enabled": (repository, tag, verb) not in self.locks for verb in ("write", "delete")
        }
        return {"changeableAttributes": enabled | {"readEnabled": True, "listEnabled": True}}

    def _page(self, path: str, query: str, key: str, every: Sequence[object]) -> Answer:
        """A page of a list, with a relative link to the next."""
        asked = parse_qs(query)
        count = min(int(asked.get("n", [str(DEFAULT_PAGE)])[0]), LARGEST_PAGE)
        last = asked.get("last", [""])[0]
        rest = [each for each in every if name_of(each) > last]
        document = {key: rest[:count]} | ({} if key == "repositories" else {"imageName": path})
        status, headers, body = as_json(document)
        if len(rest) > count:
            following = urlencode({"last": name_of(rest[count - 1]), "n": count, "orderby": ""})
            headers = headers | {"Link": f'<{path}?{following}>; rel="next"'}
        return status, headers, body

    def _upstream_names(self, path: str, key: str) -> list[str]:
        names: list[str] = []
        while True:
            page = json.loads(self._call("GET", f"{path}?n=1000&last={names[-1] if names else ''}")[2])[key]
            names += page
            if len(page) < LARGEST_PAGE:
                return names

    def _digest(self, repository: str, reference: str) -> str:
        return self._call("HEAD", f"/v2/{repository}/manifests/{reference}")[1].get(
            "Docker-Content-Digest", ""
        )

    def _call(self, method: str, path: str) -> Answer:
        """One request to the server behind."""
        with closing(HTTPConnection(self._upstream, timeout=30)) as connection:
            connection.request(method, path, headers={"Accept": IMAGE_MANIFEST})
            answer = connection.getresponse()
            return answer.status, {**API, **dict(answer.getheaders())}, answer.read()

    def __enter__(self) -> Self:
        self.data.__enter__()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.data.__exit__(kind, error, trace)
        finally:
            super().__exit__(kind, error, trace)


class DataEndpoint(LoopbackServer):
    """Where blobs come from. It takes signed addresses and nothing besides; `carried` has every login that came."""

    def __init__(self, upstream: str) -> None:
        super().__init__(tls=tls_for())
        self.carried: list[str] = []
        self._upstream = upstream
        self._signed: dict[str, str] = {}

    def address(self, path: str) -> str:
        signature = secrets.token_hex(16)
        self._signed[signature] = path
        return f"{self.url}/blob?sig={signature}"

    def handle(self, request: Handler) -> None:
        if request.headers["Authorization"]:
            self.carried.append(request.headers["Authorization"])
        path = self._signed[parse_qs(urlsplit(request.path).query)["sig"][0]]
        with closing(HTTPConnection(self._upstream, timeout=30)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            headers: Fields = [("Content-Type", "application/octet-stream")]
            request.answer(answer.status, headers, answer.read())


def granted(rights: frozenset[str], scopes: Sequence[str]) -> Grant:
    """What a token is good for that was asked for with these scopes."""
    grant: Grant = {}
    for scope in scopes:
        kind, name, actions = scope.split(":")
        grant[kind, name] = rights.intersection(actions.split(","))
    return grant


def needed(method: str, path: str) -> tuple[str, str, str]:
    """Kind, name and action of the right that a request takes; no action for a greeting."""
    if path == "/v2/":
        return "", "", ""
    if path == "/v2/_catalog":
        return "registry", "catalog", "*"
    if own := _OWN.fullmatch(path):
        return "repository", own[1], "delete" if method == "DELETE" else "metadata_read"
    found = _PATH.fullmatch(path)
    name, kind = (found[1], found[2]) if found else ("", "")
    if kind == "tags":
        return "repository", name, "metadata_read"
    # To cancel an upload takes what it took to begin it.
    pushes = method in {"POST", "PUT", "PATCH"} or kind == "blobs/uploads"
    return "repository", name, "push" if pushes else _ACTIONS[method]


def written(method: str, path: str) -> tuple[str, str | None, str]:
    """Repository, tag and verb of what a request writes or deletes; no verb where it does neither."""
    found = _PATH.fullmatch(path)
    if found and method in {"POST", "PUT", "PATCH"}:
        return found[1], found[3] if found[2] == "manifests" else None, "write"
    own = _OWN.fullmatch(path)
    return (own[1], own[2], "delete") if own and method == "DELETE" else ("", None, "")


def name_of(listed: object) -> str:
    return str(listed["name"]) if isinstance(listed, dict) else str(listed)


def as_json(document: object) -> Answer:
    return 200, API, json.dumps(document).encode()


def error(status: int, code: str, message: str, challenge: str | None = None) -> Answer:
    headers = API | ({"WWW-Authenticate": challenge} if challenge else {})
    return status, headers, json.dumps({"errors": [{"code": code, "message": message}]}).encode()
