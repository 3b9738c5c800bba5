from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import Message

import pytest

from regsync.model.errors import NotFound, ProtocolError, RegistryError, Unreachable
from regsync.transport.wire import Timeouts
from tests.support.scripted import Answer, ScriptedServer
from tests.transport.rig import OK, oci_error, transport

BLOB = "/v2/team/app/blobs/sha256:0"
DATA = bytes(range(256)) * 1000


class Breaking:
    """Serves DATA, but each answer ends after the next of `cuts` bytes; `ranges` says whether it knows ranges."""

    def __init__(self, *cuts: int, ranges: bool = True, overrides: Mapping[str, str] | None = None) -> None:
        self.cuts = list(cuts)
        self.ranges = ranges
        self.overrides = overrides or {}
        self.asked: list[str | None] = []

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        if path == "/v2/":
            return OK
        wanted = headers["Range"]
        self.asked.append(wanted)
        start = int(re.sub(r"\D", "", wanted)) if wanted and self.ranges else 0
        whole = DATA[start:]
        stated = {"Content-Length": str(len(whole)), "Connection": "close"}
        if start:
            stated["Content-Range"] = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
        sent = whole[: self.cuts.pop(0)] if self.cuts else whole
        return (206 if start else 200), {**stated, **self.overrides}, sent


def download(script: Breaking, size: int | None = len(DATA)) -> bytes:
    with (
        ScriptedServer(script) as server,
        transport(server.url) as http,
        http.stream(BLOB, size=size) as file,
    ):
        return file.read()


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_blob_is_read_as_a_file(size: int | None) -> None:
    assert download(Breaking(), size) == DATA


def test_a_blob_is_read_in_parts_of_any_size() -> None:
    with ScriptedServer(Breaking()) as server, transport(server.url) as http, http.stream(BLOB) as file:
        assert file.read(10) == DATA[:10]
        rest = b""
        while part := file.read(77_777):
            assert len(part) <= 77_777
            rest += part
        assert rest == DATA[10:]
        assert file.read(10) == b""


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_broken_download_goes_on_where_it_broke(size: int | None) -> None:
    script = Breaking(100_000, 50_000)
    assert download(script, size) == DATA
    assert script.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_sends_the_beginning_again() -> None:
    script = Breaking(100_000, 150_000, ranges=False)
    assert download(script) == DATA
    assert script.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_each_step_forward_renews_the_patience() -> None:
    assert download(Breaking(*[10_000] * 12)) == DATA


def test_without_a_step_forward_patience_ends() -> None:
    script = Breaking(100_000, 0, 0, 0, 0)
    with pytest.raises(Unreachable, match="broke off"):
        download(script)
    assert len(script.asked) == 5


@pytest.mark.parametrize(
    "wrong", ["bytes 0-255999/256000", "bytes 100000-255999/999", "bytes */256000", "100000-255999/256000"]
)
def test_another_range_than_asked_for_is_refused(wrong: str) -> None:
    script = Breaking(100_000)

    def first_as_it_is(method: str, path: str, headers: Message, body: bytes) -> Answer:
        status, fields, data = script(method, path, headers, body)
        return status, {**dict(fields), **({"Content-Range": wrong} if headers["Range"] else {})}, data

    with (
        ScriptedServer(first_as_it_is) as server,
        transport(server.url) as http,
        http.stream(BLOB) as file,
        pytest.raises(ProtocolError, match="206 with another range than the one from byte 100000 on"),
    ):
        file.read()


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_another_length_than_expected_is_refused_before_reading(size: int) -> None:
    with pytest.raises(ProtocolError, match=f"256000 bytes where {size} were expected"):
        download(Breaking(), size)


class Unstated:
    """Sends DATA without a length; the connection's end is the blob's."""

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        return (
            OK
            if path == "/v2/"
            else (200, {"Transfer-Encoding": "chunked"}, b"3e8\r\n" + DATA[:1000] + b"\r\n0\r\n\r\n")
        )


@pytest.mark.parametrize(
    ("size", "kind", "reason"),
    [
        (999, ProtocolError, "more than the stated 999 bytes"),
        (1001, Unreachable, "the answer ends 1 bytes early"),
    ],
)
def test_a_length_that_is_not_stated_is_still_checked(
    size: int, kind: type[RegistryError], reason: str
) -> None:
    with (
        ScriptedServer(Unstated()) as server,
        transport(server.url) as http,
        http.stream(BLOB, size=size) as file,
        pytest.raises(kind, match=reason),
    ):
        file.read()


def test_a_blob_that_is_not_there_is_an_error_on_opening() -> None:
    def script(method: str, path: str, headers: Message, body: bytes) -> Answer:
        return OK if path == "/v2/" else oci_error(404, "BLOB_UNKNOWN")

    with (
        ScriptedServer(script) as server,
        transport(server.url) as http,
        pytest.raises(NotFound, match="404 BLOB_UNKNOWN"),
        http.stream(BLOB),
    ):
        pass


def test_encodings_are_left_alone() -> None:
    script = Breaking(overrides={"Content-Encoding": "gzip"})
    assert download(script) == DATA


def test_a_download_left_early_does_not_hold_up_others() -> None:
    with ScriptedServer(Breaking()) as server, transport(server.url, parallelism=1) as http:
        with http.stream(BLOB) as file, http.stream(BLOB) as second:
            assert file.read(5) == second.read(5) == DATA[:5]
            assert http.request("GET", BLOB, expect={200}).body == DATA
        assert file.closed


def test_a_stall_is_a_break_like_any_other() -> None:
    # The server states more than it sends, and keeps the connection open.
    script = Breaking(100_000, overrides={"Connection": "keep-alive"})
    with ScriptedServer(script) as server, transport(server.url, timeouts=Timeouts(read=0.2)) as http:
        with http.stream(BLOB) as file:
            assert file.read() == DATA
        assert script.asked == [None, "bytes=100000-"]
