"""What is taken over from another region, and what is not: a mark there is only as good as whoever pushed it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.content.chartlayer import read_chart_layer, signed
from regsync.model.content import Content
from regsync.model.errors import RegistryError
from regsync.model.plan import Change, Copy
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import RegistryType
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Payload
from regsync.registries.image import BytesBlob
from regsync.registries.memory import MemoryStore
from tests.registries.vendor import NAME, OWNER, a_spec, create, ignore, pack, wanting

HELLO = Address(NAME, "team/spectro-packs/archive/hello", "1.0.0")
CHARTS = Path(__file__).parents[1] / "data" / "charts"
PROVENANCE = b"signed by somebody"


def chart(provenance: bytes | None = None) -> Payload:
    layer = BytesBlob((CHARTS / "classic-15.0.1.tgz").read_bytes())
    content = read_chart_layer(io.BytesIO(layer.data))
    assert isinstance(content, Content)
    if provenance:
        content = signed(content, (layer.digest, layer.size), (sha256_digest(provenance), len(provenance)))
    config = b'{"name":"classic","version":"15.0.1"}'
    return Payload(layer, "", content.digest, OWNER, config=config, provenance=provenance)


def a_region(cache: Path) -> StoreRegistry:
    registry = StoreRegistry(a_spec(RegistryType.BASIC, "https://there"), MemoryStore(), IndexCache(cache))
    registry.allow_writes()
    return registry


def planned(source: StoreRegistry, payload: Payload) -> Change:
    """Push `payload` to `source`, and return the change that takes it over as a plan has it that believes its mark."""
    change = wanting(create(HELLO), payload)
    source.execute(change, payload, ignore)
    return replace(change, copy=Copy(HELLO, source.store.head_manifest(HELLO.path, HELLO.tag or "")))


@pytest.mark.parametrize(
    "payload", [pack(), chart(), chart(PROVENANCE)], ids=["pack", "chart", "signed-chart"]
)
def test_what_is_what_is_wanted_is_taken_over_as_it_stands(payload: Payload, tmp_path: Path) -> None:
    here, there = a_region(tmp_path), a_region(tmp_path)
    change = planned(here, payload)
    assert change.copy
    there.execute(change, here.copied(change.copy), ignore)
    assert there.store.head_manifest(HELLO.path, "1.0.0") == change.copy.digest


@pytest.mark.parametrize(
    ("tampered", "holds"),
    [
        (replace(pack("image: evil\n"), content=pack().content), pack("image: evil\n").content),
        (replace(chart(), content=pack().content), chart().content),
        (replace(pack(), layer=BytesBlob(b"no archive")), "neither pack nor chart"),
    ],
    ids=["pack", "chart", "neither"],
)
def test_a_forged_mark_is_not_spread(tampered: Payload, holds: str, tmp_path: Path) -> None:
    here, there = a_region(tmp_path), a_region(tmp_path)
    change = planned(here, tampered)
    assert change.copy
    with pytest.raises(RegistryError) as caught:
        there.execute(change, here.copied(change.copy), ignore)
    assert caught.value.message == (
        f"{HELLO} is not copied: its mark regsync.content.digest is forged: it says {tampered.content}, and its layer "
        f"holds {holds}"
    )
    assert there.store.repositories("") == ()
    assert not there.store.has_blob(HELLO.path, tampered.layer.digest)


def test_a_layer_that_was_read_before_is_not_read_again(tmp_path: Path) -> None:
    here = a_region(tmp_path)
    assert isinstance(here.store, MemoryStore)
    change = planned(here, pack())
    assert change.copy
    asked: list[str] = []
    here.store.fault = lambda operation, *_: asked.append(operation)
    for _ in range(2):
        here.copied(change.copy)
    assert asked == ["get_manifest", "open_blob", "get_manifest"]
