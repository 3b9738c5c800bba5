"""One change as HTML: a line, and beneath it what is told when it is opened. Knows nothing of where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby

from regsync.model.content import FileDiff, FileStatus
from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, Cause, Change, ResourceType
from regsync.model.reference import is_digest
from regsync.model.settings import Json, canonical, differs
from regsync.report.html.markup import Html, element, helps, join, safe
from regsync.report.lines import show_bytes, show_count, show_seconds
from regsync.report.plan import MARKER
from regsync.report.table import position

WIDEST_LINE = 400
"""Characters of a line of a file that are shown."""

LONGEST_VALUE = 120
"""Characters of a value that are shown on one line; longer ones are compared line by line."""

_MARKUP = 12
"""Characters of tags beside a line of a text, at most."""

_DIFF_TAG = {"+": "ins", "-": "del", "@": "i"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change on the page: its number there, how it ended, and the texts that differ."""

    number: int
    change: Change
    result: Result | None
    texts: tuple[FileDiff, ...]

    @property
    def anchor(self) -> str:
        return f"c{self.number}"

    @property
    def size(self) -> int:
        """Characters of HTML that the texts take in full."""
        return sum(len(_shown_line(each)) + _MARKUP for text in self.texts for each in text.lines)


def entries(changes: Iterable[Change], results: Sequence[Result]) -> list[Entry]:
    """All that is to be shown as a change: what was to be done, then what else the plan holds, no-ops left out."""
    done = {each.change.address for each in results}
    rest = [each for each in changes if each.action is not Action.NO_OP and each.address not in done]
    every: list[tuple[Change, Result | None]] = [(each.change, each) for each in results]
    every += [(each, None) for each in rest]
    return [
        Entry(number, change, result, (*_documents(change), *change.diffs))
        for number, (change, result) in enumerate(sorted(every, key=lambda each: each[0].address), 1)
    ]


def fair_share(sizes: Iterable[int], budget: int) -> int:
    """The most that each may take so that all together take no more than `budget`: what small ones leave, large ones
    have."""
    ordered = sorted(sizes)
    for number, size in enumerate(ordered):
        share = budget // (len(ordered) - number)
        if size > share:
            return share
        budget -= size
    return ordered[-1] if ordered else 0


def chip(change: Change) -> Html:
    """The action of a change, by marker and word."""
    return element("span", f"{MARKER[change.action]} {change.action}", class_=f"chip {change.action}")


def status_chip(status: Status) -> Html:
    """How a change ended, in a word."""
    return element(
        "span", "already so" if status is Status.ALREADY else status.value, class_=f"status {status}"
    )


def render_change(entry: Entry, *, share: int, opened: bool) -> Html:
    """A change; of its texts as many characters are shown as `share` says."""
    change, result = entry.change, entry.result
    said, where = _said(change, result), position(change.origin)
    return element(
        "details",
        element(
            "summary",
            chip(change),
            element("b", change.address.tag or change.type.value),
            status_chip(result.status) if result else "",
            element("span", said, class_="why"),
            "" if change.cause is Cause.UNKNOWN else element("span", change.cause.value, class_="cause"),
            element("small", where) if where not in said else "",
        ),
        element("div", *_body(entry, share)),
        class_="change",
        id=entry.anchor,
        open=opened,
        data_action=change.action.value,
        data_cause=change.cause.value,
        data_status=result.status.value if result else False,
    )


def _body(entry: Entry, share: int) -> Iterator[Html]:
    """What a change says when it is opened."""
    change, result = entry.change, entry.result
    if result is not None:
        yield helps(result.hint)
    facts = [*_facts(change, result), *_values(change)]
    yield element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts))
    yield from _texts(entry.texts, share)
    yield from (element("p", element("b", "Note "), each, class_="note") for each in change.notes)
    if not (result and result.hint == change.help):
        yield helps(change.help)


def _said(change: Change, result: Result | None) -> str:
    """What the line of a change says: why it is there, and after an apply what it took or what kept it from coming
    about."""
    if result is not None and result.status is Status.APPLIED:
        sent = f"{show_bytes(result.sent)} sent " if result.sent else ""
        return f"{sent}in {show_seconds(result.seconds)}"
    return (result.detail if result else None) or change.why


