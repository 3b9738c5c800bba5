"""The Palette of the tests keeps the rules that the real one is known to have."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import trustme

from tests.support.palette import (
    GARBAGE,
    GATEWAY_TIMEOUT,
    LOGIN_PAGE,
    SERVER_ERROR,
    PaletteServer,
)
from tests.support.palette_client import CHARTS, LOGIN, OCI, PACKS, SECRET, TLS, Client, problem
from tests.support.palette_lister import FixedLister
from tests.support.palette_packs import Pack
from tests.support.palette_prism import PrismServer
from tests.support.palette_rules import MASK, NEVER, NO_TLS, SYNC_IS_FIXED
from tests.support.palette_swagger import FILE
from tests.support.palette_sync import HANGS, Ending
from tests.support.proxy import Reset, Respond, Stall


@pytest.fixture
def shelf() -> FixedLister:
    """Finds what a test puts into it, in every registry."""
    return FixedLister()


@pytest.fixture
def offline(shelf: FixedLister) -> Iterator[PaletteServer]:
    """A Palette that believes every registry to be well."""
    with PaletteServer(shelf) as server:
        yield server


@pytest.fixture
def client(offline: PaletteServer) -> Iterator[Client]:
    client = Client(offline)
    with client.http:
        yield client


def expect_violations(palette: PaletteServer, *parts: str) -> None:
    """All that the palette has noted, which does not fail the test now."""
    assert len(palette.violations) == len(parts), palette.violations
    for violation, part in zip(palette.violations, parts, strict=True):
        assert part in violation
    palette.violations.clear()


# Registrations


def test_a_registration_is_read_as_it_was_written_but_for_the_secret_and_the_switch(client: Client) -> None:
    path = client.created(
        "harbor-packs", labels={"team": "platform"}, annotations={"regsync.owner": "platform"}
    )
    read = client.read(path)
    assert read["metadata"]["name"] == "harbor-packs"
    assert read["metadata"]["labels"] == {"team": "platform"}
    assert read["metadata"]["annotations"] == {"regsync.owner": "platform"}
    shown = {**PACKS, "auth": {**LOGIN, "password": MASK, "tls": TLS}, "scope": "tenant"}
    del shown["isSyncSupported"]
    assert read["spec"] == shown
    assert read["status"]["syncStatus"] == {
        "isSyncSupported": True,
        "status": "",
        "message": "",
        "lastRunTime": NEVER,
        "lastSyncedTime": NEVER,
    }


def test_secrets_are_masked_in_every_read(client: Client) -> None:
    keys = {"credentialType": "secret", "accessKey": "AKIA1", "secretKey": SECRET, "secretToken": SECRET}
    paths = [
        client.created("password"),
        client.created("token", spec={**PACKS, "auth": {"type": "token", "token": SECRET}}),
        client.created("keys", "ecr", {**CHARTS, "credentials": keys}),
    ]
    for path in (*paths, *(path.rpartition("/")[0] for path in paths), f"{OCI}/summary"):
        assert SECRET not in client("GET", path).text
    assert client.read(paths[0])["spec"]["auth"]["password"] == MASK
    assert client.read(paths[1])["spec"]["auth"]["token"] == MASK
    credentials = client.read(paths[2])["spec"]["credentials"]
    assert (credentials["accessKey"], credentials["secretKey"]) == ("AKIA1", MASK)


def test_a_tls_block_is_shown_where_none_was_sent(client: Client) -> None:
    basic = client.created("basic", spec={**PACKS, "auth": LOGIN})
    ecr = client.created("ecr", "ecr", {name: value for name, value in CHARTS.items() if name != "tls"})
    assert client.read(basic)["spec"]["auth"]["tls"] == NO_TLS
    assert client.read(ecr)["spec"]["tls"] == NO_TLS


def test_what_is_nested_and_empty_is_null(client: Client) -> None:
    public = {"endpoint": "public.ecr.aws/x", "isPrivate": False}
    read = client.read(client.created("public", "ecr", public))
    assert read["metadata"]["annotations"] is None
    assert read["spec"]["credentials"] is None
    keys = {"credentialType": "secret", "accessKey": "AKIA1", "secretKey": SECRET}
    credentials = client.read(client.created("keys", "ecr", {**CHARTS, "credentials": keys}))["spec"][
        "credentials"
    ]
    assert (credentials["sts"], credentials["podIdentity"], credentials["partition"]) == (None, None, "aws")


def test_lists_have_all_registries_and_say_which_are_the_default_ones(client: Client) -> None:
    basic, ecr = client.created("basic"), client.created("ecr", "ecr", CHARTS)
    rows = {each["metadata"]["name"]: each for each in client.read(f"{OCI}/summary")["items"]}
    assert set(rows) == {"basic", "ecr", "Palette Registry", "Palette Community Registry"}
    assert rows["ecr"]["spec"]["registryType"] == "ecr"
    assert rows["ecr"]["spec"]["endpoint"] == CHARTS["endpoint"]
    assert f"{OCI}/{rows['basic']['metadata']['uid']}/basic" == basic
    assert rows["basic"]["status"]["sync"]["isSyncSupported"] is True
    assert rows["Palette Registry"]["status"]["sync"] is None
    every = client.read("/v1/registries/metadata")["items"]
    assert {each["name"]: (each["kind"], each["isDefault"]) for each in every} == {
        "basic": ("oci", False),
        "ecr": ("oci", False),
        "Palette Registry": ("oci", True),
        "Palette Community Registry": ("oci", True),
        "Public Repo": ("pack", True),
        "Bitnami": ("helm", True),
    }
    tenants = client("GET", "/v1/registries/metadata", scope="tenant").json()["items"]
    assert [each["name"] for each in tenants] == ["basic", "ecr"]
    flat = client.read(ecr.removesuffix("/ecr"))
    assert (flat["type"], flat["defaultRegion"], flat["auth"]["token"]) == ("ecr", "us-west-1", MASK)
    assert "metadata" not in flat


@pytest.mark.parametrize(
    ("kind", "spec", "part"),
    [
        ("basic", {**PACKS, "baseContentPath": ""}, "baseContentPath is required"),
        ("ecr", {**CHARTS, "baseContentPath": ""}, "baseContentPath is required"),
        ("basic", {**PACKS, "isSyncSupported": False}, "pack registries must be synchronized"),
        ("ecr", {**CHARTS, "providerType": "zarf"}, "zarf is not supported"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    client: Client, kind: str, spec: Any, part: str
) -> None:
    for answer in (client.create("it", kind, spec), client("POST", f"{OCI}/{kind}/validate", spec)):
        assert answer.status_code == 400
        assert part in answer.json()["message"]


def test_a_registration_needs_a_name_of_its_own(client: Client) -> None:
    assert problem(client.create("")) == (400, "ValidationFailed", "metadata.name is required")
    client.created("taken")
    for name, kind, spec in (
        ("taken", "basic", PACKS),
        ("taken", "ecr", CHARTS),
        ("Bitnami", "basic", PACKS),
    ):
        assert client.create(name, kind, spec).status_code == 409


def test_of_two_creations_of_one_name_at_once_one_is_refused(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(each.status_code for each in pool.map(lambda _: client.create("one"), range(8)))
    assert statuses == [201] + [409] * 7


def test_an_update_takes_the_place_of_everything(offline: PaletteServer, client: Client) -> None:
    path = client.created("it", annotations={"regsync.owner": "platform"})
    before = client.read(path)["metadata"]
    spec = {**PACKS, "endpoint": "https://other.example.com", "auth": {"type": "noAuth"}}
    assert client("PUT", path, {"metadata": {"name": "it"}, "spec": spec}).status_code == 204
    read = client.read(path)
    assert (read["metadata"]["uid"], read["metadata"]["annotations"]) == (before["uid"], None)
    assert read["spec"]["auth"] == {"type": "noAuth", "tls": NO_TLS}
    assert read["spec"]["endpoint"] == "https://other.example.com"
    assert offline.named("it").spec["auth"] == {"type": "noAuth"}


def test_name_and_switch_stay_as_they_were_created(offline: PaletteServer, client: Client) -> None:
    path = client.created("charts", "ecr", CHARTS)
    renamed = {"metadata": {"name": "other"}, "spec": CHARTS}
    assert client("PUT", path, renamed).status_code == 400
    switched = {"metadata": {"name": "charts"}, "spec": {**CHARTS, "isSyncSupported": False}}
    assert problem(client("PUT", path, switched))[::2] == (400, SYNC_IS_FIXED)
    offline.api.version = (4, 9)
    assert client("PUT", path, switched).status_code == 204
    assert client.read(path)["status"]["syncStatus"]["isSyncSupported"] is True


def test_default_registries_stay_as_they_are(offline: PaletteServer, client: Client) -> None:
    path = f"{OCI}/{offline.named('Palette Registry').uid}/ecr"
    live = client.read(path)
    body = {"metadata": {"name": live["metadata"]["name"]}, "spec": {"endpoint": "e", "isPrivate": False}}
    assert client("PUT", path, body).status_code == 403
    assert client("DELETE", path).status_code == 403


def test_a_registration_answers_only_where_it_is_and_only_while_it_is(client: Client) -> None:
    path = client.created("it")
    elsewhere = f"{path.removesuffix('/basic')}/ecr"
    for each in (elsewhere, f"{elsewhere}/sync/status"):
        assert problem(client("GET", each))[:2] == (404, "ResourceNotFound")
    assert client("DELETE", path).status_code == 204
    assert problem(client("DELETE", path))[:2] == (404, "ResourceNotFound")
    other = client.created("other")
    assert client("DELETE", other.removesuffix("/basic").replace("/oci", "")).status_code == 204


def test_writes_are_audited(client: Client) -> None:
    created = client.create("it")
    path = f"{OCI}/{created.json()['uid']}/basic"
    answers = [created, client("POST", f"{OCI}/basic/validate", PACKS), client("POST", f"{path}/sync")]
    assert len({each.headers["AuditUid"] for each in answers}) == 3


# Who may ask, and for what


def test_keys_open_what_is_theirs(offline: PaletteServer) -> None:
    sts = "/v1/clouds/aws/account/sts"
    for key, status, tenants in (("wrong", 401, 401), (offline.project_key, 200, 403), (None, 200, 200)):
        client = Client(offline, key)
        with client.http:
            assert client("GET", sts).status_code == status
            assert client("GET", f"{OCI}/summary").status_code == tenants


def test_the_account_for_roles_is_told(offline: PaletteServer, client: Client) -> None:
    told = {"accountId": offline.api.account, "externalId": offline.api.external_id}
    assert client.read("/v1/clouds/aws/account/sts") == {**told, "partition": "aws"}
    gov = client("GET", "/v1/clouds/aws/account/sts", partition="aws-us-gov").json()
    assert gov == {**told, "partition": "aws-us-gov"}


def test_what_the_description_does_not_have_is_noted(offline: PaletteServer, client: Client) -> None:
    listed = client("GET", OCI)
    assert (listed.status_code, listed.headers["Allow"]) == (405, "DELETE")
    assert client("GET", "/v1/registries").status_code == 404
    expect_violations(offline, "no such operation", "no such operation")
    for query in ({"kind": "oci"}, {"scope": "project"}):
        assert client("GET", "/v1/registries/metadata", **query).status_code == 400
    expect_violations(offline, "query parameter kind", "query parameter scope")
    for spec, part in (
        ({**PACKS, "isPrivate": True}, "'isPrivate' was unexpected"),
        ({name: value for name, value in PACKS.items() if name != "auth"}, "'auth' is a required property"),
        ({**PACKS, "providerType": "docker"}, "$.providerType: not as enum wants it"),
        ({**PACKS, "auth": None}, "$.auth: not as type wants it"),
    ):
        assert client("POST", f"{OCI}/basic/validate", spec).status_code == 400
        expect_violations(offline, part)
    path = client.created("it")
    assert client("POST", f"{path}/sync", {}).status_code == 400
    client.http.headers["ProjectUid"] = "5f00"
    client.read(path)
    expect_violations(offline, "a body", "header ProjectUid")


def test_a_mask_that_is_sent_back_is_noted(offline: PaletteServer, client: Client) -> None:
    path = client.created("it")
    body = {"metadata": {"name": "it"}, "spec": {**PACKS, "auth": {**LOGIN, "password": MASK}}}
    client("PUT", path, body)
    expect_violations(offline, "a mask as password")
    assert offline.named("it").spec["auth"]["password"] == MASK


def test_a_violation_fails_its_test_at_the_end() -> None:
    server = PaletteServer()
    with pytest.raises(AssertionError, match=re.escape("GET /v1/registries: no such operation")), server:
        httpx.get(f"{server.url}/v1/registries")


def test_an_answer_against_the_description_is_an_error_at_once(
    offline: PaletteServer, client: Client
) -> None:
    path = client.created("it")
    offline.edit("it", "spec.endpoint", 5)
    with pytest.raises(httpx.TransportError):
        client.read(path)
    [error] = offline.errors
    assert "v1BasicOciRegistriesUidGet wrongly: ['$.spec.endpoint" in str(error)
    offline.errors.clear()


def test_the_description_itself_is_whole() -> None:
    described = json.loads(FILE.read_text(encoding="utf-8"))
    named = set(re.findall(r"#/definitions/(\w+)", FILE.read_text(encoding="utf-8")))
    assert named == set(described["definitions"])


def test_no_more_than_ten_requests_a_second(offline: PaletteServer, client: Client) -> None:
    now = 0.0
    offline.limited, offline.limits.clock = True, lambda: now
    assert [client("GET", f"{OCI}/summary").status_code for _ in range(6)] == [200] * 5 + [429]
    assert client("POST", "/v1/packs/search", {}).status_code == 200
    now = 0.2
    assert [client("GET", f"{OCI}/summary").status_code for _ in range(3)] == [200, 200, 429]


def test_all_requests_are_on_record_without_keys(offline: PaletteServer, client: Client) -> None:
    client.created("it")
    [asked] = offline.asked("POST", f"{OCI}/*")
    assert (str(asked), asked.status, asked.query) == (f"POST {OCI}/basic", 201, {"skipPackSync": "true"})
    assert asked.body["spec"]["auth"]["password"] == SECRET
    assert asked.headers["apikey"] == ""


# Faults


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (GATEWAY_TIMEOUT, 504, "text/html"),
        (LOGIN_PAGE, 200, "text/html"),
        (SERVER_ERROR, 500, "application/json"),
        (Respond(429, {"Retry-After": "1"}), 429, None),
        (Stall(0.01), 200, "application/json"),
    ],
)
def test_the_next_answers_are_what_a_test_wants(
    offline: PaletteServer, client: Client, fault: Respond | Stall, status: int, kind: str | None
) -> None:
    offline.fail("GET", f"{OCI}/*", fault, times=2)
    answers = [client("GET", f"{OCI}/summary") for _ in range(3)]
    assert [each.status_code for each in answers] == [status, status, 200]
    assert answers[0].headers.get("Content-Type") == kind


def test_garbage_is_no_json(offline: PaletteServer, client: Client) -> None:
    offline.fail("*", "*", GARBAGE)
    with pytest.raises(ValueError, match="Expecting"):
        client("GET", f"{OCI}/summary").json()


def test_a_write_may_be_done_although_its_answer_is_lost(offline: PaletteServer, client: Client) -> None:
    offline.fail("POST", f"{OCI}/basic", Reset(), done=True)
    with pytest.raises(httpx.TransportError):
        client.create("it")
    offline.fail("POST", f"{OCI}/basic", GATEWAY_TIMEOUT)
    assert client.create("other").status_code == 504
    assert [each.name for each in offline.registrations] == ["it"]
    assert [each.status for each in offline.requests] == [None, 504]


def test_others_change_what_is_registered(offline: PaletteServer, client: Client) -> None:
    path = client.created("it")
    offline.edit("it", "spec.auth.username", "somebody")
    offline.edit("it", ("metadata", "annotations"), {"regsync.owner": "other"})
    read = client.read(path)
    assert (read["spec"]["auth"]["username"], read["metadata"]["annotations"]) == (
        "somebody",
        {"regsync.owner": "other"},
    )
    offline.duplicate("it")
    rows = [each["metadata"] for each in client.read(f"{OCI}/summary")["items"]]
    assert len({each["uid"] for each in rows if each["name"] == "it"}) == 2
    offline.before("PUT", path, lambda: offline.remove("it"))
    assert client("PUT", path, {"metadata": {"name": "it"}, "spec": PACKS}).status_code == 404


@pytest.mark.parametrize(
    "place", ["spec", "spec.auth", "spec.auth.tls", "status", "status.syncStatus", "metadata.labels"]
)
def test_every_nested_object_may_be_null(offline: PaletteServer, client: Client, place: str) -> None:
    path = client.created("it")
    offline.edit("it", place, None)
    read = client.read(path)
    for each in place.split("."):
        read = read[each]
    assert read is None
    for list_of in (f"{OCI}/summary", "/v1/registries/metadata", path.removesuffix("/basic")):
        client.read(list_of)


def test_annotations_may_be_lost(offline: PaletteServer, client: Client) -> None:
    offline.api.keeps_annotations = False
    path = client.created("it", annotations={"regsync.owner": "platform"})
    assert client.read(path)["metadata"]["annotations"] is None


# Syncs


def test_a_sync_runs_for_a_while_and_lists(
    offline: PaletteServer, client: Client, shelf: FixedLister
) -> None:
    path = client.created("it")
    shelf.found.append(Pack("nginx", "1.25.0", values="pack: {}\n"))
    versions = f"/v1/packs/nginx/registries/{offline.named('it').uid}"
    assert client("POST", f"{path}/sync").status_code == 202
    assert [client.read(f"{path}/sync/status")["status"] for _ in range(2)] == ["InProgress"] * 2
    running = client.read(path)["status"]["syncStatus"]
    assert running["lastRunTime"] > NEVER == running["lastSyncedTime"]
    assert problem(client("GET", versions))[:2] == (404, "ResourceNotFound")
    done = client.read(f"{path}/sync/status")
    assert (done["status"], done["isSyncSupported"]) == ("Completed", True)
    assert done["lastSyncedTime"] > done["lastRunTime"]
    listed = client.read(versions)
    assert [(each["tag"], each["version"]) for each in listed["tags"]] == [("1.25.0", "1.25.0")]
    assert [each["values"] for each in listed["packValues"]] == ["pack: {}\n"]
    assert client.sync(path)["lastSyncedTime"] > done["lastSyncedTime"]


def test_a_creation_synchronizes_unless_it_is_told_not_to(client: Client, offline: PaletteServer) -> None:
    body = {"metadata": {"name": "it"}, "spec": PACKS}
    client("POST", f"{OCI}/basic", body)
    client.created("other")
    assert [each.sync_status["status"] for each in offline.registrations] == ["InProgress", ""]


def test_a_sync_that_fails_says_why_and_keeps_what_is_known(
    offline: PaletteServer, client: Client, shelf: FixedLister
) -> None:
    path = client.created("it")
    shelf.found.append(Pack("nginx", "1.25.0"))
    first = client.sync(path)
    offline.syncs.next.append(Ending("the token has expired"))
    failed = client.sync(path)
    assert (failed["status"], failed["message"]) == ("Failed", "the token has expired")
    assert failed["lastSyncedTime"] == first["lastSyncedTime"]
    assert offline.named("it").packs.keys() == {("nginx", "1.25.0")}


def test_a_sync_that_hangs_ends_by_force_alone(offline: PaletteServer, client: Client) -> None:
    path = client.created("it")
    offline.syncs.next.append(HANGS)
    assert client("POST", f"{path}/sync").status_code == 202
    assert {client.read(f"{path}/sync/status")["status"] for _ in range(10)} == {"InProgress"}
    assert client("POST", f"{path}/sync").status_code == 409
    offline.syncs.accepts_when_busy = True
    assert client("POST", f"{path}/sync").status_code == 202
    assert client.read(f"{path}/sync/status")["status"] == "InProgress"
    assert client.sync(path, force=True)["status"] == "Completed"


def test_a_sync_goes_on_until_a_test_ends_it(offline: PaletteServer, client: Client) -> None:
    path = client.created("it")
    offline.syncs.looks = None
    client("POST", f"{path}/sync")
    assert client.read(f"{path}/sync/status")["status"] == "InProgress"
    offline.syncs.finish(offline.named("it"))
    assert client.read(f"{path}/sync/status")["status"] == "Completed"


def test_only_a_forced_sync_reads_a_known_version_anew(
    offline: PaletteServer, client: Client, shelf: FixedLister
) -> None:
    path = client.created("it")
    shelf.found = [Pack("nginx", "1.25.0", values="old")]
    offline.synchronize("it")
    shelf.found = [Pack("nginx", "1.25.0", values="new")]
    found = []
    for force in (False, True):
        client.sync(path, force=force)
        found += [each.values for each in offline.named("it").packs.values()]
    assert found == ["old", "new"]


def test_what_does_not_synchronize_cannot_be_synchronized(client: Client) -> None:
    path = client.created("charts", spec={**PACKS, "providerType": "helm", "isSyncSupported": False})
    assert client("POST", f"{path}/sync").status_code == 400
    assert client.read(f"{path}/sync/status")["isSyncSupported"] is False


# Packs


def search(client: Client, body: Any, **query: Any) -> tuple[list[str], str]:
    answer = client("POST", "/v1/packs/search", body, **query)
    assert answer.status_code == 200
    page = answer.json()
    return [each["metadata"]["name"] for each in page["items"]], page["listmeta"]["continue"]


def test_searches_are_read_page_by_page(offline: PaletteServer, client: Client, shelf: FixedLister) -> None:
    client.created("it")
    shelf.found = [Pack(f"pack-{number:03}", "1.0.0") for number in range(120)]
    offline.synchronize("it")
    for loses_rows, expected in ((False, [50, 50, 20]), (True, [50, 50, 18])):
        offline.api.loses_rows = loses_rows
        names, following = search(client, {}, limit=1000)
        pages = [names]
        while following:
            names, following = search(client, {}, **{"continue": following})
            pages.append(names)
        assert [len(each) for each in pages] == expected


def test_searches_find_what_fits(offline: PaletteServer, client: Client, shelf: FixedLister) -> None:
    shelf.found = [Pack("nginx", "1.0.0"), Pack("nginx", "1.1.0"), Pack("calico", "3.0.0", layer="cni")]
    client.created("a")
    client.created("b")
    offline.synchronize("a")
    shelf.found = shelf.found[:1]
    offline.synchronize("b")
    for filtered, expected in (
        ({}, ["calico", "nginx"]),
        ({"name": {"eq": "NGINX"}}, ["nginx"]),
        ({"name": {"eq": "NGINX", "ignoreCase": False}}, []),
        ({"name": {"beginsWith": "cal"}}, ["calico"]),
        ({"name": {"ne": "calico"}, "layer": ["addon"]}, ["nginx"]),
        ({"registryUid": [offline.named("b").uid]}, ["nginx"]),
    ):
        assert search(client, {"filter": filtered}) == (expected, "")
    assert search(client, {"sort": [{"field": "name", "order": "desc"}]}) == (["nginx", "calico"], "")
    [row] = client("POST", "/v1/packs/search", {"filter": {"name": {"eq": "nginx"}}}).json()["items"]
    places = {each["name"]: each["latestVersion"] for each in row["spec"]["registries"]}
    assert places == {"a": "1.1.0", "b": "1.0.0"}
    pack = client.read(f"/v1/packs/{row['spec']['registries'][0]['latestPackUid']}")
    assert pack["tags"][0]["version"] == "1.1.0"


def test_a_name_with_a_slash_is_one_segment(
    offline: PaletteServer, client: Client, shelf: FixedLister
) -> None:
    client.created("it")
    shelf.found = [Pack("web/nginx", "1.0.0")]
    offline.synchronize("it")
    assert client.read(f"/v1/packs/web%2Fnginx/registries/{offline.named('it').uid}")["name"] == "web/nginx"


def test_a_palette_with_a_private_authority() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with PaletteServer(tls=authority) as palette:
        client = Client(palette, verify=context)
        with client.http:
            client.created("it")
        assert palette.url.startswith("https://")


# The judge


def test_a_judge_whom_no_one_here_wrote_finds_nothing_wrong(
    offline: PaletteServer, client: Client, shelf: FixedLister, prism: PrismServer
) -> None:
    shelf.found = [Pack("nginx", "1.25.0")]
    for kind, spec in (("basic", PACKS), ("ecr", CHARTS)):
        client("POST", f"{OCI}/{kind}/validate", spec)
        path = client.created(kind, kind, spec, annotations={"regsync.owner": "platform"})
        client.read(path)
        client("PUT", path, {"metadata": {"name": kind}, "spec": spec})
        client.sync(path, force=True)
        client.read(f"/v1/packs/nginx/registries/{offline.named(kind).uid}")
        client("DELETE", path)
    for each in (f"{OCI}/summary", "/v1/registries/metadata", "/v1/clouds/aws/account/sts"):
        client.read(each)
    client("POST", "/v1/packs/search", {"filter": {"name": {"eq": "nginx"}}}, limit=50)
    assert [(str(each), verdict) for each in offline.requests if (verdict := prism.judge(each))] == []


def test_the_judge_and_the_palette_of_the_tests_are_of_one_mind(
    offline: PaletteServer, client: Client, prism: PrismServer
) -> None:
    wrong = {**PACKS, "endpoint": 1}
    assert client("POST", f"{OCI}/basic/validate", wrong).status_code == 400
    expect_violations(offline, "$.endpoint: not as type wants it")
    [asked] = offline.requests
    assert "endpoint must be string" in (prism.judge(asked) or "")
