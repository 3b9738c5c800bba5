"""Tries a Palette before anything depends on it: the key, the names, the account of roles, and each registration by
Palette's own validation, which stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from regsync.model.errors import AuthenticationFailed, PermissionDenied, RegistryError
from regsync.model.palette import DesiredRegistration
from regsync.palette.api import PaletteApi
from regsync.palette.base import Finding, Secrets, references
from regsync.palette.failures import trust_statement
from regsync.palette.lookup import Directory, Sts, read
from regsync.palette.register import completed, try_out
from regsync.palette.wire import Document, body_of

ADMIN = "rights of a tenant admin"


def check(
    api: PaletteApi,
    key: str,
    desired: Sequence[DesiredRegistration],
    secrets: Callable[[DesiredRegistration], Secrets],
    sts: Sts,
) -> list[Finding]:
    """See Palette.check. `key` is where the key comes from, in words."""
    api.allow_validations()
    try:
        directory = Directory.read(api)
    except RegistryError as error:
        return _about_key(key, error)
    return [
        Finding("API key", ok=True, found=key),
        Finding(ADMIN, ok=True, found="the registries of the tenant can be read"),
        *_partitions(desired, sts),
        *(each for one in desired for each in _registration(api, directory, one, secrets, sts)),
    ]


def _about_key(key: str, error: RegistryError) -> list[Finding]:
    """What a first request shows that did not go well. Who has a key of no tenant admin has a valid key."""
    if isinstance(error, PermissionDenied):
        return [
            Finding("API key", ok=True, found=key),
            Finding(ADMIN, ok=False, found=error.message, hint=error.hint),
        ]
    what = "API key" if isinstance(error, AuthenticationFailed) else "API"
    return [Finding(what, ok=False, found=error.message, hint=error.hint)]


def _partitions(desired: Sequence[DesiredRegistration], sts: Sts) -> Iterator[Finding]:
    """From which account Palette assumes roles, in each partition where it is to assume one."""
    roles = [each.spec.settings for each in desired if each.spec.settings["auth"] == "sts"]
    for partition in dict.fromkeys(str(each.get("partition") or "aws") for each in roles):
        what = f"roles in partition {partition}"
        try:
            account, external_id = sts(partition)
        except RegistryError as error:
            yield Finding(what, ok=False, found=error.message, hint=error.hint)
        else:
            yield Finding(
                what,
                ok=None,
                found=f"are assumed from account {account} with the external ID {external_id}",
                hint=f"their trust policies must have\n{trust_statement(partition, account, external_id)}",
            )


def _registration(
    api: PaletteApi,
    directory: Directory,
    desired: DesiredRegistration,
    secrets: Callable[[DesiredRegistration], Secrets],
    sts: Sts,
) -> Iterator[Finding]:
    name, at = desired.spec.name, desired.registry.at("palette.name")
    found, document = None, Document()
    try:
        found = directory.find(name)
        if found:
            live, document = read(api, directory, found)
            whose = (
                f"is registered, and belongs to {live.owner}"
                if live.owner
                else "is registered without a mark"
            )
            foreign = live.is_default or live.owner not in (None, desired.owner)
            yield Finding(
                f"name {name}",
                ok=not foreign,
                found="is one that Palette comes with" if live.is_default else whose,
                hint=f"choose another palette.name ({at})" if foreign else None,
            )
        else:
            taken = directory.taken_by(name)
            yield Finding(f"name {name}", ok=not taken, found=f"{taken} has it" if taken else "is free")
    except RegistryError as error:
        yield Finding(f"name {name}", ok=False, found=error.message, hint=error.hint)
    what = f"registration {name}"
    try:
        settings = completed(desired.spec.settings, sts)
        known = document if found and found.type == settings["type"] else {}
        body = body_of(name, desired.owner, settings, secrets(desired).values, known)
        try_out(api, desired, body["spec"], sts)
    except RegistryError as error:
        yield Finding(what, ok=False, found=error.message, hint=error.hint)
    else:
        read_it = f"Palette's own try: it can read {desired.spec.settings['endpoint']}"
        whose = ", with the secrets of this environment, not those that it has stored"
        yield Finding(what, ok=True, found=read_it + (whose if references(desired.spec.auth) else ""))
