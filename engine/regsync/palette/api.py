"""Palette's API for OCI registries and what they list: its paths, forms and pages. Knows nothing of what is desired.

Paths and forms are those of its API description ("Palette APIs - 4.8"). Every request is of the tenant's scope: none names
a project.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from regsync.model.diagnostic import Origin as Position
from regsync.model.errors import ProtocolError, Unsupported
from regsync.model.palette import PaletteSpec
from regsync.model.registry import Auth, AuthMethod, SecretRef, Tls
from regsync.palette.failures import RETRIED, failure, not_palette
from regsync.palette.pace import Pace
from regsync.palette.wire import Document, part, text
from regsync.transport.client import Transport
from regsync.transport.credentials import Credential, Kind, resolve
from regsync.transport.messages import Bytes, Response, is_page
from regsync.transport.origins import Origin
from regsync.transport.wire import Timeouts

TYPES: Final = ("basic", "ecr")
PAGE = 50
"""Packs to ask for at once: the most that Palette gives."""
MOST_PAGES = 1000
PARTITIONS = ("aws", "aws-us-gov")
"""The partitions of which Palette tells from what account it assumes roles there."""

_ROOT = "/v1/registries"
_SEARCH = "/v1/packs/search"
_SEARCHES = frozenset({f"POST {_SEARCH}"})
_VALIDATIONS = frozenset(f"POST {_ROOT}/oci/{type_}/validate" for type_ in TYPES)
_JSON = "application/json"
_LIMIT = 32 * 2**20  # a pack's values and readme come with each of its versions
_TIMEOUTS = Timeouts(connect=10, read=30, write=30, stored=30)


@dataclass(frozen=True, slots=True)
class Named:
    """A registry of whichever kind (`oci`, `helm`, `pack`), as the list of all names has it."""

    kind: str
    name: str
    uid: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """An OCI registry as their list has it. `type` is `basic` or `ecr`."""

    name: str
    uid: str
    type: str
    provider: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a pack or chart that Palette lists."""

    tag: str
    version: str
    pack_uid: str


@dataclass(frozen=True, slots=True)
class Host:
    """A Palette, in the words of `transport.server.Server`."""

    endpoint: str
    tls: Tls
    at: Callable[[str], Position]
    base_path: str = ""
    connect_to: str | None = None
    auth: Auth = field(default_factory=lambda: Auth(AuthMethod.NONE))

    @property
    def shown_endpoint(self) -> str:
        return self.endpoint


class Key:
    """The API key, looked up when it is first needed; see `transport.credentials.Logins`."""

    def __init__(self, reference: SecretRef, environment: Mapping[str, str]) -> None:
        self._reference = reference
        self._environment = environment
        self._known: Credential | None = None

    def current(self) -> Credential:
        if self._known is None:
            secret = resolve(self._reference, self._environment)
            self._known = Credential(Kind.KEY, secret, str(self._reference), header="ApiKey")
        return self._known

    def renewed(self, refused: Credential) -> Credential:
        return refused  # a key stays what it is


