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
)
from regsync.model.plan import Action, Cause, Change, Overrides, Reason, ResourceType
from regsync.model.reference import Address
from regsync.model.registry import Overwrite, SecretRef
from regsync.model.settings import Json, differing
from regsync.planner.compare import blocked, position

_NEW_UID = (
    "its uid changes: cluster profiles that refer to it by uid break until they are pointed to the new one"
)


def compare_registration(desired: DesiredRegistration, found: Lookup, overrides: Overrides) -> Change:
    """The change that makes what Palette has under the name what is `desired`."""
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
        return _creation(desired, found, change)
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
            f"choose another palette.name {desired.registry.place('palette.name')}",
        )
    change = _correction(change, names)
    if foreign and str(desired.address) not in overrides.adopt:
        return blocked(
            change,
            Reason.OTHER_OWNER,
            f"{change.why}, and it belongs to {live.owner}",
            f"agree with {live.owner} who keeps it, then take it over with --adopt {desired.address}",
        )
    adopted: tuple[str, ...] = ()
    if foreign:
        adopted = (f"taken over from {live.owner} (--adopt)",)
    elif live.owner is None:
        adopted = (f"carries no mark; this makes {desired.owner} its owner",)
    return _unless_fixed(desired, replace(change, notes=adopted), names)


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
        before=_before(live, live.settings),
        notes=("cluster profiles that refer to it break",),
    )
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


def _creation(desired: DesiredRegistration, found: Lookup, change: Change) -> Change:
    place = desired.registry.place("palette.name")
    if found.taken_by:
        return blocked(
            change,
            Reason.NAME_TAKEN,
            f"{found.taken_by} has this name in Palette",
            f"choose another palette.name {place}",
        )
    if found.twins:
        others = ", ".join(found.twins)
        return blocked(
            change,
            Reason.SAME_ENDPOINT,
            f"Palette has the same endpoint and base content path already, as {others}",
            f"keep that name: palette.name: {found.twins[0]} {place}; or remove that one first (palette.absent)",
        )
    return change


def _correction(change: Change, names: Sequence[str]) -> Change:
    if not names:
        return replace(
            change,
            action=Action.UPDATE,
            cause=Cause.MANIFEST,
            reason=Reason.SECRETS_SENT,
            why="its secrets are sent anew (--send-secrets)",
        )
    *others, last = names
    listed = f"{', '.join(others)} and {last} differ" if others else f"{last} differs"
    only_versions = all(name.endswith(".version") for name in names)
    return replace(
        change,
        action=Action.UPDATE,
        cause=Cause.MANIFEST if only_versions else Cause.UNKNOWN,
        reason=Reason.SECRETS_SENT if only_versions else Reason.SETTINGS_DIFFER,
        why=f"{listed}; secrets are sent anew" if only_versions else listed,
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
    why = f"{change.why}; {' and '.join(fixed)} cannot be changed, so it is deleted and registered anew"
    change = replace(
        change,
        action=Action.REPLACE,
        reason=Reason.FIXED_SETTING,
        why=why,
        notes=(_NEW_UID, *change.notes),
    )
    if desired.spec.replace:
        return change
    return blocked(
        change,
        Reason.FIXED_SETTING,
        f"{change.why}, which policy.replacePalette: never forbids",
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
    if sync is None or not (sync.status or sync.last_synced):
        return Reason.NOT_SYNCED, "it has never been synchronized"
    if sync.failed:
        return Reason.SYNC_FAILED, f"the last sync failed: {sync.message or sync.status}"
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return Reason.NOT_LISTED, f"Palette does not list {shown}"
    return Reason.EQUAL, "Palette lists all of it"
