"""What is live in registries beneath some paths, whoever put it there and whatever manifests say. Reads no layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from regsync.model.content import Content
from regsync.model.draft import Seen
from regsync.model.errors import (
    AuthenticationFailed,
    NotFound,
    PermissionDenied,
    RegistryError,
    Unsupported,
)
from regsync.model.events import Sink
from regsync.model.reference import is_repository
from regsync.model.registry import PACK_NAMESPACE
from regsync.model.state import Observed
from regsync.registries.base import Registry, Wanted
from regsync.run.observe import read_all

_DENIED = (AuthenticationFailed, PermissionDenied, Unsupported, NotFound)


class Unread:
    """Lets layers be read later, or never: of each it says that its content is known, and that it is the layer's digest."""

    def get(self, layer_digest: str) -> tuple[Content | None]:
        return (Content(layer_digest, ()),)

    def put(self, layer_digest: str, content: Content | None) -> None: ...


def repositories(registry: Registry, prefixes: Sequence[str], advice: str) -> list[str]:
    """All repositories beneath `prefixes`, sorted. Raises RegistryError; where the list is denied, with `advice`."""
    try:
        names = {name for prefix in prefixes for name in registry.repositories(prefix)}
    except RegistryError as error:
        if not isinstance(error, _DENIED):
            raise
        message = f"{error.message}: it does not tell which repositories it has"
        raise type(error)(message, hint=advice, code=error.code, status=error.status) from None
    return sorted(name for name in names if is_repository(name))


def survey(registry: Registry, paths: Sequence[str], *, pool: ThreadPoolExecutor, sink: Sink) -> Observed:
    """All artifacts in some repositories."""
    name = registry.spec.name
    found: Mapping[str, Observed] = read_all({name: registry.reads(Wanted(whole=tuple(paths)))}, pool, sink)
    return found[name]


@dataclass(frozen=True, slots=True)
class SortedOut:
    """Repositories by what their names say. `packs` and `others` have base content path and name by repository, `bases` all
    base content paths of packs, and `odd` is what lies where no pack can."""

    packs: dict[str, tuple[str, str]] = field(default_factory=dict)
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    bases: dict[str, None] = field(default_factory=dict)
    odd: list[Seen] = field(default_factory=list)


def sort_out(paths: Iterable[str]) -> SortedOut:
    """Tell repositories apart by their names."""
    found = SortedOut()
    for path in paths:
        before, namespace, after = f"/{path}/".partition(f"/{PACK_NAMESPACE}/")
        base, name = before.strip("/"), after.strip("/")
        if not namespace:
            above, _, name = path.rpartition("/")
            found.others[path] = above, name
        elif base and "/" not in name:
            found.bases[base] = None
            if name:
                found.packs[path] = base, name
        elif name:
            where = "there is no base content path above it" if not base else "no name of a pack has a slash"
            found.odd.append(Seen(base, path, reason=where))
    return found
