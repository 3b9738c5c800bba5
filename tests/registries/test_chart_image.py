"""OCI manifests of charts: against captured bytes, and between regsync and the real Helm through a real registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regsync.content.cache import IndexCache
from regsync.content.chart import Chart, pack_chart, read_chart
from regsync.model.reference import Address, sha256_digest
from regsync.model.registry import Provider
from regsync.model.state import LiveArtifact
from regsync.registries.artifacts import StoreRegistry
from regsync.registries.base import Blob, Payload, RawManifest, Surroundings, Wanted, open_registry
from regsync.registries.chart_image import chart_annotations, chart_image, chart_manifest
from regsync.registries.image import (
    CHART_LAYER,
    CONTENT_MARK,
    CREATED,
    EMPTY_CONFIG,
    EPOCH,
    IMAGE_MANIFEST,
    OLD_CHART_LAYER,
    OWNER_MARK,
    PROVENANCE_LAYER,
    BytesBlob,
    Image,
    Layer,
    image_manifest,
    recognise,
)
from tests.registries.stores import spec_of
from tests.registries.vendor import NAME, OWNER, create, ignore, run, update, wanting
from tests.support.charts import chart_yaml, helm, helm_package, make_chart, members
from tests.support.servers import DistributionServer

DATA = Path(__file__).parents[1] / "data" / "charts"
HELLO = "hello-chart-1.2.3+build.4.tgz"
CLASSIC = "classic-15.0.1.tgz"
PUSHED = "2023-11-14T22:13:20Z"


def data(name: str) -> bytes:
    return (DATA / name).read_bytes()


def raw(document: dict[str, Any] | bytes) -> RawManifest:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawManifest(sha256_digest(text), IMAGE_MANIFEST, text)


@pytest.mark.parametrize(
    ("archive", "chart", "proof", "manifest", "created"),
    [
        (HELLO, "hello-chart", None, "hello-chart.manifest.json", PUSHED),
        (HELLO, "hello-chart", None, "hello-chart.berlin.json", "2023-11-14T23:13:20+01:00"),
        (CLASSIC, "classic", None, "classic.manifest.json", PUSHED),
        (CLASSIC, "classic", "signed.prov", "signed.manifest.json", PUSHED),
    ],
)
def test_the_bytes_are_those_of_helm(
    archive: str, chart: str, proof: str | None, manifest: str, created: str
) -> None:
    config = BytesBlob(data(f"{chart}.config.json"))
    layers: list[tuple[str, Blob]] = [(CHART_LAYER, BytesBlob(data(archive)))]
    if proof:
        layers.append((PROVENANCE_LAYER, BytesBlob(data(proof))))
    written = chart_manifest(config, layers, chart_annotations(config.data, created))
    assert written.data == data(manifest)


def payload(*, provenance: bytes | None = None, config: bytes | None = None) -> Payload:
    layer = BytesBlob(data(CLASSIC))
    content = f"sha256:{'c' * 64}"
    return Payload(layer, "", content, OWNER, config or data("classic.config.json"), provenance)


def test_a_chart_differs_from_that_of_helm_only_by_the_fixed_moment_and_two_marks() -> None:
    image = chart_image(payload())
    helms = json.loads(data("classic.manifest.json"))
    ours = json.loads(image.manifest.data)
    layer = payload().layer.digest
    assert ours["annotations"].pop(CONTENT_MARK) == f"regsync-content-v1:sha256:{'c' * 64}@{layer}"
    assert ours["annotations"].pop(OWNER_MARK) == OWNER
    assert ours["annotations"].pop(CREATED) == EPOCH
    del helms["annotations"][CREATED]
    assert ours == helms
    assert [each.digest for each in image.blobs] == [layer, ours["config"]["digest"]]


def test_annotations_of_a_chart_cannot_stand_in_for_marks() -> None:
    config = {
        "name": "a",
        "version": "1",
        "annotations": {OWNER_MARK: "them", CONTENT_MARK: "x", CREATED: "now"},
    }
    annotations = json.loads(chart_image(payload(config=json.dumps(config).encode())).manifest.data)[
        "annotations"
    ]
    assert annotations[OWNER_MARK] == OWNER
    assert annotations[CONTENT_MARK].startswith("regsync-content-v1:")
    assert annotations[CREATED] == "now"  # which Helm lets a chart say


def test_our_own_document_is_recognised() -> None:
    chart = payload()
    layer = Layer(chart.layer.digest, chart.layer.size)
    image = recognise(chart_image(chart).manifest)
    assert image == Image(layer, chart.content, OWNER, is_chart=True, chart="classic:15.0.1")
    assert image.marked


def test_a_mark_does_not_speak_of_what_is_signed() -> None:
    image = recognise(chart_image(payload(provenance=b"signed")).manifest)
    assert image.layer is not None
    assert (image.content, image.owner) == (None, OWNER)
    assert image.provenance == Layer(sha256_digest(b"signed"), 6)


def test_annotations_that_helm_copied_from_a_chart_are_no_marks() -> None:
    image = recognise(raw(document(annotations={OWNER_MARK: OWNER, CONTENT_MARK: "regsync-content-v1:x@y"})))
    assert image.layer is not None
    assert (image.content, image.owner) == (None, None)


def document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(data("signed.manifest.json")), **changes}


def layers(**changes: Any) -> list[dict[str, Any]]:
    """The layers of a chart that is signed, the chart itself with some members changed."""
    proof, chart = document()["layers"]
    return [proof, {**chart, **changes}]


def test_layers_are_found_by_their_types() -> None:
    proof, chart = layers()
    for order in (layers(), [chart, proof]):
        image = recognise(raw(document(layers=order)))
        assert (image.layer, image.provenance) == (
            Layer(chart["digest"], chart["size"]),
            Layer(proof["digest"], proof["size"]),
        )
    assert recognise(raw(document(layers=layers(mediaType=OLD_CHART_LAYER)))).layer is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": []},
        {"layers": None},
        {"layers": ["odd", 7]},
        {"layers": layers(mediaType="application/gzip")},
        {"layers": layers(digest="sha256:short")},
        {"layers": layers(size="330")},
        {"layers": [*layers(), *layers()]},
        {"layers": [*layers(), layers()[1]]},
        {"layers": [{**layers()[0], "size": None}, layers()[1]]},
        {"manifests": []},
        {"mediaType": "application/vnd.oci.image.index.v1+json"},
    ],
    ids=range(11),
)
def test_what_helm_would_not_pull_or_could_be_two_things_is_other_content(changes: dict[str, Any]) -> None:
    image = recognise(raw(document(**changes)))
    assert (image.layer, image.content, image.provenance) == (None, None, None)
    assert image.note


def test_more_than_a_chart_is_noted() -> None:
    image = recognise(raw(document(layers=[*layers(), {"mediaType": "text/plain"}])))
    assert image.layer is not None
    assert image.note == "holds more than a chart"


@pytest.fixture
def registry(distribution: DistributionServer, tmp_path: Path) -> Iterator[StoreRegistry]:
    yield from opened(distribution, tmp_path, Provider.HELM)


@pytest.fixture
def packs(distribution: DistributionServer, tmp_path: Path) -> Iterator[StoreRegistry]:
    yield from opened(distribution, tmp_path, Provider.PACK)


def opened(server: DistributionServer, tmp_path: Path, provider: Provider) -> Iterator[StoreRegistry]:
    spec = replace(spec_of(server), provider=provider)
    registry = open_registry(spec, Surroundings({}, 4, IndexCache(tmp_path / "cache")))
    assert isinstance(registry, StoreRegistry)
    yield registry
    registry.close()


def chart_of(path: Path) -> Chart:
    read = read_chart(path, path.name)
    assert read.chart is not None, read.diagnostics
    return read.chart


def live(registry: StoreRegistry, path: str, chart: Chart) -> LiveArtifact:
    repository = f"{path}/{chart.name}"
    return run(registry.reads(Wanted(tags={repository: (chart.tag,)}))).artifacts[
        Address(NAME, repository, chart.tag)
    ]


def push(registry: StoreRegistry, path: str, chart: Chart) -> None:
    """Push a chart through regsync."""
    address = Address(NAME, f"{path}/{chart.name}", chart.tag)
    with pack_chart(chart) as layer:
        what = Payload(layer, "", chart.content.digest, OWNER, chart.config, chart.provenance)
        registry.allow_writes()
        registry.execute(wanting(create(address), what), what, ignore)


ODD = {
    "build metadata, special characters, annotations": (
        "hello-chart",
        "1.2.3+build.4",
        {
            "Chart.yaml": data("hello-chart.yaml"),
            "charts/common/Chart.yaml": chart_yaml("common", "0.1.0"),
            "charts/bare/Chart.yaml": chart_yaml("bare", "0.2.5"),
        },
    ),
    "an old chart with requirements": (
        "old",
        "0.1.0",
        {
            "Chart.yaml": "name: old\nversion: 0.1.0\nappVersion: 1.10\nannotations: {a.b/c: \"1\\n2\\n\"}\n"
            "maintainers: [{email: x@example.com}, {name: ' '}]\nsources: ['', b]\nhome: ' '\n",
            "requirements.yaml": "dependencies:\n- {name: redis, version: ~1, repository: https://example.com}\n",
            "charts/redis/Chart.yaml": chart_yaml("redis"),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "version", "files"), ODD.values(), ids=ODD)
def test_what_helm_pushed_has_our_config_our_manifest_and_our_content(
    name: str,
    version: str,
    files: dict[str, str | bytes | None],
    registry: StoreRegistry,
    distribution: DistributionServer,
    unique_path: str,
    tmp_path: Path,
) -> None:
    folder = make_chart(tmp_path, name, version, files=files)
    archive = helm_package(folder, tmp_path / "packed")
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{unique_path}")
    chart, given = chart_of(folder), chart_of(archive)
    there = live(registry, unique_path, chart)
    assert there.content == chart.content.digest == given.content.digest
    assert (there.title, there.owner, there.note) == ("", None, None)
    manifest = registry.store.get_manifest(f"{unique_path}/{name}", chart.tag)
    helms = json.loads(manifest.data)
    with registry.store.open_blob(f"{unique_path}/{name}", helms["config"]["digest"]) as stream:
        assert stream.read() == chart.config
    created = helms["annotations"][CREATED]
    ours = chart_manifest(
        BytesBlob(chart.config),
        [(CHART_LAYER, BytesBlob(archive.read_bytes()))],
        chart_annotations(chart.config, created),
    )
    assert ours.data == manifest.data


def test_what_helm_pushed_with_a_provenance_file_is_that_archive_and_not_the_folder(
    registry: StoreRegistry, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    folder = make_chart(tmp_path)
    archive = helm_package(folder, tmp_path / "packed")
    archive.with_name(f"{archive.name}.prov").write_bytes(b"signed")
    helm("push", "--plain-http", archive, f"oci://{distribution.host}/{unique_path}")
    chart = chart_of(archive)
    assert (
        live(registry, unique_path, chart).content == chart.content.digest != chart_of(folder).content.digest
    )


def test_helm_pulls_shows_and_templates_what_regsync_pushed(
    registry: StoreRegistry, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    yaml = chart_yaml("web", "1.2.3+b.4", "description: 'Größe: <&>'\ndependencies: [{name: redis}]\n")
    files = {"Chart.yaml": yaml, "charts/redis/Chart.yaml": chart_yaml("redis")}
    chart = chart_of(make_chart(tmp_path, files=files))
    push(registry, unique_path, chart)
    there = (f"oci://{distribution.host}/{unique_path}/web", "--plain-http", "--version", "1.2.3+b.4")
    (tmp_path / "pulled").mkdir()
    helm("pull", *there, "--destination", tmp_path / "pulled")
    [pulled] = (tmp_path / "pulled").iterdir()
    with pack_chart(chart) as layer, layer.open() as stream:
        assert pulled.read_bytes() == stream.read()
    assert pulled.name == "web-1.2.3+b.4.tgz"
    assert helm("show", "chart", *there).encode() == members(pulled.read_bytes())[0][2] + b"\n"
    assert "metadata: {name: web}" in helm("template", *there)
    versions = (f"oci://{distribution.host}/{unique_path}/web", "--plain-http", "--version", "^1.0.0")
    assert "version: 1.2.3+b.4" in helm("show", "chart", *versions)


def test_helm_pulls_the_archive_and_the_provenance_file_that_it_was_given(
    registry: StoreRegistry, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    archive = helm_package(make_chart(tmp_path), tmp_path / "packed")
    proof = archive.with_name(f"{archive.name}.prov")
    proof.write_bytes(b"signed")
    chart = chart_of(archive)
    push(registry, unique_path, chart)
    (tmp_path / "pulled").mkdir()
    there = (f"oci://{distribution.host}/{unique_path}/web", "--plain-http", "--version", "1.0.0")
    helm("pull", "--prov", *there, "--destination", tmp_path / "pulled")
    for each in (archive, proof):
        assert (tmp_path / "pulled" / each.name).read_bytes() == each.read_bytes()
    assert live(registry, unique_path, chart).content == chart.content.digest


def test_a_chart_is_updated_behind_its_precondition(
    registry: StoreRegistry, unique_path: str, tmp_path: Path
) -> None:
    folder = make_chart(tmp_path)
    push(registry, unique_path, chart_of(folder))
    before = live(registry, unique_path, chart_of(folder))
    assert before.marked
    (folder / "values.yaml").write_text("replicas: 2\n")
    chart = chart_of(folder)
    with pack_chart(chart) as layer:
        what = Payload(layer, "", chart.content.digest, OWNER, chart.config)
        registry.execute(wanting(update(before), what), what, ignore)
    assert live(registry, unique_path, chart).content == chart.content.digest != before.content


def test_a_pack_registry_takes_no_chart_for_a_pack_and_a_helm_registry_no_pack_for_a_chart(
    registry: StoreRegistry, packs: StoreRegistry, unique_path: str, tmp_path: Path
) -> None:
    chart = chart_of(make_chart(tmp_path))
    push(registry, unique_path, chart)
    seen = live(packs, unique_path, chart)
    assert (seen.content, seen.layer_digest, seen.owner, seen.note) == (None, None, OWNER, "a Helm chart")
    packs.allow_writes()
    address = Address(NAME, f"{unique_path}/web", "1.0.0")
    with pack_chart(chart) as layer:
        pack = Payload(layer, "web-1.0.0.tgz", f"sha256:{'a' * 64}", OWNER)
        packs.execute(wanting(update(seen), pack), pack, ignore)
    found = live(registry, unique_path, chart)
    assert (found.address, found.content, found.note) == (address, None, "no Helm chart")


def test_a_layer_that_is_no_pack_may_still_be_a_chart(
    registry: StoreRegistry, packs: StoreRegistry, unique_path: str, tmp_path: Path
) -> None:
    """Both readings are remembered, each for itself."""
    archive = helm_package(make_chart(tmp_path), tmp_path / "packed")
    chart = chart_of(archive)
    packs.allow_writes()
    layer = BytesBlob(archive.read_bytes())
    as_pack = image_manifest([Layer(layer.digest, layer.size, "web-1.0.0.tgz")], {})
    as_chart = chart_manifest(BytesBlob(chart.config), [(CHART_LAYER, layer)], {})
    for path, manifest in (("pack", as_pack), ("chart", as_chart)):
        for blob in (layer, EMPTY_CONFIG, BytesBlob(chart.config)):
            packs.store.put_blob(f"{unique_path}/{path}/web", blob, ignore)
        packs.store.put_manifest(f"{unique_path}/{path}/web", "1.0.0", manifest)
    assert live(packs, f"{unique_path}/pack", chart).content is None
    assert live(registry, f"{unique_path}/chart", chart).content == chart.content.digest
    assert live(packs, f"{unique_path}/pack", chart).content is None
