"""Registrations in Palette and their synchronizations: whether each is as it is wanted, and what must come about first.
Knows no API."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from regsync.model.palette import (
    DesiredRegistration,
    LiveRegistration,
    LiveSync,
    Lookup,
    UnwantedRegistration,
    place_of,
)
from regsync.model.plan import Action, Cause, Change, Overrides, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Overwrite, SecretRef
from regsync.model.settings import Json, differing
from regsync.planner.compare import blocked, position
from regsync.planner.places import Document, name_place, path_of, shown

_NEW_UID = (
    "its uid changes: cluster profiles that refer to it by uid break until they are pointed to the new one"
)

_OF_DELETES = ("type", "provider", "endpoint", "baseContentPath")
"""What tells which registration goes."""


def compare_registration(
    desired: DesiredRegistration, found: Lookup, overrides: Overrides, document: Document
) -> Change:
    """The change that makes what Palette has under the name what is `desired`, as part of its document."""
    settings = _settings(desired, found)
    change = Change(
        address=desired.address,
        type=ResourceType.REGISTRATION,
        action=Action.CREATE,
        cause=Cause.UNKNOWN,
        reason=Reason.MISSING,
        why="Palette does not have it",
        origin=desired.spec.origin,
        after=settings,
        binding=desired.binding(),
    )
    live = found.live
    if live is None:
        return _creation(desired, found, change, document)
    change = replace(change, before=_before(live, settings))
    foreign = live.owner is not None and live.owner != desired.owner
    names = differing(settings, live.settings)
    if not names and not _sends_secrets(desired, overrides):
        kept = (f"belongs to {live.owner}; it is equal, so it is left as it is",) if foreign else ()
        return replace(change, action=Action.NO_OP, reason=Reason.EQUAL, why="equal", notes=kept)
    if live.is_default:
        return blocked(
            replace(change, action=Action.UPDATE),
            Reason.NAME_TAKEN,
            "Palette comes with a registry of this name, which nobody can change",
            _another_name(desired),
        )
    ours = live.owner == desired.owner
    change = _correction(change, names, ours=ours)
    moves = place_of(live.settings) != place_of(settings)
    if str(desired.address) not in overrides.adopt:
        if foreign:
            return blocked(
                change,
                Reason.OTHER_OWNER,
                f"{_difference(names)}, and it belongs to {live.owner}",
                f"agree with {live.owner} who keeps it, then take it over with --adopt {desired.address}",
            )
        if moves and not ours:
            return blocked(
                change,
                Reason.NAME_TAKEN,
                f"Palette has a registry of this name for {shown(live.settings)}, which nobody marked as ours",
                f"{_another_name(desired)}, or take it over with --adopt {desired.address}",
            )
    notes: tuple[str, ...] = ()
    if foreign:
        notes = (f"taken over from {live.owner} (--adopt)",)
    elif live.owner is None:
        notes = (f"carries no mark; this makes {desired.owner} its owner",)
    if moves:
        if obstacle := _in_the_way(desired, found, live, change, document):
            return obstacle
        if "baseContentPath" in names:
            notes = (_abandoned(live.settings, settings), *notes)
    return _unless_fixed(desired, replace(change, notes=notes), names)


def compare_absence(unwanted: UnwantedRegistration, found: Lookup, overrides: Overrides) -> Change:
    """The change that `palette.absent` asks for."""
    why = f"palette.absent at {position(unwanted.spec.origin)}"
    change = Change(
        address=unwanted.address,
        type=ResourceType.REGISTRATION,
        action=Action.NO_OP,
        cause=Cause.UNKNOWN,
        reason=Reason.EQUAL,
        why="absent, as the manifest says",
        origin=unwanted.spec.origin,
        binding=unwanted.binding(),
    )
    live = found.live
    if live is None:
        return change
    change = replace(
        change,
        action=Action.DELETE,
        reason=Reason.ABSENT,
        why=why,
        before=_before(live, dict.fromkeys(_OF_DELETES)),
        notes=("cluster profiles that refer to it break",),
    )
    if live.owner is None:
        change = replace(change, notes=("carries no mark: somebody may have made it by hand", *change.notes))
    if live.is_default:
        return blocked(
            change, Reason.NAME_TAKEN, f"{why}, but it is one that Palette comes with", "take the name out"
        )
    if live.owner not in (None, unwanted.owner) and str(unwanted.address) not in overrides.adopt:
        return blocked(
            change,
            Reason.OTHER_OWNER,
            f"{why}, but it belongs to {live.owner}",
            f"agree with {live.owner}, then delete it with --adopt {unwanted.address}",
        )
    return change


def compare_sync(
    desired: DesiredRegistration,
    found: Lookup,
    changes: Mapping[Address, Change],
    included: Collection[Address],
    elsewhere: Collection[Change] = (),
) -> Change | None:
    """The synchronization that a registration needs, if it synchronizes at all.

    `changes` are those of its document's default region, the registration's own among them, `included` the addresses of
    those that the plan will hold, `elsewhere` what of it is in other regions. None where Palette has no such
    registration and will not get one.
    """
    if not desired.synchronizes:
        return None
    registration = changes[desired.address]
    registers = registration.action.writes and desired.address in included
    if found.live is None and not registers:
        return None
    written = [
        each
        for each in changes.values()
        if each.type is ResourceType.ARTIFACT
        and each.action.writes
        and each.address in included
        and each.address.path.startswith(desired.prefix)
    ]
    known = frozenset[str]() if found.live is None or _is_made(registration) else found.live.listed
    coming = {each.address for each in written if each.action is not Action.DELETE}
    missing = [
        each
        for each in desired.listings
        if str(each) not in known and _is_live(changes.get(each.address)) and each.address not in coming
    ]
    confirm = [each for each in desired.listings if each.address in coming or each in missing]
    # A tag that is still to be moved in another region was moved here by a run that could not tell Palette so.
    moved = [each for each in elsewhere if _is_moved(each) and each.address.path.startswith(desired.prefix)]
    sync = found.live.sync if found.live else None
    reason, why = _need(registers, len(written) or len(moved), [str(each) for each in missing], sync)
    change = Change(
        address=desired.address.sync,
        type=ResourceType.SYNC,
        action=Action.NO_OP if reason is Reason.EQUAL else Action.UPDATE,
        cause=Cause.UNKNOWN,
        reason=reason,
        why=why,
        origin=desired.spec.origin,
        before={"status": sync.status, "message": sync.message, "lastSynced": sync.last_synced}
        if sync
        else None,
        after={
            "registry": desired.registry.name,
            "confirm": [str(each) for each in confirm],
            "force": bool(moved)
            or any(map(_is_moved, written))
            or desired.registry.policy.overwrite is Overwrite.ALLOW,
        },
        binding=desired.binding(),
    )
    if change.action.writes and registration.action is Action.BLOCKED and desired.address in included:
        return blocked(
            change,
            Reason.WITHHELD,
            f"{why}; withheld, since {desired.address} is blocked",
            "resolve that one first",
        )
    return change


def _settings(desired: DesiredRegistration, found: Lookup) -> Mapping[str, Json]:
    """What is wanted, the tenant's own external ID included where the manifest writes none."""
    settings = desired.spec.settings
    if settings.get("auth") != "sts" or "externalId" in settings:
        return settings
    return {**settings, "externalId": found.external_id}


