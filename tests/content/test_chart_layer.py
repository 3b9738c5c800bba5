from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from regsync.content.chartlayer import ARCHIVE, PROVENANCE, extract_chart, read_chart_layer, signed
from regsync.content.index import OtherContent
from regsync.model.content import Content, FileEntry
from tests.content.trees import member, tar
from tests.support.charts import chart_yaml, tgz

CHART = tgz(
    {
        "Chart.yaml": chart_yaml(),
        "values.yaml": "a: 1\n",
        "charts/redis.tgz": tgz({"Chart.yaml": "name: r\nversion: 1.0.0"}),
    }
)


def reason(layer: bytes) -> str:
    found = read_chart_layer(io.BytesIO(layer))
    assert isinstance(found, OtherContent)
    return found.reason


def paths(layer: bytes) -> list[str]:
    found = read_chart_layer(io.BytesIO(layer))
    assert isinstance(found, Content)
    return [each.path for each in found.files]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_layer_is_read_to_its_end_however_it_comes(step: int) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(step, size or 0))

    stream = Slow(CHART)
    assert read_chart_layer(stream) == read_chart_layer(io.BytesIO(CHART))
    assert stream.tell() == len(CHART)


@pytest.mark.parametrize(
    "layer",
    [
        b"not an archive" * 1000,
        CHART[:-20] + bytes(20) + b"more",
        tgz({"../x": ""}, top="") + bytes(70_000),
        CHART[:100],
    ],
    ids=["noise", "damaged", "unsafe", "cut"],
)
def test_what_is_no_chart_is_other_content_and_read_to_its_end(layer: bytes) -> None:
    stream = io.BytesIO(layer)
    assert isinstance(read_chart_layer(stream), OtherContent)
    assert stream.tell() == len(layer)


def test_reasons_complete_a_sentence_about_the_archive() -> None:
    prefix = "is no chart that Helm loads: "
    assert reason(b"x") == f"{prefix}the archive `it` is not compressed with gzip"
    assert reason(tgz({"values.yaml": ""})) == f"{prefix}`it` has no Chart.yaml"
    assert reason(tgz({"Chart.yaml": "name: a"})) == f"{prefix}Chart.yaml has no `version`"


def test_what_a_stream_raises_passes_through() -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        read_chart_layer(Broken())


def test_values_are_not_judged_in_a_registry() -> None:
    assert paths(tgz({"Chart.yaml": chart_yaml(), "values.yaml": "a: [", "values.schema.json": "{"})) == [
        "Chart.yaml",
        "values.schema.json",
        "values.yaml",
    ]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(kind: bytes) -> None:
    plain = tar(
        member("web/Chart.yaml", chart_yaml().encode()),
        member("web/link", kind=kind, target="web/Chart.yaml"),
    )
    assert reason(gzip.compress(plain.getvalue())).endswith(
        "the archive `it` holds a link, link, which Helm takes for an empty file"
    )


def test_a_file_that_is_there_twice_makes_the_bytes_of_the_archive_count() -> None:
    twice = tar(*[member("web/Chart.yaml", chart_yaml().encode())] * 2)
    assert paths(gzip.compress(twice.getvalue())) == [ARCHIVE]


def test_headers_that_git_writes_are_passed_over() -> None:
    plain = tar(member("web/Chart.yaml", chart_yaml().encode()))
    with tarfile.open(
        fileobj=(buffer := io.BytesIO()), mode="w", pax_headers={"comment": "a" * 40}
    ) as archive:
        info, data = member("web/Chart.yaml", chart_yaml().encode())
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    assert paths(gzip.compress(buffer.getvalue())) == paths(gzip.compress(plain.getvalue())) == ["Chart.yaml"]


def test_files_are_extracted_by_the_paths_they_have_in_the_content() -> None:
    wanted = ["Chart.yaml", "charts/r/Chart.yaml", "values.yaml", "gone", ARCHIVE]
    assert extract_chart(io.BytesIO(CHART), wanted, 1000) == {
        "Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/r/Chart.yaml": b"apiVersion: v1\nname: r\nversion: 1.0.0\n",
        "values.yaml": b"a: 1\n",
    }
    assert extract_chart(io.BytesIO(CHART), wanted, 5) == {"values.yaml": b"a: 1\n"}
    assert extract_chart(io.BytesIO(b"noise"), wanted, 1000) == {}


def test_a_signed_chart_has_the_archive_and_its_provenance_beside_its_files() -> None:
    content = read_chart_layer(io.BytesIO(CHART))
    assert isinstance(content, Content)
    archive, proof = ("sha256:" + "a" * 64, 10), ("sha256:" + "b" * 64, 20)
    found = signed(content, archive, proof)
    assert set(found.files) - set(content.files) == {
        FileEntry(ARCHIVE, "a" * 64, 10),
        FileEntry(PROVENANCE, "b" * 64, 20),
    }
    assert signed(found, archive, ("sha256:" + "c" * 64, 20)).digest != found.digest
