"""Desired state × live state → plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from regsync.model.palette import Lookup
from regsync.model.plan import (
    Action,
    Change,
    Guard,
    Plan,
    PlanRequest,
    Reason,
    RegistryView,
    Selection,
)
from regsync.model.reference import Address
from regsync.model.registry import Prune
from regsync.model.settings import Json, differing, is_immutable
from regsync.model.state import (
    DesiredRegistry,
    DesiredRepository,
    DesiredState,
    LivePalette,
    LiveRepository,
    LiveState,
    Observed,
    Unreadable,
    UnreadableScope,
)
from regsync.planner import compare, limits, regions, registrations, repositories
from regsync.planner.guards import guards
from regsync.planner.order import precedes_delete
from regsync.planner.places import Document


def build_plan(request: PlanRequest, desired: DesiredState, live: LiveState) -> Plan:
    """Compare everything and judge it. A pure function: equal facts give equal plans.

    What was neither found nor said to be absent by the registry itself is not compared and yields no change. Of a
    live registry that the selection does not reach the plan says nothing; other regions may copy from it.
    """
    changes: list[Change] = []
    judged: list[Guard] = []
    unreadable: list[Unreadable] = []
    notes: list[str] = []
    unmanaged = not_compared = outside = 0
    selection = request.selection
    reached = [each for each in _compare(desired, live, request) if is_reached(each.wanted, selection)]
    for found in reached:
        outside += _differing(found.changes) - _differing(found.selected)
        dark = _selected_unreadable(found.unreadable, found.not_compared, selection)
        not_compared += sum(1 for each in found.not_compared if selection.includes(each))
        selected = _withhold_deletes(found.selected, dark)
        judged += guards(
            found.spec,
            selected,
            live=len(found.observed.artifacts),
            desired=len(found.wanted.artifacts),
            overrides=request.overrides,
        )
        changes += selected
        unreadable += dark
        spoken = (*found.observed.notes, *limits.conditions(selected, found.observed.limits, found.spec))
        notes += [f"{found.spec.name}: {note}" for note in dict.fromkeys(spoken)]
        unmanaged += found.unmanaged
    return Plan(
        request=request,
        registries=tuple(sorted((_view(each) for each in reached), key=lambda each: each.name)),
        changes=tuple(sorted(changes, key=lambda each: each.address)),
        guards=tuple(sorted(judged, key=lambda each: (each.registry, each.name))),
        unreadable=tuple(sorted(unreadable, key=lambda each: (each.address, each.reason))),
        notes=tuple(sorted(notes)),
        unmanaged=unmanaged,
        not_compared=not_compared,
        outside=outside,
        manifest_files=desired.files,
    )


def is_reached(desired: DesiredRegistry, selection: Selection) -> bool:
    """Whether any object of a live registry may be included: those of its document's registrations, too, whose addresses
    know no region."""
    return selection.reaches(desired.spec.name) or bool(
        desired.of_palette and selection.reaches(desired.spec.declared)
    )


class _Found:
    """What the comparison of one live registry gathers."""

    def __init__(self, wanted: DesiredRegistry, observed: Observed) -> None:
        self.wanted = wanted
        self.spec = wanted.spec
        self.observed = observed
        self.changes: list[Change] = []
        self.selected: list[Change] = []
        self.unreadable = list(observed.unreadable)
        self.not_compared: list[Address] = []
        self.unmanaged = 0

    def readable(self, address: Address) -> bool:
        """Whether the registry gave an answer for `address`; notes it as not compared where not."""
        known = address in self.observed.artifacts or address in self.observed.repositories
        if not any(each.covers(address) for each in self.unreadable):
            if known or address in self.observed.absent:
                return True
            self.unreadable.append(_unread(address))
        self.not_compared.append(address)
        return False


def _compare(desired: DesiredState, live: LiveState, request: PlanRequest) -> list[_Found]:
    """Compare each live registry, and settle region by region what one takes over from another."""
    selection = request.selection
    everything = []
    for document in regions.by_document(desired.registries):
        group = [_compare_registry(each, live, request) for each in document]
        twins = regions.live_twins(change for found in group for change in found.changes)
        first: Mapping[regions.Place, Change] = {}
        for found in group:
            if found.spec.is_replica:
                changes = [regions.replicated(each, found.spec, first, selection) for each in found.changes]
                bases = {each.address for each in found.wanted.repositories if each.base}
                found.changes = repositories.in_replica(changes, group[0].spec.name, bases)
            else:
                found.changes = [regions.copied(change, twins) for change in found.changes]
            found.selected = repositories.select(found.changes, selection)
            _compare_syncs(found, group, live, selection)
            if found is group[0]:
                first = {regions.place(each): each for each in (*found.changes, *found.selected)}
        everything += group
    return everything


def _compare_registry(wanted: DesiredRegistry, seen: LiveState, request: PlanRequest) -> _Found:
    observed = seen.registries.get(wanted.spec.name, Observed())
    found = _Found(wanted, observed)
    spec, live = wanted.spec, observed.artifacts
    settings = {
        repository.address.path: _compare_explicit(found, repository, request)
        for repository in wanted.repositories
        if repository.explicit
    }
    for artifact in wanted.artifacts:
        if found.readable(artifact.address):
            path, tag = artifact.address.path, artifact.address.tag or ""
            found.changes.append(
                compare.compare_artifact(
                    spec,
                    artifact,
                    live.get(artifact.address),
                    request.overrides,
                    immutable=is_immutable(settings.get(path, {}), tag),
                )
            )
    for absence in wanted.absences:
        if found.readable(absence.address):
            found.changes.append(
                compare.compare_absence(spec, absence, live.get(absence.address), request.overrides)
            )
    named = {each.address for each in wanted.artifacts} | {each.address for each in wanted.absences}
    for address, artifact_there in live.items():
        if address in named:
            continue
        if spec.policy.prune is Prune.MANAGED and compare.is_ours(spec, artifact_there):
            found.changes.append(compare.prune(spec, artifact_there))
        else:
            found.unmanaged += 1
    for repository in wanted.repositories:
        if not repository.explicit:
            _compare_implicit(found, repository, request)
    found.changes = [limits.within(each, observed.limits, spec) for each in found.changes]
    _compare_registrations(found, seen, request)
    return found


def _compare_registrations(found: _Found, seen: LiveState, request: PlanRequest) -> None:
    leaving = set()
    for unwanted in found.wanted.unregistered:
        if lookup := _look_up(found, unwanted.address, unwanted.spec.palette.name, seen):
            change = registrations.compare_absence(unwanted, lookup, request.overrides)
            found.changes.append(change)
            if change.action is Action.DELETE and request.selection.includes(change.address):
                leaving.add(unwanted.spec.name)
    known = [
        (desired, lookup)
        for desired in found.wanted.registrations
        if (lookup := _look_up(found, desired.address, desired.spec.palette.name, seen))
    ]
    document = Document(known, leaving)
    for desired, lookup in known:
        found.changes.append(registrations.compare_registration(desired, lookup, request.overrides, document))


def _look_up(found: _Found, address: Address, palette: str, seen: LiveState) -> Lookup | None:
    """What Palette answered for `address`; None, and noted as not compared, where it gave no answer."""
    answered = seen.palettes.get(palette, LivePalette())
    if lookup := answered.lookups.get(address):
        return lookup
    dark = [each for each in answered.unreadable if each.covers(address)]
    found.unreadable += dark or [_unread(address)]
    found.not_compared.append(address)
    return None


def _compare_syncs(found: _Found, document: Sequence[_Found], seen: LiveState, selection: Selection) -> None:
    """Add the synchronizations that the selected changes bring about, or that are needed anyway. `document` has all
    regions."""
    elsewhere = [
        change
        for other in document
        if other is not found
        for change in other.changes
        if selection.includes(change.address)
    ]
    included = {each.address for each in found.selected}
    compared = {each.address for each in found.changes}
    for desired in found.wanted.registrations:
        if desired.address not in compared:
            continue
        lookup = seen.palettes[desired.spec.palette.name].lookups[desired.address]
        changes = {each.address: each for each in (*found.changes, *found.selected)}
        sync = registrations.compare_sync(desired, lookup, changes, included, elsewhere)
        if sync is not None:
            found.changes.append(sync)
            if selection.includes(sync.address):
                found.selected.append(sync)


def _compare_explicit(
    found: _Found, repository: DesiredRepository, request: PlanRequest
) -> Mapping[str, Json]:
    """Compare a repository or project that must be there itself. Returns the settings that it has when artifacts are
    pushed."""
    address = repository.address
    if not found.readable(address):
        return {}
    live = found.observed.repositories.get(address)
    settings = live.settings if live else {}
    if live and differing(repository.settings, settings) and not live.marks_read:
        found.unreadable.append(_unread(address))  # whose it is decides whether it may be touched
        found.not_compared.append(address)
        return settings
    change = repositories.compare_repository(found.spec, repository, live, request.overrides)
    found.changes.append(change)
    if change.action is Action.UPDATE and request.selection.includes(address):
        return {**settings, **(change.after or {})}
    return settings


def _compare_implicit(found: _Found, repository: DesiredRepository, request: PlanRequest) -> None:
    """Compare a repository for which whatever lives beneath it stands."""
    address, live = repository.address, found.observed.repositories
    going = {each.address for each in found.changes if each.action is Action.DELETE}
    there: LiveRepository | None = LiveRepository(address)
    if not any(
        each.path.startswith(repository.beneath) for each in found.observed.artifacts if each not in going
    ):
        if any(each.path.startswith(repository.beneath) for each in found.unreadable):
            found.not_compared.append(address)  # something may live beneath it
            return
        if not found.readable(address):
            return
        there = live.get(address)
    found.changes.append(repositories.compare_repository(found.spec, repository, there, request.overrides))


def _unread(address: Address) -> Unreadable:
    return Unreadable(address.registry, UnreadableScope.TAG, "it was not read", address.path, address.tag)


def _view(found: _Found) -> RegistryView:
    spec = found.spec
    return RegistryView(
        name=spec.name,
        type=spec.type.value,
        endpoint=spec.shown_endpoint,
        region=spec.region,
        default_region=spec.default_region,
        synchronization=spec.synchronization,
        palette=next((each.spec.palette.host for each in found.wanted.of_palette), None),
    )


def _differing(changes: Iterable[Change]) -> int:
    return sum(1 for each in changes if each.action is not Action.NO_OP)


def _withhold_deletes(changes: list[Change], unreadable: list[Unreadable]) -> list[Change]:
    """Hold deletes back in a live registry where something to be created or pushed is blocked, or a part could not be
    read; those of registrations also where another registration is blocked."""
    dark = [each for each in unreadable if not each.is_of_palette]
    held = [each for each in changes if each.action is Action.BLOCKED and each.wanted is not Action.DELETE]

    def obstacle(change: Change) -> str | None:
        for each in held:
            if precedes_delete(each, change):
                return f"{each.address} is blocked"
        return f"{dark[0].address} could not be read" if dark else None

    return [
        compare.blocked(
            change,
            Reason.WITHHELD,
            f"{change.why}; withheld, since {because}",
            "deletes come last: resolve that one first, or leave it out with --exclude",
        )
        if change.action is Action.DELETE and (because := obstacle(change))
        else change
        for change in changes
    ]


def _selected_unreadable(
    unreadable: Iterable[Unreadable], not_compared: Iterable[Address], selection: Selection
) -> list[Unreadable]:
    """Without a selection everything unreadable counts; with one, what keeps a selected object from being compared."""
    if not selection.targets and not selection.excludes:
        return list(unreadable)
    missed = [address for address in not_compared if selection.includes(address)]
    return [each for each in unreadable if any(each.covers(address) for address in missed)]
