"""The Harbor of the tests answers as a real one did: Harbor 2.15.2, recorded request by request."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from regsync.registries.image import EMPTY_CONFIG, IMAGE_MANIFEST, pack_manifest
from tests.registries.harbor import opened
from tests.registries.vendor import ignore, pack
from tests.support.harbor import HarborServer
from tests.support.harbor_state import DEVELOPER, ROBOT

ANSWERS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "harbor" / "answers.json").read_text(encoding="utf-8")
)
"""Who asked for what (nobody, somebody with a wrong password or token, or an account), and the answer as far as a client
goes by it: status, errors, challenge, and whether a next page is linked. HOST stands for the server's own."""


def test_the_harbor_of_the_tests_answers_as_the_real_one(harbor: HarborServer, tmp_path: Path) -> None:
    like_the_recorded_one(harbor, tmp_path)
    logins = {
        "admin": harbor.state.admin,
        "alice": harbor.state.add_account("alice", {"private": DEVELOPER}),
        "bob": harbor.state.add_account("bob"),
        "ci": harbor.state.add_account("robot$private+ci", {"private": ROBOT}),
        "ro": harbor.state.add_account("robot$private+ro", {"private": frozenset({"repository:pull"})}),
        "wo": harbor.state.add_account("robot$private+wo", {"private": frozenset({"repository:push"})}),
        "ops": harbor.state.add_account("robot$ops", {"*": DEVELOPER}, system=["project:create"]),
    }
    headers = {name: {"Authorization": basic(each.name, each.secret)} for name, each in logins.items()}
    headers |= {"": {}, "wrong": {"Authorization": basic("admin", "not it")}}
    headers |= {"garbage": {"Authorization": "Bearer garbage"}}
    differing = []
    with closing(HTTPConnection(harbor.host)) as connection:
        for each in ANSWERS:
            body = each.get("body", "").encode() or None
            connection.request(
                each["method"], each["path"], body, {**headers[each["who"]], **each.get("headers", {})}
            )
            found = said(connection.getresponse(), harbor.host)
            if found != {
                name: each[name] for name in each.keys() & {"status", "errors", "challenge", "link"}
            }:
                differing.append((each, found))
    assert differing == []


def like_the_recorded_one(harbor: HarborServer, cache: Path) -> None:
    """The projects and artifacts that the recorded Harbor had."""
    for name in ("private", "hidden", "public", "made", "123"):
        harbor.state.add_project(name, public=name == "public")
    with opened(harbor, cache, writing=True) as registry:
        for name in ("private/app", "private/src", "public/app", "hidden/app", "private/deep/er"):
            for blob in (EMPTY_CONFIG, pack().layer):
                registry.store.put_blob(name, blob, ignore)
            registry.store.put_manifest(name, "1.0.0", pack_manifest(pack()))
    for number in range(5):
        harbor.state.push(
            "private/many", f"{number}.0.0", IMAGE_MANIFEST, pack_manifest(pack(str(number))).data
        )
    harbor.state.push("private/del", "c", IMAGE_MANIFEST, pack_manifest(pack()).data)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def said(response: HTTPResponse, host: str) -> dict[str, Any]:
    found: dict[str, Any] = {"status": response.status}
    body = response.read()
    if response.status >= 400 and body:
        found["errors"] = [[each["code"], each["message"]] for each in json.loads(body)["errors"]]
    challenge = response.headers["Www-Authenticate"]
    if challenge is not None:
        found["challenge"] = challenge.replace(host, "HOST")
    if response.headers["Link"]:
        found["link"] = True
    return found
