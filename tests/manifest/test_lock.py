"""Charts from elsewhere in manifests, and the lock file that says which versions they are."""

from __future__ import annotations

import pytest

from regsync.manifest.load import Variables, load
from regsync.manifest.lock import read_lock, render_lock
from regsync.manifest.nodes import SourceFile
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import AuthMethod
from regsync.model.upstream import UpstreamItem
from tests.manifest.desk import DATA, Desk, marked, registry

VALID = DATA / "upstream"
LOCK = (VALID / "regsync.lock.yaml").read_text()
REDIS = '{repository: "https://charts.example.com/stable", name: redis, version: "18.1.0"}'


def asking(upstream: str = REDIS) -> str:
    return registry("provider: helm", f"content: [{{charts: {upstream}}}]")


def locked(desk: Desk, text: str = LOCK, upstream: str = REDIS) -> Diagnostic:
    """The only finding about a manifest that asks for a chart, beside this lock file."""
    desk.write("registries/regsync.lock.yaml", text)
    return desk.found(asking(upstream))


def test_charts_are_asked_for_in_full_and_come_with_their_pins() -> None:
    loaded = load([VALID / "upstream.yaml"], root=DATA, variables=Variables())
    assert loaded.diagnostics == ()
    nginx, redis = loaded.declarations[0].upstream
    assert isinstance(nginx, UpstreamItem)
    assert (nginx.chart.repository, nginx.chart.newest, nginx.base_content_path) == (
        "oci://registry.example.com/library",
        2,
        "charts",
    )
    assert [each.version for each in nginx.pins] == ["1.10.3", "1.10.2+build.7"]
    assert (redis.chart.repository, redis.chart.min_age) == ("https://charts.example.com/stable", 7 * 86400)
    assert redis.chart.auth.method is AuthMethod.BASIC
    assert redis.chart.tls.ca_file == DATA / "certs/ca.pem"
    assert redis.base_content_path == "mirror"
    assert str(redis.chart.at("auth")) == "upstream/upstream.yaml:19:9"
    assert (redis.lock, redis.shown_lock) == (VALID / "regsync.lock.yaml", "upstream/regsync.lock.yaml")


def test_what_is_written_is_what_was_read() -> None:
    problems: list[Diagnostic] = []
    path = VALID / "regsync.lock.yaml"
    known = read_lock(SourceFile(path, path.name, VALID), problems)
    assert problems == []
    assert known is not None
    pins = {asked: each.pins for asked, each in known.items()}
    assert render_lock(pins) == LOCK
    assert render_lock(dict(reversed(pins.items()))) == LOCK
    assert render_lock({}).endswith("kind: Lock\ncharts: []\n")


def test_a_lock_file_is_no_manifest_and_stands_beside_the_one_that_asks(desk: Desk) -> None:
    desk.write("registries/regsync.lock.yaml", LOCK)
    desk.write("registries/prod.yaml", asking())
    loaded = desk.load("registries")
    assert (loaded.diagnostics, loaded.files) == ((), 1)
    assert [each.version for each in loaded.declarations[0].upstream[0].pins] == ["18.1.0"]


def test_a_content_set_brings_its_own_lock_file(desk: Desk) -> None:
    desk.write("sets/regsync.lock.yaml", LOCK)
    set_ = f"apiVersion: regsync/v1\nkind: ContentSet\nmetadata: {{name: db}}\nspec: {{content: [{{charts: {REDIS}}}]}}\n"
    desk.write("sets/db.yaml", set_)
    desk.write("registries/prod.yaml", registry("provider: helm", "content: [{set: db}]"))
    loaded = desk.load("registries", "sets")
    assert loaded.diagnostics == ()
    assert loaded.declarations[0].upstream[0].shown_lock == "sets/regsync.lock.yaml"


def test_what_is_not_pinned_is_an_error_at_its_version(desk: Desk) -> None:
    found = desk.found(asking())
    assert (found.code, marked(found), found.help) == ("RS136", '"18.1.0"', "run `regsync lock`")
    assert found.summary == "redis `18.1.0` is not pinned in registries/regsync.lock.yaml"


def test_what_was_pinned_for_another_range_is_shown(desk: Desk) -> None:
    found = locked(desk, upstream=REDIS.replace("18.1.0", "~18.2"))
    assert (found.code, found.summary) == (
        "RS136",
        "redis `~18.2` is not what registries/regsync.lock.yaml has pinned",
    )
    assert [str(each.origin) for each in found.related] == ["registries/regsync.lock.yaml:5:5"]


