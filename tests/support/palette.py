"""A Palette for tests: its API for registrations, syncs and packs on loopback, each request and answer held against its
published description.

What is sent against the description fails the test at the end of the server's context. Its rules stand in the modules
beside this one.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trustme

from tests.support.loopback import Fields, Handler, LoopbackServer, fields
from tests.support.palette_api import Api, Asked, Said
from tests.support.palette_lister import FixedLister, Lister
from tests.support.palette_rules import Refusal, Registration, masks_in, new_uid
from tests.support.palette_swagger import (
    Document,
    Operation,
    Unknown,
    operation,
    request_problems,
    response_problems,
)
from tests.support.palette_sync import Syncs
from tests.support.proxy import Reset, Respond, Stall, reset

SECRET_HEADERS = frozenset({"apikey", "authorization", "cookie"})
TENANT = "/v1/registries"
"""What is beneath is the tenant's: no user of a project gets at it."""
RATE, BURST = 10, 5
"""Requests a second beneath one prefix, and how many may come at once."""

HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
TOO_MANY = Respond(429, {"Content-Type": "text/html"}, HTML.format("429 Too Many Requests").encode())
GATEWAY_TIMEOUT = Respond(504, {"Content-Type": "text/html"}, HTML.format("504 Gateway Time-out").encode())
LOGIN_PAGE = Respond(200, {"Content-Type": "text/html"}, HTML.format("Sign in").encode())
GARBAGE = Respond(200, {"Content-Type": "application/json"}, b'{"items": [{"metadata":')
SERVER_ERROR = Respond(
    500,
    {"Content-Type": "application/json"},
    b'{"code": "OperationFailed", "message": "operation failed", "ref": "", "details": {}}',
)


