"""What git knows of a checkout, asked by plumbing that writes nothing: no checkout, no filter, no hook, no network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from regsync.model.errors import UsageError

LINK = "120000"
SUBMODULE = "160000"
EXECUTABLE = "100755"
"""Modes of entries (gitformat-index, "mode")."""

_CHUNK = 1 << 20
_DEEPER = "fetch more history: git fetch --unshallow, or --deepen=N; in GitHub Actions fetch-depth: 0"

_STILL = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # before git 2.44 a partial clone fetches what it lacks; no protocol, no fetch
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "0",
    "LC_ALL": "C",
}


class Entry(NamedTuple):
    """What stands at a path in a commit or in the index."""

    mode: str
    oid: str


ReadBlob = Callable[[str, BinaryIO], None]
"""Writes the bytes of a blob to a file. Raises UsageError where the checkout lacks it."""


class Repository:
    """The git repository around a directory. Paths in answers are relative to `top`, its real path."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """Raises UsageError where there is no git, or no checkout around `root`."""
        self._root = root
        self._environment = {**environment, **_STILL}
        answer = self._run("rev-parse", "--show-toplevel")
        if answer.returncode:
            raise UsageError(
                f"--base needs a git checkout: {_told(answer)}",
                hint="run it inside of one, or name its directory with -C",
            )
        self.top = Path(os.path.realpath(os.fsdecode(answer.stdout.removesuffix(b"\n"))))
        self._environment = {**self._environment, **self._without_programs()}

    def merge_base(self, ref: str) -> str:
        """The commit that `ref` and HEAD have in common, in hex. Raises UsageError where there is none."""
        commit, head = self._commit(ref), self._commit("HEAD")
        if commit is None or head is None:
            raise UsageError(
                f"--base {ref}: there is no commit {ref if commit is None else 'HEAD'} in this checkout",
                hint=f"fetch it (git fetch origin), and where it is there, {_DEEPER}",
            )
        answer = self._run("merge-base", commit, head)
        if answer.returncode or not answer.stdout:
            raise UsageError(
                f"--base {ref}: this checkout holds no commit that {ref} and HEAD have in common",
                hint=_DEEPER,
            )
        return answer.stdout.decode().strip()

    def index(self) -> dict[str, Entry]:
        """What the index holds; what is not merged yet is left out."""
        entries = {}
        for record in self._records("ls-files", "-s", "-z", "--full-name", ":/"):
            about, _, path = record.partition("\t")
            mode, oid, stage = about.split(" ")
            if stage == "0":
                entries[path] = Entry(mode, oid)
        return entries

    def differences(self, commit: str) -> dict[str, Entry | None]:
        """The paths that differ between a commit and the index, with what they are in the commit."""
        options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-relative", "--ignore-submodules=none")
        records = self._records("diff-index", "--cached", *options, commit)
        found: dict[str, Entry | None] = {}
        for about, path in zip(records, records, strict=True):
            mode, _, oid, _, status = about.removeprefix(":").split(" ")
            found[path] = None if status == "A" else Entry(mode, oid)
        return found

    def edited(self) -> list[str]:
        """The paths whose files are not what the index holds: edited or removed, and not added yet."""
        return list(self._records("ls-files", "-m", "-z", "--full-name", ":/"))

    @contextmanager
    def blobs(self) -> Iterator[ReadBlob]:
        """A function that reads blobs of this repository."""
        command = ["git", "cat-file", "--batch"]
        with subprocess.Popen(  # noqa: S603 - fixed words, no shell
            command,
            cwd=self._root,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            asked, answers = process.stdin, process.stdout
            assert asked is not None
            assert answers is not None

            def read(oid: str, file: BinaryIO) -> None:
                asked.write(f"{oid}\n".encode())
                asked.flush()
                _, _, size = answers.readline().decode().partition(" blob ")
                if not size:  # "missing", or the end where a partial clone may not fetch
                    raise UsageError(
                        f"--base: this checkout lacks object {oid[:12]} of the merge base",
                        hint="it is a partial clone: clone without --filter, or fetch with --refetch --no-filter",
                    )
                left = int(size)
                while left:
                    chunk = answers.read(min(left, _CHUNK))
                    if not chunk:
                        raise UsageError("--base: git cat-file ended early", hint="run git fsck")
                    file.write(chunk)
                    left -= len(chunk)
                answers.read(1)

            yield read

    def _commit(self, name: str) -> str | None:
        answer = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return None if answer.returncode else answer.stdout.decode().strip()

    def _without_programs(self) -> dict[str, str]:
        """Settings that keep git from running the programs that this repository has configured: filters, and what
        watches its files."""
        names = self._run("config", "-z", "--name-only", "--get-regexp", r"^filter\.").stdout
        filters = {
            os.fsdecode(each).removeprefix("filter.").rpartition(".")[0]
            for each in names.split(b"\0")
            if each
        }
        settings = {"core.fsmonitor": "false"}
        for each in sorted(filters):
            settings |= {f"filter.{each}.{key}": "" for key in ("clean", "smudge", "process")}
            settings[f"filter.{each}.required"] = "false"
        count = int(self._environment.get("GIT_CONFIG_COUNT") or 0)
        given = {"GIT_CONFIG_COUNT": str(count + len(settings))}
        for number, (name, value) in enumerate(settings.items(), start=count):
            given |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return given

    def _records(self, *arguments: str) -> Iterator[str]:
        answer = self._run(*arguments)
        if answer.returncode:
            raise UsageError(f"--base: git {arguments[0]} failed: {_told(answer)}", hint=_DEEPER)
        return (os.fsdecode(each) for each in answer.stdout.split(b"\0") if each)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - no shell
                ["git", *arguments],  # noqa: S607 - the git of PATH, as everywhere
                cwd=self._root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise UsageError(
                f"--base needs git: {error.strerror}", hint="install it, or put it on PATH"
            ) from error


def _told(answer: subprocess.CompletedProcess[bytes]) -> str:
    """The first line of what git says."""
    lines = answer.stderr.decode(errors="replace").splitlines() or ["it does not say why"]
    return lines[0].removeprefix("fatal: ")
