from __future__ import annotations

from pathlib import Path

import pytest

from regsync.model.errors import AuthenticationFailed
from regsync.model.registry import Auth, AuthMethod, SecretRef
from regsync.transport.credentials import Kind, resolve, written_login
from tests.transport.rig import AT, LOGIN, SECRET, TOKEN


def in_file(path: Path) -> SecretRef:
    return SecretRef("file", "secrets/password", AT, path)


@pytest.mark.parametrize("value", ["007", "true", " spaced ", "päss"])
def test_a_variable_is_taken_as_it_stands(value: str) -> None:
    assert resolve(SecretRef("env", "PASSWORD", AT), {"PASSWORD": value}) == value


@pytest.mark.parametrize(
    ("content", "secret"), [(b"pw\n", "pw"), (b"pw\r\n", "pw"), (b" pw \n\n", " pw \n"), (b"0123", "0123")]
)
def test_a_file_loses_one_line_break_and_nothing_else(tmp_path: Path, content: bytes, secret: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    assert resolve(in_file(path), {}) == secret


def test_an_unset_variable_is_named_with_its_position() -> None:
    with pytest.raises(
        AuthenticationFailed,
        match=r"^registries/prod.yaml:9:5: the environment variable PASSWORD is not set$",
    ):
        resolve(SecretRef("env", "PASSWORD", AT), {})


@pytest.mark.parametrize("make", ["missing", "folder", "binary", "huge", "empty"])
def test_a_file_that_holds_no_secret_is_named_with_its_position(tmp_path: Path, make: str) -> None:
    path = tmp_path / "password"
    if make == "folder":
        path.mkdir()
    elif make != "missing":
        path.write_bytes({"binary": b"\xff\xfe", "huge": b"x" * 70_000, "empty": b"\n"}[make])
    with pytest.raises(AuthenticationFailed, match=r"^registries/prod.yaml:9:5: .*file:secrets/password"):
        resolve(in_file(path), {})


def test_an_empty_variable_is_no_secret() -> None:
    with pytest.raises(AuthenticationFailed, match="env:PASSWORD is empty"):
        resolve(SecretRef("env", "PASSWORD", AT), {"PASSWORD": ""})


def test_what_a_manifest_writes_out_becomes_a_login() -> None:
    environment = {"REGISTRY_PASSWORD": SECRET, "REGISTRY_TOKEN": "t", "REGISTRY_USER": "from-env"}
    login = written_login(LOGIN, environment)
    assert login is not None
    assert (login.kind, login.username, login.secret, login.source) == (
        Kind.PASSWORD,
        "robot",
        SECRET,
        "env:REGISTRY_PASSWORD",
    )
    assert SECRET not in repr(login)
    by_reference = Auth(AuthMethod.BASIC, SecretRef("env", "REGISTRY_USER", AT), LOGIN.password)
    login = written_login(by_reference, environment)
    assert login is not None
    assert login.username == "from-env"
    login = written_login(TOKEN, environment)
    assert login is not None
    assert (login.kind, login.secret) == (Kind.BEARER, "t")
    assert written_login(Auth(AuthMethod.DOCKER), environment) is None
