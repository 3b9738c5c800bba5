from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.model.errors import NotARegistry, NotFound, RegistryError, RegsyncError
from regsync.model.reference import sha256_digest
from regsync.model.state import UnreadableScope
from regsync.registries.base import Wanted
from regsync.registries.folder import LOCK
from regsync.registries.image import EMPTY_CONFIG, BytesBlob, base_repository_manifest, pack_manifest
from regsync.registries.layout import REF_NAME
from tests.registries.vendor import (
    DATA,
    Vendor,
    archive,
    captured,
    content_of,
    create,
    create_base,
    delete,
    ignore,
    pack,
)
from tests.support.servers import tool


@pytest.fixture
def vendor(layout_vendor: Vendor) -> Vendor:
    return layout_vendor


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "layouts"


def files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def index_of(directory: Path, repository: str) -> dict[str, list[dict[str, object]]]:
    index: dict[str, list[dict[str, object]]] = json.loads(
        (directory / repository / "index.json").read_bytes()
    )
    return index


def test_a_repository_is_an_image_layout_of_its_own(vendor: Vendor, directory: Path) -> None:
    payload = pack()
    vendor.push(payload)
    folder = directory / vendor.repository
    digests = (payload.layer.digest, EMPTY_CONFIG.digest, pack_manifest(payload).digest)
    blobs = [f"blobs/{digest.replace(':', '/')}" for digest in digests]
    assert files(folder) == sorted([LOCK, *blobs, "index.json", "oci-layout"])
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    for digest in digests:
        assert sha256_digest((folder / "blobs" / digest.replace(":", "/")).read_bytes()) == digest


def test_the_files_may_be_read_by_those_who_may_read_the_directory(vendor: Vendor, directory: Path) -> None:
    before = os.umask(0o022)
    try:
        vendor.push(pack())
    finally:
        os.umask(before)
    for name in files(directory):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o644, name


def test_planning_creates_nothing(vendor: Vendor, directory: Path) -> None:
    vendor.observe(Wanted({vendor.repository: ("1.0.0",)}, (vendor.base,), (f"{vendor.base}/",)))
    vendor.open().check()
    with pytest.raises(RegsyncError, match="planning never writes"):
        vendor.open().execute(create(vendor.address()), pack(), ignore)
    assert not directory.exists()


def test_a_layout_that_oras_wrote_is_read_and_kept(vendor: Vendor, directory: Path) -> None:
    folder = directory / vendor.repository
    manifest, layer = captured("oras-1.0.0-pack.json"), (DATA / "hello-1.0.0.tar.gz").read_bytes()
    (folder / "blobs" / "sha256").mkdir(parents=True)
    for data in (manifest.data, layer, EMPTY_CONFIG.data):
        (folder / "blobs" / sha256_digest(data).replace(":", "/")).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    index = json.loads((DATA / "oras-1.0.0-index.json").read_bytes())
    index["annotations"] = {"com.example": "kept"}
    index["manifests"].append({**index["manifests"][0], "annotations": {"com.example": "no tag"}})
    index["manifests"].append({**index["manifests"][0], "annotations": {REF_NAME: 7}})
    index["manifests"].append(
        {**index["manifests"][0], "annotations": {REF_NAME: "docker.io/library/hello:1"}}
    )
    (folder / "index.json").write_text(json.dumps(index))

    assert vendor.open().store.tags(vendor.repository) == ("1.0.0", "latest")
    assert vendor.live().content == content_of(layer)
    vendor.push(pack(), "2.0.0")
    vendor.execute(delete(vendor.live("latest")))
    kept = [each for each in index["manifests"] if "latest" not in each["annotations"].values()]
    after = index_of(directory, vendor.repository)
    assert after["manifests"][:-1] == kept
    assert {**after, "manifests": None} == {**index, "manifests": None}


def test_the_base_repository_is_an_entry_without_a_tag(vendor: Vendor, directory: Path) -> None:
    vendor.execute(create_base(vendor.base))
    [entry] = index_of(directory, vendor.base)["manifests"]
    assert entry["digest"] == base_repository_manifest().digest
    assert "annotations" not in entry


def test_what_is_so_already_is_not_written_again(vendor: Vendor, directory: Path) -> None:
    vendor.push(pack())
    before = (directory / vendor.repository / "index.json").stat().st_ino
    vendor.store().put_manifest(vendor.repository, "1.0.0", pack_manifest(pack()))
    assert (directory / vendor.repository / "index.json").stat().st_ino == before


def test_a_removed_tag_leaves_its_blobs_to_those_who_read_them(vendor: Vendor) -> None:
    live = vendor.push(pack())
    registry = vendor.open()
    with registry.open_layer(live) as stream:
        vendor.execute(delete(live))
        assert content_of(stream.read()) == live.content
    assert registry.store.has_blob(vendor.repository, live.layer_digest or "")


@pytest.mark.parametrize("name", ["blobs", "index.json", "oci-layout"])
def test_names_of_a_layouts_own_files_are_refused(vendor: Vendor, name: str) -> None:
    repository = f"{vendor.base}/{name}/x"
    [unreadable] = vendor.observe_tag(repository=repository).unreadable
    assert f"{name} is the name of a file in it" in unreadable.reason
    with pytest.raises(RegistryError, match="name of a file in it"):
        vendor.execute(create(vendor.address(repository=repository)), pack())


