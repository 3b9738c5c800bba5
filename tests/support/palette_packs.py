"""What Palette lists of its registries: packs and charts, and how it answers those who look for them."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.support.palette_swagger import Document

LARGEST_PAGE = 50

_UIDS = itertools.count(1)


@dataclass(frozen=True)
class Pack:
    """One version of a pack, or of a chart, whose name is its path below the base content path."""

    name: str
    version: str
    values: str = ""
    display_name: str = ""
    layer: str = "addon"
    tag: str = ""
    readme: str = ""
    addon_type: str = ""
    cloud_types: Sequence[str] = ("all",)
    uid: str = field(default_factory=lambda: f"{next(_UIDS):024x}", compare=False)


@dataclass(frozen=True)
class Shelf:
    """What one registry was found to have."""

    uid: str
    name: str
    scope: str
    packs: Sequence[Pack]


def versions(shelf: Shelf, packs: Sequence[Pack]) -> Document:
    """The answer that tells of some versions of one pack of a registry; what is empty is left out, as Go does it."""
    newest = packs[-1]
    told = {"addonType": newest.addon_type, "displayName": newest.display_name or newest.name}
    return {
        "name": newest.name,
        "layer": newest.layer,
        "registryUid": shelf.uid,
        "cloudTypes": list(newest.cloud_types),
        **{name: value for name, value in told.items() if value},
        "tags": [
            {
                "tag": each.tag or each.version,
                "version": each.version,
                "packUid": each.uid,
                "parentTags": None,
            }
            for each in packs
        ],
        "packValues": [_values(each) for each in packs],
    }


def _values(pack: Pack) -> Document:
    told = {"values": pack.values, "readme": pack.readme}
    empty = {"presets": None, "schema": None, "template": None}
    return {"packUid": pack.uid, **{name: value for name, value in told.items() if value}, **empty}


def search(shelves: Iterable[Shelf], wanted: Document, query: Mapping[str, str], *, lossy: bool) -> Document:
    """A page of the packs that fit a filter, one row for a name; with `lossy` a row is lost between two pages."""
    rows: dict[str, Document] = {}
    for shelf in shelves:
        for name, packs in itertools.groupby(
            sorted(shelf.packs, key=lambda each: each.name), key=lambda each: each.name
        ):
            newest = list(packs)[-1]
            if not _fits(newest, shelf, wanted.get("filter", {})):
                continue
            place = {"uid": shelf.uid, "name": shelf.name, "scope": shelf.scope, "annotations": None}
            place |= {"latestVersion": newest.version, "latestPackUid": newest.uid}
            row = rows.setdefault(name, _row(newest))
            row["spec"]["registries"].append(place)
    return _page(_sorted(list(rows.values()), wanted.get("sort", ())), query, lossy=lossy)


def _row(pack: Pack) -> Document:
    spec = {
        "name": pack.name,
        "displayName": pack.display_name or pack.name,
        "layer": pack.layer,
        "type": "oci",
        "addonType": pack.addon_type,
        "cloudTypes": list(pack.cloud_types),
        "registries": [],
    }
    return {
        "kind": "pack",
        "metadata": {"name": pack.name, "uid": pack.uid, "annotations": None},
        "spec": spec,
    }


def _fits(pack: Pack, shelf: Shelf, wanted: Document) -> bool:
    among = {
        "registryUid": shelf.uid,
        "layer": pack.layer,
        "type": "oci",
        "addOnType": pack.addon_type,
    }
    texts = {"name": pack.name, "displayName": pack.display_name or pack.name}
    listed = (value in wanted[name] for name, value in among.items() if wanted.get(name))
    named = (_is_named(wanted[name], value) for name, value in texts.items() if wanted.get(name))
    return all(listed) and all(named)


def _is_named(wanted: Document, text: str) -> bool:
    def folded(value: str) -> str:
        return value.lower() if wanted.get("ignoreCase", True) else value

    said = folded(text)
    given = {name: folded(value) for name, value in wanted.items() if name != "ignoreCase"}
    return (
        given.get("eq", said) == said
        and given.get("ne") != said
        and given.get("contains", "") in said
        and said.startswith(given.get("beginsWith", ""))
    )


def _sorted(rows: Sequence[Document], by: Sequence[Document]) -> list[Document]:
    """By name, where nothing else is asked for."""
    ordered = list(rows)
    for each in [*reversed(by)] or [{"field": "name"}]:
        ordered.sort(key=partial(_text, each["field"]), reverse=each.get("order") == "desc")
    return ordered


def _text(field: str, row: Document) -> str:
    return str(row["spec"][field])


def _page(rows: Sequence[Document], query: Mapping[str, str], *, lossy: bool) -> Document:
    """`continue` hides how far the list was read; it is empty at its end."""
    limit = min(int(query.get("limit", LARGEST_PAGE)), LARGEST_PAGE)
    start = int(query.get("offset", 0))
    if query.get("continue"):
        start = int(base64.b64decode(query["continue"])) + lossy
    end = start + limit
    following = base64.b64encode(str(end).encode()).decode() if end < len(rows) else ""
    listmeta = {"continue": following, "count": len(rows), "limit": limit, "offset": start}
    return {"items": list(rows[start:end]), "listmeta": listmeta}
