"""The transport against the real CNCF Distribution server: over TLS with a login, and through a proxy that fails."""

from __future__ import annotations

import json

import pytest

from regsync.model.errors import AuthenticationFailed, NotFound, Unreachable
from regsync.model.reference import sha256_digest
from regsync.model.registry import Tls
from regsync.transport.client import Transport
from regsync.transport.messages import Bytes, Scope
from tests.support.proxy import FaultProxy, Reset, Respond, Truncate
from tests.support.servers import PASSWORD, DistributionServer
from tests.transport.rig import ANONYMOUS, LOGIN, Clock, transport

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
BLOB = bytes(range(256)) * 4096
DIGEST = sha256_digest(BLOB)


def push(http: Transport, repository: str) -> None:
    scope = Scope(repository, ("pull", "push"))
    started = http.request("POST", f"/v2/{repository}/blobs/uploads/", scope=scope, expect={202})
    assert started.location is not None
    http.request(
        "PUT",
        f"{started.location}&digest={DIGEST}",
        scope=scope,
        headers={"Content-Type": "application/octet-stream"},
        body=Bytes(BLOB),
        expect={201},
        retry=False,
    )


def image() -> Bytes:
    layer = {"mediaType": "application/octet-stream", "digest": DIGEST, "size": len(BLOB)}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layer, "layers": [layer]}
    return Bytes(json.dumps(document).encode())


def test_a_whole_round_over_tls_with_a_login(distribution_tls: DistributionServer, unique_path: str) -> None:
    tls = Tls(distribution_tls.ca_file)
    environment = {"REGISTRY_PASSWORD": PASSWORD}
    with transport(distribution_tls.url, auth=LOGIN, tls=tls, environment=environment) as http:
        push(http, unique_path)
        tag = f"/v2/{unique_path}/manifests/1.0"
        with pytest.raises(NotFound):
            http.request("HEAD", tag, accept=MANIFEST, expect={200})
        http.request("PUT", tag, headers={"Content-Type": MANIFEST}, body=image(), expect={201})
        assert http.request("GET", tag, accept=MANIFEST, expect={200}).body == image().data
        with http.stream(f"/v2/{unique_path}/blobs/{DIGEST}", size=len(BLOB)) as file:
            assert file.read() == BLOB
        assert http.request("GET", f"/v2/{unique_path}/tags/list", expect={200}).json()["tags"] == ["1.0"]
    ours = [each for each in distribution_tls.requests() if unique_path in each.path]
    assert ours
    assert all(each.status != 401 for each in ours)


@pytest.mark.parametrize("password", ["wrong-word", None])
def test_a_real_401_is_told_as_what_it_is(distribution_tls: DistributionServer, password: str | None) -> None:
    auth, environment = (LOGIN, {"REGISTRY_PASSWORD": password}) if password else (ANONYMOUS, {})
    reason = "the login from env:REGISTRY_PASSWORD was refused" if password else "no login was sent"
    tls = Tls(distribution_tls.ca_file)
    with (
        transport(distribution_tls.url, auth=auth, environment=environment, tls=tls) as http,
        pytest.raises(AuthenticationFailed, match=f"401 UNAUTHORIZED: authentication required; {reason}"),
    ):
        http.request("GET", "/v2/a/tags/list", expect={200})


def test_a_real_server_goes_on_from_where_a_download_broke(
    distribution: DistributionServer, unique_path: str
) -> None:
    blob = f"/v2/{unique_path}/blobs/{DIGEST}"
    with FaultProxy(distribution.url) as proxy, transport(proxy.url) as http:
        push(http, unique_path)
        proxy.on("GET", "/blobs/", Truncate(300_000))
        proxy.on("GET", "/blobs/", Reset())
        proxy.on("GET", "/blobs/", Respond(503))
        with http.stream(blob, size=len(BLOB)) as file:
            assert file.read() == BLOB
        reads = [passed.status for passed in proxy.requests if passed.method == "GET" and passed.path == blob]
        assert reads == [200, None, None, 206]


def test_writes_that_can_be_repeated_survive_lost_answers(
    distribution: DistributionServer, unique_path: str
) -> None:
    clock = Clock()
    with FaultProxy(distribution.url) as proxy, transport(proxy.url, clock=clock) as http:
        proxy.on("POST", "/uploads/", Reset(forwarded=True))
        proxy.on("POST", "/uploads/", Respond(429, {"Retry-After": "5"}))
        push(http, unique_path)
        assert 5.0 in clock.pauses
        proxy.on("PUT", "/manifests/", Reset(forwarded=True))
        fields = {"Content-Type": MANIFEST}
        http.request("PUT", f"/v2/{unique_path}/manifests/1", headers=fields, body=image(), expect={201})


def test_an_upload_that_broke_is_for_its_caller_to_begin_again(
    distribution: DistributionServer, unique_path: str
) -> None:
    with FaultProxy(distribution.url) as proxy, transport(proxy.url) as http:
        proxy.on("PUT", "/uploads/", Reset())
        with pytest.raises(Unreachable):
            push(http, unique_path)
        push(http, unique_path)
        assert [passed.status for passed in proxy.requests if passed.method == "PUT"] == [None, 201]
