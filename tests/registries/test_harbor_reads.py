"""What a live registry of Harbor is seen to be, by whom, and what it costs to look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from regsync.model.reference import Address
from regsync.model.registry import Auth, AuthMethod, Project
from regsync.model.state import Observed, Unreadable, UnreadableScope
from regsync.registries.base import Wanted
from regsync.registries.image import (
    EMPTY_CONFIG,
    IMAGE_MANIFEST,
    BytesBlob,
    base_repository_manifest,
    pack_manifest,
)
from tests.registries.harbor import opened
from tests.registries.vendor import DATA, NAME, archive, captured, content_of, ignore, pack, run
from tests.support.harbor import HarborServer
from tests.support.harbor_state import DEVELOPER, PROJECT_ADMIN, READING, ROBOT, Account
from tests.support.servers import DistributionServer

BASE = "team/spectro-packs/archive"
HELLO = f"{BASE}/hello"
NGINX = f"{BASE}/nginx"
TEAM = "@project/team"


def at(path: str, tag: str | None = None) -> Address:
    return Address(NAME, path, tag)


def fill(harbor: HarborServer, repository: str, count: int) -> None:
    """As many packs of ours, by lists only: the registry behind has none of them."""
    name = repository.rpartition("/")[2]
    for number in range(count):
        payload = pack(f"number: {number}\n", title=f"{name}-1.0.{number}.tar.gz")
        harbor.state.push(repository, f"1.0.{number}", IMAGE_MANIFEST, pack_manifest(payload).data)


def look(
    harbor: HarborServer, cache: Path, *rounds: Wanted, by: Account | None = None, **settings: Any
) -> Observed:
    """What a run of its own finds."""
    with opened(harbor, cache, by, project=Project(settings=settings)) as registry:
        return Observed.merged([run(registry.reads(each)) for each in rounds])


def asked(harbor: HarborServer) -> list[str]:
    """The requests since the last look, greeting and tokens left out, short."""
    found = [each for each in harbor.requests if each.path != "/v2/" and "/service/token" not in each.path]
    harbor.requests.clear()
    return [f"{each.method} {each.path.partition('?')[0]} {each.status}" for each in found]


def only(observed: Observed) -> Unreadable:
    [unreadable] = observed.unreadable
    return unreadable


def test_our_own_packs_cost_a_request_per_hundred_and_no_oci_manifest(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.add_project("team")
    fill(harbor, HELLO, 101)
    wanted = Wanted(tags={HELLO: ("1.0.0", "1.0.100", "2.0.0")})
    observed = look(harbor, tmp_path, wanted)
    artifacts = "/api/v2.0/projects/team/repositories/spectro-packs%252Farchive%252Fhello/artifacts"
    assert asked(harbor) == [f"GET {artifacts} 200"] * 2
    live = observed.artifacts[at(HELLO, "1.0.100")]
    ours = pack("number: 100\n", title="hello-1.0.100.tar.gz")
    assert (live.content, live.title, live.owner, live.marked) == (ours.content, ours.title, ours.owner, True)
    assert (live.digest, live.layer_digest) == (pack_manifest(ours).digest, ours.layer.digest)
    assert live.layer_size == ours.layer.size
    assert observed.absent == {at(HELLO, "2.0.0")}
    assert look(harbor, tmp_path, wanted) == observed


def test_what_others_pushed_is_read_once(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    layer = (DATA / "hello-1.0.0.tar.gz").read_bytes()
    by_hand = captured("oras-1.0.0-pack.json")
    with opened(harbor, tmp_path, writing=True) as registry:
        for blob in (EMPTY_CONFIG, BytesBlob(layer)):
            registry.store.put_blob(HELLO, blob, ignore)
        registry.store.put_manifest(HELLO, "1.0.0", by_hand)
    harbor.requests.clear()
    for reads in (2, 0):
        live = look(harbor, tmp_path, Wanted(tags={HELLO: ("1.0.0",)})).artifacts[at(HELLO, "1.0.0")]
        assert (live.content, live.owner) == (content_of(layer), None)
        assert sum(1 for each in asked(harbor) if each.startswith("GET /v2/")) == reads


def test_a_title_that_does_not_go_by_the_tag_is_looked_up(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    payload = pack(title="renamed-1.0.0.tar.gz")
    with opened(harbor, tmp_path, writing=True) as registry:
        for blob in (EMPTY_CONFIG, payload.layer):
            registry.store.put_blob(HELLO, blob, ignore)
        registry.store.put_manifest(HELLO, "1.0.0", pack_manifest(payload))
    live = look(harbor, tmp_path / "fresh", Wanted(tags={HELLO: ("1.0.0",)})).artifacts[at(HELLO, "1.0.0")]
    assert live.title == "renamed-1.0.0.tar.gz"


def test_a_tag_that_a_rule_keeps_is_known_to_be_kept(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team").rules = ("1.0.1",)
    fill(harbor, HELLO, 2)
    observed = look(harbor, tmp_path, Wanted(tags={HELLO: ("1.0.0", "1.0.1")}))
    kept = {address.tag: live.immutable for address, live in observed.artifacts.items()}
    assert kept == {"1.0.0": False, "1.0.1": True}


def accounts(harbor: HarborServer) -> Mapping[str, Account]:
    """Everyone whom it may concern whether a project exists."""
    return {
        "admin": harbor.state.admin,
        "stranger": harbor.state.add_account("bob"),
        "robot": harbor.state.add_account("robot$other+ci", {"other": ROBOT}),
        "system": harbor.state.add_account("robot$ops", {"*": DEVELOPER}, system=["project:create"]),
    }


@pytest.mark.parametrize("after_2_15", [False, True])
@pytest.mark.parametrize("who", ["admin", "stranger", "robot", "system"])
@pytest.mark.parametrize("settings", [{}, {"public": False}], ids=["unset", "set"])
def test_a_missing_project_is_absent_with_all_that_would_be_in_it(
    harbor: HarborServer, tmp_path: Path, settings: dict[str, bool], who: str, *, after_2_15: bool
) -> None:
    harbor.api.head_needs_read = after_2_15
    rounds = Wanted(tags={HELLO: ("1.0.0",)}, beneath=(f"{BASE}/",)), Wanted(repositories=(TEAM, BASE))
    observed = look(harbor, tmp_path, *rounds, by=accounts(harbor)[who], **settings)
    assert observed.absent == {at(HELLO, "1.0.0"), at(TEAM), at(BASE)}
    assert not observed.unreadable


def test_a_robot_that_may_not_list_reads_tag_by_tag(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    robot = harbor.state.add_account("robot$team+ci", {"team": ROBOT})
    with opened(harbor, tmp_path, robot, writing=True) as registry:
        for blob in (EMPTY_CONFIG, pack().layer):
            registry.store.put_blob(HELLO, blob, ignore)
        registry.store.put_manifest(HELLO, "1.0.0", pack_manifest(pack()))
    harbor.requests.clear()
    names = [f"{BASE}/pack-{number}" for number in range(5)]
    tags = {HELLO: ("1.0.0", "2.0.0")} | dict.fromkeys(names, ("1.0.0",))
    observed = look(
        harbor,
        tmp_path,
        Wanted(tags=tags, beneath=(f"{BASE}/",)),
        Wanted(repositories=(TEAM, BASE)),
        by=robot,
    )
    assert observed.artifacts.keys() == {at(HELLO, "1.0.0")}
    assert observed.absent == {at(HELLO, "2.0.0"), at(BASE), *(at(each, "1.0.0") for each in names)}
    assert observed.repositories.keys() == {at(TEAM)}
    assert not observed.unreadable
    [note] = observed.notes
    assert note.startswith(f"prune does not see repositories beneath {BASE}/ that no manifest names: ")
    assert sum(1 for each in asked(harbor) if "/artifacts" in each) == 1


def test_a_missing_project_is_looked_for_once(harbor: HarborServer, tmp_path: Path) -> None:
    wanted = Wanted(tags=dict.fromkeys((f"{BASE}/pack-{number}" for number in range(20)), ("1.0.0",)))
    observed = look(harbor, tmp_path, wanted, by=harbor.state.add_account("bob"))
    assert len(observed.absent) == 20
    assert [each.partition("?")[0] for each in asked(harbor)][1:] == ["HEAD /api/v2.0/projects 404"]


def test_a_list_without_tags_is_not_taken_for_one_of_what_has_none(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.add_project("team")
    harbor.api.lists_tags = False
    with opened(harbor, tmp_path, writing=True) as registry:
        for blob in (EMPTY_CONFIG, pack().layer):
            registry.store.put_blob(HELLO, blob, ignore)
        registry.store.put_manifest(HELLO, "1.0.0", pack_manifest(pack()))
    observed = look(harbor, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}))
    assert observed.artifacts.keys() == {at(HELLO, "1.0.0")}


def test_a_project_of_others_is_unreadable_and_not_absent(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    fill(harbor, HELLO, 1)
    stranger = harbor.state.add_account("bob")
    observed = look(harbor, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}), by=stranger)
    dark = only(observed)
    assert (dark.scope, dark.path) == (UnreadableScope.REPOSITORY, HELLO)
    assert dark.hint == (
        "the login may not read in project team: it needs the role guest, or as a robot account repository:pull"
    )
    assert not observed.absent


def test_settings_are_read_where_they_are_written_only(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", public=True, limit=50 << 30)
    wanted = Wanted(repositories=(TEAM,))
    assert look(harbor, tmp_path, wanted).repositories[at(TEAM)].settings == {}
    assert asked(harbor) == ["HEAD /api/v2.0/projects 200"]
    settings: dict[str, Any] = {"public": False, "storageLimit": "1Gi"}
    found = look(harbor, tmp_path, wanted, **settings).repositories[at(TEAM)]
    assert found.settings == {"public": True, "storageLimit": "50Gi"}
    assert found.marks_read
    assert len(asked(harbor)) == 2


def test_a_project_whose_name_is_a_number_is_found_by_its_name(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("1", public=True)
    observed = look(harbor, tmp_path, Wanted(repositories=("@project/1",)), public=True)
    assert observed.repositories[at("@project/1")].settings == {"public": True}


def test_settings_that_the_login_may_not_read_are_unreadable(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    robot = harbor.state.add_account("robot$team+ci", {"team": ROBOT})
    dark = only(look(harbor, tmp_path, Wanted(repositories=(TEAM,)), by=robot, public=False))
    assert (dark.path, dark.address) == (TEAM, f"{NAME}/@project/team")
    assert dark.hint == "for project team the login needs the role guest, or as a robot account project:read"
    eve = harbor.state.add_account("eve", {"team": READING - {"quota:read"}})
    dark = only(
        look(
            harbor,
            tmp_path,
            Wanted(repositories=(TEAM,)),
            by=eve,
            storageLimit="1Gi",
        )
    )
    assert "200 without a quota" in dark.reason


def test_prune_goes_by_the_list_of_the_project(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    for name in (HELLO, NGINX, "team/elsewhere"):
        fill(harbor, name, 1)
    observed = look(harbor, tmp_path, Wanted(tags={HELLO: ("1.0.0",)}, beneath=(f"{BASE}/",)))
    assert observed.artifacts.keys() == {at(HELLO, "1.0.0"), at(NGINX, "1.0.0")}
    assert observed.listed == {f"{BASE}/"}
    assert not any("_catalog" in each for each in asked(harbor))


def test_a_long_list_of_repositories_has_pages(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    names = [f"{BASE}/pack-{number:03}" for number in range(201)]
    for name in names:
        fill(harbor, name, 1)
    with opened(harbor, tmp_path) as registry:
        assert registry.store.repositories(f"{BASE}/") == tuple(names)
    assert len(asked(harbor)) == 3


def test_a_base_repository_that_was_pushed_by_hand_is_there(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    data = base_repository_manifest().data.replace(b"1970", b"2024")
    harbor.state.push(BASE, None, IMAGE_MANIFEST, data)
    observed = look(harbor, tmp_path, Wanted(repositories=(BASE,)))
    assert observed.repositories.keys() == {at(BASE)}


def test_a_user_s_password_is_not_hashed_for_each_request_to_the_registry(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.add_project("team")
    layer = archive()
    with opened(harbor, tmp_path, writing=True) as registry:
        for number in range(5):
            registry.store.put_blob(HELLO, EMPTY_CONFIG, ignore)
            registry.store.put_blob(HELLO, BytesBlob(layer + bytes([number])), ignore)
    on_data = [each for each in harbor.requests if each.path.startswith("/v2/")]
    assert len(on_data) > 10
    assert {each.login for each in on_data} == {"", "Bearer"}
    assert harbor.hashed() == 2  # a token for the greeting, and one for the repository


def test_a_wrong_password_is_tried_once(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", public=True)
    fill(harbor, HELLO, 1)
    wrong = Account("admin", "not it")
    rounds = Wanted(tags={HELLO: ("1.0.0",), NGINX: ("1.0.0",)}), Wanted(repositories=(TEAM, BASE))
    observed = look(harbor, tmp_path, *rounds, by=wrong)
    dark = only(observed)
    assert dark.scope is UnreadableScope.REGISTRY
    assert dark.hint is not None
    assert dark.hint.endswith(
        "the names of robot accounts hold a `$`, which shells replace inside double quotes"
    )
    assert not observed.artifacts
    assert not observed.absent
    assert harbor.state.refused_logins == 1


def test_a_public_project_is_read_without_a_login(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", public=True)
    fill(harbor, HELLO, 1)
    wanted = Wanted(tags={HELLO: ("1.0.0", "2.0.0")})
    with opened(harbor, tmp_path, auth=Auth(AuthMethod.NONE)) as registry:
        observed = run(registry.reads(wanted))
        assert run(registry.reads(Wanted(repositories=(TEAM,)))).repositories.keys() == {at(TEAM)}
        assert run(registry.reads(Wanted(repositories=("@project/none",)))).absent == {at("@project/none")}
    assert observed.artifacts.keys() == {at(HELLO, "1.0.0")}
    harbor.state.projects["team"].metadata["public"] = "false"
    with opened(harbor, tmp_path, auth=Auth(AuthMethod.NONE)) as registry:
        dark = only(run(registry.reads(wanted)))
    assert "no login was sent" in dark.reason


def test_the_password_that_every_harbor_begins_with_is_warned_of(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.add_project("team")
    wanted = Wanted(repositories=(TEAM,))
    assert look(harbor, tmp_path, wanted).notes == ()
    harbor.state.admin.secret = "Harbor12345"
    [note] = look(harbor, tmp_path, wanted).notes
    assert note.startswith("the password of admin is the one that every Harbor begins with")


def test_a_registry_that_is_no_harbor_is_told(
    harbor: HarborServer, distribution: DistributionServer, tmp_path: Path
) -> None:
    url = distribution.url
    with opened(harbor, tmp_path, endpoint=url, shown_endpoint=url) as registry:
        dark = only(run(registry.reads(Wanted(repositories=(TEAM,)))))
    assert dark.hint == "if that is no Harbor, write `type: basic` (registry.yaml:1:1)"


def test_a_realm_of_another_scheme_is_explained(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.scheme = "https"
    with opened(harbor, tmp_path) as registry:
        dark = only(run(registry.reads(Wanted(tags={HELLO: ("1.0.0",)}))))
    assert "external_url" in (dark.hint or ""), dark


def test_a_project_admin_sees_what_an_administrator_sees(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", limit=1 << 30)
    fill(harbor, HELLO, 2)
    alice = harbor.state.add_account("alice", {"team": PROJECT_ADMIN})
    rounds = Wanted(tags={HELLO: ("1.0.0",)}, beneath=(f"{BASE}/",)), Wanted(repositories=(TEAM,))
    settings: dict[str, Any] = {"public": True, "storageLimit": "2Gi"}
    assert look(harbor, tmp_path, *rounds, by=alice, **settings) == look(
        harbor, tmp_path, *rounds, **settings
    )
