from __future__ import annotations

import hashlib
import ssl
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme

from regsync.content.chart import read_chart
from regsync.model.errors import (
    AuthenticationFailed,
    NotARegistry,
    NotFound,
    ProtocolError,
    RegistryError,
    Unreachable,
)
from regsync.model.upstream import Pin
from regsync.sources import chart_repository
from regsync.sources.base import Means, Offer
from regsync.sources.chart_repository import ChartRepository
from tests.sources.rig import LOGIN, asked, means, trusting
from tests.support.charts import helm_package, make_chart
from tests.support.scripted import Answer
from tests.support.servers import PASSWORD
from tests.support.shelf import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Shelf(tmp_path / "shelf") as shelf:
        shelf.folder.mkdir()
        yield shelf


class Opener(Protocol):
    def __call__(self, shelf: Shelf, given: Means | None = None, **fields: Any) -> ChartRepository: ...


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens a shelf as a manifest would name it, and closes it in the end."""
    with ExitStack() as exits:

        def open_one(shelf: Shelf, given: Means | None = None, **fields: Any) -> ChartRepository:
            asked_for = asked(**{"repository": shelf.url, **fields})
            repository = ChartRepository(asked_for, {"web"}, given or means(tmp_path))
            exits.callback(repository.close)
            return repository

        yield open_one


def offer(repository: ChartRepository, version: str) -> Offer:
    return next(each for each in repository.offers("web", "*") if each.version == version)


def test_charts_are_listed_and_fetched_as_helm_packed_them(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0", "1.1.0+build.2")
    repository = opened(shelf)
    assert sorted(each.version for each in repository.offers("web", "*")) == ["1.0.0", "1.1.0+build.2"]

    found = repository.fetch("web", offer(repository, "1.1.0+build.2"))

    archive = shelf.folder / "web-1.1.0+build.2.tgz"
    assert found.archive.read() == archive.read_bytes()
    chart = read_chart(archive, "web").chart
    assert chart is not None
    assert found.pin == Pin(
        "1.1.0+build.2",
        f"{shelf.url}/web-1.1.0+build.2.tgz",
        f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
        chart.content.digest,
        archive.stat().st_size,
    )
    assert found.config == chart.config
    assert shelf.asked.count("/index.yaml") == 1


def test_the_age_of_a_version_is_what_the_index_says(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    repository = opened(shelf)
    created = repository.created("web", offer(repository, "1.0.0"))
    assert created is not None
    assert abs((datetime.now(UTC) - created).total_seconds()) < 600


def test_what_was_pinned_comes_from_the_cache_without_a_request(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    first = opened(shelf)
    pin = first.fetch("web", offer(first, "1.0.0")).pin
    shelf.requests.clear()
    assert opened(shelf).fetch_pinned("web", pin).pin == pin
    assert shelf.requests == []


def test_a_damaged_cache_is_fetched_anew(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    first = opened(shelf)
    found = first.fetch("web", offer(first, "1.0.0"))
    found.archive.path.write_bytes(b"damaged")
    again = opened(shelf).fetch_pinned("web", found.pin)
    assert again.archive.read() == (shelf.folder / "web-1.0.0.tgz").read_bytes()


def test_a_cache_that_cannot_be_written_is_none(opened: Opener, shelf: Shelf, tmp_path: Path) -> None:
    shelf.stock("1.0.0")
    (tmp_path / "cache").write_text("a file is in the way")
    with_nowhere = means(tmp_path)
    repository = opened(shelf, with_nowhere)
    found = repository.fetch("web", offer(repository, "1.0.0"))
    assert found.archive.path.is_file()
    with_nowhere.archives.close()
    assert not found.archive.path.exists()


def test_an_archive_that_was_replaced_after_it_was_indexed_is_refused(
    opened: Opener, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.stock("1.0.0")
    helm_package(make_chart(tmp_path / "anew", files={"values.yaml": "replicas: 9\n"}), shelf.folder)
    repository = opened(shelf)
    with pytest.raises(
        ProtocolError, match=r"web-1\.0\.0\.tgz has the digest sha256:.*, but sha256:.* was stated"
    ):
        repository.fetch("web", offer(repository, "1.0.0"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_pin_that_says_something_else_is_refused(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    repository = opened(shelf)
    pin = repository.fetch("web", offer(repository, "1.0.0")).pin
    forged = Pin(pin.version, pin.source, pin.digest, f"sha256:{'0' * 64}", pin.size)
    with pytest.raises(ProtocolError, match="not what was pinned: it differs in content"):
        repository.fetch_pinned("web", forged)


def test_a_chart_that_is_not_what_the_index_says_is_refused(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    index = shelf.folder / "index.yaml"
    index.write_text(index.read_text().replace("version: 1.0.0", "version: 1.0.1"))
    repository = opened(shelf)
    with pytest.raises(ProtocolError, match=r"holds web 1\.0\.0, but is offered as web 1\.0\.1"):
        repository.fetch("web", offer(repository, "1.0.1"))


def test_an_archive_that_is_no_chart_is_refused(opened: Opener, shelf: Shelf) -> None:
    shelf.stock("1.0.0")
    shelf.instead = lambda path: (200, {}, b"no archive") if path.endswith(".tgz") else None
    index = shelf.folder / "index.yaml"
    index.write_text("\n".join(line for line in index.read_text().splitlines() if "digest:" not in line))
    repository = opened(shelf)
    with pytest.raises(ProtocolError, match=r"web-1\.0\.0\.tgz is no chart that can be pushed"):
        repository.fetch("web", offer(repository, "1.0.0"))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("urls: []", "has no URL"),
        ("urls: ['oci://registry.example.com/charts/web:1.0.0']", "is in another registry"),
        ("urls: ['https://[']", "is at no URL"),
        ("urls: ['ftp://example.com/web.tgz']", "is at no URL that can be fetched"),
        (
            "urls: ['https://robot:secret@example.com/web.tgz']",
            "is at no URL that can be fetched without a login",
        ),
        ("urls: [web.tgz], digest: 'md5:abc'", "has a digest that is none of sha256"),
    ],
)
def test_entries_that_lead_nowhere_say_so(opened: Opener, entry: str, reason: str, shelf: Shelf) -> None:
    (shelf.folder / "index.yaml").write_text(f"entries: {{web: [{{version: 1.0.0, {entry}}}]}}\n")
    repository = opened(shelf)
    [broken] = repository.offers("web", "*")
    with pytest.raises(ProtocolError, match=reason) as refused:
        repository.fetch("web", broken)
    assert "secret" not in str(refused.value)


def test_a_chart_that_the_index_does_not_list_is_told(opened: Opener, shelf: Shelf) -> None:
    (shelf.folder / "index.yaml").write_text("entries: {}\n")
    with pytest.raises(NotFound, match=r"index\.yaml lists no chart called web"):
        opened(shelf).offers("web", "*")


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((404, {}, b""), NotFound, "index.yaml: 404"),
        ((200, {"Content-Type": "text/html"}, b"<html>log in</html>"), NotARegistry, "is not the index"),
        ((200, {}, b"entries: {"), NotARegistry, "not YAML"),
        ((403, {}, b""), RegistryError, "index.yaml: 403"),
    ],
)
def test_what_answers_in_an_index_s_stead_is_told(
    opened: Opener, answer: Answer, kind: type[RegistryError], message: str, shelf: Shelf
) -> None:
    shelf.instead = lambda path: answer
    repository = opened(shelf)
    for _ in range(2):
        with pytest.raises(kind, match=message) as refused:
            repository.offers("web", "*")
        assert "prod.yaml:9:7" in (refused.value.hint or "")
    assert len(shelf.requests) == 1


def test_an_index_that_does_not_end_is_given_up(
    opened: Opener, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_repository, "LARGEST_INDEX", 1 << 20)
    shelf.instead = lambda path: (200, {}, b"entries:\n" + b"  other: [{version: 1.0.0}]\n" * 50_000)
    with pytest.raises(ProtocolError, match=r"index\.yaml has more than 1 MiB"):
        opened(shelf).offers("web", "*")


def test_an_index_that_takes_for_ever_is_given_up(opened: Opener, shelf: Shelf) -> None:
    (shelf.folder / "index.yaml").write_text("entries: {}\n")
    repository = opened(shelf)
    times = iter([0.0, 1000.0, 2000.0])
    repository._clock = lambda: next(times)
    with pytest.raises(Unreachable, match="did not arrive within 300 s"):
        repository.offers("web", "*")


def test_a_large_index_is_read_in_little_memory(opened: Opener, shelf: Shelf) -> None:
    others = "".join(
        f"  other{n}:\n  - {{version: 1.0.0, description: {'x' * 1000}, urls: [a.tgz]}}\n"
        for n in range(8000)
    )
    (shelf.folder / "index.yaml").write_text(
        f"entries:\n{others}  web:\n  - {{version: 1.0.0, urls: [web.tgz]}}\n"
    )
    body = (shelf.folder / "index.yaml").read_bytes()
    shelf.instead = lambda path: (200, {}, body)
    tracemalloc.start()
    assert len(opened(shelf).offers("web", "*")) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(body) / 2


def test_the_login_goes_to_the_repository_at_once_and_to_no_other_host(
    opened: Opener, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(tls)
    with Shelf(tmp_path / "shelf", login=True, tls=tls) as shelf, Shelf(shelf.folder, tls=tls) as elsewhere:
        shelf.folder.mkdir()
        shelf.stock("1.0.0")
        index = shelf.folder / "index.yaml"
        there = elsewhere.url.replace("127.0.0.1", "localhost")
        index.write_text(index.read_text().replace("- web-1.0.0.tgz", f"- {there}/web-1.0.0.tgz"))
        own = shelf.url.replace("127.0.0.1", "localhost")
        repository = opened(shelf, repository=own, auth=LOGIN, tls=trusting(tmp_path / "ca.pem"))
        repository.fetch("web", offer(repository, "1.0.0"))
    assert [each.headers["Authorization"] is not None for each in shelf.requests] == [True]
    assert [each.headers["Authorization"] for each in elsewhere.requests] == [None]


def test_a_login_that_is_refused_is_told_without_its_secret(opened: Opener, tmp_path: Path) -> None:
    with Shelf(tmp_path / "shelf", login=True) as shelf:
        wrong = Means({"SHELF_PASSWORD": "wrong-secret"}, means(tmp_path).archives)
        with pytest.raises(
            AuthenticationFailed, match="login from env:SHELF_PASSWORD was refused"
        ) as refused:
            opened(shelf, wrong, auth=LOGIN).offers("web", "*")
        with pytest.raises(AuthenticationFailed, match="no login was sent") as missing:
            opened(shelf).offers("web", "*")
    assert "wrong-secret" not in f"{refused.value}{refused.value.hint}"
    assert missing.value.hint == "name the login in `auth` (prod.yaml:9:7)"


def test_credentials_go_only_to_hosts_that_are_allowed(opened: Opener, shelf: Shelf, tmp_path: Path) -> None:
    limited = means(tmp_path, REGSYNC_ALLOW_HOSTS="*.example.com")
    with pytest.raises(AuthenticationFailed, match="REGSYNC_ALLOW_HOSTS does not name this host"):
        opened(shelf, limited, auth=LOGIN).offers("web", "*")
    assert shelf.requests == []
    assert PASSWORD not in str(limited.archives)


def test_a_repository_that_does_not_answer_is_told(opened: Opener, tmp_path: Path) -> None:
    with Shelf(tmp_path / "shelf") as shelf:
        pass
    repository = opened(shelf)
    repository._transport._patience._sleep = lambda seconds: None
    with pytest.raises(Unreachable, match=r"index\.yaml"):
        repository.offers("web", "*")
