"""What can go wrong while files are written: death, rivals, rights, a full disk."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.model.errors import Conflict, RegistryError
from regsync.registries.folder import UNFINISHED, Folder
from regsync.registries.image import BytesBlob
from regsync.registries.layout import LayoutStore
from tests.registries.vendor import (
    Vendor,
    archive,
    content_of,
    create,
    over,
    pack,
    update,
)
from tests.support.servers import NEEDS, ROOT

SPAWN = get_context("spawn")


@pytest.fixture
def vendor(layout_vendor: Vendor) -> Vendor:
    return layout_vendor


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "layouts"


def files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


DIE_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from regsync.registries.layout import REF_NAME, LayoutStore
from tests.registries.vendor import create, ignore, over, pack
from regsync.content.cache import IndexCache

step = int(sys.argv[3])
replace = Path.replace
def die_before(path, target):
    global step
    step -= 1
    if step == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = die_before
store = LayoutStore(Path(sys.argv[1]), "layouts")
vendor = over(store, IndexCache(Path(sys.argv[1]).parent / "cache"), sys.argv[2])
vendor.execute(create(vendor.address()), pack())
"""


def test_a_writer_that_dies_leaves_no_tag_and_the_next_one_goes_on(vendor: Vendor, directory: Path) -> None:
    for step in range(1, 10):
        died = run_python(DIE_WHILE_WRITING, str(directory), vendor.path, str(step))
        if died.returncode == 0:
            break
        assert died.returncode == -signal.SIGKILL, died.stderr
        observed = vendor.observe_tag()
        assert observed.absent == {vendor.address()}, step
        assert not observed.unreadable
        assert f"{vendor.repository}/{UNFINISHED}" in files(directory)
    assert step == 6  # layer, config, manifest, oci-layout, index.json, and one that lived
    assert vendor.live().content == pack().content
    assert f"{vendor.repository}/{UNFINISHED}" not in files(directory)


def test_only_our_own_leftovers_are_swept(vendor: Vendor, directory: Path) -> None:
    vendor.push(pack())
    folder = directory / vendor.repository
    theirs = [
        folder / ".tmp-123",
        folder / "index.json.45.tmp",
        folder / "ingest" / "x",
        folder / ".regsync-notes",
    ]
    (folder / "ingest").mkdir()
    for path in [*theirs, folder / UNFINISHED]:
        path.write_text("half")
    vendor.push(pack(), "2.0.0")
    assert all(path.exists() for path in theirs)
    assert not (folder / UNFINISHED).exists()


def push_many(directory: Path, path: str, writer: int) -> None:
    """Push tags of one's own, and race for a shared one; part of a test that runs in processes of its own."""
    store = LayoutStore(directory, "layouts")
    store.read_only = False
    vendor = over(store, IndexCache(directory.parent / "cache"), path)
    won = []
    for number in range(10):
        vendor.execute(create(vendor.address(f"{writer}.{number}")), pack(f"{writer}"))
        try:
            vendor.execute(create(vendor.address(f"shared-{number}")), pack(f"{writer}"))
            won.append(number)
        except Conflict:
            pass
    (directory.parent / f"won-{writer}.json").write_text(json.dumps(won))


