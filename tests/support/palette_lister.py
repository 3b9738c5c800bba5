"""Palette's own visits to the registries that it was told of: really over HTTP, with the login of the registration.

Knows basic registries and Amazon ECR (private); which images are packs, the reader beside it knows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import trustme

from tests.support.palette_packs import Pack
from tests.support.palette_reader import IMAGE_MANIFEST, NotTaken, read_chart, read_pack
from tests.support.palette_rules import BASIC
from tests.support.palette_swagger import Document
from tests.support.palette_sync import NotListed

BAD_LOGIN = "InvalidRegistryCredentials"
UNREACHABLE, TIMEOUT = "RegistryUnreachable", "RegistryTimeout"
ARCHIVE = "spectro-packs/archive"
PAGE = 3
"""So few a page that every listing that is worth a test has a second one."""


class Lister(Protocol):
    """Who goes to registries for Palette. Raises NotListed."""

    def greet(self, kind: str, spec: Document) -> None: ...
    def packs(self, kind: str, spec: Document) -> list[Pack]: ...


class FixedLister:
    """Finds what a test has put here, in every registry, and goes nowhere."""

    def __init__(self, *found: Pack) -> None:
        self.found = list(found)

    def greet(self, kind: str, spec: Document) -> None:
        """Every registry is well."""

    def packs(self, kind: str, spec: Document) -> list[Pack]:
        return list(self.found)


class Registry(Protocol):
    """What Palette reads of one registry. `names` are the repositories beneath a path."""

    def greet(self) -> None: ...
    def names(self, beneath: str) -> list[str]: ...
    def tags(self, repository: str) -> list[str]: ...
    def get(self, path: str) -> bytes: ...


class Web:
    """HTTP as Palette speaks it to one host, whose TLS settings are those of the registration.

    `connect` leads host names (globs) to URLs on loopback, Host header and TLS name being the real ones; no other host
    exists. `trusted` is what Palette trusts besides the registration's certificate.
    """

    def __init__(
        self, connect: Mapping[str, str], tls: Document, trusted: trustme.CA | None, seconds: float
    ) -> None:
        self._connect = connect
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if tls.get("certificate"):
            context.load_verify_locations(cadata=tls["certificate"])
        if trusted:
            trusted.configure_trust(context)
        if tls.get("insecureSkipVerify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._client = httpx.Client(verify=context, timeout=seconds, trust_env=False)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes = b""
    ) -> httpx.Response:
        """Send one request. Raises NotListed where there is no answer."""
        host = urlsplit(url).netloc
        there = next((to for glob, to in self._connect.items() if fnmatchcase(host, glob)), None)
        to = f"{there}{url.partition(host)[2]}" if there else url
        if not there and not host.startswith(("127.0.0.1", "localhost")):
            raise NotListed(UNREACHABLE, f"lookup {host}: no such host")
        name = {"sni_hostname": host.partition(":")[0]} if there else {}
        try:
            answer = self._client.request(
                method, to, headers={**headers, "Host": host}, content=data, extensions=name
            )
        except httpx.TimeoutException:
            raise NotListed(TIMEOUT, f"{host}: context deadline exceeded") from None
        except httpx.HTTPError as why:
            raise NotListed(UNREACHABLE, f"{host}: {why}") from None
        if answer.is_redirect:  # to where blobs are kept, which must not be shown the login
            return self("GET", str(httpx.URL(url).join(answer.headers["Location"])), {})
        return answer

    def close(self) -> None:
        self._client.close()


class BasicRegistry:
    """A registry that lists its catalogue and logs in by Basic or by a token service."""

    def __init__(self, web: Web, spec: Document) -> None:
        self._web = web
        self._url = spec["endpoint"].rstrip("/").removesuffix("/v2") + (spec.get("basePath") or "").rstrip(
            "/"
        )
        if not self._url.startswith(("https://", "http://")):
            raise NotListed(UNREACHABLE, f"unsupported protocol scheme in {spec['endpoint']}")
        self._auth: Document = spec.get("auth") or {}
        self._scope = ""

    def greet(self) -> None:
        self.get("/v2/")

    def names(self, beneath: str) -> list[str]:
        self._scope = "registry:catalog:*"
        every = self._pages("/v2/_catalog", "repositories")
        return [each for each in every if each.startswith(f"{beneath}/")]

    def tags(self, repository: str) -> list[str]:
        self._scope = f"repository:{repository}:pull"
        return self._pages(f"/v2/{repository}/tags/list", "tags")

    def get(self, path: str) -> bytes:
        return checked(self._ask(path)).content

    def _pages(self, path: str, key: str) -> list[str]:
        items: list[str] = []
        following: str | None = f"{path}?n={PAGE}"
        while following:
            answer = self._ask(following)
            if answer.status_code == 404:  # a repository whose last tag is gone
                break
            items += checked(answer).json()[key] or ()
            link = answer.links.get("next", {}).get("url")
            following = link and f"{urlsplit(link).path}?{urlsplit(link).query}"
        return items

    def _ask(self, path: str) -> httpx.Response:
        answer = self._web("GET", f"{self._url}{path}", self._login())
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status_code == 401 and challenge.startswith("Bearer "):
            answer = self._web("GET", f"{self._url}{path}", self._token(challenge))
        return answer

    def _login(self) -> dict[str, str]:
        headers = {"Accept": IMAGE_MANIFEST}
        if self._auth.get("type") == "token":
            headers["Authorization"] = f"Bearer {self._auth.get('token', '')}"
        if self._auth.get("type") == "basic":
            headers["Authorization"] = basic(self._auth.get("username", ""), self._auth.get("password", ""))
        return headers

    def _token(self, challenge: str) -> dict[str, str]:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = {"service": asked.get("service", ""), "scope": asked.get("scope", self._scope)}
        url = httpx.URL(asked["realm"], params={name: value for name, value in query.items() if value})
        given = checked(self._web("GET", str(url), self._login())).json()
        token = given.get("token") or given["access_token"]
        return {"Accept": IMAGE_MANIFEST, "Authorization": f"Bearer {token}"}


class RealLister:
    """Goes to the registries. `connect` and `trusted` as in Web; `open_ecr` enters Amazon ECR. `skipped` has what was found
    and not taken, and why; a request takes `seconds` at most."""

    def __init__(
        self,
        connect: Mapping[str, str] | None = None,
        *,
        trusted: trustme.CA | None = None,
        open_ecr: Callable[[Web, Document], Registry] | None = None,
        seconds: float = 10.0,
    ) -> None:
        self.connect = dict(connect or {})
        self.seconds = seconds
        self.skipped: list[str] = []
        self._trusted = trusted
        self._open_ecr = open_ecr

    def greet(self, kind: str, spec: Document) -> None:
        """Log in. Raises NotListed."""
        with closing(self._web(kind, spec)) as web:
            self._open(kind, web, spec).greet()

    def packs(self, kind: str, spec: Document) -> list[Pack]:
        """List what the registry holds. Raises NotListed."""
        with closing(self._web(kind, spec)) as web:
            return list(self._found(self._open(kind, web, spec), spec))

    def _web(self, kind: str, spec: Document) -> Web:
        place = spec.get("auth") if kind == BASIC else spec
        return Web(self.connect, (place or {}).get("tls") or {}, self._trusted, self.seconds)

    def _open(self, kind: str, web: Web, spec: Document) -> Registry:
        if kind == BASIC:
            return BasicRegistry(web, spec)
        if self._open_ecr is None:
            raise NotListed(UNREACHABLE, "there is no AWS here")
        return self._open_ecr(web, spec)

    def _found(self, registry: Registry, spec: Document) -> Iterator[Pack]:
        base = (spec.get("baseContentPath") or "").strip("/")
        holds_packs = spec.get("providerType") == "pack"
        beneath = f"{base}/{ARCHIVE}".strip("/") if holds_packs else base
        for repository in registry.names(beneath):
            path = repository.removeprefix(f"{beneath}/")
            if holds_packs and "/" in path:
                continue
            for tag in registry.tags(repository):
                try:
                    manifest = image(registry, repository, tag)
                    read = read_pack if holds_packs else read_chart
                    yield read(path, tag, manifest, partial(blob, registry, repository))
                except NotTaken as why:
                    self.skipped.append(str(why))


def image(registry: Registry, repository: str, tag: str) -> Document:
    """The image manifest under a tag. Raises NotTaken where there is another document."""
    manifest: Document = json.loads(registry.get(f"/v2/{repository}/manifests/{tag}"))
    kind = manifest.get("mediaType", IMAGE_MANIFEST)
    if kind != IMAGE_MANIFEST or "config" not in manifest:
        raise NotTaken(f"{repository}:{tag}: a document of type {kind}")
    return manifest


def blob(registry: Registry, repository: str, digest: str) -> bytes:
    """The bytes of a blob, which must be those that were asked for."""
    data = registry.get(f"/v2/{repository}/blobs/{digest}")
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise NotTaken(f"{repository}: {found} was given for {digest}")
    return data


def checked(answer: httpx.Response) -> httpx.Response:
    """The answer itself. Raises NotListed where it is a refusal, or no registry's."""
    if answer.status_code in {401, 403}:
        raise NotListed(BAD_LOGIN, f"{answer.url.path}: {answer.status_code} {answer.reason_phrase}")
    if answer.status_code != 200:
        raise NotListed(UNREACHABLE, f"{answer.url.path}: {answer.status_code} {answer.reason_phrase}")
    return answer


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
