"""Whole runs through a proxy that fails: what passes is waited out, what stays is told and never guessed at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import sound_tags
from tests.support.hand import push_by_hand
from tests.support.proxy import Corrupt, Fault, FaultProxy, Reset, Respond, Stall, Truncate
from tests.support.servers import DistributionServer
from tests.support.team import VERSION, Team

ALWAYS = 1000
HTML = {"Content-Type": "text/html"}
JSON = {"Content-Type": "application/json"}
PAGE = b"<!DOCTYPE html><html><body>Sign in to continue</body></html>"
DENIED = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'

PASSING: dict[str, Fault] = {
    "500": Respond(500),
    "503-page": Respond(503, HTML, PAGE),
    "reset": Reset(),
    "answer-lost": Reset(forwarded=True),
    "stall": Stall(0.2),
}
REFUSALS: dict[str, Fault] = {
    "503": Respond(503),
    "reset": Reset(),
    "bare-404": Respond(404, {"Content-Type": "text/plain"}, b"404 page not found\n"),
    "404-page": Respond(404, HTML, PAGE),
    "200-page": Respond(200, HTML, PAGE),
    "redirect": Respond(302, {"Location": "http://127.0.0.1:9/login"}),
    "denied": Respond(403, JSON, DENIED),
}
SPOILED: dict[str, Fault] = {"truncated": Truncate(10), "wrong-bytes": Corrupt()}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat failed requests at once."""
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)


@pytest.fixture
def proxy(distribution: DistributionServer) -> Iterator[FaultProxy]:
    with FaultProxy(distribution.url) as proxy:
        yield proxy


@pytest.fixture
def team(proxy: FaultProxy, unique_path: str, tmp_path: Path) -> Team:
    """A team that has published nginx and redis, and prunes."""
    team = Team(tmp_path / "team", proxy.url, unique_path, policy={"prune": "managed"})
    team.pack("nginx")
    team.pack("redis")
    assert team.apply().status == 0
    proxy.requests.clear()
    return team


def writes(proxy: FaultProxy) -> list[str]:
    return [f"{each.method} {each.path}" for each in proxy.requests if each.method not in {"GET", "HEAD"}]


@pytest.mark.parametrize("fault", [*PASSING.values(), Truncate(10)], ids=[*PASSING, "truncated"])
def test_reads_that_fail_once_are_done_again(fault: Fault, team: Team, proxy: FaultProxy) -> None:
    reads = ["/nginx/manifests/", "/redis/manifests/", "/nginx/tags/list", "/_catalog"]
    for read in reads if isinstance(fault, Truncate) else ["^/v2/$", *reads]:
        proxy.on("GET", read, fault)
    assert team.is_settled()
    assert len([each for each in proxy.requests if each.fault]) >= len(reads)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_writes_that_fail_once_are_done_again(
    fault: Fault, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    team.pack("kafka")
    team.declare({"packs": "../packs/[nk]*"})
    steps = [
        ("HEAD", "/kafka/manifests/"),
        ("POST", "/kafka/blobs/uploads/"),
        ("PUT", "/kafka/blobs/uploads/"),
        ("PUT", "/kafka/manifests/"),
        ("DELETE", "/redis/manifests/"),
    ]
    for method, path in steps:
        proxy.on(method, path, fault)
    assert team.apply().status == 0
    assert len([each for each in proxy.requests if each.fault]) == len(steps)
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "kafka")
    assert team.is_settled()


