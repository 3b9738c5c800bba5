from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from regsync.content.chart import read_chart
from regsync.model.errors import AuthenticationFailed, NotFound, ProtocolError, Unreachable
from regsync.model.reference import sha256_digest
from regsync.model.upstream import UpstreamChart
from regsync.registries.base import RawManifest
from regsync.registries.distribution import DistributionStore
from regsync.registries.image import IMAGE_MANIFEST, BytesBlob
from regsync.sources.base import Offer
from regsync.sources.oci import OciSource
from regsync.transport.client import Transport
from tests.sources.rig import LOGIN, asked, means, trusting
from tests.support.charts import helm, helm_package, make_chart
from tests.support.servers import PASSWORD, USER, DistributionServer
from tests.transport.rig import make_spec


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[DistributionServer]:
    """A registry to which the real Helm has pushed some versions of a chart."""
    with DistributionServer(tmp_path / "registry", tls=True, login=True) as server:
        for version in ("1.0.0", "1.1.0+build.2", "2.0.0-rc.1", "v3.0.0"):
            push(server, helm_package(make_chart(tmp_path / version, "web", version), tmp_path / "packed"))
        yield server


def push(server: DistributionServer, archive: Path) -> None:
    login = ("--ca-file", server.ca_file, "--username", USER, "--password", PASSWORD)
    helm("push", archive, f"oci://{server.host}/charts", *login)


def wanting(server: DistributionServer, **fields: Any) -> UpstreamChart:
    given = {"auth": LOGIN, "tls": trusting(server.ca_file), **fields}
    return asked(f"oci://{server.host}/charts", **given)


@pytest.fixture
def source(upstream: DistributionServer, tmp_path: Path) -> Iterator[OciSource]:
    with closing(OciSource(wanting(upstream), means(tmp_path))) as source:
        yield source


def store(server: DistributionServer) -> DistributionStore:
    spec = make_spec(server.url, auth=LOGIN, tls=trusting(server.ca_file))
    return DistributionStore(Transport(spec, environment={"SHELF_PASSWORD": PASSWORD}))


def test_a_range_looks_through_the_tags_as_helm_does(source: OciSource) -> None:
    versions = {each.version for each in source.offers("web", ">=1")}
    assert versions == {"1.0.0", "1.1.0+build.2", "2.0.0-rc.1"}
    assert "v3.0.0" in {each.version for each in source.offers("web", "v3.0.0")}


def test_a_whole_version_needs_no_list(upstream: DistributionServer, source: OciSource) -> None:
    source.fetch("web", *source.offers("web", "1.0.0"))
    assert not [each for each in upstream.requests() if "tags/list" in each.path]


def test_a_chart_is_kept_as_it_stands_there(
    upstream: DistributionServer, source: OciSource, tmp_path: Path
) -> None:
    [offer] = source.offers("web", "1.1.0+build.2")
    found = source.fetch("web", offer)

    archive = tmp_path / "packed" / "web-1.1.0+build.2.tgz"
    chart = read_chart(archive, "web").chart
    assert chart is not None
    assert found.archive.read() == archive.read_bytes()
    assert found.content == chart.content
    assert found.config == chart.config
    assert found.copied is not None
    assert found.pin.source == f"oci://{upstream.host}/charts/web:1.1.0_build.2"
    with closing(store(upstream)) as there:
        live = there.get_manifest("charts/web", "1.1.0_build.2")
    assert found.copied.manifest == live
    assert found.pin.digest == live.digest
    named = json.loads(live.data)
    assert {each.digest for each in found.copied.blobs} == {
        each["digest"] for each in (*named["layers"], named["config"])
    }


def test_the_age_of_a_version_is_what_its_annotation_says(source: OciSource) -> None:
    [offer] = source.offers("web", "1.0.0")
    created = source.created("web", offer)
    assert created is not None
    assert created.year >= 2020


def test_what_was_pinned_comes_from_the_cache_without_a_request(
    upstream: DistributionServer, source: OciSource, tmp_path: Path
) -> None:
    found = source.fetch("web", *source.offers("web", "1.0.0"))
    before = len(upstream.requests())
    with closing(OciSource(wanting(upstream), means(tmp_path))) as again:
        assert again.fetch_pinned("web", found.pin) == found
    assert len(upstream.requests()) == before


def test_what_was_pinned_is_fetched_by_its_digest_though_the_tag_has_moved(
    upstream: DistributionServer, source: OciSource, tmp_path: Path
) -> None:
    found = source.fetch("web", *source.offers("web", "1.0.0"))
    anew = make_chart(tmp_path / "anew", "web", "1.0.0", files={"values.yaml": "replicas: 9\n"})
    push(upstream, helm_package(anew, tmp_path / "anew-packed"))
    with closing(OciSource(wanting(upstream), means(tmp_path / "another"))) as again:
        fetched = again.fetch_pinned("web", found.pin)
    assert fetched.pin == found.pin
    assert fetched.archive.read() == found.archive.read()


def test_a_chart_that_is_not_what_its_tag_says_is_refused(
    upstream: DistributionServer, source: OciSource
) -> None:
    with closing(store(upstream)) as there:
        there.put_manifest("charts/web", "9.9.9", there.get_manifest("charts/web", "1.0.0"))
    with pytest.raises(ProtocolError, match=r"holds web 1\.0\.0, but is offered as web 9\.9\.9"):
        source.fetch("web", *source.offers("web", "9.9.9"))


def test_what_is_no_chart_is_refused(upstream: DistributionServer, source: OciSource) -> None:
    blob = BytesBlob(b"{}")
    named = {"mediaType": "application/x", "digest": blob.digest, "size": 2}
    data = json.dumps(
        {"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "config": named, "layers": [named]}
    ).encode()
    with closing(store(upstream)) as there:
        there.put_blob("charts/web", blob, lambda sent: None)
        there.put_manifest("charts/web", "5.0.0", RawManifest(sha256_digest(data), IMAGE_MANIFEST, data))
    with pytest.raises(ProtocolError, match="is no Helm chart"):
        source.fetch("web", *source.offers("web", "5.0.0"))


def test_a_chart_that_is_not_there_is_told(source: OciSource) -> None:
    with pytest.raises(NotFound, match="charts/missing"):
        source.offers("missing", "*")
    with pytest.raises(NotFound, match=r"charts/web/manifests/7\.0\.0"):
        source.fetch("web", Offer("7.0.0", "oci://anywhere/web:7.0.0"))
    with pytest.raises(ProtocolError, match="no repository name"):
        source.offers("Web!", "*")


def test_a_login_that_is_refused_and_a_registry_that_is_down_are_told(
    upstream: DistributionServer, tmp_path: Path
) -> None:
    wrong = means(tmp_path, SHELF_PASSWORD="wrong-secret")
    with (
        closing(OciSource(wanting(upstream), wrong)) as source,
        pytest.raises(AuthenticationFailed, match="was refused") as refused,
    ):
        source.offers("web", "*")
    assert "wrong-secret" not in f"{refused.value}{refused.value.hint}"
    with closing(OciSource(asked("oci://127.0.0.1:1/charts"), means(tmp_path))) as source:
        source._store._http._patience._sleep = lambda seconds: None
        with pytest.raises(Unreachable):
            source.offers("web", "*")
