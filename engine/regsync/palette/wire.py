"""Registrations as Palette's API has them: settings to bodies and back. Pure; knows no requests.

Names, enumerations and what may be null are those of Palette's API description ("Palette APIs - 4.8"); what it answers
beyond that was seen by others at live ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from regsync.model.errors import ProtocolError
from regsync.model.palette import FIRST_VERSION, LiveRegistration, LiveSync
from regsync.model.settings import Json

Document = dict[str, Any]

OWNER: Final = "regsync.owner"
"""The annotation that says who registered it."""
SECRETS: Final = ("username", "password", "token", "accessKeyId", "secretAccessKey", "sessionToken")
"""What may be written as a reference."""

_VERSION = ".version"
_VERSION_MARK = "regsync.secret."
_MASK = re.compile(r"\*+")
_NEVER = "0001-01-01"  # Go's zero time

_AUTH = {"none": "noAuth", "basic": "basic", "token": "token"}
_CREDENTIALS = {"credentials": "secret", "sts": "sts"}
# By the method of a login: our names of what belongs to it, and Palette's.
_LOGINS: Mapping[str, Mapping[str, str]] = {
    "basic": {"username": "username", "password": "password"},
    "token": {"token": "token"},
    "credentials": {
        "accessKeyId": "accessKey",
        "secretAccessKey": "secretKey",
        "sessionToken": "secretToken",
    },
    "sts": {"roleArn": "arn", "externalId": "externalId"},
}
# What of a login is always written anew, so that none of an earlier one stays.
_OF_LOGINS = frozenset(
    {"type", "username", "password", "token", "credentialType", "accessKey", "secretKey", "secretToken"}
    | {"sts", "podIdentity"}
)


def body_of(
    name: str, owner: str, settings: Mapping[str, Json], secrets: Mapping[str, str], live: Document
) -> Document:
    """The whole registration to send, with its mark. `live` is what Palette has of it, empty for a new one: what
    regsync does not know of that is kept, and what no settings speak of stays as it is.

    Masked secrets are never sent back, the true ones always: PUT overwrites all.
    """
    metadata = _without(part(live, "metadata"), _is_null)
    marks = {
        f"{_VERSION_MARK}{key.removesuffix(_VERSION)}": str(value)
        for key, value in settings.items()
        if key.endswith(_VERSION)
    }
    spec = {"containsSpectroManifest": False, **_without(part(live, "spec"), _is_unsendable)}
    if settings["auth"] == "none":
        spec.pop("credentials", None)
    for login in (spec.get("auth", {}), spec.get("credentials", {})):
        for key in _OF_LOGINS & login.keys():
            del login[key]
    everything = {**settings_of(str(settings["type"]), live), **settings}
    return {
        **{key: value for key, value in live.items() if key != "status" and value is not None},
        "metadata": {
            **metadata,
            "name": name,
            "annotations": {**metadata.get("annotations", {}), OWNER: owner, **marks},
        },
        "spec": _merged(spec, spec_of(everything, secrets)),
    }


def spec_of(settings: Mapping[str, Json], secrets: Mapping[str, str]) -> Document:
    """The `spec` that settings amount to. Booleans are always told, since Palette has other defaults than false."""
    given = {**settings, **secrets}
    method = str(given["auth"])
    spec: Document = {
        "endpoint": given["endpoint"],
        "baseContentPath": given.get("baseContentPath") or "",
        "providerType": given["provider"],
        "isSyncSupported": given.get("synchronization") is True,
    }
    tls = {
        "enabled": True,
        "insecureSkipVerify": given.get("insecureSkipVerify") is True,
        "certificate": given.get("certificate") or "",
    }
    login = {theirs: given[ours] for ours, theirs in _LOGINS.get(method, {}).items() if given.get(ours)}
    if given["type"] == "basic":
        auth = {"type": _AUTH.get(method, method), **login, "tls": tls}
        return {**spec, "basePath": given.get("basePath") or "", "auth": auth}
    spec |= {"isPrivate": given.get("private", method != "none") is True, "tls": tls}
    if given.get("defaultRegion"):
        spec["defaultRegion"] = given["defaultRegion"]
    if method != "none":
        spec["credentials"] = {
            "credentialType": _CREDENTIALS.get(method, method),
            "partition": given.get("partition") or "aws",
            **({"sts": login} if method == "sts" else login),
        }
    return spec


def settings_of(type_: str, document: Document) -> dict[str, Json]:
    """The settings of a registration as it was read, secrets excepted: of those the versions that were written down.

    Any part of it may be null. Whether it synchronizes is told by its status; the spec has what was last sent, be it
    heeded or not.
    """
    spec, status = part(document, "spec"), part(document, "status", "syncStatus")
    synchronizes = status.get("isSyncSupported")
    settings: dict[str, Json] = {
        "type": type_,
        "provider": text(spec, "providerType") or "helm",
        "endpoint": text(spec, "endpoint"),
        "baseContentPath": text(spec, "baseContentPath"),
        "synchronization": (spec.get("isSyncSupported") if synchronizes is None else synchronizes) is True,
    }
    if type_ == "basic":
        login = part(spec, "auth")
        tls = part(login, "tls")
        method = _ours(_AUTH, text(login, "type") or "noAuth")
        settings["basePath"] = text(spec, "basePath")
    else:
        login = part(spec, "credentials")
        tls = part(spec, "tls")
        method = _ours(_CREDENTIALS, text(login, "credentialType") or "secret")
        if not login or (
            method == "credentials" and not login.get("accessKey") and not spec.get("isPrivate")
        ):
            method = "none"  # some clients write empty credentials for a public registry
        settings["private"] = spec.get("isPrivate") is True
        settings["defaultRegion"] = text(spec, "defaultRegion")
        settings["partition"] = text(login, "partition") or "aws"
    settings["auth"] = method
    named = part(login, "sts") if method == "sts" else login
    for ours, theirs in _LOGINS.get(method, {}).items():
        if text(named, theirs):
            settings[ours] = text(named, theirs)
    # Without `enabled` it is kept, and of no effect.
    settings["certificate"] = "" if tls.get("enabled") is False else text(tls, "certificate")
    settings["insecureSkipVerify"] = tls.get("insecureSkipVerify") is True
    marks = part(document, "metadata", "annotations")
    for name in SECRETS:
        settings[f"{name}{_VERSION}"] = _number(text(marks, f"{_VERSION_MARK}{name}"))
    return settings


def registration_of(
    name: str, uid: str, type_: str, document: Document, *, is_default: bool
) -> LiveRegistration:
    """A registration as it was read. Raises ProtocolError where nothing is told of it."""
    if not isinstance(document.get("spec"), dict):
        raise ProtocolError(f"Palette tells nothing of registry {name} ({uid}): its `spec` is null")
    return LiveRegistration(
        name=name,
        uid=uid,
        settings=settings_of(type_, document),
        owner=text(part(document, "metadata", "annotations"), OWNER) or None,
        sync=sync_of(part(document, "status", "syncStatus")),
        is_default=is_default,
    )


def sync_of(status: Document) -> LiveSync | None:
    """What is known of the last synchronization; None where nothing is."""
    if not status:
        return None
    return LiveSync(
        status=text(status, "status"),
        message=text(status, "message"),
        last_run=_time(text(status, "lastRunTime")),
        last_synced=_time(text(status, "lastSyncedTime")),
    )


def part(document: Document, *names: str) -> Document:
    """What is nested in a document; empty where it, or what it is in, is null or missing."""
    for name in names:
        inner = document.get(name)
        document = inner if isinstance(inner, dict) else {}
    return document


def text(document: Document, name: str) -> str:
    """A text; empty where there is none, or a mask in the stead of a secret."""
    value = document.get(name)
    return value if isinstance(value, str) and not _MASK.fullmatch(value) else ""


def _ours(names: Mapping[str, str], theirs: str) -> str:
    """Our name of a kind of login; Palette's own where we have none."""
    return next((ours for ours, name in names.items() if name == theirs), theirs)


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() else FIRST_VERSION


def _time(written: str) -> str | None:
    return None if not written or written.startswith(_NEVER) else written


def _is_null(value: object) -> bool:
    return value is None


def _is_unsendable(value: object) -> bool:
    return value is None or (isinstance(value, str) and _MASK.fullmatch(value) is not None)


def _without(document: Document, unwanted: Callable[[object], bool]) -> Document:
    """A document without what is unwanted in it, however deep."""
    return {
        key: _without(value, unwanted) if isinstance(value, dict) else value
        for key, value in document.items()
        if not unwanted(value)
    }


def _merged(below: Document, above: Document) -> Document:
    """Both, one in another; where both have a value, that from `above`."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            merged[key] = _merged(below[key], above[key])
    return merged
