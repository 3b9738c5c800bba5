"""Writes manifests: documents of kind Registry as the YAML that a person would write. Knows their form and no registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from regsync.model.draft import Draft, Seen
from regsync.model.registry import Provider
from regsync.model.settings import Json

SCHEMA = "regsync.schema.json"
"""The file beside manifests by which editors complete and check them."""

_MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
# What YAML reads as the very text without quotes, alone and inside brackets.
_PLAIN = re.compile(r"(\.{1,2}/|[A-Za-z/])[A-Za-z0-9_./@*+-]*|https?://[A-Za-z0-9_.-]+(:[0-9]+)?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def render_drafts(drafts: Sequence[Draft], *comments: str) -> str:
    """A file that holds these documents, with lines of comment at its top."""
    head = [_MODELINE, *(_comment(each) for each in comments)]
    documents = ("\n".join(_document(each)) for each in drafts)
    return "\n".join([*head, "\n---\n".join(documents)]) + "\n"


def text(value: str) -> str:
    """A text as YAML has it: plain where that is safe, else in quotes."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    visible = (each if each.isprintable() else f"\\U{ord(each):08x}" for each in escaped)
    return f'"{"".join(visible)}"'


def _document(draft: Draft) -> Iterator[str]:
    yield "apiVersion: regsync/v1"
    yield "kind: Registry"
    yield f"metadata: {{name: {draft.name}}}"
    yield "spec:"
    yield f"  provider: {draft.provider}"
    yield f"  type: {draft.type}"
    yield f"  endpoint: {text(draft.endpoint)}"
    if draft.connect_to:
        yield f"  connectTo: {text(draft.connect_to)}"
    if draft.ca_file:
        yield f"  tls: {{caFile: {text(draft.ca_file)}}}"
    if draft.regions:
        yield f"  regions: {_flow(draft.regions)}"
    paths = [path for path in draft.base_content_paths if path]
    if paths:
        after = "   # spectro-packs/archive is appended to each" if draft.provider is Provider.PACK else ""
        yield f"  baseContentPaths: {_flow(paths)}{after}"
    else:
        yield "  synchronization: false   # without it, Palette lists charts beneath base content paths only"
    if draft.project:
        yield f"  project: {_mapping(draft.project)}"
    repositories = {**draft.settings, **({} if draft.base else {"base": False})}
    if repositories:
        after = "" if draft.base else "   # what is live beneath is enough"
        yield f"  repositories: {_mapping(repositories)}{after}"
    yield from _content(draft)


def _content(draft: Draft) -> Iterator[str]:
    noun = draft.provider.noun
    named = [each for each in draft.managed if each.local]
    if draft.packs:
        yield "  content:"
        yield from _item(noun, draft.packs)
    elif named:
        yield "  content:"
        for base in draft.base_content_paths:
            places = dict.fromkeys(each.local for each in named if each.base == base)
            if places:
                yield from _item(noun, [*places], base if base != draft.base_content_paths[0] else "")
    else:
        yield "  content: []"
    if rest := [each for each in draft.managed if not each.local]:
        what = "its folder or .tgz archive" if draft.provider is Provider.HELM else "its folder"
        yield f"  # Live, and left alone until it is named: name {what}, as in `- {noun}s: ../{noun}s/NAME`."
        yield from _comments(rest, draft)
    if draft.unmanaged:
        yield f"  # Live, and no {noun} that can be named; left alone."
        yield from _comments(draft.unmanaged, draft)


def _item(noun: str, places: Sequence[str], path: str = "") -> Iterator[str]:
    indent = "    - "
    if path:
        yield f"{indent}path: {text(path)}"
        indent = "      "
    if len(places) == 1:
        yield f"{indent}{noun}s: {text(places[0])}"
    else:
        yield f"{indent}{noun}s:"
        yield from (f"        - {text(each)}" for each in places)


def _comments(seen: Sequence[Seen], draft: Draft) -> Iterator[str]:
    """What was seen, in columns that are wide enough for all but what comes last."""
    rows = [
        (each.shown, each.short_digest, each.base if len(draft.base_content_paths) > 1 else "", each.reason)
        for each in seen
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width)
        yield "  " + _comment("  " + "   ".join(cells).rstrip())


def _comment(words: str) -> str:
    """A comment of one line, whatever a registry has put into its words."""
    return "# " + "".join(each if each.isprintable() else "?" for each in words)


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(text(each) for each in values)}]"


def _mapping(values: Mapping[str, Json]) -> str:
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in values.items()) + "}"


def _value(value: Json) -> str:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return _mapping(value)
    return json.dumps(value, ensure_ascii=False)
