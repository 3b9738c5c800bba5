from __future__ import annotations

import pytest

from regsync.transport.redact import Redactor, one_line, redact_text, redact_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://reg.test/v2/a/manifests/1.0", "https://reg.test/v2/a/manifests/1.0"),
        ("https://user:pw@reg.test/v2/", "https://reg.test/v2/"),
        (
            "https://s.test/o?X-Amz-Signature=abc&digest=sha256:1&n=2",
            "https://s.test/o?X-Amz-Signature=***&digest=sha256:1&n=2",
        ),
        ("https://s.test/o?barekey#token=1", "https://s.test/o?***"),
        ("https://[bad?x=1", "***"),
    ],
)
def test_a_url_shows_what_the_spec_names_and_no_more(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token": "abc\\"def", "n": 1}', '{"token": "***", "n": 1}'),
        ('{"Access_Token":"x"}', '{"Access_Token":"***"}'),
        ("Authorization: Basic cm9ib3Q6c2VjcmV0", "Authorization: ***"),
        ("set-cookie: sid=1; Path=/", "set-cookie: ***"),
        ("sent Bearer abcdefghijklmnopqrst.uvw to", "sent Bearer *** to"),
        ("see https://u:p@s.test/?sig=1 for more", "see https://s.test/?sig=*** for more"),
        ("Basic authentication required", "Basic authentication required"),
    ],
)
def test_a_foreign_text_loses_what_looks_like_a_secret(text: str, shown: str) -> None:
    assert redact_text(text) == shown


def test_secrets_in_use_are_masked_wherever_they_occur() -> None:
    redact = Redactor()
    redact.learn("hunter22", "hunter22-long", "ab")
    assert redact("ab: hunter22-long and hunter22") == "ab: *** and ***"


def test_a_foreign_text_becomes_one_bounded_line() -> None:
    assert one_line("a\n\tb\x1b[31mc  d\x00") == r"a b\x1b[31mc d\x00"
    assert one_line("x" * 1000, 10) == "x" * 10 + "…"
