"""What a person at a terminal sees: the question, colours, what moves, interrupts, pipes that break, completion."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from regsync.cli.console import wants_color
from regsync.cli.options import Color
from tests.support.cli import Ran
from tests.support.memory_server import MemoryServer
from tests.support.program import running
from tests.support.project import Project, told
from tests.support.scripted import Answer
from tests.support.terminal import Terminal

ARCHIVE = "team/spectro-packs/archive"
QUESTION = "Enter a value: "
ESCAPE = "\x1b["


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.pack()
    project.pack("redis", "7.2.1")
    project.registry()
    return project


@pytest.fixture
def server() -> Iterator[MemoryServer]:
    with MemoryServer() as running_server:
        yield running_server


class Gate:
    """Holds a request back until a test lets it pass; the server's end opens it, too."""

    def __init__(self, server: MemoryServer) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        self._server = server

    def __call__(self) -> None:
        self.reached.set()
        while not self._open.wait(0.02) and not self._server.closing.is_set():
            pass

    def open(self) -> None:
        self._open.set()


def held(server: MemoryServer, operation: str, name: str) -> Gate:
    """A gate before the first such operation on the repository of pack `name`."""
    gate = Gate(server)

    def fault(each: str, repository: str, reference: str) -> None:
        if each == operation and repository.endswith(f"/{name}") and not gate.reached.is_set():
            gate()

    server.store.fault = fault
    return gate


# The question


def test_yes_applies(project: Project) -> None:
    with Terminal("apply", cwd=project.root) as terminal:
        terminal.await_text(QUESTION)
        assert "Plan: 3 to add" in terminal.text
        assert not (project.root / "live").exists()
        terminal.press("yes\n")
        assert terminal.end() == 0
    assert "Apply complete! 3 added" in terminal.text
    assert project.run("plan", "--detailed-exitcode").status == 0


@pytest.mark.parametrize("answer", ["no\n", "YES\n", "\n", "\x04"])
def test_anything_else_cancels(project: Project, answer: str) -> None:
    with Terminal("apply", cwd=project.root) as terminal:
        terminal.await_text(QUESTION)
        terminal.press(answer)
        assert terminal.end() == 4
    assert terminal.text.endswith("\nApply cancelled. Nothing was written.\n")
    assert not (project.root / "live").exists()


def test_an_interrupt_at_the_question_is_no_approval(project: Project) -> None:
    with Terminal("apply", cwd=project.root) as terminal:
        terminal.await_text(QUESTION)
        terminal.press("\x03")
        assert terminal.end() == 130
    assert terminal.text.endswith("\ninterrupted; nothing was written to any registry\n")
    assert not (project.root / "live").exists()


def test_nothing_is_asked_where_there_is_nothing_to_approve(project: Project) -> None:
    project.run("apply", "--auto-approve")
    with Terminal("apply", cwd=project.root) as terminal:
        assert terminal.end() == 0
    assert QUESTION not in terminal.text


def test_no_input_refuses_at_once(project: Project) -> None:
    with Terminal("--no-input", "apply", cwd=project.root) as terminal:
        assert terminal.end() == 4
    assert "refusing to apply without approval: --no-input forbids asking" in terminal.text
    assert not (project.root / "live").exists()


def test_a_question_needs_a_terminal_to_be_seen_on(project: Project) -> None:
    """Somebody who sends stderr away would not see what is asked."""
    with Terminal("apply", cwd=project.root, stderr_to=project.root / "log") as terminal:
        assert terminal.end() == 4
    assert "not a terminal" in (project.root / "log").read_text()


# Colours


class Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("choice", "environment", "on_terminal", "elsewhere"),
    [
        ("auto", {}, True, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, True, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, True, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True, True),
        ("never", {"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_who_decides_about_colours(
    choice: str, environment: Mapping[str, str], on_terminal: bool, elsewhere: bool
) -> None:
    found = [wants_color(Color(choice), Stream(terminal=each), environment) for each in (True, False)]
    assert found == [on_terminal, elsewhere]


def test_each_stream_is_coloured_for_itself(project: Project) -> None:
    with Terminal("plan", "no-such-path", cwd=project.root) as terminal:
        assert terminal.end() == 3
    assert f"{ESCAPE}1;31merror[RS101]" in terminal.shown
    with Terminal("plan", cwd=project.root, piped=True) as terminal:
        assert terminal.end() == 0
    assert ESCAPE in terminal.shown  # the moving display
    assert "Plan: 3 to add" in terminal.piped
    assert ESCAPE not in terminal.piped


def test_colours_change_no_word(project: Project) -> None:
    coloured, plain = project.run("--color", "always", "plan"), project.run("plan")
    assert ESCAPE in coloured.out
    uncoloured = coloured.out.replace("\x1b[0m", "")
    for code in ("1", "2", "31", "32", "33", "1;31"):
        uncoloured = uncoloured.replace(f"\x1b[{code}m", "")
    assert told(("plan", coloured)).count("\n") == told(("plan", plain)).count("\n")
    assert uncoloured.splitlines()[1:] == plain.out.splitlines()[1:]  # the first has the time


def test_never_means_not_even_in_what_moves(project: Project) -> None:
    with Terminal("--color", "never", "apply", "--auto-approve", cwd=project.root) as terminal:
        assert terminal.end() == 0
    assert "\x1b[3" not in terminal.shown  # foreground colours of both palettes
    assert "\x1b[1m" not in terminal.shown


# What moves


def test_what_moves_leaves_nothing_behind(project: Project, server: MemoryServer) -> None:
    """The screen at the end shows what a pipe would get, and the cursor is back."""
    project.registry(endpoint=server.url)
    gate = held(server, "put_manifest", "redis")
    with Terminal("apply", "--auto-approve", cwd=project.root, columns=200) as terminal:
        terminal.await_text("creating redis:7.2.1 in prod/team/spectro-packs/archive")
        gate.open()
        assert terminal.end() == 0
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
    server.store.fault = lambda *_: None
    screen = terminal.screen()
    assert screen[0].startswith("regsync plan   manifests 1 file")
    assert screen[-1].startswith("Apply complete! 3 added")
    assert [each for each in screen if "━" in each or "creating" in each] == []
    assert sum(f"{ARCHIVE}/redis:7.2.1" in each for each in screen) == 2  # in the plan and in the outcome


def test_what_fails_is_told_at_once(project: Project, server: MemoryServer) -> None:
    project.registry(endpoint=server.url)
    server.on("POST .*nginx", (403, {}, b""))
    gate = held(server, "put_manifest", "redis")
    with Terminal("apply", "--auto-approve", cwd=project.root, columns=300) as terminal:
        terminal.await_text("nginx:1.25.0: failed: POST http://")
        gate.open()
        assert terminal.end() == 1
    failed = [each for each in terminal.screen() if "nginx:1.25.0" in each and "403" in each]
    assert len(failed) == 2  # when it happened and in the outcome


def test_what_moves_fits_a_narrow_terminal(project: Project, server: MemoryServer) -> None:
    project.registry(endpoint=server.url)
    gate = held(server, "put_manifest", "redis")
    with Terminal("apply", "--auto-approve", cwd=project.root, columns=40, piped=True) as terminal:
        terminal.await_text("creating redi")
        gate.open()
        assert terminal.end() == 0
    assert max(len(each) for each in terminal.text.replace("\r", "\n").splitlines()) <= 40


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {"CI": "true"}),
        ([], {"TERM": "dumb"}),
        (["-v"], {}),
        (["-q"], {}),
    ],
)
def test_where_nothing_moves(project: Project, options: list[str], environment: dict[str, str]) -> None:
    arguments = [*options, "apply", "--auto-approve"]
    with Terminal(*arguments, cwd=project.root, environment=environment) as terminal:
        assert terminal.end() == 0
    assert "\x1b[?25l" not in terminal.shown
    assert "━" not in terminal.shown


