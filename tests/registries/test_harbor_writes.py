"""What is written to a live registry of Harbor, and what becomes of refusals."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regsync.model.errors import Conflict, NotFound, PermissionDenied, RegistryError, Unsupported
from regsync.model.plan import Action, Cause, Change, Reason, ResourceType
from regsync.model.reference import Address
from regsync.registries.base import Payload, Wanted
from regsync.registries.image import BytesBlob, pack_manifest
from tests.registries.harbor import opened
from tests.registries.vendor import (
    NAME,
    archive,
    content_of,
    create,
    delete,
    ignore,
    pack,
    run,
    update,
    wanting,
)
from tests.support.harbor import HarborServer
from tests.support.harbor_state import DEVELOPER, MAINTAINER, PROJECT_ADMIN, READING, ROBOT, Account

HELLO = "team/spectro-packs/archive/hello"
ADDRESS = Address(NAME, HELLO, "1.0.0")
GI = 1 << 30


def project(wanted: Mapping[str, Any], before: Mapping[str, Any] | None = None, name: str = "team") -> Change:
    """The change that creates a project, or corrects what the plan saw."""
    action = Action.CREATE if before is None else Action.UPDATE
    address = Address.of_project(NAME, name)
    return Change(
        address,
        ResourceType.PROJECT,
        action,
        Cause.UNKNOWN,
        Reason.MISSING,
        "test",
        before=before,
        after=wanted,
    )


def execute(
    harbor: HarborServer,
    cache: Path,
    change: Change,
    payload: Payload | None = None,
    *,
    by: Account | None = None,
) -> None:
    with opened(harbor, cache, by, writing=True) as registry:
        registry.execute(wanting(change, payload), payload, ignore)


def push(harbor: HarborServer, cache: Path, tag: str = "1.0.0", *, by: Account | None = None) -> None:
    execute(harbor, cache, create(replace(ADDRESS, tag=tag)), pack(), by=by)


def tags(harbor: HarborServer) -> set[str]:
    repository = harbor.state.repository(HELLO)
    return set(repository.tags) if repository else set()


def test_a_project_is_created_as_it_is_written(harbor: HarborServer, tmp_path: Path) -> None:
    execute(harbor, tmp_path, project({"public": True, "storageLimit": "50Gi"}))
    made = harbor.state.projects["team"]
    assert (made.is_public, made.limit) == (True, 50 * GI)


def test_a_project_is_private_and_has_the_common_limit_unless_it_is_written(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.default_limit = 7 * GI
    execute(harbor, tmp_path, project({}))
    made = harbor.state.projects["team"]
    assert (made.is_public, made.limit) == (False, 7 * GI)


def test_a_project_that_somebody_created_meanwhile_is_fine_if_it_is_as_wanted(
    harbor: HarborServer, tmp_path: Path
) -> None:
    harbor.state.add_project("team", public=True)
    execute(harbor, tmp_path, project({"public": True}))
    with pytest.raises(Conflict, match="exists by now, with another public than is wanted"):
        execute(harbor, tmp_path, project({"public": False}))
    assert harbor.state.projects["team"].is_public


def test_a_storage_limit_that_harbor_passes_over_fails_the_change(
    harbor: HarborServer, tmp_path: Path
) -> None:
    alice = harbor.state.add_account("alice")
    with pytest.raises(RegistryError) as caught:
        execute(harbor, tmp_path, project({"storageLimit": "50Gi"}), by=alice)
    assert caught.value.message == (
        f"{NAME}/@project/team: it was created, but with storageLimit unlimited instead of 50Gi"
    )
    assert "system administrators only" in (caught.value.hint or "")
    assert "team" in harbor.state.projects


def test_a_robot_that_cannot_read_what_it_created_says_so(harbor: HarborServer, tmp_path: Path) -> None:
    robot = harbor.state.add_account("robot$ops", {"*": ROBOT}, system=["project:create"])
    execute(harbor, tmp_path, project({}), by=robot)
    with pytest.raises(PermissionDenied, match="it was created, but what came of it cannot be read"):
        execute(harbor, tmp_path, project({"public": False}, name="other"), by=robot)
    reader = harbor.state.add_account("robot$more", {"*": DEVELOPER}, system=["project:create"])
    execute(harbor, tmp_path, project({"public": False}, name="third"), by=reader)
    assert {"team", "other", "third"} <= harbor.state.projects.keys()


@pytest.mark.parametrize("name", ["alice", "robot$team+ci"])
def test_who_may_not_create_projects_is_told_who_may(harbor: HarborServer, tmp_path: Path, name: str) -> None:
    harbor.state.everyone_creates = False
    account = harbor.state.add_account(name)
    with pytest.raises(PermissionDenied) as caught:
        execute(harbor, tmp_path, project({}), by=account)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("have somebody create it who may, or log in as a system robot")
    assert "team" not in harbor.state.projects


def test_what_differs_is_corrected_and_nothing_else_is_touched(harbor: HarborServer, tmp_path: Path) -> None:
    team = harbor.state.add_project("team", public=True, limit=GI)
    team.metadata |= {"auto_scan": "true", "severity": "high"}
    execute(
        harbor,
        tmp_path,
        project({"public": False, "storageLimit": "2Gi"}, {"public": True, "storageLimit": "1Gi"}),
    )
    assert team.metadata == {"public": "false", "auto_scan": "true", "severity": "high"}
    assert team.limit == 2 * GI
    written = [each for each in harbor.requests if each.method not in {"GET", "HEAD"}]
    assert [each.path.partition("/v2.0")[2] for each in written] == [
        "/projects/team/metadatas/public",
        f"/quotas/{100 + team.number}",
    ]


def test_a_project_that_moved_since_the_plan_is_left_alone(harbor: HarborServer, tmp_path: Path) -> None:
    team = harbor.state.add_project("team", limit=3 * GI)
    with pytest.raises(Conflict, match="is not what the plan saw: its storageLimit changed"):
        execute(harbor, tmp_path, project({"storageLimit": "2Gi"}, {"storageLimit": "1Gi"}))
    assert team.limit == 3 * GI


def test_a_project_that_was_put_right_meanwhile_costs_no_write(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", limit=2 * GI)
    execute(harbor, tmp_path, project({"storageLimit": "2Gi"}, {"storageLimit": "1Gi"}))
    assert {each.method for each in harbor.requests} <= {"GET", "HEAD"}


def test_a_limit_that_only_administrators_set_names_what_was_done_before(
    harbor: HarborServer, tmp_path: Path
) -> None:
    team = harbor.state.add_project("team", public=True, limit=GI)
    alice = harbor.state.add_account("alice", {"team": PROJECT_ADMIN})
    change = project({"public": False, "storageLimit": "2Gi"}, {"public": True, "storageLimit": "1Gi"})
    with pytest.raises(PermissionDenied, match="its public was set, its storageLimit not: ") as caught:
        execute(harbor, tmp_path, change, by=alice)
    assert caught.value.hint == "only system administrators of Harbor may change storage limits"
    assert (team.is_public, team.limit) == (False, GI)


def test_a_project_is_opened_and_closed_by_those_who_may(harbor: HarborServer, tmp_path: Path) -> None:
    team = harbor.state.add_project("team")
    developer = harbor.state.add_account("dev", {"team": DEVELOPER})
    change = project({"public": True}, {"public": False})
    with pytest.raises(PermissionDenied) as caught:
        execute(harbor, tmp_path, change, by=developer)
    assert caught.value.hint == (
        "for project team the login needs the role maintainer, or as a robot account metadata:update"
    )
    execute(harbor, tmp_path, change, by=harbor.state.add_account("eve", {"team": MAINTAINER}))
    assert team.is_public


def test_a_project_cannot_be_deleted(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    with pytest.raises(RegistryError, match="cannot delete an object of type project"):
        execute(harbor, tmp_path, replace(project({}, {}), action=Action.DELETE))
    assert "team" in harbor.state.projects


def test_a_push_into_a_project_that_is_gone_says_so(harbor: HarborServer, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        push(harbor, tmp_path)
    assert caught.value.message.endswith("project team not found: project team not found")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("create the project team, or let regsync do so")


@pytest.mark.parametrize("rights", [ROBOT, DEVELOPER, MAINTAINER], ids=["robot", "developer", "maintainer"])
def test_whoever_may_push_pushes(harbor: HarborServer, tmp_path: Path, rights: frozenset[str]) -> None:
    harbor.state.add_project("team")
    push(harbor, tmp_path, by=harbor.state.add_account("robot$team+ci", {"team": rights}))
    assert tags(harbor) == {"1.0.0"}


def test_a_login_that_is_right_but_may_not_push_is_told_apart(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    reader = harbor.state.add_account("eve", {"team": READING})
    with pytest.raises(PermissionDenied) as caught:
        push(harbor, tmp_path, by=reader)
    assert caught.value.hint == (
        "the login may not push to project team: it needs the role developer, or as a robot account repository:push"
    )
    assert harbor.state.refused_logins == 0


def test_a_full_project_is_told_as_one(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team", limit=2000)
    layer = archive({"model.bin": os.urandom(4096)})
    large = replace(pack(), layer=BytesBlob(layer), content=content_of(layer))
    with pytest.raises(RegistryError, match=r"will exceed the configured upper limit of 2\.0 KiB") as caught:
        execute(harbor, tmp_path, create(ADDRESS), large)
    assert not isinstance(caught.value, PermissionDenied)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(
        "project team is full: raise its storage limit (project.storageLimit, "
    )
    assert tags(harbor) == set()


def test_harbor_in_read_only_mode_is_told_as_such(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    harbor.read_only = True
    for change, payload in ((create(ADDRESS), pack()), (project({}, name="other"), None)):
        with pytest.raises(Unsupported) as caught:
            execute(harbor, tmp_path, change, payload)
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("an administrator has set this Harbor to read-only")


def test_a_proxy_cache_takes_no_packs(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team").registry = 1
    with pytest.raises(Unsupported) as caught:
        push(harbor, tmp_path)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("project team is a proxy cache of another registry")


def test_a_tag_that_a_rule_keeps_is_neither_moved_nor_deleted(harbor: HarborServer, tmp_path: Path) -> None:
    team = harbor.state.add_project("team")
    push(harbor, tmp_path)
    with opened(harbor, tmp_path) as registry:
        live = run(registry.reads(Wanted(tags={HELLO: ("1.0.0",)}))).artifacts[ADDRESS]
    team.rules = ("1.*",)
    for change, payload in ((update(live), pack("replicas: 2\n")), (delete(live), None)):
        with pytest.raises(Conflict, match="immutable") as caught:
            execute(harbor, tmp_path, change, payload)
        assert caught.value.hint == (
            "a rule of project team keeps the tag as it is: give a changed pack a new version, or change the rule"
        )
    push(harbor, tmp_path)  # equal content is there already, whatever the rule says
    assert tags(harbor) == {"1.0.0"}


def test_a_delete_takes_one_tag_and_leaves_the_artifact(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    for tag in ("1.0.0", "latest"):
        push(harbor, tmp_path, tag)
    with opened(harbor, tmp_path, writing=True) as registry:
        [live, _] = run(registry.reads(Wanted(tags={HELLO: ("1.0.0", "latest")}))).artifacts.values()
        assert set(live.tags) == {"1.0.0", "latest"}
    execute(harbor, tmp_path, delete(replace(live, address=ADDRESS)))
    assert tags(harbor) == {"latest"}
    repository = harbor.state.repository(HELLO)
    assert repository is not None
    assert repository.artifacts.keys() == {pack_manifest(pack()).digest}


def test_a_tag_that_moves_while_it_is_deleted_stays(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    push(harbor, tmp_path)
    push(harbor, tmp_path, "moved")
    other = pack("replicas: 2\n")
    execute(harbor, tmp_path, create(replace(ADDRESS, tag="other")), other)
    repository = harbor.state.repository(HELLO)
    assert repository is not None
    with opened(harbor, tmp_path, writing=True) as registry:
        digest = repository.tags["moved"]
        repository.tags["moved"] = repository.tags["other"]
        with pytest.raises(Conflict, match=f"moved from {digest} to {repository.tags['other']}"):
            registry.store.delete_tag(HELLO, "moved", digest)
        registry.store.delete_tag(HELLO, "gone", digest)
    assert tags(harbor) == {"1.0.0", "moved", "other"}


def test_who_may_not_untag_deletes_what_has_no_other_tag(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    robot = harbor.state.add_account("robot$team+ci", {"team": ROBOT | {"repository:delete"}})
    for tag in ("1.0.0", "latest"):
        push(harbor, tmp_path, tag)
    digest = pack_manifest(pack()).digest
    with opened(harbor, tmp_path, robot, writing=True) as registry:
        with pytest.raises(Conflict, match="cannot be deleted alone"):
            registry.store.delete_tag(HELLO, "1.0.0", digest)
        assert tags(harbor) == {"1.0.0", "latest"}
        repository = harbor.state.repository(HELLO)
        assert repository is not None
        del repository.tags["latest"]
        registry.store.delete_tag(HELLO, "1.0.0", digest)
    assert tags(harbor) == set()


def test_who_may_not_delete_at_all_is_told_what_is_missing(harbor: HarborServer, tmp_path: Path) -> None:
    harbor.state.add_project("team")
    push(harbor, tmp_path)
    developer = harbor.state.add_account("dev", {"team": DEVELOPER})
    with (
        opened(harbor, tmp_path, developer, writing=True) as registry,
        pytest.raises(PermissionDenied) as caught,
    ):
        registry.store.delete_tag(HELLO, "1.0.0", pack_manifest(pack()).digest)
    assert caught.value.hint == (
        "the login may not delete in project team: it needs the role maintainer, or as a robot account tag:delete"
    )
    assert tags(harbor) == {"1.0.0"}


def test_no_session_is_kept_with_harbor(harbor: HarborServer, tmp_path: Path) -> None:
    """Every answer sets a cookie; a write that brings it back is refused for want of a CSRF token."""
    execute(harbor, tmp_path, project({"public": False}))
    push(harbor, tmp_path)
    assert {each.status for each in harbor.requests} <= {200, 201, 202, 401, 404}
