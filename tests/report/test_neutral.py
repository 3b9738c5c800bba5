from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regsync.report.lines import clean
from regsync.report.neutral import (
    LONGEST,
    MOST_BACKTICKS,
    code,
    fence,
    folded,
    html_code,
    link,
    table_head,
    table_row,
    words,
)
from tests.support.markdown import PARSERS, TRICKS, Page, hostile

Parser = Callable[[str], str]
both_parsers = pytest.mark.parametrize("parse", PARSERS)


@both_parsers
@given(text=hostile)
@example(text="`" * MOST_BACKTICKS)
def test_a_code_span_shows_its_text_and_nothing_else(parse: Parser, text: str) -> None:
    page = Page(parse(f"a {code(text)} b"))
    assert set(page.tags) <= {"p", "code"}
    assert page.loose.split() == ["a", "b"]


@both_parsers
@given(texts=st.lists(hostile, min_size=1, max_size=4))
@example(texts=["a\\", "|", "\\|", "\\\\|"])
def test_a_cell_holds_its_text_and_begins_no_other(parse: Parser, texts: list[str]) -> None:
    table = "\n".join([table_head(["h"] * len(texts)), table_row([code(each) for each in texts])])
    page = Page(parse(table))
    ((_, cells),) = page.tables
    assert [each.strip() for each in cells] == [clean(each).strip() for each in texts]


@both_parsers
@given(texts=st.lists(hostile, max_size=6))
def test_a_fence_holds_all_lines_as_they_are(parse: Parser, texts: list[str]) -> None:
    page = Page(parse(folded(html_code("x"), fence([f" {each}" for each in texts], "diff"))))
    assert page.tags == {"details": 1, "summary": 1, "code": 2, "pre": 1}
    assert page.blocks == ["".join(f"{clean(f' {each}')}\n" for each in texts)]


@both_parsers
@given(text=hostile)
def test_a_summary_holds_its_text(parse: Parser, text: str) -> None:
    page = Page(parse(folded(html_code(text), "body")))
    assert page.tags == {"details": 1, "summary": 1, "code": 1, "p": 1}
    assert page.loose.split() == ["body"]


@both_parsers
def test_a_long_run_of_backticks_neither_ends_a_span_nor_a_fence(parse: Parser) -> None:
    """GitHub's parser knows no code span behind more than 80 backticks."""
    run = "`" * 500
    shown = "`" * MOST_BACKTICKS + "…"
    assert Page(parse(f"{code(run)} {code('x')}")).tags == {"p": 1, "code": 2}
    assert Page(parse(fence([run, "<b>"]))).blocks == [f"{shown}\n<b>\n"]


def test_a_sentence_of_words_stands_as_it_is() -> None:
    assert words("the tag exists with other content") == "the tag exists with other content"
    assert words("tombstone at r.yaml:31") == "`tombstone at r.yaml:31`"
    for trick in TRICKS:
        assert words(f"see {trick}.").startswith("`")


def test_a_long_text_is_cut() -> None:
    assert code("x" * LONGEST) == f"`{'x' * LONGEST}`"
    assert code("x" * 9999) == f"`{'x' * LONGEST}…`"
    assert words("x" * 9999) == f"`{'x' * LONGEST}…`"


def test_only_a_plain_address_becomes_a_link() -> None:
    assert link("run", "https://ci.example.com/runs/1?a=b") == "[run](https://ci.example.com/runs/1?a=b)"
    for url in (
        "",
        "javascript:alert(1)",
        "https://e.com/)<b>",
        "https://e.com/ x",
        "https://e.com/\n",
        "//e.com",
    ):
        assert link("run", url) == ""