@dataclass(frozen=True)
class Seen:
    """One request. Of headers that show who sent it only the names are kept, in lower case as all are. `body` is what the
    JSON says, secrets included; `status` what was answered, None for a connection that was broken off."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Rule:
    """What happens to the next `times` requests with this method and path (globs)."""

    method: str
    path: str
    fault: Respond | Reset | Stall | Callable[[], object]
    times: int
    done: bool = False


class Limits:
    """Buckets for requests by prefix, which fill up again as `clock` goes."""

    def __init__(self) -> None:
        self.clock = time.monotonic
        self._left: dict[str, tuple[float, float]] = {}

    def allow(self, path: str) -> bool:
        prefix, now = "/".join(path.split("/")[:3]), self.clock()
        left, then = self._left.get(prefix, (BURST, now))
        left = min(BURST, left + (now - then) * RATE)
        self._left[prefix] = (left - (left >= 1), now)
        return left >= 1


class PaletteServer(LoopbackServer):
    """`api_key` is a tenant administrator's, `project_key` that of a user of a project. `requests` are in the order of the
    answers, `violations` all that was sent against the API description. `api` and `syncs` have switches; `limits` are
    kept to only where a test sets `limited`. With `tls` it serves HTTPS under that authority."""

    def __init__(self, lister: Lister | None = None, *, tls: trustme.CA | None = None) -> None:
        super().__init__(tls=context_for(tls) if tls else None)
        self.api_key = f"admin-{secrets.token_hex(16)}"
        self.project_key = f"project-{secrets.token_hex(16)}"
        self.api = Api(lister or FixedLister())
        self.requests: list[Seen] = []
        self.violations: list[str] = []
        self.limits = Limits()
        self.limited = False
        self._rules: list[Rule] = []
        self._lock = threading.RLock()

    @property
    def syncs(self) -> Syncs:
        return self.api.syncs

    @property
    def registrations(self) -> list[Registration]:
        """Those of the tenant, in the order in which they were made."""
        return [each for each in self.api.registrations if not each.is_default]

    def named(self, name: str) -> Registration:
        """The first registration of this name."""
        return next(each for each in self.api.registrations if each.name == name)

    def asked(self, method: str = "*", path: str = "*") -> list[Seen]:
        """The requests with this method and path (globs)."""
        return [
            each
            for each in self.requests
            if fnmatchcase(each.method, method) and fnmatchcase(each.path, path)
        ]

    def add(self, kind: str, name: str, **spec: Any) -> Registration:
        """Register `basic` or `ecr` as if somebody had done so in Palette's own form."""
        with self._lock:
            return self.api.add(kind, {"metadata": {"name": name}, "spec": spec})

    def edit(self, name: str, path: str | Sequence[str], value: Any) -> None:
        """Set a field of a registration (`spec.auth.username`, or the segments of the path), whatever the rules say."""
        *above, last = path.split(".") if isinstance(path, str) else path
        with self._lock:
            place = self.named(name).document
            for each in above:
                place = place[each]
            place[last] = value

    def duplicate(self, name: str) -> Registration:
        """Register another one of the same name, which Palette's own API would refuse."""
        with self._lock:
            twin = replace(self.named(name), document=deepcopy(self.named(name).document))
            twin.document["metadata"]["uid"] = new_uid()
            self.api.registrations.append(twin)
            return twin

    def remove(self, name: str) -> None:
        """Delete a registration behind everybody's back."""
        with self._lock:
            self.api.registrations.remove(self.named(name))

    def synchronize(self, name: str) -> None:
        """Have a registry listed from start to end, as Palette does it by itself once a day."""
        with self._lock:
            self.syncs.start(self.named(name))
            self.syncs.finish(self.named(name))

    def fail(
        self,
        method: str,
        path: str,
        fault: Respond | Reset | Stall,
        *,
        times: int = 1,
        done: bool = False,
    ) -> None:
        """Let the next `times` requests with this method and path (globs) meet a fault; with `done` each of them is
        carried out nevertheless. A request meets one thing at most, the oldest that is left."""
        with self._lock:
            self._rules.append(Rule(method, path, fault, times, done))

    def before(self, method: str, path: str, action: Callable[[], object]) -> None:
        """Do something just before the next request with this method and path (globs) is carried out."""
        with self._lock:
            self._rules.append(Rule(method, path, action, 1))

    def handle(self, request: Handler) -> None:
        url, body = urlsplit(request.path), b"".join(request.body())
        found = operation(request.command, url.path)
        rule = self._rule_for(request.command, url.path)
        fault = rule.fault if rule else None
        if isinstance(fault, Stall):
            self.closing.wait(fault.seconds)
        answer: tuple[int, Fields, bytes] | None = None
        with self._lock:
            self._judge(request, found, url.query, body)
            if rule is None or rule.done or isinstance(fault, Stall) or callable(fault):
                if callable(fault):
                    fault()
                answer = self._answer(request, url.path, url.query, found, body)
            if isinstance(fault, Respond):
                answer = fault.status, fields(fault.headers), fault.body
            if isinstance(fault, Reset):
                answer = None
            self.requests.append(seen(request, body, answer and answer[0]))
        if answer is None:
            reset(request)
        else:
            request.answer(*answer)

    def _rule_for(self, method: str, path: str) -> Rule | None:
        with self._lock:
            for rule in self._rules:
                if rule.times and fnmatchcase(method, rule.method) and fnmatchcase(path, rule.path):
                    rule.times -= 1
                    return rule
        return None

    def _judge(self, request: Handler, found: Operation | Unknown, query: str, body: bytes) -> None:
        """Note what the request has that the description has not, or that no client may send."""
        if isinstance(found, Unknown):
            problems = [f"no such operation (allowed: {found.allowed})"]
        else:
            problems = request_problems(found, query, request.headers["Content-Type"], body)
        if "ProjectUid" in request.headers:
            problems.append("header ProjectUid, where all is the tenant's")
        if not problems and body:
            problems += [f"a mask as {name}" for name in masks_in(json.loads(body))]
        self.violations += [f"{request.command} {request.path}: {each}" for each in problems]

    def _answer(
        self, request: Handler, path: str, query: str, found: Operation | Unknown, body: bytes
    ) -> tuple[int, Fields, bytes]:
        if self.limited and not self.limits.allow(path):
            return TOO_MANY.status, fields(TOO_MANY.headers), TOO_MANY.body
        headers = {"Content-Type": "application/json"}
        try:
            if isinstance(found, Unknown):
                headers |= {"Allow": ", ".join(found.allowed)} if found.allowed else {}
                raise Refusal(405 if found.allowed else 404, "OperationNotFound", f"{path} was not found")
            self._permit(request, path)
            said = self._serve(request, query, found, body)
        except Refusal as refusal:
            said = Said(refusal.status, refusal.document)
        headers |= said.headers
        if isinstance(found, Operation) and (
            problems := response_problems(found, said.status, headers, said.body)
        ):
            raise AssertionError(f"the Palette of the tests answers {found.id} wrongly: {problems}")
        return said.status, [*headers.items()], said.body

    def _permit(self, request: Handler, path: str) -> None:
        key = request.headers["ApiKey"]
        if key not in {self.api_key, self.project_key}:
            raise Refusal(401, "Unauthorized", "The API key is invalid")
        if key == self.project_key and path.startswith(TENANT):
            raise Refusal(403, "Forbidden", "The user has no permission for the tenant's registries")

    def _serve(self, request: Handler, query: str, found: Operation, body: bytes) -> Said:
        if request_problems(found, query, request.headers["Content-Type"], body):
            raise Refusal(400, "ValidationFailed", "The request is not valid")
        parsed = json.loads(body) if body else None
        return self.api.handle(found.id, Asked(found.arguments, dict(parse_qsl(query)), parsed))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self.violations and error is None:
            raise AssertionError("\n".join(["sent against Palette's API description:", *self.violations]))


def seen(request: Handler, body: bytes, status: int | None) -> Seen:
    url = urlsplit(request.path)
    headers = {
        name.lower(): "" if name.lower() in SECRET_HEADERS else value
        for name, value in request.headers.items()
    }
    try:
        document: Document | None = json.loads(body) if body else None
    except ValueError:
        document = None
    return Seen(request.command, url.path, dict(parse_qsl(url.query)), headers, document, status)


def context_for(authority: trustme.CA) -> ssl.SSLContext:
    """A server's TLS for this machine under an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
