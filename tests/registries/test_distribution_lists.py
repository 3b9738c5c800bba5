"""Lists and deletes of servers that answer oddly, wrongly or with malice."""

from __future__ import annotations

import json
from email.message import Message

import pytest

from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RegistryError,
    Unsupported,
)
from regsync.registries.image import IMAGE_MANIFEST, base_repository_manifest
from tests.registries.stores import JSON, PAGE, UNKNOWN, asked, errors, scripted, store_at
from tests.support.scripted import Answer, ScriptedServer

MANIFEST = base_repository_manifest()
TAG = "/v2/team/pack/manifests/1.0.0"
STATED = {"Content-Type": IMAGE_MANIFEST, "Docker-Content-Digest": MANIFEST.digest}
LIST = "/v2/team/pack/tags/list"


def page(*tags: str, link: str | None = None) -> Answer:
    headers = {**JSON, **({"Link": f'<{link}>; rel="next"'} if link else {})}
    return (200, headers, json.dumps({"name": "team/pack", "tags": tags}).encode())


@pytest.mark.parametrize(
    "link",
    [
        f"{LIST}?last=b&n=2",
        "/v2/pack/tags/list?last=b&n=2",
        "http://192.0.2.1/v2/team/pack/tags/list?last=b&n=2",
        "https://example.com/artifactory/v2/team/pack/tags/list?last=b&n=2",
    ],
    ids=["plain", "another repository", "another address", "another host and prefix"],
)
def test_all_pages_are_read_here_wherever_links_lead(link: str) -> None:
    with scripted({f"GET {LIST}": page("b", "a", link=link), f"GET {LIST}?last=b&n=2": page("c")}) as (
        store,
        _,
    ):
        assert store.tags("team/pack") == ("a", "b", "c")


@pytest.mark.parametrize(
    "body", [b'{"name":"team/pack","tags":null}', b'{"name":"team/pack"}', b'{"tags":[]}']
)
def test_no_tags_have_many_forms(body: bytes) -> None:
    with scripted({f"GET {LIST}": (200, JSON, body)}) as (store, _):
        assert store.tags("team/pack") == ()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (PAGE, NotARegistry),
        ((200, JSON, b'{"status":"ok"}'), ProtocolError),
        ((200, JSON, b'{"tags":[1]}'), ProtocolError),
        ((200, JSON, b'{"tags":"a"}'), ProtocolError),
        ((200, JSON, b"[]"), ProtocolError),
        ((200, JSON, b'{"tags":['), ProtocolError),
        ((404, {}, b"404 page not found"), NotARegistry),
        ((404, JSON, errors("NAME_UNKNOWN")), NotFound),
    ],
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(answer: Answer, kind: type[RegistryError]) -> None:
    with scripted({f"GET {LIST}": answer}) as (store, _):
        with pytest.raises(RegistryError) as raised:
            store.tags("team/pack")
        assert type(raised.value) is kind


def test_pages_that_lead_in_a_circle_end() -> None:
    answers = {
        f"GET {LIST}": page("a", link=f"{LIST}?last=a"),
        f"GET {LIST}?last=a": page("b", link=f"{LIST}?last=b"),
        f"GET {LIST}?last=b": page("c", link=f"{LIST}?last=a"),
    }
    with scripted(answers) as (store, server):
        with pytest.raises(ProtocolError, match="do not come to an end"):
            store.tags("team/pack")
        assert len(asked(server)) == 3


def test_pages_that_never_end_are_given_up() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return page("a", link=f"{LIST}?last={len(server.requests)}")

    with ScriptedServer(script) as server, store_at(server.url) as store:
        with pytest.raises(ProtocolError, match="do not come to an end"):
            store.tags("team/pack")
        assert len(server.requests) == 1001


CATALOGUE = "GET /v2/_catalog?n=1000"


def test_the_catalogue_is_read_whole_and_cut_to_the_prefix() -> None:
    first: Answer = (
        200,
        JSON | {"Link": "</v2/_catalog?last=team%2Fb&n=1000>; rel=next"},
        b'{"repositories":["other/a","team/b"]}',
    )
    rest: Answer = (200, JSON, b'{"repositories":["team/a","teams/c"]}')
    with scripted({CATALOGUE: first, "GET /v2/_catalog?last=team%2Fb&n=1000": rest}) as (store, _):
        assert store.repositories("team/") == ("team/a", "team/b")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((401, JSON, errors("UNAUTHORIZED")), AuthenticationFailed),
        ((403, JSON, errors("DENIED")), PermissionDenied),
        ((404, {}, b"404 page not found"), Unsupported),
        ((404, JSON, errors("NAME_UNKNOWN")), Unsupported),
        ((405, {}, b"Method Not Allowed"), Unsupported),
        (PAGE, NotARegistry),
    ],
)
def test_a_catalogue_that_is_denied_is_not_an_empty_one(answer: Answer, kind: type[RegistryError]) -> None:
    with scripted({CATALOGUE: answer}) as (store, _):
        with pytest.raises(RegistryError) as raised:
            store.repositories("team/")
        assert type(raised.value) is kind


def test_a_delete_that_does_not_find_what_is_there_is_an_error() -> None:
    answers: dict[str, Answer] = {f"DELETE {TAG}": UNKNOWN, f"HEAD {TAG}": (200, STATED, b"")}
    with scripted(answers) as (store, _), pytest.raises(ProtocolError, match="but it is there"):
        store.delete_tag("team/pack", "1.0.0", MANIFEST.digest)


def test_no_digest_is_deleted_while_a_tag_cannot_be_looked_at() -> None:
    answers: dict[str, Answer] = {
        f"DELETE {TAG}": (405, JSON, errors("UNSUPPORTED")),
        f"GET {LIST}": page("1.0.0", "2.0.0"),
        f"HEAD {TAG}": (200, STATED, b""),
        "HEAD /v2/team/pack/manifests/2.0.0": (403, {}, b""),
    }
    with scripted(answers) as (store, server):
        with pytest.raises(PermissionDenied):
            store.delete_tag("team/pack", "1.0.0", MANIFEST.digest)
        assert not any(each.startswith("DELETE") and "sha256" in each for each in asked(server))
