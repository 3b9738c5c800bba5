"""The regions of one document: what one takes over from another, so that digests agree everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from regsync.model.plan import Action, Change, Copy, Reason, ResourceType, Selection
from regsync.model.registry import RegistrySpec
from regsync.model.state import DesiredRegistry
from regsync.planner.compare import blocked

Place: TypeAlias = tuple[str, str | None]
"""Repository and tag: what an artifact is called in every region."""


def by_document(registries: Iterable[DesiredRegistry]) -> list[list[DesiredRegistry]]:
    """The live registries of each document, its default region first and the others in the order they came."""
    documents: dict[str, list[DesiredRegistry]] = {}
    for each in registries:
        documents.setdefault(each.spec.declared, []).append(each)
    return [
        sorted(each, key=lambda one: one.spec.region != one.spec.default_region)
        for each in documents.values()
    ]


def place(change: Change) -> Place:
    """What `change` is about, in whichever region."""
    return change.address.path, change.address.tag


def live_twins(changes: Iterable[Change]) -> dict[Place, Change]:
    """The artifacts that are as they are wanted, each where it was found first."""
    twins: dict[Place, Change] = {}
    for change in changes:
        if (
            change.type is ResourceType.ARTIFACT
            and change.action is Action.NO_OP
            and change.before is not None
        ):
            twins.setdefault(place(change), change)
    return twins


def takes_content(change: Change) -> bool:
    """Whether an artifact is to be written."""
    return change.type is ResourceType.ARTIFACT and change.action in (Action.CREATE, Action.UPDATE)


def is_pushed(change: Change) -> bool:
    """Whether regsync itself writes an artifact: what replication brings needs neither a folder nor a repository."""
    return takes_content(change) and not (change.copy and change.copy.replicated)


def copied(change: Change, twins: Mapping[Place, Change]) -> Change:
    """`change`, taking its content over from another region that has it already."""
    twin = twins.get(place(change))
    if twin is None or twin.before is None or not takes_content(change):
        return change
    digest, owner = str(twin.before["digest"]), twin.before["owner"]
    return replace(
        change,
        copy=Copy(twin.address, digest),
        source=None,
        after={**(change.after or {}), "digest": digest, "owner": owner},
        why=_with_source(change, f"copied from {twin.address.registry}"),
    )


def replicated(
    change: Change, spec: RegistrySpec, first: Mapping[Place, Change], selection: Selection
) -> Change:
    """`change` of a replica: what the default region gets comes by the registry's own replication, which brings nothing
    that was there before, so that is copied. `first` are the changes of the default region."""
    twin = first.get(place(change))
    if not takes_content(change):
        return change
    if twin is not None and twin.action is Action.NO_OP:
        return copied(change, {place(twin): twin})
    obstacle = "where it could not be read"
    if twin is not None and not takes_content(twin):
        obstacle = "where it is blocked"
    elif twin is not None and not selection.includes(twin.address):
        obstacle = "which the selection leaves out"
    elif twin is not None:
        return replace(
            change,
            copy=Copy(twin.address, replicated=True),
            source=None,
            after=twin.after,
            why=_with_source(
                change, f"comes by ECR's replication from {spec.default_region}, if a rule there covers it"
            ),
        )
    return blocked(
        change,
        Reason.WITHHELD,
        _with_source(change, f"withheld: it comes from {spec.default_region}, {obstacle}"),
        f"{spec.default_region} is the only region that is pushed to (repositories.replicated): see to it there first",
    )


def _with_source(change: Change, source: str) -> str:
    return source if change.action is Action.CREATE else f"{change.why}; {source}"
