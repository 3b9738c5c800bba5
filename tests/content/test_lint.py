from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from regsync.content import lint as lint_module
from regsync.content.codes import CODES, Code
from regsync.content.lint import lint_pack
from regsync.model.diagnostic import Diagnostic, Severity
from tests.content.test_leaks import SECRETS
from tests.content.trees import gnu_tar, member, pack_of, tar, write
from tests.support.packs import make_pack

CHART = "charts/nginx-1.25.0.tgz"
PACK_JSON = {
    "addonType": "ingress",
    "cloudTypes": ["all"],
    "displayName": "Nginx",
    "layer": "addon",
    "name": "nginx",
    "version": "1.25.0",
}
IMAGES = "pack:\n  content:\n    images:\n      - image: nginx:1.25.0\n"


def lint(folder: Path) -> list[Diagnostic]:
    return list(lint_pack(pack_of(folder)))


def brief(found: Diagnostic, folder: Path) -> str:
    """A finding on one line, its place relative to the pack's folder."""
    place = str(found.origin).removeprefix(folder.name).removeprefix("/")
    return f"{Code(found.code).name} {place} {found.summary}" + (f" ({found.help})" if found.help else "")


def lint_of(tmp_path: Path, files: dict[str, str | bytes | None], *, chart: bool = False) -> list[str]:
    folder = make_pack(tmp_path, files=files, chart=chart)
    return [brief(each, folder) for each in lint(folder)]


def with_fields(**changes: Any) -> str:
    """A pack.json with some fields changed, or left out where they are None."""
    fields = {key: value for key, value in {**PACK_JSON, **changes}.items() if value is not None}
    return json.dumps(fields, indent=2)


@pytest.mark.parametrize("chart", [False, True])
def test_a_good_pack_has_no_findings(tmp_path: Path, chart: bool) -> None:
    assert lint_of(tmp_path, {}, chart=chart) == []


def test_every_finding_is_explained_and_those_of_the_lint_are_warnings() -> None:
    assert set(CODES) == set(Code)
    for code, explanation in CODES.items():
        assert explanation.code == code
        is_error = code < "RS220" or "RS241" <= code <= "RS252"
        assert explanation.severity is (Severity.ERROR if is_error else Severity.WARNING)
        assert not explanation.title.endswith(".")
        assert explanation.text.endswith(".")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"values.yaml": None},
            ["VALUES_MISSING :1:1 the pack has no `values.yaml` (add one; it may be empty)"],
        ),
        ({"README.md": None}, ["README_MISSING :1:1 the pack has no `README.md`"]),
        ({"logo.png": None}, ["LOGO_MISSING :1:1 the pack has no `logo.png`"]),
        (
            {"charts/.DS_Store": b""},
            [
                "JUNK_FILE charts/.DS_Store:1:1 `charts/.DS_Store` is no part of the pack and left out (delete it)"
            ],
        ),
    ],
)
def test_files_that_palette_expects_or_ignores(
    tmp_path: Path, files: dict[str, str | bytes | None], expected: list[str]
) -> None:
    assert lint_of(tmp_path, files) == expected


def test_a_folder_that_is_not_called_name_and_version(tmp_path: Path) -> None:
    folder = make_pack(tmp_path, "nginx", "1.25.0").rename(tmp_path / "nginx-1.24.0")
    assert [brief(each, folder) for each in lint(folder)] == [
        "FOLDER_NAME pack.json:13:14 the folder `nginx-1.24.0` holds nginx 1.25.0 (call it `nginx-1.25.0`)"
    ]


