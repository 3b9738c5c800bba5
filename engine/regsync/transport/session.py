"""Has a call answered, whatever it takes: the login, one renewal of it, redirects of reads.

Knows who may see credentials and which answers are the registry's own; knows no repetitions and no limits on how
many calls are under way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import urlencode

from regsync import __version__
from regsync.model.errors import AuthenticationFailed, ProtocolError, RegistryError, RegsyncError
from regsync.transport.credentials import Logins
from regsync.transport.failures import Explain, is_expired, refused_trade
from regsync.transport.login import Authorization, Login
from regsync.transport.messages import Body, Bytes, Response, Scope
from regsync.transport.origins import Endpoint, Target, is_downgrade, next_query
from regsync.transport.redact import Redactor, one_line, redact_url
from regsync.transport.retry import RETRIED, Again, noted, retry_after
from regsync.transport.server import Server
from regsync.transport.tokens import ANSWER_LIMIT
from regsync.transport.trust import AllowedHosts, upload_target
from regsync.transport.wire import READS, Answer, Wire

ERROR_LIMIT = 64 * 1024
MOST_HOPS = 5
MOST_WARNINGS = 20

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WARNING = re.compile(r'\b299\s+\S+\s+"((?:[^"\\]|\\.)*)"')
_WARNING_LIMIT = 4096
# Fields of forms, as OAuth names them (RFC 6749, RFC 7523).
_SECRETS = ("access_token", "client_assertion", "client_secret", "refresh_token")
_ALWAYS = {"User-Agent": f"regsync/{__version__}", "Accept-Encoding": "identity"}


class Progress:
    """Reports the bytes of an upload; what a repeated attempt sends anew is taken back first."""

    def __init__(self, report: Callable[[int], None] | None) -> None:
        self._report = report
        self._total = 0

    def __call__(self, count: int) -> None:
        if self._report:
            self._total += count
            self._report(count)

    def take_back(self) -> None:
        if self._report and self._total:
            self._report(-self._total)
            self._total = 0


@dataclass(slots=True)
class Call:
    """One request as its caller meant it. `direct`: it carries the login itself, and no token that this was traded for.
    `renewed` notes that its login was renewed, which is done once."""

    method: str
    target: Target
    scopes: Sequence[Scope]
    headers: Mapping[str, str]
    body: Body | None
    progress: Progress
    direct: bool = False
    renewed: bool = False


class Session:
    """The dealings with one live registry. Thread-safe.

    `pace` is called with method and path before each request to the registry's own origin, token fetches excepted.
    `explain` makes errors of its answers; those of the statuses `retried` may pass.
    """

    def __init__(
        self,
        spec: Server,
        environment: Mapping[str, str],
        wire: Wire,
        endpoint: Endpoint,
        logins: Logins | None,
        pace: Callable[[str, str], None],
        log: Callable[[str], None],
        clock: Callable[[], float],
        explain: Explain,
        retried: Collection[int],
    ) -> None:
        self._spec = spec
        self._wire = wire
        self._endpoint = endpoint
        self._pace = pace
        self._log = log
        self._clock = clock
        self._explain = explain
        self._retried = retried
        self.redact = Redactor()
        self._allowed = AllowedHosts(environment)
        self.login = Login(spec, endpoint, environment, logins, self.redact, clock, self._fetch_token)
        self.warnings: dict[str, None] = {}
        """What the registry said in `Warning: 299` headers, each once."""

    def call(
        self,
        method: str,
        path: str,
        scope: Scope | Sequence[Scope] = (),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        sent: Callable[[int], None] | None = None,
        *,
        direct: bool = False,
    ) -> Call:
        """A call to a `/v2/…` path or a Location. Raises ProtocolError for a location that must not be followed."""
        home = Target(self._endpoint.origin, "/", own=True)
        scopes = (scope,) if isinstance(scope, Scope) else scope
        target = upload_target(path, self._endpoint, home)
        return Call(method, target, scopes, {**_ALWAYS, **(headers or {})}, body, Progress(sent), direct)

    def exchange(self, call: Call) -> Answer:
        """Send a call and return the answer to it, whose body is still to come.

        Credentials go to the registry's own origin only. Once redirected to another, nothing of the login is sent any
        more, not even on a way back. A login that has expired is renewed, once for all attempts at a call. Raises Again
        and RegistryErrors.
        """
        target, trusted = call.target, call.target.own
        carried = self.login.authorization(call.scopes, direct=call.direct) if trusted else None
        asked = False
        for _ in range(MOST_HOPS + 3):
            login = carried.headers if carried and trusted else {}
            call.progress.take_back()
            answer = self._send(call.method, target, {**call.headers, **login}, call.body, call.progress)
            headers = answer.headers
            if answer.status == 401 and trusted and not asked:
                asked = True
                answer.load(ERROR_LIMIT)
                offered = headers.get("www-authenticate", "")
                better = self.login.answer(offered, call.scopes, carried, target)
                if better is None:
                    return answer
                carried = better
            elif answer.status in {400, 403} and trusted and carried and self.login.is_renewable(carried):
                newer = self._newer(call, answer, carried)
                if newer is None:
                    return answer
                carried = newer
            elif answer.status in _REDIRECTS and call.method in READS and "location" in headers:
                answer.load(ERROR_LIMIT)
                target = self._redirected(answer.target, headers["location"])
                trusted = trusted and target.own
            else:
                return answer
        raise ProtocolError(
            f"{call.method} {redact_url(call.target.url)}: redirected more than {MOST_HOPS} times"
        )

    def _newer(self, call: Call, answer: Answer, carried: Authorization) -> Authorization | None:
        """What a call is to carry instead if this answer says that its login has expired, else None.

        Raises RegistryErrors, among them the one that this answer amounts to if the login was renewed before.
        """
        answer.load(ERROR_LIMIT)
        response = self.whole(answer, call.method, None)
        if call.method == "HEAD" and response.status == 403 and not carried.service:
            # The answer to a HEAD has no text that could speak of expiry: `/v2/` is asked what is wrong.
            fields = {**_ALWAYS, **carried.headers}
            why = self.whole(self._send("GET", self._endpoint.target("/v2/"), fields), "GET", None)
            response = replace(response, body=why.body) if why.status == 403 else response
        if not is_expired(response, fetched=carried.service is not None):
            return None
        if call.renewed:
            renewed = "fresh token" if carried.service else "renewed login"
            raise noted(self.failure(response), f" (again, with a {renewed})")
        call.renewed = True
        return self.login.renewal(call.scopes, carried)

    def whole(self, answer: Answer, method: str, limit: int | None) -> Response:
        """An answer with its body. More than `limit` bytes are a ProtocolError; without a limit the answer is an error
        itself, and a large body is left out."""
        try:
            body = answer.read(ERROR_LIMIT if limit is None else limit)
        finally:
            answer.close()
        url = redact_url(answer.target.url)
        if body is None and limit is not None:
            raise ProtocolError(
                f"{method} {url}: {answer.status} with more than {limit} bytes", status=answer.status
            )
        location, link = answer.headers.get("location"), answer.headers.get("link")
        if location:
            with suppress(ValueError):  # an impossible location is refused when it is used
                location = self._endpoint.target(location, answer.target).url
        try:
            following = next_query(link) if link else None
        except ValueError:
            # Going on without it would take a part of a listing for the whole.
            raise ProtocolError(f"{method} {url}: the next page is none of the registry's") from None
        return Response(method, url, answer.status, answer.headers, body or b"", location, following)

    def failure(self, response: Response, *, own: bool = True) -> RegistryError:
        """The error that an answer amounts to."""
        login = self.login
        return self._explain(
            response, self._spec, self.redact, own=own, login=login.source, accepted=login.accepted
        )

    def fail(self, response: Response, *, own: bool) -> NoReturn:
        """Raise the error that an answer amounts to, as Again where the next attempt may do better."""
        error = self.failure(response, own=own)
        if response.status in self._retried:
            raise Again(error, retry_after(response.headers))
        raise error

    def _send(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: Body | None = None,
        sent: Callable[[int], None] | None = None,
        *,
        paced: bool = True,
    ) -> Answer:
        if paced and target.own:
            self._pace(method, target.path.partition("?")[0])
        started = self._clock()
        try:
            answer = self._wire.send(method, target, headers, body, sent)
        except (Again, RegsyncError) as error:
            self._log(self.redact(str(error)))
            raise
        took = (self._clock() - started) * 1000
        self._log(f"{method} {redact_url(target.url)}: {answer.status} in {took:.0f} ms")
        if "warning" in answer.headers and target.own:
            for text in _WARNING.findall(answer.headers["warning"][:_WARNING_LIMIT]):
                if len(self.warnings) < MOST_WARNINGS:
                    self.warnings[one_line(self.redact(text))] = None
        return answer

    def _redirected(self, source: Target, location: str) -> Target:
        try:
            goal = self._endpoint.target(location, source)
        except ValueError as error:
            raise ProtocolError(f"GET {redact_url(source.url)}: redirected to {error}") from None
        if is_downgrade(source, goal):
            raise ProtocolError(
                f"GET {redact_url(source.url)}: redirected out of TLS, to {redact_url(goal.url)}; refused",
                hint="a proxy before the registry should pass on Host and X-Forwarded-Proto",
            )
        return goal

    def trade(self, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> dict[str, Any]:
        """One attempt to ask an endpoint that gives out tokens; see Transport.trade. Raises Again and RegistryErrors."""
        try:
            target = self._endpoint.target(url)
        except ValueError as error:
            raise AuthenticationFailed(f"no token can be asked for at what is {error}") from None
        if form is None:
            response = self._ask_for_token("GET", target, headers, None)
        else:
            self._allowed.check(target.origin)
            self.redact.learn(*(form[name] for name in _SECRETS if name in form))
            fields = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
            response = self._ask_for_token("POST", target, fields, urlencode(form).encode())
        if response.status != 200:
            raise refused_trade(response, self.redact)
        answer = response.json()
        if not isinstance(answer, dict):
            raise ProtocolError(f"{response.method} {response.url}: 200 without a token", status=200)
        return answer

    def _fetch_token(
        self, method: str, target: Target, headers: Mapping[str, str], form: bytes | None
    ) -> Response:
        """See tokens.Fetch."""
        response = self._ask_for_token(method, target, headers, form)
        if response.status not in {200, 404, 405}:
            self.fail(response, own=True)
        return response

    def _ask_for_token(
        self, method: str, target: Target, headers: Mapping[str, str], form: bytes | None
    ) -> Response:
        """The answer of a token endpoint; one that may pass is raised as Again. Nothing is written by it, so it may POST
        even while planning."""
        body = Bytes(form) if form is not None else None
        answer = self._send(method, target, {**_ALWAYS, **headers}, body, paced=False)
        response = self.whole(answer, method, ANSWER_LIMIT if answer.status in {200, 404, 405} else None)
        if response.status in RETRIED:
            self.fail(response, own=True)
        return response
