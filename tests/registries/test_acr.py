"""What a registry of Azure does by an API of its own: lists, locks, untagging, its data endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.model.errors import (
    AuthenticationFailed,
    PermissionDenied,
    ProtocolError,
    RegsyncError,
    Unsupported,
)
from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod
from regsync.model.state import Observed
from regsync.registries.base import Wanted
from regsync.registries.image import EMPTY_CONFIG, base_repository_manifest
from tests.registries.azure import azure, opened, pusher, spec_of, surroundings
from tests.registries.vendor import NAME, create, delete, ignore, pack, run, update, wanting
from tests.support.acr import PULL, TOKEN, AcrFront
from tests.support.proxy import Respond
from tests.support.tokens import ANYONE

JSON = {"Content-Type": "application/json"}


class Azure:
    """A registry of Azure with a repository of the test's own; each step opens it anew."""

    def __init__(self, front: AcrFront, folder: Path, path: str) -> None:
        self.front = front
        self.repository = f"{path}/hello"
        self.base = path
        self.spec = spec_of(front)
        self.around = surroundings(folder / "reader")
        self._pusher = surroundings(folder / "pusher")
        """Another machine: whoever pushes knows the OCI manifests already."""

    def push(self, *tags: str, text: str = "replicas: 1\n") -> None:
        with opened(self.spec, self._pusher, writing=True) as registry:
            for tag in tags:
                payload = pack(text)
                registry.execute(wanting(create(self.address(tag)), payload), payload, ignore)

    def observe(self, *tags: str, prune: bool = False) -> Observed:
        wanted = Wanted(tags={self.repository: tags}, beneath=(f"{self.base}/",) if prune else ())
        self.front.requests.clear()
        with opened(self.spec, self.around) as registry:
            return run(registry.reads(wanted))

    def delete(self, tag: str) -> None:
        live = self.observe(tag).artifacts[self.address(tag)]
        with opened(self.spec, self.around, writing=True) as registry:
            registry.execute(delete(live), None, ignore)

    def address(self, tag: str) -> Address:
        return Address(NAME, self.repository, tag)


@pytest.fixture
def registry(acr: AcrFront, tmp_path: Path, unique_path: str) -> Azure:
    return Azure(acr, tmp_path, unique_path)