def test_a_version_that_starts_with_a_v(tmp_path: Path) -> None:
    folder = make_pack(tmp_path, "nginx", "v1.25.0")
    assert [brief(each, folder) for each in lint(folder)] == [
        "VERSION_LEADING_V pack.json:13:14 the version `v1.25.0` starts with a v (use `1.25.0`)"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"displayName": None}, ["FIELD_MISSING pack.json:1:1 pack.json has no `displayName`"]),
        ({"displayName": ""}, ["FIELD_MISSING pack.json:6:18 pack.json has no `displayName`"]),
        ({"layer": None}, ["FIELD_MISSING pack.json:1:1 pack.json has no `layer`"]),
        (
            {"cloudTypes": None},
            ['FIELD_MISSING pack.json:1:1 pack.json has no `cloudTypes` (add `"cloudTypes": ["all"]`, or name the clouds)'],
        ),
        ({"cloudTypes": None, "cloudType": "aws"}, []),
        (
            {"addonType": None},
            [
                ("FIELD_MISSING pack.json:6:12 pack.json has no `addonType`, which packs of layer addon need "
                '(add `"addonType": "system app"`, or another type that Palette filters by)')
            ],
        ),
        ({"addonType": None, "layer": "csi"}, []),
        ({"layer": "addons"}, ["FIELD_UNKNOWN pack.json:7:12 the layer `addons` is not known (did you mean `addon`?)"]),
        (
            {"layer": "x"},
            ["FIELD_UNKNOWN pack.json:7:12 the layer `x` is not known (one of kernel, os, k8s, cni, csi, addon)"],
        ),
        (
            {"cloudTypes": ["aws", "vspere"]},
            ["FIELD_UNKNOWN pack.json:5:5 the cloud `vspere` is not known (did you mean `vsphere`?)"],
        ),
        (
            {"kubeManifest": []},
            ["FIELD_UNKNOWN pack.json:10:19 the field `kubeManifest` is not known (did you mean `kubeManifests`?)"],
        ),
        ({"KubeManifests": [], "type": "x", "labels": {}}, []),
        ({"eol": 2026}, ["FIELD_INVALID pack.json:10:10 `eol` is not a string"]),
        ({"charts": "x.tgz"}, ["FIELD_INVALID pack.json:10:13 `charts` is not a list"]),
        ({"charts": [7]}, ["FIELD_INVALID pack.json:11:5 `charts[0]` is not a string"]),
        ({"annotations": []}, []),
        ({"annotations": ["a"]}, ["FIELD_INVALID pack.json:10:18 `annotations` is not an object"]),
        (
            {"annotations": {"a": "b", "skip": True}},
            ["FIELD_INVALID pack.json:12:13 the annotation `skip` is not a string (quote it)"],
        ),
    ],
)  # fmt: skip
def test_fields_of_pack_json(tmp_path: Path, changes: dict[str, Any], expected: list[str]) -> None:
    assert lint_of(tmp_path, {"pack.json": with_fields(**changes), "values.yaml": IMAGES}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\nb: 2\n", "values.yaml:2:2 `values.yaml`: did not find expected ',' or ']'"),
        ("a:\n\tb: 1\n", "values.yaml:2:1 `values.yaml`: found character that cannot start any token"),
        (
            "a: {b: 1, c: 2, b: 3}\n",
            "values.yaml:1:17 `values.yaml`: the key b is written twice in one mapping",
        ),
        ("a: 1\n---\nb: 1\n", "values.yaml:3:1 `values.yaml`: a second document starts here"),
        ("a: *b\n", "values.yaml:1:4 `values.yaml`: the alias *b is not defined before"),
        ("a: {{ .spectro.x }}.com\n", "values.yaml:1:20 `values.yaml`: did not find expected key"),
        (b"a: caf\xe9\n", "values.yaml:1:1 `values.yaml` is not UTF-8"),
    ],
)
def test_values_that_are_no_yaml(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert lint_of(tmp_path, {"values.yaml": text}) == [f"YAML_INVALID {expected}"]


def test_texts_in_brackets_may_hold_colons(tmp_path: Path) -> None:
    values = IMAGES + "manifests: {nginx: {url: https://example.com/?a=b}}\n"
    assert lint_of(tmp_path, {"values.yaml": values}) == []


def test_values_beyond_reason_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_module, "TEXT_LIMIT", 100)
    assert lint_of(tmp_path, {"values.yaml": "#" * 101}) == [
        "YAML_INVALID values.yaml:1:1 `values.yaml` is too large to be checked"
    ]


