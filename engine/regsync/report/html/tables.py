"""All of a run that is not a change as HTML tables and lists: findings, unreadable parts, guards, parity, notes, requests.

Knows no page around them; each part is empty where there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from regsync.model.diagnostic import Diagnostic, Severity
from regsync.model.errors import RegsyncError
from regsync.model.parity import Parity, Standing
from regsync.model.plan import Action, Change, Guard
from regsync.model.state import Unreadable
from regsync.report.html.markup import Html, element, helps, join
from regsync.report.parity import cells, show_standings, show_warning, uneven_rows
from regsync.report.table import position

MOST_DIAGNOSTICS = 500
MOST_NAMES = 200
"""How many findings are shown, and how many names where one reason concerns many objects."""

_MARK = {
    Standing.EQUAL: "=",
    Standing.OTHER_DIGEST: "≈",
    Standing.DIFFERS: "≠",
    Standing.MISSING: "-",
    Standing.UNREADABLE: "?",
}


def render_error(error: RegsyncError) -> Html:
    """What kept the run from going on, and what to do."""
    return element("div", element("p", error.message), helps(error.hint), class_="finding error")


def render_diagnostics(diagnostics: Iterable[Diagnostic]) -> Html:
    """Findings about the user's files, errors first, with the source that they speak of."""
    ordered = sorted(diagnostics, key=lambda each: (each.severity is not Severity.ERROR, *each.sort_key()))
    more = len(ordered) - MOST_DIAGNOSTICS
    return join(
        [
            *map(_diagnostic, ordered[:MOST_DIAGNOSTICS]),
            element("p", f"… and {more} more: regsync validate", class_="more") if more > 0 else "",
        ]
    )


def _diagnostic(diagnostic: Diagnostic) -> Html:
    origin, snippet = diagnostic.origin, diagnostic.snippet
    source = Html("")
    if origin and snippet:
        start = origin.column - 1
        end = start + snippet.length
        source = element(
            "pre",
            element("span", f"{origin.line:>4}  ", class_="dim"),
            snippet.text[:start],
            element("mark", snippet.text[start:end]),
            snippet.text[end:],
        )
    return element(
        "article",
        element(
            "p",
            element("span", diagnostic.severity.value, class_=f"severity {diagnostic.severity}"),
            " ",
            element("code", diagnostic.code),
            " ",
            element("b", diagnostic.summary),
        ),
        element("p", str(origin), class_="at") if origin else "",
        source,
        *(
            element("p", f"{each.label}: ", element("span", str(each.origin), class_="at"))
            for each in diagnostic.related
        ),
        *(element("p", each) for each in (diagnostic.detail or "").splitlines()),
        helps(diagnostic.help),
        class_=f"finding {diagnostic.severity}",
    )


def render_unreadable(parts: Iterable[Unreadable]) -> Html:
    """What could not be compared: a row for each reason of a live registry."""
    alike: dict[tuple[str, str], list[Unreadable]] = {}
    for each in parts:
        alike.setdefault((each.registry, each.reason), []).append(each)
    rows = [
        (registry, _names([each.address for each in group]), reason, group[0].hint or "")
        for (registry, reason), group in alike.items()
    ]
    return table(("live registry", "not read", "reason", "what helps"), rows)


def render_guards(guards: Sequence[Guard]) -> Html:
    """What each guard measured; how to lift one that refuses."""
    rows = [
        (
            each.registry,
            each.text,
            element("span", "ok" if each.ok else "refused", class_=f"guard {'ok' if each.ok else 'refused'}"),
            "" if each.ok else join(["to lift it alone, for this run: ", element("code", each.override)]),
            element("span", position(each.origin), class_="at"),
        )
        for each in sorted(guards, key=lambda each: each.ok)
    ]
    return table(("live registry", "measured", "verdict", "what helps", "set at"), rows)


def render_parity(tables: Iterable[Parity]) -> Html:
    """A matrix for each document of several regions, of the artifacts in which they disagree, before anything is
    applied."""
    return join(map(_parity, tables))


def _parity(parity: Parity) -> Html:
    warning = show_warning(parity)
    rows = [
        (
            row.artifact,
            *(
                _standing(row.standings.get(region), word)
                for region, word in zip(parity.regions, cells(parity, row), strict=True)
            ),
        )
        for row in uneven_rows(parity)
    ]
    return join(
        [
            element("h3", parity.registry),
            element("p", show_standings(parity)),
            element("p", warning, class_="caution") if warning else "",
            table(("artifact", *parity.regions), rows, kind="parity"),
        ]
    )


def _standing(standing: Standing | None, word: str) -> Html:
    return element("span", f"{_MARK[standing]} {word}", class_=standing.value) if standing else Html("")


def render_notes(notes: Iterable[str], unchanged: Iterable[Change]) -> Html:
    """What else is to be known, of the plan and of objects that stay as they are, equal notes together."""
    about: dict[str, list[str]] = {}
    for change in unchanged:
        for note in change.notes if change.action is Action.NO_OP else ():
            about.setdefault(note, []).append(str(change.address))
    rows = [element("li", each) for each in notes]
    rows += [element("li", note, " ", _names(names)) for note, names in about.items()]
    return element("ul", *rows, class_="notes") if rows else Html("")


def render_requests(requests: Mapping[str, int]) -> Html:
    """How many requests each live registry took."""
    return table(
        ("live registry", "requests"),
        [(name, str(number)) for name, number in sorted(requests.items())],
        kind="numbers",
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "plain") -> Html:
    """A table whose first column names its rows, nothing without rows; it scrolls by itself where the page is too
    narrow."""
    if not rows:
        return Html("")
    columns = element("tr", *(element("th", each, scope="col") for each in head))
    body = (
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows
    )
    whole = element("table", element("thead", columns), element("tbody", *body), class_=kind)
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=", ".join(head))


def _names(names: Sequence[str]) -> Html:
    """One name, or how many there are and the names when that is opened."""
    if len(names) == 1:
        return element("code", names[0])
    more = len(names) - MOST_NAMES
    return element(
        "details",
        element("summary", f"{len(names)} objects"),
        element(
            "ul",
            *(element("li", element("code", each)) for each in names[:MOST_NAMES]),
            element("li", f"… and {more} more") if more > 0 else "",
        ),
        class_="names",
    )
