"""The store against servers that answer oddly, wrongly or with malice; each line of a script is one such answer."""

from __future__ import annotations

from email.message import Message
from urllib.parse import parse_qs, urlsplit

import pytest

from regsync.model.errors import (
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.reference import sha256_digest
from regsync.registries.image import IMAGE_MANIFEST, BytesBlob, base_repository_manifest
from tests.registries.stores import JSON, PAGE, UNKNOWN, VERSION, asked, errors, scripted, store_at
from tests.registries.vendor import ignore
from tests.support.scripted import Answer, ScriptedServer

BLOB = BytesBlob(b"a layer")
MANIFEST = base_repository_manifest()
TAG = "/v2/team/pack/manifests/1.0.0"
UPLOADS = "/v2/team/pack/blobs/uploads/"
SESSION = "/v2/team/pack/blobs/uploads/7?_state=x"
CLOSE = f"{SESSION}&digest=sha256%3A{BLOB.digest.removeprefix('sha256:')}"
STATED = {"Content-Type": IMAGE_MANIFEST, "Docker-Content-Digest": MANIFEST.digest}

NOT_MANIFESTS: dict[str, tuple[Answer, type[RegistryError]]] = {
    "a login page": (PAGE, NotARegistry),
    "json of something else": ((200, JSON, b'{"status":"ok"}'), NotARegistry),
    "no type and no digest": ((200, {}, MANIFEST.data), NotARegistry),
    "a page that is missing": ((404, {"Content-Type": "text/html"}, b"<html>404</html>"), NotARegistry),
    "a gateway's missing route": ((404, JSON, b'{"message":"no Route matched"}'), NotARegistry),
    "a proxy that adds the header": ((404, VERSION, b"not found"), NotARegistry),
    "another digest": ((200, STATED, MANIFEST.data + b"\n"), ProtocolError),
    "a digest that is none": (
        (200, {**STATED, "Docker-Content-Digest": "latest"}, MANIFEST.data),
        ProtocolError,
    ),
    "too large": ((200, {"Content-Type": IMAGE_MANIFEST}, b" " * (8 * 2**20 + 1)), ProtocolError),
    "rights": ((403, JSON, errors("DENIED")), PermissionDenied),
    "trouble": ((502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"), Unreachable),
}


@pytest.mark.parametrize(("answer", "kind"), NOT_MANIFESTS.values(), ids=NOT_MANIFESTS)
def test_what_is_no_manifest_is_neither_read_nor_absent(answer: Answer, kind: type[RegistryError]) -> None:
    with scripted({f"GET {TAG}": answer, f"HEAD {TAG}": answer}) as (store, _):
        with pytest.raises(RegistryError) as raised:
            store.get_manifest("team/pack", "1.0.0")
        assert type(raised.value) is kind
        if kind is not ProtocolError:
            with pytest.raises(RegistryError) as raised:
                store.head_manifest("team/pack", "1.0.0")
            assert type(raised.value) is kind


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
def test_a_registrys_own_word_is_absence(code: str) -> None:
    answer: Answer = (404, JSON, errors(code))
    with scripted({f"GET {TAG}": answer, f"HEAD {TAG}": answer}) as (store, server):
        with pytest.raises(NotFound):
            store.get_manifest("team/pack", "1.0.0")
        with pytest.raises(NotFound):
            store.head_manifest("team/pack", "1.0.0")
        assert asked(server) == [f"GET {TAG}", f"HEAD {TAG}", f"GET {TAG}"]


def test_a_head_that_shows_a_registry_needs_no_get() -> None:
    with scripted({f"HEAD {TAG}": UNKNOWN}) as (store, server):
        with pytest.raises(NotFound):
            store.head_manifest("team/pack", "1.0.0")
        assert asked(server) == [f"HEAD {TAG}"]


def test_all_types_of_manifests_are_accepted() -> None:
    answer: Answer = (200, STATED, MANIFEST.data)
    with scripted({f"GET {TAG}": answer, f"HEAD {TAG}": answer}) as (store, server):
        assert store.head_manifest("team/pack", "1.0.0") == store.get_manifest("team/pack", "1.0.0").digest
        for seen in server.requests[1:]:
            assert seen.headers["Accept"].count(", ") == 4
            assert IMAGE_MANIFEST in seen.headers["Accept"]


def test_a_digest_that_a_head_leaves_out_is_computed() -> None:
    plain = {"Content-Type": f"{IMAGE_MANIFEST}; charset=utf-8"}
    answer: Answer = (200, plain, MANIFEST.data)
    with scripted({f"GET {TAG}": answer, f"HEAD {TAG}": answer}) as (store, _):
        assert store.head_manifest("team/pack", "1.0.0") == MANIFEST.digest
        assert store.get_manifest("team/pack", "1.0.0") == MANIFEST


def test_a_manifest_under_a_foreign_digest_is_refused() -> None:
    asked_for = sha256_digest(b"something else")
    path = f"/v2/team/pack/manifests/{asked_for}"
    answer: Answer = (200, STATED, MANIFEST.data)
    with scripted({f"GET {path}": answer, f"HEAD {path}": answer}) as (store, _):
        with pytest.raises(ProtocolError, match=MANIFEST.digest):
            store.get_manifest("team/pack", asked_for)
        with pytest.raises(ProtocolError, match=MANIFEST.digest):
            store.head_manifest("team/pack", asked_for)


def test_a_manifest_that_was_stored_as_another_is_an_error() -> None:
    with (
        scripted({f"PUT {TAG}": (201, {"Docker-Content-Digest": BLOB.digest}, b"")}) as (store, _),
        pytest.raises(ProtocolError, match=BLOB.digest),
    ):
        store.put_manifest("team/pack", "1.0.0", MANIFEST)


def test_a_page_in_answer_to_a_write_is_no_success() -> None:
    answers = {f"PUT {TAG}": PAGE, f"POST {UPLOADS}": PAGE}
    with scripted(answers) as (store, _):
        with pytest.raises(NotARegistry):
            store.put_manifest("team/pack", "1.0.0", MANIFEST)
        with pytest.raises(NotARegistry):
            store.put_blob("team/pack", BLOB, ignore)


@pytest.mark.parametrize("name", ["../../etc", "Team/Pack", "team/pack?x=", "team//pack", ""])
def test_names_that_are_none_are_never_sent(name: str) -> None:
    with scripted({}) as (store, server):
        for call in (
            lambda: store.get_manifest(name, "1.0.0"),
            lambda: store.head_manifest("team/pack", f"{name}/../"),
            lambda: store.put_manifest(name, "1.0.0", MANIFEST),
            lambda: store.has_blob("team/pack", f"sha256:{name}"),
            lambda: store.put_blob(name, BLOB, ignore),
            lambda: store.tags(name),
        ):
            with pytest.raises(ProtocolError):
                call()
        assert server.requests == []


@pytest.mark.parametrize("form", ["{path}", "{url}{path}", "7?_state=x"])
def test_a_location_is_used_as_it_is(form: str) -> None:
    answers: dict[str, Answer] = {f"PUT {CLOSE}": (204, {}, b"")}
    with scripted(answers) as (store, server):
        answers[f"POST {UPLOADS}"] = (202, {"Location": form.format(url=server.url, path=SESSION)}, b"")
        store.put_blob("team/pack", BLOB, ignore)
        sent = server.requests[-1]
        assert (sent.method, sent.path, sent.body) == ("PUT", CLOSE, BLOB.data)
        assert sent.headers["Content-Length"] == str(BLOB.size)
        assert sent.headers["Content-Type"] == "application/octet-stream"


def test_a_location_without_a_query_gets_one() -> None:
    place = "/v2/team/pack/blobs/uploads/7"
    answers: dict[str, Answer] = {
        f"POST {UPLOADS}": (202, {"Location": place}, b""),
        f"PUT {CLOSE.replace('?_state=x&', '?')}": (201, {}, b""),
    }
    with scripted(answers) as (store, server):
        store.put_blob("team/pack", BLOB, ignore)
        assert asked(server)[1:] == [f"PUT {place}?digest={BLOB.digest.replace(':', '%3A')}"]


def test_an_upload_is_not_sent_elsewhere() -> None:
    with ScriptedServer(lambda *request: (201, {}, b"")) as elsewhere:
        for location in (f"{elsewhere.url}/steal", "file:///etc/passwd", ""):
            with (
                scripted({f"POST {UPLOADS}": (202, {"Location": location}, b"")}, login=True) as (store, _),
                pytest.raises(ProtocolError),
            ):
                store.put_blob("team/pack", BLOB, ignore)
        assert elsewhere.requests == []


MOUNT = f"POST /v2/team/other/blobs/uploads/?mount={BLOB.digest.replace(':', '%3A')}&from=team%2Fpack"
OTHER = "/v2/team/other/blobs/uploads/"
UPLOAD: dict[str, Answer] = {
    f"POST {UPLOADS}": (202, {"Location": SESSION}, b""),
    f"POST {OTHER}": (202, {"Location": SESSION}, b""),
    f"PUT {CLOSE}": (201, {}, b""),
}


@pytest.mark.parametrize(
    ("answer", "further"),
    [
        ((201, {}, b""), []),
        ((202, {"Location": SESSION}, b""), [f"PUT {CLOSE}"]),
        ((401, JSON, errors("UNAUTHORIZED")), [f"POST {OTHER}", f"PUT {CLOSE}"]),
        ((405, JSON, errors("UNSUPPORTED")), [f"POST {OTHER}", f"PUT {CLOSE}"]),
    ],
    ids=["mounted", "a session instead", "no rights", "no mounts"],
)
def test_what_was_put_before_is_mounted_where_the_registry_does_so(
    answer: Answer, further: list[str]
) -> None:
    with scripted({**UPLOAD, MOUNT: answer}) as (store, server):
        store.put_blob("team/pack", BLOB, ignore)
        store.put_blob("team/other", BLOB, ignore)
        assert asked(server) == [f"POST {UPLOADS}", f"PUT {CLOSE}", MOUNT, *further]


def test_a_registry_that_refuses_mounts_is_asked_once() -> None:
    third = "/v2/team/third/blobs/uploads/"
    with scripted({**UPLOAD, f"POST {third}": UPLOAD[f"POST {OTHER}"], MOUNT: (400, {}, b"")}) as (
        store,
        server,
    ):
        for repository in ("team/pack", "team/other", "team/third"):
            store.put_blob(repository, BLOB, ignore)
        assert sum("mount=" in each for each in asked(server)) == 1


def test_tokens_are_asked_for_what_is_to_be_done() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path.startswith("/token?"):
            return (200, JSON, b'{"token":"t"}')
        if headers["Authorization"] != "Bearer t":
            return (401, JSON | {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="s"'}, b"{}")
        return {**UPLOAD, MOUNT: UNKNOWN, f"GET {TAG}": UNKNOWN}.get(f"{method} {path}", UNKNOWN)

    with ScriptedServer(script) as server, store_at(server.url) as store:
        store.read_only = True
        with pytest.raises(NotFound):
            store.get_manifest("team/pack", "1.0.0")
        store.read_only = False
        for repository in ("team/pack", "team/other"):
            store.put_blob(repository, BLOB, ignore)
        store.delete_tag("team/pack", "1.0.0", MANIFEST.digest)
        queries = [parse_qs(urlsplit(each.path).query) for each in server.requests if "/token?" in each.path]
    assert [query["scope"] for query in queries] == [
        ["repository:team/pack:pull"],
        ["repository:team/pack:pull,push"],
        ["repository:team/other:pull,push", "repository:team/pack:pull,push"],
        ["repository:team/other:pull,push"],
        ["repository:team/pack:pull,delete"],
    ]


def test_an_upload_that_its_caller_ends_is_cancelled() -> None:
    def stop(sent: int) -> None:
        raise KeyboardInterrupt

    with scripted({**UPLOAD, f"DELETE {SESSION}": (204, {}, b"")}) as (store, server):
        with pytest.raises(KeyboardInterrupt):
            store.put_blob("team/pack", BLOB, stop)
        assert f"DELETE {SESSION}" in asked(server)  # the broken PUT may be noted after it


def test_a_blob_comes_from_where_the_registry_says_but_no_login_goes_there() -> None:
    path = f"/v2/team/pack/blobs/{BLOB.digest}"
    with ScriptedServer(lambda *request: (200, {"Content-Encoding": "gzip"}, BLOB.data)) as storage:
        answer: Answer = (307, {"Location": f"{storage.url}/bucket?signature=s"}, b"")
        with scripted({f"GET {path}": answer}, login=True) as (store, server):
            with store.open_blob("team/pack", BLOB.digest) as stream:
                assert stream.read() == BLOB.data
            assert server.requests[-1].headers["Authorization"] is not None
    assert [each.headers["Authorization"] for each in storage.requests] == [None]


def test_a_blob_from_elsewhere_is_checked() -> None:
    path = f"/v2/team/pack/blobs/{BLOB.digest}"
    with (
        scripted({f"GET {path}": (200, {}, b"a l\xffyer")}) as (store, _),
        store.open_blob("team/pack", BLOB.digest) as stream,
        pytest.raises(ProtocolError, match="another digest"),
    ):
        stream.read()
