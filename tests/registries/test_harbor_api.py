"""Harbor's lists, as they are when somebody changes them under way, or when they are no lists at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

import pytest

from regsync.model.errors import ProtocolError
from regsync.registries.harbor.api import READINGS, HarborApi
from regsync.transport.client import Transport
from tests.registries.stores import JSON, VERSION, spec_for
from tests.support.scripted import Answer, ScriptedServer

REPOSITORIES = "/api/v2.0/projects/team/repositories"


@contextmanager
def answering(*pages: tuple[Any, int], endless: bool = False) -> Iterator[tuple[HarborApi, ScriptedServer]]:
    """An API that answers with these pages in turn, each with the total that it states; a page of two links to the next."""
    left = list(pages)

    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == "/v2/":
            return 200, JSON | VERSION, b"{}"
        items, total = left[0] if endless else left.pop(0)
        link = {"Link": f'<{REPOSITORIES}?page=2>; rel="next"'} if len(items) == 2 else {}
        return 200, {**JSON, **link, "X-Total-Count": str(total)}, json.dumps(items).encode()

    with ScriptedServer(script) as server:
        http = Transport(spec_for(server.url), environment={})
        try:
            yield HarborApi(http), server
        finally:
            http.close()


def named(*names: str) -> list[dict[str, str]]:
    return [{"name": each} for each in names]


def test_a_list_that_changed_while_it_was_read_is_read_anew() -> None:
    """What was deleted from the first page has moved `c` there, from a page that was still to be read."""
    pages: list[tuple[Any, int]] = [(named("a", "b"), 3), ([], 2), (named("b", "c"), 2), ([], 2)]
    with answering(*pages) as (api, _):
        assert api.repositories("team") == ["b", "c"]


def test_a_list_that_never_keeps_still_is_not_believed() -> None:
    pages: list[tuple[Any, int]] = [(named("a", "b"), 3), ([], 2)] * READINGS
    with answering(*pages) as (api, _), pytest.raises(ProtocolError, match="the list changed"):
        api.repositories("team")


def test_pages_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regsync.registries.harbor.api.MOST_PAGES", 5)
    with (
        answering((named("a", "b"), 2), endless=True) as (api, server),
        pytest.raises(ProtocolError, match=r"do not come to an end \(5 read\)"),
    ):
        api.repositories("team")
    assert len(server.requests) == 1 + 5


@pytest.mark.parametrize("items", [{"name": "a"}, ["a"], [None], [{"title": "a"}]])
def test_what_is_no_list_is_not_taken_for_an_empty_one(items: Any) -> None:
    with answering((items, 1)) as (api, _), pytest.raises(ProtocolError):
        api.repositories("team")


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"digest": "sha256:short", "size": 1},
        {"digest": f"sha256:{'0' * 64}", "size": "1"},
        {"digest": f"sha256:{'0' * 64}", "size": 1, "tags": "1.0.0"},
        {"digest": f"sha256:{'0' * 64}", "size": 1, "tags": [{"label": "1.0.0"}]},
        {"digest": f"sha256:{'0' * 64}", "size": 1, "annotations": ["x"]},
    ],
)
def test_an_artifact_that_is_none_is_refused(item: dict[str, Any]) -> None:
    with answering(([item], 1)) as (api, _), pytest.raises(ProtocolError):
        api.artifacts("team", "hello")
