"""Plans and outcomes for tests: builders with real-looking defaults, and hypothesis strategies for any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Origin
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import (
    Action,
    Base,
    Cause,
    Change,
    Copy,
    Guard,
    Overrides,
    Plan,
    PlanRequest,
    Reason,
    RegistryView,
    ResourceType,
    Selection,
    Source,
)
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope

NEW = "sha256:" + "a1b2" * 16
OLD = "sha256:" + "c3d4" * 16
LIVE = "sha256:" + "e5f6" * 16


def make_change(address: str, action: Action = Action.CREATE, **more: Any) -> Change:
    """Build a change of an artifact that differs in its content where it is on both sides."""
    parsed = Address.parse(address)
    title = f"{parsed.path.rpartition('/')[2]}-{parsed.tag}.tar.gz"
    live = {"digest": LIVE, "content": OLD, "title": title, "owner": parsed.registry, "tags": [parsed.tag]}
    equal = {**live, "content": NEW}
    reason, why = {
        Action.NO_OP: (Reason.EQUAL, "equal"),
        Action.CREATE: (Reason.MISSING, "the registry does not have it"),
        Action.DELETE: (Reason.TOMBSTONE, "tombstone"),
    }.get(action, (Reason.CONTENT_DIFFERS, "the tag exists with other content"))
    defaults: dict[str, Any] = {
        "type": ResourceType.ARTIFACT,
        "cause": Cause.UNKNOWN,
        "reason": reason,
        "why": why,
        "origin": Origin("registries/prod.yaml", 14, 7),
        "before": None if action is Action.CREATE else equal if action is Action.NO_OP else live,
        "after": None
        if action is Action.DELETE
        else {"content": NEW, "title": title, "owner": parsed.registry},
        "binding": {"endpoint": "https://harbor.example.com", "auth": "basic robot env:HARBOR_PASSWORD"},
        "wanted": Action.UPDATE if action is Action.BLOCKED else None,
    }
    return Change(parsed, action=action, **{**defaults, **more})


def make_plan(*changes: Change, **more: Any) -> Plan:
    """Build a plan of `changes` over the registry harbor-prod, made from the folder registries."""
    defaults: dict[str, Any] = {
        "request": PlanRequest(paths=("registries",)),
        "registries": (RegistryView("harbor-prod", "harbor", "https://harbor.example.com"),),
        "manifest_files": 1,
    }
    return Plan(changes=tuple(sorted(changes, key=lambda each: each.address)), **{**defaults, **more})


def unchanged(count: int) -> list[Change]:
    """As many packs that are what they must be."""
    return [
        make_change(f"harbor-prod/team/spectro-packs/archive/pack-{number}:1.0.0", Action.NO_OP)
        for number in range(count)
    ]


words = st.text(max_size=12)
"""Any text at all: registries and archives supply control characters, line ends and whatever else."""
names = st.text(st.characters(exclude_characters="/:", codec="utf-8"), min_size=1, max_size=12)
counts = st.integers(0, 10**12)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2)
)
json_objects = st.dictionaries(words, json_values, max_size=3)


def tuples_of(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


addresses = st.builds(Address, names, names, st.none() | names)
origins = st.builds(Origin, words, st.integers(1, 10**6), st.integers(1, 10**4))
entries = st.builds(FileEntry, words, hashes, counts, st.booleans())
file_diffs = st.builds(
    FileDiff,
    path=words,
    status=st.sampled_from(FileStatus),
    before=st.none() | entries,
    after=st.none() | entries,
    lines=tuples_of(st.builds(str.__add__, st.sampled_from(["@@ -1 +1 @@", "+", "-", " "]), words), 30),
    note=st.none() | words,
)
changes = st.builds(
    Change,
    address=addresses,
    type=st.sampled_from(ResourceType),
    action=st.sampled_from(Action),
    cause=st.sampled_from(Cause),
    reason=st.sampled_from(Reason),
    why=words,
    origin=st.none() | origins,
    before=st.none() | json_objects,
    after=st.none() | json_objects,
    binding=st.dictionaries(words, words, max_size=2),
    source=st.none() | st.builds(Source, words, counts, counts),
    diffs=tuples_of(file_diffs),
    notes=tuples_of(words),
    help=st.none() | words,
    wanted=st.none() | st.sampled_from(Action),
    copy=st.none() | st.builds(Copy, addresses, st.none() | words, st.booleans()),
)
guards = st.builds(
    Guard,
    name=words,
    registry=names,
    ok=st.booleans(),
    text=words,
    override=words,
    origin=st.none() | origins,
)
unreadables = st.builds(
    Unreadable,
    registry=names,
    scope=st.sampled_from(UnreadableScope),
    reason=words,
    path=words,
    tag=st.none() | words,
    hint=st.none() | words,
)
requests = st.builds(
    PlanRequest,
    paths=tuples_of(words),
    selection=st.builds(Selection, tuples_of(words), tuples_of(words)),
    overrides=st.builds(
        Overrides,
        max_deletes=st.none() | counts,
        max_delete_share=st.none() | counts,
        allow_empty=tuples_of(words),
        unprotect=tuples_of(words),
        adopt=tuples_of(words),
    ),
    variables=json_objects,
)
views = st.builds(
    RegistryView, names, words, words, *[st.none() | words] * 2, st.booleans(), st.none() | words
)
plans = st.builds(
    Plan,
    request=requests,
    registries=tuples_of(views),
    changes=tuples_of(changes, 6),
    guards=tuples_of(guards),
    unreadable=tuples_of(unreadables),
    notes=tuples_of(words),
    unmanaged=counts,
    not_compared=counts,
    outside=counts,
    manifest_files=counts,
    base=st.none() | st.builds(Base, words, hashes),
)
results = st.builds(
    Result,
    change=st.builds(
        make_change,
        st.builds("harbor/{}:{}".format, names, names),
        st.sampled_from([action for action in Action if action.writes]),
    ),
    status=st.sampled_from([each for each in Status if each is not Status.RUNNING]),
    detail=st.none() | words,
    hint=st.none() | words,
    sent=counts,
    seconds=st.floats(0, 10**6),
)
outcomes = st.builds(
    Outcome,
    plan=plans,
    results=tuples_of(results | results.map(lambda each: replace(each, status=Status.RUNNING)), 6),
    seconds=st.floats(0, 10**6),
    signal=st.sampled_from([None, 2, 15]),
    requests=st.dictionaries(names, counts, max_size=2),
)
