"""The operations of the Palette of the tests. Knows what each one does with what is held; who may ask, the server knows."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.support.palette_lister import BAD_LOGIN, Lister
from tests.support.palette_packs import Shelf, search, versions
from tests.support.palette_rules import (
    BASIC,
    ECR,
    PALETTES_ACCOUNT,
    Refusal,
    Registration,
    check_document,
    check_overwrite,
    check_spec,
    flattened,
    metadata_row,
    overwrite,
    registration,
    shown,
    summarized,
)
from tests.support.palette_swagger import Document
from tests.support.palette_sync import Clock, NotListed, Syncs

DEFAULT_REGISTRIES = ("Palette Registry", "Palette Community Registry")
PALETTES_OWN = "415789037893.dkr.ecr.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Asked:
    """One request whose form is right: the parameters of its path and its query, and its body."""

    arguments: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    def is_set(self, name: str) -> bool:
        return self.query.get(name) == "true"


@dataclass(frozen=True)
class Said:
    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return b"" if self.document is None else json.dumps(self.document).encode() + b"\n"


class Api:
    """`registrations` are those of the tenant and the default ones, `others` the rows of registries of other kinds.

    `version` decides what Palette refuses, and how. `keeps_annotations` and `loses_rows` are defects to be switched on:
    writes that lose all annotations, and searches that lose a row between two pages. `account` and `external_id` are what
    the trust policy of a role has to name.
    """

    def __init__(self, lister: Lister) -> None:
        self.lister = lister
        self.version = (4, 10)
        self.keeps_annotations = True
        self.loses_rows = False
        self.account = PALETTES_ACCOUNT
        self.external_id = f"external-{secrets.token_hex(8)}"
        self.clock = Clock()
        self.syncs = Syncs(lambda live: self.lister.packs(live.kind, live.spec), self.clock)
        self.registrations: list[Registration] = []
        self.others: list[Document] = [
            {"kind": kind, "name": name, "uid": uid, "isDefault": True, "isPrivate": False, "scope": "system"}
            for kind, name, uid in (("pack", "Public Repo", f"{1:024x}"), ("helm", "Bitnami", f"{2:024x}"))
        ]
        for name in DEFAULT_REGISTRIES:
            spec = {"endpoint": PALETTES_OWN, "isPrivate": True, "providerType": "pack", "scope": "system"}
            self.add(ECR, {"metadata": {"name": name}, "spec": spec}, is_default=True).document["status"] = (
                None
            )
        both = (BASIC, "v1BasicOciRegistries"), (ECR, "v1EcrRegistries")
        typed: Mapping[str, Callable[[str, Asked], Said]] = {
            "Create": self._create,
            "Validate": self._validate,
            "UidGet": self._get,
            "UidUpdate": self._update,
            "UidDelete": self._delete,
            "UidSync": self._sync,
            "UidSyncStatus": self._sync_status,
        }
        untyped: dict[str, Callable[[Asked], Said]] = {
            "v1OciRegistriesSummary": self._summary,
            "v1OciRegistriesGet": lambda asked: Said(200, flattened(self._find(asked.arguments["uid"]))),
            "v1RegistriesMetadata": self._metadata,
            "v1RegistriesUidDelete": partial(self._delete, ""),
            "V1AwsAccountStsGet": self._sts,
            "v1PacksNameRegistryUidList": self._versions,
            "v1PacksSearch": self._search,
            "v1PacksUid": self._pack,
        }
        self._operations = untyped | {
            f"{prefix}{name}": partial(each, kind) for kind, prefix in both for name, each in typed.items()
        }

    def handle(self, operation: str, asked: Asked) -> Said:
        """Carry out one operation. Raises Refusal."""
        return self._operations[operation](asked)

    def add(self, kind: str, sent: Document, *, is_default: bool = False) -> Registration:
        """Register what was sent as it is, and synchronize nothing."""
        new = registration(kind, sent, now=self.clock(), is_default=is_default)
        self.registrations.append(new)
        return new

    def _find(self, uid: str, kind: str = "") -> Registration:
        """Raises Refusal, also where the registry is of another kind."""
        for each in self.registrations:
            if each.uid == uid and kind in {"", each.kind}:
                return each
        raise Refusal(404, "ResourceNotFound", f"registry {uid} not found")

    def _create(self, kind: str, asked: Asked) -> Said:
        check_document(kind, asked.body or {}, self.version)
        name = asked.body.get("metadata", {}).get("name", "")
        if name in [*(each.name for each in self.registrations), *(each["name"] for each in self.others)]:
            raise Refusal(409, "DuplicateResource", f"A registry with the name {name} already exists")
        new = self.add(kind, self._kept(asked.body))
        if new.sync_status["isSyncSupported"] and not asked.is_set("skipPackSync"):
            self.syncs.start(new)
        return audited(201, {"uid": new.uid})

    def _validate(self, kind: str, asked: Asked) -> Said:
        check_spec(kind, asked.body)
        try:
            self.lister.greet(kind, asked.body)
        except NotListed as why:
            # Only of Helm registries, and only since 4.10, is it told what stood in the way.
            told = self.version >= (4, 10) and asked.body.get("providerType", "helm") == "helm"
            code = why.code if told else BAD_LOGIN
            message = str(why) if told else "Invalid registry credentials"
            raise Refusal(400, code, message) from None
        return audited(204)

    def _get(self, kind: str, asked: Asked) -> Said:
        return Said(200, shown(self._find(asked.arguments["uid"], kind)))

    def _update(self, kind: str, asked: Asked) -> Said:
        live = self._find(asked.arguments["uid"], kind)
        check_document(kind, asked.body or {}, self.version)
        check_overwrite(live, asked.body, self.version)
        overwrite(live, self._kept(asked.body), now=self.clock())
        return Said(204)

    def _delete(self, kind: str, asked: Asked) -> Said:
        live = self._find(asked.arguments["uid"], kind)
        if live.is_default:
            raise Refusal(403, "OperationForbidden", "Default registries cannot be deleted")
        self.registrations.remove(live)
        return Said(204)

    def _sync(self, kind: str, asked: Asked) -> Said:
        self.syncs.start(self._find(asked.arguments["uid"], kind), forced=asked.is_set("forceSync"))
        return audited(202)

    def _sync_status(self, kind: str, asked: Asked) -> Said:
        live = self._find(asked.arguments["uid"], kind)
        self.syncs.look(live)
        return Said(200, live.sync_status)

    def _kept(self, sent: Document) -> Document:
        if self.keeps_annotations:
            return sent
        return {**sent, "metadata": {**sent.get("metadata", {}), "annotations": {}}}

    def _summary(self, asked: Asked) -> Said:
        return Said(200, {"items": [summarized(each) for each in self.registrations]})

    def _metadata(self, asked: Asked) -> Said:
        rows = [*self.others, *(metadata_row(each) for each in self.registrations)]
        scope = asked.query.get("scope", "all")
        return Said(200, {"items": [each for each in rows if scope in {"all", each["scope"]}]})

    def _sts(self, asked: Asked) -> Said:
        partition = asked.query.get("partition", "aws")
        told = {"accountId": self.account, "externalId": self.external_id, "partition": partition}
        return Said(200, told)

    def _versions(self, asked: Asked) -> Said:
        shelf = shelf_of(self._find(asked.arguments["registryUid"]))
        packs = [each for each in shelf.packs if each.name == asked.arguments["packName"]]
        if not packs:
            raise Refusal(404, "ResourceNotFound", f"pack {asked.arguments['packName']} not found")
        return Said(200, versions(shelf, packs))

    def _search(self, asked: Asked) -> Said:
        shelves = [shelf_of(each) for each in self.registrations]
        return Said(200, search(shelves, asked.body or {}, asked.query, lossy=self.loses_rows))

    def _pack(self, asked: Asked) -> Said:
        for shelf in map(shelf_of, self.registrations):
            for pack in shelf.packs:
                if pack.uid == asked.arguments["uid"]:
                    return Said(200, versions(shelf, [pack]))
        raise Refusal(404, "ResourceNotFound", f"pack {asked.arguments['uid']} not found")


def audited(status: int, document: Any = None) -> Said:
    """An answer to what Palette keeps in its audit log."""
    return Said(status, document, {"AuditUid": secrets.token_hex(12)})


def shelf_of(live: Registration) -> Shelf:
    return Shelf(live.uid, live.name, live.spec.get("scope", ""), list(live.packs.values()))
