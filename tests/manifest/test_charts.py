"""Registries of charts: what `charts:` finds, and what is other than with packs."""

from __future__ import annotations

import pytest

from regsync.model.declaration import Tombstone
from regsync.model.registry import Provider
from tests.manifest.desk import Desk, marked, registry


def charts(*lines: str, content: str = "{charts: ../charts/*}") -> str:
    return registry("provider: helm", *lines, f"content: [{content}]")


@pytest.fixture
def library(desk: Desk) -> Desk:
    """Return a desk with a folder of charts: one unpacked, one packed with its signature, and others' files."""
    desk.write("charts/web/Chart.yaml", "")
    desk.write("charts/api-1.0.0.tgz", "")
    desk.write("charts/api-1.0.0.tgz.prov", "")
    desk.write("charts/README.md", "")
    return desk


def test_a_glob_of_charts_gives_folders_and_archives_and_passes_over_other_files(library: Desk) -> None:
    declaration = library.declared(charts())
    assert declaration.spec.provider is Provider.HELM
    assert [(each.shown, each.local, each.provider) for each in declaration.items] == [
        ("charts/api-1.0.0.tgz", (library.root / "charts/api-1.0.0.tgz").resolve(), "helm"),
        ("charts/web", (library.root / "charts/web").resolve(), "helm"),
    ]


def test_archives_are_left_out_by_their_names_too(library: Desk) -> None:
    declaration = library.declared(charts(content="{charts: ../charts/*, exclude: '*.tgz'}"))
    assert [each.shown for each in declaration.items] == ["charts/web"]


@pytest.mark.parametrize(
    ("written", "code", "summary"),
    [
        ("../chrats/*", "RS126", "`../chrats/*` matches neither a folder nor a .tgz archive"),
        ("../charts/*.prov", "RS126", "`../charts/*.prov` matches neither a folder nor a .tgz archive"),
        ("../charts/README.md", "RS127", "charts/README.md is neither a folder nor a .tgz archive"),
        ("../ch*", "RS127", "charts has no Chart.yaml"),
    ],
)
def test_what_is_no_chart_is_an_error(library: Desk, written: str, code: str, summary: str) -> None:
    found = library.found(charts(content=f"{{charts: '{written}'}}"))
    assert (found.code, found.summary, str(found.origin)) == (
        code,
        summary,
        "registries/prod.yaml:9:22",
    )


def test_without_synchronization_no_base_content_path_is_needed(library: Desk) -> None:
    declaration = library.declared(charts("baseContentPaths: []", "synchronization: false"))
    assert declaration.spec.base_content_paths == ()
    assert not declaration.spec.synchronization
    assert {each.base_content_path for each in declaration.items} == {""}
    assert declaration.spec.repository("", "web") == "web"


def test_a_registry_that_palette_lists_needs_a_base_content_path(library: Desk) -> None:
    assert library.found(charts("baseContentPaths: []")).code == "RS111"


def test_nothing_is_appended_to_the_base_content_paths_of_charts(library: Desk) -> None:
    path = "spectro-packs/archive"
    declaration = library.declared(charts(f"baseContentPaths: [{path}]"))
    assert declaration.spec.repository(path, "web") == "spectro-packs/archive/web"


def test_two_registries_without_base_content_paths_are_one_place(library: Desk) -> None:
    library.write("registries/a.yaml", charts("baseContentPaths: []", "synchronization: false"))
    text = charts("baseContentPaths: []", "synchronization: false").replace("name: prod", "name: dev")
    library.write("registries/b.yaml", text)
    (found,) = library.load("registries").diagnostics
    assert (found.code, found.summary) == ("RS124", "`https://harbor.example.com` is declared twice")


def test_packs_and_charts_may_share_an_endpoint_and_a_path(library: Desk) -> None:
    library.write("registries/a.yaml", charts())
    library.write("registries/b.yaml", registry().replace("name: prod", "name: dev"))
    assert library.load("registries").diagnostics == ()


@pytest.mark.parametrize("written", ["web:1.0.0+build.4", "web:1.0.0_build.4"])
def test_a_tombstone_names_a_version_or_its_tag(library: Desk, written: str) -> None:
    declaration = library.declared(charts(content=f"{{absent: '{written}'}}"))
    [tombstone] = declaration.tombstones
    assert tombstone == Tombstone("web", "1.0.0_build.4", "team", tombstone.origin)


def test_charts_have_no_base_repository(library: Desk) -> None:
    found = library.found(charts("repositories: {base: true}"))
    assert (found.code, marked(found)) == ("RS129", "base")
    library.declared(charts("repositories: {base: false}"))


def test_a_layout_must_not_become_its_own_content(library: Desk) -> None:
    found = library.found(charts("type: layout", "endpoint: ../charts/out"))
    assert (found.code, str(found.origin)) == ("RS133", "registries/prod.yaml:8:13")
