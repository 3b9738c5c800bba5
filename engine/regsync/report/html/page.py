"""A run as one self-contained HTML page: what is to be decided first, then every change, then what else there is.

Knows the order of the page. Nothing in it asks for anything from elsewhere, and it can be read without its script.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from regsync import __version__
from regsync.model.codec import fingerprint
from regsync.model.errors import ManifestInvalid
from regsync.model.outcome import Status
from regsync.model.parity import parity
from regsync.model.plan import Action, Cause, Change, Plan
from regsync.report.html.change import Entry, chip, entries, fair_share, status_chip
from regsync.report.html.markup import Html, element, join, link, safe, start
from regsync.report.html.tables import (
    render_diagnostics,
    render_error,
    render_guards,
    render_notes,
    render_parity,
    render_requests,
    render_typed,
    render_unreadable,
    table,
)
from regsync.report.html.tree import Branch, branches, counts, render_filters, render_tree
from regsync.report.html.verdict import render_totals, verdict
from regsync.report.lines import show_count, show_seconds
from regsync.report.registrations import IN_PALETTE
from regsync.report.run import Run

PAGE = 4_500_000
LINE = 800
LEAST = 500_000
"""Characters that a page may have, so that one of thousands of changes still opens at once; that a change takes without
the texts that differ; and that all of these may take in any case."""

MOST_URGENT = 12
FEW = 8
"""How many dangerous changes are named before all changes, and how many changes are seen at a glance anyway."""


class _Section(NamedTuple):
    """A part of the page that shows no changes."""

    name: str
    title: str
    content: Html

    def render(self) -> Html:
        return element("section", element("h2", self.title), self.content, id=self.name)


class _Part(NamedTuple):
    """A part of the page that shows changes."""

    name: str
    title: str
    lead: str
    tree: tuple[Branch, ...]


def render_html(run: Run) -> Iterator[str]:
    """The page in pieces, in order; joined and encoded as UTF-8 they are one document."""
    plan = run.outcome.plan if run.outcome else run.plan
    shown = entries(plan.changes if plan else (), run.outcome.results if run.outcome else ())
    parts = _parts(plan, shown) if plan else []
    findings = _findings(run, plan, shown)
    after = _after(run, plan)
    tone, headline, sentences = verdict(run, plan)
    yield _head(f"regsync {run.command}: {headline}")
    yield element(
        "header",
        element("p", element("b", "regsync"), f" {run.command}", class_="brand"),
        _themes(),
        element("h1", headline, class_=tone),
        *(element("p", each, class_="lead") for each in sentences),
        render_totals(run.outcome, plan) if plan else "",
        _about(run),
    )
    yield start("div", class_="page")
    yield _contents(findings, parts, after)
    yield start("main", id="main")
    yield from map(_Section.render, findings)
    if shown or any(part.tree for part in parts):
        yield start("div", id="tree")
        yield render_filters(shown)
        share = fair_share((each.size for each in shown), max(LEAST, PAGE - LINE * len(shown)))
        for part in parts:
            yield start("section", id=part.name)
            yield join([element("h2", part.title), element("p", part.lead) if part.lead else ""])
            yield from render_tree(part.tree, share=share, opened=len(shown) <= FEW)
            yield Html("</section>\n")
        yield Html("</div>\n")
    yield from map(_Section.render, after)
    yield Html("</main></div>\n")
    yield _footer(run, plan)
    yield Html(f"<script>{_data('page.js')}</script></body></html>\n")


def _head(title: str) -> Html:
    """Up to the body. The policy lets in the one style and the one script that stand in the page, and nothing else."""
    style, script = (
        "'sha256-" + b64encode(sha256(_data(name).encode()).digest()).decode() + "'"
        for name in ("page.css", "page.js")
    )
    policy = (
        f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    )
    return Html(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        f"{element('title', title)}<style>{_data('page.css')}</style></head>\n"
        '<body><a class="skip" href="#main">To the changes</a>\n'
    )


@cache
def _data(name: str) -> str:
    """The style or the script, which stand beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _themes() -> Html:
    """A switch that needs no script."""
    choices = (
        element(
            "label",
            element("input", type="radio", name="theme", id=f"theme-{each.lower()}", checked=each == "Auto"),
            element("span", each),
        )
        for each in ("Auto", "Light", "Dark")
    )
    return element("fieldset", element("legend", "Colours", class_="unseen"), *choices, class_="themes")


def _about(run: Run) -> Html:
    """When, of which commit and why the run was."""
    facts = [element("time", f"{run.started:%Y-%m-%d %H:%M:%S %Z}".strip(), datetime=run.started.isoformat())]
    if run.surrounding.commit:
        facts.append(join(["commit ", element("code", run.surrounding.commit[:12])]))
    if run.surrounding.trigger:
        facts.append(safe(run.surrounding.trigger))
    if run.surrounding.url:
        facts.append(link(run.surrounding.url, "the run"))
    return element("p", join(facts, " · "), class_="about")


