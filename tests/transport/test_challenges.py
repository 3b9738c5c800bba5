from __future__ import annotations

import pytest

from regsync.transport.challenges import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [Challenge("basic")]),
        ('Basic realm="fixture-realm"', [Challenge("basic", {"realm": "fixture-realm"})]),
        ('bAsIc REALM="x"', [Challenge("basic", {"realm": "x"})]),
        (
            'Bearer realm="https://auth.test/token",service="reg",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.test/token",
                        "service": "reg",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        ("Negotiate, Basic realm=x", [Challenge("negotiate"), Challenge("basic", {"realm": "x"})]),
        (
            'Negotiate YWJjZA==, Bearer realm = "https://a/t" , service=s',
            [Challenge("negotiate"), Challenge("bearer", {"realm": "https://a/t", "service": "s"})],
        ),
        (
            r'Basic realm="a \"quoted\" \\ name, with comma"',
            [Challenge("basic", {"realm": r'a "quoted" \ name, with comma'})],
        ),
        (
            "Bearer realm=https://a.test/token,service=s",
            [Challenge("bearer", {"realm": "https://a.test/token", "service": "s"})],
        ),
        (',, Basic realm="x",, charset="UTF-8" ,', [Challenge("basic", {"realm": "x", "charset": "UTF-8"})]),
        ('Basic realm="never ends', [Challenge("basic"), Challenge("realm")]),
        ('"nonsense"', []),
    ],
)
def test_challenges_are_read_by_the_grammar(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges(header) == tuple(expected)


def test_a_long_hostile_header_is_read_in_no_time() -> None:
    assert len(parse_challenges("a" * 50_000 + " " + 'b="' * 20_000)) < 50_000


@pytest.mark.parametrize(
    ("challenge", "usable"),
    [
        (Challenge("basic"), True),
        (Challenge("bearer", {"realm": "https://a/t"}), True),
        (Challenge("bearer"), False),
        (Challenge("negotiate"), False),
    ],
)
def test_basic_and_bearer_with_a_realm_are_spoken(challenge: Challenge, usable: bool) -> None:
    assert challenge.usable is usable
