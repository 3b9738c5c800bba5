"""What a report says of registrations in Palette and of their synchronizations. Certificates are told by fingerprints,
secrets by their versions: it knows no more of them."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping

from regsync.model.plan import Action, Change, ResourceType
from regsync.model.reference import sha256_digest
from regsync.model.settings import Json, differing

IN_PALETTE = (ResourceType.REGISTRATION, ResourceType.SYNC)

MOST_LISTED = 5
"""Packs and charts that are named unless everything is asked for."""

_VERSION = ".version"
_REGISTRY = (
    "type",
    "provider",
    "endpoint",
    "basePath",
    "baseContentPath",
    "defaultRegion",
    "private",
    "synchronization",
)
_TRUST = ("certificate", "insecureSkipVerify")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def facts(change: Change, *, full: bool) -> list[tuple[str, str]]:
    """What there is to say of a change in Palette, each fact with its name in front; nothing where nothing changes."""
    if change.action is Action.NO_OP:
        return []
    return list(_sync(change, full) if change.type is ResourceType.SYNC else _registration(change, full))


def to_be_listed(change: Change, *, full: bool) -> str:
    """What Palette must list after a synchronization, of what changes or is missing."""
    names = (change.after or {}).get("confirm")
    if not isinstance(names, list):
        return ""
    shown = names if full else names[:MOST_LISTED]
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return ", ".join(map(str, shown)) + more


def show_setting(name: str, value: Json, *, full: bool) -> str:
    """The value of a setting of a registration."""
    if value is None or value == "":
        return "none"
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _fingerprint(value, full) if name == "certificate" else value


def _registration(change: Change, full: bool) -> Iterable[tuple[str, str]]:
    before, after = change.before, change.after
    if palette := change.binding.get("palette"):
        yield "in", f"{palette}   as {change.address.registration}"
    if before is not None and Action.REPLACE in (change.action, change.wanted):
        yield "uid", f"{before.get('uid')} → a new one"
    elif before is not None and after is None:
        yield "uid", str(before.get("uid"))
    if before is None or after is None:
        yield from _groups(after or before or {}, full)
        return
    for name in differing(after, before):
        sides = [show_setting(name, each, full=full) for each in (before.get(name), after[name])]
        anew = f"   the {name.removesuffix(_VERSION)} is sent anew" if name.endswith(_VERSION) else ""
        yield name, " → ".join(sides) + anew


def _groups(settings: Mapping[str, Json], full: bool) -> Iterable[tuple[str, str]]:
    """All settings that say something: the registry, how Palette logs in there, and what it trusts."""
    settings = {name: value for name, value in settings.items() if value not in ("", None)}
    others = (each for each in settings if each not in (*_REGISTRY, *_TRUST, "uid"))
    login = sorted(others, key=lambda each: (each.endswith(_VERSION), each != "auth", each))
    for title, names in (("with", _REGISTRY), ("login", login), ("tls", _TRUST)):
        told = [
            f"{each} {show_setting(each, settings[each], full=full)}" for each in names if each in settings
        ]
        if told:
            yield title, " · ".join(told)


def _sync(change: Change, full: bool) -> Iterable[tuple[str, str]]:
    before, after = change.before or {}, change.after or {}
    if names := to_be_listed(change, full=full):
        yield "to be listed", names
    if after.get("force"):
        yield "by force", "since Palette lists already what is overwritten"
    status, message, synced = (before.get(each) or "" for each in ("status", "message", "lastSynced"))
    said = f"{status}: {message}" if message and str(message) not in change.why else str(status)
    if told := [each for each in (said, f"synchronized at {synced}" if synced else "") if each]:
        yield "last sync", ", ".join(told)


def _fingerprint(pem: str, full: bool) -> str:
    """One certificate by what `openssl x509 -fingerprint -sha256` prints, several by a digest of them all."""
    bodies = _PEM.findall(pem)
    try:
        digest = sha256_digest(b"".join(map(b64decode, bodies)) if bodies else pem.encode())
    except ValueError:
        digest = sha256_digest(pem.encode())
    kind = {0: "no PEM", 1: "PEM"}.get(len(bodies), f"{len(bodies)} × PEM")
    return f"{kind} {digest if full else digest[:19] + '…'}"
