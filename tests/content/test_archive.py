from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings

from regsync.content.archive import SPOOL, pack_archive
from regsync.content.files import CHUNK
from regsync.content.index import read_layer
from regsync.model.content import Content
from regsync.model.errors import ContentError
from tests.content.trees import PACK_JSON, content_of, files_below, pack_of, packed, trees, write
from tests.support.packs import make_pack

FILES = {
    "pack.json": PACK_JSON,
    "charts/web-1.0.tgz": b"\0\1",
    "values.yaml": b"a: 1\n",
    "a-b": b"",
    "a/b": b"",
}
LARGE = os.urandom(SPOOL + CHUNK + 1)


def members(archive: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getmembers()


def test_entries_are_sorted_each_folder_before_its_files_and_nobody_owns_them(tmp_path: Path) -> None:
    folder = write(tmp_path / "anything", FILES, executable=["values.yaml"])
    entries = members(packed(pack_of(folder)))
    assert [(each.name, oct(each.mode)) for each in entries] == [
        ("web-1.0", "0o755"),
        ("web-1.0/a-b", "0o644"),
        ("web-1.0/a", "0o755"),
        ("web-1.0/a/b", "0o644"),
        ("web-1.0/charts", "0o755"),
        ("web-1.0/charts/web-1.0.tgz", "0o644"),
        ("web-1.0/pack.json", "0o644"),
        ("web-1.0/values.yaml", "0o755"),
    ]
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in entries} == {
        (0, 0, 0, "", "")
    }


def test_a_gzip_header_tells_neither_time_nor_name_nor_system(tmp_path: Path) -> None:
    assert packed(pack_of(write(tmp_path, FILES)))[:10].hex() == "1f8b08000000000000ff"


def test_ascii_paths_up_to_255_bytes_need_no_extended_header(tmp_path: Path) -> None:
    longest = "/".join(["d" * 99, "e" * 46, "f" * 100])
    archive = packed(pack_of(write(tmp_path, {**FILES, longest: b"x"})))
    assert all(not each.pax_headers for each in members(archive))
    assert f"web-1.0/{longest}" in [each.name for each in members(archive)]


@pytest.mark.parametrize("path", ["x" * 101, "d" * 160 + "/f", "µ.yaml", "d" * 99 + "/" + "ü" * 90], ids=len)
def test_other_paths_survive_gnu_tar_and_python(tmp_path: Path, path: str) -> None:
    pack = pack_of(write(tmp_path / "from", {**FILES, path: b"text"}))
    archive = packed(pack)
    assert f"web-1.0/{path}" in [each.name for each in members(archive)]
    assert unpacked_by_tar(archive, tmp_path / "to") == {**FILES, path: b"text"}


