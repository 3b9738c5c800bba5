from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.model.errors import (
    AuthenticationFailed,
    Conflict,
    NotARegistry,
    NotFound,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from regsync.model.reference import sha256_digest
from regsync.model.state import Unreadable, UnreadableScope
from regsync.registries.base import RawManifest, Wanted
from regsync.registries.image import EMPTY_CONFIG, BytesBlob, Layer, image_manifest
from regsync.registries.memory import MemoryStore
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
    over,
    pack,
    run,
    update,
)


@pytest.fixture
def vendor(memory_vendor: Vendor) -> Vendor:
    return memory_vendor


def memory(vendor: Vendor) -> MemoryStore:
    store = vendor.open().store
    assert isinstance(store, MemoryStore)
    return store


def failing(error: RegistryError, *operations: str, path: str = "") -> Callable[[str, str, str], None]:
    def fault(operation: str, repository: str, reference: str) -> None:
        if operation in operations and repository.startswith(path):
            raise error

    return fault


def requests(vendor: Vendor, action: Callable[[], object]) -> list[str]:
    """The operations that `action` asks of the registry."""
    seen: list[str] = []
    store = memory(vendor)
    store.fault = lambda operation, repository, reference: seen.append(operation)
    action()
    store.fault = ignore_all
    return seen


def ignore_all(operation: str, repository: str, reference: str) -> None:
    """Let everything pass."""


ANY = [
    Unreachable("no answer"),
    NotARegistry("an HTML page"),
    AuthenticationFailed("401"),
    PermissionDenied("403"),
    RateLimited("429"),
    ProtocolError("wrong digest"),
    Unsupported("405"),
]


def test_the_repository_of_a_pack_is_no_base_repository(vendor: Vendor) -> None:
    vendor.push(pack())
    assert vendor.observe(Wanted(repositories=(vendor.repository,))).absent


@pytest.mark.parametrize("error", ANY, ids=lambda each: type(each).__name__)
def test_a_registry_that_does_not_answer_is_unreadable_as_one(vendor: Vendor, error: RegistryError) -> None:
    vendor.push(pack())
    memory(vendor).fault = failing(error, "get_manifest", "head_manifest", "repositories", "check")
    wanted = Wanted({vendor.repository: ("1.0.0", "2.0.0")}, (vendor.base,), (f"{vendor.base}/",))
    observed = vendor.observe(wanted)
    assert observed.unreadable == (Unreadable(NAME, UnreadableScope.REGISTRY, error.message),)
    assert not observed.absent
    assert not observed.listed


def test_a_registry_that_is_down_is_not_asked_for_every_tag(vendor: Vendor) -> None:
    seen: list[str] = []

    def down(operation: str, repository: str, reference: str) -> None:
        seen.append(operation)
        raise Unreachable("no answer")

    registry = vendor.open()
    memory(vendor).fault = down
    run(registry.reads(Wanted({vendor.repository: tuple(f"1.0.{number}" for number in range(50))})))
    assert seen == ["get_manifest", "check"]


@pytest.mark.parametrize("error", ANY, ids=lambda each: type(each).__name__)
def test_a_failure_in_a_registry_that_answers_stays_where_it_is(vendor: Vendor, error: RegistryError) -> None:
    vendor.push(pack())
    memory(vendor).fault = failing(error, "get_manifest", "head_manifest")
    observed = vendor.observe(Wanted({vendor.repository: ("1.0.0",)}, (vendor.base,)))
    by_repository = isinstance(error, AuthenticationFailed | PermissionDenied)
    assert set(observed.unreadable) == {
        Unreadable(NAME, UnreadableScope.REPOSITORY, error.message, vendor.base),
        Unreadable(NAME, UnreadableScope.REPOSITORY, error.message, vendor.repository)
        if by_repository
        else Unreadable(NAME, UnreadableScope.TAG, error.message, vendor.repository, "1.0.0"),
    }
    assert not observed.absent


@pytest.mark.parametrize("error", ANY, ids=lambda each: type(each).__name__)
def test_a_layer_that_cannot_be_read_is_unreadable_and_not_remembered(
    vendor: Vendor, error: RegistryError
) -> None:
    layer = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    vendor.plant(captured("oras-1.0.0-pack.json"), layer, EMPTY_CONFIG.data)
    memory(vendor).fault = failing(error, "open_blob")
    assert [each.reason for each in vendor.observe_tag().unreadable] == [error.message]
    memory(vendor).fault = ignore_all
    assert vendor.live().content == content_of(layer)


def test_a_layer_that_is_missing_makes_other_content(vendor: Vendor) -> None:
    layer = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    vendor.plant(captured("oras-1.0.0-pack.json"), layer, EMPTY_CONFIG.data)
    memory(vendor).fault = failing(NotFound("blob unknown"), "open_blob")
    live = vendor.live()
    assert live.content is None
    assert live.note == f"its layer {sha256_digest(layer)} is missing in the registry"


