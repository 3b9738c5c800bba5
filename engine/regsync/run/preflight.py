"""Tries a registry as somebody would who means to read it: reach it, log in, read one artifact. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from regsync.model.diagnostic import Origin
from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    PermissionDenied,
    RegistryError,
    Unreachable,
)
from regsync.model.palette import DesiredRegistration
from regsync.model.reference import Address
from regsync.model.registry import AuthMethod, Provider, RegistrySpec, RegistryType
from regsync.registries.base import Registry, Wanted

_STEPS: Mapping[type[RegistryError], str] = {
    Unreachable: "it cannot be reached",
    NotARegistry: "it does not answer as a registry",
    AuthenticationFailed: "the login is refused",
    PermissionDenied: "the login may not read it",
}


def try_reading(registry: Registry, sample: Address | None) -> None:
    """Reach a registry, log in, and read where its content lies; `sample` stands for all artifacts, so that it stays
    short. Raises RegistryErrors."""
    registry.check()
    spec = registry.spec
    bases = () if spec.provider is Provider.HELM else spec.base_content_paths
    wanted = Wanted(
        tags={sample.path: (sample.tag or "",)} if sample else {},
        repositories=tuple(spec.repository(path) for path in bases),
    )
    hidden = [each for read in registry.reads(wanted) for each in read().observed.unreadable]
    if hidden:
        raise PermissionDenied(f"{hidden[0].address}: {hidden[0].reason}", hint=hidden[0].hint)


def preflight(desired: DesiredRegistration, open_registry: Callable[[RegistrySpec], Registry]) -> bool:
    """Try the registry with the login and the trust that Palette is to have, since Palette tells a wrong password from a
    wrong certificate in its newest versions only. Whether that could be done: a role that only Palette may assume is left
    for Palette to try.

    Raises RegistryErrors.
    """
    auth = desired.spec.auth
    if auth.method is AuthMethod.STS:
        return False
    spec = replace(
        desired.registry, auth=auth, tls=desired.spec.tls, origins=_as_of_palette(desired.registry.origins)
    )
    if not spec.type.creates_repositories:
        spec = replace(spec, type=RegistryType.BASIC)  # Palette knows no API but the registry's own
    elif auth.method is AuthMethod.NONE:
        return False  # what is public is read without AWS's APIs, through which it would be tried here
    registry = open_registry(spec)
    try:
        try_reading(registry, desired.listings[0].address if desired.listings else None)
    except RegistryError as error:
        step = _STEPS.get(type(error), "it cannot be read")
        where = f"{spec.shown_endpoint}, tried as Palette will"
        raise type(error)(f"{where}: {step}: {error.message}", hint=_hint(error, spec)) from error
    finally:
        registry.close()
    return True


def _as_of_palette(origins: Mapping[str, Origin]) -> dict[str, Origin]:
    """Positions where those of `palette.auth` and `palette.tls` stand for `auth` and `tls`, as far as these are written."""
    moved = {name: name.removeprefix("palette.") for name in origins if name.startswith("palette.")}
    instead = set(moved.values())
    kept = {name: at for name, at in origins.items() if name.partition(".")[0] not in instead}
    return {**kept, **{new: origins[name] for name, new in moved.items()}}


def _hint(error: RegistryError, spec: RegistrySpec) -> str | None:
    """What to do about it: not regsync's own login and trust are wrong, but those that Palette is to have."""
    login = f"spec.palette.auth ({spec.at('auth')}), which is the login that Palette is to have"
    refused = isinstance(error, AuthenticationFailed | PermissionDenied)
    if refused and spec.auth.method is AuthMethod.NONE:
        return f"the registry wants a login: name it in {login}"
    if isinstance(error, AuthenticationFailed):
        return f"check user name and secret in {login}"
    if isinstance(error, PermissionDenied):
        return f"it needs the right to read: see {login}"
    if isinstance(error, Unreachable) and "tls." in (error.hint or ""):
        at = spec.at("tls.caFile")
        return f"Palette trusts the authority in spec.palette.tls.caFile, by default that in spec.tls.caFile: see {at}"
    return error.hint
