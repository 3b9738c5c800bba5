"""Which name in Palette stands for which place (endpoint and paths), so that no registration is moved to another place
behind the cluster profiles that use it. Knows no API."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from regsync.model.palette import DesiredRegistration, LiveRegistration, Lookup, Place, place_of
from regsync.model.settings import Json

_PLAIN = re.compile(r"[A-Za-z][\w./ -]*")


@dataclass(frozen=True, slots=True)
class Document:
    """What one document registers, each with what Palette has of it. `leaving` are the names that the same plan deletes."""

    registrations: Sequence[tuple[DesiredRegistration, Lookup]] = ()
    leaving: Collection[str] = ()

    def twins(self, found: Lookup) -> list[str]:
        """The other names that the wanted place has and keeps."""
        return [each for each in found.twins if each not in self.leaving]

    def successor(self, live: LiveRegistration) -> DesiredRegistration | None:
        """The registration that is to have the place of `live`, under another name."""
        here = place_of(live.settings)
        return next(
            (
                each
                for each, _ in self.registrations
                if each.spec.name != live.name and place_of(each.spec.settings) == here
            ),
            None,
        )

    def advice(self, desired: DesiredRegistration) -> str:
        """The line of the manifest with which everything in Palette stays where it is."""
        at = name_place(desired)
        kept = self._kept()
        if not desired.spec.base_content_path:
            return f"palette.name: {_yaml(kept[desired.spec.base_content_path])} {at}"
        entries = {each.base_content_path: each.name for each in (one.spec for one, _ in self.registrations)}
        changed = (f"{_yaml(path)}: {_yaml(kept[path])}" for path in entries if kept[path] != entries[path])
        return f"palette.names: {{{', '.join(changed)}}} {at}"

    def _kept(self) -> Mapping[str, str]:
        """By base content path the name that its place has in Palette, else one that no other path of the document has there."""
        held: dict[Place, str] = {}
        for _, found in self.registrations:
            if found.live:
                held[place_of(found.live.settings)] = found.live.name
        for desired, found in self.registrations:
            for twin in self.twins(found)[:1]:
                held.setdefault(place_of(desired.spec.settings), twin)
        specs = [each.spec for each, _ in self.registrations]
        kept = {
            each.base_content_path: held[place]
            for each in specs
            if (place := place_of(each.settings)) in held
        }
        taken = set(kept.values())
        for each in specs:
            free = (
                f"{each.name}-{each.base_content_path.replace('/', '-')}" if each.name in taken else each.name
            )
            kept.setdefault(each.base_content_path, free)
        return kept


def name_place(desired: DesiredRegistration) -> str:
    """Where the name of a registration is written, or might be, for advice."""
    return desired.registry.place("palette.names" if desired.spec.base_content_path else "palette.name")


def shown(settings: Mapping[str, Json]) -> str:
    """A place in words."""
    parts = (settings.get("endpoint"), settings.get("basePath"), settings.get("baseContentPath"))
    return " ".join(str(each) for each in parts if each)


def path_of(settings: Mapping[str, Json]) -> str:
    """A base content path in words."""
    return str(settings.get("baseContentPath") or "") or "no path"


def _yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
