"""No log line and no error of a whole session with a registry that leaks all it can shows a secret."""

from __future__ import annotations

import json
from email.message import Message

import pytest

from regsync.model.errors import RegistryError
from regsync.transport.messages import Bytes, Scope
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import JSON, LOGIN, OK, SECRET, basic, transport

PULL = Scope("team/app", ("pull",))
TOKEN = "eyJhbGciOi.token-of-the-session"
SIGNATURE = "AKIA-signature"
COOKIE = "sid-cookie-value"
HIDDEN = (SECRET, basic().removeprefix("Basic "), TOKEN, SIGNATURE, COOKIE)


def leaky(method: str, path: str, headers: Message, body: bytes) -> Answer:
    """Ask for a login, then answer everything with an error that repeats what was sent, and more."""
    if path.startswith("/token"):
        return 200, JSON, json.dumps({"token": TOKEN}).encode()
    if headers["Authorization"] is None:
        return (
            401,
            {
                **JSON,
                "WWW-Authenticate": f'Bearer realm="http://{headers["Host"]}/token?key={SIGNATURE}",service="s"',
            },
            b"{}",
        )
    if path == "/v2/":
        return OK
    if path.startswith("/v2/moved"):
        return 307, {"Location": f"http://u:{SECRET}@127.0.0.1:1/blob?X-Amz-Signature={SIGNATURE}"}, b""
    echo = (
        f"{headers['Authorization']} {basic()} Set-Cookie: {COOKIE}; see https://u:{SECRET}@s.test/?sig={SIGNATURE} "
        + json.dumps({"token": TOKEN, "password": SECRET})
    )
    if path.startswith("/v2/text"):
        return 400, {"Content-Type": "text/plain", "Warning": f'299 - "your token {TOKEN}"'}, echo.encode()
    return (
        400,
        {**JSON, "X-Request-Id": TOKEN},
        json.dumps({"errors": [{"code": "X", "message": echo}]}).encode(),
    )


def test_no_line_and_no_error_shows_a_secret() -> None:
    lines: list[str] = []
    with ScriptedServer(leaky) as server, transport(server.url, auth=LOGIN, log=lines) as http:
        for path in ("/v2/moved/blobs/x", "/v2/text/x", f"/v2/json/x?_state={SIGNATURE}&digest=sha256:0"):
            with pytest.raises(RegistryError) as raised:
                http.request("GET", path, scope=PULL, expect={200})
            lines += [str(raised.value), raised.value.hint or "", repr(raised.value)]
        with pytest.raises(RegistryError) as raised:
            http.request(
                "PUT", f"{server.url}/v2/up?sig={SIGNATURE}", scope=PULL, body=Bytes(b"1"), expect={201}
            )
        lines += [str(raised.value), *http.warnings]
    shown = "\n".join(lines)
    assert [secret for secret in HIDDEN if secret in shown] == []
    assert "_state=***&digest=sha256:0: 400 X: " in shown
    assert (
        f"GET {server.url}/token?key=***&service=s&scope=repository%3Ateam%2Fapp%3Apull: 200 in 0 ms" in lines
    )
    assert http.warnings == ("your token ***",)
