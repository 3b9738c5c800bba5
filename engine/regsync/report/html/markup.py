"""HTML elements that are safe by construction: what is not `Html` already is escaped. Knows no page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from regsync.report.lines import clean

_VOID = frozenset({"input"})


class Html(str):
    """Text that is HTML. Only the functions of this module make it out of anything but literals."""

    __slots__ = ()


def safe(text: str) -> Html:
    """`text` as HTML that shows it, in an element or a quoted attribute; `Html` as it is.

    The only way for anything of a registry, an archive, a manifest or a CI system into a page.
    """
    return text if isinstance(text, Html) else Html(escape(clean(text)))


def element(tag: str, *content: str, **attributes: str | bool) -> Html:
    """An element with what is in it; `attributes` are those of `start`."""
    if tag in _VOID:
        return start(tag, **attributes)
    return Html(f"{start(tag, **attributes)}{join(content)}</{tag}>")


def start(tag: str, **attributes: str | bool) -> Html:
    """Only the start of an element, for one that comes in pieces. `class_` gives `class`, `data_action` gives
    `data-action`; an attribute that is False is left out, and one that is True has no value."""
    given = (
        f" {_name(name)}" if value is True else f' {_name(name)}="{safe(value)}"'
        for name, value in attributes.items()
        if value is not False
    )
    return Html(f"<{tag}{''.join(given)}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Texts and HTML, one after the other."""
    return Html(safe(between).join(map(safe, parts)))


def link(url: str, shown: str) -> Html:
    """A link to a page of the web, or within this one (`#…`); what is neither, a script for one, is no link."""
    return (
        element("a", shown, href=url, rel="noreferrer")
        if url.startswith(("https://", "http://", "#"))
        else safe(shown)
    )


def helps(hint: str | None) -> Html:
    """What to do about it."""
    return element("p", element("b", "What helps "), hint, class_="help") if hint else Html("")


def _name(keyword: str) -> str:
    return keyword.removesuffix("_").replace("_", "-")
