from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from regsync.model.errors import RegistryError
from regsync.model.reference import sha256_digest
from regsync.registries.base import RawManifest
from regsync.registries.image import (
    ARTIFACT_MANIFEST,
    CONTENT_MARK,
    CREATED,
    EPOCH,
    IMAGE_MANIFEST,
    OWNER_MARK,
    TITLE,
    UNPACK,
    Image,
    Layer,
    base_repository_manifest,
    image_manifest,
    pack_manifest,
    rebuilt_manifest,
    recognise,
)
from tests.registries.vendor import DATA, captured, pack

MOMENT = {CREATED: "2024-01-02T03:04:05Z"}
HELLO = Layer(sha256_digest(b"hello"), 5, "nginx-1.0.0.tar.gz")
ARCHIVE = Layer(
    "sha256:be1250bea9c3f102fc8ec58f51f51b6b30e823368c4b947ccba0901d68c76b5d", 649, "hello-1.0.0.tar.gz"
)


@pytest.mark.parametrize(
    ("name", "layers"),
    [("one-file", [HELLO]), ("pack", [ARCHIVE]), ("no-file", [])],
    ids=lambda each: str(each)[:8],
)
def test_the_bytes_are_those_of_oras_1_0_0(name: str, layers: list[Layer]) -> None:
    assert image_manifest(layers, MOMENT) == captured(f"oras-1.0.0-{name}.json")


def test_texts_are_escaped_as_go_does() -> None:
    controls = rb"\t\u0001\b\f"  # which regsync refuses
    expected = (DATA / "oras-1.0.0-escaping.json").read_bytes().replace(controls, b"")
    annotations = {
        "z.last": "1",
        "A.upper": "2",
        "ü.key": "3",
        "a.<&>": 'a<b>&c "q" \\ / \u2028\u2029\x7f ü 😀',
        **MOMENT,
    }
    assert image_manifest([Layer(HELLO.digest, 5, "a&b <ü>.tar.gz")], annotations).data == expected


@pytest.mark.parametrize("text", ["a\tb", "a\x00b", "a\nb", "a\ud800b"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="control character"):
        pack_manifest(pack(owner=text))
    with pytest.raises(RegistryError, match="control character"):
        pack_manifest(pack(title=text))


def test_a_pack_differs_from_oras_1_0_0_only_by_the_fixed_moment_and_two_marks() -> None:
    payload = pack()
    manifest = pack_manifest(payload)
    document = json.loads(manifest.data)
    assert document["annotations"] == {
        CREATED: EPOCH,
        CONTENT_MARK: f"regsync-content-v1:{payload.content}@{payload.layer.digest}",
        OWNER_MARK: "platform",
    }
    layer = Layer(payload.layer.digest, payload.layer.size, payload.title)
    assert manifest.data.startswith(
        image_manifest([layer], MOMENT).data.partition(b',"annotations":{"org.opencontainers.image.created')[
            0
        ]
    )
    assert manifest == pack_manifest(pack())


def test_the_base_repository_is_always_the_same_document() -> None:
    digest = "sha256:fa4036770c7e7c1e61569a985edf37684f0150434b400d997e3294e244159ad8"
    assert base_repository_manifest().digest == digest


def test_our_own_document_is_recognised() -> None:
    payload = pack()
    assert recognise(pack_manifest(payload)) == Image(
        Layer(payload.layer.digest, payload.layer.size, payload.title), payload.content, "platform"
    )


@pytest.mark.parametrize(
    ("name", "title", "note"),
    [
        ("oras-1.0.0-pack.json", "hello-1.0.0.tar.gz", None),
        ("oras-1.0.0-subfolder.json", "dist/hello-1.0.0.tar.gz", None),
        ("oras-1.0.0-folder.json", "hello-1.0.0", "pushed as a folder, not as an archive"),
        ("oras-1.3.3-pack.json", "hello-1.0.0.tar.gz", "pushed by oras 1.1 or later"),
    ],
)
def test_what_was_pushed_by_hand_is_recognised(name: str, title: str, note: str | None) -> None:
    image = recognise(captured(name))
    assert image.layer is not None
    assert (image.layer.title, image.content, image.owner, image.note) == (title, None, None, note)


def test_the_artifact_manifest_of_oras_0_16_is_recognised() -> None:
    image = recognise(captured("oras-0.16-pack.json", ARTIFACT_MANIFEST))
    assert image.layer == ARCHIVE
    assert image.note is not None


def document(**changes: Any) -> dict[str, Any]:
    """A hand-pushed pack's document with some members changed; None leaves one out."""
    members = {**json.loads(captured("oras-1.0.0-pack.json").data), **changes}
    return {name: value for name, value in members.items() if value is not None}


def raw(value: object, media_type: str = IMAGE_MANIFEST, end: bytes = b"") -> RawManifest:
    data = (value if isinstance(value, bytes) else json.dumps(value).encode()) + end
    return RawManifest(sha256_digest(data), media_type, data)


def layers(*titles: str | None, **changes: Any) -> list[dict[str, Any]]:
    [layer] = document()["layers"]
    return [{**layer, "annotations": {TITLE: title} if title else None, **changes} for title in titles]


@pytest.mark.parametrize(
    ("manifest", "note"),
    [
        (raw(document(), end=b"\n"), None),
        (raw(document(), f"{IMAGE_MANIFEST}; charset=utf-8"), None),
        (raw(document(annotations=None)), None),
        (raw(document(annotations={CREATED: 7, OWNER_MARK: ""})), None),
        (raw(document(mediaType=None)), "pushed by oras 0.15 or earlier"),
        (raw(document(artifactType="application/x-unknown")), "not in the form of oras 1.0.0"),
        (raw(document(config=None)), "not in the form of oras 1.0.0"),
        (
            raw(document(layers=layers("hello-1.0.0.tar.gz", mediaType="application/gzip"))),
            "not in the form of oras 1.0.0",
        ),
        (
            raw(document(layers=layers("hello-1.0.0.tar.gz", "README.md"))),
            "holds more than the archive of a pack",
        ),
    ],
    ids=range(9),
)
def test_odd_forms_are_recognised(manifest: RawManifest, note: str | None) -> None:
    image = recognise(manifest)
    assert image.layer == ARCHIVE
    assert (image.owner, image.note) == (None, note)


@pytest.mark.parametrize("title", ["hello.tgz", "hello.tar", "a/b.tar.gz"])
def test_an_archive_is_told_by_its_title(title: str) -> None:
    image = recognise(raw(document(layers=layers(title))))
    assert image.layer is not None


INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.mark.parametrize(
    "manifest",
    [
        captured("oras-1.0.0-no-file.json"),
        raw(b"not JSON"),
        raw(b"[]"),
        raw(b"[" * 100_000),
        raw(b'{"size": ' + b"9" * 5000 + b"}"),
        raw(document(), INDEX),
        raw(document(mediaType=INDEX)),
        raw(document(mediaType=None), INDEX),
        raw(document(mediaType=None), "text/html"),
        raw(document(manifests=[])),
        raw(document(blobs=document()["layers"])),
        raw(document(mediaType=ARTIFACT_MANIFEST), ARTIFACT_MANIFEST),
        raw(document(layers={"0": "odd"})),
        raw(document(layers=["odd", None])),
        raw(document(layers=layers("hello.zip"))),
        raw(document(layers=layers(None))),
        raw(document(layers=layers("a.tar.gz", "b.tar.gz"))),
        raw(document(layers=layers("a.tar.gz", digest="sha256:../../etc/passwd"))),
        raw(document(layers=layers("a.tar.gz", digest=7))),
        raw(document(layers=layers("a.tar.gz", size="649"))),
        raw(document(layers=layers("a.tar.gz", size=-1))),
        raw(document(layers=layers("a.tar.gz", annotations={UNPACK: "true"}))),
    ],
    ids=range(22),
)
def test_what_holds_no_pack_or_could_be_two_things_is_other_content(manifest: RawManifest) -> None:
    image = recognise(manifest)
    assert (image.layer, image.content) == (None, None)
    assert image.note


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "regsync-content-v1",
        f"regsync-content-v1:sha256:{'a' * 64}",
        f"regsync-content-v1:sha256:{'a' * 64}@sha256:{'b' * 64}",
        f"regsync-content-v2:sha256:{'a' * 64}@{ARCHIVE.digest}",
        f"regsync-content-v1:sha256:short@{ARCHIVE.digest}",
    ],
)
def test_a_mark_counts_only_for_its_own_layer_and_algorithm(mark: str) -> None:
    image = recognise(raw(document(annotations={CONTENT_MARK: mark, OWNER_MARK: "team"})))
    assert (image.layer, image.content, image.owner) == (ARCHIVE, None, "team")


