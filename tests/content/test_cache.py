from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from regsync.content import cache as cache_module
from regsync.content.cache import IndexCache, ManifestCache
from regsync.model.reference import sha256_digest
from regsync.registries.base import LayerIndexes, Manifests
from tests.content.trees import content_of, trees

LAYER = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"
CONTENT = content_of({"pack.json": b"{}", "b/c": b"text"})


def test_what_is_put_is_found_again_by_another_process(tmp_path: Path) -> None:
    cache: LayerIndexes = IndexCache(tmp_path / "made" / "when needed")
    assert cache.get(LAYER) is None
    cache.put(LAYER, CONTENT)
    cache.put(OTHER, None)
    again = IndexCache(tmp_path / "made" / "when needed")
    assert again.get(LAYER) == (CONTENT,)
    assert again.get(OTHER) == (None,)


@given(files=trees())
def test_every_content_survives(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    cache = IndexCache(tmp_path_factory.getbasetemp() / "indexes")
    cache.put(LAYER, content_of(files))
    assert cache.get(LAYER) == (content_of(files),)


def entry(folder: Path) -> Path:
    IndexCache(folder).put(LAYER, CONTENT)
    [path] = folder.iterdir()
    return path


def test_any_damage_is_a_miss(tmp_path: Path) -> None:
    path = entry(tmp_path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert IndexCache(tmp_path).get(LAYER) is None
        path.write_bytes(whole[:at])
        assert IndexCache(tmp_path).get(LAYER) is None
    path.write_bytes(b"\xff")
    assert IndexCache(tmp_path).get(LAYER) is None


def test_an_entry_of_another_layer_is_a_miss(tmp_path: Path) -> None:
    path = entry(tmp_path)
    path.rename(path.with_name(path.name.replace("a" * 64, "b" * 64)))
    assert IndexCache(tmp_path).get(OTHER) is None


def test_an_entry_of_another_form_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry(tmp_path)
    monkeypatch.setattr(cache_module, "_FORM", "another")
    assert IndexCache(tmp_path).get(LAYER) is None


def test_a_directory_that_cannot_be_used_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = IndexCache(tmp_path / "file" / "cache")
    cache.put(LAYER, CONTENT)
    assert cache.get(LAYER) is None


def test_a_write_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / LAYER.replace(":", "-") / "in the way").mkdir(parents=True)
    IndexCache(tmp_path).put(LAYER, CONTENT)
    assert [each.is_dir() for each in tmp_path.iterdir()] == [True]


def test_only_digests_name_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        IndexCache(tmp_path).get("sha256:../../etc/passwd")


MANIFEST = b'{"schemaVersion": 2}\n\n'
KIND = "application/vnd.oci.image.manifest.v1+json"


def test_an_oci_manifest_comes_back_byte_for_byte(tmp_path: Path) -> None:
    cache: Manifests = ManifestCache(tmp_path / "made" / "when needed")
    digest = sha256_digest(MANIFEST)
    assert cache.get(digest) is None
    cache.put(digest, KIND, MANIFEST)
    assert ManifestCache(tmp_path / "made" / "when needed").get(digest) == (KIND, MANIFEST)


def test_any_damage_to_an_oci_manifest_is_a_miss(tmp_path: Path) -> None:
    digest = sha256_digest(MANIFEST)
    ManifestCache(tmp_path).put(digest, KIND, MANIFEST)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert ManifestCache(tmp_path).get(digest) is None
        path.write_bytes(whole[:at])
        assert ManifestCache(tmp_path).get(digest) is None


def test_bytes_of_another_digest_are_a_miss(tmp_path: Path) -> None:
    ManifestCache(tmp_path).put(LAYER, KIND, MANIFEST)
    assert ManifestCache(tmp_path).get(LAYER) is None
