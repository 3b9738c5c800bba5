"""One artifact: what is desired against what is live, and who may change it."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from regsync.model.diagnostic import Origin
from regsync.model.plan import Action, Cause, Change, Overrides, Reason, ResourceType, Source
from regsync.model.reference import Address
from regsync.model.registry import Overwrite, RegistrySpec
from regsync.model.settings import Json
from regsync.model.state import DesiredAbsence, DesiredArtifact, LiveArtifact

_RULE = "a rule in the registry keeps everyone from"


def live_attributes(live: LiveArtifact) -> dict[str, Json]:
    """The `before` of an artifact."""
    return {
        "digest": live.digest,
        "content": live.content,
        "title": live.title,
        "owner": live.owner,
        "tags": list(live.tags or (live.address.tag or "",)),
    }


def compare_artifact(
    spec: RegistrySpec,
    desired: DesiredArtifact,
    live: LiveArtifact | None,
    overrides: Overrides,
    *,
    immutable: bool = False,
) -> Change:
    """The change that makes `live` (None: the registry says it is absent) what is `desired`. `immutable`: its
    repository refuses to move the tag, whatever the policy says.
    """
    change = Change(
        address=desired.address,
        type=ResourceType.ARTIFACT,
        action=Action.CREATE,
        cause=Cause.UNKNOWN,
        reason=Reason.MISSING,
        why="the registry does not have it",
        origin=desired.origin,
        after={
            "content": desired.content.digest,
            "title": desired.title,
            "owner": None if desired.verbatim else spec.owner,
        },
        binding=spec.binding(),
        source=Source(desired.shown, len(desired.content.files), desired.packed or desired.content.size),
    )
    if live is None:
        return change
    change = replace(change, before=live_attributes(live), notes=(live.note,) if live.note else ())
    foreign = live.owner is not None and live.owner != spec.owner
    if live.content == desired.content.digest and live.title == desired.title:
        kept = (f"belongs to {live.owner}; its content is equal, so it is left as it is",) if foreign else ()
        return replace(
            change, action=Action.NO_OP, reason=Reason.EQUAL, why="equal", notes=change.notes + kept
        )

    ours = live.marked and live.owner == spec.owner
    reason, why = _difference(desired, live, spec.provider.noun)
    change = replace(
        change,
        action=Action.UPDATE,
        cause=Cause.MANIFEST if ours else Cause.UNKNOWN,
        reason=reason,
        why=why,
    )
    if foreign and str(desired.address) not in overrides.adopt:
        return blocked(
            change,
            Reason.OTHER_OWNER,
            f"{why}, and it belongs to {live.owner}",
            f"agree with {live.owner} who keeps it, then take it over with --adopt {desired.address}",
        )
    if immutable or live.immutable:
        rule = (
            "its repository never moves this tag (tagMutability)" if immutable else f"{_RULE} moving this tag"
        )
        return blocked(
            change,
            Reason.IMMUTABLE_TAG,
            f"{why}, and {rule}",
            _another_version(desired),
        )
    if spec.policy.overwrite is Overwrite.NEVER:
        return blocked(
            change,
            reason,
            why,
            _ways_out(spec, desired, ours=ours),
        )
    change = replace(change, why=f"{why}; overwrite: allow at {position(spec.at('policy.overwrite'))}")
    adopted: tuple[str, ...] = ()
    if desired.verbatim:
        adopted = ("carries no mark after this update: it is copied as it stands",) if live.owner else ()
    elif live.owner is None:
        adopted = (f"carries no mark; this update makes {spec.owner} its owner",)
    elif foreign:
        adopted = (f"taken over from {live.owner} (--adopt)",)
    return replace(change, notes=change.notes + adopted)


def _ways_out(spec: RegistrySpec, desired: DesiredArtifact, *, ours: bool) -> str:
    """What to do where the policy keeps a tag. What this owner's regsync did not push may be a slip in the registry."""
    ways = [_another_version(desired), f"set policy.overwrite: allow {spec.place('policy.overwrite')}"]
    if not ours:
        ways.append("where somebody moved the tag by hand, delete it there: the next apply pushes it again")
    *others, last = ways
    return f"{', '.join(others)}, or {last}"


