from __future__ import annotations

import io

import pytest

from regsync.sources.index import BadIndex, Entry, read_index

INDEX = b"""\
apiVersion: v1
entries:
  other:
    - {version: 9.9.9, dependencies: [{name: web, version: 1.0.0}], annotations: {entries: "web: x"}}
  web:
  - created: "2024-01-02T03:04:05.678901234Z"
    digest: abc
    maintainers: [{name: A, url: "https://example.com"}]
    urls:
    - https://charts.example.com/web-1.0.0.tgz
    version: 1.0.0
  - version: "2.0.0"
  - name: without a version
generated: "2024-01-02T03:04:05Z"
"""


def test_only_the_charts_that_are_asked_for_are_read() -> None:
    assert read_index(io.BytesIO(INDEX), {"web", "missing"}) == {
        "web": [
            Entry(
                "1.0.0",
                ("https://charts.example.com/web-1.0.0.tgz",),
                "abc",
                "2024-01-02T03:04:05.678901234Z",
            ),
            Entry("2.0.0"),
        ]
    }


def test_an_index_may_be_json() -> None:
    index = b'{"apiVersion":"v1","entries":{"web":[{"version":"1.0.0","urls":["https://x/web.tgz"]}]}}'
    assert read_index(io.BytesIO(index), {"web"}) == {"web": [Entry("1.0.0", ("https://x/web.tgz",))]}


def test_an_index_of_nothing_lists_nothing() -> None:
    assert read_index(io.BytesIO(b"apiVersion: v1\nentries: {}\n"), {"web"}) == {}
    assert read_index(io.BytesIO(b"apiVersion: v1\nentries:\n"), {"web"}) == {}


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (b"", "it is empty"),
        (b"<!doctype html><html>", "line 1: the document is no mapping"),
        (b"apiVersion: v1\n", "it has no `entries`"),
        (b"entries: {", "line 2: not YAML: did not find expected node content"),
        (b"\x00\x01\x02", "not YAML: "),
        (b"entries: 7", "line 1: `entries` is no mapping"),
        (b"entries:\n  web: {}", "line 2: `entries.web` is no list"),
        (b"entries:\n  web: [1.0.0]", "line 2: a version of web is no mapping"),
        (b"entries:\n  web: [{version: [1]}]", "line 2: `version` of web is no text"),
        (b"entries:\n  web: [{version: 1.0.0, urls: x}]", "line 2: `urls` of web is no list"),
        (b"entries:\n  web: [{version: *one}]", "line 2: "),
        (b"more: " + b"[" * 200_000, "line 1: nested more than 100 deep"),
        (b"entries: {web: []}\nmore: [", "line 3: not YAML: did not find expected node content"),
    ],
)
def test_what_is_no_index_is_refused_with_its_line(index: bytes, reason: str) -> None:
    with pytest.raises(BadIndex) as refused:
        read_index(io.BytesIO(index), {"web"})
    assert str(refused.value).startswith(reason)
