"""What of a run somebody must look at, one list for all formats that tell of problems. Knows no format."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from regsync.model.codec import change_fingerprint, digest_of, drifted, plan_counts
from regsync.model.diagnostic import Diagnostic, Origin, Severity
from regsync.model.errors import ManifestInvalid
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Cause, Change, Guard, Plan
from regsync.model.state import Unreadable
from regsync.report.guards import lifting
from regsync.report.run import Run
from regsync.report.verbs import to_be_done

ABOUT = {
    "blocked": "A change is held back",
    "delete": "Something is to be deleted",
    "drift": "Somebody has changed what the manifests declare",
    "failed": "A change could not be made",
    "refused": "A change was not made, because it was not approved",
    "skipped": "A change was not tried",
    "guard": "A limit stands against the whole apply",
    "unreadable": "A part of a registry gave no trustworthy answer and was not compared",
    "run": "The run could not go on",
}
"""The kinds of findings that are no diagnostics, by the first part of their rules."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `rule` is a diagnostic's code, or a kind of `ABOUT` with what it is about (`drift/settings-differ`).

    `subject` is the address that it speaks of, else empty. `fingerprint` is 64 hex digits that are the same in every
    run that meets the same problem, and differ within a run. `length` counts the characters that are meant at `origin`.
    """

    rule: str
    severity: Severity
    summary: str
    paragraphs: tuple[str, ...]
    fingerprint: str
    subject: str = ""
    origin: Origin | None = None
    length: int = 1

    @property
    def about(self) -> str:
        """The rule in a sentence."""
        return ABOUT.get(self.rule.partition("/")[0], f"regsync explain {self.rule} tells what it means")


def findings(run: Run) -> list[Finding]:
    """All problems of a run, errors first. Positions are seen from the directory where the program was started."""
    found = [*of_diagnostics(run.diagnostics), *of_error(run)]
    if run.plan is not None:
        found += map(of_unreadable, run.plan.unreadable)
        found += (of_guard(each) for each in run.plan.guards if not each.ok)
        drift = {id(each) for each in drifted(run.plan)}
        for change, result in fates(run):
            found += of_change(change, result, is_drift=id(change) in drift)
    found.sort(key=lambda each: each.severity is not Severity.ERROR)
    return [_seen_from_start(each, run.folder) for each in _told_apart(found)]


def fates(run: Run) -> list[tuple[Change, Result | None]]:
    """Every object of the plan with what became of it, and what else the apply has met, sorted by address."""
    results = () if run.outcome is None else run.outcome.results
    ended = {each.change.address for each in results}
    pairs: list[tuple[Change, Result | None]] = [(each.change, each) for each in results]
    if run.plan is not None:
        pairs += ((each, None) for each in run.plan.changes if each.address not in ended)
    return sorted(pairs, key=lambda pair: pair[0].address)


def of_diagnostics(diagnostics: Iterable[Diagnostic]) -> Iterator[Finding]:
    """Findings about the user's files. Lines do not count in their fingerprints: they move with every edit above them."""
    for each in diagnostics:
        yield Finding(
            rule=each.code,
            severity=each.severity,
            summary=each.summary,
            paragraphs=_given(
                *(f"{one.label}: {one.origin}" for one in each.related), each.detail, _help(each.help)
            ),
            fingerprint=digest_of(each.code, each.origin.file if each.origin else "", each.summary),
            origin=each.origin,
            length=each.snippet.length if each.snippet else 1,
        )


def of_error(run: Run) -> Iterator[Finding]:
    """Why the run could not go on, where that is not for its diagnostics."""
    error = run.error
    if error is not None and not isinstance(error, ManifestInvalid):
        yield Finding(
            rule=f"run/{run.command}",
            severity=Severity.ERROR,
            summary=error.message,
            paragraphs=_given(_help(error.hint)),
            fingerprint=digest_of("run", run.command, type(error).__name__),
        )


