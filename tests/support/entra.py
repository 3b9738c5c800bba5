"""Entra's token endpoint and the one at which an Azure machine asks who it is, in one server over TLS."""

from __future__ import annotations

import json
import secrets
import ssl
from functools import cache
from urllib.parse import parse_qsl, urlsplit

import trustme

from tests.support.loopback import Handler, LoopbackServer

TENANT = "409520d4-8100-4d1d-ad47-72432ddcc120"
PUSHER = "11111111-aaaa-2222-bbbb-3333cccc4444"
READER = "22222222-aaaa-2222-bbbb-3333cccc4444"
SECRET = "entra-s3cret-of-the-pusher"
AUDIENCE = "https://containerregistry.azure.net"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@cache
def authority() -> trustme.CA:
    """Who signs the certificates of everything here that belongs to Azure."""
    return trustme.CA()


def tls_for(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("127.0.0.1", *names).configure_cert(context)
    return context


class Entra(LoopbackServer):
    """Knows applications by client id, with the secret or federated token that each proves itself by, and the client id
    of the machine's managed identity. `tokens` has whose each token is, `asked` the paths and forms that came."""

    def __init__(self) -> None:
        super().__init__(tls=tls_for())
        self.proofs: dict[str, str] = {PUSHER: SECRET}
        self.machine: str | None = None
        self.tokens: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def handle(self, request: Handler) -> None:
        url = urlsplit(request.path)
        post = request.command == "POST"
        form = dict(parse_qsl(b"".join(request.body()).decode() if post else url.query))
        self.asked.append((url.path, form))
        if url.path == "/metadata/identity/oauth2/token":
            status, answer = self._as_machine(form, request.headers["Metadata"])
        elif url.path == f"/{TENANT}/oauth2/v2.0/token":
            status, answer = self._as_application(form)
        else:
            status, answer = refused("invalid_request", "AADSTS90002: Tenant not found.")
        request.answer(status, [("Content-Type", "application/json")], json.dumps(answer).encode())

    def _as_application(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        client = form.get("client_id", "")
        proof = form.get("client_secret")
        if form.get("client_assertion_type") == ASSERTION:
            proof = form["client_assertion"]
        if form.get("grant_type") != "client_credentials" or form.get("scope") != f"{AUDIENCE}/.default":
            return refused("invalid_request", "AADSTS900144: The request body is wrong.")
        if self.proofs.get(client) != proof:
            return refused("invalid_client", f"AADSTS7000215: Invalid client secret for app '{client}'.", 401)
        return 200, self._token(client)

    def _as_machine(self, query: dict[str, str], header: str | None) -> tuple[int, dict[str, object]]:
        if header != "true" or query.get("resource") != AUDIENCE or not query.get("api-version"):
            return refused("invalid_request", "Required metadata header not specified")
        if self.machine is None or query.get("client_id", self.machine) != self.machine:
            return refused("invalid_request", "Identity not found")
        return 200, self._token(self.machine)

    def _token(self, client: str) -> dict[str, object]:
        token = f"entra-token-{secrets.token_hex(8)}"
        self.tokens[token] = client
        return {"token_type": "Bearer", "expires_in": 3599, "access_token": token}


def refused(code: str, description: str, status: int = 400) -> tuple[int, dict[str, object]]:
    return status, {"error": code, "error_description": f"{description}\r\nTrace ID: 7f2c"}
