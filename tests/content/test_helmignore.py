from __future__ import annotations

import pytest

from regsync.content.helmignore import BadPattern, HelmIgnore


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("", ["templates/.x"], ["templates", "templates/x", "templates/a/.x", ".x", "a/templates/.x"]),
        ("# a\n\n  b  \r\n", ["b", "x/b"], ["a", "# a", "bb"]),
        ("\ufeffa\n", ["a"], []),
        ("*.md", ["a.md", "x/y/a.md", ".md"], ["a.mdx", "md"]),
        ("a/*", ["a/b", "a/"], ["a", "a/b/c", "x/a/b"]),
        ("/a", ["a"], ["x/a"]),
        ("/a/b", ["a/b"], ["x/a/b"]),
        ("a?c", ["abc", "aäc", "x/abc"], ["ac", "abbc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx", "äx"], ["ax"]),
        ("[!a]x", ["!x", "ax"], ["bx"]),
        ("[\\]\\-x]", ["]", "-", "x"], ["\\"]),
        ("[c-a]", [], ["a", "b", "c", "-"]),
        ("[^c-a]", ["a", "-"], []),
        ("\\*", ["*"], ["a", "\\*"]),
        ("a.b+c", ["a.b+c"], ["aXb+c", "a.bbc"]),
        ("a\\/", [], ["a", "a\\"]),
        ("*a*b*c", ["abc", "xaxbxc", "aabbcc"], ["acb", "abcd"]),
        ("*/x", ["a/x", "/x"], ["x", "a/b/x"]),
    ],
)
def test_patterns_match_as_helm_has_it(rules: str, ignored: list[str], kept: list[str]) -> None:
    found = HelmIgnore(rules)
    assert [each for each in ignored if not found.ignores(each, False)] == []
    assert [each for each in kept if found.ignores(each, False)] == []


def test_a_slash_at_the_end_is_for_folders() -> None:
    rules = HelmIgnore("docs/\n")
    assert rules.ignores("docs", True)
    assert rules.ignores("a/docs", True)
    assert not rules.ignores("docs", False)


def test_an_exclamation_mark_leaves_out_all_that_does_not_match() -> None:
    rules = HelmIgnore("!*.yaml\n")
    assert rules.ignores("README.md", False)
    assert rules.ignores("templates", True)
    assert not rules.ignores("Chart.yaml", False)
    folders = HelmIgnore("!templates/\n")
    assert folders.ignores("templates", False)
    assert not folders.ignores("templates", True)


def test_the_first_rule_that_matches_decides() -> None:
    assert HelmIgnore("a.md\n!*.md\n").ignores("a.md", False)
    assert not HelmIgnore("!*.md\nb.md\n").ignores("a.md", False)


@pytest.mark.parametrize(
    ("rules", "line", "reason"),
    [
        ("a\n**/b\n", 2, "the pattern `**/b` holds a double star, which Helm does not know"),
        ("[a", 1, "the pattern `[a` is not closed, or ends in a backslash"),
        ("[]a]", 1, "the pattern `[]a]` is not closed, or ends in a backslash"),
        ("[a-]", 1, "the pattern `[a-]` is not closed, or ends in a backslash"),
        ("[\\", 1, "the pattern `[\\` is not closed, or ends in a backslash"),
        ("a\\", 1, "the pattern `a\\` is not closed, or ends in a backslash"),
    ],
)
def test_patterns_that_helm_refuses(rules: str, line: int, reason: str) -> None:
    with pytest.raises(BadPattern) as caught:
        HelmIgnore(rules)
    assert (str(caught.value), caught.value.line) == (reason, line)


def test_no_pattern_takes_long() -> None:
    assert not HelmIgnore("*a" * 200 + "b").ignores("a" * 5000, False)
