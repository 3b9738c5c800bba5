"""Finds logins where docker and podman keep them: their configuration files and credential helpers.

Knows those files and the helper protocol; knows no registry and no HTTP. Order within a file: `credHelpers`,
`credsStore`, `auths`; a file that is there but broken is an error, never an anonymous login.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regsync.model.errors import AuthenticationFailed
from regsync.transport.credentials import Credential, Kind
from regsync.transport.redact import one_line, redact_text

HELPER_SECONDS = 60.0

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_HUB_SERVER = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND = "credentials not found in native keychain"
_TOKEN_USER = "<token>"


@dataclass(frozen=True, slots=True)
class _File:
    shown: str
    content: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        section = self.content.get(name) or {}
        if not isinstance(section, dict):
            raise _broken(self.shown, f"`{name}` is not an object")
        return section


class DockerConfig:
    """The logins of whoever runs regsync. Files are read at the first look-up, each helper runs once per server."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._files: tuple[_File, ...] | None = None
        self._helped: dict[tuple[str, str], tuple[str, str] | None] = {}
        self._lock = threading.Lock()

    def find(self, host: str, repository: str) -> Credential | None:
        """The login for a repository at `host` (with its port, if any), from the first file that has one.

        Raises AuthenticationFailed where a file or a helper that is asked is broken.
        """
        with self._lock:
            if self._files is None:
                self._files = tuple(_read_files(self._environment))
            for file in self._files:
                if credential := self._in_file(file, host, repository):
                    return credential
        return None

    def _in_file(self, file: _File, host: str, repository: str) -> Credential | None:
        hosts = _HUB if host in _HUB else (host,)
        named = file.section("credHelpers")
        server = next((key for key in named if _server(key) in hosts), None)
        for helper in (named.get(server) if server else None, file.content.get("credsStore")):
            if helper:
                asked = server or (_HUB_SERVER if host in _HUB else host)
                if credential := self._from_helper(file, helper, asked):
                    return credential
        logins = {_server(key): value for key, value in file.section("auths").items()}
        for name in _names(hosts, repository):
            if name in logins and (credential := _from_entry(file, name, logins[name])):
                return credential
        return None

    def _from_helper(self, file: _File, helper: object, server: str) -> Credential | None:
        if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
            raise _broken(file.shown, f"{helper!r} is no name of a credential helper")
        program = f"docker-credential-{helper}"
        if (program, server) not in self._helped:
            self._helped[program, server] = _ask(program, server, self._environment, file.shown)
        login = self._helped[program, server]
        if login is None:
            return None
        username, secret = login
        source = f"docker config {file.shown} ({program})"
        if username == _TOKEN_USER:
            return Credential(Kind.IDENTITY, secret, source)
        return Credential(Kind.PASSWORD, secret, source, username)


def _paths(environment: Mapping[str, str], home: str | None) -> Iterator[Path]:
    if docker := environment.get("DOCKER_CONFIG"):
        yield Path(docker, "config.json")
    elif home:
        yield Path(home, ".docker", "config.json")
    if registry_auth := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(registry_auth)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")
    if home:
        yield Path(home, ".config", "containers", "auth.json")


def _read_files(environment: Mapping[str, str]) -> Iterator[_File]:
    home = environment.get("HOME") or environment.get("USERPROFILE")
    for path in _paths(environment, home):
        shown = str(path)
        if home and path.is_relative_to(home):
            shown = f"~/{path.relative_to(home).as_posix()}"
        try:
            content = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _broken(shown, f"cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise _broken(shown, f"is not JSON: {error}") from None
        if not isinstance(content, dict):
            raise _broken(shown, "is not a JSON object")
        yield _File(shown, content)


def _server(key: str) -> str:
    """The host, with its path if any, that a key of a file means; old files have URLs (`https://host/v1/`)."""
    return re.sub(r"/v[12]$", "", re.sub(r"^https?://", "", key).rstrip("/"))


def _names(hosts: tuple[str, ...], repository: str) -> Iterator[str]:
    """Keys that may hold a login, the most special first: podman's may go on with a part of the repository."""
    parts = repository.split("/") if repository else []
    for count in range(len(parts), -1, -1):
        for host in hosts:
            yield "/".join([host, *parts[:count]])


def _from_entry(file: _File, name: str, entry: object) -> Credential | None:
    source = f"docker config {file.shown} (auths)"
    if not isinstance(entry, dict):
        raise _broken(file.shown, f"`auths` has no object for {name}")
    fields = {key: value for key, value in entry.items() if isinstance(value, str) and value}
    username, password = fields.get("username", ""), fields.get("password", "")
    if "auth" in fields:
        username, password = _decoded(file, name, fields["auth"])
    if "registrytoken" in fields:
        return Credential(Kind.BEARER, fields["registrytoken"], source)
    if "identitytoken" in fields:
        return Credential(Kind.IDENTITY, fields["identitytoken"], source, username)
    if not username and not password:
        return None
    return Credential(Kind.PASSWORD, password, source, username)


def _decoded(file: _File, name: str, encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True).decode().replace("\0", "")
    except (binascii.Error, UnicodeDecodeError):
        raise _broken(file.shown, f"`auth` of {name} is not base64 of a user name and a password") from None
    username, _, password = text.partition(":")
    return username, password


def _ask(program: str, server: str, environment: Mapping[str, str], shown: str) -> tuple[str, str] | None:
    """Run `docker-credential-… get`: the server goes in, JSON comes out; None where the helper has no login."""
    path = shutil.which(program, path=environment.get("PATH", ""))
    if path is None:
        raise _broken(shown, f"names the credential helper {program}, which is not on PATH")
    try:
        # The name was checked, no shell is involved, and the server is the helper's input, never an argument.
        ran = subprocess.run(  # noqa: S603 - no shell, and the name is checked
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=HELPER_SECONDS,
            env=dict(environment),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _broken(shown, f"{program} gave no answer within {HELPER_SECONDS:.0f} s") from None
    except OSError as error:
        raise _broken(shown, f"{program} cannot be run: {error.strerror}") from None
    if ran.returncode:
        said = (ran.stdout + b" " + ran.stderr).decode(errors="replace")
        if _NOT_FOUND in said:
            return None
        reason = one_line(redact_text(said)) or f"exit status {ran.returncode}"
        raise _broken(shown, f"{program} failed for {server}: {reason}")
    try:
        answer = json.loads(ran.stdout)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, TypeError, KeyError):
        raise _broken(shown, f"{program} gave no login in JSON for {server}") from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise _broken(shown, f"{program} gave no login in JSON for {server}")
    return (username, secret) if secret else None


def _broken(shown: str, what: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"docker config {shown}: {what}",
        hint="mend it, or write the login into the manifest's spec.auth, or `method: none` to go without one",
    )
