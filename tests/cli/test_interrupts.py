"""Applies that are cut short: by a signal, by a sudden death, by a server that dies. No tag ever leads to half a pack."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.audit import sound_layout_tags, sound_tags
from tests.support.program import LONGEST_RUN, await_line, running
from tests.support.servers import ROOT, DistributionServer
from tests.support.team import Team
from tests.support.watch import WatchingProxy

PUBLISHED = ("kafka",)
NEW = ("nginx", "redis", "zookeeper")
OUTCOME = json.loads((ROOT / "schemas" / "outcome.schema.json").read_text(encoding="utf-8"))
ONE_BY_ONE = ("--parallelism", "1")
APPLY = ("apply", "--auto-approve", *ONE_BY_ONE)
STEPS = [
    pytest.param("POST", "/blobs/uploads/", id="before-a-layer"),
    pytest.param("PUT", "/blobs/uploads/", id="in-a-layer"),
    pytest.param("PUT", "/manifests/", id="before-a-tag"),
]


@pytest.fixture
def proxy(distribution: DistributionServer) -> Iterator[WatchingProxy]:
    with WatchingProxy(distribution.url) as proxy:
        yield proxy


@pytest.fixture
def team(proxy: WatchingProxy, unique_path: str, tmp_path: Path) -> Team:
    return a_team(tmp_path / "team", proxy.url, unique_path)


def a_team(root: Path, endpoint: str, base: str, *, size: int = 1 << 20, **spec: Any) -> Team:
    """A team that has published a pack and has three more to publish, of `size` bytes each."""
    team = Team(root, endpoint, base, **spec)
    for name in PUBLISHED:
        team.pack(name)
    assert team.apply().status == 0
    for name in NEW:
        team.pack(name, files={"noise.bin": random.Random(name).randbytes(size)})
    return team


def names_in(team: Team, tags: Collection[str]) -> list[str]:
    """The packs whose tags these are."""
    names = [name for name in (*PUBLISHED, *NEW) if team.tag(name) in tags]
    assert len(names) == len(tags)
    return names


def await_file(path: Path) -> None:
    """Wait until a file is there, which the program writes as a whole."""
    deadline = time.monotonic() + LONGEST_RUN
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name} is written"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_first_signal_finishes_what_runs_and_tells_what_was_done(
    number: signal.Signals, team: Team, proxy: WatchingProxy, distribution: DistributionServer
) -> None:
    upload = proxy.hold("PUT", "/blobs/uploads/")
    with running(*APPLY, cwd=team.root) as process:
        upload.await_arrival()
        process.send_signal(number)
        await_line(process, "interrupted: 1 change still running will be finished; once more aborts")
        upload.let_go()
        out, err = process.communicate()
    assert process.returncode == 128 + number
    assert f"Apply interrupted by {number.name}: applied 1, failed 0, skipped 2, refused 0." in out
    assert out.count("create skipped   interrupted") == 2
    assert "Traceback" not in err
    [_, finished] = names_in(team, sound_tags(distribution, team.base))
    assert f"+ {team.address(finished)}" in out.partition("plan-id")[2]

    assert team.apply().status == 0
    assert names_in(team, sound_tags(distribution, team.base)) == [*PUBLISHED, *NEW]
    assert team.is_settled()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_second_signal_aborts_at_once(
    number: signal.Signals, team: Team, proxy: WatchingProxy, distribution: DistributionServer
) -> None:
    upload = proxy.hold("PUT", "/blobs/uploads/")
    with running(*APPLY, cwd=team.root) as process:
        upload.await_arrival()
        process.send_signal(number)
        await_line(process, "interrupted: 1 change still running")
        process.send_signal(number)
        _, err = process.communicate()  # the upload is still held
    assert process.returncode == 128 + number
    assert "second interrupt: aborted" in err
    upload.let_go()
    assert names_in(team, sound_tags(distribution, team.base)) == [*PUBLISHED]

    assert team.apply().status == 0
    assert names_in(team, sound_tags(distribution, team.base)) == [*PUBLISHED, *NEW]
    assert team.is_settled()


REPORTS = ("markdown=a.md", "json=a.json", "html=a.html", "text=a.txt", "github-output=outputs.txt")
WITH_REPORTS = (*APPLY, *(text for each in REPORTS for text in ("--report", each)))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_reports_of_an_apply_that_is_cut_short_tell_what_was_known(
    end: signal.Signals, team: Team, proxy: WatchingProxy
) -> None:
    for each in REPORTS:
        team.write(each.partition("=")[2], "of an earlier run\n")
    upload = proxy.hold("PUT", "/blobs/uploads/")
    with running(*WITH_REPORTS, cwd=team.root) as process:
        upload.await_arrival()
        assert not (team.root / "a.md").exists()
        process.send_signal(signal.SIGINT)
        await_line(process, "interrupted: 1 change still running")
        await_file(team.root / "a.txt")  # the last one that is written at the first signal
        process.send_signal(end)
        process.communicate()
    upload.let_go()
    assert process.returncode == (143 if end is signal.SIGTERM else -signal.SIGKILL)
    document = json.loads((team.root / "a.json").read_text())
    Draft7Validator(OUTCOME).validate(document)
    told = Counter(each["status"] for each in document["results"])
    assert told == {"running": 1, "skipped": 2}
    assert (document["complete"], document["signal"]) == (False, signal.SIGINT)
    assert "Apply interrupted by SIGINT: applied 0, " in (team.root / "a.md").read_text()
    assert "still running" in (team.root / "a.html").read_text()
    appended = (team.root / "outputs.txt").read_text()
    assert appended.startswith("of an earlier run\n")
    assert ("exit_status=143" in appended) is (end is signal.SIGTERM)
    said = "second interrupt: aborted" if end is signal.SIGTERM else "the apply had not ended"
    assert said in (team.root / "a.md").read_text()


def test_reports_of_an_apply_that_ends_after_a_signal_tell_how_it_ended(
    team: Team, proxy: WatchingProxy
) -> None:
    upload = proxy.hold("PUT", "/blobs/uploads/")
    with running(*WITH_REPORTS, cwd=team.root) as process:
        upload.await_arrival()
        process.send_signal(signal.SIGTERM)
        await_file(team.root / "a.txt")
        upload.let_go()
        process.communicate()
    document = json.loads((team.root / "a.json").read_text())
    assert Counter(each["status"] for each in document["results"]) == {"applied": 1, "skipped": 2}
    assert document["run"]["error"] is None
    assert (team.root / "outputs.txt").read_text().count("exit_status=143") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_a_signal_while_planning_ends_the_run_though_a_read_hangs(
    number: signal.Signals, team: Team, proxy: WatchingProxy
) -> None:
    proxy.requests.clear()
    read = proxy.hold("GET", "/manifests/")
    with running(*APPLY, cwd=team.root) as process:
        read.await_arrival()
        process.send_signal(number)
        out, err = process.communicate()  # the read is still held
    assert process.returncode == 128 + number
    assert (out, err.strip()) == ("", "interrupted; nothing was written to any registry")
    assert {each.method for each in proxy.requests} <= {"GET", "HEAD"}


def test_a_signal_while_importing_leaves_no_folder_behind(team: Team, proxy: WatchingProxy) -> None:
    (team.root / "registries/team.yaml").unlink()
    read = proxy.hold("GET", "/manifests/")
    endpoint = f"{proxy.url}/{team.base}"
    with running("import", endpoint, "--pull-packs", "new/packs", cwd=team.root) as process:
        read.await_arrival()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()  # the read is still held
    assert process.returncode == 128 + signal.SIGINT
    assert err.strip() == "interrupted; nothing was written to any registry"
    assert not (team.root / "new").exists()


@pytest.mark.parametrize(("method", "path"), STEPS)
def test_after_a_sudden_death_the_next_apply_completes(
    method: str, path: str, team: Team, proxy: WatchingProxy, distribution: DistributionServer
) -> None:
    request = proxy.hold(method, path)
    with running(*APPLY, cwd=team.root) as process:
        request.await_arrival()
        process.kill()
    assert names_in(team, sound_tags(distribution, team.base)) == [*PUBLISHED]
    request.let_go()

    assert team.apply().status == 0
    assert names_in(team, sound_tags(distribution, team.base)) == [*PUBLISHED, *NEW]
    assert team.is_settled()


@pytest.mark.parametrize(("method", "path"), STEPS)
def test_after_the_death_of_the_server_the_next_apply_completes(
    method: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    with ExitStack() as life:
        server = life.enter_context(DistributionServer(tmp_path / "server"))
        with WatchingProxy(server.url) as proxy:
            team = a_team(tmp_path / "team", proxy.url, "team")
            proxy.before(method, path, life.close)
            ran = team.apply(*ONE_BY_ONE)
    assert ran.status == 1
    assert "Apply incomplete: applied 0, failed 3, skipped 0, refused 0." in ran.out

    with DistributionServer(tmp_path / "server") as again:
        assert names_in(team, sound_tags(again, team.base)) == [*PUBLISHED]
        team.declare(endpoint=again.url)
        assert team.apply().status == 0
        assert names_in(team, sound_tags(again, team.base)) == [*PUBLISHED, *NEW]
        assert team.is_settled()


def test_after_sudden_deaths_a_layout_is_whole_and_the_next_apply_completes(tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    team = a_team(tmp_path / "team", "../../registry", "bundle", size=4 << 20)
    there = [*PUBLISHED]
    for _ in NEW:
        with running(*APPLY, cwd=team.root) as process:
            await_line(process, ": created")
            process.kill()
        before, there = there, names_in(team, sound_layout_tags(registry))
        assert set(before) <= set(there)
        if there == [*PUBLISHED, *NEW]:  # the system was slow to kill it
            break

    assert team.apply().status == 0
    assert names_in(team, sound_layout_tags(registry)) == [*PUBLISHED, *NEW]
    assert team.is_settled()