def test_pinning_itself_asks_for_no_pin(desk: Desk) -> None:
    path = desk.write("registries/prod.yaml", asking())
    loaded = load([path], root=desk.root, variables=Variables(), pinned=False)
    assert loaded.diagnostics == ()
    assert loaded.declarations[0].upstream[0].pins == ()


def test_excluded_charts_are_left_out(desk: Desk) -> None:
    content = f'content: [{{charts: {REDIS}, exclude: ["red*"]}}]'
    assert desk.declared(registry("provider: helm", content)).upstream == ()


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("kind: Lock", "kind: Locks", "RS110", "3:7"),
        ("size: 4096", "size: 4 kB", "RS108", "13:15"),
        ("sha256:1111", "sha256:11zz", "RS111", "11:17"),
        ("charts:\n", "charts: [\n", "RS102", "5:3"),
        (LOCK, "", "RS135", "1:1"),
        ('- version: "18.1.0"', '- version: "18.1.1"', "RS135", "9:18"),
        ('version: "18.1.0"\n    pinned', 'version: "latest"\n    pinned', "RS135", "9:18"),
        ('source: "https', 'source: "oci', "RS135", "10:17"),
        ("library/nginx:1.10.3", "other/nginx:1.10.3", "RS135", "20:17"),
        ("    newest: 2\n", "", "RS135", "14:5"),
        ('name: "redis"', 'name: "redis"\n    extra: 1', "RS106", "7:5"),
    ],
)
def test_a_lock_file_that_was_edited_by_hand_is_an_error_where_it_was(
    desk: Desk, old: str, new: str, code: str, where: str
) -> None:
    assert old in LOCK
    found = locked(desk, LOCK.replace(old, new, 1))
    assert (found.code, str(found.origin)) == (code, f"registries/regsync.lock.yaml:{where}")


def test_an_entry_that_stands_twice_is_an_error(desk: Desk) -> None:
    entry = LOCK[LOCK.index("  - repository") : LOCK.index('  - repository: "oci')]
    found = locked(desk, LOCK + entry)
    assert (found.code, found.summary) == ("RS135", "redis `18.1.0` is pinned twice")
    assert [str(each.origin) for each in found.related] == ["registries/regsync.lock.yaml:5:5"]


@pytest.mark.parametrize(
    ("upstream", "code", "where"),
    [
        (
            '{repository: "http://charts.example.com", name: redis, version: "1"}',
            "RS111",
            '"http://charts.example.com"',
        ),
        (
            '{repository: "https://a:b@example.com", name: redis, version: "1"}',
            "RS111",
            '"https://********@example.com"',
        ),
        (
            '{repository: "https://example.com/?x=1", name: redis, version: "1"}',
            "RS111",
            '"https://example.com/?x=1"',
        ),
        (
            '{repository: "https://example.com:x", name: redis, version: "1"}',
            "RS111",
            '"https://example.com:x"',
        ),
        (
            '{repository: "oci://example.com/Charts", name: redis, version: "1"}',
            "RS111",
            '"oci://example.com/Charts"',
        ),
        ('{repository: "https://example.com", name: ../redis, version: "1"}', "RS111", "../redis"),
        ('{repository: "https://example.com", name: redis, version: latest}', "RS111", "latest"),
        ('{repository: "https://example.com", name: redis, version: 1.10}', "RS109", "1.10"),
        ('{repository: "https://example.com", name: redis, version: "1", newest: 0}', "RS111", "0"),
        ('{repository: "https://example.com", name: redis, version: "1", minAge: 1w}', "RS111", "1w"),
        ('{repository: "https://example.com", name: redis, version: "1", digest: x}', "RS106", "digest"),
        ('{repository: "https://example.com", name: redis}', "RS107", "charts"),
    ],
)
def test_a_chart_that_cannot_be_asked_for_is_an_error(
    desk: Desk, upstream: str, code: str, where: str
) -> None:
    path = desk.write("registries/prod.yaml", asking(upstream))
    [found] = load([path], root=desk.root, variables=Variables(), pinned=False).diagnostics
    assert found.code == code
    assert found.snippet is not None
    assert where in found.snippet.text
    if "********" not in where:
        assert marked(found) == where


def test_packs_do_not_come_from_chart_repositories(desk: Desk) -> None:
    found = desk.found(registry(f"content: [{{charts: {REDIS}}}]"))
    assert found.code == "RS132"
