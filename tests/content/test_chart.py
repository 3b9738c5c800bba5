from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from regsync.content import chart as chart_module
from regsync.content import chartfiles
from regsync.content.chart import Chart, ChartRead, lint_chart, pack_chart, read_chart
from regsync.content.chartlayer import read_chart_layer
from regsync.content.charttree import MAX_DEPTH
from regsync.content.diff import diff_charts
from regsync.model.content import Content
from regsync.model.diagnostic import Diagnostic
from regsync.model.errors import ContentError
from regsync.model.reference import chart_tag, chart_version
from tests.support.charts import Files, chart_yaml, helm_refuses, make_chart, tgz

DATA = Path(__file__).parents[1] / "data" / "charts"


def read(path: Path) -> ChartRead:
    return read_chart(path, f"charts/{path.name}")


def chart_of(path: Path) -> Chart:
    found = read(path)
    assert found.chart is not None, found.diagnostics
    return found.chart


def brief(diagnostic: Diagnostic) -> tuple[str, str, str, str | None]:
    return diagnostic.code, str(diagnostic.origin), diagnostic.summary, diagnostic.help


def problems(path: Path) -> list[tuple[str, str, str, str | None]]:
    found = read(path)
    assert found.chart is None
    return [brief(each) for each in found.diagnostics]


def archive(tmp_path: Path, files: Files, name: str = "web-1.0.0.tgz", top: str = "web") -> Path:
    path = tmp_path / name
    path.write_bytes(tgz(files, top))
    return path


def packed(chart: Chart) -> bytes:
    with pack_chart(chart) as layer, layer.open() as stream:
        return stream.read()


def test_name_version_and_tag_come_with_their_positions(tmp_path: Path) -> None:
    text = "apiVersion: v2\ndescription: a\nversion: 1.2.3+build.4\nname: web\n"
    chart = chart_of(make_chart(tmp_path, files={"Chart.yaml": text}))
    assert (chart.name, chart.version, chart.tag) == ("web", "1.2.3+build.4", "1.2.3_build.4")
    assert str(chart.name_origin) == "charts/web/Chart.yaml:4:7"
    assert str(chart.version_origin) == "charts/web/Chart.yaml:3:10"
    assert chart.config == b'{"name":"web","version":"1.2.3+build.4","description":"a","apiVersion":"v2"}'


@pytest.mark.parametrize(
    ("name", "config"), [("hello-chart-1.2.3+build.4", "hello-chart"), ("classic-15.0.1", "classic")]
)
def test_the_config_of_an_archive_is_that_of_helm(name: str, config: str) -> None:
    chart = chart_of(DATA / f"{name}.tgz")
    assert chart.config == (DATA / f"{config}.config.json").read_bytes()
    assert f"{chart.name}-{chart.version}" == name
    assert packed(chart) == (DATA / f"{name}.tgz").read_bytes()


def test_the_content_digest_of_a_chart_never_changes() -> None:
    digest = "sha256:50568a10901b95234f91098ca28b8e6219549e241ea676b012460afb11a536a7"
    assert chart_of(DATA / "hello-chart-1.2.3+build.4.tgz").content.digest == digest


def test_equal_content_gives_equal_bytes_wherever_it_lies(tmp_path: Path) -> None:
    files = {"Chart.lock": "digest: x\n", "charts/a/Chart.yaml": chart_yaml("a"), "docs/é.md": "x"}
    first = chart_of(make_chart(tmp_path / "one", files=files))
    again = make_chart(tmp_path / "two", files=dict(reversed(list(files.items()))))
    for path in (again / "values.yaml", again / "charts" / "a" / "Chart.yaml"):
        os.utime(path, (1, 1))
        path.chmod(0o755)
    (again / "empty").mkdir()
    second = chart_of(again)
    assert second.content == first.content
    assert packed(second) == packed(first)


def test_the_form_of_chart_yaml_does_not_count(tmp_path: Path) -> None:
    plain = chart_of(
        make_chart(tmp_path / "plain", files={"Chart.yaml": chart_yaml(more="keywords: [a, b]\n")})
    )
    other = "# ours\r\nversion: '1.0.0'\r\nunknown: 1\r\nkeywords:\r\n  - a\r\n  - b\r\nname: web\r\napiVersion: v2\r\n"
    assert chart_of(make_chart(tmp_path / "other", files={"Chart.yaml": other})).content == plain.content