def of_unreadable(unreadable: Unreadable) -> Finding:
    """A part of a registry that was not compared."""
    return Finding(
        rule=f"unreadable/{unreadable.scope}",
        severity=Severity.ERROR,
        summary=f"{unreadable.address} is unreadable: {unreadable.reason}",
        paragraphs=_given(_help(unreadable.hint)),
        fingerprint=digest_of("unreadable", unreadable.address),
        subject=unreadable.address,
    )


def of_guard(guard: Guard) -> Finding:
    """A guard that refuses."""
    return Finding(
        rule=f"guard/{guard.name}",
        severity=Severity.ERROR,
        summary=f"{guard.registry}: refused by a guard: {guard.text}",
        paragraphs=(f"help: {lifting([guard])}",),
        fingerprint=digest_of("guard", guard.registry, guard.name),
        subject=guard.registry,
        origin=guard.origin,
    )


def of_change(change: Change, result: Result | None, *, is_drift: bool = False) -> Iterator[Finding]:
    """What is to be looked at of one change: nothing where it is fine, or was made."""
    action = change.wanted or change.action
    severity, why, hint = Severity.ERROR, change.why, change.help
    if result is not None and result.status in (Status.APPLIED, Status.ALREADY):
        return
    if change.action is Action.BLOCKED:
        kind, said = "blocked", f"{action} is blocked"
    elif result is not None:
        kind, said = result.status.value, f"{action} {result.status}"
        why, hint = result.detail or change.why, result.hint
        severity = Severity.WARNING if result.status is Status.SKIPPED else Severity.ERROR
    elif change.action in (Action.DELETE, Action.REPLACE):
        kind, said, severity = "delete", f"to be {to_be_done(change)}", Severity.WARNING
    elif is_drift:
        kind, said, severity = "drift", f"drifted, to be {to_be_done(change)}", Severity.WARNING
    else:
        return
    caused = "" if change.cause is Cause.UNKNOWN else f"cause: {change.cause}"
    yield Finding(
        rule=f"{kind}/{change.reason}",
        severity=severity,
        summary=f"{change.address}: {said}: {why}",
        paragraphs=_given(caused, *change.notes, _help(hint)),
        fingerprint=change_fingerprint(change),
        subject=str(change.address),
        origin=change.origin,
    )


def headline(run: Run) -> str:
    """The run in one line, with its counts."""
    if run.outcome is not None:
        return outcome_headline(run.outcome)
    if run.plan is not None:
        return plan_headline(run.plan)
    return f"{run.command} ended with status {run.status}"


def plan_headline(plan: Plan) -> str:
    """The counts of a plan that ask for a decision."""
    count = plan_counts(plan)
    return (
        f"Plan: {count['add']} to add, {count['change']} to change, {count['delete']} to delete, "
        f"{count['blocked']} blocked"
    )


def outcome_headline(outcome: Outcome) -> str:
    """The counts of what was done and what was not."""
    summary = outcome.summary
    return (
        f"Apply: {summary.added} added, {summary.changed} changed, {summary.deleted} deleted, "
        f"{summary.failed} failed, {summary.skipped} skipped, {summary.refused} refused"
    )


def _given(*paragraphs: str | None) -> tuple[str, ...]:
    return tuple(each for each in paragraphs if each)


def _help(text: str | None) -> str | None:
    return f"help: {text}" if text else None


def _told_apart(found: Iterable[Finding]) -> Iterator[Finding]:
    """With the second and every further one of equal fingerprints numbered."""
    met: Counter[tuple[str, str]] = Counter()
    for each in found:
        key = each.rule, each.fingerprint
        met[key] += 1
        yield each if met[key] == 1 else replace(each, fingerprint=digest_of(each.fingerprint, met[key]))


def _seen_from_start(finding: Finding, folder: str) -> Finding:
    if not folder or finding.origin is None:
        return finding
    file = posixpath.normpath(posixpath.join(folder, finding.origin.file))
    return replace(finding, origin=replace(finding.origin, file=file))
