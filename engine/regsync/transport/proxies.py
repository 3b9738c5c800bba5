"""Which proxy, if any, leads to a host: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, read as Go's tools do.

Knows the variables, no connections.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from regsync.model.errors import Unreachable
from regsync.transport.origins import Origin
from regsync.transport.redact import redact_url


class Proxies:
    """The proxies of an environment. Names in lower case win; loopback and link-local addresses, where clouds tell a
    machine its identity, are never reached through a proxy."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        def read(name: str) -> str:
            return (environment.get(name.lower()) or environment.get(name) or "").strip()

        everything = read("ALL_PROXY")
        self._by_scheme = {
            "https": read("HTTPS_PROXY") or everything,
            "http": read("HTTP_PROXY") or everything,
        }
        self._direct = [each.strip().lower() for each in read("NO_PROXY").split(",") if each.strip()]

    def url_for(self, origin: Origin) -> str | None:
        """The proxy's URL, which may hold a login; None for a direct connection. Raises Unreachable for SOCKS."""
        proxy = self._by_scheme[origin.scheme]
        if not proxy or self._is_direct(origin):
            return None
        url = proxy if "://" in proxy else f"http://{proxy}"
        if not _is_proxy(url):
            raise Unreachable(
                f"{origin}: the environment names the proxy {redact_url(url)}, which is no http or https URL",
                hint="set HTTPS_PROXY to an http or https URL, or add the host to NO_PROXY",
            )
        return url

    def _is_direct(self, origin: Origin) -> bool:
        host = origin.host.lower().rstrip(".")
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            address = None
        if host == "localhost" or (address and (address.is_loopback or address.is_link_local)):
            return True
        return any(_matches(entry, host, origin.port, address) for entry in self._direct)


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _matches(
    entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    """Whether a NO_PROXY entry covers a host: `*`, a name and all below it, an address, a network; with a port or not."""
    if entry == "*":
        return True
    if address:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            pass
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdigit() and not name.endswith(":"):
        if int(digits) != port:
            return False
        entry = name.strip("[]")
    name = entry.removeprefix("*").removeprefix(".")
    return host == name or (address is None and host.endswith(f".{name}"))
