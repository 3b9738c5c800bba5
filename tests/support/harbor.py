"""A Harbor for tests: the logins, rights, projects and lists of Harbor 2.15 in front of a real registry server.

What it answers follows requests and answers recorded from a real one. Its rules stand in the modules beside this one.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.support.harbor_api import Api, Asked, Said
from tests.support.harbor_data import DataPlane, token_answer
from tests.support.harbor_state import Harbor, Refused, Token
from tests.support.loopback import Handler, LoopbackServer
from tests.support.servers import DistributionServer

READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Seen:
    """One request: method, path with query, how its caller showed who it is (`Basic`, `Bearer` or nothing), the status."""

    method: str
    path: str
    login: str
    status: int


class HarborServer(LoopbackServer):
    """`state` is what it knows; `api` has switches of its API. `read_only` refuses all writes. `scheme` is that of its
    `external_url`, which its token realm shows. `requests` are in the order of the answers."""

    def __init__(self, behind: DistributionServer) -> None:
        super().__init__()
        self.state = Harbor()
        self.api = Api(self.state)
        self.data = DataPlane(self.state, behind.url, f"harbor-{secrets.token_hex(6)}")
        self.read_only = False
        self.scheme = "http"
        self.requests: list[Seen] = []
        self._one_by_one = threading.Lock()

    @property
    def password(self) -> str:
        """The administrator's."""
        return self.state.admin.secret

    def hashed(self) -> int:
        """How often a user's password had to be hashed: once for each request with Basic."""
        return sum(1 for each in self.requests if each.login == "Basic")

    def handle(self, request: Handler) -> None:
        headers = {name.title(): ", ".join(request.headers.get_all(name, [])) for name in request.headers}
        body = b"".join(request.body())
        carried = headers.get("Authorization", "")
        cookie = [("Set-Cookie", f"sid={secrets.token_hex(8)}; Path=/; HttpOnly")]
        with self._one_by_one:  # as strict as a database
            try:
                said = self._answer(Asked(request.command, request.path, headers, body, None), carried)
            except Refused as refused:
                fields = {"Content-Type": "application/json; charset=utf-8", **refused.headers}
                said = Said(refused.status, fields, refused.body)
            self.requests.append(Seen(request.command, request.path, carried.partition(" ")[0], said.status))
        request.answer(said.status, [*said.headers.items(), *cookie], said.body)

    def _answer(self, asked: Asked, carried: str) -> Said:
        writes = asked.method not in READS
        if writes and "sid=" in asked.headers.get("Cookie", ""):
            raise Refused(403, "FORBIDDEN", "CSRF token not found in request")
        if writes and self.read_only:
            raise Refused(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")
        account = self.state.login(carried) if carried.startswith("Basic ") else None
        known = Asked(asked.method, asked.target, asked.headers, asked.body, account)
        if asked.path == "/service/token":
            scopes = parse_qs(urlsplit(asked.target).query).get("scope", [])
            return token_answer(self.state.give_token(account, scopes))
        if asked.path.startswith("/api/"):
            return self.api.handle(known)
        token = self.state.tokens.get(carried.removeprefix("Bearer "))
        if carried.startswith("Bearer ") and token is None:
            token = Token(None, {})
        return self.data.handle(known, token, f"{self.scheme}://{asked.headers['Host']}/service/token")
