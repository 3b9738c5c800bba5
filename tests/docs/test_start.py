"""The first page that anyone follows is followed here: every command of it, with what it prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from markdown_it import MarkdownIt

import regsync
from tests.support.servers import PASSWORD, USER, DistributionServer

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "start.md"
REGISTRY = "https://registry.example.com"
END = "--- the end of a command:"


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "regsync" / "examples")
    with DistributionServer(tmp_path / "server", login=True) as server, shell(tmp_path) as process:
        blocks = [(info, text.replace(REGISTRY, server.url)) for info, text in fences()]
        assert any(f"username: {USER}" in text for _, text in blocks)
        assert any(f"={PASSWORD}" in text for _, text in blocks)
        for info, text in blocks:
            if file := re.search(r'title="(.+)"', info):
                (tmp_path / "team" / file[1]).write_text(text, encoding="utf-8")
            elif info == "console":
                follow(process, text)


def test_only_what_needs_a_network_is_not_followed() -> None:
    others = [text for info, text in fences() if info != "console" and "title=" not in info]
    assert len(others) == 1
    assert all("pip install" in text for text in others)


def fences() -> list[tuple[str, str]]:
    """The blocks of code of the page: what follows the fence, and the text."""
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    return [(each.info.strip(), each.content) for each in tokens if each.type == "fence"]


@contextmanager
def shell(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in the folder, with the program on its PATH; what commands say on stderr goes to that of the test."""
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "regsync"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m regsync "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(regsync.__file__).parents[1]),
        "COLUMNS": "160",
    }
    with subprocess.Popen(
        ["sh"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def follow(process: subprocess.Popen[str], transcript: str) -> None:
    """Run the commands of a transcript, and hold what they print against what stands beneath each."""
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        printed, status = run(process, command)
        assert status == 0, f"{command}\n{printed}"
        if expected.strip():
            assert re.fullmatch(pattern(expected), printed), f"{command}\n{printed}"


def run(process: subprocess.Popen[str], command: str) -> tuple[str, int]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{{ {command}\n}} </dev/null\necho '{END}' $?\n")
    process.stdin.flush()
    printed: list[str] = []
    for line in process.stdout:
        if line.startswith(END):
            return "".join(printed), int(line.removeprefix(END))
        printed.append(line)
    raise AssertionError(f"the shell ended within: {command}")


def pattern(expected: str) -> str:
    """What a page shows of an output: `…` stands for any text in a line, and alone for any lines. Columns may be wider."""
    lines = expected.splitlines()
    escaped = [re.sub(r"(?:\\ )+", " +", re.escape(each)).replace("…", ".*") + "\n" for each in lines]
    return "".join("(?:.*\n)*" if line == "…" else each for line, each in zip(lines, escaped, strict=True))
