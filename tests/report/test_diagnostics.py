from __future__ import annotations

from collections.abc import Callable

import pytest

from regsync.model.diagnostic import Diagnostic, Origin, Severity, Snippet
from regsync.model.errors import (
    AuthenticationFailed,
    ManifestInvalid,
    RateLimited,
    Refused,
    RegsyncError,
    UsageError,
)
from regsync.report.diagnostics import WIDEST_SOURCE, render_diagnostics, render_error
from regsync.report.lines import plain
from tests.support.diagnostics import FINDINGS, SYNTAX

Golden = Callable[[str, str], None]

ERRORS = {
    "not-a-terminal": Refused(
        "refusing to apply without approval: not a terminal",
        hint="pass --auto-approve or apply a saved plan",
    ),
    "auth-failure": AuthenticationFailed(
        "GET https://harbor.example.com/v2/: 401 UNAUTHORIZED: authentication required "
        "(login robot$ci from env HARBOR_PASSWORD, registries/harbor.yaml:8)",
        hint="check the user name there and the value of HARBOR_PASSWORD",
    ),
    "rate-limited": RateLimited(
        "GET https://registry.example.com/v2/team/nginx/manifests/1.25.0: 429 TOOMANYREQUESTS after 5 tries and "
        "62 s of waiting",
        hint="run again later, or with --parallelism 1",
    ),
    "regclient-config": UsageError(
        "regsync.yml is a configuration of regclient's regsync, another program of the same name",
        hint="name a folder or file with kind: Registry documents, or begin one as in `regsync schema registry`",
    ),
    "many-lines": RegsyncError(
        "docker-credential-ecr-login failed:\nno such profile: ci\n\x1b[31mand more", hint="set it\nor not"
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error(golden: Golden, name: str) -> None:
    golden(f"report/error-{name}", plain(render_error(ERRORS[name])))


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding(golden: Golden, name: str) -> None:
    golden(f"report/manifest-{name}", plain(render_error(ManifestInvalid((FINDINGS[name],)))))


def test_all_findings_are_shown_in_the_order_of_the_files(golden: Golden) -> None:
    everything = list(reversed(FINDINGS.values()))
    golden("report/manifest-all-full", plain(render_diagnostics(everything)))
    golden("report/manifest-all-concise", plain(render_diagnostics(everything, concise=True)))


def test_nothing_found_prints_nothing() -> None:
    assert render_diagnostics([]) == []


def marked(column: int, length: int, source: str) -> tuple[str, str]:
    """The source line as printed, and what of it stands over the marks."""
    found = Diagnostic("X", Severity.ERROR, "s", Origin("f", 7, column), Snippet(source, length))
    shown, marks = (each.text for each in render_diagnostics([found])[3:5])
    return shown, "".join(above for above, mark in zip(shown, marks, strict=False) if mark == "^")


def test_the_mark_stands_beneath_what_it_means() -> None:
    assert marked(5, 3, "abc def")[1] == "def"
    assert marked(3, 3, "\t\tdef")[1] == "def"
    assert marked(3, 1, "a\x1b\tb")[1] == r"\t"
    assert marked(4, 1, "abc")[1] == ""


def test_a_long_source_line_is_cut_around_the_mark() -> None:
    shown, over = marked(5000, 4, "x" * 4999 + "here" + "y" * 5000)
    assert over == "here"
    assert shown.startswith("7 | …x")
    assert shown.endswith("y…")
    assert len(shown) < WIDEST_SOURCE + 20
    assert marked(10, 5000, "z" * 6000)[1].strip("z") == ""


def test_a_finding_without_a_position_is_printed() -> None:
    found = Diagnostic("no-files", Severity.WARNING, "no manifest in `registries`")
    assert (
        plain(render_diagnostics([found])) == "warning[no-files]: no manifest in `registries`\n\n1 warning\n"
    )
    assert plain(render_diagnostics([found, SYNTAX], concise=True)).endswith("1 error, 1 warning\n")
