"""Two applies to one registry in the same moment: both end in an orderly way, and nothing is lost."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.support.audit import sound_tags
from tests.support.program import running
from tests.support.servers import DistributionServer
from tests.support.team import Team
from tests.support.watch import WatchingProxy

NAMES = ("kafka", "nginx", "redis", "vault")
APPLY = ("apply", "--auto-approve", "--parallelism", "1")


def a_team(root: Path, endpoint: str, base: str, *names: str, **spec: Any) -> Team:
    team = Team(root, endpoint, base, **spec)
    for name in names:
        team.pack(name)
    return team


def at_once(proxy: WatchingProxy, *teams: Team) -> list[int]:
    """Apply as all teams in processes of their own, none of which begins to write before all have planned; return their exit
    statuses."""
    firsts = [proxy.hold("POST", "/blobs/uploads/") for _ in teams]
    with ExitStack() as life:
        processes: list[Popen[str]] = [life.enter_context(running(*APPLY, cwd=each.root)) for each in teams]
        for first in firsts:
            first.await_arrival()
        for first in firsts:
            first.let_go()
        said = [each.communicate() for each in processes]
    assert not any("Traceback" in err for _, err in said)
    return [each.returncode for each in processes]


def test_the_same_manifest_applied_twice_at_once(
    distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    with WatchingProxy(distribution.url) as proxy:
        one, two = (a_team(tmp_path / name, proxy.url, unique_path, *NAMES) for name in ("one", "two"))
        # Whoever comes second to a tag finds it as it wants it; or, between its look and its write, pushes the same again.
        assert at_once(proxy, one, two) == [0, 0]
        assert sound_tags(distribution, unique_path).keys() == one.tags(*NAMES)
        assert one.is_settled()
        assert two.is_settled()


def test_manifests_of_different_packs_applied_at_once(
    distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    with WatchingProxy(distribution.url) as proxy:
        one = a_team(tmp_path / "one", proxy.url, unique_path, *NAMES[:3], name="one")
        two = a_team(tmp_path / "two", proxy.url, unique_path, *NAMES[1:], name="two")
        assert at_once(proxy, one, two) == [0, 0]
        assert sound_tags(distribution, unique_path).keys() == one.tags(*NAMES)
        assert one.is_settled()
        assert two.is_settled()


@pytest.mark.parametrize("prune", ["off", "managed"])
def test_pruning_beside_another_apply_takes_nothing_of_it(
    prune: str, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    with WatchingProxy(distribution.url) as proxy:
        policy = {"prune": prune}
        one = a_team(tmp_path / "one", proxy.url, unique_path, "kafka", "nginx", name="one", policy=policy)
        two = a_team(tmp_path / "two", proxy.url, unique_path, "redis", "vault", name="two", policy=policy)
        assert at_once(proxy, one, two) == [0, 0]
        assert sound_tags(distribution, unique_path).keys() == one.tags(*NAMES)
        assert one.is_settled()
        assert two.is_settled()


def test_two_contents_for_one_tag_at_once(
    distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    with WatchingProxy(distribution.url) as proxy:
        one = a_team(tmp_path / "one", proxy.url, unique_path, "kafka")
        two = a_team(tmp_path / "two", proxy.url, unique_path, "kafka")
        one.pack("nginx", values="replicas: 1\n")
        two.pack("nginx", values="replicas: 3\n")
        statuses = at_once(proxy, one, two)
        tags = sound_tags(distribution, unique_path)
        assert tags.keys() == one.tags("kafka", "nginx")
        # One of them has won. The other was told so, or its plan tells it now: nobody goes on in the belief of having won.
        assert set(statuses) <= {0, 1, 4}
        assert sorted(each.is_settled() for each in (one, two)) == [False, True]
        loser = two if one.is_settled() else one
        assert loser.plan().status == 4
        assert sound_tags(distribution, unique_path) == tags
