from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, get_args

from hypothesis import given
from jsonschema import Draft7Validator

from regsync import __version__
from regsync.model.diagnostic import Diagnostic, Origin, Severity
from regsync.model.errors import ManifestInvalid, UsageError
from regsync.model.events import (
    Ended,
    Event,
    Finished,
    Found,
    Observing,
    Planned,
    Progressed,
    ReadingFolders,
    Started,
    Stopping,
    Waiting,
)
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import Action, Guard, ResourceType
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.events import Record, error_records, event_records, version_record
from tests.support.diagnostics import FINDINGS
from tests.support.plans import make_change, make_plan, outcomes, unchanged
from tests.support.servers import ROOT

AT = "2026-11-21T05:31:00Z"
SCHEMA = Draft7Validator(
    json.loads((ROOT / "schemas" / "events.schema.json").read_text(encoding="utf-8")),
)
CHANGE = make_change("harbor-prod/team/nginx:1.25.0")
BLOCKED = make_change("harbor-prod/team/redis:7.2.1", Action.BLOCKED)
SYNC = make_change("harbor-prod/@palette/harbor-prod/sync", Action.UPDATE, type=ResourceType.SYNC)
PLAN = make_plan(
    CHANGE,
    BLOCKED,
    *unchanged(2),
    guards=(Guard("deletes", "harbor-prod", True, "deletes 0/5", "--max-deletes 0", Origin("r.yaml", 3, 1)),),
    unreadable=(Unreadable("acr-dev", UnreadableScope.REGISTRY, "no answer", hint="wait"),),
    not_compared=4,
)
RESULTS = tuple(
    Result(CHANGE, status, None if status is Status.APPLIED else "why", sent=10, seconds=0.5)
    for status in Status
)
EVENTS: list[Event] = [
    ReadingFolders(3, 220),
    Observing(1, 9, ("acr-dev", "harbor-prod")),
    *(Found(each) for each in FINDINGS.values()),
    Planned(PLAN, {"harbor-prod": 219}),
    Started(CHANGE),
    Progressed(CHANGE, 1_000, 2_000),
    Started(SYNC),
    Waiting(SYNC, "the synchronization has not ended (Palette says InProgress)"),
    Finished(Result(SYNC, Status.APPLIED, "synchronized, 12 listed", seconds=34.2)),
    *(Finished(each) for each in RESULTS),
    Stopping(2),
    Ended(Outcome(PLAN, RESULTS, seconds=1.5, signal=2, requests={"harbor-prod": 31})),
]


def checked(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The records as a consumer reads them, held against the schema."""
    read = [json.loads(json.dumps(each)) for each in records]
    for each in read:
        SCHEMA.validate(each)
    return read


def test_the_stream_of_a_run(golden: Callable[[str, str], None]) -> None:
    assert {type(each) for each in EVENTS} == set(get_args(Event))
    records = checked(record for each in EVENTS for record in event_records(each, AT))
    golden("report/events", "".join(json.dumps(each, sort_keys=True) + "\n" for each in records))


def test_the_first_record_tells_the_versions() -> None:
    (record,) = checked([version_record(AT)])
    assert (record["type"], record["regsync"], record["ui"]) == ("version", __version__, "1.0")


def test_a_planned_change_carries_both_sides() -> None:
    update = make_change(
        "ecr/team/nginx:1",
        Action.UPDATE,
        type=ResourceType.REPOSITORY,
        before={"scanOnPush": False},
        after={"scanOnPush": True},
    )
    planned, *_ = checked(event_records(Planned(make_plan(update)), AT))
    assert (planned["change"]["before"], planned["change"]["after"]) == (
        {"scanOnPush": False},
        {"scanOnPush": True},
    )


def test_an_unchanged_object_makes_no_record() -> None:
    records = checked(event_records(Planned(make_plan(*unchanged(9))), AT))
    assert [each["type"] for each in records] == ["change_summary"]


def test_a_usage_error_is_json_too() -> None:
    (record,) = checked(error_records(UsageError("no such option: --pln", hint="try --help"), AT))
    assert (record["type"], record["@level"]) == ("diagnostic", "error")
    assert record["diagnostic"]["summary"] == "no such option: --pln"
    assert record["diagnostic"]["help"] == "try --help"


def test_invalid_manifests_are_one_record_per_finding() -> None:
    records = checked(error_records(ManifestInvalid(tuple(FINDINGS.values())), AT))
    assert [each["diagnostic"]["code"] for each in records] == [each.code for each in FINDINGS.values()]
    assert {each["@level"] for each in records} == {"error", "warn"}


def test_a_message_is_one_safe_line() -> None:
    found = Found(Diagnostic("x", Severity.ERROR, "a\n\x1b[2Jb"))
    (record,) = checked(event_records(found, AT))
    assert record["@message"] == r"a\n\x1b[2Jb"


@given(outcomes)
def test_any_run_streams_as_the_schema_says(outcome: Outcome) -> None:
    planned = checked(event_records(Planned(outcome.plan), AT))[-1]["changes"]
    summary = outcome.plan.summary
    assert (planned["add"], planned["change"], planned["remove"]) == (
        summary.add,
        summary.change,
        summary.delete,
    )
    for result in outcome.results:
        checked(event_records(Finished(result), AT))
    (ended,) = checked(event_records(Ended(outcome), AT))
    assert ended["changes"]["add"] == outcome.summary.added
