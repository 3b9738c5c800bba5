"""Credentials, and how a manifest's references lead to them, as late as possible.

Knows variables and files; knows no HTTP and never puts a secret into a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from regsync.model.errors import AuthenticationFailed
from regsync.model.registry import Auth, AuthMethod, SecretRef

_LONGEST_SECRET = 64 * 1024


class Kind(StrEnum):
    """How a secret is used: with its user name, traded for tokens, as a token as it is, or as the whole of a header."""

    PASSWORD = "password"
    IDENTITY = "identity token"
    BEARER = "bearer token"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Credential:
    """A login. `source` says where it was found, in words for messages; `header` is what carries it."""

    kind: Kind
    secret: str = field(repr=False)
    source: str
    username: str = ""
    header: str = "Authorization"

    @property
    def is_final(self) -> bool:
        """Whether it is sent as it is, and never traded for a token."""
        return self.kind in (Kind.BEARER, Kind.KEY)


class Logins(Protocol):
    """The logins of a vendor whose secrets last for hours only. Thread-safe."""

    def current(self) -> Credential:
        """The login to use now. Asked for whenever one is needed, so it is cheap unless there is none or it is about to
        end. Raises RegistryErrors."""

    def renewed(self, refused: Credential) -> Credential:
        """A login newer than `refused`, which the registry called expired. Raises RegistryErrors."""


def resolve(reference: SecretRef, environment: Mapping[str, str]) -> str:
    """The secret behind a reference, as text and as it stands; of a file one trailing line break is dropped.

    Raises AuthenticationFailed, with the reference's position, where it is unset, unreadable or empty.
    """
    if reference.source == "env":
        secret = environment.get(reference.name)
        if secret is None:
            raise AuthenticationFailed(
                f"{reference.origin}: the environment variable {reference.name} is not set",
                hint=f"set {reference.name} where regsync runs",
            )
    else:
        secret = _read(reference)
    if not secret:
        raise AuthenticationFailed(
            f"{reference.origin}: {reference} is empty",
            hint="a secret that a job may not read often arrives as an empty one",
        )
    return secret


def _read(reference: SecretRef) -> str:
    assert reference.path is not None
    try:
        with reference.path.open("rb") as file:
            data = file.read(_LONGEST_SECRET + 1)
        text = data.decode()
    except OSError as error:
        raise AuthenticationFailed(
            f"{reference.origin}: cannot read {reference}: {error.strerror}",
            hint="a relative path is relative to the manifest's folder",
        ) from None
    except UnicodeDecodeError:
        raise AuthenticationFailed(f"{reference.origin}: {reference} is not UTF-8 text") from None
    if len(data) > _LONGEST_SECRET:
        raise AuthenticationFailed(
            f"{reference.origin}: {reference} is larger than {_LONGEST_SECRET} bytes: no secret"
        )
    return text.removesuffix("\n").removesuffix("\r")


def written_login(auth: Auth, environment: Mapping[str, str]) -> Credential | None:
    """The login that a manifest writes out by reference (methods basic and token); None for the other methods.

    Raises AuthenticationFailed where a reference leads nowhere.
    """
    if auth.method is AuthMethod.TOKEN and auth.token:
        return Credential(Kind.BEARER, resolve(auth.token, environment), str(auth.token))
    if auth.method is AuthMethod.BASIC and auth.username and auth.password:
        username = auth.username if isinstance(auth.username, str) else resolve(auth.username, environment)
        return Credential(Kind.PASSWORD, resolve(auth.password, environment), str(auth.password), username)
    return None