def test_long_work_is_spoken_of_where_nothing_moves(
    project: Project, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.cli.views.HEARTBEAT", 0.0)
    project.registry(endpoint=server.url)
    ran = project.run("apply", "--auto-approve", "--parallelism", "1")
    assert "still reading registries: 1 of 2 reads done" in ran.err
    assert f"still creating prod/{ARCHIVE}/nginx:1.25.0 (0.0 s" in ran.err
    assert "B sent)" in ran.err


# Interrupts


def test_an_interrupt_finishes_what_runs(
    project: Project, server: MemoryServer, golden: Callable[[str, str], None]
) -> None:
    project.pack("k8s", "1.29.1")
    project.registry(endpoint=server.url)
    assert project.run("plan", "--out", "plan.json").status == 0
    gate = held(server, "put_manifest", "k8s")
    arguments = ["apply", "plan.json", "--parallelism", "1"]
    with running(*arguments, cwd=project.root) as process:
        assert gate.reached.wait(20)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told_before = []
        for line in process.stderr:
            told_before.append(line)
            if "interrupted" in line:
                break
        gate.open()
        out, rest = process.communicate()
    first = Ran(process.returncode, out, "".join(told_before) + rest)
    resumed = project.run(*arguments)
    golden("cli/interrupted", told(("regsync apply plan.json", first), ("regsync apply plan.json", resumed)))
    assert first.status == 130


def test_a_second_interrupt_aborts(project: Project, server: MemoryServer) -> None:
    project.registry(endpoint=server.url)
    gate = held(server, "put_manifest", "redis")
    with Terminal("apply", "--auto-approve", cwd=project.root) as terminal:
        assert gate.reached.wait(20)
        terminal.press("\x03")
        terminal.await_text("once more aborts")
        terminal.press("\x03")
        assert terminal.end() == 130
    assert "second interrupt: aborted" in terminal.text
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
    assert f"{ARCHIVE}/redis" not in server.store.repositories("")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", [["plan"], ["registries", "check"]])
def test_an_interrupt_does_not_wait_for_a_registry(
    project: Project, server: MemoryServer, command: list[str], number: signal.Signals, status: int
) -> None:
    project.registry(endpoint=server.url)
    gate = Gate(server)

    def never() -> Answer:
        gate()
        return 200, {}, b""

    server.on("/v2/", never)
    with running(*command, cwd=project.root) as process:
        assert gate.reached.wait(20)
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (
        status,
        "",
        "interrupted; nothing was written to any registry\n",
    )


# Pipes


@pytest.mark.parametrize("arguments", [["plan"], ["plan", "--json"], ["schema", "registry"], ["--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(project: Project, arguments: list[str]) -> None:
    with running(*arguments, cwd=project.root) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(20) == 1


def test_a_reader_that_goes_away_does_not_stop_an_apply(project: Project, server: MemoryServer) -> None:
    project.registry(endpoint=server.url)
    gate = held(server, "put_manifest", "redis")
    with running("apply", "--auto-approve", "--json", cwd=project.root) as process:
        assert gate.reached.wait(20)
        assert process.stdout is not None
        process.stdout.close()
        gate.open()
        process.wait(20)
    server.store.fault = lambda *_: None
    ran = project.run("plan", "--detailed-exitcode")
    assert (ran.status, "No changes" in ran.out) == (0, True)


def test_an_apply_does_not_begin_when_nobody_reads_its_plan(project: Project) -> None:
    with running("apply", "--auto-approve", cwd=project.root) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 1
    assert not (project.root / "live").exists()


# Completion


def test_the_completion_script_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_REGSYNC_COMPLETE", "source_bash")
    done = subprocess.run(
        [sys.executable, "-m", "regsync"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert "_REGSYNC_COMPLETE=complete_bash" in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("regsync re", ["registries"]),
        ("regsync registries ", ["check"]),
        ("regsync plan --detailed", ["--detailed-exitcode"]),
        ("regsync plan --detail ", ["changes", "full", "summary"]),
    ],
)
def test_words_are_completed(typed: str, offered: list[str]) -> None:
    words = typed.split(" ")
    variables = {
        "_REGSYNC_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "regsync"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert sorted(done.stdout.split()) == offered