def _facts(change: Change, result: Result | None) -> Iterator[tuple[str, str]]:
    """What a change is about, and where its content comes from."""
    yield "address", str(change.address)
    if change.why != _said(change, result):
        yield "why", change.why
    if change.wanted is not None:
        yield "held back", change.wanted.value
    if change.source is not None:
        files = f"{show_count(change.source.files, 'file')}, " if change.source.files else ""
        yield "from", f"{change.source.shown} ({files}{show_bytes(change.source.size)})"
    if change.copy is not None:
        how = "by replication" if change.copy.replicated else f"verbatim, {_value(change.copy.digest)}"
        yield "from", f"{change.copy.address} ({how})"


def _values(change: Change) -> Iterator[tuple[str, Html]]:
    """The attributes: both sides where there are two."""
    for name, before, after in _sides(change):
        if _is_short(before, after):
            live = element("del", _value(before)) if change.before is not None else ""
            wanted = element("ins", _value(after)) if change.after is not None else ""
            yield name, join([live, " → " if live and wanted else "", wanted])


def _sides(change: Change) -> Iterator[tuple[str, Json, Json]]:
    """What a change makes of each attribute, by name. Where there is one side only that is all of it, but of an artifact
    what is not told elsewhere."""
    before, after = change.before, change.after
    if before is not None and after is not None:
        for name in sorted(after):
            shown = name != "content" or not change.diffs  # the files stand for it
            if shown and differs(name, after[name], before.get(name)):
                yield name, before.get(name), after[name]
    elif change.type is ResourceType.ARTIFACT:
        for name in ("digest", "tags") if before else ():
            yield name, (before or {}).get(name), None
    else:
        for name, value in sorted((before or after or {}).items()):
            yield name, value if before else None, value if after else None


def _documents(change: Change) -> Iterator[FileDiff]:
    """The values that are too long for a line, as texts that differ."""
    for name, *sides in _sides(change):
        if not _is_short(*sides):
            live, wanted = ([] if each is None else _lines(name, each) for each in sides)
            status = (
                FileStatus.CHANGED if live and wanted else FileStatus.REMOVED if live else FileStatus.ADDED
            )
            lines = list(unified_diff(live, wanted, lineterm=""))[2:]
            # Nobody has a file with the numbers of lines that these are.
            yield FileDiff(
                name, status, None, None, tuple(each for each in lines if not each.startswith("@@"))
            )


def _lines(name: str, value: Json) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return json.dumps(canonical(name, value), indent=2, sort_keys=True).splitlines()


def _is_short(before: Json, after: Json) -> bool:
    return max(len(_value(before)), len(_value(after))) <= LONGEST_VALUE


def _value(value: Json) -> str:
    match value:
        case None:
            return "none"
        case str():
            return value[:19] + "…" if is_digest(value) else value
        case [_, *_] if all(isinstance(each, str) for each in value):
            return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _texts(texts: Sequence[FileDiff], share: int) -> Iterator[Html]:
    """The texts that differ, as many of their lines as the share allows; what is left out is counted."""
    left_out = 0
    for text in texts:
        shown = []
        for each in map(_shown_line, text.lines):
            share -= len(each) + _MARKUP
            if share < 0:
                break
            shown.append(each)
        left_out += len(text.lines) - len(shown)
        yield _text(text, shown)
    if left_out:
        yield element(
            "p", f"… {show_count(left_out, 'more line')} (regsync show PLANFILE --detail full)", class_="more"
        )


def _text(text: FileDiff, shown: Sequence[Html]) -> Html:
    """One text: how it differs as a whole, and those of its lines that are shown, alike ones in one element."""
    sizes = " → ".join(show_bytes(each.size) for each in (text.before, text.after) if each is not None)
    said = " · ".join(each for each in (text.status.value, sizes, text.note) if each)
    caption = element("figcaption", element("b", text.path), " ", said)
    ended = (join([each, Html("\n")]) for each in shown)
    blocks = (
        element(_DIFF_TAG[kind], *group) if kind in _DIFF_TAG else join(group)
        for kind, group in groupby(ended, key=lambda each: each[:1])
    )
    return element("figure", caption, element("pre", element("code", *blocks)) if shown else "")


def _shown_line(line: str) -> Html:
    return safe(line if len(line) <= WIDEST_LINE else line[:WIDEST_LINE] + "…")
