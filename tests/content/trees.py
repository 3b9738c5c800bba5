"""Folders for tests: drawn at random or written by hand, and archives of them as people make them."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

from hypothesis import strategies as st

from regsync.content.archive import pack_archive
from regsync.content.pack import Pack, read_pack
from regsync.content.rules import is_junk
from regsync.model.content import Content, FileEntry

PACK_JSON = b'{"name": "web", "version": "1.0"}'

_NAMES = st.one_of(
    st.text("abcXYZ019-_. ~{}'\\", min_size=1, max_size=12),
    st.text(
        st.characters(exclude_categories=["C", "Z", "M"], exclude_characters="/"), min_size=1, max_size=6
    ),
    st.builds(str.__mul__, st.sampled_from("aé"), st.integers(60, 100)),
    st.sampled_from(["Chart.yaml", "values.yaml", ".helmignore", "pack.json", "._resource", ".DS_Store"]),
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 250)
_BYTES = st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"x" * 511, b"y" * 512, b"z" * 70_000]))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files of a pack by path. No two are the same name in another Unicode form or case, nor file and folder at once."""
    files: dict[str, bytes] = {"pack.json": PACK_JSON}
    taken = {"pack.json"}
    for parts, data in draw(
        st.lists(st.tuples(st.lists(_NAMES, min_size=1, max_size=4), _BYTES), max_size=8)
    ):
        path = "/".join(parts)
        folded = normalize("NFC", path).casefold()
        above = {folded[:at] for at, letter in enumerate(folded) if letter == "/"}
        if above & taken or any(each == folded or each.startswith(folded + "/") for each in taken):
            continue
        taken.add(folded)
        files[path] = data
    return files


def write(folder: Path, files: Mapping[str, bytes], executable: Iterable[str] = ()) -> Path:
    """Write files below `folder` and return it."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for path in executable:
        (folder / path).chmod(0o755)
    return folder


def content_of(files: Mapping[str, bytes]) -> Content:
    """What the content of these files must be, told without the code under test."""
    return Content.of(
        FileEntry(normalize("NFC", path), sha256(data).hexdigest(), len(data))
        for path, data in files.items()
        if not any(is_junk(part) for part in path.split("/"))
    )


def pack_of(folder: Path) -> Pack:
    """The pack in `folder`, which must be one."""
    read = read_pack(folder, folder.name)
    assert read.pack is not None, read.diagnostics
    return read.pack


def packed(pack: Pack) -> bytes:
    with pack_archive(pack.folder, pack.shown, pack.content, pack.title) as layer, layer.open() as stream:
        return stream.read()


def gnu_tar(folder: Path, *options: str, inside: bool = False) -> bytes:
    """What `tar -czf - FOLDER` writes, run beside the folder or, with `inside`, in it."""
    what = ["-C", str(folder), "."] if inside else ["-C", str(folder.parent), folder.name]
    return subprocess.run(["tar", "-czf", "-", *options, *what], check=True, capture_output=True).stdout


def files_below(folder: Path) -> dict[str, bytes]:
    """All files below `folder` by their relative paths."""
    return {
        str(Path(where, name).relative_to(folder)): Path(where, name).read_bytes()
        for where, _, names in os.walk(folder)
        for name in names
    }


def tar(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> io.BytesIO:  # noqa: A002
    """An archive of exactly these members, uncompressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def member(
    name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """One member for `tar`."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, data


ROOT = member("web/pack.json", PACK_JSON)
"""The member that makes an archive a pack."""
