from __future__ import annotations

import datetime
import ssl
from email.message import Message
from pathlib import Path

import pytest
import trustme

from regsync.model.errors import RegistryError, Unreachable
from regsync.model.registry import Tls
from regsync.transport.messages import Bytes
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import LOGIN, OK, basic, transport, unauthorized

TAGS = "/v2/team/app/tags/list"


class Authority:
    """A private authority with its files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)

    def context(self, *names: str, client: bool = False, expired: bool = False) -> ssl.SSLContext:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=-1 if expired else 1)
        start = end - datetime.timedelta(days=7)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self.ca.issue_cert(*(names or ("127.0.0.1",)), not_before=start, not_after=end)
        certificate.configure_cert(context)
        if client:
            self.ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> Tls:
        certificate = self.ca.issue_cert("robot@reg.test")
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")
        return Tls(self.ca_file, self.folder / "cert.pem", self.folder / "key.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_a_private_authority_is_trusted_where_it_is_named(authority: Authority) -> None:
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context()) as server,
        transport(server.url, tls=Tls(authority.ca_file)) as http,
    ):
        assert http.request("GET", TAGS, expect={200}).status == 200


def test_else_it_is_not_and_the_message_says_where_to_name_it(authority: Authority) -> None:
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context()) as server,
        transport(server.url) as http,
        pytest.raises(Unreachable, match=r"from an authority that is not trusted here$") as raised,
    ):
        http.ping()
    assert raised.value.hint == "name the authority's certificate in tls.caFile (registries/prod.yaml:1:1)"


@pytest.mark.parametrize(
    ("names", "expired", "reason"),
    [
        (("other.test",), False, "the certificate is for another name than 127.0.0.1"),
        (("127.0.0.1",), True, "the certificate of 127.0.0.1 has expired"),
    ],
)
def test_certificates_that_do_not_hold(
    authority: Authority, names: tuple[str, ...], expired: bool, reason: str
) -> None:
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context(*names, expired=expired)) as server,
        transport(server.url, tls=Tls(authority.ca_file)) as http,
        pytest.raises(Unreachable, match=f"{reason}$") as raised,
    ):
        http.ping()
    assert raised.value.hint


def test_verification_can_be_skipped(authority: Authority) -> None:
    with (
        ScriptedServer(lambda *_: OK, tls=authority.context("other.test", expired=True)) as server,
        transport(server.url, tls=Tls(insecure_skip_verify=True)) as http,
    ):
        http.ping()


def test_a_server_without_tls_is_told_apart() -> None:
    with (
        ScriptedServer(lambda *_: OK) as server,
        transport(server.url.replace("http://", "https://")) as http,
        pytest.raises(Unreachable, match=r"127\.0\.0\.1 does not speak TLS$") as raised,
    ):
        http.ping()
    assert raised.value.hint is not None
    assert "http://" in raised.value.hint


def test_connect_to_keeps_the_name_that_the_certificate_must_have(authority: Authority) -> None:
    named: list[str | None] = []
    context = authority.context("reg.test")
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    with ScriptedServer(lambda *_: OK, tls=context) as server:
        with transport("https://reg.test:8443", connect_to=server.url, tls=Tls(authority.ca_file)) as http:
            http.ping()
        with (
            transport("https://other.test", connect_to=server.url, tls=Tls(authority.ca_file)) as http,
            pytest.raises(Unreachable, match=r"another name than other\.test$") as raised,
        ):
            http.ping()
        assert f"(connected to {server.url})" in str(raised.value)
        assert [seen.headers["Host"] for seen in server.requests] == ["reg.test:8443"]
    assert named == ["reg.test", "other.test"]


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    with ScriptedServer(lambda *_: OK, tls=authority.context(client=True)) as server:
        with transport(server.url, tls=authority.client()) as http:
            http.ping()
        with (
            transport(server.url, tls=Tls(authority.ca_file)) as http,
            pytest.raises(Unreachable, match=r"refused the TLS handshake") as raised,
        ):
            http.ping()
    assert raised.value.hint is not None
    assert "spec.tls.certFile" in raised.value.hint


def test_a_client_certificate_is_shown_to_no_other_host(authority: Authority) -> None:
    with ScriptedServer(lambda *_: OK, tls=authority.context(client=True)) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            return OK if path == "/v2/" else (307, {"Location": f"{other.url}/blob"}, b"")

        with (
            ScriptedServer(script, tls=authority.context(client=True)) as server,
            transport(server.url, tls=authority.client()) as http,
            pytest.raises(Unreachable, match=r"/blob: 127\.0\.0\.1 refused the TLS handshake"),
        ):
            http.request("GET", "/v2/a/blobs/x", expect={200})


def test_uploads_and_redirects_over_tls_carry_no_credentials_elsewhere(authority: Authority) -> None:
    with ScriptedServer(lambda *_: (201, {}, b""), tls=authority.context()) as other:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            if headers["Authorization"] != basic():
                return unauthorized("Basic realm=x")
            if method == "POST":
                return 202, {"Location": f"{other.url}/upload?sig=1"}, b""
            return OK if path == "/v2/" else (307, {"Location": f"{other.url}/blob"}, b"")

        with (
            ScriptedServer(script, tls=authority.context()) as server,
            transport(server.url, auth=LOGIN, tls=Tls(authority.ca_file)) as http,
        ):
            started = http.request("POST", "/v2/a/blobs/uploads/", expect={202})
            assert started.location is not None
            http.request("PUT", f"{started.location}&digest=x", body=Bytes(b"blob"), expect={201})
            http.request("GET", "/v2/a/blobs/x", expect={201})
        assert [(seen.method, seen.path, seen.headers["Authorization"]) for seen in other.requests] == [
            ("PUT", "/upload?sig=1&digest=x", None),
            ("GET", "/blob", None),
        ]
        assert other.requests[0].body == b"blob"


@pytest.mark.parametrize("target", ["redirect", "upload", "realm"])
def test_nothing_leads_out_of_tls(authority: Authority, target: str) -> None:
    with ScriptedServer(lambda *_: OK) as plain:

        def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
            if target == "realm":
                return unauthorized(f'Bearer realm="{plain.url}/token"')
            if path == "/v2/":
                return OK
            return (202 if method == "POST" else 307), {"Location": f"{plain.url}/x"}, b""

        with (
            ScriptedServer(script, tls=authority.context()) as server,
            transport(server.url, auth=LOGIN, tls=Tls(authority.ca_file)) as http,
        ):
            location = "/v2/a/blobs/x"
            if target == "upload":
                location = http.request("POST", "/v2/a/blobs/uploads/", expect={202}).location or ""
            with pytest.raises(RegistryError, match="refused"):
                http.request("GET", location, expect={200})
        assert plain.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize("field", ["caFile", "certFile"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, content: str | None, field: str) -> None:
    path = tmp_path / "file.pem"
    if content:
        path.write_text(content)
    tls = Tls(ca_file=path) if field == "caFile" else Tls(cert_file=path)
    with (
        transport("https://127.0.0.1:1", tls=tls) as http,
        pytest.raises(Unreachable, match=f"^registries/prod.yaml:1:1: cannot use tls.{field}: "),
    ):
        http.ping()
