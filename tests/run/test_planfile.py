"""Saved plans on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regsync.model.errors import Refused, UsageError
from regsync.planner.build import build_plan
from regsync.run.planfile import is_plan_file, read_plan, write_plan
from tests.support.states import a_registry, a_request, address, desired, live, wanted

PLAN = build_plan(a_request(), desired(a_registry(wanted("nginx"))), live(missing=[address("nginx")]))


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_plan(tmp_path / "p.json", PLAN, timestamp="2026-01-01T00:00:00Z")
    assert read_plan(tmp_path / "p.json") == PLAN
    assert [each.name for each in tmp_path.iterdir()] == ["p.json"]


def test_a_plan_is_told_from_a_manifest_in_json(tmp_path: Path) -> None:
    write_plan(tmp_path / "p.json", PLAN, timestamp="")
    (tmp_path / "m.json").write_text('{"apiVersion": "regsync/v1", "kind": "Registry"}')
    assert is_plan_file(tmp_path / "p.json")
    assert not is_plan_file(tmp_path / "m.json")
    assert not is_plan_file(tmp_path / "missing.json")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "null", "{}", '{"format_version": "2.0"}'])
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(Refused):
        read_plan(tmp_path / "p.json")


def test_an_altered_plan_is_refused(tmp_path: Path) -> None:
    write_plan(tmp_path / "p.json", PLAN, timestamp="")
    document = json.loads((tmp_path / "p.json").read_text())
    document["resource_changes"][0]["change"]["after"]["content"] = "sha256:" + "0" * 64
    (tmp_path / "p.json").write_text(json.dumps(document))
    with pytest.raises(Refused, match="altered"):
        read_plan(tmp_path / "p.json")


def test_a_folder_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_plan(tmp_path / "missing" / "p.json", PLAN, timestamp="")
