from __future__ import annotations

import pytest

from regsync.model.errors import AuthenticationFailed, ProtocolError
from regsync.transport.origins import Endpoint, Origin
from regsync.transport.trust import AllowedHosts, is_internal, realm_target, upload_target
from tests.transport.rig import make_spec

TUNNEL = "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("patterns", "allowed"),
    [
        ("", True),
        ("  , ", True),
        ("reg.test", True),
        ("other.test reg.test", True),
        ("other.test,*.TEST", True),
        ("reg.test:8443", True),
        ("reg.test:443", False),
        ("*.reg.test", False),
        ("eg.test", False),
    ],
)
def test_allow_hosts_names_hosts_with_or_without_port(patterns: str, allowed: bool) -> None:
    hosts = AllowedHosts({"REGSYNC_ALLOW_HOSTS": patterns})
    origin = Origin("https", "reg.test", 8443)
    if allowed:
        hosts.check(origin)
    else:
        with pytest.raises(
            AuthenticationFailed, match=r"https://reg.test:8443: REGSYNC_ALLOW_HOSTS does not"
        ) as raised:
            hosts.check(origin)
        assert raised.value.hint is not None
        assert "REGSYNC_ALLOW_HOSTS" in raised.value.hint


@pytest.mark.parametrize(
    ("host", "internal"),
    [
        ("127.0.0.1", True),
        ("127.1", True),
        ("0x7f000001", True),
        ("2130706433", True),
        ("0.0.0.0", True),
        ("10.1.2.3", True),
        ("169.254.169.254", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("::ffff:10.0.0.1", True),
        ("localhost", True),
        ("a.LOCALHOST.", True),
        ("93.184.216.34", False),
        ("2606:2800:220:1::1", False),
        ("auth.docker.io", False),
        ("cafe", False),
    ],
)
def test_internal_addresses_are_told_in_all_their_forms(host: str, internal: bool) -> None:
    assert is_internal(host) is internal


@pytest.mark.parametrize(
    ("endpoint", "connect_to", "realm", "url"),
    [
        (
            "https://registry-1.docker.io",
            None,
            "https://auth.docker.io/token",
            "https://auth.docker.io/token",
        ),
        ("https://reg.test", None, "https://reg.test/token?a=b", "https://reg.test/token?a=b"),
        ("https://reg.test", None, "/token", "https://reg.test/token"),
        ("https://10.0.0.5", None, "https://10.0.0.5:8443/token", "https://10.0.0.5:8443/token"),
        ("http://127.0.0.1:5000", None, "http://127.0.0.1:6000/token", "http://127.0.0.1:6000/token"),
        ("http://reg.test", None, "https://auth.test/token", "https://auth.test/token"),
        ("https://reg.test", TUNNEL, "http://reg.test/token", "https://reg.test/token"),
        ("https://reg.test", TUNNEL, "https://127.0.0.1:6000/token", "https://127.0.0.1:6000/token"),
    ],
)
def test_realms_that_may_be_asked(endpoint: str, connect_to: str | None, realm: str, url: str) -> None:
    at = Endpoint(make_spec(endpoint, connect_to=connect_to))
    assert realm_target(realm, at, at.target("/v2/")).url == url


@pytest.mark.parametrize(
    ("endpoint", "realm", "reason"),
    [
        ("https://reg.test", "http://reg.test/token", "over plain HTTP"),
        ("https://reg.test", "http://auth.test/token", "over plain HTTP"),
        ("http://reg.test", "http://auth.test/token", "over plain HTTP"),
        ("https://reg.test", "ftp://auth.test/token", "no URL"),
        ("https://reg.test", "file:///etc/passwd", "no URL"),
        ("https://reg.test", "https://169.254.169.254/token", "internal address"),
        ("https://reg.test", "https://127.1/token", "internal address"),
        ("https://reg.test", "https://[::1]/token", "internal address"),
        ("https://reg.test", "https://localhost/token", "internal address"),
        ("https://10.0.0.5", "https://10.0.0.6/token", "internal address"),
    ],
)
def test_realms_that_are_refused(endpoint: str, realm: str, reason: str) -> None:
    at = Endpoint(make_spec(endpoint))
    with pytest.raises(AuthenticationFailed, match=reason):
        realm_target(realm, at, at.target("/v2/"))


@pytest.mark.parametrize(
    ("location", "own"),
    [
        ("https://reg.test/v2/a/blobs/uploads/1", True),
        ("https://storage.test/upload?sig=1", False),
        ("https://reg.test:8443/upload", False),
    ],
)
def test_uploads_may_go_on_elsewhere_over_tls(location: str, own: bool) -> None:
    at = Endpoint(make_spec("https://reg.test"))
    assert upload_target(location, at, at.target("/v2/")).own is own


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://reg.test/v2/a", "plain HTTP"),
        ("http://storage.test/upload?sig=topsecret", "plain HTTP"),
        ("https://10.0.0.1/upload", "internal address"),
        ("gopher://storage.test/", "no URL"),
    ],
)
def test_uploads_that_would_leave_tls_or_go_inside_are_refused(location: str, reason: str) -> None:
    at = Endpoint(make_spec("https://reg.test"))
    with pytest.raises(ProtocolError, match=reason) as raised:
        upload_target(location, at, at.target("/v2/"))
    assert "topsecret" not in str(raised.value)