@pytest.mark.parametrize("name", ["schema.yaml", "presets.yaml"])
def test_other_files_that_palette_reads_as_yaml(tmp_path: Path, name: str) -> None:
    assert lint_of(tmp_path, {name: "a: b: c\n"}) == [
        f"YAML_INVALID {name}:1:5 `{name}`: mapping values are not allowed in this context"
    ]


def test_macros_anchors_and_merge_keys_are_fine(tmp_path: Path) -> None:
    values = IMAGES + (
        "defaults: &d {nginx: {a: 1}}\ncharts:\n  <<: *d\n  nginx:\n    cluster: {{ .spectro.system.cluster.name }}\n"
        "    other: *d\n    <<: [*d, *d]\n---\n"
    )
    assert lint_of(tmp_path, {"values.yaml": values}, chart=True) == []


def test_a_chart_that_is_not_there(tmp_path: Path) -> None:
    found = lint_of(tmp_path, {CHART: None, "charts/nginx-1.24.0.tgz": b""}, chart=True)
    assert found == [
        (
            "CHART_UNREFERENCED charts/nginx-1.24.0.tgz:1:1 the chart archive `charts/nginx-1.24.0.tgz` is not listed in "
            "pack.json (add it to charts in pack.json, or delete it)"
        ),
        f"CHART_MISSING pack.json:15:5 the chart `{CHART}` is not in the pack (did you mean `charts/nginx-1.24.0.tgz`?)",
    ]


def test_archives_of_an_unpacked_charts_own_dependencies_need_no_entry(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "charts/web/Chart.yaml": "name: web",
        "charts/web/charts/sub-1.tgz": b"",
    }
    assert lint_of(tmp_path, files) == []


def chart(*files: tuple[str, str]) -> bytes:
    return gzip.compress(tar(*(member(path, text.encode()) for path, text in files)).read())


@pytest.mark.parametrize(
    "archive",
    [
        chart(("./Chart.yaml", "name: nginx")),
        chart(("other/values.yaml", ""), ("other/charts/sub/Chart.yaml", "name: sub"), ("other/Chart.yaml", "name: nginx")),
        tar(member("nginx/Chart.yaml", b"name: nginx")).read(),
    ],
    ids=["flat", "late", "plain"],
)  # fmt: skip
def test_charts_that_helm_loads(tmp_path: Path, archive: bytes) -> None:
    assert lint_of(tmp_path, {CHART: archive}, chart=True) == []


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "is no tar archive"),
        (gzip.compress(b"x" * 600, mtime=0), "is no tar archive, or damaged"),
        (chart(("nginx/values.yaml", "")), "has no Chart.yaml"),
        (chart(("nginx/Chart.yaml", "version: 1")), "has a Chart.yaml without a name"),
        (chart(("nginx/Chart.yaml", "a: b: c")), "has a Chart.yaml that is no YAML"),
    ],
)
def test_charts_that_cannot_be_read(tmp_path: Path, archive: bytes, why: str) -> None:
    assert lint_of(tmp_path, {CHART: archive}, chart=True) == [
        f"CHART_UNREADABLE pack.json:15:5 the chart archive `{CHART}` {why}"
    ]


def test_values_under_a_key_that_is_not_the_charts_name(tmp_path: Path) -> None:
    values = IMAGES + "charts:\n  ngnix:\n    replicas: 1\n  replicas: 2\n"
    assert lint_of(tmp_path, {"values.yaml": values}, chart=True) == [
        (
            "CHART_VALUES_MISSING values.yaml:5:1 values.yaml has no `charts.nginx`, the block for that chart's values "
            "(put them under `charts.nginx`: the name is the one in its Chart.yaml)"
        ),
        "CHART_VALUES_STRAY values.yaml:6:3 `charts.ngnix` bears the name of no chart of the pack (did you mean `nginx`?)",
        "CHART_VALUES_STRAY values.yaml:8:3 `charts.replicas` bears the name of no chart of the pack",
    ]


def test_values_for_a_chart_that_cannot_be_read_are_not_called_stray(tmp_path: Path) -> None:
    assert "STRAY" not in str(lint_of(tmp_path, {CHART: b"damaged"}, chart=True))


