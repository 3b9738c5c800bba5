"""Talks to one live registry: bounded in number, size and patience, and read-only while planning.

Knows how a registry must be treated so that nothing is written by mistake and no silence is taken for an answer; knows
nothing of what is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from regsync.model.errors import NotARegistry, RegistryError, RegsyncError
from regsync.transport.credentials import Logins
from regsync.transport.download import Download
from regsync.transport.failures import Explain, check_welcome, failure
from regsync.transport.messages import Body, Greeting, Response, Scope
from regsync.transport.origins import Endpoint
from regsync.transport.redact import redact_url
from regsync.transport.retry import ATTEMPTS, RETRIED, Patience, noted
from regsync.transport.server import Server
from regsync.transport.session import ERROR_LIMIT, Call, Session
from regsync.transport.wire import READS, Answer, Timeouts, Wire

BODY_LIMIT = 8 * 2**20


class Transport:
    """The way to one live registry. Thread-safe; no more than `parallelism` requests are under way at once.

    `environment` holds the variables that count: proxies, docker's, REGSYNC_ALLOW_HOSTS, secrets by reference.
    With `greets` off there is no `/v2/` to ask first, which is how a plain web server is talked to, or another API: that
    has `explain` make errors of its answers, and says which statuses may pass (`retried`) and which requests write
    nothing though their method could (`harmless`: `POST /v1/search`). `logins` are a vendor's; with them `spec.auth` is
    not looked at. `pace` is called with the method and the path (as sent, without the query) before each request to the
    registry's own origin, repeated ones included and token fetches not, and may sleep. `log` is called with one line per
    exchange, secrets taken out. While `read_only`, whatever could write raises.
    """

    def __init__(
        self,
        spec: Server,
        *,
        environment: Mapping[str, str],
        parallelism: int = 8,
        read_only: bool = False,
        greets: bool = True,
        explain: Explain = failure,
        retried: Collection[int] = RETRIED,
        harmless: Collection[str] = (),
        logins: Logins | None = None,
        pace: Callable[[str, str], None] | None = None,
        log: Callable[[str], None] = lambda line: None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.read_only = read_only
        self.harmless = harmless
        self.greeting: Greeting | None = None
        """What the registry showed of itself when it was first reached; None until then."""
        self._greets = greets
        self._server = spec
        endpoint = Endpoint(spec)
        self._host = endpoint.origin.host
        self._wire = Wire(spec, endpoint, environment, parallelism, timeouts or Timeouts())
        self._pace = pace
        self._session = Session(
            spec,
            environment,
            self._wire,
            endpoint,
            logins,
            self._await_pace,
            log,
            clock,
            explain,
            retried,
        )
        self._patience = Patience(clock, sleep)
        self._room = threading.BoundedSemaphore(parallelism)
        self._ping_lock = threading.Lock()
        self._pinged = False
        self._ping_error: RegistryError | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        scope: Scope | Sequence[Scope] = (),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        accept: str | None = None,
        expect: Collection[int],
        limit: int = BODY_LIMIT,
        retry: bool = True,
        sent: Callable[[int], None] | None = None,
        direct: bool = False,
    ) -> Response:
        """Send a request and return its whole answer if its status is one of `expect`.

        `path` starts with `/v2/`, is one of a vendor's own API or a URL, as a `Response.location` is; `scope` is what the
        request needs to be allowed (two for a mount); `limit` is the most bytes that the answer may have. Without `retry`
        a failure that may pass is raised at once, because the caller must start over from an earlier request. `sent` is
        called with the bytes of each part of the body as it leaves; a repeated or failed attempt takes its bytes back by
        a negative number. With `direct` the request carries the login itself: a vendor's API takes no token of `/v2/`.

        Raises the RegistryError that any other answer amounts to, RegsyncError for a write while read-only.
        """
        harmless = method in READS or f"{method} {path.partition('?')[0]}" in self.harmless
        if self.read_only and not harmless:
            raise RegsyncError(
                f"{method} {redact_url(path)}: not sent, because planning never writes",
                hint="this is a bug in regsync: please report it",
            )
        self.ping()
        fields = {**({"Accept": accept} if accept else {}), **(headers or {})}
        call = self._session.call(method, path, scope, fields, body, sent, direct=direct)
        try:
            response, _ = self._patience.run(
                lambda: self._attempt(call, expect, limit), ATTEMPTS if retry else 1
            )
        except RegsyncError:
            call.progress.take_back()
            raise
        return response

    def trade(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> dict[str, Any]:
        """Ask an endpoint that gives out tokens, on whichever host: POST a form, or GET without one. Returns the JSON
        object that it answers.

        For vendors whose logins are traded for others first: `Logins` may call it while a request waits for them, and
        while planning. A form is only sent to hosts that may see credentials, and its secrets are masked from then on.
        Raises AuthenticationFailed where it is refused, with the endpoint's own code; other RegistryErrors.
        """
        return self._patience.run(
            lambda: self._session.trade(url, form, headers or {}), ATTEMPTS if retry else 1
        )

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        scope: Scope | Sequence[Scope] = (),
        headers: Mapping[str, str] | None = None,
        size: int | None = None,
    ) -> Iterator[BinaryIO]:
        """GET a blob as a file of raw, undecoded bytes. A connection that breaks is resumed where it broke.

        The length is checked against `size` and the answer's own; the digest is for the caller to check. Opening and
        reading raise RegistryErrors.
        """
        self.ping()

        def open_at(offset: int) -> Answer:
            span = {"Range": f"bytes={offset}-"} if offset else {}
            call = self._session.call("GET", path, scope, {**(headers or {}), **span})
            return self._patience.run(lambda: self._open(call, {200, 206} if offset else {200}))

        with Download(open_at(0), open_at, self._patience, size) as download:
            yield cast(BinaryIO, download)

    def ping(self) -> None:
        """Make sure, once, that a registry answers at `/v2/` and takes the login; a failure stays.

        Every other method does this first, so a registry that is down is not asked again for every tag. Raises
        RegistryErrors, never NotFound.
        """
        if not self._pinged:
            with self._ping_lock:
                if not self._pinged:
                    try:
                        self._session.login.check_hosts()
                        if self._greets:
                            self._patience.run(self._ping_once)
                        else:
                            self._session.login.welcomed()
                    except RegistryError as error:
                        self._ping_error = error
                    self._pinged = True
        if self._ping_error:
            raise noted(self._ping_error, "")

    def mask(self, *secrets: str) -> None:
        """Take these out of every text from now on: what a body carries, an answer may echo."""
        self._session.redact.learn(*secrets)

    def logs_in_as(self, username: str, password: str) -> bool:
        """Whether this was the login that was last used. Secrets are compared here, so that none has to be told."""
        used = self._session.login.used
        return used is not None and (used.username, used.secret) == (username, password)

    @property
    def requests(self) -> int:
        """How many HTTP requests have left so far, all counted: token fetches, redirects, repeated attempts."""
        return self._wire.requests

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the registry said in `Warning: 299` headers, each text once (distribution-spec, "warnings")."""
        return tuple(self._session.warnings)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _ping_once(self) -> None:
        session = self._session
        response, own = self._attempt(session.call("GET", "/v2/"), {200, 401, 404}, ERROR_LIMIT)
        if not own:
            raise NotARegistry(
                f"GET {self._server.shown_endpoint}/v2/: redirected elsewhere, to {response.url}",
                hint=f"if that is the registry, write it as the endpoint ({self._server.at('endpoint')})",
            )
        if response.status == 401 and session.login.source is not None:
            raise session.failure(response)
        if response.status != 401 or not session.login.asked_for:
            check_welcome(response, self._server)
            session.login.welcomed()
        self.greeting = Greeting(self._host, session.login.realm)

    def _await_pace(self, method: str, path: str) -> None:
        """Let `pace` hold a request back, and meanwhile others have its room."""
        if self._pace:
            self._room.release()
            try:
                self._pace(method, path)
            finally:
                self._room.acquire()

    def _attempt(self, call: Call, expect: Collection[int], limit: int) -> tuple[Response, bool]:
        """One attempt at a call: the whole answer, and whether it is the registry's own."""
        with self._room:
            answer = self._session.exchange(call)
            expected = answer.status in expect
            response = self._session.whole(answer, call.method, limit if expected else None)
        if not expected:
            self._session.fail(response, own=answer.target.own)
        return response, answer.target.own

    def _open(self, call: Call, expect: Collection[int]) -> Answer:
        """One attempt at a call whose body is read later. It takes no room then: readers never wait for each other."""
        with self._room:
            answer = self._session.exchange(call)
            if answer.status not in expect:
                response = self._session.whole(answer, call.method, None)
                self._session.fail(response, own=answer.target.own)
        return answer