def test_an_unpacked_subchart_counts_as_the_archive_of_it(tmp_path: Path) -> None:
    files: Files = {"Chart.yaml": chart_yaml("redis", "7.0.0"), "values.yaml": "a: 1\n"}
    folder = {f"charts/anything/{path}": text for path, text in files.items()}
    unpacked = chart_of(make_chart(tmp_path / "unpacked", files=folder))
    inside = chart_of(make_chart(tmp_path / "packed", files={"charts/redis-7.0.0.tgz": tgz(files, "redis")}))
    assert inside.content == unpacked.content
    assert "charts/redis/values.yaml" in [each.path for each in inside.content.files]


def test_a_link_inside_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    folder = make_chart(tmp_path / "linked", files={"files/a.txt": "a"})
    (folder / "b.txt").symlink_to("files/a.txt")
    (folder / "more").symlink_to("files")
    plain = make_chart(tmp_path / "plain", files={"files/a.txt": "a", "b.txt": "a", "more/a.txt": "a"})
    assert chart_of(folder).content == chart_of(plain).content


def test_an_archive_has_all_its_files_whatever_its_helmignore_says(tmp_path: Path) -> None:
    files: Files = {"Chart.yaml": chart_yaml(), ".helmignore": "*.md\n", "README.md": "x"}
    assert [each.path for each in chart_of(archive(tmp_path, files)).content.files] == [
        ".helmignore",
        "Chart.yaml",
        "README.md",
    ]
    assert "README.md" not in [
        each.path for each in chart_of(make_chart(tmp_path, files=files)).content.files
    ]


@pytest.mark.parametrize("top", ["anything", "."])
def test_the_top_folder_of_an_archive_may_have_any_name(tmp_path: Path, top: str) -> None:
    files: Files = {"Chart.yaml": chart_yaml(), "values.yaml": "a: 1\n"}
    assert (
        chart_of(archive(tmp_path, files, top=top)).content
        == chart_of(archive(tmp_path, files, "b.tgz")).content
    )


def test_a_provenance_file_makes_the_bytes_of_the_archive_count(tmp_path: Path) -> None:
    files: Files = {"Chart.yaml": chart_yaml(), "values.yaml": "a: 1\n"}
    path, again = (
        archive(tmp_path, files),
        archive(tmp_path, dict(reversed(list(files.items()))), "again.tgz"),
    )
    unsigned = chart_of(path).content
    assert chart_of(again).content == unsigned
    for each in (path, again):
        each.with_name(f"{each.name}.prov").write_bytes(b"signed")
    signed = chart_of(path)
    assert signed.provenance == b"signed"
    assert len({unsigned.digest, signed.content.digest, chart_of(again).content.digest}) == 3
    assert set(signed.content.files) > set(unsigned.files)
    path.with_name(f"{path.name}.prov").write_bytes(b"signed anew")
    assert chart_of(path).content != signed.content


def test_where_two_subcharts_claim_one_name_the_bytes_of_the_archive_count(tmp_path: Path) -> None:
    files: Files = {
        "Chart.yaml": chart_yaml(),
        "charts/a/Chart.yaml": chart_yaml("redis", "1.0.0"),
        "charts/b/Chart.yaml": chart_yaml("redis", "2.0.0"),
    }
    path = archive(tmp_path, files)
    [only] = chart_of(path).content.files
    assert only.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert problems(make_chart(tmp_path, files=files)) == [
        (
            "RS251",
            "charts/web:1:1",
            "two charts in `charts/web/charts` have the same name",
            "remove one of them",
        )
    ]


def test_a_chart_without_chart_yaml(tmp_path: Path) -> None:
    folder = make_chart(tmp_path, files={"Chart.yaml": None, "chart.yaml": chart_yaml()})
    assert problems(folder) == [("RS241", "charts/web:1:1", "`charts/web` has no Chart.yaml", None)]


@pytest.mark.parametrize("top", ["web/deeper", ""])
def test_an_archive_whose_chart_yaml_helm_does_not_find(tmp_path: Path, top: str) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml()}, top=top)
    [(code, *_)] = problems(path)
    assert code == ("RS241" if top else "RS248")
    helm_refuses("show", "chart", path)


SUGGESTED = "use lower-case letters and digits, with dots, underscores or hyphens between them"