def _before(live: LiveRegistration, names: Mapping[str, Json]) -> dict[str, Json]:
    return {"uid": live.uid, **{name: live.settings.get(name) for name in names}}


def _sends_secrets(desired: DesiredRegistration, overrides: Overrides) -> bool:
    auth = desired.spec.auth
    written = (
        auth.username,
        auth.password,
        auth.token,
        auth.aws.access_key_id,
        auth.aws.secret_access_key,
        auth.aws.session_token,
    )
    return str(desired.address) in overrides.send_secrets and any(isinstance(e, SecretRef) for e in written)


def _another_name(desired: DesiredRegistration) -> str:
    path, at = desired.spec.base_content_path, name_place(desired)
    return (
        f"choose another name for {path} in palette.names {at}"
        if path
        else f"choose another palette.name {at}"
    )


def _creation(desired: DesiredRegistration, found: Lookup, change: Change, document: Document) -> Change:
    if found.taken_by:
        why = f"{found.taken_by} has this name in Palette"
        return blocked(change, Reason.NAME_TAKEN, why, _another_name(desired))
    return _unless_twins(desired, found, change, document) or change


def _unless_twins(
    desired: DesiredRegistration, found: Lookup, change: Change, document: Document
) -> Change | None:
    """`change` blocked, where another registration has the wanted place and keeps it."""
    twins = document.twins(found)
    if not twins:
        return None
    return blocked(
        change,
        Reason.SAME_ENDPOINT,
        f"Palette has the same endpoint and base content path already, as {', '.join(twins)}",
        f"keep that name: {document.advice(desired)}; or remove that one (palette.absent)",
    )


