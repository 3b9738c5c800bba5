"""Takes secrets out of URLs and texts before anyone sees them. Knows where secrets hide, not what they are for."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

MASK = "***"

# Upload and download URLs carry signatures and state under names that every vendor chooses anew.
_SHOWN_QUERY = frozenset({"artifacttype", "digest", "from", "last", "mount", "n", "scope", "service"})
_URL = re.compile(r"(?i)\bhttps?://[^\s\"'<>]+")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^\r\n]+")
_LOGIN = re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9._~+/-]{16,}=*")
_FIELD = re.compile(r'(?i)("[^"]*(?:token|password|secret|auth)")(\s*:\s*)"(?:[^"\\]|\\.)*"')
_SHORTEST_SECRET = 4


def redact_url(url: str) -> str:
    """A URL without userinfo, fragment and the values of its query, those of the distribution-spec excepted."""
    if "?" not in url and "@" not in url and "#" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    shown = []
    for pair in parts.query.split("&") if parts.query else ():
        name, equals, _ = pair.partition("=")
        shown.append(pair if name.lower() in _SHOWN_QUERY else f"{name}={MASK}" if equals else MASK)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(shown), fragment="").geturl()


def redact_text(text: str) -> str:
    """A text that some server or program wrote, with all that looks like a secret masked."""
    text = _URL.sub(lambda found: redact_url(found[0]), text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _LOGIN.sub(rf"\1 {MASK}", text)
    return _FIELD.sub(rf'\1\2"{MASK}"', text)


def one_line(text: str, limit: int = 300) -> str:
    """A foreign text made fit for a message: one bounded line, control characters as escapes."""
    line = " ".join(text[: 4 * limit].split())
    if not line.isprintable():
        line = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in line
        )
    return line if len(line) <= limit else line[:limit] + "…"


class Redactor:
    """Masks, besides what looks like a secret, the very secrets that were used: servers may echo them."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def learn(self, *secrets: str) -> None:
        """Mask these from now on, wherever they occur."""
        with self._lock:
            known = {*self._secrets, *(each for each in secrets if len(each) >= _SHORTEST_SECRET)}
            # A secret may hold another one: the longest goes first.
            self._secrets = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return redact_text(text)
