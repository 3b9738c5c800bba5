"""An HTTP server whose answers a test scripts, for what no real server says on demand."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message

from tests.support.loopback import Fields, Handler, LoopbackServer, fields

Answer = tuple[int, Mapping[str, str] | Fields, bytes]
Script = Callable[[str, str, Message, bytes], Answer]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived; the path has its query, `headers` ignores case and gives None for what is absent."""

    method: str
    path: str
    headers: Message
    body: bytes


class ScriptedServer(LoopbackServer):
    """Answers each request with what `script(method, path, headers, body)` returns: status, headers, body.

    The script runs in the connections' threads, so two requests may be in it at once. `requests` has them in the
    order of their arrival. A header that occurs twice is given as pairs; Content-Length is added where it is
    not given.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls=tls)
        self.script = script
        self.requests: list[Seen] = []

    def handle(self, request: Handler) -> None:
        seen = Seen(request.command, request.path, request.headers, b"".join(request.body()))
        self.requests.append(seen)
        status, headers, body = self.script(seen.method, seen.path, seen.headers, seen.body)
        request.answer(status, fields(headers), body)