def _in_the_way(
    desired: DesiredRegistration, found: Lookup, live: LiveRegistration, change: Change, document: Document
) -> Change | None:
    """`change` blocked, where it would move a registration to another place while the document wants its own under another
    name, or where another registration has the new place."""
    if other := document.successor(live):
        why = f"{live.name} is registered for {path_of(live.settings)}, which would be called {other.spec.name} now"
        return blocked(
            change, Reason.SAME_ENDPOINT, why, f"keep the names as they are: {document.advice(desired)}"
        )
    return _unless_twins(desired, found, change, document)


def _abandoned(before: Mapping[str, Json], after: Mapping[str, Json]) -> str:
    old, new = path_of(before), path_of(after)
    return f"it leaves {old} for {new}: cluster profiles that use what it lists of {old} lose that"


def _difference(names: Sequence[str]) -> str:
    if not names:
        return "its secrets are to be sent (--send-secrets)"
    *others, last = names
    return f"{', '.join(others)} and {last} differ" if others else f"{last} differs"


def _correction(change: Change, names: Sequence[str], *, ours: bool) -> Change:
    """The update of what differs. Versions of secrets stand in annotations beside our mark: without that it is not known
    who changed them."""
    only_versions = all(name.endswith(".version") for name in names)
    why = _difference(names) if names else "its secrets are sent anew (--send-secrets)"
    if names and only_versions:
        why += "; secrets are sent anew"
    return replace(
        change,
        action=Action.UPDATE,
        cause=Cause.MANIFEST if only_versions and ours else Cause.UNKNOWN,
        reason=Reason.SECRETS_SENT if only_versions else Reason.SETTINGS_DIFFER,
        why=why,
    )


def _fixed(names: Sequence[str], provider: Json) -> list[str]:
    """What Palette cannot change once a registration is there: its kind, what it holds, and for charts whether it
    synchronizes (Palette 4.10; before, that change was accepted and ignored)."""
    fixed = {"type", "provider"} if provider == "pack" else {"type", "provider", "synchronization"}
    return [name for name in names if name in fixed]


def _unless_fixed(desired: DesiredRegistration, change: Change, names: Sequence[str]) -> Change:
    fixed = _fixed(names, desired.spec.settings.get("provider"))
    if not fixed:
        return change
    why = f"{change.why}; {' and '.join(fixed)} cannot be changed"
    change = replace(
        change,
        action=Action.REPLACE,
        reason=Reason.FIXED_SETTING,
        why=f"{why}, so it is deleted and registered anew",
        notes=(_NEW_UID, *change.notes),
    )
    if desired.spec.replace:
        return change
    return blocked(
        change,
        Reason.FIXED_SETTING,
        f"{why}; only deleting and registering anew would do it, and policy.replacePalette: never forbids that",
        f"write what is live, or set policy.replacePalette: allow {desired.registry.place('policy.replacePalette')}",
    )


def _is_made(registration: Change) -> bool:
    return registration.action in (Action.CREATE, Action.REPLACE)


def _is_live(change: Change | None) -> bool:
    return change is not None and change.action is Action.NO_OP and change.before is not None


def _is_moved(change: Change) -> bool:
    """Whether a tag gets other content."""
    return change.type is ResourceType.ARTIFACT and change.action is Action.UPDATE


def _need(registers: bool, written: int, missing: Sequence[str], sync: LiveSync | None) -> tuple[Reason, str]:
    if written:
        changed = f"{written} artifact{'s' if written != 1 else ''}"
        also = ", and so does the registration" if registers else ""
        return (
            Reason.CONTENT_CHANGES,
            f"{changed} of the registry {'changes' if written == 1 else 'change'}{also}",
        )
    if registers:
        return Reason.REGISTRATION_CHANGES, "the registration changes"
    if sync and sync.failed:
        return Reason.SYNC_FAILED, f"the last sync failed: {sync.message or sync.status}"
    if sync and sync.hung:
        return Reason.SYNC_FAILED, f"the last sync has been running since {sync.last_run}"
    if sync is None or (not sync.last_synced and (sync.running or not sync.status)):
        return Reason.NOT_SYNCED, "it has never been synchronized"
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return Reason.NOT_LISTED, f"Palette does not list {shown}"
    return Reason.EQUAL, "Palette lists all of it"