def test_an_owner_is_kept_of_what_is_no_pack() -> None:
    assert recognise(raw(document(layers=[], annotations={OWNER_MARK: "team"}))).owner == "team"


def marks(layer: Layer) -> dict[str, str]:
    content = sha256_digest(b"content")
    return {
        CREATED: EPOCH,
        CONTENT_MARK: f"regsync-content-v1:{content}@{layer.digest}",
        OWNER_MARK: "platform",
    }


def rebuilt(layer: Layer, annotations: Mapping[str, str], *titles: str, more: int = 0) -> RawManifest | None:
    """What is made of all that a list tells of the OCI manifest of a layer, `more` bytes being told than there are."""
    made = image_manifest([layer], annotations)
    return rebuilt_manifest(made.digest, len(made.data) + 2 + layer.size + more, annotations, titles)


@pytest.mark.parametrize("size", [0, 1, 9, 10, 99, 100, 999, 1000, 99_999, 100_000, 10**9 - 1, 10**9])
def test_what_regsync_wrote_is_rebuilt_from_what_a_list_tells(size: int) -> None:
    layer = Layer(HELLO.digest, size, HELLO.title)
    assert rebuilt(layer, marks(layer), "latest.tar.gz", HELLO.title) == image_manifest([layer], marks(layer))


def test_what_cannot_be_proved_is_not_rebuilt() -> None:
    ours = marks(HELLO)
    assert rebuilt(HELLO, ours, "another-1.0.0.tar.gz") is None
    assert rebuilt(HELLO, ours, HELLO.title, more=1) is None
    assert rebuilt(HELLO, MOMENT, HELLO.title) is None
    assert rebuilt(HELLO, marks(ARCHIVE), HELLO.title) is None
    assert rebuilt(HELLO, ours | {CONTENT_MARK: "nonsense"}, HELLO.title) is None
    digest = image_manifest([HELLO], ours).digest
    assert rebuilt_manifest(digest, 700, ours | {"note": "a\tb"}, [HELLO.title]) is None
    assert rebuilt_manifest(digest, -1, ours, [HELLO.title]) is None
