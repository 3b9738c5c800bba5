"""Progress while Palette synchronizes: what goes on, for what it waits, and what came about."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.cli import views
from regsync.cli.console import Console
from regsync.cli.live import LiveView
from regsync.cli.views import LineView
from regsync.model.events import Finished, Observing, Started, Waiting
from regsync.model.outcome import Result, Status
from regsync.model.plan import Action, ResourceType
from tests.support.plans import make_change

SYNC = make_change("prod/@palette/prod/sync", Action.UPDATE, type=ResourceType.SYNC)
WAITING = "the synchronization has not ended (Palette says InProgress)"


def test_a_heartbeat_tells_what_palette_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "HEARTBEAT", 0)
    view = LineView(Console({}, Path()))
    view.show(Started(SYNC))
    view.show(Waiting(SYNC, WAITING))
    view.show(Finished(Result(SYNC, Status.APPLIED, "synchronized, 12 listed", seconds=34.2)))
    first, *_, heartbeat, ended = capsys.readouterr().err.splitlines()
    assert first.startswith("still synchronizing prod/@palette/prod/sync (")
    assert heartbeat.endswith(f" s, {WAITING})")
    assert ended == "prod/@palette/prod/sync: synchronized, 12 listed in 34.2 s"


def test_a_heartbeat_names_the_registries_that_are_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "HEARTBEAT", 0)
    view = LineView(Console({}, Path()))
    view.show(Observing(4, 10, ("edge", "prod")))
    view.show(Observing(5, 10, ("a", "b", "c", "d", "e")))
    view.show(Observing(10, 10))
    assert capsys.readouterr().err.splitlines() == [
        "still reading registries: 4 of 10 reads done, waiting for edge, prod",
        "still reading registries: 5 of 10 reads done, waiting for a, b, c and 2 more",
    ]


def test_a_failed_one_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineView(Console({}, Path()))
    view.show(Finished(Result(SYNC, Status.FAILED, "Palette could not synchronize prod: 401", seconds=1)))
    assert (
        capsys.readouterr().err
        == "prod/@palette/prod/sync: failed: Palette could not synchronize prod: 401\n"
    )


def test_the_moving_display_names_the_registration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "200"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    view = LiveView(color=False)
    view.show(Started(SYNC))
    view.close()
    assert "synchronizing prod in Palette" in capsys.readouterr().err
    view.show(Observing(4, 10, ("edge", "prod")))
    view.close()
    assert "reading registries 4/10, waiting for edge, prod" in capsys.readouterr().err
    view.show(Started(SYNC))
    view.show(Waiting(SYNC, WAITING))
    view.close()
    assert f"prod: {WAITING}" in capsys.readouterr().err
