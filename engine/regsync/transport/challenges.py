"""Reads WWW-Authenticate headers (RFC 7235). Knows the grammar and which schemes are spoken here, nothing of logins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Unquoted values are read up to the next comma: some servers do not quote their realm, which is no token.
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=][^\s,"]*))', re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))")
_SCHEME = re.compile(_TOKEN)
_SEPARATORS = re.compile(r"[ \t,]+")
_SPACES = re.compile(r"[ \t]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a server offers: scheme and names of parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether regsync speaks it: Basic, and Bearer that says where tokens are to be had."""
        return self.scheme == "basic" or (self.scheme == "bearer" and bool(self.parameters.get("realm")))


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """All challenges of a header, in order; several headers are joined by commas before.

    What breaks the grammar ends the reading there: what was read before it still counts.
    """
    challenges: list[Challenge] = []
    at = _skip(_SEPARATORS, header, 0)
    while found := _SCHEME.match(header, at):
        scheme = found[0].lower()
        parameters: dict[str, str] = {}
        at = _skip(_SPACES, header, found.end())
        if not _PARAMETER.match(header, at) and (blob := _TOKEN68.match(header, at)):
            at = blob.end()
        while pair := _PARAMETER.match(header, at):
            quoted, plain = pair[2], pair[3]
            value = _ESCAPE.sub(r"\1", quoted) if quoted is not None else plain
            parameters.setdefault(pair[1].lower(), value)
            at = _skip(_SEPARATORS, header, pair.end())
        challenges.append(Challenge(scheme, parameters))
        at = _skip(_SEPARATORS, header, at)
    return tuple(challenges)


def _skip(what: re.Pattern[str], text: str, at: int) -> int:
    found = what.match(text, at)
    return found.end() if found else at
