"""A run as metrics in the text format of OpenMetrics, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from regsync.model.outcome import Status
from regsync.model.plan import Action, Cause, Change, Plan
from regsync.model.state import UnreadableScope
from regsync.report.lines import clean
from regsync.report.run import Run

LAST_SUCCESS = "regsync_last_success_timestamp_seconds"

_COUNTED = [each for each in Action if each is not Action.NO_OP]
_KEPT = re.compile(rf"^{LAST_SUCCESS} (\d+(?:\.\d+)?)$", re.MULTILINE)

Labels = Mapping[str, str]


def last_success(text: str) -> float | None:
    """When the run before this one that succeeded ended, by what its metrics say."""
    found = _KEPT.search(text)
    return float(found[1]) if found else None


def render_prometheus(run: Run, *, before: float | None = None) -> Iterator[str]:
    """Gauges of the run. A run that is no success keeps the time of the last one `before` it, so that an alert needs no
    more than the age of that; what reads no registry, as `validate` and `show`, has no time of its own either."""
    ended = run.started.timestamp() + run.seconds
    success = ended if _succeeded(run) else before
    if run.command in ("plan", "apply"):
        yield from _gauge(
            "regsync_last_run_timestamp_seconds", "When the last plan or apply ended.", [({}, ended)]
        )
    if success is not None:
        yield from _gauge(LAST_SUCCESS, "When the last plan or apply ended that succeeded.", [({}, success)])
    yield from _gauge("regsync_run_duration_seconds", "How long the last run took.", [({}, run.seconds)])
    yield from _gauge("regsync_exit_status", "The exit status of the last run.", [({}, run.status)])
    if run.plan is not None:
        yield from _plan(run, run.plan)
    yield "# EOF\n"


def _succeeded(run: Run) -> bool:
    """Of a plan: everything was compared, whatever it found, blocked changes and refusing guards too. Of an apply: all is
    as the manifests say."""
    if run.command == "plan":
        compared = run.plan is not None and not run.plan.errored
        return compared and run.status in (0, 2, 4)
    return run.command == "apply" and run.status == 0


def _plan(run: Run, plan: Plan) -> Iterator[str]:
    registries = sorted({each.name for each in plan.registries} | {each.registry for each in plan.unreadable})
    unreachable = {each.registry for each in plan.unreadable if each.scope is UnreadableScope.REGISTRY}
    yield from _gauge(
        "regsync_registry_reachable",
        "Whether the live registry answered as one.",
        [({"registry": name}, name not in unreachable) for name in registries],
    )
    yield from _gauge(
        "regsync_not_compared",
        "Desired objects that lie in a part of a registry that could not be read.",
        [({}, plan.not_compared)],
    )
    yield from _gauge(
        "regsync_guard_refusals",
        "Guards that stand against the apply.",
        [({}, sum(not each.ok for each in plan.guards))],
    )
    phases = {"planned": plan.changes}
    if run.outcome is not None:
        results = run.outcome.results
        phases["applied"] = tuple(each.change for each in results if each.status is Status.APPLIED)
        phases["failed"] = tuple(each.change for each in results if each.status is Status.FAILED)
    samples: list[tuple[Labels, float]] = []
    for phase, changes in phases.items():
        samples += _changes(phase, changes, registries)
    yield from _gauge("regsync_changes", "Changes by what they do and who caused them.", samples)


def _changes(
    phase: str, changes: Iterable[Change], registries: Iterable[str]
) -> Iterator[tuple[Labels, float]]:
    """Zeros too: a series that comes and goes can be neither summed nor alerted on."""
    count = Counter((each.address.registry, each.action, each.cause) for each in changes)
    names = sorted({*registries, *(name for name, _, _ in count)})
    for name, action, cause in product(names, _COUNTED, Cause):
        labels = {"registry": name, "action": action.value, "cause": cause.value, "phase": phase}
        yield labels, count[name, action, cause]


def _gauge(name: str, about: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        named = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        yield f"{name}{{{named}}} {_number(value)}\n" if named else f"{name} {_number(value)}\n"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _escape(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace('"', '\\"')
