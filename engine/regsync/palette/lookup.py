"""Finds what Palette has of registrations: by name, by endpoint, and what it lists of them. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from regsync.model.errors import NotFound, ProtocolError, RegistryError
from regsync.model.palette import (
    DesiredRegistration,
    Listing,
    LiveRegistration,
    LiveSync,
    Lookup,
    UnwantedRegistration,
    place_of,
)
from regsync.model.reference import Address, chart_tag
from regsync.model.settings import canonical
from regsync.model.state import LivePalette, Unreadable, UnreadableScope
from regsync.palette.api import TYPES, Named, PaletteApi, Summary, Version
from regsync.palette.wire import Document, registration_of, settings_of, text

_KINDS = {"helm": "a Helm registry", "pack": "a pack registry"}

HUNG = 3600.0
"""Seconds that a synchronization runs until Palette's own pages offer to force another."""

Sts = Callable[[str], tuple[str, str]]
"""The account from which Palette assumes roles in a partition, and the tenant's external ID."""


@dataclass(frozen=True, slots=True)
class Directory:
    """The registries of a Palette by name, as they were at one time."""

    names: tuple[Named, ...]
    summaries: tuple[Summary, ...]

    @classmethod
    def read(cls, api: PaletteApi) -> Directory:
        """Raises RegistryErrors."""
        return cls(tuple(api.names()), tuple(api.summaries()))

    def find(self, name: str) -> Summary | None:
        """The OCI registry of this name. Raises ProtocolError where Palette's answers leave open which one that is."""
        found = [each for each in self.summaries if each.name == name]
        if len(found) > 1:
            raise ProtocolError(
                f"Palette has {len(found)} OCI registries called {name} ({', '.join(each.uid for each in found)})",
                hint="rename or remove all but one of them in Palette; no system-wide one may have the same name",
            )
        if not found and any(each.kind == "oci" and each.name == name for each in self.names):
            raise ProtocolError(
                f"Palette names an OCI registry {name}, but does not tell of it", hint="plan again later"
            )
        if found and not (found[0].uid and found[0].type in TYPES):
            raise ProtocolError(
                f"Palette's OCI registry {name} is of the type {found[0].type!r}, which is not known here"
            )
        return found[0] if found else None

    def taken_by(self, name: str) -> str | None:
        """What else has this name, in words."""
        kinds = (each.kind for each in self.names if each.name == name and each.kind != "oci")
        return next((_KINDS.get(kind, f"a registry of kind {kind!r}") for kind in kinds), None)

    def is_default(self, uid: str) -> bool:
        """Whether it is a registry that Palette comes with."""
        return any(each.uid == uid and each.is_default for each in self.names)


def read_registration(api: PaletteApi, directory: Directory, name: str) -> LiveRegistration | None:
    """The registration of this name as it is; None where Palette itself shows none. Raises other RegistryErrors."""
    found = directory.find(name)
    return read(api, directory, found)[0] if found else None


def observe(
    api: PaletteApi, sts: Sts, wanted: Sequence[DesiredRegistration], unwanted: Sequence[UnwantedRegistration]
) -> LivePalette:
    """See Palette.observe."""
    addresses = [*(each.address for each in wanted), *(each.address for each in unwanted)]
    try:
        directory = Directory.read(api)
    except RegistryError as error:
        return LivePalette(unreadable=tuple(_unreadable(each, error) for each in addresses))
    lookups: dict[Address, Lookup] = {}
    unreadable: list[Unreadable] = []
    for desired in wanted:
        try:
            lookups[desired.address] = _look_up(api, directory, sts, desired)
        except RegistryError as error:
            unreadable.append(_unreadable(desired.address, error))
    for absent in unwanted:
        try:
            lookups[absent.address] = Lookup(read_registration(api, directory, absent.spec.name))
        except RegistryError as error:
            unreadable.append(_unreadable(absent.address, error))
    unreadable += _add_listed(api, wanted, lookups)
    return LivePalette(lookups, tuple(unreadable))


def versions(pack: Document) -> list[Version]:
    """The versions of a pack that Palette lists."""
    tags = pack.get("tags")
    return [
        Version(text(each, "tag"), text(each, "version"), text(each, "packUid"))
        for each in (tags if isinstance(tags, list) else ())
        if isinstance(each, dict)
    ]


def is_version(listing: Listing, found: Version) -> bool:
    """Whether this is the wanted version. Of charts it may be told as Helm writes it or as the tag that stands for it."""
    return chart_tag(listing.version) in (chart_tag(found.tag), chart_tag(found.version))


