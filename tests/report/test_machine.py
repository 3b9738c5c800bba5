from __future__ import annotations

import json
import re
from collections.abc import Callable

from jsonschema import Draft7Validator

from regsync.model.diagnostic import Diagnostic, Origin, Severity
from regsync.report.github import github_annotations
from regsync.report.lines import plain
from regsync.report.machine import diagnostics_to_json
from tests.support.diagnostics import FINDINGS
from tests.support.servers import ROOT

SCHEMA = json.loads((ROOT / "schemas" / "diagnostics.schema.json").read_text(encoding="utf-8"))
BARE = Diagnostic("no-files", Severity.WARNING, "no manifest in `registries`")


def test_diagnostics_as_json(golden: Callable[[str, str], None]) -> None:
    document = diagnostics_to_json([BARE, *reversed(FINDINGS.values())])
    Draft7Validator(SCHEMA).validate(document)
    golden("report/diagnostics-json", json.dumps(document, indent=2) + "\n")


def test_warnings_alone_are_valid() -> None:
    document = diagnostics_to_json([BARE])
    assert (document["valid"], document["error_count"], document["warning_count"]) == (True, 0, 1)
    assert diagnostics_to_json([])["diagnostics"] == []


def test_github_annotations(golden: Callable[[str, str], None]) -> None:
    lines = github_annotations([BARE, *reversed(FINDINGS.values())])
    golden("report/diagnostics-github", plain(lines))


def test_an_annotation_can_not_be_broken_out_of() -> None:
    hostile = Diagnostic(
        "code",
        Severity.ERROR,
        "50 % of\r\n::set-env name=PATH::/tmp",
        Origin("a,line=9:b\n::error::c.yaml", 1, 2),
        detail="first\nsecond \x1b[2J",
    )
    ((_, annotation),) = github_annotations([hostile])
    assert annotation.isprintable()
    command, properties, message = re.fullmatch(r"::(\w+) (.*?)::(.*)", annotation).groups()  # type: ignore[union-attr]
    assert command == "error"
    assert [each.partition("=")[0] for each in properties.split(",")] == [
        "file",
        "line",
        "col",
        "endLine",
        "endColumn",
        "title",
    ]
    assert message == r"50 %25 of%0A\x3a:set-env name=PATH::/tmp%0Afirst%0Asecond \x1b[2J"
