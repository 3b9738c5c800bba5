"""Azure and the token service of the tests are as strict as they claim to be, or what leans on them shows nothing."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import tokens
from tests.support.acr import HOST, PULL, READ, TOKEN, AcrFront
from tests.support.entra import AUDIENCE, PUSHER, SECRET, TENANT
from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.support.tokens import EVERYTHING, TokenServer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = b'{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[]}' % (
    MANIFEST.encode(),
    b'{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}',
)
CONFIG = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.fixture
def client(acr: AcrFront) -> Iterator[httpx.Client]:
    """A client of the front, which is asked by its own name."""
    context = ssl.create_default_context(cafile=acr.ca_file)
    headers = {"Host": HOST, "Accept": MANIFEST}
    with httpx.Client(base_url=acr.url, verify=context, headers=headers) as client:
        yield client


def push(client: httpx.Client, repository: str, *tags: str) -> None:
    login = (TOKEN, PASSWORD)
    started = client.post(f"/v2/{repository}/blobs/uploads/", auth=login)
    assert started.headers["Location"].startswith(f"https://{HOST}/v2/")
    parts = urlsplit(started.headers["Location"])
    path = f"{parts.path}?{parts.query}&digest={CONFIG}"
    assert client.put(path, content=b"{}", auth=login).status_code == 201
    for tag in tags:
        where = f"/v2/{repository}/manifests/{tag}"
        pushed = client.put(where, content=EMPTY, headers={"Content-Type": MANIFEST}, auth=login)
        assert pushed.status_code == 201


def test_nobody_gets_in_without_a_login(client: httpx.Client, unique_path: str) -> None:
    greeting = client.get("/v2/")
    assert greeting.status_code == 401
    assert greeting.headers["WWW-Authenticate"] == (
        f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"'
    )
    wanted = client.get(f"/v2/{unique_path}/tags/list").headers["WWW-Authenticate"]
    assert wanted.endswith(f',scope="repository:{unique_path}:metadata_read"')
    assert client.get("/v2/", auth=(TOKEN, "wrong")).status_code == 401
    assert client.get("/v2/", auth=(TOKEN, PASSWORD)).status_code == 200


def test_a_token_is_good_for_its_scopes_and_no_more_than_its_owner_may(
    acr: AcrFront, client: httpx.Client, unique_path: str
) -> None:
    push(client, unique_path, "1.0")
    acr.rights[TOKEN] = READ

    def status(scope: str, method: str, path: str) -> int:
        query = {"service": HOST, "scope": scope}
        told = client.get("/oauth2/token", params=query, auth=(TOKEN, PASSWORD)).json()
        headers = {"Authorization": f"Bearer {told['access_token']}"}
        return client.request(method, path, headers=headers).status_code

    tag = f"/v2/{unique_path}/manifests/1.0"
    assert status(f"repository:{unique_path}:pull", "GET", tag) == 200
    assert status(f"repository:{unique_path}:push", "GET", tag) == 401
    assert status("repository:other:pull", "GET", tag) == 401
    assert status(f"repository:{unique_path}:pull", "GET", f"/acr/v1/{unique_path}/_tags") == 401
    assert status(f"repository:{unique_path}:delete", "DELETE", f"/acr/v1/{unique_path}/_tags/1.0") == 401
    assert status("registry:catalog:*", "GET", "/v2/_catalog") == 200


def test_a_delete_on_v2_takes_all_tags_of_a_digest(
    acr: AcrFront, client: httpx.Client, unique_path: str
) -> None:
    login = (TOKEN, PASSWORD)
    push(client, unique_path, "1.0", "2.0", "latest")
    own = f"/acr/v1/{unique_path}/_tags"
    assert client.delete(f"{own}/latest", auth=login).status_code == 202
    assert [each["name"] for each in client.get(own, auth=login).json()["tags"]] == ["1.0", "2.0"]
    assert client.delete(f"/v2/{unique_path}/manifests/1.0", auth=login).status_code == 202
    assert client.get(own, auth=login).json()["tags"] == []
    assert client.delete(f"{own}/latest", auth=login).status_code == 404


def test_pages_are_cut_and_linked(client: httpx.Client, unique_path: str) -> None:
    push(client, unique_path, "1.0", "2.0", "3.0")
    page = client.get(f"/acr/v1/{unique_path}/_tags?n=2", auth=(TOKEN, PASSWORD))
    assert [each["name"] for each in page.json()["tags"]] == ["1.0", "2.0"]
    link = f'</acr/v1/{unique_path}/_tags?last=2.0&n=2&orderby=>; rel="next"'
    assert page.headers["Link"] == link
    rest = client.get(link[1:].partition(">")[0], auth=(TOKEN, PASSWORD))
    assert [each["name"] for each in rest.json()["tags"]] == ["3.0"]
    assert "Link" not in rest.headers


def test_blobs_come_from_the_data_endpoint(acr: AcrFront, client: httpx.Client, unique_path: str) -> None:
    push(client, unique_path, "1.0")
    blob = client.get(f"/v2/{unique_path}/blobs/{CONFIG}", auth=(TOKEN, PASSWORD))
    assert (blob.status_code, blob.content) == (307, b"")
    assert client.get(blob.headers["Location"], headers={"Authorization": "Basic x"}).content == b"{}"
    assert acr.data.carried == ["Basic x"]


def test_the_exchange_takes_tokens_of_entra_only(acr: AcrFront, client: httpx.Client) -> None:
    form = {"grant_type": "access_token", "service": HOST, "access_token": "made up"}
    assert client.post("/oauth2/exchange", data=form).status_code == 401
    asked = {
        "grant_type": "client_credentials",
        "client_id": PUSHER,
        "client_secret": SECRET,
        "scope": f"{AUDIENCE}/.default",
    }
    url = f"{acr.entra.url}/{TENANT}/oauth2/v2.0/token"
    form["access_token"] = client.post(url, data=asked).json()["access_token"]
    assert client.post("/oauth2/exchange", data=form).status_code == 200
    for name in ("client_id", "client_secret", "scope"):
        assert client.post(url, data={**asked, name: "another"}).status_code in {400, 401}
    assert client.post("/oauth2/exchange", data={**form, "service": "other.azurecr.io"}).status_code == 400


def test_the_real_server_takes_only_what_the_token_service_signed(tmp_path: Path, unique_path: str) -> None:
    with (
        TokenServer({USER: PASSWORD}, {USER: PULL}) as service,
        DistributionServer(tmp_path, token=service) as server,
    ):
        scope = f"repository:{unique_path}:pull,push"
        query = {"service": tokens.SERVICE, "scope": scope}
        told = httpx.get(service.realm, params=query, auth=(USER, PASSWORD)).json()["token"]
        assert httpx.get(service.realm, params=query, auth=(USER, "wrong")).status_code == 401

        def status(token: str, method: str = "GET", path: str = "/v2/") -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.request(method, f"{server.url}{path}", headers=headers).status_code

        assert status(told) == 200
        assert status(told[:-8] + "AAAAAAAA") == 401
        assert status(told, "GET", f"/v2/{unique_path}/tags/list") == 404
        assert status(told, "POST", f"/v2/{unique_path}/blobs/uploads/") == 401
        service.rights[USER] = EVERYTHING
        service.lives = 0
        ended = httpx.get(service.realm, params=query, auth=(USER, PASSWORD)).json()["token"]
        assert status(ended) == 401