def test_a_registry_that_throttles_is_given_its_time(
    team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    busy = Respond(429, {"Retry-After": "1", **JSON}, b'{"errors":[{"code":"TOOMANYREQUESTS"}]}')
    team.pack("kafka")
    for method in ("GET", "PUT"):
        proxy.on(method, "/manifests/", busy)
    assert team.apply().status == 0
    assert [each.fault for each in proxy.requests].count(busy) == 2
    assert len(sound_tags(distribution, team.base)) == 3


def test_a_registry_that_asks_for_too_long_a_wait_is_left_alone(team: Team, proxy: FaultProxy) -> None:
    proxy.on("GET", "/nginx/manifests/", Respond(429, {"Retry-After": "3600"}), times=ALWAYS)
    ran = team.plan()
    assert ran.status == 1
    assert "it asks to wait 3600 s" in ran.out
    assert len([each for each in proxy.requests if each.fault]) == 1


@pytest.mark.parametrize("fault", [*REFUSALS.values(), *SPOILED.values()], ids=[*REFUSALS, *SPOILED])
def test_a_tag_that_cannot_be_read_is_neither_created_nor_deleted(
    fault: Fault, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    before = sound_tags(distribution, team.base)
    team.pack("nginx", values="changed: true\n")
    team.declare({"packs": "../packs/nginx-*"}, {"absent": f"redis:{VERSION}"}, policy={"overwrite": "allow"})
    proxy.on("GET", "/(nginx|redis)/manifests/", fault, times=ALWAYS)

    planned = team.plan("--detailed-exitcode")
    assert planned.status == 1
    for name in ("nginx", "redis"):
        assert f"? {team.name}/{team.repository(name)}" in planned.out
    assert "0 to add, 0 to change, 0 to delete" in planned.out
    assert team.apply().status == 1
    assert writes(proxy) == []
    assert sound_tags(distribution, team.base) == before


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
def test_a_registry_that_cannot_be_read_gains_and_loses_nothing(
    fault: Fault, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    before = sound_tags(distribution, team.base)
    team.pack("kafka")
    team.declare({"packs": "../packs/kafka-*"})
    for method in ("GET", "HEAD"):
        proxy.on(method, "", fault, times=ALWAYS)

    planned = team.plan("--detailed-exitcode")
    assert planned.status == 1
    assert "? team   unreadable" in planned.out
    assert "0 to add, 0 to change, 0 to delete" in planned.out
    assert team.apply().status == 1
    assert writes(proxy) == []
    assert sound_tags(distribution, team.base) == before


@pytest.mark.parametrize("listing", ["/_catalog", "/redis/tags/list"])
@pytest.mark.parametrize("name", ["reset", "bare-404", "200-page", "denied", "truncated"])
def test_what_cannot_be_listed_is_not_pruned(
    name: str, listing: str, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    team.pack("kafka")
    team.declare({"packs": "../packs/[nk]*"})
    proxy.on("GET", listing, (REFUSALS | SPOILED)[name], times=ALWAYS)
    ran = team.apply()
    no_catalogue = listing == "/_catalog" and name in {"bare-404", "denied"}
    assert ran.status == (0 if no_catalogue else 1)
    assert ("prune does not see repositories" in ran.out) == no_catalogue
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis", "kafka")


@pytest.fixture
def by_hand(team: Team, distribution: DistributionServer, tmp_path: Path) -> Path:
    """The archive of kafka as somebody pushed it by hand: only its layer tells what is in it."""
    folder, archive = team.pack("kafka"), tmp_path / f"kafka-{VERSION}.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", folder.parent, folder.name], check=True)
    push_by_hand("1.0.0", distribution.host, team.repository("kafka"), VERSION, archive)
    return archive


@pytest.mark.parametrize("fault", [*PASSING.values(), Truncate(100)], ids=[*PASSING, "truncated"])
def test_a_layer_that_fails_once_is_read_to_its_end(
    fault: Fault, by_hand: Path, team: Team, proxy: FaultProxy
) -> None:
    proxy.on("GET", "/kafka/blobs/", fault)
    assert team.is_settled()
    assert fault in [each.fault for each in proxy.requests]


@pytest.mark.parametrize("fault", [*REFUSALS.values(), Corrupt()], ids=[*REFUSALS, "wrong-bytes"])
def test_a_layer_that_cannot_be_read_is_not_taken_for_other_content(
    fault: Fault, by_hand: Path, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    proxy.on("GET", "/kafka/blobs/", fault, times=ALWAYS)
    team.declare(policy={"overwrite": "allow"})
    ran = team.apply()
    assert ran.status == 1
    assert f"? {team.name}/{team.repository('kafka')}" in ran.out
    assert writes(proxy) == []
    team.declare(endpoint=distribution.url)
    assert team.is_settled()


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
def test_a_push_that_fails_keeps_to_itself_and_is_made_up_for(
    fault: Fault, team: Team, proxy: FaultProxy, distribution: DistributionServer
) -> None:
    steps = {"a": ("POST", "blobs/uploads/"), "b": ("PUT", "blobs/uploads/"), "c": ("PUT", "manifests/")}
    for name, (method, step) in steps.items():
        team.pack(name)
        proxy.on(method, f"/{name}/{step}", fault, times=ALWAYS)
    team.pack("fine")
    ran = team.apply()
    assert ran.status == 1
    assert "Apply incomplete: applied 1, failed 3, skipped 0, refused 0." in ran.out
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis", "fine")

    team.declare(endpoint=distribution.url)
    assert team.apply().status == 0
    assert sound_tags(distribution, team.base).keys() == team.tags("nginx", "redis", "fine", *steps)
    assert team.is_settled()