def by_name(listings: Iterable[Listing]) -> list[tuple[str, list[Listing]]]:
    """Listings under their names, both sorted."""
    ordered = sorted(listings, key=lambda each: (each.name, each.version))
    return [(name, list(group)) for name, group in groupby(ordered, key=lambda each: each.name)]


def _look_up(api: PaletteApi, directory: Directory, sts: Sts, desired: DesiredRegistration) -> Lookup:
    settings, name = desired.spec.settings, desired.spec.name
    external_id = None
    if settings["auth"] == "sts" and "externalId" not in settings:
        external_id = sts(str(settings.get("partition") or "aws"))[1]
    live = read_registration(api, directory, name)
    if live and place_of(live.settings) == place_of(settings):
        return Lookup(live, external_id=external_id)
    twins = tuple(_twins(api, directory, desired))
    return Lookup(live, None if live else directory.taken_by(name), twins, external_id)


def read(api: PaletteApi, directory: Directory, found: Summary) -> tuple[LiveRegistration, Document]:
    """A registration as it is now, and as Palette writes it. Raises RegistryErrors."""
    try:
        document = api.registry(found.type, found.uid)
    except NotFound as error:
        # Its list says otherwise, so it is not known to be absent.
        raise ProtocolError(
            f"Palette lists registry {found.name} and has none: {error.message}", hint="plan again later"
        ) from None
    is_default = directory.is_default(found.uid)
    live = registration_of(found.name, found.uid, found.type, document, is_default=is_default)
    if live.sync and hangs(live.sync):
        live = replace(live, sync=replace(live.sync, hung=True))
    return live, document


def hangs(sync: LiveSync, seconds: float = HUNG) -> bool:
    """Whether it has been running for so long that it will hardly end."""
    if not (sync.running and sync.last_run):
        return False
    try:
        began = datetime.fromisoformat(sync.last_run)
    except ValueError:
        return False
    return began.tzinfo is not None and (datetime.now(UTC) - began).total_seconds() >= seconds


def _twins(api: PaletteApi, directory: Directory, desired: DesiredRegistration) -> Iterable[str]:
    """The names of other registrations of the same place. Their list does not tell the paths."""
    wanted = desired.spec.settings
    for each in directory.summaries:
        same = (each.type, each.provider) == (wanted["type"], wanted["provider"])
        same = same and canonical("endpoint", each.endpoint) == canonical("endpoint", wanted["endpoint"])
        if same and each.uid and each.name not in ("", desired.spec.name):
            try:
                live = settings_of(each.type, api.registry(each.type, each.uid))
            except NotFound:
                continue  # removed meanwhile
            if place_of(live) == place_of(wanted):
                yield each.name


def _add_listed(
    api: PaletteApi, wanted: Sequence[DesiredRegistration], lookups: dict[Address, Lookup]
) -> list[Unreadable]:
    """Tell of the live registrations in `lookups` what Palette lists of what it must. Those of which it gives no answer are
    taken out, and returned as unreadable."""
    asked = [
        (each, live)
        for each in wanted
        if each.listings and each.address in lookups and (live := lookups[each.address].live)
    ]
    latest: Mapping[str, Mapping[str, str]] = {}
    failed: dict[Address, RegistryError] = {}
    try:
        latest = api.latest([live.uid for _, live in asked])
    except RegistryError as error:
        failed = {each.address: error for each, _ in asked}
    for each, live in asked:
        if each.address in failed:
            continue
        try:
            listed = _listed(api, live.uid, latest[live.uid], each.listings)
        except RegistryError as error:
            failed[each.address] = error
        else:
            known = lookups[each.address]
            lookups[each.address] = replace(known, live=replace(live, listed=listed))
    for address in failed:
        del lookups[address]
    return [_unreadable(address, error) for address, error in failed.items()]


def _listed(
    api: PaletteApi, uid: str, latest: Mapping[str, str], listings: Sequence[Listing]
) -> frozenset[str]:
    """What Palette lists of these. `latest` is the newest version of every name; others take a request each, and only
    that knows what is absent."""
    found: set[str] = set()
    for name, group in by_name(listings):
        newest = latest.get(name, "")
        if all(is_version(each, Version(newest, newest, "")) for each in group):
            found |= {str(each) for each in group}
            continue
        try:
            known = versions(api.pack(name, uid))
        except NotFound:
            continue
        found |= {str(each) for each in group if any(is_version(each, one) for one in known)}
    return frozenset(found)


def _unreadable(address: Address, error: RegistryError) -> Unreadable:
    return Unreadable(
        address.registry, UnreadableScope.TAG, error.message, path=address.path, hint=error.hint
    )
