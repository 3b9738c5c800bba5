"""Whether the regions of one document hold the same: a table that follows from a plan. Knows no registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from regsync.model.plan import Action, Change, Plan, RegistryView, ResourceType
from regsync.model.reference import Address


class Standing(StrEnum):
    """How an artifact stands in one region, before anything is applied."""

    EQUAL = "equal"
    OTHER_DIGEST = "other-digest"
    """Content and title are as they are wanted, but the digest is not that of the default region (of most regions,
    where that one has it not): what remembers digests, as Palette does, takes it for another."""
    DIFFERS = "differs"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ParityRow:
    """One artifact by region, two of them at least; a region where the selection left it out is not there."""

    artifact: str
    """Repository and tag: `repository:tag`."""
    standings: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Parity:
    """The artifacts of one document with several regions, sorted."""

    registry: str
    """The document's name."""
    regions: tuple[str, ...]
    """The default region first."""
    rows: tuple[ParityRow, ...]

    @property
    def uneven(self) -> tuple[ParityRow, ...]:
        """The rows in which not all that is known is equal."""
        return tuple(each for each in self.rows if set(each.standings.values()) != {Standing.EQUAL})


def parity(plan: Plan) -> tuple[Parity, ...]:
    """A table for each document of which the plan holds something in two regions or more, sorted by the documents'
    names."""
    documents: dict[str, list[RegistryView]] = {}
    for each in plan.registries:
        documents.setdefault(each.name.partition("@")[0], []).append(each)
    changes: dict[Address, Change] = {
        each.address: each
        for each in plan.changes
        if each.type is ResourceType.ARTIFACT and each.after is not None
    }
    tables = (
        _table(
            name, sorted(views, key=lambda one: (one.region != one.default_region, one.name)), plan, changes
        )
        for name, views in sorted(documents.items())
    )
    return tuple(each for each in tables if each.rows)


def _table(name: str, views: Sequence[RegistryView], plan: Plan, changes: Mapping[Address, Change]) -> Parity:
    registries = {view.name for view in views}
    rows = []
    for path, tag in sorted({(each.path, each.tag or "") for each in changes if each.registry in registries}):
        addresses = {view.region or "": Address(view.name, path, tag) for view in views}
        digest = _leading_digest(changes.get(address) for address in addresses.values())
        standings = {
            region: _standing(address, changes, digest, plan) for region, address in addresses.items()
        }
        known = {region: standing for region, standing in standings.items() if standing is not None}
        if len(known) > 1:  # one alone agrees with nobody
            rows.append(ParityRow(f"{path}:{tag}", known))
    return Parity(name, tuple(view.region or "" for view in views), tuple(rows))


def _standing(
    address: Address, changes: Mapping[Address, Change], digest: str | None, plan: Plan
) -> Standing | None:
    change = changes.get(address)
    if change is None:
        return Standing.UNREADABLE if any(each.covers(address) for each in plan.unreadable) else None
    if change.before is None:
        return Standing.MISSING
    if change.action is not Action.NO_OP:
        return Standing.DIFFERS
    return Standing.EQUAL if _live_digest(change) == digest else Standing.OTHER_DIGEST


def _leading_digest(changes: Iterable[Change | None]) -> str | None:
    """The digest that all should have: that of the default region, which comes first, else the most common one."""
    digests = [_live_digest(each) for each in changes]
    if digests[0] is None:
        digests = [each for each, _ in Counter(filter(None, digests)).most_common(1)] or [None]
    return digests[0]


def _live_digest(change: Change | None) -> str | None:
    """The digest of what is live as it is wanted."""
    if change is None or change.action is not Action.NO_OP or change.before is None:
        return None
    return str(change.before.get("digest"))
