from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.report.lines import clean, show_bytes, show_count, show_seconds


@given(st.text(st.characters()))
def test_cleaned_text_is_printable_and_stays_as_it_is(text: str) -> None:
    assert clean(text).isprintable()
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_printable_text_is_kept(text: str) -> None:
    if text.isprintable() and "::" not in text and "##" not in text:
        assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\ttab\r\n", r"\ttab\r\n"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\u202eb\ud800", r"a\u202eb\ud800"),
        ("grün → 日本", "grün → 日本"),
        ("  ::error::x", r"  \x3a:error::x"),
        ("a::b", "a::b"),
        ("x ##[error]y ##vso[task.complete]", r"x \x23#[error]y \x23#vso[task.complete]"),
        ("## heading", "## heading"),
    ],
)
def test_what_a_terminal_or_ci_system_obeys_is_made_visible(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (96_400, "96 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (5_300_000_000, "5.3 GB"),
    ],
)
def test_bytes(count: int, shown: str) -> None:
    assert show_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 s"), (2.43, "2.4 s"), (59.9, "59.9 s"), (59.96, "1m00s"), (70, "1m10s"), (7384, "2h03m")],
)
def test_seconds(seconds: float, shown: str) -> None:
    assert show_seconds(seconds) == shown


def test_counts_of_things() -> None:
    assert [show_count(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
