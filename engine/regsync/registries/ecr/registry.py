"""A live registry of ECR: observed by a call per repository instead of one per tag, and its repositories kept as declared.

Knows in which order things are asked for and put, and what must hold before; operations and forms stand beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from regsync.model.errors import NotFound, PermissionDenied, RegistryError
from regsync.model.plan import Action, Change, ResourceType
from regsync.model.registry import RegistrySpec
from regsync.model.settings import Json, differing
from regsync.model.state import LiveRepository, Observed, Unreadable, UnreadableScope
from regsync.registries.base import Copied, Payload, Read, Reading, Surroundings, Wanted
from regsync.registries.declared import check_meanwhile, listed, outstanding
from regsync.registries.ecr import settings as forms
from regsync.registries.ecr.failures import ALREADY_EXISTS
from regsync.registries.ecr.store import BATCH, EcrStore
from regsync.registries.listed import ListedRegistry


class EcrRegistry(ListedRegistry):
    """A registry above a store of ECR."""

    store: EcrStore

    def __init__(self, spec: RegistrySpec, store: EcrStore, surroundings: Surroundings) -> None:
        super().__init__(spec, store, surroundings)
        self._there: dict[str, bool] = {}
        """Whether a repository was found when its tags were read."""
        self._repositories: dict[str, LiveRepository] = {}

    def reads(self, wanted: Wanted) -> list[Read]:
        """One read per repository for its tags; see `Registry`.

        Repositories that earlier reads have found are described together, since one that is missing would spoil it for
        all of a call.
        """
        known = [path for path in wanted.repositories if self._there.get(path)]
        batches = [known[start : start + BATCH] for start in range(0, len(known), BATCH)]
        missing = [path for path in wanted.repositories if self._there.get(path) is False]
        unknown = [path for path in wanted.repositories if path not in self._there]
        return [
            *super().reads(replace(wanted, repositories=())),
            *(partial(self._read_repositories, each) for each in batches),
            *(partial(self._read_repositories, [path]) for path in unknown),
            *(partial(self._read_missing, path) for path in missing),
            *(partial(self._read_marks, path) for path in wanted.owners),
        ]

    def execute(self, change: Change, payload: Payload | Copied | None, sent: Callable[[int], None]) -> None:
        """Carry out one change; see `Registry`."""
        if change.type is ResourceType.REPOSITORY and change.action is Action.CREATE:
            self._create(change)
        elif change.type is ResourceType.REPOSITORY and change.action is Action.UPDATE:
            self._update(change)
        else:
            super().execute(change, payload, sent)

    def _list(self, path: str) -> Mapping[str, str]:
        """The digest behind every tag, asked for once; whether the repository is there is noted."""
        try:
            live = super()._list(path)
        except NotFound:
            self._there[path] = False
            raise
        self._there[path] = True
        return live

    def _read_repositories(self, paths: Sequence[str]) -> Reading:
        if self._down is not None:
            return Reading(Observed(unreadable=(self._down,)))
        try:
            described = self.store.described(paths)
        except (NotFound, PermissionDenied) as error:
            if len(paths) > 1:  # one of them spoils it for all
                return Reading(Observed(), tuple(partial(self._read_repositories, [path]) for path in paths))
            if isinstance(error, NotFound):
                return self._read_missing(paths[0])
            return Reading(Observed(unreadable=(_alone(self._unreadable(error, paths[0], None)),)))
        except RegistryError as error:
            failed = tuple(dict.fromkeys(self._unreadable(error, path, None) for path in paths))
            return Reading(Observed(unreadable=failed))
        reads: list[Read] = [
            partial(self._read_settings, path, described[path])
            if path in described
            else partial(self._read_missing, path)
            for path in paths
        ]
        if forms.OWN_CALL.isdisjoint(self.spec.repositories.settings):
            return Reading(Observed.merged(read().observed for read in reads))
        return Reading(Observed(), tuple(reads))

    def _read_settings(self, path: str, description: Mapping[str, object]) -> Reading:
        def look() -> Observed:
            settings = self.store.settings(path, description, self.spec.repositories.settings)
            live, tags = LiveRepository(self._address(path), settings), settings.get("tags")
            return self._noted(_marked(live, tags) if isinstance(tags, dict) else live)

        return Reading(self._observe_alone(path, look))

    def _read_marks(self, path: str) -> Reading:
        def look() -> Observed:
            live = self._repositories.get(path)
            if live is None:
                settings = self._settings(path, self.spec.repositories.settings)
                live = LiveRepository(self._address(path), settings)
            return self._noted(_marked(live, self.store.resource_tags(path)))

        return Reading(self._observe_alone(path, look))

    def _observe_alone(self, path: str, look: Callable[[], Observed]) -> Observed:
        """What `look` finds of a repository; where it fails, what is in the repository can still be read."""
        observed = self._observe(path, None, look)
        return replace(observed, unreadable=tuple(_alone(each) for each in observed.unreadable))

    def _noted(self, live: LiveRepository) -> Observed:
        self._repositories[live.address.path] = live
        return Observed(repositories={live.address: live})

    def _read_missing(self, path: str) -> Reading:
        """A repository that the registry says is not there. Only the account that owns the registry can create it."""
        owner, caller = self.spec.aws.account if self.spec.aws else "", ""
        if owner and self.spec.repositories.create:
            caller = self.store.session.account()
        if not caller or caller == owner:
            return Reading(self._observe(path, None, lambda: self._creatable(path)))
        unreadable = Unreadable(
            self.spec.name,
            UnreadableScope.REPOSITORY,
            f"there is no such repository in the registry of account {owner}, and the login is of account {caller}, "
            "which cannot create it there",
            path,
            hint=f"create it in {owner}, or log in there: see spec.auth ({self.spec.at('auth')})",
        )
        return Reading(Observed(unreadable=(unreadable,)))

    def _creatable(self, path: str) -> Observed:
        """Absent, if a push could follow: else apply would leave empty repositories behind. Policies made by Palette's
        guide lack the right to log in."""
        self.store.log_in()
        return Observed(absent=frozenset({self._address(path)}))

    def _create(self, change: Change) -> None:
        path, wanted = change.address.path, change.after or {}
        made = {name: value for name, value in wanted.items() if name in forms.CREATED}
        try:
            self.store.create(path, made, {**_tags(made), **forms.marks(self.spec.owner, made)})
        except RegistryError as error:
            if error.code != ALREADY_EXISTS:
                raise
            left = self._missing(change)
        else:
            left = [name for name in wanted if name not in made]
        self._correct(change, left, wanted, made=True)

    def _missing(self, change: Change) -> list[str]:
        """The settings that are still to be put into a repository that exists by now: those that are missing where it is
        our own, created by a call whose answer was lost. Raises Conflict where somebody else created it otherwise."""
        path, wanted = change.address.path, change.after or {}
        live = self._settings(path, wanted)
        names = differing(wanted, live)
        missing = names and all(live.get(name) is None for name in names)
        if not missing or forms.read_marks(self.store.resource_tags(path))[0] != self.spec.owner:
            check_meanwhile(change, live)
        return [*names]

    def _update(self, change: Change) -> None:
        """Correct what differs, if it is still what the plan saw."""
        wanted = change.after or {}
        live = self._settings(change.address.path, wanted)
        names = outstanding(change, live)
        if names:
            self._correct(change, names, {**live, **wanted}, made=False)

    def _settings(self, path: str, names: Collection[str]) -> dict[str, Json]:
        return self.store.settings(path, self.store.described([path])[path], names)

    def _correct(
        self, change: Change, names: Sequence[str], settings: Mapping[str, Json], *, made: bool
    ) -> None:
        """Put the named settings one after the other, and last the marks that say so.

        A failure names what was done before and what is missing.
        """
        path, written = change.address.path, change.after or {}
        tags = _tags(written) if "tags" in names else {}
        left, done = list(names), ["it was created"] if made else []
        try:
            for correction in forms.corrections(names, settings):
                self.store.correct(path, correction)
                left = [name for name in left if name not in correction.names]
                done.append(f"its {listed(correction.names)} was set")
            if names:
                self.store.tag(path, {**tags, **forms.marks(self.spec.owner, written)})
        except RegistryError as error:
            missing = f"its {listed(left)} not" if left else "the marks of regsync not"
            raise type(error)(
                f"{', '.join([*done, missing])}: {error.message}",
                hint=error.hint,
                code=error.code,
                status=error.status,
            ) from error


def _alone(unreadable: Unreadable) -> Unreadable:
    """The same of the repository itself and nothing in it."""
    if unreadable.scope is UnreadableScope.REGISTRY:
        return unreadable
    return replace(unreadable, scope=UnreadableScope.TAG)


def _marked(live: LiveRepository, tags: Mapping[str, object]) -> LiveRepository:
    owner, marks = forms.read_marks(tags)
    return replace(live, owner=owner, marks=marks, marks_read=True)


def _tags(settings: Mapping[str, Json]) -> dict[str, str]:
    written = settings.get("tags")
    return {key: str(value) for key, value in written.items()} if isinstance(written, dict) else {}
