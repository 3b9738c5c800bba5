from __future__ import annotations

import json
from email.message import Message
from urllib.parse import parse_qs, urlsplit

import pytest

from regsync.model.errors import (
    AuthenticationFailed,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.registry import Auth
from regsync.transport.credentials import Credential, Kind
from regsync.transport.messages import Bytes, Scope
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import (
    ANONYMOUS,
    JSON,
    LOGIN,
    OK,
    TOKEN,
    basic,
    html,
    oci_error,
    transport,
    unauthorized,
)

TAGS = "/v2/team/app/tags/list"
PULL = Scope("team/app", ("pull",))
EXPIRED = oci_error(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
DENIED = oci_error(403, "DENIED", "User arn:aws:iam::1:user/me is not authorized to perform: ecr:PutImage")
INVALID = oci_error(400, "DENIED", "Your Authorization Token is invalid.")


class Passwords:
    """A vendor's logins: password-1, password-2, …; `refused` has those that were given back as expired."""

    def __init__(self) -> None:
        self.number = 1
        self.refused: list[str] = []

    def current(self) -> Credential:
        return Credential(Kind.PASSWORD, f"password-{self.number}", "the vendor", "AWS")

    def renewed(self, refused: Credential) -> Credential:
        self.refused.append(refused.secret)
        self.number += 1
        return self.current()


class Private:
    """A registry with a Basic login that takes password number `valid`; beyond it `answers` come in turn, then 200."""

    def __init__(self, *answers: Answer, valid: int = 1) -> None:
        self.valid = valid
        self.answers = list(answers)

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        if headers["Authorization"] is None:
            return unauthorized('Basic realm="https://reg.test/",service="ecr.amazonaws.com"')
        if headers["Authorization"] != password(self.valid):
            return EXPIRED
        return OK if path == "/v2/" or not self.answers else self.answers.pop(0)


class Public:
    """A registry with bearer tokens t1, t2, …, those in `dead` answered with `refusal`; `traded` has what they were
    traded for, `scopes` what they were asked for."""

    def __init__(self, *dead: str, refusal: Answer = INVALID) -> None:
        self.dead = set(dead)
        self.refusal = refusal
        self.traded: list[str | None] = []
        self.scopes: list[list[str]] = []

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        carried = headers["Authorization"]
        if path.startswith("/token"):
            self.traded.append(carried)
            self.scopes.append(parse_qs(urlsplit(path).query).get("scope", []))
            return 200, JSON, json.dumps({"token": f"t{len(self.traded)}"}).encode()
        if carried is None:
            return unauthorized(f'Bearer realm="http://{headers["Host"]}/token",service="s",scope="aws"')
        return self.refusal if carried.removeprefix("Bearer ") in self.dead else OK


def password(number: int) -> str:
    return basic("AWS", f"password-{number}")


def carried(server: ScriptedServer) -> list[tuple[str, str | None]]:
    """What went to the registry itself after the ping: path and Authorization."""
    own = [seen for seen in server.requests if not seen.path.startswith("/token")]
    return [(seen.path, seen.headers["Authorization"]) for seen in own[2:]]


@pytest.mark.parametrize("auth", [ANONYMOUS, LOGIN, Auth()])
def test_a_vendors_login_takes_the_place_of_the_manifests(auth: Auth) -> None:
    with (
        ScriptedServer(Private()) as server,
        transport(server.url, logins=Passwords(), auth=auth, environment={}) as http,
    ):
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert [seen.headers["Authorization"] for seen in server.requests] == [None, *[password(1)] * 2]


def test_a_vendors_login_is_used_at_an_open_registry_too() -> None:
    with ScriptedServer(lambda *_: OK) as server, transport(server.url, logins=Passwords()) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert server.requests[-1].headers["Authorization"] == password(1)


def test_a_login_renewed_at_its_source_is_followed_at_once() -> None:
    logins, script = Passwords(), Private()
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.request("GET", TAGS, expect={200})
        logins.number = script.valid = 2
        http.request("GET", TAGS, expect={200})
        assert carried(server) == [(TAGS, password(1)), (TAGS, password(2))]
        assert logins.refused == []


def test_a_repeated_attempt_carries_the_newest_login() -> None:
    logins, script = Passwords(), Private()

    def renewing(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == TAGS and script.valid == 1:
            logins.number = script.valid = 2
            return html(503)
        return script(method, path, headers, body)

    with ScriptedServer(renewing) as server, transport(server.url, logins=logins) as http:
        http.request("GET", TAGS, expect={200})
        assert carried(server) == [(TAGS, password(1)), (TAGS, password(2))]


def test_a_login_that_expires_at_the_greeting_is_renewed() -> None:
    logins = Passwords()
    with ScriptedServer(Private(valid=2)) as server, transport(server.url, logins=logins) as http:
        http.ping()
        assert [seen.headers["Authorization"] for seen in server.requests] == [
            None,
            password(1),
            password(2),
        ]
        assert logins.refused == ["password-1"]


def test_an_upload_with_an_expired_login_is_repeated_from_its_start() -> None:
    logins, script = Passwords(), Private()
    counted: list[int] = []
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.ping()
        script.valid = 2
        http.request(
            "PUT",
            "/v2/a/manifests/1",
            body=Bytes(b"whole"),
            expect={200},
            retry=False,
            sent=counted.append,
        )
        assert [seen.body for seen in server.requests[2:]] == [b"whole", b"whole"]
        assert counted == [5, -5, 5]
        assert logins.refused == ["password-1"]


def test_a_download_with_an_expired_login_is_opened_again() -> None:
    logins, script = Passwords(), Private()
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.ping()
        script.valid = 2
        with http.stream("/v2/a/blobs/sha256:0") as file:
            assert file.read() == b"{}"


def test_a_renewed_login_that_is_refused_is_the_end() -> None:
    logins, script = Passwords(), Private()
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.ping()
        script.valid = 9
        with pytest.raises(
            AuthenticationFailed,
            match=r"403 DENIED: Your authorization token has expired.*"
            r"; the login from the vendor was refused \(again, with a renewed login\)$",
        ) as raised:
            http.request("GET", TAGS, expect={200})
        assert raised.value.hint == (
            "renew the login, or name another one in spec.auth (registries/prod.yaml:9:5)"
        )
        assert carried(server) == [(TAGS, password(1)), (TAGS, password(2))]


def test_a_login_is_renewed_once_for_all_attempts_at_a_call() -> None:
    logins, script = Passwords(), Private(html(503), EXPIRED)
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.ping()
        script.valid = 2
        with pytest.raises(AuthenticationFailed, match="again, with a renewed login"):
            http.request("GET", TAGS, expect={200})
        assert logins.refused == ["password-1"]


@pytest.mark.parametrize(
    "answer",
    [
        DENIED,
        oci_error(403, "FORBIDDEN", "your authorization token has expired"),
        (403, {"Content-Type": "text/plain"}, b"your authorization token has expired"),
    ],
)
def test_what_is_forbidden_is_no_reason_to_renew(answer: Answer) -> None:
    logins = Passwords()
    with ScriptedServer(Private(answer)) as server, transport(server.url, logins=logins) as http:
        with pytest.raises(PermissionDenied):
            http.request("PUT", TAGS, body=Bytes(b"1"), expect={200})
        assert len(carried(server)) == 1
        assert logins.refused == []


def test_the_greeting_tells_whether_a_head_was_refused_for_expiry() -> None:
    logins, script = Passwords(), Private()
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.ping()
        script.valid = 2
        http.request("HEAD", TAGS, expect={200})
        assert carried(server) == [(TAGS, password(1)), ("/v2/", password(1)), (TAGS, password(2))]
        script.valid = 9
        with pytest.raises(AuthenticationFailed, match=rf"^HEAD {server.url}{TAGS}: 403 DENIED: .*expired"):
            http.request("HEAD", TAGS, expect={200})


def test_a_head_that_is_forbidden_stays_so() -> None:
    logins = Passwords()
    with ScriptedServer(Private(DENIED)) as server, transport(server.url, logins=logins) as http:
        with pytest.raises(PermissionDenied, match=f"HEAD {server.url}{TAGS}: 403"):
            http.request("HEAD", TAGS, expect={200})
        assert logins.refused == []


def test_an_expired_login_that_cannot_be_renewed_is_refused_at_once() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return EXPIRED if headers["Authorization"] else unauthorized("Basic realm=x")

    with ScriptedServer(script) as server, transport(server.url, auth=LOGIN) as http:
        with pytest.raises(AuthenticationFailed, match=r"the login from env:REGISTRY_PASSWORD was refused$"):
            http.ping()
        assert len(server.requests) == 2


class Broken(Passwords):
    def current(self) -> Credential:
        raise Unreachable("GetAuthorizationToken: no answer")


class BrokenLater(Passwords):
    def renewed(self, refused: Credential) -> Credential:
        raise Unreachable("GetAuthorizationToken: no answer")


def test_a_source_of_logins_that_fails_says_so() -> None:
    with (
        ScriptedServer(Private()) as server,
        transport(server.url, logins=Broken()) as http,
        pytest.raises(Unreachable, match="GetAuthorizationToken: no answer"),
    ):
        http.ping()


def test_a_renewal_that_fails_says_so() -> None:
    with (
        ScriptedServer(Private(valid=2)) as server,
        transport(server.url, logins=BrokenLater()) as http,
        pytest.raises(Unreachable, match="GetAuthorizationToken: no answer"),
    ):
        http.ping()


def test_every_login_is_masked() -> None:
    lines: list[str] = []
    script = Private(valid=2)

    def leaky(method: str, path: str, headers: Message, body: bytes) -> Answer:
        answer = script(method, path, headers, body)
        if path == "/v2/" or answer is EXPIRED:
            return answer
        told = f"password-1 password-2 {password(1)} {headers['Authorization']}"
        return oci_error(400, "X", told.replace("Basic ", ""))

    with (
        ScriptedServer(leaky) as server,
        transport(server.url, logins=Passwords(), log=lines) as http,
        pytest.raises(ProtocolError, match=r"400 X: \*\*\* \*\*\* \*\*\* \*\*\*$"),
    ):
        http.request("GET", TAGS, expect={200})
    assert "password-" not in "\n".join(lines)


def test_a_vendors_login_is_refused_before_anything_is_sent_elsewhere() -> None:
    environment = {"REGSYNC_ALLOW_HOSTS": "*.allowed.test"}
    with (
        ScriptedServer(Private()) as server,
        transport(server.url, logins=Broken(), environment=environment) as http,
    ):
        with pytest.raises(AuthenticationFailed, match=f"to {server.url}: REGSYNC_ALLOW_HOSTS does not name"):
            http.ping()
        assert server.requests == []


def test_a_vendors_password_is_traded_for_tokens() -> None:
    script = Public()
    with ScriptedServer(script) as server, transport(server.url, logins=Passwords()) as http:
        for _ in range(2):
            http.request("GET", TAGS, scope=PULL, expect={200})
        assert script.traded == [password(1), password(1)]
        assert script.scopes == [["aws"], ["repository:team/app:pull"]]
        assert carried(server) == [(TAGS, "Bearer t2"), (TAGS, "Bearer t2")]


def test_a_token_does_not_outlive_the_password_it_was_traded_for() -> None:
    logins, script = Passwords(), Public()
    with ScriptedServer(script) as server, transport(server.url, logins=logins) as http:
        http.request("GET", TAGS, scope=PULL, expect={200})
        logins.number = 2
        http.request("GET", TAGS, scope=PULL, expect={200})
        assert script.traded == [password(1), password(1), password(2)]
        assert carried(server) == [(TAGS, "Bearer t2"), (TAGS, "Bearer t3")]


@pytest.mark.parametrize("refusal", [INVALID, (400, {}, b""), EXPIRED])
@pytest.mark.parametrize("anonymous", [False, True])
def test_a_token_refused_without_a_challenge_is_fetched_anew(anonymous: bool, refusal: Answer) -> None:
    logins, script = Passwords(), Public("t1", refusal=refusal)
    with (
        ScriptedServer(script) as server,
        transport(server.url, logins=None if anonymous else logins) as http,
    ):
        http.ping()
        assert [seen.headers["Authorization"] for seen in server.requests if seen.path == "/v2/"] == [
            None,
            "Bearer t1",
            "Bearer t2",
        ]
        script.dead.add("t3")
        http.request("PUT", TAGS, scope=PULL, body=Bytes(b"whole"), expect={200})
        assert carried(server)[-2:] == [(TAGS, "Bearer t3"), (TAGS, "Bearer t4")]
        assert server.requests[-1].body == b"whole"
        assert script.scopes == [["aws"]] * 2 + [["repository:team/app:pull"]] * 2
        assert script.traded == [None if anonymous else password(1)] * 4
        assert logins.refused == []


def test_a_head_whose_token_is_refused_is_repeated() -> None:
    script = Public("t2")
    with ScriptedServer(script) as server, transport(server.url) as http:
        http.request("HEAD", TAGS, scope=PULL, expect={200})
        assert carried(server)[-2:] == [(TAGS, "Bearer t2"), (TAGS, "Bearer t3")]


def test_a_fresh_token_that_is_refused_is_the_end() -> None:
    script = Public(*(f"t{number}" for number in range(2, 9)))
    with ScriptedServer(script) as server, transport(server.url) as http:
        with pytest.raises(
            PermissionDenied, match=r"400 DENIED: .* is invalid\. \(again, with a fresh token\)$"
        ):
            http.request("GET", TAGS, scope=PULL, expect={200})
        assert carried(server) == [(TAGS, "Bearer t2"), (TAGS, "Bearer t3")]


@pytest.mark.parametrize("code", ["MANIFEST_INVALID", "TAG_INVALID"])
def test_a_400_with_another_code_is_no_expiry(code: str) -> None:
    with ScriptedServer(Public("t2", refusal=oci_error(400, code))) as server, transport(server.url) as http:
        with pytest.raises(ProtocolError, match=f"400 {code}"):
            http.request("PUT", TAGS, scope=PULL, body=Bytes(b"1"), expect={200})
        assert carried(server) == [(TAGS, "Bearer t2")]


@pytest.mark.parametrize(("auth", "logins"), [(LOGIN, None), (TOKEN, None), (ANONYMOUS, Passwords())])
def test_a_400_to_anything_but_a_fetched_token_is_no_expiry(auth: Auth, logins: Passwords | None) -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if headers["Authorization"] is None:
            return unauthorized("Basic realm=x")
        return OK if path == "/v2/" else INVALID

    with ScriptedServer(script) as server, transport(server.url, auth=auth, logins=logins) as http:
        with pytest.raises(RegistryError, match="400 DENIED"):
            http.request("GET", TAGS, expect={200})
        assert len(carried(server)) == 1