def test_a_hand_pushed_layer_is_read_once_for_ever(vendor: Vendor) -> None:
    layer = archive()
    manifest = image_manifest([Layer(sha256_digest(layer), len(layer), TITLE)], {})
    vendor.plant(manifest, layer, EMPTY_CONFIG.data)
    assert requests(vendor, vendor.live) == ["get_manifest", "open_blob"]
    assert requests(vendor, vendor.live) == ["get_manifest"]


def test_a_plan_with_nothing_to_do_asks_once_for_each_tag(vendor: Vendor) -> None:
    tags = ("1.0.0", "2.0.0", "3.0.0")
    for tag in tags:
        vendor.push(pack(), tag)
    asked = requests(vendor, lambda: vendor.observe(Wanted({vendor.repository: tags})))
    assert asked == ["get_manifest"] * 3


def test_a_cold_push_asks_for_nothing_but_the_tag(vendor: Vendor) -> None:
    push = requests(vendor, lambda: vendor.execute(create(vendor.address()), pack()))
    assert push == ["head_manifest", "put_blob", "put_blob", "put_manifest"]


def test_a_long_upload_is_followed_by_another_look_at_the_tag(vendor: Vendor) -> None:
    large = replace(pack("ours"), layer=BytesBlob(bytes(2 << 20)))
    theirs = pack("theirs")
    registry = vendor.open()
    registry.allow_writes()

    def meanwhile(part: int) -> None:
        vendor.execute(create(vendor.address()), theirs)

    with pytest.raises(Conflict):
        registry.execute(create(vendor.address()), large, meanwhile)
    assert vendor.live().content == theirs.content


class Forgetful(MemoryStore):
    """Stores manifests and loses the answer."""

    def put_manifest(self, repository: str, reference: str, manifest: RawManifest) -> None:
        super().put_manifest(repository, reference, manifest)
        raise Unreachable("the answer was lost")


def test_a_lost_answer_to_the_last_write_is_settled_by_a_look(tmp_path: Path) -> None:
    vendor, payload = over(Forgetful(), IndexCache(tmp_path), "team"), pack()
    vendor.execute(create(vendor.address()), payload)
    vendor.execute(create_base(vendor.base))
    assert vendor.live().content == payload.content


def test_a_last_write_that_failed_is_a_failure(vendor: Vendor) -> None:
    memory(vendor).fault = failing(Unreachable("no answer"), "put_manifest")
    with pytest.raises(Unreachable):
        vendor.execute(create(vendor.address()), pack())
    assert vendor.observe_tag().absent


def test_where_the_catalogue_is_denied_prune_sees_what_the_manifests_name(vendor: Vendor) -> None:
    vendor.push(pack(), "1.0.0")
    vendor.push(pack(), "0.9.0")
    vendor.push(pack(), repository=f"{vendor.base}/forgotten")
    memory(vendor).fault = failing(PermissionDenied("the catalogue is denied"), "repositories")
    prefix = f"{vendor.base}/"
    observed = vendor.observe(Wanted({vendor.repository: ("1.0.0",)}, beneath=(prefix,)))
    assert observed.artifacts.keys() == {vendor.address("1.0.0"), vendor.address("0.9.0")}
    assert not observed.listed
    assert observed.notes == (
        f"prune does not see repositories beneath {prefix} that no manifest names: the catalogue is denied",
    )


def test_a_catalogue_that_fails_is_unreadable(vendor: Vendor) -> None:
    vendor.push(pack())
    memory(vendor).fault = failing(ProtocolError("cut off"), "repositories")
    observed = vendor.observe(Wanted(beneath=(f"{vendor.base}/",)))
    assert observed.unreadable == (Unreadable(NAME, UnreadableScope.REPOSITORY, "cut off", vendor.base),)
    assert not observed.artifacts
    assert not observed.listed


def test_a_prefix_is_not_listed_where_one_repository_is_not(vendor: Vendor) -> None:
    other = f"{vendor.base}/other"
    for repository in (vendor.repository, other):
        vendor.push(pack(), repository=repository)
    memory(vendor).fault = failing(ProtocolError("cut off"), "tags", path=other)
    observed = vendor.observe(Wanted(beneath=(f"{vendor.base}/",)))
    assert observed.artifacts.keys() == {vendor.address()}
    assert observed.unreadable == (Unreadable(NAME, UnreadableScope.REPOSITORY, "cut off", other),)
    assert not observed.listed


def test_a_conflict_names_what_was_expected_and_found(vendor: Vendor) -> None:
    old = vendor.push(pack("replicas: 1\n"))
    vendor.execute(update(old), pack("replicas: 2\n"))
    found = vendor.live().digest
    with pytest.raises(Conflict) as failure:
        vendor.execute(update(old), pack("replicas: 3\n"))
    assert (
        str(failure.value)
        == f"{vendor.address()} is not what the plan saw: expected {old.digest}, found {found}"
    )
    assert failure.value.hint == "plan again to see what was pushed meanwhile"
