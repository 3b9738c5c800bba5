"""`apply`: plan, ask, write, tell; or carry out a saved plan."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from regsync.cli.console import Console
from regsync.cli.display import Display
from regsync.cli.options import DetailOption
from regsync.cli.plan import check_names, open_workspace, print_plan, refuse_guards
from regsync.cli.status import REFUSED, outcome_status, plan_status
from regsync.model.errors import Refused, RegsyncError, UsageError
from regsync.model.events import Ended, Stopping
from regsync.model.outcome import Outcome
from regsync.model.plan import Plan, PlanRequest
from regsync.report.lines import Style, line
from regsync.report.outcome import render_outcome
from regsync.report.plan import Detail
from regsync.run.apply import Stop
from regsync.run.approval import approve
from regsync.run.planfile import is_plan_file, may_be_plan_file, read_plan


def saved_plan(console: Console, paths: list[str] | None) -> Plan | None:
    """The saved plan, where the one path given is one, or seems to be meant as one; None where the paths are manifests."""
    if paths and len(paths) == 1 and may_be_plan_file(console.root / paths[0]):
        return read_plan(console.root / paths[0])
    files = [path for path in paths or () if is_plan_file(console.root / path)]
    if files:
        raise UsageError(f"{files[0]} is a saved plan and stands alone; name no other path beside it")
    return None


def run(
    console: Console,
    wanted: PlanRequest,
    *,
    auto_approve: bool,
    fail_fast: bool,
    detail: DetailOption,
    parallelism: int,
) -> int:
    if console.as_json and not auto_approve:
        raise UsageError("--json cannot ask for approval", hint="pass --auto-approve, or apply a saved plan")
    with (
        Display(console) as display,
        open_workspace(console, display, parallelism) as workspace,
    ):
        plan, desired = workspace.plan(wanted)
        check_names(plan, workspace.idle(wanted))
        display.pause()
        if not console.as_json:
            print_plan(console, plan, detail)
        refuse_guards(plan)
        if not plan.has_changes:
            return plan_status(plan, detailed=False)
        if not auto_approve and not _approved(console, plan):
            console.err([line("Apply cancelled. Nothing was written.", Style.STRONG)])
            return REFUSED
        with interruptible(console, display) as stop:
            outcome = workspace.apply(plan, desired, stop=stop, fail_fast=fail_fast)
    if not console.as_json:
        console.out([line()])
    return _told(console, outcome, detail)


def run_saved(
    console: Console,
    approved: Plan,
    *,
    fail_fast: bool,
    detail: DetailOption,
    parallelism: int,
) -> int:
    """Plan again as the saved plan was made, and carry out what of it was approved."""
    with (
        Display(console) as display,
        open_workspace(console, display, parallelism) as workspace,
    ):
        fresh, desired = workspace.plan(approved.request)
        display.pause()
        matched = approve(approved, fresh, gone=workspace.is_gone)
        refuse_guards(matched.plan)
        with interruptible(console, display) as stop:
            outcome = workspace.apply(
                matched.plan, desired, stop=stop, fail_fast=fail_fast, refused=matched.results
            )
    return _told(console, outcome, detail)


def _told(console: Console, outcome: Outcome, detail: DetailOption) -> int:
    if not console.as_json:
        console.out(render_outcome(outcome, detail=Detail(detail.value)))
    return outcome_status(outcome)


def _approved(console: Console, plan: Plan) -> bool:
    if not console.may_ask():
        reason = "not a terminal" if console.interactive else "--no-input forbids asking"
        raise Refused(
            f"refusing to apply without approval: {reason}",
            hint="pass --auto-approve, or save a plan with plan --out FILE and apply that",
        )
    where = "registries and Palette" if any(each.palette for each in plan.registries) else "registries"
    console.err(
        [
            line(),
            line("Do you want to perform these actions?", Style.STRONG),
            line(f"  They are written to the {where} named above. Only 'yes' is taken for an approval."),
        ]
    )
    return input_line("  Enter a value: ") == "yes"


def input_line(question: str) -> str:
    """Ask on stderr, so that stdout stays the plan, and read one line. An end of input is no answer."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip()


_ABORTED = "second interrupt: aborted; what was running may be incomplete"


@contextmanager
def interruptible(console: Console, display: Display) -> Iterator[Stop]:
    """The first SIGINT or SIGTERM stops what has not begun; the second ends the process at once.

    Reports tell what is known by then, at the first already: a CI system may kill what does not end in a few seconds.
    """
    stop = Stop()

    def stop_or_abort(number: int, _: FrameType | None) -> None:
        again = stop.signal is not None
        if again:
            shown = "\x1b[?25h" if sys.stderr.isatty() else ""  # a moving display hides the cursor
            os.write(2, f"{shown}\n{_ABORTED}\n".encode())
        else:
            stop("interrupted", number)
            display(Stopping(len(stop.running)))
        if stop.outcome:
            console.reports.see(Ended(stop.outcome()))
        error = RegsyncError(
            _ABORTED if again else "interrupted; the apply had not ended when this was written"
        )
        for _failure in console.reports.write(console, 128 + number, error, early=not again):
            pass  # there is nobody to tell
        if again:
            os._exit(128 + number)

    previous = {number: signal.signal(number, stop_or_abort) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
