"""The changes of a run as an HTML tree: registries, their regions, repositories, changes.

Knows what stands above a change, and not what a change says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from regsync.model.plan import Action, Change, RegistryView
from regsync.report.html.change import Entry, render_change
from regsync.report.html.markup import Html, element, join, start
from regsync.report.lines import show_count
from regsync.report.plan import MARKER

MOST_OPEN = 150
"""A live registry with more changes than that is closed at first, so that the page can be surveyed."""

MOST_UNCHANGED = 1000
"""How many unchanged repositories of a live registry are named."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One live registry with what is shown of it: entries, and the objects that stay as they are."""

    name: str
    view: RegistryView | None
    anchor: str
    entries: tuple[Entry, ...]
    unchanged: tuple[Change, ...]

    @property
    def document(self) -> str:
        return self.name.partition("@")[0]


def branches(
    part: str, shown: Iterable[Entry], unchanged: Iterable[Change], views: Iterable[RegistryView]
) -> list[Branch]:
    """All live registries of which something is shown in a part of the page, sorted by name."""
    view = {each.name: each for each in views}
    entries: dict[str, list[Entry]] = {}
    still: dict[str, list[Change]] = {}
    for entry in shown:
        entries.setdefault(entry.change.address.registry, []).append(entry)
    for change in unchanged:
        still.setdefault(change.address.registry, []).append(change)
    return [
        Branch(
            name, view.get(name), f"{part}-{number}", tuple(entries.get(name, ())), tuple(still.get(name, ()))
        )
        for number, name in enumerate(sorted({*entries, *still}), 1)
    ]


def render_tree(tree: Iterable[Branch], *, share: int, opened: bool) -> Iterator[Html]:
    """The changes by registry, region and repository, with the unchanged objects of each live registry folded below.

    `share` is how many characters of each change's texts are shown; `opened` shows what each says at once.
    """
    for document, group in groupby(tree, key=lambda branch: branch.document):
        regions = list(group)
        if regions[0].name == document:
            for each in regions:
                yield from _branch(each, 3, share=share, opened=opened)
            continue
        yield start("details", class_="group document", open=True)
        yield element(
            "summary",
            element("h3", document),
            element("span", show_count(len(regions), "region"), class_="kind"),
            counts(regions),
        )
        for each in regions:
            yield from _branch(each, 4, share=share, opened=opened)
        yield Html("</details>\n")


def counts(group: Iterable[Branch]) -> Html:
    """How many changes of each action, by marker."""
    count = Counter(entry.change.action for branch in group for entry in branch.entries)
    return element(
        "span",
        join(
            (
                element(
                    "span",
                    f"{MARKER[each]}{count[each]}",
                    element("span", f" {each}", class_="unseen"),
                    class_=each.value,
                )
                for each in Action
                if count[each]
            ),
            " ",
        ),
        class_="counts",
    )


def _branch(branch: Branch, level: int, *, share: int, opened: bool) -> Iterator[Html]:
    """One live registry; headings in it begin at `level`."""
    view = branch.view
    is_open = 0 < len(branch.entries) <= MOST_OPEN
    yield start("details", class_="group registry", id=branch.anchor, data_registry=branch.name, open=is_open)
    yield element(
        "summary",
        element(f"h{level}", (view.region if view and level > 3 else None) or branch.name),
        element("span", f"{view.type} · {view.endpoint}" if view else "", class_="kind"),
        counts([branch]),
    )
    for path, group in groupby(branch.entries, key=lambda each: each.change.address.path):
        yield start("section", class_="group repository")
        yield _path(path, level + 1)
        yield from (render_change(each, share=share, opened=opened) for each in group)
        yield Html("</section>\n")
    if branch.unchanged:
        yield _unchanged(branch.unchanged)
    yield Html("</details>\n")


def _path(path: str, level: int) -> Html:
    parent, slash, last = path.rpartition("/")
    return element(f"h{level}", element("span", parent + slash, class_="dim") if slash else "", last)


def _unchanged(still: Sequence[Change]) -> Html:
    """What is as it must be: repositories with their tags."""
    paths = [
        (path, [each.address.tag for each in group if each.address.tag is not None])
        for path, group in groupby(still, key=lambda each: each.address.path)
    ]
    rows = [
        element("li", path, element("b", " " + ", ".join(tags)) if tags else "")
        for path, tags in paths[:MOST_UNCHANGED]
    ]
    if len(paths) > MOST_UNCHANGED:
        rows.append(element("li", f"… and {len(paths) - MOST_UNCHANGED} more"))
    return element(
        "details",
        element("summary", f"= {len(still)} unchanged"),
        element("ul", *rows),
        class_="unchanged",
    )


def render_filters(shown: Sequence[Entry]) -> Html:
    """What the script filters by; it shows this form, which does nothing without it."""

    def choices(name: str, title: str, values: Iterable[str]) -> Html:
        found = sorted(values)
        counted = [(value, len(list(group))) for value, group in groupby(found)]
        boxes = (
            element(
                "label",
                element("input", type="checkbox", name=name, value=value),
                element("span", f"{value} ", element("small", str(number))),
            )
            for value, number in counted
        )
        if len(counted) < 2:
            return Html("")
        return element("fieldset", element("legend", title), *boxes)

    registries = [name for name, _ in groupby(each.change.address.registry for each in shown)]
    options = (element("option", each, value=each) for each in registries)
    return element(
        "form",
        element(
            "label",
            element("span", "Search", class_="unseen"),
            element(
                "input",
                type="search",
                name="text",
                placeholder="Search names, values, reasons, lines",
            ),
        ),
        element(
            "label",
            element("span", "Live registry", class_="unseen"),
            element("select", element("option", "All live registries", value=""), *options, name="registry"),
        )
        if len(registries) > 1
        else "",
        choices("action", "Action", (each.change.action for each in shown)),
        choices("status", "Ended", (each.result.status for each in shown if each.result)),
        choices("cause", "Cause", (each.change.cause for each in shown)),
        element(
            "p",
            element("output", f"{len(shown)} shown"),
            element("button", "Open all", type="button", name="open"),
            element("button", "Close all", type="button", name="close"),
            element("button", "Clear", type="button", name="clear"),
        ),
        id="filters",
        role="search",
        aria_label="Changes",
        autocomplete="off",
        hidden=True,
    )
