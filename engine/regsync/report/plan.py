"""A plan as text: what would change and why, what is blocked, unreadable or refused, and how many of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.parity import parity
from regsync.model.plan import Action, Cause, Change, Plan, RegistryView, ResourceType
from regsync.model.reference import Address, is_digest
from regsync.model.settings import Json, canonical, differs
from regsync.model.state import Unreadable
from regsync.report.conclusion import conclusion
from regsync.report.guards import guard_lines
from regsync.report.lines import Line, Style, line, show_bytes, show_count, show_seconds
from regsync.report.parity import render_parity
from regsync.report.registrations import IN_PALETTE, facts
from regsync.report.table import Row, below, position, table
from regsync.report.typed import render_typed
from regsync.report.verbs import planned

MOST_FILES = 5
MOST_LINES = 12
"""How much of each pack is shown unless everything is asked for: files, and changed lines of each."""

MOST_ALIKE = 5
"""How many parts of a live registry are shown that could not be read for the same reason."""

LONGEST_VALUE = 60
"""Characters of a mapping or list that are shown on one line; longer ones are compared line by line."""

MARKER = {
    Action.NO_OP: " ",
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.BLOCKED: "!",
}
STYLE = {
    Action.NO_OP: Style.DIM,
    Action.CREATE: Style.ADD,
    Action.UPDATE: Style.CHANGE,
    Action.REPLACE: Style.DELETE,
    Action.DELETE: Style.DELETE,
    Action.BLOCKED: Style.WARNING,
}
_DIFF_STYLE = {"+": Style.ADD, "-": Style.DELETE}


@dataclass(frozen=True, slots=True)
class Observation:
    """What it took to make a plan: live objects read, seconds, and requests sent."""

    objects: int
    seconds: float
    requests: int


class Detail(StrEnum):
    """How much a report tells: a line per object, also the lines that change, or all there is."""

    SUMMARY = "summary"
    CHANGES = "changes"
    FULL = "full"


def render_plan(
    plan: Plan,
    *,
    detail: Detail = Detail.CHANGES,
    observed: Observation | None = None,
    next_step: str | None = None,
) -> list[Line]:
    """The plan as it is printed.

    `observed` is None where the plan was not made in this run; `next_step` is what
    the reader may do now. Markers in column 0: `+` create, `~` update, `±` replace, `-` delete, `!` blocked or
    refused, `?` unreadable, a space for an unchanged object that something is to be said of. Where causes were told against
    a merge base, drift is folded: it stands apart, a line for each change.
    """
    shown: dict[bool, list[Change]] = {False: [], True: []}
    for each in plan.changes:
        if _is_shown(each, detail):
            shown[plan.base is not None and each.cause is Cause.DRIFT].append(each)
    rows = [*_change_rows(shown[False], detail), *unreadable_rows(plan, detail)]
    lines = [line(_header(plan, observed), Style.STRONG), line(), *table(rows)]
    if rows:
        lines.append(line())
    if drifted := shown[True]:
        heading = f"Drift, not caused by what has changed since {plan.base}:"
        folded = Detail.FULL if detail is Detail.FULL else Detail.SUMMARY
        lines += [line(heading, Style.STRONG), *table(_change_rows(drifted, folded)), line()]
    if detail is not Detail.SUMMARY:
        lines += render_typed(plan, full=detail is Detail.FULL)
    lines += render_parity(parity(plan), full=detail is Detail.FULL)
    lines += [line(f"note: {each}") for each in plan.notes]
    if detail is not Detail.FULL:
        lines += notes_of_unchanged(plan.changes)
    lines += guard_lines(plan.guards)
    lines += conclusion(plan)
    if next_step:
        lines += [line(), line(next_step, Style.DIM)]
    return lines


def unreadable_rows(plan: Plan, detail: Detail) -> list[Row]:
    """What could not be compared; plans and outcomes show it alike. Where one reason hides hundreds of repositories, the
    first few stand for all."""
    alike: dict[tuple[str, str], list[Unreadable]] = {}
    for each in plan.unreadable:
        alike.setdefault((each.registry, each.reason), []).append(each)
    rows = []
    for group in alike.values():
        shown = group if detail is Detail.FULL else group[:MOST_ALIKE]
        hidden = len(group) - len(shown)
        rows += [
            Row(
                marker="?",
                address=each.address,
                verb="unreadable",
                rest=(each.reason,),
                style=Style.ERROR,
                below=(below(f"… {hidden} more likewise (--detail full)", Style.DIM),)
                if hidden and each is shown[-1]
                else (),
                help=group[0].hint or "",
            )
            for each in shown
        ]
    return rows


def from_line(change: Change) -> list[Line]:
    """Where a change takes its content from, a folder or another region, and the manifest position that asks for it."""
    if change.copy is not None:
        how = "by replication" if change.copy.replicated else f"verbatim, {_value(change.copy.digest, False)}"
        return [below("   ".join(["from", str(change.copy.address), how, position(change.origin)]).rstrip())]
    if change.source is None:
        return []
    files, size = change.source.files, show_bytes(change.source.size)
    size = f"{show_count(files, 'file')}, {size}" if files else size
    return [below("   ".join(["from", change.source.shown, size, position(change.origin)]).rstrip())]


def _header(plan: Plan, observed: Observation | None) -> str:
    types = f" ({_types(plan.registries)})" if plan.registries else ""
    parts = [
        f"manifests {show_count(plan.manifest_files, 'file')}",
        f"registries {len(plan.registries)}{types}",
    ]
    if plan.base is not None:
        parts.append(f"since {plan.base.commit[:12]} ({plan.base.ref})")
    if palettes := sorted({each.palette for each in plan.registries if each.palette}):
        parts.append(f"palettes {len(palettes)} ({', '.join(palettes)})")
    if observed is not None:
        parts.append(f"observed {show_count(observed.objects, 'object')} in {show_seconds(observed.seconds)}")
        if observed.requests:
            parts.append(show_count(observed.requests, "request"))
    return "regsync plan   " + " · ".join(parts)


def _types(registries: Sequence[RegistryView]) -> str:
    count = Counter(each.type for each in registries)
    regional = {each.type for each in registries if each.region}
    return ", ".join(
        f"{kind} {show_count(number, 'region') if kind in regional else number}"
        for kind, number in sorted(count.items())
    )


def _is_shown(change: Change, detail: Detail) -> bool:
    return change.action is not Action.NO_OP or (detail is Detail.FULL and bool(change.notes))


def _change_rows(changes: Sequence[Change], detail: Detail) -> list[Row]:
    alike = alike_settings(changes)
    return [change_row(each, detail, alike) for each in changes]


def change_row(change: Change, detail: Detail, alike: Mapping[Address, int]) -> Row:
    """A change as a row; `alike` is what `alike_settings` says of all changes."""
    where = position(change.origin)
    if where in change.why or ((change.source or change.copy) and detail is not Detail.SUMMARY):
        where = ""  # it stands in the reason, or below beside the folder
    return Row(
        marker=MARKER[change.action],
        address=str(change.address),
        verb=planned(change),
        rest=(change.why, where),
        style=STYLE[change.action],
        cause=change.cause,
        below=() if detail is Detail.SUMMARY else tuple(_details(change, detail, alike)),
        help=(change.help or "") if detail is not Detail.SUMMARY else "",
    )


def _details(change: Change, detail: Detail, alike: Mapping[Address, int]) -> list[Line]:
    full = detail is Detail.FULL
    lines = from_line(change)
    if change.type in IN_PALETTE:
        lines += [below(f"{name}   {text}") for name, text in facts(change, full=full)]
    else:
        if change.address in alike:
            lines += _settings(change, alike[change.address], full)
        lines += _attributes(change, full)
    if full:
        lines += [each for diff in change.diffs for each in _file(diff, full)]
    elif change.action not in (Action.CREATE, Action.DELETE):
        lines += [each for diff in change.diffs[:MOST_FILES] for each in _file(diff, full)]
        lines += _more(len(change.diffs) - MOST_FILES, "more file", indent="")
    lines += [below(f"note: {each}") for each in change.notes]
    return lines


def alike_settings(changes: Sequence[Change]) -> dict[Address, int]:
    """Of the repositories that a registry creates with equal settings the first, and how many more there are: hundreds
    come with the same, in all regions."""
    groups: dict[tuple[str, str], list[Address]] = {}
    for change in changes:
        has_settings = change.type in (ResourceType.REPOSITORY, ResourceType.PROJECT)
        if has_settings and change.action is Action.CREATE and change.after:
            registry, _, _ = change.address.registry.partition("@")
            groups.setdefault((registry, _value(dict(change.after), True)), []).append(change.address)
    return {first: len(others) for first, *others in groups.values()}


def _settings(change: Change, others: int, full: bool) -> list[Line]:
    """What a repository or project is created with, and how many others are."""
    likewise = f"and {others} more of {change.address.registry.partition('@')[0]} likewise" if others else ""
    settings = sorted((change.after or {}).items())
    brief = "" if full else " · ".join(f"{name} {_brief(name, value)}" for name, value in settings)
    lines = [below("   ".join(each for each in ("with", brief, likewise) if each))]
    for name, value in settings if full else ():
        text = _value(value, True)
        if len(text) <= LONGEST_VALUE or not isinstance(value, dict | list):
            lines.append(below(f"  {name}   {text}"))
        else:
            lines += [below(f"  {name}"), *(below(f"    {each}") for each in _document(value))]
    return lines


def _brief(name: str, value: Json) -> str:
    """A setting inside one line: a key by its id, and of long documents the number of lines."""
    if name == "encryption" and isinstance(value, dict):
        return " ".join(str(value[each]).rpartition("/")[2] for each in ("type", "key") if each in value)
    text = _value(value, False)
    return text if len(text) <= LONGEST_VALUE else show_count(len(_document(value)), "line")


def _attributes(change: Change, full: bool) -> list[Line]:
    """What differs between the two sides, and for a delete what goes with it. File diffs stand for the content."""
    if change.before is None or change.action is Action.NO_OP:
        return []
    if change.after is None:
        tags = change.before.get("tags")
        named = f"   tags {', '.join(map(str, tags))}" if isinstance(tags, list) else ""
        digest = change.before.get("digest")
        return [below(f"live   {_value(digest, full)}{named}")] if digest else []
    return [
        each
        for name, live in sorted(change.before.items())
        if name in change.after
        and differs(name, change.after[name], live)
        and (full or name != "content" or not change.diffs)
        for each in _attribute(name, live, change.after[name], full)
    ]


def _attribute(name: str, before: Json, after: Json, full: bool) -> list[Line]:
    """Both sides of an attribute, and of long documents the lines in which they differ."""
    texts = [_value(each, full) for each in (before, after)]
    if not isinstance(after, dict | list) or max(map(len, texts)) <= LONGEST_VALUE:
        return [below(f"{name}   {' → '.join(texts)}")]
    live, wanted = ([] if each is None else _document(canonical(name, each)) for each in (before, after))
    if not live and not full:
        return [below(f"{name}   none → {show_count(len(wanted), 'line')} (--detail full)")]
    _, _, *lines = unified_diff(live, wanted, n=3 if full else 0, lineterm="")
    shown = tuple(each for each in lines if not each.startswith("@@"))  # nobody has a file with these numbers
    return _file(FileDiff(name, FileStatus.CHANGED, None, None, shown), full)


def _document(value: Json) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True).splitlines()


def _value(value: Json, full: bool) -> str:
    if value is None:
        return "none"
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value if full or not is_digest(value) else value[:19] + "…"


def _file(diff: FileDiff, full: bool) -> list[Line]:
    """A file's line and, beneath it, the lines that change: with what is around them where everything is shown."""
    lines = diff.lines
    if not full:
        lines = tuple(each for each in lines if each[:1] in ("@", "+", "-"))
    if not lines or (diff.status is not FileStatus.CHANGED and not full):
        return [below("   ".join(part for part in (diff.path, _sizes(diff, full), diff.note) if part))]
    head = [diff.path, *([] if diff.status is FileStatus.CHANGED else [_sizes(diff, full)])]
    if lines[0].startswith("@@"):
        head.append(lines[0])
        lines = lines[1:]
    shown = lines if full else lines[:MOST_LINES]
    return [
        below("   ".join([*head, diff.note] if diff.note else head)),
        *(below(f"  {each}", _DIFF_STYLE.get(each[:1], Style.DIM)) for each in shown),
        *_more(len(lines) - len(shown), "more line", indent="  "),
    ]


def _more(number: int, word: str, *, indent: str) -> list[Line]:
    return [below(f"{indent}… {show_count(number, word)} (--detail full)", Style.DIM)] if number > 0 else []


def _sizes(diff: FileDiff, full: bool) -> str:
    sides = [each for each in (diff.before, diff.after) if each is not None]
    parts = [diff.status.value, " → ".join(show_bytes(each.size) for each in sides)]
    if full or diff.status is FileStatus.CHANGED:
        parts.append("sha256 " + " → ".join(_hash(each, full) for each in sides))
    return ", ".join(parts)


def _hash(entry: FileEntry, full: bool) -> str:
    return entry.sha256 if full else entry.sha256[:12] + "…"


def notes_of_unchanged(changes: Sequence[Change]) -> list[Line]:
    """Notes on objects that stay as they are, equal ones together: a registry may hold hundreds of a kind."""
    about: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is Action.NO_OP:
            for note in change.notes:
                about.setdefault(note, []).append(change)
    lines = []
    for note, noted in about.items():
        others = f" and {len(noted) - 1} more unchanged (--detail full)" if noted[1:] else ", unchanged"
        lines.append(line(f"note: {noted[0].address}{others}: {note}"))
    return lines
