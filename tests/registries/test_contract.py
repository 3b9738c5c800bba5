"""What every registry must do, whoever makes it. A new kind joins with one fixture in conftest."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

import pytest

from regsync.model.errors import Conflict, NotFound, RegistryError, RegsyncError
from regsync.model.plan import Action
from regsync.model.reference import Address, sha256_digest
from regsync.registries.base import RawManifest, Wanted
from regsync.registries.image import (
    CONTENT_MARK,
    EMPTY_CONFIG,
    IMAGE_MANIFEST,
    BytesBlob,
    Layer,
    base_repository_manifest,
    image_manifest,
    pack_manifest,
)
from tests.registries.vendor import (
    DATA,
    NAME,
    TITLE,
    Vendor,
    archive,
    captured,
    content_of,
    create,
    create_base,
    delete,
    ignore,
    pack,
    run,
    update,
)


def test_what_is_not_there_is_absent(vendor: Vendor) -> None:
    observed = vendor.observe(Wanted(tags={vendor.repository: ("1.0.0",)}, repositories=(vendor.base,)))
    assert observed.absent == {vendor.address(), Address(NAME, vendor.base)}
    assert not observed.artifacts
    assert not observed.unreadable


def test_another_tag_of_a_repository_that_is_there_is_absent(vendor: Vendor) -> None:
    vendor.push(pack())
    assert vendor.observe_tag("2.0.0").absent == {vendor.address("2.0.0")}


def test_what_was_pushed_is_observed_as_equal(vendor: Vendor) -> None:
    payload = pack()
    live = vendor.push(payload)
    assert (live.content, live.title, live.owner) == (payload.content, payload.title, payload.owner)
    assert live.digest == pack_manifest(payload).digest
    assert live.marked
    assert live.note is None


def test_the_layer_comes_back_as_it_was_pushed(vendor: Vendor) -> None:
    payload = pack()
    live = vendor.push(payload)
    with vendor.open().open_layer(live) as stream, payload.layer.open() as pushed:
        assert stream.read() == pushed.read()


def test_a_pack_that_was_pushed_by_hand_is_read(vendor: Vendor) -> None:
    layer = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    for tag, manifest in {"old": "oras-1.0.0-pack.json", "new": "oras-1.3.3-pack.json"}.items():
        vendor.plant(captured(manifest), layer, EMPTY_CONFIG.data, tag=tag)
        live = vendor.live(tag)
        assert (live.content, live.title) == (content_of(layer), TITLE)
        assert (live.owner, live.marked) == (None, False)


def test_a_folder_that_was_pushed_by_hand_is_read(vendor: Vendor) -> None:
    layer = (DATA / "folder.tar.gz").read_bytes()
    vendor.plant(captured("oras-1.0.0-folder.json"), layer, EMPTY_CONFIG.data)
    assert vendor.live().content == content_of((DATA / "hello-1.0.0.tar.gz").read_bytes())


def test_what_is_no_pack_is_other_content(vendor: Vendor) -> None:
    vendor.plant(
        image_manifest([Layer(sha256_digest(b"x"), 1, TITLE)], {}), b"x", EMPTY_CONFIG.data, tag="junk"
    )
    vendor.plant(base_repository_manifest(), EMPTY_CONFIG.data, tag="empty")
    for _ in range(2):  # the second time from the index of layers
        assert vendor.live("junk").content is None
        assert vendor.live("empty").content is None


def test_a_mark_that_speaks_of_another_layer_is_not_believed(vendor: Vendor) -> None:
    ours, other = pack(), archive({"values.yaml": b"replicas: 9\n"})
    marks = json.loads(pack_manifest(ours).data)["annotations"]
    assert ours.content in marks[CONTENT_MARK]
    vendor.plant(
        image_manifest([Layer(sha256_digest(other), len(other), TITLE)], marks), other, EMPTY_CONFIG.data
    )
    live = vendor.live()
    assert (live.content, live.marked) == (content_of(other), False)


def test_a_push_is_refused_where_the_tag_appeared_meanwhile(vendor: Vendor) -> None:
    theirs = vendor.push(pack("replicas: 2\n"))
    with pytest.raises(Conflict, match=f"expected no such tag, found {theirs.digest}"):
        vendor.execute(create(vendor.address()), pack("replicas: 1\n"))
    assert vendor.live() == theirs


def test_a_push_is_done_where_somebody_pushed_the_same_pack_by_hand(vendor: Vendor) -> None:
    layer = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    vendor.plant(captured("oras-1.0.0-pack.json"), layer, EMPTY_CONFIG.data)
    theirs = vendor.live()
    vendor.execute(create(vendor.address()), replace(pack(), content=content_of(layer)))
    assert vendor.live() == theirs


def test_a_push_may_be_repeated(vendor: Vendor) -> None:
    first = vendor.push(pack())
    assert vendor.push(pack()) == first


def test_an_update_replaces_what_the_plan_saw(vendor: Vendor) -> None:
    old, new = vendor.push(pack("replicas: 1\n")), pack("replicas: 2\n")
    vendor.execute(update(old), new)
    assert vendor.live().content == new.content


def test_an_update_is_refused_where_the_tag_moved(vendor: Vendor) -> None:
    old = vendor.push(pack("replicas: 1\n"))
    vendor.execute(update(old), pack("replicas: 2\n"))
    moved = vendor.live()
    with pytest.raises(Conflict, match=f"expected {old.digest}, found {moved.digest}"):
        vendor.execute(update(old), pack("replicas: 3\n"))
    assert vendor.live() == moved


def test_an_update_is_refused_where_the_tag_is_gone(vendor: Vendor) -> None:
    old = vendor.push(pack("replicas: 1\n"))
    vendor.execute(delete(old))
    with pytest.raises(Conflict, match="found no such tag"):
        vendor.execute(update(old), pack("replicas: 2\n"))
    assert vendor.observe_tag().absent == {vendor.address()}


def test_a_delete_leaves_the_other_tags_of_the_digest(vendor: Vendor) -> None:
    live, kept = vendor.push(pack()), vendor.push(pack(), "latest")
    assert live.digest == kept.digest
    vendor.execute(delete(live))
    assert vendor.observe_tag().absent == {vendor.address()}
    left = vendor.live("latest")
    assert (left.digest, left.content) == (kept.digest, kept.content)


def test_a_delete_may_be_repeated(vendor: Vendor) -> None:
    live = vendor.push(pack())
    vendor.execute(delete(live))
    vendor.execute(delete(live))
    assert vendor.observe_tag().absent == {vendor.address()}


def test_a_delete_is_refused_where_the_tag_moved(vendor: Vendor) -> None:
    old = vendor.push(pack("replicas: 1\n"))
    vendor.execute(update(old), pack("replicas: 2\n"))
    moved = vendor.live()
    with pytest.raises(Conflict, match=f"expected {old.digest}, found {moved.digest}"):
        vendor.execute(delete(old))
    assert vendor.live() == moved


def test_a_base_repository_is_there_once_it_was_created(vendor: Vendor) -> None:
    for _ in range(2):
        vendor.execute(create_base(vendor.base))
        observed = vendor.observe(Wanted(repositories=(vendor.base,)))
        assert set(observed.repositories) == {Address(NAME, vendor.base)}
        assert not observed.absent


def test_a_base_repository_and_those_in_it_do_not_mix(vendor: Vendor) -> None:
    vendor.execute(create_base(vendor.base))
    live = vendor.push(pack())
    assert vendor.live() == live
    assert vendor.observe(Wanted(repositories=(vendor.base,))).repositories


class Breaking(BytesBlob):
    """A layer that breaks off while it is sent."""

    def open(self) -> BinaryIO:
        raise OSError("the folder was on a share that went away")


def test_a_broken_push_leaves_no_tag_and_may_be_repeated(vendor: Vendor) -> None:
    whole = pack()
    with whole.layer.open() as stream:
        broken = replace(whole, layer=Breaking(stream.read()))
    with pytest.raises((OSError, RegistryError)):
        vendor.execute(create(vendor.address()), broken)
    assert vendor.observe_tag().absent == {vendor.address()}
    assert vendor.push(whole).content == whole.content


class Lying(BytesBlob):
    """A layer whose bytes are not those of its digest."""

    @property
    def digest(self) -> str:
        return sha256_digest(b"something else")


def test_bytes_of_another_digest_are_refused(vendor: Vendor) -> None:
    with pytest.raises(RegistryError):
        vendor.execute(create(vendor.address()), replace(pack(), layer=Lying(b"bytes")))
    assert vendor.observe_tag().absent == {vendor.address()}
    assert not vendor.open().store.has_blob(vendor.repository, sha256_digest(b"something else"))


def test_a_manifest_is_refused_while_its_blobs_are_missing(vendor: Vendor) -> None:
    manifest = pack_manifest(pack())
    with pytest.raises(RegistryError):
        vendor.store().put_manifest(vendor.repository, "1.0.0", manifest)
    assert vendor.observe_tag().absent == {vendor.address()}


def test_a_manifest_is_refused_under_the_digest_of_another(vendor: Vendor) -> None:
    store, manifest = vendor.store(), base_repository_manifest()
    store.put_blob(vendor.repository, EMPTY_CONFIG, ignore)
    with pytest.raises(RegistryError):
        store.put_manifest(vendor.repository, sha256_digest(b"other"), manifest)


def test_nothing_is_written_while_planning(vendor: Vendor) -> None:
    registry, payload = vendor.open(), pack()
    with pytest.raises(RegsyncError, match="planning never writes"):
        registry.execute(create(vendor.address()), payload, ignore)
    with pytest.raises(RegsyncError, match="planning never writes"):
        registry.execute(create_base(vendor.base), None, ignore)
    with pytest.raises(RegsyncError, match="planning never writes"):
        registry.store.put_blob(vendor.repository, EMPTY_CONFIG, ignore)
    with pytest.raises(RegsyncError, match="planning never writes"):
        registry.store.put_manifest(vendor.repository, "1.0.0", base_repository_manifest())
    assert vendor.observe_tag().absent
    with pytest.raises(NotFound):
        registry.store.tags(vendor.base)
    live = vendor.push(payload)
    with pytest.raises(RegsyncError, match="planning never writes"):
        vendor.open().execute(delete(live), None, ignore)
    assert vendor.live() == live


def test_tags_are_listed_in_order(vendor: Vendor) -> None:
    for tag in ("2.0.0", "1.0.0", "1.10.0"):
        vendor.push(pack(), tag)
    assert vendor.open().store.tags(vendor.repository) == ("1.0.0", "1.10.0", "2.0.0")


def test_repositories_are_listed_by_prefix(vendor: Vendor) -> None:
    for name in ("nginx", "hello"):
        vendor.push(pack(), repository=f"{vendor.base}/{name}")
    vendor.push(pack(), repository=f"{vendor.path}/elsewhere")
    assert vendor.open().store.repositories(f"{vendor.base}/") == (
        f"{vendor.base}/hello",
        f"{vendor.base}/nginx",
    )


def test_all_that_lies_one_level_beneath_a_prefix_is_found(vendor: Vendor) -> None:
    vendor.execute(create_base(vendor.base))
    nginx = f"{vendor.base}/nginx"
    for tag in ("1.0.0", "2.0.0", "latest", f"sha256-{'0' * 64}", f"sha256-{'0' * 64}.sig"):
        vendor.push(pack(), tag)
    vendor.push(pack("replicas: 2\n"), "1.25.0", nginx)
    vendor.push(pack(), "1.0.0", f"{nginx}/deeper")
    prefix = f"{vendor.base}/"
    observed = vendor.observe(Wanted(tags={vendor.repository: ("1.0.0",)}, beneath=(prefix,)))
    assert observed.artifacts.keys() == {
        *(vendor.address(tag) for tag in ("1.0.0", "2.0.0", "latest")),
        vendor.address("1.25.0", nginx),
    }
    assert {"2.0.0", "latest"} <= {*observed.artifacts[vendor.address("latest")].tags}
    assert observed.listed == {prefix}
    assert not observed.unreadable


def test_nothing_beneath_a_prefix_is_known_too(vendor: Vendor) -> None:
    observed = vendor.observe(Wanted(beneath=(f"{vendor.base}/",)))
    assert observed.listed == {f"{vendor.base}/"}
    assert not observed.artifacts


def test_a_large_layer_is_pushed_and_not_sent_twice(vendor: Vendor) -> None:
    layer = archive({"model.bin": os.urandom(3 << 20)})
    payload = replace(pack(), layer=BytesBlob(layer), content=content_of(layer))
    sent: list[int] = []
    registry = vendor.open()
    registry.allow_writes()
    for tag in ("1.0.0", "2.0.0"):
        registry.execute(create(vendor.address(tag)), payload, sent.append)
    assert sum(sent) == len(layer)
    live = vendor.live("2.0.0")
    with registry.open_layer(live) as stream:
        assert sha256_digest(stream.read()) == live.layer_digest == payload.layer.digest


def test_pushes_into_one_repository_may_run_side_by_side(vendor: Vendor) -> None:
    registry, payload = vendor.open(), pack()
    registry.allow_writes()
    tags = [f"1.0.{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(registry.execute, create(vendor.address(tag)), payload, ignore) for tag in tags]
        for each in done:
            each.result()
        reads = registry.reads(Wanted({vendor.repository: (*tags,)}))
        observed = list(pool.map(lambda read: run([read]), reads))
    assert {address for each in observed for address in each.artifacts} == {
        vendor.address(tag) for tag in tags
    }


def test_only_planned_writes_of_packs_are_carried_out(vendor: Vendor) -> None:
    change = create(vendor.address())
    with pytest.raises(RegistryError):
        vendor.execute(replace(change, action=Action.NO_OP), pack())
    with pytest.raises(RegistryError):
        vendor.execute(change, None)


def test_a_registry_that_answers_passes_the_check(vendor: Vendor) -> None:
    vendor.open().check()


def test_manifests_come_back_byte_for_byte(vendor: Vendor) -> None:
    data = base_repository_manifest().data + b"\n"
    manifest = RawManifest(sha256_digest(data), IMAGE_MANIFEST, data)
    vendor.plant(manifest, EMPTY_CONFIG.data, tag="odd")
    store = vendor.open().store
    assert store.get_manifest(vendor.repository, "odd") == manifest
    assert store.get_manifest(vendor.repository, manifest.digest) == manifest
    assert store.head_manifest(vendor.repository, "odd") == manifest.digest


def test_a_blob_that_is_not_there_is_not_found(vendor: Vendor) -> None:
    vendor.push(pack())
    store, digest = vendor.open().store, sha256_digest(b"never pushed")
    assert not store.has_blob(vendor.repository, digest)
    with pytest.raises(NotFound), store.open_blob(vendor.repository, digest) as stream:
        stream.read()


def test_the_reads_of_a_wanted_state_are_independent(vendor: Vendor) -> None:
    vendor.push(pack())
    wanted = Wanted({vendor.repository: ("1.0.0", "2.0.0")}, (vendor.base,), (f"{vendor.base}/",))
    backwards = run(vendor.open().reads(wanted)[::-1])
    assert backwards == vendor.observe(wanted)