def unpacked_by_tar(archive: bytes, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    subprocess.run(["tar", "-xzf", "-", "-C", folder], input=archive, check=True)
    assert [each.name for each in folder.iterdir()] == ["web-1.0"]
    return files_below(folder / "web-1.0")


@given(trees())
def test_what_is_packed_can_be_read_back_and_unpacked(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pack = pack_of(write(Path(scratch, "from"), files))
        archive = packed(pack)
        expected = content_of(files)
        assert pack.content == expected
        assert read_layer(io.BytesIO(archive)) == expected
        unpacked = unpacked_by_tar(archive, Path(scratch, "to"))
        assert content_of(unpacked) == expected


@settings(max_examples=20)
@given(trees())
def test_times_modes_owner_umask_and_order_change_neither_content_nor_bytes(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        first = pack_of(write(Path(scratch, "one"), files))
        before = os.umask(0o077)
        try:
            copy = write(Path(scratch, "two"), dict(reversed(files.items())))
        finally:
            os.umask(before)
        (copy / "empty" / "folder").mkdir(parents=True)
        for path in files:
            os.utime(copy / path, (1, 1))
        second = pack_of(copy)
        assert second.content == first.content
        assert packed(second) == packed(first)


def test_the_mode_is_archived_but_not_compared(tmp_path: Path) -> None:
    plain = pack_of(write(tmp_path / "plain", FILES))
    runs = pack_of(write(tmp_path / "runs", FILES, executable=["values.yaml"]))
    assert runs.content.digest == plain.content.digest
    assert packed(runs) != packed(plain)


def test_a_layer_can_be_read_again_and_by_two_at_once(tmp_path: Path) -> None:
    for files in (FILES, {**FILES, "large": LARGE}):
        pack = pack_of(write(tmp_path / str(len(files)), files))
        with pack_archive(pack.folder, pack.shown, pack.content, pack.title) as layer:
            with layer.open() as one, layer.open() as other:
                head = one.read(1000)
                assert other.read() == head + one.read()
            with layer.open() as again:
                data = again.read()
        assert len(data) == layer.size
        assert Content.of(pack.content.files) == read_layer(io.BytesIO(data))


@pytest.fixture
def spool_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_large_layer_lies_on_disk_until_it_is_closed(tmp_path: Path, spool_folder: Path) -> None:
    pack = pack_of(write(tmp_path / "pack", {**FILES, "large": LARGE}))
    with pack_archive(pack.folder, pack.shown, pack.content, pack.title) as layer:
        assert [each.stat().st_size for each in spool_folder.iterdir()] == [layer.size]
    assert not list(spool_folder.iterdir())


@pytest.mark.parametrize("data", [b"longer than before", b"less", None, b"another"], ids=str)
def test_a_file_that_changes_after_the_plan_is_named_and_nothing_is_left(
    tmp_path: Path, spool_folder: Path, data: bytes | None
) -> None:
    pack = pack_of(write(tmp_path / "pack", {**FILES, "large": LARGE, "notes.md": b"planned"}))
    changed = pack.folder / "notes.md"
    changed.unlink() if data is None else changed.write_bytes(data)
    with pytest.raises(ContentError, match=r"^pack/notes\.md changed while it was packed"):
        pack_archive(pack.folder, pack.shown, pack.content, pack.title)
    assert not list(spool_folder.iterdir())


def test_a_pipe_in_a_files_place_does_not_block(tmp_path: Path) -> None:
    pack = pack_of(write(tmp_path / "pack", FILES))
    (pack.folder / "values.yaml").unlink()
    os.mkfifo(pack.folder / "values.yaml")
    with pytest.raises(ContentError, match=r"values\.yaml changed .*no longer a regular file"):
        pack_archive(pack.folder, pack.shown, pack.content, pack.title)


IN_A_PROCESS = """
    import resource, signal, sys
    from pathlib import Path
    from regsync.content.archive import pack_archive
    from regsync.content.index import read_layer
    from regsync.content.pack import read_pack
    from regsync.model.errors import ContentError

    pack = read_pack(Path(sys.argv[1]), "pack").pack
"""


def run(script: str, folder: Path, temporary: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(IN_A_PROCESS + script), folder],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, spool_folder: Path) -> None:
    # A limit on the size of files stands in for the disk: the write fails in the same place.
    script = f"""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({SPOOL}, {SPOOL}))
    try:
        pack_archive(pack.folder, pack.shown, pack.content, pack.title)
    except ContentError as error:
        print(error.message, "|", error.hint)
    """
    pack = write(tmp_path / "pack", {**FILES, "large": LARGE})
    assert run(script, pack, spool_folder) == (
        f"cannot write a packed layer to {spool_folder}: File too large | "
        "free space there, or set TMPDIR to a folder that has some"
    )
    assert not list(spool_folder.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_does_not_grow_with_the_pack(tmp_path: Path, spool_folder: Path) -> None:
    pack = write(tmp_path / "pack", FILES)
    size = 200 << 20
    with (pack / "disk.img").open("wb") as file:
        file.write(LARGE)
        file.truncate(size)
    script = """
    with pack_archive(pack.folder, pack.shown, pack.content, pack.title) as layer, layer.open() as stream:
        assert read_layer(stream) == pack.content
        status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        print(layer.size, status["VmHWM"].split()[0])
    """
    spooled, peak = map(int, run(script, pack, spool_folder).split())
    assert spooled > SPOOL
    assert peak < 64 << 10, f"{peak} KiB for a pack of {size >> 10} KiB"


def test_a_pack_of_the_test_suite_is_packed_under_its_name_and_version(tmp_path: Path) -> None:
    names = [each.name for each in members(packed(pack_of(make_pack(tmp_path, "redis", "7.2.0"))))]
    assert names[0] == "redis-7.2.0"
    assert all(name.startswith("redis-7.2.0/") for name in names[1:])


def test_the_archive_is_one_gzip_member_that_every_reader_takes(tmp_path: Path) -> None:
    archive = packed(pack_of(write(tmp_path, FILES)))
    assert len(gzip.decompress(archive)) % 512 == 0
