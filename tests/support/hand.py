"""Sends what `oras` was seen to send, request by request, with another archive in the stead of the captured one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DATA = Path(__file__).resolve().parents[1] / "data"


def push_base_by_hand(version: str, host: str, repository: str) -> None:
    """`oras push HOST/REPOSITORY` as that version of oras does it."""
    exchanges = _exchanges(DATA / "cli" / f"oras-{version}-base.ndjson")
    _replay(exchanges, host, repository, {})


def push_by_hand(
    version: str, host: str, repository: str, tag: str, archive: Path, *, again: bool = False
) -> None:
    """`oras push HOST/REPOSITORY:TAG ARCHIVE` as that version of oras does it, to a repository that is new or, where it is
    done `again`, has another archive already."""
    exchanges = _exchanges(DATA / "pushes" / f"oras-{version}.ndjson")
    manifest = exchanges[-1]["request"]["body"]["text"]
    if again:
        exchanges = _without(exchanges, json.loads(manifest)["config"]["digest"])
    [layer] = json.loads(manifest)["layers"]
    data = archive.read_bytes()
    ours = (
        manifest.replace(layer["digest"], _digest(data))
        .replace(f'"size":{layer["size"]}', f'"size":{len(data)}')
        .replace(layer["annotations"]["org.opencontainers.image.title"], archive.name)
    )
    exchanges[-1]["request"]["path"] = f"/v2/there/manifests/{tag}"
    _replay(exchanges, host, repository, {layer["digest"]: data, _digest(manifest.encode()): ours.encode()})


def _exchanges(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def _without(exchanges: list[dict[str, Any]], digest: str) -> list[dict[str, Any]]:
    """The same where the server has a blob, so that oras asks for it and does not push it."""
    for at, each in enumerate(exchanges):
        sent = each["request"]
        if sent["method"] == "HEAD" and sent["path"].endswith(digest):
            each["response"]["status"] = 200
        if sent["method"] == "PUT" and (sent.get("body") or {}).get("sha256") == digest:
            return exchanges[: at - 1] + exchanges[at + 1 :]
    raise AssertionError(f"no push of {digest}")


def _replay(
    exchanges: Iterable[dict[str, Any]], host: str, repository: str, instead: dict[str, bytes]
) -> None:
    """Send the requests into `repository` of another server, with other bytes for some digests; each answer must have
    the status that oras was given."""
    sessions: dict[str, str] = {}
    with closing(HTTPConnection(host, timeout=30)) as connection:
        for exchange in exchanges:
            sent, given = exchange["request"], exchange["response"]
            body = sent.get("body")
            data = None if body is None else instead.get(body["sha256"]) or body["text"].encode()
            headers = {name: text for name, text in sent["headers"].items() if name != "Content-Length"}
            path, _, digest = sent["path"].partition("&digest=")
            there = f"{sessions[path]}&digest={digest}" if digest else _moved(path, repository)
            for captured, ours in instead.items():
                there = there.replace(captured[7:], _digest(ours)[7:])
            connection.request(sent["method"], there, data, {**headers, "Host": host})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == given["status"], f"{sent['method']} {there}"
            if sent["method"] == "POST":
                sessions[_on_server(given["headers"]["Location"])] = _on_server(answer.headers["Location"])


def _on_server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _moved(path: str, repository: str) -> str:
    """The same path in another repository."""
    kind = "/manifests/" if "/manifests/" in path else "/blobs/"
    return f"/v2/{repository}{kind}{path.partition(kind)[2]}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