@pytest.mark.parametrize(
    ("text", "code", "position", "summary", "advice"),
    [
        ("a: [\n", "RS242", "2:1", "Chart.yaml: did not find expected node content", None),
        ("- a\n", "RS242", "1:1", "Chart.yaml: it is not a mapping", None),
        ("name: web\nversion: 1.0.0\nkeywords: a\n", "RS242", "3:11", "Chart.yaml: `keywords` is not a list", None),
        ("name: web\nversion: [1]\n", "RS242", "2:10", "Chart.yaml: `version` is not a text", None),
        ("deprecated: 'yes'\n", "RS242", "1:13", "Chart.yaml: `deprecated` is not true or false", None),
        ("annotations: {a: {b: c}}\n", "RS242", "1:18", "Chart.yaml: `a` in `annotations` is not a text", None),
        ("maintainers: [a]\n", "RS242", "1:15", "Chart.yaml: an entry of `maintainers` is not a mapping", None),
        ("name: &a [*b]\n", "RS242", "1:11", "Chart.yaml: the alias *b is not defined before", None),
        ("version: 1.0.0\n", "RS243", "1:1", "Chart.yaml has no `name`", None),
        ("name: team/web\nversion: 1.0.0\n", "RS243", "1:7", "`team/web` cannot be the name of a chart", None),
        (
            "version: 1.0.0\nname: Web\n",
            "RS243",
            "2:7",
            "`Web` cannot be the name of a repository",
            "use `web`",
        ),
        ("name: -web\nversion: 1.0.0\n", "RS243", "1:7", "`-web` cannot be the name of a repository", SUGGESTED),
        ("name: web\n", "RS244", "1:1", "Chart.yaml has no `version`", None),
        ("name: web\nversion: latest\n", "RS244", "2:10", "`latest` is no semantic version", None),
        ("name: web\nversion: 1.0.0-01\n", "RS244", "2:10", "`1.0.0-01` is no semantic version", None),
        ("name: web\nversion: 1.2.3_4\n", "RS244", "2:10", "`1.2.3_4` is no semantic version", None),
        (
            "name: web\nversion: 1.10\n",
            "RS244",
            "2:10",
            "the version 1.10 is the number 1.1 to Helm",
            'quote it: `"1.10"`',
        ),
        (
            f"name: web\nversion: 1.0.0-{'a' * 130}\n",
            "RS244",
            "2:10",
            f"`1.0.0-{'a' * 130}` is too long for a tag",
            "use at most 128 characters",
        ),
        ("name: web\nversion: 1.0.0\napiVersion: v3\n", "RS245", "3:13", "the apiVersion `v3` is neither v1 nor v2", None),
        (
            "name: web\nversion: 1.0.0\ntype: plugin\n",
            "RS245",
            "3:7",
            "the type `plugin` is neither application nor library",
            None,
        ),
        ("name: web\nversion: 1.0.0\nmaintainers: [~]\n", "RS245", "3:14", "`maintainers` has an empty entry", None),
        (
            "name: web\nversion: 1.0.0\ndependencies: [{name: a}, {name: b, alias: a}]\n",
            "RS245",
            "3:15",
            "two dependencies have the name or alias `a`",
            None,
        ),
        (
            "name: web\nversion: 1.0.0\ndependencies: [{name: a, alias: a b}]\n",
            "RS245",
            "3:15",
            "the alias `a b` holds more than letters, digits, `_` and `-`",
            None,
        ),
        (
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- name: redis\n",
            "RS246",
            "5:3",
            "the dependency `redis` is not in charts/",
            "run `helm dependency build`",
        ),
    ],
)  # fmt: skip
def test_what_chart_yaml_may_not_say(
    tmp_path: Path, text: str, code: str, position: str, summary: str, advice: str | None
) -> None:
    folder = make_chart(tmp_path, files={"Chart.yaml": text})
    assert problems(folder) == [(code, f"charts/web/Chart.yaml:{position}", summary, advice)]
    assert problems(archive(tmp_path, {"Chart.yaml": text}))[0][::2] == (code, summary)
    helm_takes = ("cannot be the name of a repository", "to Helm", "too long", "apiVersion")
    if not any(each in summary for each in helm_takes):
        helm_refuses("package", folder, "--destination", tmp_path)


