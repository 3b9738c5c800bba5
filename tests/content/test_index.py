from __future__ import annotations

import gzip
import io
import random
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regsync.content import index as index_module
from regsync.content import tree as tree_module
from regsync.content.index import OtherContent, extract, read_layer
from tests.content.trees import (
    PACK_JSON,
    ROOT,
    content_of,
    gnu_tar,
    member,
    pack_of,
    packed,
    tar,
    trees,
    write,
)

DATA = Path(__file__).parents[1] / "data" / "content"
FILES = {"pack.json": PACK_JSON, "values.yaml": b"a: 1\n", "charts/web.tgz": b"\0\1"}
HERE = content_of({"pack.json": PACK_JSON})


class Slow:
    """A stream that gives what it has in small pieces, as a socket does, and knows whether it was read to its end."""

    def __init__(self, data: bytes, step: int = 7) -> None:
        self._data = io.BytesIO(data)
        self._step = step
        self.ended = False

    def read(self, size: int = -1) -> bytes:
        data = self._data.read(min(size, self._step) if size >= 0 else self._step)
        self.ended = not data
        return data


def reason(archive: BinaryIO | bytes) -> str:
    """Why an archive is other content."""
    read = read_layer(io.BytesIO(archive) if isinstance(archive, bytes) else archive)
    assert isinstance(read, OtherContent)
    return read.reason


@pytest.mark.parametrize("inside", [False, True], ids=["folder", "inside"])
@pytest.mark.parametrize("form", ["gnu", "oldgnu", "pax", "ustar", "v7"])
def test_an_archive_by_gnu_tar_reads_as_its_folder(tmp_path: Path, form: str, inside: bool) -> None:
    files = {**FILES, "d" * 60 + "/f.yaml": b"text"}
    folder = write(tmp_path / "any name", files, executable=["values.yaml"])
    archive = gnu_tar(folder, f"--format={form}", inside=inside)
    assert read_layer(io.BytesIO(archive)) == pack_of(folder).content


@settings(max_examples=30)
@given(trees(), st.sampled_from(["gnu", "pax"]), st.booleans())
def test_whatever_the_folder_holds(files: dict[str, bytes], form: str, inside: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = gnu_tar(write(Path(scratch, "pack"), files), f"--format={form}", inside=inside)
    assert read_layer(io.BytesIO(archive)) == content_of(files)


def test_an_archive_that_was_pushed_by_oras_1_0_reads_as_its_folder(tmp_path: Path) -> None:
    archive = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    subprocess.run(["tar", "-xzf", "-", "-C", tmp_path], input=archive, check=True)
    assert read_layer(io.BytesIO(archive)) == pack_of(tmp_path / "hello-1.0.0").content


def test_links_and_hard_links_in_an_archive_read_as_in_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "web", {**FILES, "charts/deep/x": b"x"})
    (folder / "default.yaml").symlink_to("values.yaml")
    (folder / "charts" / "up.yaml").symlink_to("../default.yaml")
    (folder / "old").symlink_to("charts/")
    (folder / "charts" / "same").symlink_to("./deep/../deep")
    (folder / "hard").hardlink_to(folder / "values.yaml")
    content = pack_of(folder).content
    assert {"old/same/x", "charts/up.yaml", "hard"} <= {entry.path for entry in content.files}
    for inside in (False, True):
        assert read_layer(io.BytesIO(gnu_tar(folder, inside=inside))) == content


def test_plain_tar_and_several_gzip_members_are_read(tmp_path: Path) -> None:
    pack = pack_of(write(tmp_path, FILES))
    plain = gzip.decompress(packed(pack))
    for archive in (plain, gzip.compress(plain[:700]) + gzip.compress(plain[700:])):
        assert read_layer(io.BytesIO(archive)) == pack.content


@pytest.mark.parametrize("step", [1, 7])
def test_short_reads_are_enough(tmp_path: Path, step: int) -> None:
    pack = pack_of(write(tmp_path, FILES))
    assert read_layer(Slow(packed(pack), step)) == pack.content


@pytest.mark.parametrize(
    "archive",
    [
        gzip.compress(tar(ROOT).read()),
        gzip.compress(b"no tar" * 500),
        tar(ROOT).read() + bytes(9000),
        b"x" * 9000,
    ],
    ids=["pack", "no tar", "padded", "neither"],
)
def test_the_stream_is_read_to_its_end_so_that_its_digest_is_checked(archive: bytes) -> None:
    stream = Slow(archive, step=100)
    read_layer(stream)
    assert stream.ended


