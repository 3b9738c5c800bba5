"""The files of a live archive on disk: those that its content has, and nowhere else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from regsync.content.index import OtherContent, read_layer
from regsync.content.pack import read_pack
from regsync.content.unpack import unpack
from regsync.model.content import Content

PACK = b'{"name": "nginx", "version": "1.25.0"}'


def archived(*members: tuple[str, bytes | str | None, int]) -> io.BytesIO:
    """An archive of files (bytes and a mode), symbolic links (text) and hard links (text, mode 1)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, held, mode in members:
            member = tarfile.TarInfo(path)
            member.mode = mode
            if isinstance(held, str):
                member.type, member.linkname = tarfile.LNKTYPE if mode == 1 else tarfile.SYMTYPE, held
                archive.addfile(member)
            else:
                member.size = len(held or b"")
                archive.addfile(member, io.BytesIO(held or b""))
    return io.BytesIO(buffer.getvalue())


def test_links_become_files_and_junk_is_left_out(tmp_path: Path) -> None:
    layer = archived(
        ("top/pack.json", PACK, 0o600),
        ("top/run.sh", b"echo\n", 0o755),
        ("top/bin/again", "../run.sh", 0o777),
        ("top/hard", "top/run.sh", 1),
        ("top/folder", "bin", 0o777),
        ("top/.DS_Store", b"junk", 0o644),
        ("top/empty", b"", 0o644),
    )
    content = unpack(layer, tmp_path / "pack")
    assert isinstance(content, Content)
    files = {
        each.relative_to(tmp_path / "pack").as_posix(): (each.read_bytes(), each.stat().st_mode & 0o777)
        for each in (tmp_path / "pack").rglob("*")
        if each.is_file()
    }
    assert files == {
        "pack.json": (PACK, 0o644),
        "run.sh": (b"echo\n", 0o755),
        "bin/again": (b"echo\n", 0o755),
        "hard": (b"echo\n", 0o755),
        "folder/again": (b"echo\n", 0o755),
        "empty": (b"", 0o644),
    }
    assert not any(each.is_symlink() for each in (tmp_path / "pack").rglob("*"))
    layer.seek(0)
    assert read_layer(layer) == content
    read = read_pack(tmp_path / "pack", "pack").pack
    assert read is not None
    assert read.content == content


def test_of_some_files_no_others_are_written(tmp_path: Path) -> None:
    layer = archived(("pack.json", PACK, 0o644), ("big/one", b"x" * 100_000, 0o644))
    content = unpack(layer, tmp_path / "pack", only={"pack.json"})
    assert isinstance(content, Content)
    assert [each.path for each in content.files] == ["big/one", "pack.json"]
    assert [each.name for each in (tmp_path / "pack").iterdir()] == ["pack.json"]


@pytest.mark.parametrize(
    "member",
    [
        ("top/../../escaped", b"gotcha", 0o644),
        ("/escaped", b"gotcha", 0o644),
        ("top/link", "../../escaped", 0o777),
        ("top/link", "/etc/passwd", 0o777),
        ("top/pack.json", b"twice", 0o644),
        ("top/pack.json/beneath", b"a file", 0o644),
    ],
)
def test_what_leads_out_or_is_ambiguous_leaves_nothing(
    member: tuple[str, bytes | str, int], tmp_path: Path
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    found = unpack(archived(("top/pack.json", PACK, 0o644), member), inside / "pack")
    assert isinstance(found, OtherContent)
    assert [each.name for each in tmp_path.rglob("*")] == ["inside"]


class Broken(io.BytesIO):
    """A stream that tells at its end that its digest is wrong."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionError("the bytes have another digest")
        return data


def test_a_stream_that_fails_leaves_nothing(tmp_path: Path) -> None:
    broken = Broken(archived(("pack.json", PACK, 0o644)).getvalue())
    with pytest.raises(ConnectionError):
        unpack(broken, tmp_path / "pack")
    assert not list(tmp_path.iterdir())
