"""Registries that were filled by hand are imported, and the next plan has nothing to do."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.audit import IMAGE_MANIFEST, sound_tags
from tests.support.charts import chart_yaml, helm, helm_package, make_chart
from tests.support.cli import Ran
from tests.support.clients import files_of
from tests.support.hand import push_by_hand
from tests.support.memory_server import MemoryServer
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.servers import PASSWORD, USER, DistributionServer

FILE = "registries/ours.yaml"
TO_FILE = ("--out", FILE)


class Adopter(Project):
    """Somebody with a checkout that has nothing in it, and a registry that others have filled with tar, oras and helm."""

    def __init__(self, root: Path, server: DistributionServer, base: str) -> None:
        root.mkdir()
        super().__init__(root)
        self.server = server
        self.base = base
        self.sources = root.parent / "their machine"
        self.filled: set[str] = set()

    @property
    def endpoint(self) -> str:
        return f"{self.server.url}/{self.base}"

    def push(
        self, name: str, version: str, *, to: str = "", base: str = "", archive: Path | None = None
    ) -> Path:
        """Push a pack with GNU tar and oras 1.0.0, under its own name and version or as `to`; return its folder."""
        folder = make_pack(self.sources / (base or self.base), name, version)
        if archive is None:
            archive = self.sources / f"{name}-{version}.tar.gz"
            subprocess.run(["tar", "-czf", archive, folder.name], cwd=folder.parent, check=True)
        repository, _, tag = (to or f"{name}:{version}").partition(":")
        path = f"{base or self.base}/spectro-packs/archive/{repository}"
        push_by_hand("1.0.0", self.server.host, path, tag, archive, again=path in self.filled)
        self.filled.add(path)
        return folder

    def retag(self, name: str, tag: str, other: str) -> None:
        """Give a pack a second tag, as `oras tag` does it."""
        path = f"/v2/{self.base}/spectro-packs/archive/{name}/manifests/"
        with closing(HTTPConnection(self.server.host, timeout=30)) as connection:
            connection.request("GET", path + tag, headers={"Accept": IMAGE_MANIFEST})
            manifest = connection.getresponse().read()
            connection.request("PUT", path + other, manifest, {"Content-Type": IMAGE_MANIFEST})
            assert connection.getresponse().status == 201

    def push_chart(self, name: str, version: str, *, signed: bool = False) -> Path:
        chart = make_chart(self.sources / "charts", name, files={"Chart.yaml": chart_yaml(name, version)})
        archive = helm_package(chart, self.sources / "packed")
        if signed:
            archive.with_name(f"{archive.name}.prov").write_text("signed\n")
        helm("push", "--plain-http", archive, f"oci://{self.server.host}/{self.base}")
        return archive

    def adopt(self, *options: str) -> Ran:
        return self.run("import", self.endpoint, *TO_FILE, *options)

    def is_settled(self) -> bool:
        """Whether the manifests have no finding and the plan nothing to do."""
        checked, planned = self.run("validate", "--strict"), self.run("plan", "--detailed-exitcode")
        assert checked.status == 0, checked.out
        return planned.status == 0 and "No changes." in planned.out

    def manifest(self) -> str:
        return (self.root / FILE).read_text(encoding="utf-8")


@pytest.fixture
def adopter(tmp_path: Path, distribution: DistributionServer, unique_path: str) -> Adopter:
    return Adopter(tmp_path / "checkout", distribution, unique_path)


def test_packs_pushed_with_tar_and_oras_are_pulled_and_the_next_plan_is_empty(adopter: Adopter) -> None:
    pushed = [
        adopter.push("nginx", "1.25.0"),
        adopter.push("nginx", "1.26.0"),
        adopter.push("redis", "7.0.0"),
    ]
    before = sound_tags(adopter.server, adopter.base)
    ran = adopter.adopt("--pull-packs", "packs")
    assert (ran.status, ran.err) == (0, f"next: regsync plan {FILE}\n")
    assert "Imported: 3 packs; 3 pulled into packs, 0 there already." in ran.out
    for folder in pushed:
        assert files_of(adopter.root / "packs" / folder.name) == files_of(folder)
    assert sorted(each.name for each in (adopter.root / "packs").iterdir()) == [each.name for each in pushed]
    assert adopter.is_settled()
    assert sound_tags(adopter.server, adopter.base) == before


def test_without_pulling_packs_are_comments_and_the_next_plan_is_empty(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0")
    assert adopter.adopt().status == 0
    assert "  content: []\n" in adopter.manifest()
    [comment] = [line for line in adopter.manifest().splitlines() if "nginx:1.25.0" in line]
    assert comment.startswith("  #   nginx:1.25.0   sha256:")
    assert not (adopter.root / "packs").exists()
    assert adopter.is_settled()
    assert "base: false" in adopter.manifest()


def test_a_base_repository_that_is_there_is_kept_as_one(adopter: Adopter) -> None:
    adopter.pack("nginx")
    adopter.registry(endpoint=adopter.server.url, path=adopter.base)
    assert adopter.run("apply", "--auto-approve").status == 0
    (adopter.root / "registries/prod.yaml").unlink()
    assert adopter.adopt().status == 0
    assert "base: false" not in adopter.manifest()
    assert adopter.is_settled()


@pytest.mark.parametrize("signed", [False, True])
def test_charts_pushed_with_helm_stay_archives_and_the_next_plan_is_empty(
    signed: bool, adopter: Adopter
) -> None:
    archive = adopter.push_chart("web", "1.2.3+build.4", signed=signed)
    adopter.push("nginx", "1.25.0")
    assert adopter.adopt("--pull-packs", "content").status == 0
    assert (adopter.root / "content" / archive.name).read_bytes() == archive.read_bytes()
    assert (adopter.root / "content" / f"{archive.name}.prov").exists() is signed
    assert adopter.manifest().count("kind: Registry") == 2
    planned = adopter.run("plan", "--detailed-exitcode")
    assert (planned.status, "3 unchanged." in planned.out) == (0, True), planned.out


def test_paths_are_told_from_what_lies_where(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0", base=f"{adopter.base}/one")
    adopter.push("redis", "7.0.0", base=f"{adopter.base}/two")
    assert adopter.adopt("--pull-packs", "packs").status == 0
    assert f"baseContentPaths: [{adopter.base}/one, {adopter.base}/two]" in adopter.manifest()
    assert f"    - path: {adopter.base}/two\n      packs: ../packs/redis-7.0.0\n" in adopter.manifest()
    assert adopter.is_settled()


def test_two_contents_of_one_name_and_version_lie_beside_each_other(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0", base=f"{adopter.base}/one")
    values = make_pack(adopter.sources / f"{adopter.base}/two", "nginx", "1.25.0") / "README.md"
    values.write_text("another\n")
    archive = adopter.sources / "nginx-1.25.0.tar.gz"
    folder = values.parent
    subprocess.run(["tar", "-czf", archive, folder.name], cwd=folder.parent, check=True)
    path = f"{adopter.base}/two/spectro-packs/archive/nginx"
    push_by_hand("1.0.0", adopter.server.host, path, "1.25.0", archive)
    assert adopter.adopt("--pull-packs", "packs").status == 0
    assert len(list((adopter.root / "packs").rglob("nginx-1.25.0"))) == 2
    assert adopter.is_settled()


def test_what_is_no_pack_or_disagrees_with_its_tag_is_left_alone_with_the_reason(adopter: Adopter) -> None:
    slip = adopter.root.parent / "slip-1.0.0.tar.gz"
    other = adopter.root.parent / "other-1.0.0.tar.gz"
    slip.write_bytes(archived({"slip/pack.json": b"{}", "slip/../../escaped": b"gotcha"}))
    other.write_bytes(archived({"readme": b"no pack"}))
    named = adopter.root.parent / "my pack.tar.gz"
    folder = adopter.push("nginx", "1.25.0")
    subprocess.run(["tar", "-czf", named, folder.name], cwd=folder.parent, check=True)
    for name, archive in (("slip", slip), ("other", other), ("titled", named)):
        adopter.push(name, "1.0.0", archive=archive)
    adopter.push("nginx", "1.25.0", to="copy:1.25.0")
    adopter.retag("nginx", "1.25.0", "latest")
    adopter.retag("nginx", "1.25.0", f"sha256-{'0' * 64}.sig")
    ran = adopter.adopt("--pull-packs", "packs")
    assert ran.status == 0
    for name, why in {
        "slip:1.0.0": "its archive has a path that leads out of it",
        "other:1.0.0": "its archive has no pack.json at its top, nor in a single folder there",
        "titled:1.0.0": "its pack.json says nginx 1.25.0",
        "nginx:latest": "its pack.json says nginx 1.25.0",
        "copy:1.25.0": "its pack.json says nginx 1.25.0",
    }.items():
        [line] = [each for each in adopter.manifest().splitlines() if f" {name} " in each]
        assert line.startswith("  # ")
        assert line.endswith(why)
        assert f"/{name} " in ran.out
    assert ".sig" not in ran.out + adopter.manifest()
    assert [each.name for each in (adopter.root / "packs").iterdir()] == ["nginx-1.25.0"]
    assert not list(adopter.root.rglob("escaped"))
    assert adopter.is_settled()


def test_a_layer_with_another_title_would_be_a_change_and_is_left_alone(adopter: Adopter) -> None:
    folder = make_pack(adopter.sources, "nginx", "1.25.0")
    archive = adopter.sources / "My pack.tar.gz"
    subprocess.run(["tar", "-czf", archive, folder.name], cwd=folder.parent, check=True)
    adopter.push("nginx", "1.25.0", archive=archive)
    assert "its layer is called 'My pack.tar.gz' where Palette looks for" in adopter.adopt().out
    assert adopter.is_settled()


def archived(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def test_nothing_is_overwritten(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0")
    adopter.pack("nginx", "1.25.0", values="mine: true\n")
    mine = adopter.files("packs")
    assert adopter.adopt("--pull-packs", "packs").status == 0
    assert {path: data for path, data in adopter.files("packs").items() if path in mine} == mine
    assert re.search(r"packs: .*\.\./packs/[0-9a-f]{8}/nginx-1\.25\.0", adopter.manifest())
    assert adopter.is_settled()
    written = adopter.manifest()
    served = len(adopter.server.requests())
    ran = adopter.adopt()
    assert (ran.status, f"{FILE} is there already" in ran.err) == (4, True)
    assert adopter.manifest() == written
    assert len(adopter.server.requests()) == served


def test_what_is_there_and_equal_is_not_fetched_again(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0")
    adopter.push_chart("web", "1.0.0")
    assert adopter.adopt("--pull-packs", "packs").status == 0
    (adopter.root / FILE).unlink()
    shutil.rmtree(adopter.root / "packs/nginx-1.25.0")
    adopter.push("redis", "7.0.0")
    ran = adopter.adopt("--pull-packs", "packs")
    assert "2 pulled into packs, 1 there already" in ran.out
    (adopter.root / FILE).unlink()
    seen = len(adopter.server.requests())
    ran = adopter.adopt("--pull-packs", "packs")
    assert "0 pulled into packs, 3 there already" in ran.out
    assert not [each for each in adopter.server.requests()[seen:] if "/blobs/" in each.path]
    assert adopter.is_settled()


def test_an_archive_that_is_damaged_is_told_and_the_rest_is_written(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0")
    adopter.push("redis", "7.0.0")
    damage(adopter, "redis", "7.0.0")
    ran = adopter.adopt("--pull-packs", "packs")
    assert ran.status == 1
    assert "redis:7.0.0   unreadable   the bytes of blob sha256:" in ran.out
    assert "1 not read." in ran.out
    assert [each.name for each in (adopter.root / "packs").iterdir()] == ["nginx-1.25.0"]
    assert adopter.is_settled()


def damage(adopter: Adopter, name: str, version: str) -> None:
    """Change a byte of a pack's layer in the server's storage."""
    data = (adopter.sources / f"{name}-{version}.tar.gz").read_bytes()
    for blob in (adopter.server.folder / "storage").rglob("data"):
        if blob.read_bytes() == data:
            blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_layout_is_imported(tmp_path: Path) -> None:
    team = Project(tmp_path / "theirs")
    team.pack("nginx")
    team.pack("redis")
    team.registry()
    assert team.run("apply", "--auto-approve").status == 0
    ours = Project(tmp_path / "ours")
    ours.root.mkdir()
    shutil.move(team.root / "live", ours.root / "live")
    ran = ours.run("import", "./live", "--pull-packs", "packs")
    assert (ran.status, ran.err) == (0, "next: regsync plan registries/live.yaml\n")
    planned = ours.run("plan", "--detailed-exitcode")
    assert (planned.status, "3 unchanged." in planned.out) == (0, True), planned.out


def test_a_login_of_docker_is_used(
    distribution_tls: DistributionServer, unique_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Project(tmp_path)
    make_pack(tmp_path / "packs", "nginx", "1.25.0")
    helm_login = {"auths": {distribution_tls.host: {"username": USER, "password": PASSWORD}}}
    ours.write("docker/config.json", json.dumps(helm_login))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    shutil.copy(distribution_tls.ca_file, tmp_path / "ca.pem")
    endpoint = f"{distribution_tls.url}/{unique_path}"
    manifest = ours.write(
        "theirs/team.yaml",
        f"""\
        apiVersion: regsync/v1
        kind: Registry
        metadata: {{name: theirs}}
        spec:
          provider: pack
          type: basic
          endpoint: {distribution_tls.url}
          baseContentPaths: [{unique_path}]
          tls: {{caFile: ../ca.pem}}
          content: [{{packs: ../packs/*}}]
        """,
    )
    assert ours.run("apply", "--auto-approve", manifest).status == 0
    ran = ours.run("import", endpoint, *TO_FILE, "--ca-file", "ca.pem", "--pull-packs", "packs")
    assert (ran.status, "0 pulled into packs, 1 there already" in ran.out) == (0, True), ran.out + ran.err
    assert "tls: {caFile: ../ca.pem}" in (tmp_path / FILE).read_text()
    assert ours.run("plan", "--detailed-exitcode").status == 0


def test_where_the_catalogue_is_denied_repositories_are_named(tmp_path: Path) -> None:
    ours = Project(tmp_path)
    ours.pack("nginx")
    with MemoryServer() as server:
        ours.registry(endpoint="http://ghcr.io", auth="{method: none}")
        manifest = tmp_path / "registries/prod.yaml"
        manifest.write_text(manifest.read_text().replace("  auth:", f"  connectTo: {server.url}\n  auth:"))
        assert ours.run("apply", "--auto-approve").status == 0
        manifest.unlink()
        there = ("import", "http://ghcr.io/team", "--connect-to", server.url)
        ran = ours.run(*there)
        assert ran.status == 1
        assert "GitHub's container registry has no catalogue" in ran.out
        assert "--repository team/spectro-packs/archive/nginx" in ran.out
        assert not list((tmp_path / "registries").glob("*.yaml"))
        known = ("--repository", "team/spectro-packs/archive/nginx")
        unknown = ("--repository", "team/spectro-packs/archive/mistyped")
        ran = ours.run(*there, *known, *unknown, "--pull-packs", "packs")
        assert ran.status == 1
        assert "team/spectro-packs/archive/mistyped   unreadable   there is no such repository" in ran.out
        assert "0 pulled into packs, 1 there already" in ran.out
        assert ours.run("plan", "--detailed-exitcode").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no endpoint to import from"),
        (("https://h/Team",), "`Team` is no repository path"),
        (("h:port",), "`spec.endpoint` is no URL"),
        (("h", "i", "--repository", "a"), "--repository names repositories of one registry"),
        (("h", "--repository", "a:1"), "no repository has such a name"),
        (("h", "--var", "a=b"), "manifests are read with --unmanaged only"),
        (("--unmanaged", "--out", "x"), "nothing is written"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ran = Project(tmp_path).run("import", *arguments)
    assert (ran.status, said in ran.err) == (64, True), ran.err


def test_a_registry_that_is_down_is_told_and_others_are_written(adopter: Adopter) -> None:
    adopter.push("nginx", "1.25.0")
    ran = adopter.run("import", "http://127.0.0.1:1/team", adopter.endpoint)
    assert ran.status == 1
    assert "? http://127.0.0.1:1/team   unreadable" in ran.out
    assert "Imported: 1 pack; 1 not read." in ran.out
    assert adopter.is_settled()


def test_an_empty_path_is_told(adopter: Adopter) -> None:
    ran = adopter.adopt()
    assert (ran.status, f"there are neither packs nor charts in {adopter.endpoint}" in ran.err) == (1, True)


def test_what_no_manifest_names_is_ready_to_be_pasted(adopter: Adopter) -> None:
    for version in ("1.24.0", "1.25.0"):
        adopter.push("nginx", version)
    adopter.push("old", "0.9.1", base=f"{adopter.base}/edge")
    adopter.pack("nginx", "1.25.0")
    adopter.registry(endpoint=adopter.server.url, path=f"{adopter.base}, {adopter.base}/edge")
    manifest = adopter.root / "registries/prod.yaml"
    before = adopter.files("registries")
    ran = adopter.run("import", "--unmanaged")
    assert ran.status == 0
    assert adopter.files("registries") == before
    assert ran.out.splitlines() == [
        "# prod   content at registries/prod.yaml:11   2 of 3 that are live are named by no manifest",
        '    - absent: "nginx:1.24.0"',
        f'    - {{absent: "old:0.9.1", path: {adopter.base}/edge}}',
    ]
    manifest.write_text(manifest.read_text() + ran.out)
    planned = adopter.run("plan")
    assert "2 to delete" in planned.out
    assert adopter.run("import", "--unmanaged").out.endswith("manifests name all that is live (3)\n")


def test_what_others_own_says_so(tmp_path: Path) -> None:
    ours = Project(tmp_path)
    ours.pack("nginx")
    ours.registry("theirs")
    assert ours.run("apply", "--auto-approve").status == 0
    (tmp_path / "registries/theirs.yaml").unlink()
    ours.registry("ours", content='- absent: "gone:1.0.0"')
    told = '    - absent: "nginx:1.25.0"   # pushed by theirs: deleting it takes --adopt\n'
    assert ours.run("import", "--unmanaged").out.endswith(told)
