"""A run as SARIF 2.1.0 (OASIS), for code scanning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from urllib.parse import quote

from regsync import __version__
from regsync.model.codec import plan_counts
from regsync.model.settings import Json
from regsync.report.findings import Finding, findings
from regsync.report.lines import clean
from regsync.report.run import Run

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render_sarif(run: Run) -> Iterator[str]:
    """One SARIF run, a result a line.

    What has no position in a file is a notification of the invocation: GitHub refuses a log with a result that has no
    location. Counts of the plan are properties of the run.
    """
    found = findings(run)
    placed = [each for each in found if each.origin is not None]
    rules = {each.rule: each for each in found}
    log: dict[str, Json] = {
        "tool": {
            "driver": {
                "name": "regsync",
                "semanticVersion": __version__,
                "rules": [_rule(each) for _, each in sorted(rules.items())],
            }
        },
        "automationDetails": {"id": f"regsync/{run.command}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(run, [each for each in found if each.origin is None])],
        "properties": {"summary": None if run.plan is None else {**plan_counts(run.plan)}},
    }
    yield f'{{"version": "2.1.0", "$schema": {json.dumps(_SCHEMA)}, "runs": [\n{json.dumps(log)[:-1]}, "results": ['
    for number, each in enumerate(placed):
        yield ("," if number else "") + "\n" + json.dumps(_result(each))
    yield "\n]}]}\n"


def _rule(finding: Finding) -> Json:
    return {"id": finding.rule, "shortDescription": {"text": finding.about}}


def _invocation(run: Run, notifications: list[Finding]) -> Json:
    ended = run.started + timedelta(seconds=run.seconds)
    return {
        "executionSuccessful": run.status in (0, 2),
        "exitCode": run.status,
        "startTimeUtc": f"{run.started.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "endTimeUtc": f"{ended.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "toolExecutionNotifications": [
            {
                "descriptor": {"id": each.rule},
                "level": each.severity.value,
                "message": {"text": _text(each)},
                "properties": {"fingerprint": each.fingerprint},
            }
            for each in notifications
        ],
    }


def _result(finding: Finding) -> Json:
    """GitHub tells alerts apart by rule, file and `primaryLocationLineHash` alone: many packs may stand in one line."""
    assert finding.origin is not None
    line, column = max(1, finding.origin.line), max(1, finding.origin.column)
    return {
        "ruleId": finding.rule,
        "level": finding.severity.value,
        "message": {"text": _text(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.origin.file, errors="surrogateescape")},
                    "region": {
                        "startLine": line,
                        "startColumn": column,
                        "endLine": line,
                        "endColumn": column + finding.length,
                    },
                }
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": finding.fingerprint,
            "regsync/v1": finding.fingerprint,
        },
    }


def _text(finding: Finding) -> str:
    """SARIF takes `[text](target)` in messages for a link, but not where a backslash stands before the brackets."""
    lines = (each for text in (finding.summary, *finding.paragraphs) for each in text.splitlines())
    text = "\n".join(map(clean, lines))
    if "](" in text:
        text = text.replace("[", "\\[").replace("]", "\\]")
    return text or finding.rule
