from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regsync.content.leaks import MASK, find_secrets, masked

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 3
# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "private key": f"-----BEGIN {'RSA '}PRIVATE KEY-----\n{BODY}-----END {'RSA '}PRIVATE KEY-----",
    "AWS access key": "AKIA" + "QWERTYUIOPASDFGH",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "Slack token": "xoxb-" + "123456789012-abcdefghijklmnopqrstuvwx",
    "JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
    "SSH password": '"sshPassword": "' + 'hunter2"',
}
HARMLESS = [
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n<your key>\n-----END PRIVATE KEY-----\n" + "A" * 60,
    f"-----BEGIN CERTIFICATE-----\n{BODY}-----END CERTIFICATE-----",
    f"-----BEGIN PUBLIC KEY-----\n{BODY}-----END PUBLIC KEY-----",
    "AKIAIOSFODNN7EXAMPLE",
    "AKIAZZZZYYYYXXXXWWWWVVVVUUUU2345",
    "ghp_short",
    '"sshPassword": ""',
    '"sshPassword": "{{ .spectro.macro.password }}"',
    "password: changeme",
]


def kinds(text: str) -> list[tuple[str, int]]:
    return list(find_secrets(text.encode()))


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_on_its_line_and_masked(kind: str) -> None:
    text = f"one: 1\ntwo: {SECRETS[kind]}\nthree: 3\n"
    assert kinds(text) == [(kind, 2)]
    hidden = masked(text)
    assert SECRETS[kind] not in hidden
    assert hidden.startswith(f"one: 1\ntwo: {MASK}\n")
    assert hidden.endswith("\nthree: 3\n")
    assert hidden.count("\n") == text.count("\n")
    assert not kinds(hidden)


@pytest.mark.parametrize(
    "text",
    [
        "key: |\n" + "".join(f"  {line}\n" for line in SECRETS["private key"].splitlines()),
        '{"key": "' + SECRETS["private key"].replace("\n", "\\n") + '"}',
        SECRETS["private key"].replace("\n", "\r\n"),
        SECRETS["private key"].replace(
            "-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\n", 1
        ),
        SECRETS["private key"].replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
        SECRETS["private key"].partition("-----END")[0],
    ],
    ids=["yaml", "json", "crlf", "encrypted", "openpgp", "cut short"],
)
def test_private_keys_in_every_guise(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["private key"]
    assert "VJTUt9Us8cKj" not in masked(text)


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:30])
def test_examples_placeholders_and_public_parts_are_no_secrets(text: str) -> None:
    assert kinds(text) == []
    assert masked(text) == text


@given(st.lists(st.sampled_from([*SECRETS.values(), *HARMLESS, "text", " ", "\n"])))
def test_masking_keeps_the_lines_and_leaves_no_secret(parts: list[str]) -> None:
    text = " \n".join(parts)
    hidden = masked(text)
    assert hidden.count("\n") == text.count("\n")
    assert not any(secret in hidden for secret in SECRETS.values())
