"""Packs between regsync and programs that no one here wrote, through a real registry."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import oras.client
import pytest

from regsync.content.archive import pack_archive
from regsync.content.cache import IndexCache
from regsync.content.pack import Pack, read_pack
from regsync.model.reference import Address, sha256_digest
from regsync.registries.base import Payload, Registry, Surroundings, Wanted, open_registry
from tests.registries.stores import ENVIRONMENT, spec_of
from tests.registries.vendor import DATA, NAME, OWNER, TITLE, create, ignore, run
from tests.support.packs import make_pack
from tests.support.servers import PASSWORD, USER, DistributionServer, tool

PUSHES = DATA.parent / "pushes"
AWKWARD: Mapping[str, str | bytes] = {
    "charts/nothing": b"",
    "charts/noise.bin": os.urandom(5 << 20),
    "ünïcode/☃ and spaces.txt": "✓\n",
    f"{'deep/' * 30}{'a-long-file-name' * 8}.yaml": "deep: true\n",
    ".hidden/.gitkeep": "",
}

Pull = Callable[[DistributionServer, str, Path], None]


def call(program: str, *arguments: str | Path, **variables: str) -> None:
    subprocess.run([tool(program), *arguments], check=True, env={**os.environ, **variables})


def pull_with_regctl(server: DistributionServer, reference: str, to: Path) -> None:
    host = f"reg={server.host},user={USER},pass={PASSWORD},tls=enabled"
    get = ("artifact", "get", f"{server.host}/{reference}", "--output", to)
    call("regctl", "--host", host, *get, SSL_CERT_FILE=str(server.ca_file))


def pull_with_the_oras_sdk(server: DistributionServer, reference: str, to: Path) -> None:
    client = oras.client.OrasClient(server.host, tls_verify=str(server.ca_file), auth_backend="basic")
    client.auth.set_basic_auth(USER, PASSWORD)
    client.pull(f"{server.host}/{reference}", outdir=str(to))
    client.session.close()


def pull_with_oras(server: DistributionServer, reference: str, to: Path) -> None:
    login = ("--ca-file", server.ca_file, "--username", USER, "--password", PASSWORD)
    call("oras", "pull", *login, "--output", to, f"{server.host}/{reference}")


@pytest.fixture
def registry(distribution_tls: DistributionServer, tmp_path: Path) -> Iterator[Registry]:
    opened = open_registry(
        spec_of(distribution_tls), Surroundings(ENVIRONMENT, 4, IndexCache(tmp_path / "cache"))
    )
    opened.allow_writes()
    yield opened
    opened.close()


def read(folder: Path) -> Pack:
    pack = read_pack(folder, folder.name).pack
    assert pack is not None
    return pack


def push(registry: Registry, pack: Pack, path: str) -> str:
    """Push a pack and return its reference."""
    address = Address(NAME, f"{path}/spectro-packs/archive/{pack.name}", pack.version)
    with pack_archive(pack.folder, pack.shown, pack.content, title=pack.title) as layer:
        registry.execute(create(address), Payload(layer, pack.title, pack.content.digest, OWNER), ignore)
    return f"{address.path}:{address.tag}"


def unpacked(archive: Path) -> Path:
    """Unpack with GNU tar, and return the one folder that comes out."""
    out = archive.with_name("unpacked")
    out.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", out], check=True)
    [folder] = out.iterdir()
    return folder


def files_of(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Bytes of each file below a folder, and whether it may be run; links count as what they lead to, macOS's own files
    not at all."""
    found = {}
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [each for each in folders if each != "__MACOSX"]
        for name in names:
            if name != ".DS_Store" and not name.startswith("._"):
                path = Path(root, name)
                found[str(path.relative_to(folder))] = (path.read_bytes(), os.access(path, os.X_OK))
    return found


@pytest.mark.parametrize("pull", [pull_with_regctl, pull_with_the_oras_sdk, pull_with_oras])
def test_a_pack_that_others_pull_is_the_folder(
    pull: Pull, distribution_tls: DistributionServer, registry: Registry, unique_path: str, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path, "hello", "1.0.0", chart=True, files=AWKWARD)
    (folder / "README.md").chmod(0o755)
    (folder / "linked.md").symlink_to("README.md")
    pack = read(folder)
    (tmp_path / "pulled").mkdir()
    pull(distribution_tls, push(registry, pack, unique_path), tmp_path / "pulled")
    [pulled] = (tmp_path / "pulled").iterdir()
    assert pulled.name == TITLE
    assert files_of(unpacked(pulled)) == files_of(folder)


def test_real_packs_that_others_pull_are_their_folders(
    corpus: Path, distribution_tls: DistributionServer, registry: Registry, unique_path: str, tmp_path: Path
) -> None:
    for number, folder in enumerate(sorted(corpus.iterdir())):
        pulled = tmp_path / str(number)
        pulled.mkdir()
        reference = push(registry, read(folder), f"{unique_path}/{number}")
        pull_with_the_oras_sdk(distribution_tls, reference, pulled)
        [archive] = pulled.iterdir()
        assert files_of(unpacked(archive)) == files_of(folder), folder.name


@pytest.mark.parametrize("version", ["1.0.0", "1.3.3"])
def test_what_oras_pushed_equals_the_folder_that_was_packed(
    version: str, distribution: DistributionServer, unique_path: str, tmp_path: Path
) -> None:
    repository = f"{unique_path}/spectro-packs/archive/hello"
    replay(PUSHES / f"oras-{version}.ndjson", distribution.host, repository)

    planning = open_registry(spec_of(distribution), Surroundings({}, 4, IndexCache(tmp_path / "cache")))
    [live] = run(planning.reads(Wanted(tags={repository: ("1.0.0",)}))).artifacts.values()
    planning.close()
    (tmp_path / TITLE).write_bytes((DATA / TITLE).read_bytes())
    assert live.content == read(unpacked(tmp_path / TITLE)).content.digest
    assert (live.title, live.owner) == (TITLE, None)


def replay(log: Path, host: str, repository: str) -> None:
    """Send what a client sent, with its own headers and bytes, into `repository` of another server; each answer must
    have the status that the client was given."""
    bodies = {sha256_digest(data): data for data in (b"{}", (DATA / TITLE).read_bytes())}
    sessions: dict[str, str] = {}
    with closing(HTTPConnection(host, timeout=30)) as connection:
        for line in log.read_text().splitlines():
            exchange = json.loads(line)
            sent, given = exchange["request"], exchange["response"]
            headers = {**sent["headers"], "Host": host}
            body = sent.get("body", {})
            data = body["text"].encode() if "text" in body else bodies.get(body.get("sha256"))
            path, _, digest = sent["path"].partition("&digest=")
            there = sessions[path] + "&digest=" + digest if digest else moved(path, repository)
            connection.request(sent["method"], there, data, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == given["status"], there
            if sent["method"] == "POST":
                session = urlsplit(answer.headers["Location"])
                sessions[on_server(given["headers"]["Location"])] = f"{session.path}?{session.query}"


def on_server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def moved(path: str, repository: str) -> str:
    """The same path in another repository."""
    kind = "/manifests/" if "/manifests/" in path else "/blobs/"
    return f"/v2/{repository}{kind}{path.partition(kind)[2]}"
