"""What looks like a secret in a text: found for the lint, masked for diffs and messages. Never returns one.

The patterns are those of issuers that made their tokens recognisable, plus private keys; a random password is not
told from other text. Few false alarms matter more here than every possible find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "(secret)"

# Each starts with plain characters, and they are searched for one by one: ten times faster than all in one.
_KINDS = {
    # PEM and OpenPGP. The body must follow: documentation shows the first line alone, or with a placeholder. In JSON
    # and YAML strings line ends may be written as \n.
    "private key": (
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,300}?[A-Za-z0-9+/=]{40}"
        r"(?:(?!-----)[\s\S]){0,20000}(?:-----END [A-Z0-9 ]{0,70}-----)?"
    ),
    "AWS access key": r"A(?:KIA|SIA)(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}\b",
    "GitHub token": r"g(?:h[pousr]_[A-Za-z0-9]{36}|ithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
    "GitLab token": r"glpat-[\w-]{20,}",
    "Slack token": r"xox[abprs]-[0-9]{9,}-[\w-]{20,}",
    "JSON web token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    # An annotation of operating-system packs; a macro in its place is no secret.
    "SSH password": r'"sshPassword"\s*:\s*"(?!\s*(?:\{\{|"))[^"]+"',
}
_IN_TEXT = [re.compile(pattern, re.ASCII) for pattern in _KINDS.values()]
_IN_BYTES = [(kind, re.compile(pattern.encode(), re.ASCII)) for kind, pattern in _KINDS.items()]


def is_text(data: bytes) -> bool:
    """Whether a file is text to a reader: no NUL among its first bytes, as git judges it."""
    return b"\0" not in data[:8000]


def find_secrets(data: bytes) -> Iterator[tuple[str, int]]:
    """What looks like a secret in a file: the kind in words and the line, counted from 1."""
    for kind, pattern in _IN_BYTES:
        for found in pattern.finditer(data):
            yield kind, data.count(b"\n", 0, found.start()) + 1


def masked(text: str) -> str:
    """`text` with every secret masked and the number of lines kept, so that lines correspond."""
    for pattern in _IN_TEXT:
        text = pattern.sub(lambda found: "\n".join([MASK] * (found[0].count("\n") + 1)), text)
    return text