class PaletteApi:
    """The API of one Palette. Thread-safe. Its methods raise RegistryErrors: NotFound only in Palette's own words.

    `type_` is `basic` or `ecr`: one's paths know no registry of the other.
    """

    def __init__(
        self,
        spec: PaletteSpec,
        environment: Mapping[str, str],
        trace: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._host = Host(spec.host, spec.tls, spec.at)
        self.http = Transport(
            self._host,
            environment=environment,
            read_only=True,
            greets=False,
            explain=failure,
            retried=RETRIED,
            harmless=_SEARCHES,
            logins=Key(spec.api_key, environment),
            pace=Pace(clock, sleep),
            log=trace,
            timeouts=_TIMEOUTS,
            clock=clock,
            sleep=sleep,
        )

    def allow_validations(self) -> None:
        """Let registrations be validated, though nothing may be written: Palette stores nothing of them."""
        self.http.harmless = _SEARCHES | _VALIDATIONS

    def names(self) -> list[Named]:
        """The registries of all kinds and scopes."""
        # The query is heeded for the scope only, and there are no pages.
        return [
            Named(text(each, "kind"), text(each, "name"), text(each, "uid"), each.get("isDefault") is True)
            for each in self._items(self._get(f"{_ROOT}/metadata?scope=all"))
        ]

    def summaries(self) -> list[Summary]:
        """The OCI registries of both types."""
        found = []
        for each in self._items(self._get(f"{_ROOT}/oci/summary")):
            metadata, spec = part(each, "metadata"), part(each, "spec")
            found.append(
                Summary(
                    name=text(metadata, "name"),
                    uid=text(metadata, "uid"),
                    type=text(spec, "registryType").lower(),
                    provider=text(spec, "providerType") or "helm",
                    endpoint=text(spec, "endpoint"),
                )
            )
        return found

    def registry(self, type_: str, uid: str) -> Document:
        """A registry with `metadata`, `spec` and `status`, secrets masked."""
        document = self._object(self._get(_path(type_, uid)))
        self._make_fit(part(document, "status", "syncStatus"))
        return document

    def validate(self, type_: str, spec: Document) -> None:
        """Have Palette try a registry. Raises what it says against it."""
        self._write("POST", f"{_ROOT}/oci/{type_}/validate", spec, {204})

    def create(self, type_: str, body: Document) -> str:
        """Register a registry, without a first synchronization. Returns its uid.

        Tried once only: what broke off may have been done all the same.
        """
        path = f"{_ROOT}/oci/{type_}?skipPackSync=true"
        response = self._write("POST", path, body, {201}, retry=False)
        uid = text(self._object(response), "uid")
        if not uid:
            raise ProtocolError(f"POST {response.url}: {response.status} without a uid")
        return uid

    def update(self, type_: str, uid: str, body: Document) -> None:
        """Overwrite a registry. Raises NotFound where there is none."""
        self._write("PUT", _path(type_, uid), body, {204})

    def delete(self, type_: str, uid: str) -> None:
        """Remove a registry. Raises NotFound where there is none."""
        self.http.request("DELETE", _path(type_, uid), accept=_JSON, expect={204})

    def start_sync(self, type_: str, uid: str, *, force: bool) -> None:
        """Have a registry synchronized; with `force` in the stead of a run that is under way."""
        query = f"?forceSync={'true' if force else 'false'}"
        path = f"{_path(type_, uid)}/sync{query}"
        self.http.request("POST", path, accept=_JSON, expect={202})

    def sync_status(self, type_: str, uid: str) -> Document:
        """How the synchronization of a registry goes, or went."""
        status = self._object(self._get(f"{_path(type_, uid)}/sync/status"))
        self._make_fit(status)
        return status

    def latest(self, uids: Collection[str]) -> dict[str, dict[str, str]]:
        """The newest version of every pack and chart of some registries: by their uid, by name. A name may be missing: a row
        is lost now and then where pages follow each other."""
        found: dict[str, dict[str, str]] = {uid: {} for uid in uids}
        if not found:
            return found
        wanted = {"filter": {"registryUid": [*found]}, "sort": [{"field": "name", "order": "asc"}]}
        for page in self._pages(_SEARCH, wanted):
            for each in page:
                spec = part(each, "spec")
                for registry in spec.get("registries") or ():
                    uid = text(registry, "uid") if isinstance(registry, dict) else ""
                    if uid in found:
                        found[uid][text(spec, "name")] = text(registry, "latestVersion")
        return found

    def pack(self, name: str, uid: str) -> Document:
        """A pack or chart of a registry, with all its versions. Raises NotFound where Palette lists none."""
        return self._object(self._get(f"/v1/packs/{quote(name, safe='')}/registries/{quote(uid, safe='')}"))

    def pack_version(self, pack_uid: str) -> Document:
        """One version of a pack or chart."""
        return self._object(self._get(f"/v1/packs/{quote(pack_uid, safe='')}"))

    def sts(self, partition: str) -> tuple[str, str]:
        """The account from which Palette assumes roles, and the tenant's external ID."""
        if partition not in PARTITIONS:
            raise Unsupported(
                f"Palette tells no account and external ID for the partition {partition}",
                hint="write the external ID that Palette's form shows into `palette.auth.externalId`",
            )
        response = self._get(f"/v1/clouds/aws/account/sts?partition={partition}")
        document = self._object(response)
        account, external_id = text(document, "accountId"), text(document, "externalId")
        if not (account and external_id):
            raise ProtocolError(f"GET {response.url}: {response.status} without an account and external ID")
        return account, external_id

    def _make_fit(self, status: Document) -> None:
        """Make the message of a synchronization fit for plans: it tells of logins that failed in the registry's words."""
        if message := text(status, "message"):
            status["message"] = self.http.redact(message)

    def _get(self, path: str) -> Response:
        return self.http.request("GET", path, accept=_JSON, expect={200}, limit=_LIMIT)

    def _write(
        self, method: str, path: str, body: Document, expect: Collection[int], *, retry: bool = True
    ) -> Response:
        return self.http.request(
            method,
            path,
            accept=_JSON,
            headers={"Content-Type": _JSON},
            body=Bytes(json.dumps(body).encode()),
            expect=expect,
            limit=_LIMIT,
            retry=retry,
        )

    def _pages(self, path: str, body: Document) -> Iterator[list[Document]]:
        following = ""
        for _ in range(MOST_PAGES):
            query = f"?limit={PAGE}" + (f"&continue={quote(following, safe='')}" if following else "")
            response = self._write("POST", path + query, body, {200})
            yield self._items(response)
            following = text(part(self._object(response), "listmeta"), "continue")
            if not following:
                return
        raise ProtocolError(f"POST {path}: the pages do not come to an end ({MOST_PAGES} read)")

    def _items(self, response: Response) -> list[Document]:
        """The objects of a list. An empty one may be null."""
        items = self._object(response).get("items", "")
        if items is None:
            return []
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise not_palette(response, self._host, "without a list of objects")
        return items

    def _object(self, response: Response) -> Document:
        """The object that Palette itself has answered."""
        if not response.url.startswith(f"{Origin.parse(self._host.endpoint)}/"):
            raise not_palette(response, self._host, "from where a redirect led to")
        try:
            document: Any = json.loads(response.body)
        except (ValueError, RecursionError):
            page = is_page(response.content_type, response.body)
            why = "with a page of HTML" if page else "with a body that is no JSON"
            raise not_palette(response, self._host, why) from None
        if not isinstance(document, dict):
            raise not_palette(response, self._host, "without an object")
        return document


def _path(type_: str, uid: str) -> str:
    return f"{_ROOT}/oci/{quote(uid, safe='')}/{type_}"