def test_manifests(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {
        "manifests/nginx.yaml": None,
        "manifests/ngin.yaml": "",
        "values.yaml": IMAGES + "manifests:\n  nginx: {}\n  ngnix: {}\n",
    }
    assert lint_of(tmp_path, files) == [
        (
            "MANIFEST_MISSING pack.json:15:5 the manifest `manifests/nginx.yaml` is not in the pack "
            "(did you mean `manifests/ngin.yaml`?)"
        ),
        (
            "MANIFEST_VALUES_STRAY values.yaml:7:3 `manifests.ngnix` bears the name of no manifest of the pack "
            "(did you mean `nginx`?)"
        ),
    ]


IMAGE_ENTRIES = (
    "pack:\n  content:\n    images:\n      - image: a\n      - iamge: b\n      - c\n      - image: ''\n"
)


def test_entries_that_name_no_image(tmp_path: Path) -> None:
    assert lint_of(tmp_path, {"values.yaml": IMAGE_ENTRIES}) == [
        "IMAGE_ENTRY values.yaml:5:9 `pack.content.images[1]` names no image (did you mean `image`?)",
        "IMAGE_ENTRY values.yaml:6:9 `pack.content.images[2]` names no image (write it as `image: REFERENCE`)",
        "IMAGE_ENTRY values.yaml:7:9 `pack.content.images[3]` names no image (write it as `image: REFERENCE`)",
    ]


@pytest.mark.parametrize(
    ("values", "place"),
    [("", "1:1"), ("# none\n", "1:1"), ("pack:\n  namespace: x\n", "2:3"), ("pack:\n  content:\n    images: []\n", "3:13")],
)  # fmt: skip
def test_no_images_at_all(tmp_path: Path, values: str, place: str) -> None:
    assert lint_of(tmp_path, {"values.yaml": values}) == [
        f"IMAGES_MISSING values.yaml:{place} values.yaml lists no images under `pack.content.images`"
    ]


@pytest.mark.parametrize("layer", ["os", "k8s"])
def test_packs_of_the_operating_system_and_of_kubernetes_need_no_images(tmp_path: Path, layer: str) -> None:
    assert lint_of(tmp_path, {"pack.json": with_fields(layer=layer), "values.yaml": ""}) == []


def test_secrets_are_found_in_text_files_and_never_shown(tmp_path: Path) -> None:
    key, token = SECRETS["private key"], SECRETS["GitHub token"]
    folder = make_pack(
        tmp_path,
        files={"certs/tls.key": key, "docs/x.md": f"\n\nuse {token}\n", "binary": b"\0" + key.encode()},
    )
    found = lint(folder)
    assert [brief(each, folder) for each in found] == [
        (
            "SECRET certs/tls.key:1:1 `certs/tls.key` holds what looks like a secret: private key "
            "(revoke it if it is real, and take it out of the pack)"
        ),
        (
            "SECRET docs/x.md:3:1 `docs/x.md` holds what looks like a secret: GitHub token "
            "(revoke it if it is real, and take it out of the pack)"
        ),
    ]
    assert token not in repr(found)


def test_the_line_shown_with_a_finding_hides_secrets(tmp_path: Path) -> None:
    text = f"pack: {{content: {{images: [{{iamge: x, token: {SECRETS['GitHub token']}}}, {{image: y}}]}}}}\n"
    found = lint(make_pack(tmp_path, files={"values.yaml": text}))
    assert {each.code for each in found} == {Code.IMAGE_ENTRY, Code.SECRET}
    assert any(each.snippet and "(secret)" in each.snippet.text for each in found)
    assert SECRETS["GitHub token"] not in repr(found)


def test_a_chart_in_a_folder_of_any_name_gives_its_name(tmp_path: Path) -> None:
    archive = gnu_tar(write(tmp_path / "working copy", {"Chart.yaml": b"name: nginx\n"}))
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == ["working copy", "working copy/Chart.yaml"]
    assert lint_of(tmp_path, {CHART: archive}, chart=True) == []
