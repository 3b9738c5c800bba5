"""What every test runs in (a scrubbed environment, loopback only) and the real servers that tests share."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.acr import AcrFront
from tests.support.aws import Aws, AwsFront
from tests.support.browser import Browser
from tests.support.entra import Entra
from tests.support.golden import hold_against
from tests.support.harbor import HarborServer
from tests.support.ministack import MinistackServer
from tests.support.palette import PaletteServer
from tests.support.palette_lister import RealLister
from tests.support.palette_prism import PrismServer
from tests.support.servers import IN_CI, NEEDS, DistributionServer

DATA = Path(__file__).parent / "data"
# No deadlines: what is slow on a busy machine is not wrong. CI draws the same examples every time.
settings.register_profile(
    "regsync", deadline=None, derandomize=IN_CI, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("regsync")

KEPT = ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHON", "PYTEST_", "REGSYNC_TEST_")
LOOPBACK = ("127.", "localhost", "::1")
REAL_PARTS = frozenset({"browser", "distribution", "distribution_tls", "ministack", "prism", "corpus"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs no real part first: it is fast, and it names a defect best."""
    items.sort(key=lambda item: not REAL_PARTS.isdisjoint(getattr(item, "fixturenames", ())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which real parts were missing, so that a green run never hides what it did not show."""
    reasons = (report.longrepr[2] for report in terminalreporter.getreports("skipped"))
    missing = Counter(reason for reason in reasons if reason.startswith(f"Skipped: {NEEDS}"))
    if missing:
        terminalreporter.section("not shown, for want of real parts")
        for reason, count in sorted(missing.items()):
            terminalreporter.line(f"{count} x {reason}")


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""

    def check(address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(
                f"a test tried to connect to {address[0]}:{address[1]}; tests stay on loopback"
            )

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: socket.socket, address: Any) -> Any:
            check(address)
            return connect(self, address)

        return checked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave nothing of the caller's settings, credentials, proxies, CI or terminal to the test."""
    for name in os.environ:
        if not name.startswith(KEPT):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return the headless browser that all tests share; open a `Page` of your own."""
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributionServer]:
    """Return the anonymous plain-HTTP registry server that all tests share; keep to your `unique_path` there."""
    with DistributionServer(tmp_path_factory.mktemp("distribution")) as server:
        yield server


@pytest.fixture(scope="session")
def distribution_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DistributionServer]:
    """Return the shared registry server with a login, over TLS from a private authority."""
    with DistributionServer(tmp_path_factory.mktemp("distribution-tls"), login=True, tls=True) as server:
        yield server


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackServer]:
    """Return the server of ECR and STS that all tests share; `aws` stands in front of it and is stricter."""
    with MinistackServer(tmp_path_factory.mktemp("ministack")) as server:
        yield server


@pytest.fixture
def aws(
    ministack: MinistackServer,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Aws]:
    """Return an AWS account that no other test uses; the environment has its key, and where AWS answers."""
    folder = tmp_path_factory.mktemp("aws")
    with AwsFront(ministack) as front, closing(Aws(front, ministack, folder)) as account:
        for name, value in account.environment.items():
            monkeypatch.setenv(name, value)
        yield account


@pytest.fixture
def acr(distribution: DistributionServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AcrFront]:
    """Return a registry of Azure and Entra beside it; keep to your `unique_path` there."""
    with (
        Entra() as entra,
        AcrFront(distribution.url, entra, tmp_path_factory.mktemp("acr")) as front,
    ):
        yield front


@pytest.fixture
def harbor(distribution: DistributionServer) -> Iterator[HarborServer]:
    """Return a Harbor that no other test uses, with an administrator and the public project `library`."""
    with HarborServer(distribution) as server:
        yield server


@pytest.fixture
def palette() -> Iterator[PaletteServer]:
    """Return a Palette that no other test uses, which really lists the registries on loopback that it is told of.

    At the end the test fails if anything was sent that is not in the description of Palette's API.
    """
    with PaletteServer(RealLister()) as server:
        yield server


@pytest.fixture(scope="session")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrismServer]:
    """Return the judge of requests to Palette that no one here wrote."""
    with PrismServer(tmp_path_factory.mktemp("prism")) as server:
        yield server


@pytest.fixture
def unique_path() -> str:
    """Return a repository prefix that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of real packs, one folder each, from $REGSYNC_TEST_CORPUS; copy before you change any."""
    given = os.environ.get("REGSYNC_TEST_CORPUS")
    if not given:
        pytest.skip(f"{NEEDS}a corpus of real packs (REGSYNC_TEST_CORPUS)")
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run(["tar", "-xzf", Path(given) / "packs.tar.gz", "-C", folder], check=True)
    return folder / "packs"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a function `golden(name, text)` that holds a text against tests/data/golden/NAME, .txt unless it has an
    extension."""
    update = bool(request.config.getoption("--update-golden"))

    def hold(name: str, text: str) -> None:
        path = DATA / "golden" / name
        hold_against(path if path.suffix else path.with_suffix(".txt"), text, update=update)

    return hold
