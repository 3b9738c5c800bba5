"""The HTML report, as an independent parser and a strict reader of its policy see it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regsync.model.errors import ManifestInvalid, Refused, Unreachable
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Cause, Guard, Plan
from regsync.report.html import render_html
from regsync.report.html.change import fair_share
from regsync.report.lines import clean
from regsync.report.run import Run, Surrounding
from tests.support import plans
from tests.support.hostile import NASTY, hostile
from tests.support.plans import make_change, make_plan
from tests.support.reported import DIAGNOSTICS, EVERYTHING, PLANNED, applied, changed, make_run, many

LOADING = {"img", "link", "iframe", "object", "embed", "audio", "video", "source", "base", "image", "use"}


def page(run: Run) -> Element:
    """Parse a page; a parser that follows the standard to the letter refuses what it would have to mend."""
    text = "".join(render_html(run))
    text.encode("utf-8")
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return root


def of_class(root: Element, name: str) -> list[Element]:
    return [each for each in root.iter() if name in each.get("class", "").split()]


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def changes(root: Element) -> list[Element]:
    return [each for each in root.iter("details") if each.get("data-action")]


def totals(root: Element) -> dict[str, int]:
    (shown,) = of_class(root, "totals")
    return {" ".join(text_of(each).split()[2:]): int(text_of(each).split()[1]) for each in shown}


def test_the_counts_are_those_of_the_plan() -> None:
    root, summary = page(PLANNED), EVERYTHING.summary
    assert totals(root) == {
        "to add": summary.add,
        "to change": summary.change,
        "to delete": summary.delete,
        "blocked": summary.blocked,
        "unchanged": summary.unchanged,
        "unmanaged": summary.unmanaged,
        "not compared": summary.unreadable,
    }
    shown = Counter(each.get("data-action") for each in changes(root))
    assert shown == {
        "create": summary.add,
        "update": summary.change,
        "delete": summary.delete,
        "blocked": summary.blocked,
    }
    unchanged = [int(text_of(each[0]).split()[1]) for each in of_class(root, "unchanged")]
    assert sum(unchanged) == summary.unchanged


def test_the_counts_are_those_of_the_outcome() -> None:
    run = applied()
    root = page(run)
    assert run.outcome is not None
    summary = run.outcome.summary
    assert totals(root) == {
        "added": summary.added,
        "changed": summary.changed,
        "deleted": summary.deleted,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "refused": summary.refused,
        "already so": summary.already,
        "unchanged": summary.unchanged,
        "not compared": EVERYTHING.not_compared,
    }
    shown = Counter(each.get("data-status") for each in changes(root))
    assert shown == Counter(each.status for each in run.outcome.results)
    (failed,) = (each for each in changes(root) if each.get("data-status") == "failed")
    assert "503 after 5 tries" in text_of(failed[0])
    assert "apply again later" in text_of(failed)


def test_a_change_says_why_by_which_line_and_what_differs() -> None:
    (redis,) = (each for each in changes(page(PLANNED)) if "acr-dev/" in text_of(each))
    assert text_of(redis[0]) == "~ update7.2.1the tag exists with other contentbothregistries/acr.yaml:19"
    assert text_of(next(redis.iter("del"))) == "- tag: 7.2.0-v9"
    assert [text_of(each) for each in redis.iter("ins")][
        1
    ] == "+ count: 3 + podDisruptionBudget: + minAvailable: 2"
    assert "logo.png changed · 5 kB → 9 kB · binary" in text_of(redis)


def test_values_stand_side_by_side_and_long_ones_line_by_line() -> None:
    shown = {each.get("id"): each for each in changes(page(PLANNED))}
    (project,) = (text_of(each) for each in shown.values() if "@project" in text_of(each))
    assert "storageLimit100Gi → 50Gi" in project
    (argo,) = (each for each in shown.values() if "archive/argo" in text_of(each))
    assert "tagMutabilityMUTABLE → IMMUTABLE" in text_of(argo)
    assert '+ "description": "expire untagged",' in text_of(next(argo.iter("pre")))


def test_drift_and_palette_stand_apart() -> None:
    sections = {each.get("id"): each for each in page(PLANNED).iter("section")}
    causes = {
        name: {each.get("data-cause") for each in changes(sections[name])} for name in ("changes", "drift")
    }
    assert causes == {"changes": {"manifest", "both"}, "drift": {"drift"}}
    assert len(changes(sections["palette"])) == 2
    assert all("@palette/" in text_of(each) for each in changes(sections["palette"]))


def test_what_loses_or_holds_back_something_is_named_first() -> None:
    (table,) = of_class(page(PLANNED), "urgent")
    links = [each.get("href") for each in table.iter("a")]
    shown = {f"#{each.get('id')}": each.get("data-action") for each in changes(page(PLANNED))}
    assert [shown[str(each)] for each in links] == ["delete", "blocked"]


def test_parity_is_a_matrix_of_what_disagrees() -> None:
    (matrix,) = of_class(page(PLANNED), "parity")
    assert [text_of(each) for each in matrix.iter("th")] == [
        "artifact",
        "us-east-1",
        "ap-south-1",
        "eu-west-1",
        "custom/spectro-packs/archive/redis:7.2.1",
    ]
    assert [text_of(each) for each in matrix.iter("td")] == ["= equal", "≈ other digest", "- missing"]


def test_headings_are_in_order_and_links_within_the_page_have_a_target() -> None:
    root = page(PLANNED)
    levels = [int(each.tag[1]) for each in root.iter() if re.fullmatch(r"h\d", str(each.tag))]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    assert {
        str(each.get("href"))[1:] for each in root.iter("a") if str(each.get("href")).startswith("#")
    } <= set(ids)


@pytest.mark.parametrize(
    ("run", "headline"),
    [
        (PLANNED, "Incomplete plan: 13 changes"),
        (make_run(replace(EVERYTHING, unreadable=())), "13 changes planned"),
        (make_run(make_plan(*plans.unchanged(3))), "No changes"),
        (make_run(make_plan(make_change("r/p:1", Action.BLOCKED))), "Nothing to apply: 1 change blocked"),
        (
            make_run(make_plan(make_change("r/p:1", Action.DELETE), guards=(Guard("deletes", "r", False, "deletes 1/0", "-"),))),
            "Refused: 1 change planned",
        ),
        (applied(), "Apply incomplete"),
        (make_run(outcome=Outcome(make_plan(), (), signal=15), command="apply"), "Apply interrupted by SIGTERM"),
        (make_run(outcome=Outcome(make_plan(), ()), command="apply"), "Apply complete"),
        (make_run(command="validate", diagnostics=DIAGNOSTICS), "The manifests are not valid"),
        (make_run(command="validate", diagnostics=DIAGNOSTICS[1:]), "The manifests are valid"),
        (make_run(error=ManifestInvalid(DIAGNOSTICS)), "The manifests are not valid"),
        (make_run(error=Unreachable("no answer", hint="look")), "regsync plan could not go on"),
        (make_run(EVERYTHING, command="apply", error=Refused("not a terminal")), "Refused: 13 changes planned"),
    ],
)  # fmt: skip
def test_the_headline_says_how_the_run_stands(run: Run, headline: str) -> None:
    root = page(run)
    assert [text_of(each) for each in root.iter("h1")] == [headline]
    assert text_of(next(root.iter("title"))) == f"regsync {run.command}: {headline}"


def test_without_a_plan_findings_and_errors_are_shown() -> None:
    findings = of_class(
        page(make_run(error=ManifestInvalid(DIAGNOSTICS), diagnostics=DIAGNOSTICS)), "finding"
    )
    assert len(findings) == 2
    assert text_of(next(findings[0].iter("mark"))) == "tagMutabilty"
    assert "did you mean `tagMutability`?" in text_of(findings[0])
    (error,) = of_class(
        page(make_run(error=Unreachable("no answer from h", hint="look at the proxy"))), "finding"
    )
    assert text_of(error) == "no answer from hWhat helps look at the proxy"


def test_the_policy_lets_in_the_style_and_the_script_of_the_page_alone() -> None:
    root = page(PLANNED)
    (policy,) = (str(each.get("content")) for each in root.iter("meta") if each.get("http-equiv"))
    (style,), (script,) = root.iter("style"), root.iter("script")
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256((each.text or "").encode()).digest()).decode() + "'"
        for each in (style, script)
    ]
    assert [each.strip() for each in policy.split(";")] == [
        "default-src 'none'",
        f"style-src {hashes[0]}",
        f"script-src {hashes[1]}",
        "base-uri 'none'",
        "form-action 'none'",
    ]


@pytest.mark.parametrize("run", [PLANNED, applied(), make_run(diagnostics=DIAGNOSTICS)])
def test_nothing_in_the_page_loads_and_nothing_runs_by_an_attribute(run: Run) -> None:
    root = page(run)
    assert not LOADING & {str(each.tag).rpartition("}")[2] for each in root.iter()}
    assert not [
        name
        for each in root.iter()
        for name in each.attrib
        if name.startswith("on") or name in ("src", "srcset", "style", "action")
    ]
    links = {str(each.get("href")) for each in root.iter("a")}
    assert {each for each in links if not each.startswith("#")} == {"https://ci.example.com/runs/4711"}
    assert not re.search(r"url\(|@import", next(root.iter("style")).text or "")


def test_what_is_no_address_of_the_web_is_no_link() -> None:
    run = make_run(make_plan(), surrounding=Surrounding("abc", " javascript:alert(1)", "schedule"))
    assert not [each for each in page(run).iter("a") if not str(each.get("href")).startswith("#")]


def test_thousands_of_changes_come_in_small_pieces_and_stay_small() -> None:
    run = many()
    assert run.plan is not None
    sizes = [len(each.encode()) for each in render_html(run)]
    assert sum(sizes) < 5_000_000
    assert len(sizes) > 5000
    results = tuple(
        Result(
            each, Status.FAILED, "PUT https://r/v2/…/blobs/uploads/: 503 after 5 tries", "apply again later"
        )
        for each in run.plan.changes
    )
    done = replace(run, command="apply", outcome=Outcome(run.plan, results))
    assert sum(len(each.encode()) for each in render_html(done)) < 5_000_000


def test_one_huge_diff_is_cut_and_what_is_left_out_is_counted() -> None:
    lines = tuple(f"+{number} {'x' * 1000}" for number in range(20_000))
    huge = make_change("r/p:1", Action.UPDATE, diffs=(changed("values.yaml", *lines),))
    small = make_change("r/q:1", Action.UPDATE, diffs=(changed("values.yaml", "+small"),))
    root = page(make_run(make_plan(huge, small)))
    assert "small" in text_of(root)
    (more,) = of_class(root, "more")
    shown = sum(text_of(each).count("…") for each in root.iter("ins"))
    assert text_of(more) == f"… {20_000 - shown} more lines (regsync show PLANFILE --detail full)"
    assert len("".join(render_html(make_run(make_plan(huge, small))))) < 5_000_000


@given(st.lists(st.integers(0, 1000)), st.integers(0, 5000))
def test_shares_are_fair_and_keep_to_the_budget(sizes: list[int], budget: int) -> None:
    share = fair_share(sizes, budget)
    taken = [min(size, share) for size in sizes]
    assert sum(taken) <= budget
    assert taken == sizes or budget - sum(taken) < len(sizes)


def structure(root: Element) -> list[tuple[str, list[str]]]:
    return [(str(each.tag), sorted(each.attrib)) for each in root.iter()]


def holds(text: str) -> None:
    root = page(hostile(text))
    assert structure(root) == structure(page(hostile("harmless")))
    assert " ".join(clean(text).split()) in text_of(root)


@pytest.mark.parametrize("text", NASTY)
def test_no_text_that_would_do_something_becomes_anything_but_text(text: str) -> None:
    holds(text)


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=30))
def test_no_text_at_all_becomes_anything_but_text(text: str) -> None:
    holds(text)


@settings(max_examples=40)
@given(plans.plans)
def test_any_plan_is_a_page_with_its_counts(plan: Plan) -> None:
    root = page(make_run(plan))
    shown = Counter(each.get("data-action") for each in changes(root))
    assert shown == Counter(each.action for each in plan.changes if each.action is not Action.NO_OP)
    assert totals(root)["to add"] == plan.summary.add


@settings(max_examples=40)
@given(plans.outcomes)
def test_any_outcome_is_a_page(outcome: Outcome) -> None:
    shown = totals(page(make_run(command="apply", outcome=outcome)))
    assert len(shown) == 9 + ("still running" in shown)
    assert shown.get("still running", 0) == outcome.summary.running


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ((Action.UPDATE,), "An apply would take it back."),
        ((Action.BLOCKED,), "An apply would leave it so: what it would do is blocked."),
        ((Action.UPDATE, Action.BLOCKED), "An apply would take it back, but for what is blocked."),
    ],
)
def test_of_drift_it_says_what_an_apply_would_do(actions: tuple[Action, ...], said: str) -> None:
    drift = [
        make_change(f"harbor-prod/team/{number}:1.0.0", action, cause=Cause.DRIFT)
        for number, action in enumerate(actions)
    ]
    assert said in text_of(page(make_run(make_plan(*drift))))
