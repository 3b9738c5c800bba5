"""The store against the real CNCF Distribution server, directly and through a proxy that fails on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regsync.content.cache import IndexCache
from regsync.model.errors import Conflict, NotFound, ProtocolError, RegistryError, Unreachable, Unsupported
from regsync.model.reference import Address
from regsync.registries.base import RawManifest, Surroundings, Wanted, open_registry
from regsync.registries.distribution import DistributionStore
from regsync.registries.image import EMPTY_CONFIG, BytesBlob, base_repository_manifest
from tests.registries.stores import ENVIRONMENT, spec_of, store_at
from tests.registries.vendor import NAME, create, ignore, pack, run
from tests.support.proxy import Corrupt, Fault, FaultProxy, Reset, Respond, Truncate
from tests.support.servers import DistributionServer

BLOB = BytesBlob(b"a layer that is sent in one piece")
DEAD = Respond(404, {"Content-Type": "application/json"}, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
TROUBLE = Respond(503, {}, b"no healthy upstream")
BY_DIGEST_ONLY = Respond(400, {}, b'{"errors":[{"code":"DIGEST_INVALID","message":"as in version 2"}]}')
NO_SUCH_METHOD = Respond(405, {"Content-Type": "text/plain"}, b"Method not allowed")


@dataclass(frozen=True)
class Through:
    """A store that reaches the real server through a proxy, and a repository of its own there."""

    store: DistributionStore
    proxy: FaultProxy
    repository: str

    def methods(self) -> str:
        """The methods of all requests but the greeting, in their order."""
        return " ".join(each.method for each in self.proxy.requests if each.path != "/v2/")

    def push(self, *tags: str) -> RawManifest:
        manifest = base_repository_manifest()
        self.store.put_blob(self.repository, EMPTY_CONFIG, ignore)
        for tag in tags:
            self.store.put_manifest(self.repository, tag, manifest)
        return manifest


@pytest.fixture
def through(distribution: DistributionServer, unique_path: str) -> Iterator[Through]:
    with FaultProxy(distribution.url) as proxy, store_at(proxy.url) as store:
        yield Through(store, proxy, f"{unique_path}/pack")


@pytest.mark.parametrize("kind", ["distribution", "distribution_tls"])
def test_pushing_and_planning_send_few_requests(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, unique_path: str
) -> None:
    server: DistributionServer = request.getfixturevalue(kind)
    surroundings = Surroundings(ENVIRONMENT, 4, IndexCache(tmp_path))
    repositories = [f"{unique_path}/{name}" for name in ("one", "two", "three")]

    before = len(server.requests())
    applying = open_registry(spec_of(server), surroundings)
    applying.allow_writes()
    for repository in repositories:
        applying.execute(create(Address(NAME, repository, "1.0.0")), pack(repository), ignore)
    applying.close()
    applied = server.requests()[before:]
    greeting = ["GET"] * (2 if server.login else 1)
    # The layer is sent, the config only once and then mounted.
    first, further = ["HEAD", "POST", "PUT", "POST", "PUT", "PUT"], ["HEAD", "POST", "PUT", "POST", "PUT"]
    assert [each.method for each in applied] == [*greeting, *first, *further, *further]
    assert sum("mount=" in each.path and each.status == 201 for each in applied) == 2

    planning = open_registry(spec_of(server), surroundings)
    observed = run(planning.reads(Wanted(tags=dict.fromkeys(repositories, ("1.0.0", "2.0.0")))))
    planning.close()
    assert len(observed.artifacts) == len(observed.absent) == 3
    planned = server.requests()[before + len(applied) :]
    assert [each.method for each in planned] == ["GET"] * 6 + greeting


def test_a_second_version_finds_its_config_in_place(
    distribution: DistributionServer, unique_path: str
) -> None:
    with store_at(distribution.url) as store:
        for _ in range(2):
            store.put_blob(unique_path, EMPTY_CONFIG, ignore)
    sent = [each.method for each in distribution.requests() if unique_path in each.path]
    assert sent == ["POST", "PUT"]


FAULTS: dict[str, tuple[Fault, str]] = {
    "a dead session": (DEAD, "POST PUT DELETE HEAD POST PUT"),
    "trouble in the middle": (TROUBLE, "POST PUT DELETE HEAD POST PUT"),
    "a reset": (Reset(), "POST PUT HEAD POST PUT"),
    "a lost answer": (Reset(forwarded=True), "POST PUT HEAD"),
}


@pytest.mark.parametrize(("fault", "methods"), FAULTS.values(), ids=FAULTS)
def test_an_upload_that_breaks_is_begun_again(through: Through, fault: Fault, methods: str) -> None:
    through.proxy.on("PUT", "/blobs/uploads/", fault)
    sent: list[int] = []
    through.store.put_blob(through.repository, BLOB, sent.append)
    assert through.methods() == methods
    assert sum(sent) == BLOB.size
    with through.store.open_blob(through.repository, BLOB.digest) as stream:
        assert stream.read() == BLOB.data


def test_an_upload_that_keeps_breaking_is_given_up(through: Through) -> None:
    through.proxy.on("PUT", "/blobs/uploads/", Reset(), times=99)
    sent: list[int] = []
    with pytest.raises(Unreachable):
        through.store.put_blob(through.repository, BLOB, sent.append)
    assert through.methods() == "POST PUT HEAD POST PUT HEAD POST PUT"
    assert sum(sent) == 0


def test_a_throttled_upload_waits_as_long_as_it_is_told(
    distribution: DistributionServer, unique_path: str
) -> None:
    waited: list[float] = []
    with FaultProxy(distribution.url) as proxy, store_at(proxy.url, sleep=waited.append) as store:
        proxy.on("PUT", "/blobs/uploads/", Respond(429, {"Retry-After": "7"}))
        store.put_blob(unique_path, BLOB, ignore)
    assert max(waited) > 6


def test_an_upload_that_is_refused_is_not_repeated(through: Through) -> None:
    class Lying(BytesBlob):
        @property
        def digest(self) -> str:
            return BLOB.digest

    with pytest.raises(ProtocolError, match="DIGEST_INVALID"):
        through.store.put_blob(through.repository, Lying(b"other bytes"), ignore)
    assert through.methods() == "POST PUT DELETE"


def test_a_lost_answer_to_a_manifest_is_no_failure(through: Through) -> None:
    through.proxy.on("PUT", "/manifests/", Reset(forwarded=True))
    manifest = through.push("1.0.0")
    assert through.store.head_manifest(through.repository, "1.0.0") == manifest.digest


def test_a_manifest_that_was_changed_on_its_way_is_refused(through: Through) -> None:
    manifest = through.push("1.0.0")
    for reference in ("1.0.0", manifest.digest):
        through.proxy.on("GET", "/manifests/", Corrupt())
        with pytest.raises(ProtocolError, match="digest"):
            through.store.get_manifest(through.repository, reference)
    assert through.store.get_manifest(through.repository, "1.0.0") == manifest


def test_a_blob_is_resumed_where_it_broke_and_checked_at_its_end(through: Through) -> None:
    blob = BytesBlob(os.urandom(300_000))
    through.store.put_blob(through.repository, blob, ignore)
    through.proxy.on("GET", "/blobs/", Truncate(100_000))
    with through.store.open_blob(through.repository, blob.digest) as stream:
        assert stream.read() == blob.data
    through.proxy.on("GET", "/blobs/", Corrupt())
    with (
        through.store.open_blob(through.repository, blob.digest) as stream,
        pytest.raises(ProtocolError, match="another digest"),
    ):
        stream.read()


def test_a_proxys_bare_404_is_not_absence(through: Through) -> None:
    through.push("1.0.0")
    for method in ("HEAD", "GET"):  # the HEAD proves nothing, so a GET is asked
        through.proxy.on(
            method, "/manifests/", Respond(404, {"Content-Type": "text/html"}, b"<html>no route</html>")
        )
    with pytest.raises(RegistryError) as raised:
        through.store.head_manifest(through.repository, "1.0.0")
    assert not isinstance(raised.value, NotFound)


def test_a_tag_is_deleted_and_may_be_gone_before(through: Through) -> None:
    digest = through.push("1.0.0", "2.0.0").digest
    for _ in range(2):
        through.store.delete_tag(through.repository, "1.0.0", digest)
    assert through.store.tags(through.repository) == ("2.0.0",)


@pytest.mark.parametrize("refusal", [BY_DIGEST_ONLY, NO_SUCH_METHOD], ids=["digest only", "405"])
def test_a_server_without_tag_deletes_gives_up_the_digest_of_one_tag(
    through: Through, refusal: Respond
) -> None:
    digest = through.push("1.0.0").digest
    through.proxy.on("DELETE", "/manifests/1.0.0", refusal)
    through.store.delete_tag(through.repository, "1.0.0", digest)
    assert through.store.tags(through.repository) == ()


def test_a_server_without_tag_deletes_keeps_a_digest_with_other_tags(through: Through) -> None:
    digest = through.push("1.0.0", "2.0.0").digest
    through.proxy.on("DELETE", "/manifests/1.0.0", BY_DIGEST_ONLY)
    with pytest.raises(Conflict, match=r"found under 2\.0\.0"):
        through.store.delete_tag(through.repository, "1.0.0", digest)
    assert through.store.tags(through.repository) == ("1.0.0", "2.0.0")


def test_a_server_without_tag_deletes_keeps_a_digest_that_the_tag_left(through: Through) -> None:
    through.push("1.0.0")
    through.proxy.on("DELETE", "/manifests/1.0.0", BY_DIGEST_ONLY)
    with pytest.raises(Conflict, match="found under no tag"):
        through.store.delete_tag(through.repository, "1.0.0", BLOB.digest)


def test_disabled_deletes_are_told_with_the_remedy(tmp_path: Path) -> None:
    with DistributionServer(tmp_path, delete=False) as server, store_at(server.url) as store:
        manifest = base_repository_manifest()
        store.put_blob("kept/pack", EMPTY_CONFIG, ignore)
        store.put_manifest("kept/pack", "1.0.0", manifest)
        with pytest.raises(Unsupported) as raised:
            store.delete_tag("kept/pack", "1.0.0", manifest.digest)
        assert "storage.delete.enabled" in (raised.value.hint or "")
        assert store.tags("kept/pack") == ("1.0.0",)