def damage_index(folder: Path) -> None:
    (folder / "index.json").write_text("{")


def entries_of_another_type(folder: Path) -> None:
    (folder / "index.json").write_text('{"manifests": [7]}')


def digest_that_leads_out(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_bytes())
    index["manifests"][0]["digest"] = "sha256:../../../etc/passwd"
    (folder / "index.json").write_text(json.dumps(index))


def one_tag_twice(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_bytes())
    other = {**index["manifests"][0], "digest": sha256_digest(b"other")}
    index["manifests"].append(other)
    (folder / "index.json").write_text(json.dumps(index))


def index_is_a_directory(folder: Path) -> None:
    (folder / "index.json").unlink()
    (folder / "index.json").mkdir()


def damaged_marker(folder: Path) -> None:
    (folder / "oci-layout").write_text("[]")


def no_marker(folder: Path) -> None:
    (folder / "oci-layout").unlink()


def newer_marker(folder: Path) -> None:
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')


def no_manifest(folder: Path) -> None:
    (folder / "blobs" / pack_manifest(pack()).digest.replace(":", "/")).unlink()


def damaged_manifest(folder: Path) -> None:
    (folder / "blobs" / pack_manifest(pack()).digest.replace(":", "/")).write_bytes(b"{}")


def link_to_nothing(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.symlink_to("/nonexistent/volume")


def file_instead(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.write_text("")


@pytest.mark.parametrize(
    "damage",
    [
        damage_index,
        entries_of_another_type,
        digest_that_leads_out,
        one_tag_twice,
        index_is_a_directory,
        damaged_marker,
        no_marker,
        newer_marker,
        no_manifest,
        damaged_manifest,
        link_to_nothing,
        file_instead,
    ],
)
def test_a_damaged_layout_is_unreadable_and_never_absent(
    vendor: Vendor, directory: Path, damage: Callable[[Path], None]
) -> None:
    vendor.push(pack())
    damage(directory / vendor.repository)
    observed = vendor.observe_tag()
    assert [each.scope for each in observed.unreadable] == [UnreadableScope.TAG]
    assert not observed.absent
    assert not observed.artifacts


def test_a_directory_that_is_a_file_is_unreadable_as_a_whole(vendor: Vendor, directory: Path) -> None:
    directory.write_text("")
    observed = vendor.observe(Wanted({vendor.repository: ("1.0.0",)}, (vendor.base,), (f"{vendor.base}/",)))
    assert [each.scope for each in observed.unreadable] == [UnreadableScope.REGISTRY]
    with pytest.raises(NotARegistry):
        vendor.open().check()


def test_a_directory_behind_a_link_to_nothing_is_unreadable_as_a_whole(
    vendor: Vendor, directory: Path
) -> None:
    directory.symlink_to("/nonexistent/volume")
    observed = vendor.observe(Wanted({vendor.repository: ("1.0.0",)}, beneath=(f"{vendor.base}/",)))
    assert [each.scope for each in observed.unreadable] == [UnreadableScope.REGISTRY]


def test_a_blob_that_another_program_left_half_written_is_sent_again(vendor: Vendor, directory: Path) -> None:
    layer = archive({"model.bin": os.urandom(2 << 20)})
    payload = replace(pack(), layer=BytesBlob(layer), content=content_of(layer))
    blob = directory / vendor.repository / "blobs" / payload.layer.digest.replace(":", "/")
    blob.parent.mkdir(parents=True)
    blob.write_bytes(layer[:1000])
    with pytest.raises(NotFound):
        vendor.open().store.tags(vendor.repository)
    vendor.push(payload)
    assert blob.read_bytes() == layer


def test_regctl_reads_what_was_written(vendor: Vendor, directory: Path, tmp_path: Path) -> None:
    payload = pack()
    vendor.execute(create_base(vendor.base))
    vendor.push(payload)
    vendor.push(payload, "latest")
    reference = f"ocidir://{directory}/{vendor.repository}"
    assert regctl("tag", "ls", reference).split() == [b"1.0.0", b"latest"]
    assert (
        regctl("manifest", "get", "--format", "raw-body", f"{reference}:1.0.0") == pack_manifest(payload).data
    )
    with payload.layer.open() as stream:
        assert regctl("artifact", "get", f"{reference}:latest") == stream.read()
    untagged = f"ocidir://{directory}/{vendor.base}@{base_repository_manifest().digest}"
    assert regctl("manifest", "get", "--format", "raw-body", untagged) == base_repository_manifest().data


def test_what_regctl_writes_beside_ours_is_kept(vendor: Vendor, directory: Path) -> None:
    ours = vendor.push(pack())
    reference = f"ocidir://{directory}/{vendor.repository}"
    regctl("image", "copy", f"{reference}:1.0.0", f"{reference}:copied-by-regctl")
    vendor.push(pack(), "2.0.0")
    assert vendor.open().store.tags(vendor.repository) == ("1.0.0", "2.0.0", "copied-by-regctl")
    assert vendor.live("copied-by-regctl").digest == ours.digest


def regctl(*arguments: str) -> bytes:
    return subprocess.run([tool("regctl"), *arguments], capture_output=True, check=True, timeout=30).stdout
