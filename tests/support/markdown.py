"""Reads Markdown by GitHub's own parser and by one of other origin; and text that would like to be Markdown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options
from hypothesis import strategies as st
from markdown_it import MarkdownIt

VOID = ("br", "hr", "img", "input")


def as_github(text: str) -> str:
    """HTML by cmark-gfm: tables, bare addresses made links, HTML let through. Mentions and the like come later."""
    return str(cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE))


def as_commonmark(text: str) -> str:
    """HTML by markdown-it-py: CommonMark with tables."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


PARSERS = (as_github, as_commonmark)


@dataclass
class Page(HTMLParser):
    """What a page consists of. Fails where its elements are not properly nested."""

    html: str
    tags: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    """Each a list of rows, each a list of cells."""
    blocks: list[str] = field(default_factory=list)
    """What stands in fences."""
    loose: str = ""
    """All text that is in no code: where GitHub would make links of mentions, issues and commits."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.feed(self.html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "pre":
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"closed and never opened: {tag}"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:
            self.blocks[-1] += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data
        if "code" not in self.open:
            self.loose += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


TRICKS = [
    *("|", "\\|", "\\", "`", "``", "```", "~~~", "*", "_", "__", "~~", "#", "> ", "- ", "1. ", "    ", "\n", "\n\n"),
    *("<b>", "</details>", "</summary>", "<!--", "-->", "<script>", "&lt;", "&#64;", "](", "[a](https://e.com)", "![a](b)"),
    *("@octocat", "#123", "GH-1", "org/repo#1", "https://e.com", "www.e.com", "me@e.com", "a5c3785ed8d6a35868bc169f07e40e889087fd2e"),
    *("\u202e", "\x1b[2J", "\x00", "::error::", "| --- |", "[!CAUTION]", "<!-- regsync:plan:0123456789ab -->"),
]  # fmt: skip
hostile = st.lists(st.sampled_from(TRICKS) | st.text(max_size=3), max_size=8).map("".join)
"""Any text with all that means something to GitHub, to HTML, to logs or to the eye."""
