"""What manifests say of projects."""

from __future__ import annotations

import pytest

from regsync.model.registry import Project
from tests.manifest.desk import Desk, marked, registry

HARBOR = "type: harbor"


def test_what_is_written_of_a_project_arrives(desk: Desk) -> None:
    project = "project: {create: false, public: true, storageLimit: 50Gi}"
    spec = desk.declared(registry(HARBOR, "baseContentPaths: [team/a, other, team/b]", project)).spec
    assert spec.project == Project(create=False, settings={"public": True, "storageLimit": "50Gi"})
    assert spec.projects == ("team", "other")
    assert spec.at("project.storageLimit").line == 10


def test_what_is_not_written_of_a_project_is_no_setting(desk: Desk) -> None:
    spec = desk.declared(registry(HARBOR)).spec
    assert spec.project == Project()
    assert desk.declared(registry("type: basic")).spec.projects == ()


@pytest.mark.parametrize("name", ["team__a", "team--a"])
def test_a_name_that_harbor_takes_for_no_project_is_found(desk: Desk, name: str) -> None:
    found = desk.found(registry(HARBOR, f"baseContentPaths: [ok, {name}/packs]"))
    assert (found.code, str(found.origin)) == ("RS122", "registries/prod.yaml:9:26")
    assert marked(found) == f"{name}/packs"
    assert found.summary == f"`{name}` is no name for a project of Harbor, which `{name}/packs` begins with"


def test_only_the_first_segment_is_a_project(desk: Desk) -> None:
    spec = desk.declared(registry(HARBOR, "baseContentPaths: [a.b_c-1/team__a]")).spec
    assert spec.projects == ("a.b_c-1",)


@pytest.mark.parametrize(
    ("written", "position"),
    [
        ("project: {storageLimit: 50GB}", "50GB"),
        ("project: {storageLimit: 0Gi}", "0Gi"),
        ("project: {storageLimit: 1.5Ti}", "1.5Ti"),
        ("project: {public: maybe}", "maybe"),
        ("project: {storage: 1Gi}", "storage"),
    ],
)
def test_a_setting_that_is_wrong_is_found_where_it_stands(desk: Desk, written: str, position: str) -> None:
    assert marked(desk.found(registry(HARBOR, written))) == position


def another(text: str, path: str, *lines: str) -> str:
    """The same registry under another name and path."""
    return text + "---\n" + registry(HARBOR, f"baseContentPaths: [{path}]", *lines).replace("prod", "dev")


def test_two_documents_must_agree_on_a_project(desk: Desk) -> None:
    first = registry(HARBOR, "baseContentPaths: [team/a]", "project: {public: true, storageLimit: 1Gi}")
    found = desk.found(another(first, "team/b", "project: {public: false, storageLimit: 1024Mi}"))
    assert (found.code, found.summary) == ("RS129", "`public` of project `team` is written with two values")
    assert marked(found) == "false"
    [related] = found.related
    assert str(related.origin) == "registries/prod.yaml:10:21"


def test_documents_may_write_different_settings_of_a_project(desk: Desk) -> None:
    first = registry(HARBOR, "baseContentPaths: [team/a]", "project: {public: true}")
    assert len(desk.declarations(another(first, "team/b", "project: {storageLimit: 1Gi}"))) == 2
    assert len(desk.declarations(another(first, "elsewhere", "project: {public: false}"))) == 2


@pytest.mark.parametrize("paths", ["", "baseContentPaths: []"])
def test_charts_need_a_project_on_harbor(desk: Desk, paths: str) -> None:
    text = registry(HARBOR, "provider: helm", paths or "# none", "synchronization: false")
    if not paths:
        text = text.replace("  baseContentPaths: [team, other]\n", "")
    found = desk.found(text)
    assert (found.code, found.summary) == ("RS129", "Harbor has no repositories outside of projects")