def test_one_list_tells_all_that_is_there_and_nothing_is_read_twice(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.push("2.0.0", text="replicas: 2\n")
    observed = registry.observe("1.0.0", "2.0.0")
    assert len(observed.artifacts) == 2
    own = f"GET /acr/v1/{registry.repository}/_tags?n=1000"
    assert [each for each in registry.front.asked(registry.repository) if "/manifests/" not in each] == [own]
    assert len(registry.front.asked("/manifests/sha256:")) == 2
    registry.observe("1.0.0", "2.0.0")
    assert registry.front.asked(registry.repository) == [own]


def test_tags_on_one_digest_know_each_other(registry: Azure) -> None:
    registry.push("1.0.0", "latest")
    assert registry.observe("1.0.0").artifacts[registry.address("1.0.0")].tags == ("1.0.0", "latest")


def test_lists_are_read_to_their_last_page(registry: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.acr.LARGEST_PAGE", 2)
    tags = tuple(f"1.{number}.0" for number in range(5))
    registry.push(*tags)
    observed = registry.observe(*tags, prune=True)
    assert len(observed.artifacts) == 5
    assert observed.listed == {f"{registry.base}/"}
    pages = registry.front.asked("/_tags?")
    assert [each.rpartition("?")[2] for each in pages] == [
        "n=1000",
        "last=1.1.0&n=2&orderby=",
        "last=1.3.0&n=2&orderby=",
    ]
    assert len(registry.front.asked("/v2/_catalog")) > 1


def test_a_tag_that_lists_do_not_show_is_not_absent(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.front.hidden.add((registry.repository, "1.0.0"))
    observed = registry.observe("1.0.0", "2.0.0")
    assert observed.artifacts.keys() == {registry.address("1.0.0")}
    assert observed.absent == {registry.address("2.0.0")}


def test_a_login_that_may_not_list_reads_tag_by_tag(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.front.rights[TOKEN] = PULL
    observed = registry.observe("1.0.0", "2.0.0")
    assert observed.artifacts.keys() == {registry.address("1.0.0")}
    assert observed.absent == {registry.address("2.0.0")}
    assert not observed.unreadable


def test_without_a_login_what_anyone_may_pull_is_read(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.front.rights[ANYONE] = PULL
    registry.spec = spec_of(registry.front, Auth(AuthMethod.NONE))
    observed = registry.observe("1.0.0", "2.0.0")
    assert observed.artifacts.keys() == {registry.address("1.0.0")}
    assert observed.absent == {registry.address("2.0.0")}
    with pytest.raises(AuthenticationFailed, match="no login was sent"):
        registry.push("2.0.0")


def test_where_the_catalogue_is_denied_prune_says_what_it_does_not_see(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.front.rights[TOKEN] = PULL | {"metadata_read"}
    observed = registry.observe("1.0.0", prune=True)
    assert len(observed.artifacts) == 1
    assert not observed.listed
    [note] = observed.notes
    assert note.startswith("prune does not see repositories beneath")


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"tags":[{}]}', b'{"tags":[{"name":"a","digest":"b"}]}', b"no"]
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(registry: Azure, body: bytes) -> None:
    registry.push("1.0.0")
    registry.front.instead["_tags"] = (200, JSON, body)
    observed = registry.observe("1.0.0")
    assert not observed.absent
    assert [each.address for each in observed.unreadable] == [f"{NAME}/{registry.repository}"]


def test_an_untagged_tag_leaves_the_others_and_nothing_is_deleted_on_v2(registry: Azure) -> None:
    registry.push("1.0.0", "latest", "stable")
    registry.delete("latest")
    observed = registry.observe("1.0.0", "latest", "stable")
    assert observed.absent == {registry.address("latest")}
    assert len(observed.artifacts) == 2
    registry.delete("1.0.0")
    assert registry.front.asked("DELETE") == [f"DELETE /acr/v1/{registry.repository}/_tags/1.0.0"]


def test_a_404_to_a_delete_is_no_success_while_the_tag_is_there(registry: Azure) -> None:
    registry.push("1.0.0")
    registry.front.instead["_tags/1.0.0"] = (404, JSON, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
    with pytest.raises(ProtocolError, match="404, but it is there"):
        registry.delete("1.0.0")


def test_a_locked_tag_is_seen_before_anything_is_written(registry: Azure) -> None:
    registry.push("1.0.0", "2.0.0")
    registry.front.locks.add((registry.repository, "1.0.0", "write"))
    artifacts = registry.observe("1.0.0", "2.0.0").artifacts
    assert [artifacts[registry.address(tag)].immutable for tag in ("1.0.0", "2.0.0")] == [True, False]


@pytest.mark.parametrize("whole", [False, True], ids=["tag", "repository"])
def test_a_lock_is_told_as_what_it_is(registry: Azure, whole: bool) -> None:
    registry.push("1.0.0")
    live = registry.observe("1.0.0").artifacts[registry.address("1.0.0")]
    registry.front.locks.add((registry.repository, None if whole else "1.0.0", "write"))
    locked = registry.repository if whole else f"{registry.repository}:1.0.0"
    kind = "repository" if whole else "image"
    changed = pack("replicas: 2\n")
    with (
        opened(registry.spec, registry.around, writing=True) as another,
        pytest.raises(PermissionDenied, match=rf"{locked} is locked \(writeEnabled: false\)") as raised,
    ):
        another.execute(wanting(update(live), changed), changed, ignore)
    assert raised.value.hint is not None
    assert f"az acr repository update --name team --{kind} {locked} --write-enabled true" in raised.value.hint


@pytest.mark.parametrize("verb", ["delete", "write"])
def test_a_lock_that_forbids_a_delete_is_told_as_what_it_is(registry: Azure, verb: str) -> None:
    registry.push("1.0.0")
    registry.front.locks.add((registry.repository, "1.0.0", verb))
    with pytest.raises(PermissionDenied, match=rf":1\.0\.0 is locked \({verb}Enabled: false\)"):
        registry.delete("1.0.0")


def test_what_is_disallowed_without_a_lock_stays_what_it_was(registry: Azure) -> None:
    registry.push("1.0.0")
    quarantined = Respond(405, JSON, b'{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION"}]}')
    registry.front.on("PUT", "/manifests/", quarantined, times=9)
    with pytest.raises(Unsupported, match="REGISTRY_DISALLOWED_OPERATION"):
        registry.push("2.0.0", text="replicas: 2\n")


def test_blobs_come_from_elsewhere_and_no_login_goes_there(registry: Azure) -> None:
    registry.push("1.0.0")
    live = registry.observe("1.0.0").artifacts[registry.address("1.0.0")]
    with (
        opened(registry.spec, registry.around) as another,
        another.open_layer(live) as stream,
        pack().layer.open() as pushed,
    ):
        assert stream.read() == pushed.read()
    assert registry.front.data.carried == []


def test_planning_posts_to_token_endpoints_and_nowhere_else(
    acr: AcrFront, registry: Azure, tmp_path: Path
) -> None:
    registry.push("1.0.0")
    acr.requests.clear()
    with opened(spec_of(acr, azure()), surroundings(tmp_path, pusher(acr))) as another:
        wanted = Wanted(tags={registry.repository: ("1.0.0",)}, beneath=(f"{registry.base}/",))
        assert run(another.reads(wanted)).artifacts
        with pytest.raises(RegsyncError, match="planning never writes"):
            another.store.put_blob(registry.repository, EMPTY_CONFIG, ignore)
        with pytest.raises(RegsyncError, match="planning never writes"):
            another.store.delete_tag(registry.repository, "1.0.0", base_repository_manifest().digest)
    posted = {each.partition("?")[0] for each in acr.asked("POST")}
    assert posted == {"POST /oauth2/exchange", "POST /oauth2/token"}


def test_a_mirror_is_planned_with_one_list_for_each_repository(
    acr: AcrFront, tmp_path: Path, unique_path: str
) -> None:
    repositories = [f"{unique_path}/{name}" for name in ("one", "two", "three")]
    tags = ("1.0.0", "1.1.0", "2.0.0")
    with opened(spec_of(acr), surroundings(tmp_path / "pusher"), writing=True) as registry:
        for repository in repositories:
            for tag in tags:
                payload = pack(f"{repository}:{tag}")
                registry.execute(wanting(create(Address(NAME, repository, tag)), payload), payload, ignore)
    wanted = Wanted(tags=dict.fromkeys(repositories, tags), beneath=(f"{unique_path}/",))
    for known in (False, True):
        acr.requests.clear()
        with opened(spec_of(acr), surroundings(tmp_path)) as registry:
            assert len(run(registry.reads(wanted)).artifacts) == 9
        assert len(acr.asked("/_tags")) == 3
        assert len(acr.asked("/manifests/")) == (0 if known else 9)


def test_lists_ask_for_the_rights_that_they_take(acr: AcrFront, registry: Azure) -> None:
    registry.push("1.0.0")
    registry.observe("1.0.0")
    assert [each.path for each in acr.requests if each.status == 401] == ["/v2/"]