def test_what_the_stream_raises_is_not_taken_for_a_damaged_archive() -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError("peer")

    with pytest.raises(ConnectionResetError):
        read_layer(Broken())


def test_junk_of_macos_neither_counts_nor_hides_the_root() -> None:
    archive = tar(
        member("._web"), member("__MACOSX/x"), member("web/._pack.json"), ROOT, member("web/charts/.DS_Store")
    )
    assert read_layer(archive) == HERE


def test_a_comment_for_the_whole_archive_as_git_writes_it_is_skipped() -> None:
    with tempfile.SpooledTemporaryFile() as file:
        with tarfile.open(
            fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "abc"}
        ) as opened:
            info, data = ROOT
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
        file.seek(0)
        assert read_layer(file) == HERE


def test_of_two_pack_json_the_shallowest_is_the_root() -> None:
    archive = tar(member("./pack.json", b"{}"), member("./charts/pack.json", b"{}"))
    assert read_layer(archive) == content_of({"pack.json": b"{}", "charts/pack.json": b"{}"})


NO_ROOT = "has no pack.json at its top, nor in a single folder there"


@pytest.mark.parametrize(
    ("archive", "expected"),
    [
        (tar(), NO_ROOT),
        (tar(member("a/b/pack.json")), NO_ROOT),
        (tar(member("a/pack.json"), member("b/pack.json")), NO_ROOT),
        (tar(ROOT, member("README.md")), NO_ROOT),
        (tar(member("pack.json/x")), NO_ROOT),
        (tar(member("a/x"), member("pack.json", kind=tarfile.SYMTYPE, target="a")), "has a pack.json that is no file"),
        (tar(member("/pack.json")), "has a path that leads out of it"),
        (tar(ROOT, member("web/../../x")), "has a path that leads out of it"),
        (tar(ROOT, ROOT), "holds web/pack.json more than once"),
        (tar(ROOT, member("web/caf\u00e9"), member("web/cafe\u0301")), "holds web/café more than once"),
        (tar(ROOT, member("web/pack.json/x")), "has files beneath something that is no folder"),
        (tar(ROOT, member("web/x\x1b[2J")), "holds a file that has a control character in its name"),
        (tar(ROOT, member("web/" + "x" * 1025)), "holds a file that has a path of more than 1024 bytes"),
        (tar(ROOT, member("web/" + "x" * 3000)), "has a name of absurd length"),
        (tar(ROOT, member("web/tty", kind=tarfile.CHRTYPE)), "holds something that is neither file, folder nor link"),
        (tar(ROOT, member("web/pipe", kind=tarfile.FIFOTYPE)), "holds something that is neither file, folder nor link"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="/etc/passwd")), "has a link that leads out of it"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="../../x")), "has a link that leads out of it"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="..")), "has a link, l, that leads out of the pack or never ends"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target=".")), "has a link, l, that leads out of the pack or never ends"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="gone")), "has a link to nothing"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="pack.json/x")), "has a link to nothing"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="l")), "has links that lead in circles"),
        (tar(ROOT, member("web/l", kind=tarfile.SYMTYPE, target="pack.json"), member("web/l/x")), "has files beneath something that is no folder"),
        (tar(ROOT, member("web/h", kind=tarfile.LNKTYPE, target="web/later")), "has a hard link to what is no file in it"),
        (tar(ROOT, member("web/h", kind=tarfile.LNKTYPE, target="/etc/passwd")), "has a path that leads out of it"),
        (b"", NO_ROOT),
        (b"PK\3\4" + bytes(600), "is no tar archive, or damaged"),
        (b"\x28\xb5\x2f\xfd" + bytes(508), "is no tar archive, or damaged"),
        (b"short", "is no tar archive"),
        (tar(ROOT).read()[:600], "is cut short"),
        (gzip.compress(tar(ROOT).read())[:-9], "is cut short"),
        (gzip.compress(b"short"), "is no tar archive"),
        (gzip.compress(tar(ROOT).read())[:-8] + bytes(8), "is damaged"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_careful_reader_refuses_is_other_content(archive: BinaryIO | bytes, expected: str) -> None:
    assert reason(archive) == expected


def raw(kind: bytes, payload: bytes = b"", *, size: bytes | None = None, name: str = "web/x") -> bytes:
    """One entry as bytes: no library writes most of what a hostile archive holds."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(payload)
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    if size is not None:
        block[124:136] = size
        block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    return bytes(block) + payload + bytes(-len(payload) % 512)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (raw(b"x", b"0 path=web/x\n"), "has a damaged header"),
        (raw(b"x", b"-5 path=web/x\n"), "has a damaged header"),
        (raw(b"x", b"99 path=web/x\n"), "has a damaged header"),
        (raw(b"x", b"12 path=web/x"), "has a damaged header"),
        (raw(b"x", b"14 path=web/\xe9\n"), "has a name that is not UTF-8"),
        (raw(b"x", b"22 GNU.sparse.major=1\n"), "holds a sparse file"),
        (raw(b"S"), "holds something that is neither file, folder nor link"),
        (raw(b"g", b"14 path=web/x\n"), "sets names or sizes for all its files at once"),
        (raw(b"L", b"web/\xff\0"), "has a name that is not UTF-8"),
        (raw(b"x", bytes(2 << 20)), "has a header of absurd size"),
        (raw(b"L", size=b"77777777777\0"), "has a header of absurd size"),
        (raw(b"0", size=b"\xff" * 12), "is no tar archive, or damaged"),
        (raw(b"0", size=b"-0000000001\0"), "is no tar archive, or damaged"),
        (raw(b"0", size=b"\x80" + b"\x7f" * 11), "is cut short"),
        (raw(b"x", b"31 size=9999999999999999999999\n"), "has a damaged header"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_headers_that_lie_are_refused(entry: bytes, expected: str) -> None:
    assert reason(entry + raw(b"0")) == expected


def test_sizes_beyond_octal_are_understood() -> None:
    data = b"x" * 700
    for entry in (
        raw(b"0", data, size=b"\x80" + (700).to_bytes(11, "big"), name="pack.json"),
        raw(b"x", b"12 size=700\n") + raw(b"0", data, size=b"0" * 12, name="pack.json"),
    ):
        assert read_layer(io.BytesIO(entry)) == content_of({"pack.json": data})


def test_an_archive_that_unpacks_to_more_than_a_pack_is_other_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = gzip.compress(raw(b"0", PACK_JSON, name="pack.json") + raw(b"0", bytes(9 << 20), name="zeros"))
    monkeypatch.setattr(index_module, "MAX_SIZE", 1 << 20)
    monkeypatch.setattr(index_module, "MAX_ENTRIES", 10)
    assert reason(bomb) == "unpacks to more than it may hold"


def test_an_archive_of_more_entries_than_a_pack_is_other_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MAX_ENTRIES", 10)
    deep = tar(member("a/b/c/d/e/f/g/h/i/j/k"))
    wide = tar(*(member(str(number)) for number in range(11)))
    doubling = [
        member(f"d{level}/{name}", kind=tarfile.SYMTYPE, target=f"../d{level + 1}")
        for level in range(2)
        for name in "ab"
    ]
    linked = tar(member("pack.json"), member("d2/x"), *doubling)
    assert {reason(each) for each in (deep, wide, linked)} == {"holds more than any pack can"}


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.booleans())
def test_no_damage_makes_the_reader_fail(seed: int, compressed: bool) -> None:
    chance = random.Random(seed)
    archive = bytearray(
        tar(
            ROOT, member("web/" + "x" * 200), member("web/l", kind=tarfile.SYMTYPE, target="pack.json")
        ).read()
    )
    if compressed:
        archive = bytearray(gzip.compress(archive))
    for _ in range(chance.randint(1, 4)):
        archive[chance.randrange(len(archive))] = chance.randrange(256)
    del archive[chance.randrange(len(archive)) :: chance.choice([1, len(archive)])]
    assert read_layer(io.BytesIO(bytes(archive))) is not None


@pytest.mark.parametrize("inside", [False, True], ids=["folder", "inside"])
def test_files_are_extracted_by_their_paths_in_the_content(tmp_path: Path, inside: bool) -> None:
    folder = write(tmp_path / "web", {**FILES, "web/values.yaml": b"inner", "large": b"x" * 100})
    archive = gnu_tar(folder, inside=inside)
    wanted = ["values.yaml", "web/values.yaml", "large", "absent"]
    assert extract(io.BytesIO(archive), wanted, 50) == {"values.yaml": b"a: 1\n", "web/values.yaml": b"inner"}


def test_nothing_is_extracted_from_other_content() -> None:
    assert extract(tar(member("values.yaml", b"a")), ["values.yaml"], 50) == {}
