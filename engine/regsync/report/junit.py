"""A run as JUnit's XML, in the form that Jenkins' xUnit plugin describes and all CI systems read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby

from regsync.model.codec import plan_counts
from regsync.model.diagnostic import Severity
from regsync.model.outcome import Result
from regsync.model.plan import Change
from regsync.report.findings import (
    Finding,
    fates,
    of_change,
    of_diagnostics,
    of_error,
    of_guard,
    of_unreadable,
)
from regsync.report.lines import clean
from regsync.report.run import Run

_MANIFESTS = "the manifests"  # no registry can have a space in its name


@dataclass(frozen=True, slots=True)
class Case:
    """One test case: `tag` says how it ended (`failure`, `error`, `skipped`; empty where it passed), `finding` why, and
    `said` is what else there is to say of it."""

    name: str
    tag: str = ""
    finding: Finding | None = None
    said: str = ""
    seconds: float | None = None


def render_junit(run: Run) -> Iterator[str]:
    """A suite per live registry with a case per object, and one for the manifests and the run itself.

    A case fails where something is blocked, unreadable, refused or could not be done; what is to be changed passes.
    """
    suites = {_MANIFESTS: _manifests(run), **_registries(run)}
    properties: dict[str, str | int] = {"command": run.command, "exit_status": run.status}
    if run.plan is not None:
        properties |= plan_counts(run.plan)
    total = _counts(case for cases in suites.values() for case in cases)
    del total["skipped"]  # the root element has no such attribute
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes({'name': 'regsync', **total, 'time': _time(run.seconds)})}>\n"
    for name, cases in suites.items():
        timestamp = f"{run.started:%Y-%m-%dT%H:%M:%S}"
        yield f"<testsuite{_attributes({'name': name, **_counts(cases), 'timestamp': timestamp})}>\n"
        if name == _MANIFESTS:
            yield "<properties>\n"
            for key, value in properties.items():
                yield f"<property{_attributes({'name': key, 'value': value})}/>\n"
            yield "</properties>\n"
        for case in cases:
            yield from _case(name, case)
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _manifests(run: Run) -> list[Case]:
    cases = [
        Case(
            f"{each.rule} {each.origin}" if each.origin else each.rule,
            "failure" if each.severity is Severity.ERROR else "",
            each,
            said=each.summary,
        )
        for each in of_diagnostics(run.diagnostics)
    ]
    cases += (Case(run.command, "error", each) for each in of_error(run))
    return cases or [Case(run.command)]


def _registries(run: Run) -> dict[str, list[Case]]:
    plan = run.plan
    if plan is None:
        return {}
    suites: dict[str, list[Case]] = {each.name: [] for each in plan.registries}
    for registry, pairs in groupby(fates(run), key=lambda pair: pair[0].address.registry):
        suites.setdefault(registry, []).extend(_object(*pair) for pair in pairs)
    for each in plan.unreadable:
        suites.setdefault(each.registry, []).append(Case(each.address, "error", of_unreadable(each)))
    for guard in plan.guards:
        case = Case(f"guard {guard.name}", said=guard.text)
        if not guard.ok:
            case = replace(case, tag="failure", finding=of_guard(guard))
        suites.setdefault(guard.registry, []).append(case)
    return suites


def _object(change: Change, result: Result | None) -> Case:
    said = f"{change.action}: {change.why}"
    seconds = None if result is None else result.seconds
    for finding in of_change(change, result):
        if finding.severity is Severity.ERROR:
            return Case(str(change.address), "failure", finding, seconds=seconds)
        if finding.rule.startswith("skipped/"):
            return Case(str(change.address), "skipped", finding, seconds=seconds)
    return Case(str(change.address), said=said, seconds=seconds)


def _case(suite: str, case: Case) -> Iterator[str]:
    named = {"classname": suite, "name": case.name}
    if case.seconds is not None:
        named["time"] = _time(case.seconds)
    yield f"<testcase{_attributes(named)}>"
    if case.tag and case.finding is not None:
        finding = case.finding
        yield f"<{case.tag}{_attributes({'type': finding.rule, 'message': finding.summary})}>"
        yield f"{_text((finding.summary, *finding.paragraphs))}</{case.tag}>"
    elif case.said:
        yield f"<system-out>{_text([case.said, *(case.finding.paragraphs if case.finding else ())])}</system-out>"
    yield "</testcase>\n"


def _counts(cases: Iterable[Case]) -> dict[str, str | int]:
    tags = [case.tag for case in cases]
    return {
        "tests": len(tags),
        "failures": tags.count("failure"),
        "errors": tags.count("error"),
        "skipped": tags.count("skipped"),
    }


def _attributes(named: Mapping[str, str | int]) -> str:
    # What cannot be printed cannot stand in XML either, escaped or not: `clean` leaves none of it.
    return "".join(f' {name}="{escape(clean(str(value)))}"' for name, value in named.items())


def _text(paragraphs: Iterable[str]) -> str:
    return escape("\n".join(clean(each) for text in paragraphs for each in text.splitlines()))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
