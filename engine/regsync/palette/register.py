"""Writes registrations: tried by Palette first, behind what the plan saw, and read back. Plans nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from regsync.model.errors import Conflict, NotFound, RateLimited, RegistryError, Unreachable
from regsync.model.palette import DesiredRegistration, LiveRegistration
from regsync.model.plan import Action, Change
from regsync.model.settings import Json, differing
from regsync.palette.api import PaletteApi, Summary
from regsync.palette.base import Secrets
from regsync.palette.failures import listed, refused
from regsync.palette.lookup import Directory, Sts, read
from regsync.palette.wire import Document, body_of, part, registration_of
from regsync.transport.retry import noted

PAUSES = (2.0, 4.0, 8.0)
"""Seconds after each attempt to register of which is not known whether it was heeded."""

_PLAN_AGAIN = "plan again to see what was changed meanwhile"


def completed(settings: Mapping[str, Json], sts: Sts) -> Mapping[str, Json]:
    """Settings with the tenant's own external ID where they need one and have none. Raises RegistryErrors."""
    if settings["auth"] != "sts" or settings.get("externalId"):
        return settings
    return {**settings, "externalId": sts(str(settings.get("partition") or "aws"))[1]}


def try_out(api: PaletteApi, desired: DesiredRegistration, spec: Document, sts: Sts) -> None:
    """Have Palette try a registration. Raises RegistryErrors that say what may be behind a failure."""
    settings = desired.spec.settings
    try:
        api.validate(str(settings["type"]), spec)
    except RegistryError as error:
        trust = None
        if settings["auth"] == "sts":
            with suppress(RegistryError):
                account, external_id = sts(str(settings.get("partition") or "aws"))
                trust = account, str(settings.get("externalId") or external_id)
        raise refused(error, desired, trust) from error


def register(
    api: PaletteApi,
    change: Change,
    desired: DesiredRegistration,
    secrets: Secrets,
    sts: Sts,
    sleep: Callable[[float], object],
) -> None:
    """See Palette.register. `sleep` waits some seconds before a request is repeated that may have been heeded."""
    name = desired.spec.name
    settings = completed(change.after or {}, sts)
    found, live = _as_planned(api, change)
    kept = live
    if change.action is Action.REPLACE:
        kept = {"metadata": {each: part(live, "metadata", each) for each in ("annotations", "labels")}}
    body = body_of(name, desired.owner, settings, secrets.values, kept)
    try_out(api, desired, body["spec"], sts)
    type_ = str(settings["type"])
    if found is None:
        uid = _create(api, type_, name, body, sleep)
    elif change.action is Action.REPLACE:
        with suppress(NotFound):
            api.delete(found.type, found.uid)
        try:
            uid = _create(api, type_, name, body, sleep)
        except RegistryError as error:
            raise noted(error, "; the old registration is removed by now, so apply again") from error
    else:
        uid = found.uid
        try:
            api.update(type_, uid, body)
        except NotFound as error:
            raise _gone(change, error.message) from None
    written = registration_of(name, uid, type_, api.registry(type_, uid), is_default=False)
    _check_taken(change, desired.owner, settings, written)


def unregister(api: PaletteApi, change: Change) -> None:
    """See Palette.unregister."""
    found, _ = _as_planned(api, change)
    if found is None:
        raise _gone(change, "Palette does not have it any more")
    with suppress(NotFound):  # a repeated request finds what it has removed gone
        api.delete(found.type, found.uid)


def _as_planned(api: PaletteApi, change: Change) -> tuple[Summary | None, Document]:
    """What a change is about, as it is now. Raises Conflict where it is not what the plan saw."""
    name = change.address.registration or ""
    directory = Directory.read(api)
    found = directory.find(name)
    if change.before is None:
        if found or directory.taken_by(name):
            raise Conflict(f"{change.address}: Palette has {name} by now", hint=_PLAN_AGAIN)
        return None, {}
    if found is None or found.uid != change.before["uid"]:
        now = f"another one has the name by now ({found.uid})" if found else "no other one has the name"
        raise _gone(change, f"uid {change.before['uid']}; {now}")
    live, document = read(api, directory, found)
    before = {each: value for each, value in change.before.items() if each != "uid"}
    if names := differing(before, live.settings):
        raise Conflict(
            f"{change.address} is not what the plan saw: its {listed(names)} changed", hint=_PLAN_AGAIN
        )
    return found, document


def _create(api: PaletteApi, type_: str, name: str, body: Document, sleep: Callable[[float], object]) -> str:
    """Register, and return the uid. Where no answer came it is looked up by its name before it is tried again, so that
    there are never two."""
    unsure: RegistryError | None = None
    for pause in (*PAUSES, None):
        try:
            return api.create(type_, body)
        except RegistryError as error:
            passing = isinstance(error, RateLimited | Unreachable)
            if not passing and unsure is None:
                raise
            unsure = error
        try:
            made = next((each for each in api.summaries() if each.name == name), None)
        except RegistryError:
            raise noted(unsure, "; whether it is registered now is not known: plan again") from None
        if made and made.uid:
            return made.uid
        if not passing or pause is None:
            break
        sleep(pause)
    assert unsure is not None
    raise unsure


def _check_taken(change: Change, owner: str, settings: Mapping[str, Json], live: LiveRegistration) -> None:
    """Raise RegistryError unless Palette has all that was sent."""
    if live.owner not in (None, owner):
        raise Conflict(f"{change.address} was registered by {live.owner} meanwhile", hint=_PLAN_AGAIN)
    names = differing(settings, live.settings)
    lost = [each for each in names if each.endswith(".version")]
    if live.owner is None or (lost and len(lost) == len(names)):
        what = f"the version of its {listed([each.removesuffix('.version') for each in lost])}"
        raise RegistryError(
            f"Palette did not keep {what if lost else 'whose it is'} in the annotations of {change.address}",
            hint=f"write it once more: regsync apply --send-secrets {change.address}",
        )
    if names:
        raise RegistryError(
            f"Palette did not take the {listed(names)} of {change.address}",
            hint="its version may not know them; what Palette has now, the next plan shows",
        )


def _gone(change: Change, why: str) -> Conflict:
    return Conflict(f"{change.address} is gone since the plan was made: {why}", hint=_PLAN_AGAIN)
