"""Which hosts may see credentials: REGSYNC_ALLOW_HOSTS, and the rules for token realms and upload locations.

Knows addresses and the user's word, no secrets and no connections.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from fnmatch import fnmatchcase

from regsync.model.errors import AuthenticationFailed, ProtocolError
from regsync.transport.origins import Endpoint, Origin, Target, is_downgrade
from regsync.transport.redact import redact_url

ALLOW_HOSTS = "REGSYNC_ALLOW_HOSTS"


class AllowedHosts:
    """The hosts that REGSYNC_ALLOW_HOSTS names: globs on `host` or `host:port`, apart by commas or spaces."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._patterns = [
            each for each in re.split(r"[\s,]+", environment.get(ALLOW_HOSTS, "").lower()) if each
        ]

    def check(self, origin: Origin) -> None:
        """Raise AuthenticationFailed where the variable is set and does not name this host."""
        host = origin.host.lower()
        names = (host, f"{host}:{origin.port}")
        if self._patterns and not any(fnmatchcase(name, each) for each in self._patterns for name in names):
            raise AuthenticationFailed(
                f"no credentials are sent to {origin}: {ALLOW_HOSTS} does not name this host",
                hint=f"if the host is to be trusted, add {host if origin.port == 443 else names[1]} to {ALLOW_HOSTS}; "
                "`regsync endpoints` lists all that are needed",
            )


def is_internal(host: str) -> bool:
    """Whether a host is a literal address that is not on the public internet: loopback, private, link-local, …

    Short and numeric forms (`127.1`, `0x7f000001`) count, since resolvers take them for addresses. Other names are
    not resolved.
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        if not re.fullmatch(r"[0-9a-fx.]+", name):
            return False
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))
        except OSError:
            return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_global


def realm_target(realm: str, endpoint: Endpoint, base: Target) -> Target:
    """Where tokens are to be had, if a registry at `endpoint` may send its clients there.

    A realm is the registry's word, so it could point logins at hosts that only this machine reaches, or make them
    travel in the clear. Raises AuthenticationFailed then.
    """
    try:
        target = endpoint.target(realm, base)
    except ValueError as error:
        raise AuthenticationFailed(
            f"{endpoint.origin} asks for a login at a realm that is no URL: {error}"
        ) from None
    if target.own:
        return target
    shown = redact_url(target.url)
    if is_downgrade(base, target) or (target.origin.scheme == "http" and not _same_host(endpoint, target)):
        raise AuthenticationFailed(
            f"{endpoint.origin} asks for a login over plain HTTP at {shown}; refused",
            hint="the registry's own external URL is probably configured with http:// instead of https://",
        )
    if is_internal(target.origin.host) and not _same_host(endpoint, target):
        raise AuthenticationFailed(
            f"{endpoint.origin} asks for a login at the internal address {shown}; refused",
            hint="the registry's token realm must be a host name or the registry's own address",
        )
    return target


def upload_target(location: str, endpoint: Endpoint, base: Target) -> Target:
    """Where an upload goes on. Another origin is reached without credentials, and only over TLS.

    Raises ProtocolError for a location that would leave TLS or points at an internal address.
    """
    try:
        target = endpoint.target(location, base)
    except ValueError as error:
        raise ProtocolError(f"{endpoint.origin} sends us to what is no URL: {error}") from None
    if target.own:
        return target
    shown = redact_url(target.url)
    if target.origin.scheme == "http":
        raise ProtocolError(
            f"{endpoint.origin} sends us to {shown} over plain HTTP; refused",
            hint="a proxy before the registry should pass on Host and X-Forwarded-Proto",
        )
    if is_internal(target.origin.host) and not _same_host(endpoint, target):
        raise ProtocolError(f"{endpoint.origin} sends us to the internal address {shown}; refused")
    return target


def _same_host(endpoint: Endpoint, target: Target) -> bool:
    return target.origin.host in {endpoint.origin.host, endpoint.connect.host}