def test_the_line_that_is_wrong_is_shown(tmp_path: Path) -> None:
    folder = make_chart(tmp_path, files={"Chart.yaml": "name: web\nversion: 1.10 # next\n"})
    [found] = read(folder).diagnostics
    assert found.snippet is not None
    assert (found.snippet.text, found.snippet.length) == ("version: 1.10 # next", 4)


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    folder = make_chart(
        tmp_path, files={"Chart.yaml": "name: A/b\n", "charts/README.md": "", "values.yaml": "- a\n"}
    )
    (folder / "link").symlink_to("/etc")
    assert [code for code, *_ in problems(folder)] == ["RS244", "RS243", "RS251", "RS208", "RS247"]


@pytest.mark.parametrize(
    ("files", "code", "place", "summary"),
    [
        ({"values.yaml": "a: [\n"}, "RS247", "values.yaml:2:1", "values.yaml: did not find expected node content"),
        ({"values.yaml": "- a\n"}, "RS247", "values.yaml:1:1", "values.yaml: it is no mapping"),
        ({"values.schema.json": '{"a": }'}, "RS247", "values.schema.json:1:7", "values.schema.json: Expecting value"),
        ({"values.schema.json": "NaN"}, "RS247", "values.schema.json:1:1", "values.schema.json: NaN is no JSON"),
        ({"Chart.lock": "digest: [\n"}, "RS247", "Chart.lock:2:1", "Chart.lock: did not find expected node content"),
        (
            {"Chart.lock": "generated: today\n"},
            "RS247",
            "Chart.lock:1:1",
            "Chart.lock: `today` is no time as RFC 3339 has it",
        ),
        ({".helmignore": "a\n**/b\n"}, "RS250", ".helmignore:2:1", "the pattern `**/b` holds a double star, which Helm does not know"),
        ({".helmignore": "[a\n"}, "RS250", ".helmignore:1:1", "the pattern `[a` is not closed, or ends in a backslash"),
        (
            {"charts/README.md": "x"},
            "RS251",
            "charts/README.md:1:1",
            "`charts/web/charts/README.md` is neither a folder nor an archive",
        ),
        ({"charts/a/values.yaml": ""}, "RS241", "charts/a:1:1", "`charts/web/charts/a` has no Chart.yaml"),
        (
            {"charts/a/Chart.yaml": "name: a\nversion: x\n"},
            "RS244",
            "charts/a/Chart.yaml:2:10",
            "`x` is no semantic version",
        ),
        (
            {"charts/a.tgz": "version https://git-lfs.github.com/spec/v1\n"},
            "RS248",
            "charts/a.tgz:1:1",
            "the archive `charts/web/charts/a.tgz` is not compressed with gzip",
        ),
    ],
)  # fmt: skip
def test_what_helm_refuses_in_other_files(
    tmp_path: Path, files: Files, code: str, place: str, summary: str
) -> None:
    folder = make_chart(tmp_path, files=files)
    assert [each[:3] for each in problems(folder)] == [(code, f"charts/web/{place}", summary)]
    helm_refuses("package", folder, "--destination", tmp_path)


def test_links_that_leave_the_chart_are_refused_unless_they_are_left_out(tmp_path: Path) -> None:
    folder = make_chart(tmp_path)
    (folder / "secret").symlink_to("/etc/hosts")
    assert [each[::2] for each in problems(folder)] == [
        ("RS208", "`secret` is a link that leaves the chart's folder")
    ]
    (folder / ".helmignore").write_text("secret\n")
    assert read(folder).chart is not None


def test_a_backslash_in_a_name_is_refused(tmp_path: Path) -> None:
    folder = make_chart(tmp_path, files={"a\\b": ""})
    assert (
        problems(folder)[0][2]
        == "`a\\b` has a backslash in its name, which Helm takes for the end of a folder"
    )


def test_a_file_of_more_than_5_mib_is_refused(tmp_path: Path) -> None:
    folder = make_chart(tmp_path, files={"noise.bin": bytes(chartfiles.MAX_FILE + 1)})
    assert problems(folder)[0][:3] == (
        "RS249",
        "charts/web/noise.bin:1:1",
        "`noise.bin` is larger than the 5,242,880 bytes that Helm reads of a file",
    )
    helm_refuses("package", folder, "--destination", tmp_path)
    (folder / "noise.bin").write_bytes(bytes(chartfiles.MAX_FILE))
    assert read(folder).chart is not None


