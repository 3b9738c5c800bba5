"""The CronJob for Kubernetes: its script, run by sh as the container runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tests.support.forge import Forge
from tests.support.loopback import Handler, LoopbackServer
from tests.support.servers import DistributionServer
from tests.support.team import Team
from tests.support.workflows import shell, stand_ins

FILE = Path(__file__).resolve().parents[2] / "examples/ci/kubernetes/cronjob.yaml"


class Pushgateway(LoopbackServer):
    """Keeps what is pushed, by path."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed: dict[str, str] = {}

    def handle(self, request: Handler) -> None:
        assert request.command == "POST"
        self.pushed[request.path] = b"".join(request.body()).decode()
        request.answer(200, [], b"")

    def value(self, mode: str, metric: str) -> float:
        """The sum of a metric's samples, as Prometheus reads them."""
        families = text_string_to_metric_families(self.pushed[f"/metrics/job/regsync/mode/{mode}"])
        return sum(each.value for family in families for each in family.samples if each.name == metric)


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    with Pushgateway() as gateway:
        yield gateway


@pytest.fixture
def team(distribution: DistributionServer, unique_path: str, tmp_path: Path) -> Team:
    team = Team(tmp_path / "team", distribution.url, unique_path)
    team.pack("nginx")
    return team


@pytest.fixture
def forge(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forge:
    return Forge(team, tmp_path / "checkouts", monkeypatch)


def test_nights_that_plan_and_one_that_heals(
    team: Team, forge: Forge, gateway: Pushgateway, tmp_path: Path
) -> None:
    [script] = [
        each["data"]["nightly.sh"] for each in YAML(typ="safe").load_all(FILE) if each["kind"] == "ConfigMap"
    ]
    state = tmp_path / "state"
    state.mkdir()
    programs = stand_ins(tmp_path / "bin")

    def night(mode: str) -> CompletedProcess[str]:
        variables = {
            "MODE": mode,
            "CHECKOUT": str(forge.check_out_main()),
            "STATE": str(state),
            "REGSYNC_ALLOW_HOSTS": "127.0.0.1",
            "PUSHGATEWAY_URL": gateway.url,
        }
        return shell(["sh"], script, cwd=tmp_path, programs=programs, variables=variables)

    assert night("plan").returncode == 0
    assert gateway.value("plan", "regsync_changes") > 0
    again = night("plan")
    assert "Since then: 0 new, 0 altered, 0 resolved." in again.stdout
    assert night("apply").returncode == 0
    assert team.is_settled()
    healed = night("plan")
    assert "0 new, 0 altered" in healed.stdout
    assert gateway.value("plan", "regsync_changes") == 0
    assert gateway.value("plan", "regsync_registry_reachable") == 1

    team.declare(endpoint="http://127.0.0.1:1")
    forge.commit()
    dark = night("plan")
    assert (dark.returncode, "Since then" in dark.stdout) == (1, False)
    assert gateway.value("plan", "regsync_registry_reachable") == 0
    assert gateway.value("plan", "regsync_last_success_timestamp_seconds") > 0
    team.declare()
    forge.commit()
    assert "0 new, 0 altered, 0 resolved" in night("plan").stdout  # since the night before the outage