def _another_version(desired: DesiredArtifact) -> str:
    """What to do where a tag must keep what it has."""
    if desired.packed is None:
        return f"raise the version at {position(desired.version_origin)}"
    return (
        f"it was published anew since it was pushed: restore its pin in the lock file, or ask for another version at "
        f"{position(desired.version_origin)}"
    )


def compare_absence(
    spec: RegistrySpec, desired: DesiredAbsence, live: LiveArtifact | None, overrides: Overrides
) -> Change:
    """The change that a tombstone asks for: a delete of what is live, unless it is another owner's."""
    change = Change(
        address=desired.address,
        type=ResourceType.ARTIFACT,
        action=Action.NO_OP,
        cause=Cause.UNKNOWN,
        reason=Reason.EQUAL,
        why="absent, as its tombstone says",
        origin=desired.origin,
        binding=spec.binding(),
    )
    if live is None:
        return change
    why = f"tombstone at {position(desired.origin)}"
    change = _delete(spec, live, Reason.TOMBSTONE, why, desired.origin)
    if live.owner not in (None, spec.owner) and str(desired.address) not in overrides.adopt:
        return blocked(
            change,
            Reason.OTHER_OWNER,
            f"{why}, but it belongs to {live.owner}",
            f"agree with {live.owner}, then delete it with --adopt {desired.address}",
        )
    return _unless_kept(change, live)


def is_ours(spec: RegistrySpec, live: LiveArtifact) -> bool:
    """Whether this owner's regsync pushed `live` under this very tag.

    The mark goes along when somebody gives the same OCI manifest a second tag (`oras tag`); the title of a pack, and what
    a chart calls itself, do not fit then.
    """
    name, tag = live.address.path.rpartition("/")[2], live.address.tag
    fits = live.chart == f"{name}:{tag}" if live.chart else live.title == f"{name}-{tag}.tar.gz"
    return live.marked and live.owner == spec.owner and fits


def prune(spec: RegistrySpec, live: LiveArtifact) -> Change:
    """The delete of an artifact that bears our mark and that no manifest names any more."""
    origin = spec.at("policy.prune")
    change = _delete(spec, live, Reason.PRUNE, f"no manifest names it; prune at {position(origin)}", origin)
    return _unless_kept(change, live)


def _unless_kept(change: Change, live: LiveArtifact) -> Change:
    """The delete of `live`, blocked where the registry would refuse it."""
    if not live.immutable:
        return change
    return blocked(
        change,
        Reason.IMMUTABLE_TAG,
        f"{change.why}, but {_RULE} deleting this tag",
        "take the tag out of the rule first, or let it stay",
    )


def _delete(spec: RegistrySpec, live: LiveArtifact, reason: Reason, why: str, origin: Origin) -> Change:
    return Change(
        address=live.address,
        type=ResourceType.ARTIFACT,
        action=Action.DELETE,
        cause=Cause.MANIFEST if live.owner == spec.owner else Cause.UNKNOWN,
        reason=reason,
        why=why,
        origin=origin,
        before=live_attributes(live),
        binding=spec.binding(),
        notes=(live.note,) if live.note else (),
    )


def blocked(change: Change, reason: Reason, why: str, advice: str) -> Change:
    """`change`, held back: what was wanted is kept in `wanted`."""
    return replace(change, action=Action.BLOCKED, wanted=change.action, reason=reason, why=why, help=advice)


def protected(spec: RegistrySpec, address: Address) -> bool:
    """Whether a glob of `policy.protect` matches `name:tag`, `repository:tag` or the whole address."""
    name = address.path.rpartition("/")[2]
    forms = (f"{name}:{address.tag}", f"{address.path}:{address.tag}", str(address))
    return any(fnmatchcase(form, pattern) for form in forms for pattern in spec.policy.protect)


def _difference(desired: DesiredArtifact, live: LiveArtifact, noun: str) -> tuple[Reason, str]:
    if live.content is None:
        return Reason.OTHER_CONTENT, f"the tag holds something that is no {noun}"
    if live.content != desired.content.digest:
        return Reason.CONTENT_DIFFERS, "the tag exists with other content"
    return (
        Reason.TITLE_DIFFERS,
        f"the layer is called {live.title!r} where Palette looks for {desired.title!r}",
    )


def position(origin: Origin) -> str:
    """A position inside a sentence."""
    return f"{origin.file}:{origin.line}"