def test_a_chart_as_large_as_100_mib_is_refused(tmp_path: Path) -> None:
    twenty: Files = {f"{number}.bin": bytes(chartfiles.MAX_FILE) for number in range(20)}
    folder = make_chart(tmp_path, files=twenty)
    assert [code for code, *_ in problems(folder)] == ["RS249"]
    bomb = archive(tmp_path, {"Chart.yaml": chart_yaml(), **twenty})
    assert bomb.stat().st_size < 1 << 20
    [(code, _, summary, _)] = problems(bomb)
    assert (code, summary.partition(" holds ")[2]) == (
        "RS248",
        "web/19.bin, which brings the chart to 104,857,600 bytes, where Helm stops",
    )
    helm_refuses("show", "chart", bomb)


def test_a_bomb_within_an_archive_within_a_chart_is_refused(tmp_path: Path) -> None:
    files: Files = {
        f"charts/a{each}.tgz": tgz({"Chart.yaml": chart_yaml(f"a{each}"), "zeros": bytes(3 << 20)})
        for each in range(40)
    }
    for path in (archive(tmp_path, {"Chart.yaml": chart_yaml(), **files}), make_chart(tmp_path, files=files)):
        [(code, _, summary, _)] = problems(path)
        assert (code, "brings the chart to" in summary) == ("RS248", True)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml(), **{str(each): "" for each in range(50_001)}})
    [(code, _, summary, _)] = problems(path)
    assert (code, summary.partition("which ")[2]) == (
        "RS248",
        "is one too many: a chart has at most 50,000 files",
    )


def test_charts_within_charts_end(tmp_path: Path) -> None:
    inner = tgz({"Chart.yaml": chart_yaml()})
    for _ in range(MAX_DEPTH):
        inner = tgz({"Chart.yaml": chart_yaml(), "charts/web.tgz": inner})
    path = tmp_path / "web.tgz"
    path.write_bytes(inner)
    assert read(path).chart is not None
    path.write_bytes(tgz({"Chart.yaml": chart_yaml(), "charts/web.tgz": inner, "charts/more.tgz": inner}))
    [(code, _, summary, _)] = problems(path)
    assert (code, summary.endswith("lies in too many charts to have another")) == ("RS251", True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/web/x", "has a path that leads out of it"),
        ("../x", "has a path that leads out of it"),
        ("web/../../x", "has a path that leads out of it"),
        ("web\\..\\..\\x", "has a path that leads out of it, web/../../x"),
        ("web/C:/x", "has a path that leads out of it, web/C:/x"),
        ("web\\a/b", "has a name with both slashes, web\\a/b"),
        ("README.md", "has README.md beside the chart's folder, not in it"),
        ("web/a\x1bb", "holds a file that has a control character in its name"),
    ],
)
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / "web-1.0.0.tgz"
    path.write_bytes(tgz({"web/Chart.yaml": chart_yaml(), name: "x"}, top=""))
    assert problems(path) == [
        ("RS248", "charts/web-1.0.0.tgz:1:1", f"the archive `charts/web-1.0.0.tgz` {reason}", None)
    ]


def test_an_archive_made_on_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "web-1.0.0.tgz"
    path.write_bytes(tgz({"web\\Chart.yaml": chart_yaml(), "web\\templates\\a.yaml": "x"}, top=""))
    assert [each.path for each in chart_of(path).content.files] == ["Chart.yaml", "templates/a.yaml"]


def test_what_is_neither_folder_nor_file(tmp_path: Path) -> None:
    assert [each[::2] for each in problems(tmp_path / "gone")] == [
        ("RS205", "`charts/gone` cannot be read: No such file or directory")
    ]


def test_a_folder_in_the_place_of_a_provenance_file(tmp_path: Path) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml()})
    (tmp_path / "web-1.0.0.tgz.prov").mkdir()
    assert [each[:3] for each in problems(path)] == [
        (
            "RS252",
            "charts/web-1.0.0.tgz.prov:1:1",
            "`charts/web-1.0.0.tgz.prov` cannot be read: Is a directory",
        )
    ]


