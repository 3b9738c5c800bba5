"""Desired state × live state → plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from regsync.model.plan import (
    Action,
    Change,
    Guard,
    Plan,
    PlanRequest,
    Reason,
    RegistryView,
)
from regsync.model.reference import Address
from regsync.model.registry import Prune
from regsync.model.state import (
    DesiredRegistry,
    DesiredRepository,
    DesiredState,
    LiveState,
    Observed,
    Unreadable,
    UnreadableScope,
)
from regsync.planner import compare
from regsync.planner.guards import guards


def build_plan(request: PlanRequest, desired: DesiredState, live: LiveState) -> Plan:
    """Compare everything and judge it. A pure function: equal facts give equal plans.

    What was neither found nor said to be absent by the registry itself is not compared and yields no change.
    """
    changes: list[Change] = []
    judged: list[Guard] = []
    unreadable: list[Unreadable] = []
    notes: list[str] = []
    unmanaged = not_compared = outside = 0
    for wanted in desired.registries:
        spec = wanted.spec
        observed = live.registries.get(spec.name, Observed())
        found = _compare_registry(wanted, observed, request)
        selected = [each for each in found.changes if request.selection.includes(each.address)]
        outside += sum(
            1
            for each in found.changes
            if each.action is not Action.NO_OP and not request.selection.includes(each.address)
        )
        dark = _selected_unreadable(found.unreadable, found.not_compared, request)
        not_compared += sum(1 for each in found.not_compared if request.selection.includes(each))
        selected = _withhold_deletes(selected, dark)
        judged += guards(
            spec,
            selected,
            live=len(observed.artifacts),
            desired=len(wanted.artifacts),
            overrides=request.overrides,
        )
        changes += selected
        unreadable += dark
        notes += [f"{spec.name}: {note}" for note in dict.fromkeys(observed.notes)]
        unmanaged += found.unmanaged
    return Plan(
        request=request,
        registries=tuple(
            RegistryView(each.spec.name, each.spec.type.value, each.spec.shown_endpoint, each.spec.region)
            for each in sorted(desired.registries, key=lambda each: each.spec.name)
        ),
        changes=tuple(sorted(changes, key=lambda each: each.address)),
        guards=tuple(sorted(judged, key=lambda each: (each.registry, each.name))),
        unreadable=tuple(sorted(unreadable, key=lambda each: (each.address, each.reason))),
        notes=tuple(sorted(notes)),
        unmanaged=unmanaged,
        not_compared=not_compared,
        outside=outside,
        manifest_files=desired.files,
    )


class _Found:
    """What the comparison of one live registry gathers."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self.changes: list[Change] = []
        self.unreadable = list(observed.unreadable)
        self.not_compared: list[Address] = []
        self.unmanaged = 0

    def readable(self, address: Address) -> bool:
        """Whether the registry gave an answer for `address`; notes it as not compared where not."""
        known = address in self.observed.artifacts or address in self.observed.repositories
        if not any(each.covers(address) for each in self.unreadable):
            if known or address in self.observed.absent:
                return True
            self.unreadable.append(
                Unreadable(
                    address.registry, UnreadableScope.TAG, "it was not read", address.path, address.tag
                )
            )
        self.not_compared.append(address)
        return False


def _compare_registry(wanted: DesiredRegistry, observed: Observed, request: PlanRequest) -> _Found:
    found = _Found(observed)
    spec, live = wanted.spec, observed.artifacts
    for artifact in wanted.artifacts:
        if found.readable(artifact.address):
            found.changes.append(
                compare.compare_artifact(spec, artifact, live.get(artifact.address), request.overrides)
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
    going = {each.address for each in found.changes if each.action is Action.DELETE}
    staying = [address for address in live if address not in going]
    for repository in wanted.repositories:
        if any(_beneath(repository, address) for address in staying):
            found.changes.append(compare.compare_repository(spec, repository, exists=True))
        elif any(each.path.startswith(repository.beneath) for each in found.unreadable):
            found.not_compared.append(repository.address)  # something may live beneath it
        elif found.readable(repository.address):
            exists = repository.address in observed.repositories
            found.changes.append(compare.compare_repository(spec, repository, exists))
    return found


def _beneath(repository: DesiredRepository, address: Address) -> bool:
    return address.path.startswith(repository.beneath)


def _withhold_deletes(changes: list[Change], unreadable: list[Unreadable]) -> list[Change]:
    """Hold deletes back in a live registry where something to be written is blocked, or a part could not be read."""
    obstacle = None
    if unreadable:
        obstacle = f"{unreadable[0].address} could not be read"
    for change in changes:
        if change.action is Action.BLOCKED and change.wanted is not Action.DELETE:
            obstacle = f"{change.address} is blocked"
            break
    if obstacle is None:
        return changes
    return [
        compare.blocked(
            change,
            Reason.WITHHELD,
            f"{change.why}; withheld, since {obstacle}",
            "deletes come last: resolve that one first, or leave it out with --exclude",
        )
        if change.action is Action.DELETE
        else change
        for change in changes
    ]


def _selected_unreadable(
    unreadable: Iterable[Unreadable], not_compared: Iterable[Address], request: PlanRequest
) -> list[Unreadable]:
    """Without a selection everything unreadable counts; with one, what keeps a selected object from being compared."""
    selection = request.selection
    if not selection.targets and not selection.excludes:
        return list(unreadable)
    missed = [address for address in not_compared if selection.includes(address)]
    return [each for each in unreadable if any(each.covers(address) for address in missed)]


def with_diffs(plan: Plan, diffs: dict[Address, Change]) -> Plan:
    """`plan` with some changes replaced by the same changes with file diffs."""
    return replace(plan, changes=tuple(diffs.get(change.address, change) for change in plan.changes))
