"""A run for the merge request of GitLab: the counts of its Terraform widget, and findings of its code quality."""

from __future__ import annotations

import json
from collections.abc import Iterator

from regsync.model.codec import plan_counts
from regsync.model.diagnostic import Severity
from regsync.model.settings import Json
from regsync.report.findings import Finding, findings
from regsync.report.lines import clean
from regsync.report.run import Run

_SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "minor"}


def render_gitlab_terraform(run: Run) -> Iterator[str]:
    """`artifacts:reports:terraform`. Without a plan the keys are missing, and GitLab says that the report could not be
    made; zeros would say that there is nothing to do."""
    counts: dict[str, int] = {}
    if run.plan is not None:
        known = plan_counts(run.plan)
        counts = {"create": known["add"], "update": known["change"], "delete": known["delete"]}
    yield json.dumps(counts) + "\n"


def render_gitlab_codequality(run: Run) -> Iterator[str]:
    """`artifacts:reports:codequality`, an issue a line."""
    yield "["
    for number, each in enumerate(findings(run)):
        yield ("," if number else "") + "\n" + json.dumps(_issue(each))
    yield "\n]\n"


def _issue(finding: Finding) -> Json:
    """GitLab wants a file and a line of every issue; what has none stands under its address."""
    origin = finding.origin
    return {
        "description": clean(finding.summary),
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITY[finding.severity],
        "location": {
            "path": clean(origin.file if origin else finding.subject or "regsync"),
            "lines": {"begin": max(1, origin.line) if origin else 1},
        },
    }