def test_a_provenance_file_without_end_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml()})
    (tmp_path / "web-1.0.0.tgz.prov").write_bytes(bytes(chart_module.MAX_PROVENANCE + 1))
    assert [code for code, *_ in problems(path)] == ["RS252"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-1.0.0.tgz", []),
        ("web.tgz", []),
        ("web-2.0.0.tgz", ["RS253"]),
        ("api-1.0.0.tgz", ["RS253"]),
    ],
)
def test_an_archive_whose_name_lies_is_found_by_the_lint(
    tmp_path: Path, name: str, expected: list[str]
) -> None:
    chart = chart_of(archive(tmp_path, {"Chart.yaml": chart_yaml()}, name))
    found = lint_chart(chart)
    assert [each.code for each in found] == expected
    assert all(
        brief(each)[2:] == (f"the archive `{name}` holds web 1.0.0", "call it `web-1.0.0.tgz`")
        for each in found
    )


def test_a_provenance_file_of_another_archive_is_found_by_the_lint(tmp_path: Path) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml()})
    proof = tmp_path / "web-1.0.0.tgz.prov"
    proof.write_text(f"files:\n  web-1.0.0.tgz: sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n")
    assert lint_chart(chart_of(path)) == ()
    proof.write_text(f"files:\n  web-1.0.0.tgz: sha256:{'0' * 64}\n")
    assert [each.code for each in lint_chart(chart_of(path))] == ["RS254"]


@pytest.mark.parametrize("version", ["v1.0.0", "'1.0'", "1", "01.0.0"])
def test_a_version_that_helm_finds_by_its_name_only_is_found_by_the_lint(
    tmp_path: Path, version: str
) -> None:
    chart = chart_of(make_chart(tmp_path, version=version))
    assert [(each.code, str(each.origin)) for each in lint_chart(chart)] == [
        ("RS255", "charts/web/Chart.yaml:3:10")
    ]


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-rc.1", "1.0.0+b.1", "0.0.0-0+0"])
def test_complete_versions_are_fine(tmp_path: Path, version: str) -> None:
    assert lint_chart(chart_of(make_chart(tmp_path, version=version))) == ()


def test_a_folder_that_changed_is_not_packed(tmp_path: Path) -> None:
    folder = make_chart(tmp_path)
    chart = chart_of(folder)
    (folder / "values.yaml").write_text("replicas: 2\n")
    with pytest.raises(ContentError, match=r"charts/web/values\.yaml changed while it was packed"):
        pack_chart(chart)
    (folder / "Chart.yaml").unlink()
    with pytest.raises(ContentError, match=r"`charts/web` has no Chart\.yaml"):
        pack_chart(chart)


def test_an_archive_that_changed_is_not_pushed(tmp_path: Path) -> None:
    path = archive(tmp_path, {"Chart.yaml": chart_yaml()})
    chart = chart_of(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ContentError, match=r"charts/web-1\.0\.0\.tgz changed while it was packed"):
        pack_chart(chart)
    path.unlink()
    with pytest.raises(ContentError, match="cannot be read"):
        pack_chart(chart)


def test_a_diff_shows_the_lines_of_documents_as_helm_writes_them(tmp_path: Path) -> None:
    before: Files = {
        "Chart.yaml": chart_yaml(more="appVersion: '1'\n"),
        "values.yaml": "a: 1\n",
        "old.txt": "",
    }
    after: Files = {
        "Chart.yaml": "{version: 1.0.0, name: web, apiVersion: v2, appVersion: '2'}",
        "values.yaml": "a: 1\n",
        "charts/redis-7.0.0.tgz": tgz({"Chart.yaml": chart_yaml("redis", "7.0.0")}),
    }
    layer = packed(chart_of(make_chart(tmp_path / "before", files=before)))
    live = read_chart_layer(io.BytesIO(layer))
    assert isinstance(live, Content)
    found = diff_charts(live, chart_of(make_chart(tmp_path / "after", files=after)), io.BytesIO(layer))
    assert [(each.path, each.status.value, each.lines, each.note) for each in found] == [
        (
            "Chart.yaml",
            "changed",
            ("@@ -1,4 +1,4 @@", " apiVersion: v2", '-appVersion: "1"', '+appVersion: "2"', " name: web", " version: 1.0.0"),
            None,
        ),
        ("charts/redis/Chart.yaml", "added", (), None),
        ("old.txt", "removed", (), None),
    ]  # fmt: skip


def test_a_plus_sign_becomes_an_underscore_in_the_tag_and_back() -> None:
    assert chart_tag("1.2.3+a.b") == "1.2.3_a.b"
    assert chart_version("1.2.3_a.b") == "1.2.3+a.b"
