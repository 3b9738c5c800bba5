"""Repositories and projects: whether each is there with the settings that are written, and who moved where it is not.
Knows no API."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from regsync.model.plan import Action, Cause, Change, Copy, Overrides, Reason, ResourceType, Selection
from regsync.model.reference import Address
from regsync.model.registry import RegistrySpec
from regsync.model.settings import BY_KEY, FIXED, Json, differing, fingerprint, seen
from regsync.model.state import DesiredRepository, LiveRepository
from regsync.planner.compare import blocked
from regsync.planner.regions import is_pushed, takes_content

_FIELDS = {"lifecyclePolicy": "lifecyclePolicyFile", "policy": "policyFile"}
"""Settings that the manifest writes under another name."""

_SINCE = {
    Cause.DRIFT: "; changed since regsync last wrote {}",
    Cause.MANIFEST: "; the manifest has changed since regsync last wrote {}",
    Cause.BOTH: "; changed in the registry and in the manifest since regsync last wrote {}",
    Cause.UNKNOWN: "",
}


def compare_repository(
    spec: RegistrySpec, desired: DesiredRepository, live: LiveRepository | None, overrides: Overrides
) -> Change:
    """The change that makes `live` (None: the registry says it is absent) what is `desired`. A repository or project is
    created and its settings are corrected; none is ever deleted.

    An update speaks of what can be corrected only. Of a live repository whose settings differ, the marks must have been
    read.
    """
    change = Change(
        address=desired.address,
        type=ResourceType.REPOSITORY if desired.address.project is None else ResourceType.PROJECT,
        action=Action.NO_OP,
        cause=Cause.UNKNOWN,
        reason=Reason.EQUAL,
        why="equal",
        origin=desired.origin,
        after=dict(desired.settings),
        binding=spec.binding(),
    )
    if live is None:
        return _creation(spec, desired, change)
    before = {name: seen(name, value, live.settings.get(name)) for name, value in desired.settings.items()}
    change = replace(change, before=before)
    names = differing(desired.settings, live.settings)
    return _correction(spec, desired, live, change, names, overrides) if names else change


def _creation(spec: RegistrySpec, desired: DesiredRepository, change: Change) -> Change:
    why = "it does not exist, and a push needs it"
    if desired.base:
        there = "it does not exist" if desired.explicit else "nothing lives beneath it"
        why = f"Palette's base repository; {there}"
    elif desired.settings.get("public"):
        why = f"{why}; it will be open to everyone"
    reason = Reason.BASE_REPOSITORY if desired.base else Reason.MISSING
    change = replace(change, action=Action.CREATE, reason=reason, why=why)
    if desired.create:
        return change
    field = _field(desired, "create")
    return blocked(
        change,
        Reason.NOT_CREATED,
        f"{why}; {field}: false leaves it to others",
        f"create it, or set {field}: true {spec.place(field)}",
    )


def _correction(
    spec: RegistrySpec,
    desired: DesiredRepository,
    live: LiveRepository,
    change: Change,
    names: Sequence[str],
    overrides: Overrides,
) -> Change:
    fixed = [name for name in names if name in FIXED]
    names = [name for name in names if name not in FIXED] or fixed
    cause = _common(names, desired.settings, live)
    differ = f"{_listed(names)} {'differs' if len(names) == 1 else 'differ'}"
    change = replace(
        change,
        action=Action.UPDATE,
        cause=cause,
        reason=Reason.SETTINGS_DIFFER,
        why=differ + _SINCE[cause].format("it" if len(names) == 1 else "them"),
        origin=spec.at(_field(desired, names[0])),
    )
    if change.type is ResourceType.PROJECT:  # Harbor has no place beside a project for a mark
        return change
    if names == fixed:
        why = f"{differ}; {_listed(fixed)} cannot be changed once a repository exists"
        return blocked(change, Reason.FIXED_SETTING, why, _advice(spec, fixed))
    if fixed:
        change = replace(change, help=_advice(spec, fixed))
    notes = [
        f"{name} stays {json.dumps((change.before or {})[name], sort_keys=True)}: it differs, too, and cannot be changed "
        "once a repository exists"
        for name in fixed
    ]
    change = replace(
        change, before=_correctable(change.before), after=_correctable(change.after), notes=tuple(notes)
    )
    if live.owner is None:
        return replace(
            change, notes=(f"carries no mark; this update makes {spec.owner} its owner", *change.notes)
        )
    if live.owner == spec.owner:
        return change
    if str(desired.address) in overrides.adopt:
        return replace(change, notes=(f"taken over from {live.owner} (--adopt)", *change.notes))
    return blocked(
        change,
        Reason.OTHER_OWNER,
        f"{differ}, and it belongs to {live.owner}",
        f"agree with {live.owner} who keeps it, then take it over with --adopt {desired.address}",
    )


def _advice(spec: RegistrySpec, fixed: Sequence[str]) -> str:
    """What may be done about settings that cannot be changed."""
    field = f"repositories.{fixed[0]}"
    return (
        f"write what is live {spec.place(field)}, or leave {field} out, which is then not compared any more, or "
        "let the content move to another base content path, whose repositories are created as it is written"
    )


def _correctable(settings: Mapping[str, Json] | None) -> dict[str, Json]:
    return {name: value for name, value in (settings or {}).items() if name not in FIXED}


def holds_nothing_back(change: Change) -> bool:
    """Whether no content depends on it: on the settings of a repository or project that is there, and on what Palette
    knows."""
    if change.type in (ResourceType.REGISTRATION, ResourceType.SYNC):
        return True
    return change.type is not ResourceType.ARTIFACT and Action.UPDATE in (change.action, change.wanted)


def _field(desired: DesiredRepository, name: str) -> str:
    """Where in `spec` a setting is written."""
    section = "repositories" if desired.address.project is None else "project"
    return f"{section}.{_FIELDS.get(name, name)}"


def in_replica(changes: Sequence[Change], source: str, bases: Collection[Address]) -> list[Change]:
    """`changes` of a replica of `source`: a repository that is missing is created only to be pushed to. One that comes
    into being with what is replicated gets the settings that are written afterwards, but for those that only its
    creation could give it. The `bases` are created as elsewhere: they stay empty, so that nothing is replicated there."""
    pushed = {each.address.path for each in changes if is_pushed(each)}
    brought = {each.address.path for each in changes if takes_content(each)} - pushed
    kept = []
    for each in changes:
        path = each.address.path
        if not _is_missing(each) or path in pushed or each.address in bases:
            kept.append(each)
        elif path in brought and each.after:
            left = sorted(FIXED.intersection(each.after))
            note = f"{_listed(left)} is as ECR's replication creates it" if left else ""
            kept.append(
                replace(
                    each,
                    action=Action.CREATE,
                    wanted=None,
                    reason=Reason.MISSING,
                    why="it comes with what ECR's replication brings, and its settings are written then",
                    help=None,
                    after=_correctable(each.after) or each.after,
                    copy=Copy(Address(source, path), replicated=True),
                    notes=(note,) if note else (),
                )
            )
    return kept


def select(changes: Sequence[Change], selection: Selection) -> list[Change]:
    """What `selection` includes of `changes`.

    A repository or project that must be created before something that is selected comes along, unless it is excluded
    itself; what goes into one that does not come about is withheld.
    """
    needed = {
        container
        for each in changes
        if (takes_content(each) or _is_missing(each)) and selection.includes(each.address)
        for container in each.address.within
    }
    whole = replace(selection, targets=())
    chosen = [
        each
        for each in changes
        if selection.includes(each.address)
        or (_is_missing(each) and each.address in needed and whole.includes(each.address))
    ]
    coming = {each.address for each in chosen if each.action is Action.CREATE}
    missing = {each.address for each in changes if _is_missing(each)} - coming
    return [_withheld(each, missing) for each in chosen]


def _withheld(change: Change, missing: Collection[Address]) -> Change:
    """`change`, held back where it goes into a repository or project that is `missing` and stays so."""
    gone = [each for each in change.address.within if each in missing]
    if not gone or not (is_pushed(change) or _creates(change)):
        return change
    kind = "repository" if gone[0].project is None else "project"
    return blocked(
        change,
        Reason.WITHHELD,
        f"withheld: its {kind} does not exist, and this plan does not create it",
        f"create {gone[0]} first",
    )


def _is_missing(change: Change) -> bool:
    return change.type is not ResourceType.ARTIFACT and change.before is None


def _creates(change: Change) -> bool:
    return _is_missing(change) and change.action is Action.CREATE


def _common(names: Sequence[str], wanted: Mapping[str, Json], live: LiveRepository) -> Cause:
    causes = {_cause(name, wanted[name], live) for name in names}
    if len(causes) == 1:
        return causes.pop()
    return Cause.UNKNOWN if Cause.UNKNOWN in causes else Cause.BOTH


def _cause(name: str, wanted: Json, live: LiveRepository) -> Cause:
    """Who moved, by the mark of what regsync last wrote."""
    mark = live.marks.get(name)
    if mark is None:
        return Cause.UNKNOWN
    if mark == fingerprint(name, wanted):
        return Cause.DRIFT
    if mark == fingerprint(name, seen(name, wanted, live.settings.get(name))):
        return Cause.MANIFEST
    # Where other keys are written than at that time, the mark speaks of a part that cannot be told any more.
    return Cause.UNKNOWN if name in BY_KEY else Cause.BOTH


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