def _findings(run: Run, plan: Plan | None, shown: Sequence[Entry]) -> list[_Section]:
    """What stands before the changes because it decides."""
    sections = []
    if isinstance(run.error, ManifestInvalid):
        sections.append(
            _Section("findings", "Findings in the files", render_diagnostics(run.error.diagnostics))
        )
    elif run.error:
        sections.append(_Section("error", "What went wrong", render_error(run.error)))
    elif not plan:
        sections.append(_Section("findings", "Findings in the files", render_diagnostics(run.diagnostics)))
    if plan:
        refusing = [each for each in plan.guards if not each.ok]
        sections.append(_Section("refusals", "Guards that refuse", render_guards(refusing)))
        sections.append(_Section("unreadable", "Not readable", render_unreadable(plan.unreadable)))
    sections.append(_Section("first", "To look at first", _urgent(shown)))
    return [each for each in sections if each.content]


def _urgent(shown: Sequence[Entry]) -> Html:
    """Changes that lose or hold back something, where they would be overlooked among others."""
    urgent = sorted((each for each in shown if _urgency(each)), key=_urgency)
    if len(shown) <= FEW or not urgent:
        return Html("")
    rows = [
        (
            link(f"#{each.anchor}", str(each.change.address)),
            status_chip(each.result.status) if each.result else chip(each.change),
            (each.result.detail if each.result else None) or each.change.why,
        )
        for each in urgent[:MOST_URGENT]
    ]
    more = len(urgent) - MOST_URGENT
    shown_rows = table(("address", "change", "why"), rows, kind="urgent")
    return join([shown_rows, element("p", f"… and {more} more", class_="more") if more > 0 else ""])


def _urgency(entry: Entry) -> int:
    """What comes first, counted from 1; 0 where nothing is lost or held back."""
    if entry.result:
        order: Sequence[object] = (Status.FAILED, Status.RUNNING, Status.REFUSED, Status.SKIPPED)
        return order.index(entry.result.status) + 1 if entry.result.status in order else 0
    order = (Action.DELETE, Action.REPLACE, Action.BLOCKED)
    return order.index(entry.change.action) + 1 if entry.change.action in order else 0


def _parts(plan: Plan, shown: Sequence[Entry]) -> list[_Part]:
    """The parts of the page that show changes: those of the manifests, what somebody's hand did, and Palette."""

    def part(name: str, title: str, lead: str, unchanged: Iterable[Change]) -> _Part:
        here = (each for each in shown if _place(each.change) == name)
        return _Part(name, title, lead, tuple(branches(name, here, unchanged, plan.registries)))

    still = [each for each in plan.changes if each.action is Action.NO_OP]
    parts = [
        part("changes", "Changes", "", (each for each in still if each.type not in IN_PALETTE)),
        part(
            "drift",
            "Drift",
            _about_drift(shown),
            (),
        ),
        part(
            "palette",
            "Palette",
            "How Palette knows the registries, and when it lists their content anew.",
            (each for each in still if each.type in IN_PALETTE),
        ),
    ]
    return [each for each in parts if each.tree]


def _about_drift(shown: Sequence[Entry]) -> str:
    """Whence it comes, and of a plan what an apply would do about it."""
    drift = [each for each in shown if _place(each.change) == "drift"]
    blocked = sum(each.change.action is Action.BLOCKED for each in drift)
    said = (
        "Live differs though the manifests did not change: somebody's hand did this, or it was never applied"
    )
    if any(each.result for each in drift):
        return f"{said}."
    if not blocked:
        return f"{said}. An apply would take it back."
    if blocked == len(drift):
        return f"{said}. An apply would leave it so: what it would do is blocked."
    return f"{said}. An apply would take it back, but for what is blocked."


def _place(change: Change) -> str:
    if change.type in IN_PALETTE:
        return "palette"
    return "drift" if change.cause is Cause.DRIFT else "changes"


def _after(run: Run, plan: Plan | None) -> list[_Section]:
    """What stands after the changes."""
    sections = []
    if plan:
        sections = [
            _Section("typed", "To type in Palette", render_typed(run.outcome or plan)),
            _Section("parity", "Parity between regions", render_parity(parity(plan))),
            _Section("guards", "Guards", render_guards(plan.guards)),
            _Section("notes", "Notes", render_notes(plan.notes, plan.changes)),
            _Section("warnings", "Findings in the files", render_diagnostics(run.diagnostics)),
        ]
    requests = run.requests or (run.outcome.requests if run.outcome else {})
    sections.append(_Section("requests", "Requests", render_requests(requests)))
    return [each for each in sections if each.content]


def _contents(findings: Sequence[_Section], parts: Sequence[_Part], after: Sequence[_Section]) -> Html:
    def entry(anchor: str, title: str, *more: str) -> Html:
        return element("li", link(f"#{anchor}", title), *more)

    rows = [entry(each.name, each.title) for each in findings]
    for part in parts:
        live = [entry(each.anchor, each.name, " ", counts([each])) for each in part.tree]
        rows.append(entry(part.name, part.title, element("ul", *live)))
    rows += [entry(each.name, each.title) for each in after]
    return element("nav", element("h2", "On this page"), element("ul", *rows), aria_label="Contents")


def _footer(run: Run, plan: Plan | None) -> Html:
    facts = [("regsync", __version__), ("status", str(run.status)), ("took", show_seconds(run.seconds))]
    if plan:
        mark = fingerprint(plan)
        facts = [
            ("plan-id", mark[:8]),
            ("fingerprint", mark),
            ("manifests", show_count(plan.manifest_files, "file")),
            *facts,
        ]
    if run.surrounding.commit:
        facts.append(("commit", run.surrounding.commit))
    facts.append(("started", run.started.isoformat(timespec="seconds")))
    return element(
        "footer",
        element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts)),
    )