def test_two_processes_lose_nothing_and_never_both_win(
    vendor: Vendor, directory: Path, tmp_path: Path
) -> None:
    writers = [SPAWN.Process(target=push_many, args=(directory, vendor.path, writer)) for writer in range(2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
        assert each.exitcode == 0
    own = {f"{writer}.{number}" for writer in range(2) for number in range(10)}
    shared = {f"shared-{number}" for number in range(10)}
    assert set(vendor.open().store.tags(vendor.repository)) == own | shared
    won = [json.loads((tmp_path / f"won-{writer}.json").read_text()) for writer in range(2)]
    assert sorted(won[0] + won[1]) == list(range(10))
    for writer, numbers in enumerate(won):
        for number in numbers:
            assert vendor.live(f"shared-{number}").content == pack(f"{writer}").content


def test_a_lock_that_is_held_too_long_is_named(
    vendor: Vendor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regsync.registries.folder.LOCK_SECONDS", 0.0)
    folder = directory / vendor.repository
    folder.mkdir(parents=True)
    with (
        Folder(folder, "layouts/hello").lock(),
        pytest.raises(RegistryError, match="another process has been writing to"),
    ):
        vendor.execute(create(vendor.address()), pack())


def test_a_write_that_breaks_off_is_told_and_loses_nothing(vendor: Vendor, directory: Path) -> None:
    old = vendor.push(pack())
    before = files(directory)
    layer = archive({"model.bin": os.urandom(1 << 20)})
    large = replace(pack(), layer=BytesBlob(layer), content=content_of(layer))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (100_000, limits[1])
    )  # Python ignores the signal that comes with it
    try:
        with pytest.raises(RegistryError, match="File too large"):
            vendor.execute(update(old), large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert vendor.live() == old
    assert files(directory) == before
    vendor.execute(update(old), large)
    assert vendor.live().content == large.content


FILL_THE_DISK = """
import os, sys
from dataclasses import replace
from pathlib import Path
from regsync.content.cache import IndexCache
from regsync.model.errors import RegistryError
from regsync.registries.image import BytesBlob
from regsync.registries.layout import REF_NAME, LayoutStore
from tests.registries.vendor import create, over, pack

disk, path, cache = sys.argv[1:]
vendor = over(LayoutStore(Path(disk) / "layouts", "layouts"), IndexCache(Path(cache)), path)
old = vendor.push(pack())
try:
    vendor.execute(create(vendor.address("2.0.0")), replace(pack(), layer=BytesBlob(os.urandom(4 << 20))))
except RegistryError as error:
    print(error, error.hint, sep="\\n")
assert vendor.live() == old
assert vendor.observe_tag("2.0.0").absent
vendor.push(pack("replicas: 3\\n"), "3.0.0")
"""


def test_a_disk_that_is_really_full_is_told_with_what_to_do(vendor: Vendor, tmp_path: Path) -> None:
    mounted = [
        "unshare",
        "-Urm",
        "sh",
        "-c",
        'mount -t tmpfs -o size=2m none "$1" && shift && "$@"',
        "sh",
        str(tmp_path),
    ]
    if (
        not shutil.which("unshare")
        or subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"{NEEDS}leave to mount a small disk (unshare)")
    cache = tmp_path.with_name("cache")
    done = run_python(FILL_THE_DISK, str(tmp_path), vendor.path, str(cache), under=mounted)
    assert done.returncode == 0, done.stderr
    told, hint = done.stdout.splitlines()
    assert told.startswith(f"layouts/{vendor.repository}/blobs/sha256/")
    assert told.endswith(": No space left on device; what was there is unchanged")
    assert hint == "make room, then apply again"


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from regsync.model.errors import PermissionDenied
from regsync.registries.layout import REF_NAME, LayoutStore
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    LayoutStore(Path(sys.argv[1]), "layouts").tags(sys.argv[2])
except PermissionDenied as error:
    print(error)
"""


def test_a_layout_that_may_not_be_read_is_not_absent(vendor: Vendor, directory: Path) -> None:
    vendor.push(pack())
    for folder in directory.parents:
        if folder.is_relative_to("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    (directory / vendor.path).chmod(0)
    try:
        done = run_python(READ_AS_NOBODY, str(directory), vendor.repository)
    finally:
        (directory / vendor.path).chmod(0o755)
    assert done.stdout == f"layouts/{vendor.repository}/index.json: Permission denied\n"


def run_python(program: str, *arguments: str, under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program that may end in any way, with the project's code at hand."""
    path = os.pathsep.join([str(ROOT / "engine"), str(ROOT)])
    return subprocess.run(
        [*under, sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
