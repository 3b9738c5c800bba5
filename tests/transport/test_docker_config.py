from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from regsync.model.errors import AuthenticationFailed
from regsync.transport.credentials import Credential, Kind
from regsync.transport.docker_config import DockerConfig

HELPER = """#!/bin/sh
[ "$1" = get ] || exit 64
read -r server
echo "$server" >> "$HOME/asked"
case "$server" in
  reg.test) echo '{"ServerURL":"reg.test","Username":"helped","Secret":"from-helper"}' ;;
  token.test) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"from-hub"}' ;;
  broken.test) echo 'no json' ;;
  failing.test) echo 'the keychain is locked, token=https://x.test/?t=sesame'; exit 1 ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


def entry(user: str, secret: str, **more: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode(), **more}


class Home:
    """A home folder with docker's files and a credential helper named `fake` on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": f"{folder}/bin:/usr/bin:/bin"}
        helper = folder / "bin" / "docker-credential-fake"
        helper.parent.mkdir()
        helper.write_text(HELPER)
        helper.chmod(0o755)

    def write(self, content: Any, name: str = ".docker/config.json") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def find(self, host: str, repository: str = "", **environment: str) -> Credential | None:
        return DockerConfig({**self.environment, **environment}).find(host, repository)

    def user(self, host: str, repository: str = "", **environment: str) -> str | None:
        found = self.find(host, repository, **environment)
        return f"{found.username}:{found.secret}" if found else None


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_without_files_there_is_no_login(home: Home) -> None:
    assert home.find("reg.test") is None


@pytest.mark.parametrize(
    "key",
    [
        "reg.test",
        "https://reg.test",
        "https://reg.test/",
        "https://reg.test/v1/",
        "http://reg.test/v2/",
        "reg.test/v2",
    ],
)
def test_keys_in_old_forms_are_understood(home: Home, key: str) -> None:
    home.write({"auths": {key: entry("me", "pass:word")}})
    found = home.find("reg.test")
    assert found is not None
    assert (found.kind, found.username, found.secret) == (Kind.PASSWORD, "me", "pass:word")
    assert found.source == "docker config ~/.docker/config.json (auths)"
    assert home.find("reg.test:5000") is None


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_goes_by_its_old_key(home: Home, host: str) -> None:
    home.write({"auths": {"https://index.docker.io/v1/": entry("me", "hub")}})
    assert home.user(host) == "me:hub"


def test_kinds_of_entries(home: Home) -> None:
    home.write(
        {
            "auths": {
                "plain.test": {"username": "me", "password": "pw"},
                "both.test": entry("encoded", "wins", username="me", password="pw"),
                "nul.test": {"auth": base64.b64encode(b"me:pw\0\0").decode()},
                "identity.test": entry("me", "", identitytoken="refresh"),
                "ready.test": {"registrytoken": "ready"},
                "empty.test": {},
            }
        }
    )
    assert home.user("plain.test") == "me:pw"
    assert home.user("both.test") == "encoded:wins"
    assert home.user("nul.test") == "me:pw"
    kinds = {host: found.kind for host in ("identity.test", "ready.test") if (found := home.find(host))}
    assert kinds == {"identity.test": Kind.IDENTITY, "ready.test": Kind.BEARER}
    assert home.find("empty.test") is None


def test_podmans_longest_path_wins(home: Home) -> None:
    auths = {
        "reg.test": entry("all", "1"),
        "reg.test/team": entry("team", "2"),
        "reg.test/team/app": entry("app", "3"),
    }
    home.write({"auths": auths}, ".config/containers/auth.json")
    assert home.user("reg.test", "team/app/sub") == "app:3"
    assert home.user("reg.test", "team/application") == "team:2"
    assert home.user("reg.test", "other") == "all:1"


def test_files_are_asked_in_order(home: Home, tmp_path: Path) -> None:
    for number, name in enumerate(
        [".docker/config.json", "docker/config.json", "given.json", "run/containers/auth.json"]
    ):
        home.write(
            {"auths": {"reg.test": entry("me", str(number)), f"only{number}.test": entry("me", "x")}}, name
        )
    assert home.user("reg.test") == "me:0"
    assert home.user("reg.test", DOCKER_CONFIG=f"{tmp_path}/docker") == "me:1"
    others = {"REGISTRY_AUTH_FILE": f"{tmp_path}/given.json", "XDG_RUNTIME_DIR": f"{tmp_path}/run"}
    assert home.user("reg.test", **others) == "me:0"
    assert home.user("only2.test", **others) == home.user("only3.test", **others) == "me:x"


def test_a_helper_for_the_host_comes_first(home: Home) -> None:
    home.write(
        {
            "credHelpers": {"reg.test": "fake"},
            "credsStore": "none",
            "auths": {"reg.test": entry("me", "file")},
        }
    )
    found = home.find("reg.test")
    assert found is not None
    assert (found.username, found.secret) == ("helped", "from-helper")
    assert found.source == "docker config ~/.docker/config.json (docker-credential-fake)"


def test_what_no_helper_knows_may_stand_in_the_file(home: Home) -> None:
    home.write({"credsStore": "fake", "auths": {"file.test": entry("me", "file"), "reg.test": {}}})
    assert home.user("reg.test") == "helped:from-helper"
    assert home.user("file.test") == "me:file"
    assert home.user("other.test") is None
    assert home.user("registry-1.docker.io") == "hub:from-hub"


def test_a_helper_runs_once_for_each_server(home: Home) -> None:
    home.write({"credsStore": "fake"})
    config = DockerConfig(home.environment)
    for repository in ("a", "b", "c"):
        assert config.find("reg.test", repository)
    assert (home.folder / "asked").read_text() == "reg.test\n"


def test_a_helper_may_give_an_identity_token(home: Home) -> None:
    home.write({"credsStore": "fake"})
    found = home.find("token.test")
    assert found is not None
    assert (found.kind, found.secret) == (Kind.IDENTITY, "refresh")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ({"auths": []}, None),
        ({"auths": ["x"]}, "`auths` is not an object"),
        ({"auths": {"reg.test": "x"}}, "no object for reg.test"),
        ({"auths": {"reg.test": {"auth": "%%%"}}}, "not base64"),
        ({"credsStore": "../evil"}, "no name of a credential helper"),
        ({"credsStore": "a;b"}, "no name of a credential helper"),
        ({"credHelpers": {"reg.test": 7}}, "no name of a credential helper"),
        ({"credsStore": "absent"}, "docker-credential-absent, which is not on PATH"),
        ({"credHelpers": {"broken.test": "fake"}, "credsStore": ""}, None),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(home: Home, content: Any, reason: str | None) -> None:
    home.write(content)
    if reason is None:
        assert home.find("reg.test") is None
        return
    with pytest.raises(AuthenticationFailed, match=reason) as raised:
        home.find("reg.test")
    assert "~/.docker/config.json" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "reason"), [("broken.test", "no login in JSON"), ("failing.test", "the keychain is locked")]
)
def test_a_helper_that_fails_is_an_error_without_secrets(home: Home, host: str, reason: str) -> None:
    home.write({"credsStore": "fake"})
    with pytest.raises(AuthenticationFailed, match=reason) as raised:
        home.find(host)
    assert "docker-credential-fake" in str(raised.value)
    assert "sesame" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_an_error(home: Home) -> None:
    (home.folder / ".docker" / "config.json").mkdir(parents=True)
    with pytest.raises(AuthenticationFailed, match=r"config\.json: cannot be read"):
        home.find("reg.test")
