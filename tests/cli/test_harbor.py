"""The program and a Harbor: projects made ready, packs pushed into them, and every refusal told as what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Ran
from tests.support.clients import call, files_of, unpacked
from tests.support.harbor import HarborServer
from tests.support.harbor_state import DEVELOPER, MAINTAINER, READING, ROBOT, Account
from tests.support.team import Team

PROJECT = "harbor-prod/@project/team"
BASE = "team/spectro-packs/archive"
VARIABLE = "HARBOR_PASSWORD"
FILE = "plan.json"


class Port(Team):
    """A team whose registry is a Harbor, where it logs in as its administrator or as somebody else."""

    def __init__(self, root: Path, harbor: HarborServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.harbor = harbor
        self._monkeypatch = monkeypatch
        super().__init__(root, harbor.url, "team", name="harbor-prod", type="harbor")
        self.as_account(harbor.state.admin)

    def as_account(self, account: Account, *content: dict[str, Any], **spec: Any) -> None:
        """Declare the registry with the login of an account."""
        self._monkeypatch.setenv(VARIABLE, account.secret)
        login = {"method": "basic", "username": account.name, "password": {"env": VARIABLE}}
        self._spec["auth"] = login
        self.declare(*content, **spec)

    def live_tags(self) -> set[str]:
        """All tags of the project."""
        project = self.harbor.state.projects.get("team")
        found = project.repositories.items() if project else ()
        return {f"team/{name}:{tag}" for name, repository in found for tag in repository.tags}


@pytest.fixture
def port(harbor: HarborServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Port:
    return Port(tmp_path / "team", harbor, monkeypatch)


def marked(ran: Ran) -> dict[str, str]:
    """What an output says of each object: marker and verb by address."""
    words = (each.split() for each in ran.out.splitlines() if each[:1] in tuple("+~-!x.?="))
    return {each[1]: f"{each[0]} {each[2]}" for each in words if len(each) > 2}


def test_a_harbor_without_the_project_is_made_ready_and_filled(port: Port, tmp_path: Path) -> None:
    packs = [port.pack("nginx"), port.pack("kafka")]
    port.declare(project={"public": False, "storageLimit": "50Gi"})
    planned = port.plan("--detailed-exitcode")
    assert planned.status == 2
    assert marked(planned) == {
        PROJECT: "+ create",
        f"harbor-prod/{BASE}": "+ create",
        port.address("nginx"): "+ create",
        port.address("kafka"): "+ create",
    }
    assert {each.method for each in port.harbor.requests} <= {"GET", "HEAD"}

    assert port.apply().status == 0
    project = port.harbor.state.projects["team"]
    assert (project.is_public, project.limit) == (False, 50 << 30)
    assert port.live_tags() == port.tags("nginx", "kafka")
    assert port.is_settled()

    robot = port.harbor.state.add_account("robot$team+palette", {"team": ROBOT})
    for folder, name in zip(packs, ("nginx", "kafka"), strict=True):
        pull(port.harbor, robot, port.tag(name), tmp_path / name)
        [archive] = (tmp_path / name).iterdir()
        assert files_of(unpacked(archive)) == files_of(folder)


def pull(harbor: HarborServer, account: Account, reference: str, to: Path) -> None:
    """With regctl, which trades the login for tokens, too."""
    to.mkdir()
    host = f"reg={harbor.host},user={account.name},pass={account.secret},tls=disabled"
    call("regctl", "--host", host, "artifact", "get", f"{harbor.host}/{reference}", "--output", to)


def test_a_plan_of_many_packs_asks_once_per_repository(port: Port) -> None:
    for name in ("nginx", "kafka", "redis"):
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            port.pack(name, version)
    assert port.apply().status == 0
    port.harbor.requests.clear()
    assert port.is_settled()
    api = [each for each in port.harbor.requests if each.path.startswith("/api/")]
    assert len(api) == 3 + 1  # the lists, and whether the project is there
    assert not [each for each in port.harbor.requests if "/manifests/" in each.path]


def test_what_somebody_changed_in_a_project_is_shown_and_healed(port: Port) -> None:
    port.declare(project={"public": False, "storageLimit": "50Gi"})
    port.pack()
    assert port.apply().status == 0
    project = port.harbor.state.projects["team"]
    project.metadata |= {"public": "true", "auto_scan": "true"}
    project.limit = -1
    planned = port.plan()
    assert marked(planned) == {PROJECT: "~ update"}
    assert "public and storageLimit differ" in planned.out
    assert "public   true → false" in planned.out
    assert "storageLimit   unlimited → 50Gi" in planned.out
    assert port.apply().status == 0
    assert (project.metadata, project.limit) == ({"public": "false", "auto_scan": "true"}, 50 << 30)
    assert port.is_settled()


def test_what_is_not_written_of_a_project_is_left_alone(port: Port) -> None:
    port.harbor.state.add_project("team", public=True, limit=1 << 30)
    port.pack()
    assert port.apply().status == 0
    project = port.harbor.state.projects["team"]
    assert (project.is_public, project.limit) == (True, 1 << 30)


def test_a_project_that_others_are_to_create(port: Port) -> None:
    port.pack()
    port.declare(project={"create": False})
    ran = port.apply()
    assert ran.status == 4
    assert marked(ran)[PROJECT] == "! blocked"
    assert "project.create: false leaves it to others" in ran.out
    assert "team" not in port.harbor.state.projects
    port.harbor.state.add_project("team")
    assert port.apply().status == 0
    assert port.is_settled()


def test_a_target_brings_the_project_along(port: Port) -> None:
    port.pack("nginx")
    port.pack("kafka")
    assert port.apply("--target", "*/nginx:*").status == 0
    assert port.live_tags() == port.tags("nginx")
    assert marked(port.plan("--target", PROJECT)) == {}


def test_an_approval_holds_for_the_project_too(port: Port) -> None:
    port.pack()
    port.declare(project={"public": False})
    assert port.plan("--out", FILE).status == 0
    saved = json.loads((port.root / FILE).read_text())
    assert {each["type"] for each in saved["resource_changes"]} == {"project", "repository", "artifact"}
    port.declare(project={"public": True})
    refused = port.run("apply", FILE)
    assert refused.status == 4
    assert "public: expected false, found true" in refused.out
    assert "team" not in port.harbor.state.projects

    port.declare(project={"public": False})
    assert port.run("apply", FILE).status == 0
    again = port.run("apply", FILE)
    assert (again.status, marked(again)[PROJECT]) == (0, "= already")


def test_who_may_not_create_projects_gets_nothing_half_done(port: Port) -> None:
    port.pack()
    port.harbor.state.everyone_creates = False
    port.as_account(port.harbor.state.add_account("alice"))
    ran = port.apply()
    assert ran.status == 1
    assert marked(ran) == {
        PROJECT: "x create",
        f"harbor-prod/{BASE}": ". create",
        port.address("nginx"): ". create",
    }
    assert "Only system admin can create project" in ran.out
    assert "help: have somebody create it who may" in ran.out


def test_a_limit_that_harbor_passed_over_is_found(port: Port) -> None:
    port.pack()
    port.as_account(port.harbor.state.add_account("alice"), project={"storageLimit": "50Gi"})
    ran = port.apply()
    assert ran.status == 1
    assert "it was created, but with storageLimit unlimited instead of 50Gi" in ran.out
    assert marked(ran)[port.address("nginx")] == ". create"


@pytest.mark.parametrize("rights", [ROBOT, DEVELOPER], ids=["push and pull", "developer"])
def test_a_robot_account_fills_the_project_that_it_was_made_for(port: Port, rights: frozenset[str]) -> None:
    port.harbor.state.add_project("team")
    port.pack("nginx")
    port.pack("kafka")
    port.as_account(port.harbor.state.add_account("robot$team+ci", {"team": rights}))
    assert port.apply().status == 0
    assert port.live_tags() == port.tags("nginx", "kafka")
    assert port.is_settled()


def test_who_may_read_but_not_push_is_told_so(port: Port) -> None:
    port.harbor.state.add_project("team")
    port.pack()
    port.as_account(port.harbor.state.add_account("eve", {"team": READING}))
    ran = port.apply()
    assert ran.status == 1
    assert "help: the login may not push to project team: it needs the role developer" in ran.out


def test_a_wrong_password_reads_and_writes_nothing(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    port.harbor.state.add_project("team", public=True)
    port.pack()
    monkeypatch.setenv(VARIABLE, "not-the-one")
    ran = port.apply()
    assert ran.status == 1
    assert marked(ran) == {"harbor-prod": "? unreadable"}
    assert port.harbor.state.refused_logins == 1
    assert "not-the-one" not in ran.out + ran.err


def test_a_full_project_holds_what_went_in_before(port: Port) -> None:
    port.harbor.state.add_project("team", limit=3000)
    for name in ("kafka", "nginx", "redis"):
        port.pack(name)
    ran = port.apply()
    assert ran.status == 1
    assert "help: project team is full: raise its storage limit (project.storageLimit, " in ran.out
    assert port.live_tags() < port.tags("kafka", "nginx", "redis")
    port.harbor.state.projects["team"].limit = -1
    assert port.apply().status == 0
    assert port.live_tags() == port.tags("kafka", "nginx", "redis")


def test_a_tag_that_a_rule_keeps_is_blocked_in_the_plan(port: Port) -> None:
    port.pack()
    port.declare(policy={"overwrite": "allow"})
    assert port.apply().status == 0
    port.harbor.state.projects["team"].rules = ("**",)
    assert port.is_settled()
    port.pack(values="pack: {content: {images: []}}\nmanifests: {nginx: {replicas: 2}}\n")
    planned = port.plan()
    assert marked(planned) == {port.address("nginx"): "! blocked"}
    assert "a rule in the registry keeps everyone from moving this tag" in planned.out
    assert port.apply().status == 4


def test_a_rule_that_a_robot_cannot_see_refuses_the_push(port: Port) -> None:
    port.harbor.state.add_project("team")
    port.pack()
    port.as_account(
        port.harbor.state.add_account("robot$team+ci", {"team": ROBOT}), policy={"overwrite": "allow"}
    )
    assert port.apply().status == 0
    port.harbor.state.projects["team"].rules = ("**",)
    port.pack(values="pack: {content: {images: []}}\nmanifests: {nginx: {replicas: 2}}\n")
    ran = port.apply()
    assert ran.status == 4
    assert "help: a rule of project team keeps the tag as it is" in ran.out


def test_prune_takes_one_tag_and_leaves_its_sibling(port: Port) -> None:
    port.pack("nginx")
    port.pack("kafka")
    port.declare(policy={"prune": "managed"})
    assert port.apply().status == 0
    repository = port.harbor.state.repository(port.repository("kafka"))
    assert repository is not None
    repository.tags["latest"] = repository.tags["1.25.0"]
    port.as_account(
        port.harbor.state.add_account("eve", {"team": MAINTAINER}),
        {"packs": "../packs/nginx*"},
        policy={"prune": "managed"},
    )
    assert marked(port.plan()) == {port.address("kafka"): "- delete"}
    assert port.apply().status == 0
    assert port.live_tags() == {*port.tags("nginx"), port.tag("kafka", "latest")}
    assert port.is_settled()


def test_two_documents_share_a_project(port: Port) -> None:
    port.pack()
    text = (port.root / "registries/team.yaml").read_text()
    other = text.replace("name: harbor-prod", "name: edge").replace('["team"]', '["team/edge"]')
    port.write("registries/edge.yaml", other)
    assert port.apply().status == 0
    assert len(port.live_tags()) == 2
    assert port.is_settled()


def test_the_password_that_every_harbor_begins_with_is_warned_of(port: Port) -> None:
    port.pack()
    port.harbor.state.admin.secret = "Harbor12345"
    port.as_account(port.harbor.state.admin)
    said = port.plan().out
    assert said.count("the password of admin is the one that every Harbor begins with") == 1
    assert "Harbor12345" not in said


def test_check_says_whether_a_harbor_lets_us_in(port: Port) -> None:
    port.pack()
    ran = port.run("registries", "check")
    assert (ran.status, ran.out[:2]) == (0, "ok")
    port.harbor.state.add_project("team")
    port.as_account(port.harbor.state.add_account("bob"))
    ran = port.run("registries", "check")
    assert ran.status == 1
    assert "the login may not read in project team" in ran.out
