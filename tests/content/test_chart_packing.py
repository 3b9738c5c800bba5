"""Charts against the real `helm package`: what it packs and regsync reads and packs are the same."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regsync.content.chart import Chart, pack_chart, read_chart
from regsync.content.chartlayer import read_chart_layer
from tests.content.trees import trees, write
from tests.support.charts import Files, chart_yaml, helm_package, make_chart, members, tgz

DEPENDENCIES = """\
dependencies:
- name: redis
  version: ~7
  repository: https://charts.example.com/a?b=1&c=2
  condition: redis.enabled
  tags: [base, 1, yes]
  import-values: [data, {child: a, parent: b}]
- {name: common, version: "1.x", repository: "", alias: base}
"""
SUBCHARTS: Files = {
    "charts/redis/Chart.yaml": chart_yaml("redis", "7.2.0"),
    "charts/redis/.helmignore": "*.md\n",
    "charts/redis/README.md": "kept: only the chart's own rules count\n",
    "charts/redis/charts/metrics-1.0.tgz": tgz({"Chart.yaml": chart_yaml("metrics", "1.0.0")}, top="m"),
    "charts/common-1.1.0.tgz": tgz({"Chart.yaml": chart_yaml("common", "1.1.0"), "values.yaml": "a: 1\n"}),
    "charts/common-1.1.0.tgz.prov": "signed",
    "charts/.gitkeep": "",
    "charts/_old/notes.txt": "not packed",
}
LOCK = """\
generated: "2024-05-06T07:08:09.120000000+02:00"
digest: sha256:abc
dependencies:
- {name: redis, repository: https://charts.example.com, version: 7.2.0}
"""
ODD: Mapping[str, Files] = {
    "plain": {},
    "build metadata and all fields": {
        "Chart.yaml": (Path(__file__).parents[1] / "data/charts/hello-chart.yaml").read_text("utf-8"),
        "charts/common/Chart.yaml": chart_yaml("common", "0.1.0"),
        "charts/bare/Chart.yaml": chart_yaml("bare", "0.2.5"),
    },
    "dependencies, packed and not": {
        "Chart.yaml": chart_yaml(more=DEPENDENCIES),
        **SUBCHARTS,
        "Chart.lock": LOCK,
    },
    "requirements of old charts": {
        "Chart.yaml": "name: web\nversion: 1.0.0\ndependencies: [{name: gone}]\n",
        "requirements.yaml": DEPENDENCIES,
        "requirements.lock": LOCK,
        "Chart.lock": LOCK,
        **SUBCHARTS,
    },
    "requirements in new charts": {
        "Chart.yaml": chart_yaml(),
        "requirements.yaml": DEPENDENCIES,
        "requirements.lock": LOCK,
        **SUBCHARTS,
    },
    "an empty lock": {"Chart.lock": "# nothing\n"},
    "scalars of YAML 1.1": {
        "Chart.yaml": chart_yaml(
            more="appVersion: 1.10\ndescription: yes\nhome: 0777\nicon: 1e10\ncondition: 08\ntags: 1_000\n"
            "kubeVersion: 2001-01-01\nkeywords: [on, 12e03, ~, .5, 1:30, 20210101.1, 123456789012345678901]\n"
            "deprecated: yes\nunknown: {a: b}\nType: application\n"
        )
    },
    "texts that need quotes": {
        "Chart.yaml": chart_yaml(
            more="annotations:\n  changes: |\n    - one\n    - two\n  spaces: ' a '\n  bell: \"a\\u0007\\tb\"\n"
            "  number: '1.10'\n  'yes': 'on'\n  date: '2001-01-01'\n  empty: ''\n  line: \"a\\u2028b\"\n"
            f"  long: {'words and ' * 20}end\n  quoted: '- {'words and ' * 20}end'\n"
            'keywords: ["<<", "a: b", "#c", "*d", "&e", "!f", "1:30", "~", "it\'s"]\n'
        )
    },
    "texts that are tidied": {
        "Chart.yaml": chart_yaml(
            more='description: "Größer <b>&</b> \\"quoted\\"\\u00a0→\\n\\u200dnext\\u00ad line 😀"\n'
            'keywords: ["a\\tb"]\nmaintainers: [{name: "Zoë\\u00a0E", email: z@example.com}, {name: A & B}]\n'
        )
    },
    "aliases, comments, line ends and byte order marks": {
        "Chart.yaml": "\ufeff# first\r\n---\r\nx: &x {name: other, home: h}\r\nname: web\r\n<<: *x\r\nversion: 1.0.0\r\n"
        "name: web\r\n...\r\n---\r\nsecond: [",
        "values.yaml": "\ufeffa: 1 # comment\r\nb: 2\r\nb: 3\r\n",
        "templates/cm.yaml": "\ufeffkind: ConfigMap\r\n",
    },
    "files of all kinds": {
        "values.schema.json": '{"type": "object"}',
        "crds/a.yaml": "kind: CustomResourceDefinition\n",
        "templates/.hidden": "never packed",
        "templates/tests/.kept": "",
        "templates/_helpers.tpl": "",
        "a/b": "",
        "a-b": "",
        "a.b": "",
        "ünïcode ☃.txt": "✓",
        f"{'deep/' * 30}{'a-long-file-name' * 8}.txt": "deep",
        ".helmignore": "",
    },
    "ignored files": {
        ".helmignore": "# comment\n.git\n*.md\n/root.txt\nfolder/\n  docs/*.txt  \nci/[a-c]?.yaml\n\\#x\n",
        ".git/config": "",
        "a/README.md": "",
        "root.txt": "",
        "a/root.txt": "kept",
        "folder/x": "",
        "a/folder": "kept: a file",
        "docs/a.txt": "",
        "docs/deep/a.txt": "kept",
        "ci/ab.yaml": "",
        "ci/zz.yaml": "kept",
        "#x": "",
    },
}


def chart_of(path: Path) -> Chart:
    read = read_chart(path, path.name)
    assert read.chart is not None, read.diagnostics
    return read.chart


def packed(chart: Chart) -> bytes:
    with pack_chart(chart) as layer, layer.open() as stream:
        return stream.read()


@pytest.mark.parametrize("files", ODD.values(), ids=ODD)
def test_what_helm_packs_is_what_regsync_reads_and_packs(files: Files, tmp_path: Path) -> None:
    folder = make_chart(tmp_path, files=files)
    chart = chart_of(folder)
    archive = helm_package(folder, tmp_path / "helm")
    assert read_chart_layer(io.BytesIO(archive.read_bytes())) == chart.content
    assert sorted(members(packed(chart))) == sorted(members(archive.read_bytes()))
    given = chart_of(archive)
    assert (given.content, given.config) == (chart.content, chart.config)
    assert packed(given) == archive.read_bytes()


def test_entries_are_in_the_order_of_helm(tmp_path: Path) -> None:
    one: Files = {
        "charts/redis/Chart.yaml": chart_yaml("redis"),
        "charts/redis/a.txt": "",
        "Chart.lock": LOCK,
    }
    folder = make_chart(tmp_path, files={**ODD["files of all kinds"], **one})
    archive = helm_package(folder, tmp_path / "helm").read_bytes()
    assert members(packed(chart_of(folder))) == members(archive)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


SCALARS = st.one_of(
    st.sampled_from(
        ["1.10", "yes", "~", "0777", "1e3", "null", "''", "2001-01-01", "!!str 7", "+1", "-.5", "1:30"]
    ),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12).map(quoted),
)


@st.composite
def charts(draw: st.DrawFn) -> dict[str, bytes]:
    fields = draw(
        st.dictionaries(st.sampled_from(["description", "home", "icon", "appVersion", "condition"]), SCALARS)
    )
    keywords = draw(st.lists(SCALARS, max_size=3))
    annotations = draw(st.dictionaries(st.sampled_from("abAB"), SCALARS, max_size=3))
    lines = [f"{key}: {value}" for key, value in fields.items()]
    lines += ["keywords:", *(f"- {each}" for each in keywords)] if keywords else []
    lines += (
        ["annotations:", *(f"  {key}: {each}" for key, each in annotations.items())] if annotations else []
    )
    kept = (
        path for path in draw(trees()) if not any(each in path for each in (".yaml", ".helmignore", "\\"))
    )
    files = dict.fromkeys(kept, b"text")
    return {**files, "Chart.yaml": chart_yaml(more="\n".join(lines) + "\n").encode()}


@settings(max_examples=15)
@given(charts())
def test_any_chart_that_helm_packs_is_read_alike(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write(Path(scratch, "web"), files)
        chart = chart_of(folder)
        archive = helm_package(folder, Path(scratch, "helm")).read_bytes()
        assert read_chart_layer(io.BytesIO(archive)) == chart.content
        assert members(packed(chart)) == members(archive)
