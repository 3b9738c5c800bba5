"""Charts that cannot be pushed get a clear error with a position, and nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.support.charts import chart_yaml, make_chart, tgz
from tests.support.team import Team

GOOD = {"Chart.yaml": chart_yaml()}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Return a team whose registry is a directory and that has no charts yet."""
    team = Team(tmp_path, "../live", "team", provider="helm")
    team.declare({"charts": "../charts/*"})
    (tmp_path / "charts").mkdir()
    return team


def refused(team: Team, *said: str) -> None:
    """An apply ends as invalid, told all of this and no bug, and wrote nothing."""
    ran = team.apply()
    everything = ran.out + ran.err
    assert ran.status == 3, everything
    for each in said:
        assert each in everything
    for bug in ("Traceback", "bug in regsync", "internal error"):
        assert bug not in everything
    assert team.files() == {}


CHART_YAMLS = {
    "no version": ("apiVersion: v2\nname: web\n", "RS244", "--> charts/web/Chart.yaml:1:1"),
    "an illegal version": (chart_yaml("web", "1.x"), "RS244", "--> charts/web/Chart.yaml:3:10"),
    "a version that would fold": (chart_yaml("web", "1.0.0_b"), "RS244", "--> charts/web/Chart.yaml:3:10"),
    "an unquoted number": (chart_yaml("web", "1.10"), "RS244", 'quote it: `"1.10"`'),
    "a name that is no repository": (chart_yaml("Web"), "RS243", "--> charts/web/Chart.yaml:2:7"),
    "no YAML": ("a: [", "RS242", "--> charts/web/Chart.yaml:"),
    "nothing": ("", "RS24", "--> charts/web/Chart.yaml:1:1"),
    "a dependency that is missing": (
        chart_yaml(more="dependencies:\n- {name: redis, version: 1.0.0}\n"),
        "RS246",
        "run `helm dependency build`",
    ),
}


@pytest.mark.parametrize("name", CHART_YAMLS)
def test_a_chart_yaml_that_is_wrong(team: Team, name: str) -> None:
    text, *said = CHART_YAMLS[name]
    make_chart(team.root / "charts", files={"Chart.yaml": text})
    refused(team, *said)


def test_a_folder_without_a_chart_yaml(team: Team) -> None:
    make_chart(team.root / "charts", files={"Chart.yaml": None})
    refused(team, "RS127", "charts/web has no Chart.yaml", "--> registries/team.yaml:9:")


def with_member(kind: bytes, name: str, link: str = "") -> bytes:
    """An archive of a chart with one more entry."""
    buffer = io.BytesIO(gzip.decompress(tgz(GOOD)))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    return gzip.compress(buffer.getvalue(), mtime=0)


ARCHIVES = {
    "no archive": b"version https://git-lfs.github.com/spec/v1\n",
    "cut off": tgz(GOOD)[:-12],
    "no Chart.yaml": tgz({"values.yaml": ""}),
    "an absolute name": with_member(tarfile.REGTYPE, "/web/x"),
    "a name with dots": with_member(tarfile.REGTYPE, "web/../../x"),
    "a link": with_member(tarfile.SYMTYPE, "web/x", "/etc/passwd"),
    "a hard link": with_member(tarfile.LNKTYPE, "web/x", "web/Chart.yaml"),
    "a device": with_member(tarfile.CHRTYPE, "web/x"),
    "a large file": tgz({**GOOD, "x": bytes(6 << 20)}),
    "a bomb of bytes": tgz({**GOOD, **{f"x{n}": bytes(5 << 20) for n in range(21)}}),
    "a bomb of files": tgz({**GOOD, **{f"x/{n}": b"" for n in range(50_001)}}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_wrong(team: Team, name: str) -> None:
    (team.root / "charts/web-1.0.0.tgz").write_bytes(ARCHIVES[name])
    refused(team, "RS24", "--> charts/web-1.0.0.tgz")


def test_a_link_that_leaves_the_folder(team: Team) -> None:
    chart = make_chart(team.root / "charts")
    (chart / "passwd").symlink_to("/etc/passwd")
    refused(team, "RS208", "charts/web/passwd")


def test_a_pipe_in_the_folder(team: Team) -> None:
    os.mkfifo(make_chart(team.root / "charts") / "pipe")
    refused(team, "RS206", "charts/web/pipe")


def test_two_charts_of_one_name_and_version(team: Team) -> None:
    make_chart(team.root / "charts")
    (team.root / "charts/other.tgz").write_bytes(tgz({**GOOD, "values.yaml": "replicas: 9\n"}))
    refused(
        team,
        "RS301",
        "`team/team/web:1.0.0` has two contents: charts/other.tgz and charts/web",
        "raise the version in one Chart.yaml",
    )


def test_two_versions_that_differ_in_what_a_tag_cannot_hold_have_two_tags(team: Team) -> None:
    for number, version in enumerate(("1.0.0+b.1", "1.0.0-b.1", "1.0.0+b-1")):
        archive = tgz({"Chart.yaml": chart_yaml("web", version)})
        (team.root / f"charts/{number}.tgz").write_bytes(archive)
    ran = team.plan()
    assert "3 to add" in ran.out


def test_a_tombstone_for_a_chart_that_is_wanted(team: Team) -> None:
    make_chart(team.root / "charts", files={"Chart.yaml": chart_yaml("web", "1.0.0+b.1")})
    team.declare({"charts": "../charts/*"}, {"absent": "web:1.0.0+b.1"})
    refused(team, "RS302", "`team/team/web:1.0.0_b.1`", "keep charts/web out with exclude")


def test_a_repository_name_that_is_too_long(team: Team) -> None:
    make_chart(team.root / "charts", "a" * 251)
    refused(team, "RS303", "shorten the base content path or the chart's name", "registries/team.yaml:9:")


def test_a_file_name_that_lies_is_a_warning_of_validate(team: Team) -> None:
    (team.root / "charts/web-2.0.0.tgz").write_bytes(tgz(GOOD))
    ran = team.run("validate")
    assert ran.status == 0
    assert "the archive `web-2.0.0.tgz` holds web 1.0.0" in ran.out
    assert "call it `web-1.0.0.tgz`" in ran.out
    assert team.run("validate", "--strict").status == 3


def test_packs_in_a_registry_of_charts(team: Team) -> None:
    team.pack()
    team.declare({"packs": "../packs/*"})
    refused(team, "RS132", "`packs` in a registry of provider helm")


def test_validate_counts_charts(team: Team) -> None:
    make_chart(team.root / "charts")
    assert "Valid. 1 file, 1 chart, nothing to report." in team.run("validate").out


def test_a_chart_that_changes_after_the_plan_is_not_pushed(team: Team) -> None:
    chart = make_chart(team.root / "charts")
    assert team.plan("--out", "plan.json").status == 0
    (chart / "values.yaml").write_text("replicas: 7\n")
    ran = team.run("apply", "plan.json")
    assert ran.status == 4
    assert "not approved" in ran.out + ran.err
    assert team.files() == {}
