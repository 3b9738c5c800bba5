"""Bad input gets a clear error and loses nothing: exit status, position, what to do, and never a traceback."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from regsync.transport.wire import Timeouts
from tests.support.cli import Ran
from tests.support.memory_server import PASSWORD, MemoryServer, oci_error
from tests.support.project import Project
from tests.support.scripted import Answer
from tests.support.servers import NEEDS

PAGE: Answer = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>")
NGINX = "team/spectro-packs/archive/nginx"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat failed requests at once, and give up on silence soon."""
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    monkeypatch.setattr("regsync.transport.client.Timeouts", partial(Timeouts, connect=1.0, read=0.2))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one pack and one manifest, both good."""
    project = Project(tmp_path)
    project.pack()
    project.registry()
    return project


@pytest.fixture
def server() -> Iterator[MemoryServer]:
    with MemoryServer() as running:
        yield running


def refused(ran: Ran, status: int, *said: str) -> None:
    """The run ended with `status` and told all of this, and it told of no bug."""
    everything = ran.out + ran.err
    assert ran.status == status
    for each in said:
        assert each in everything
    for bug in ("Traceback", "bug in regsync", "internal error"):
        assert bug not in everything


def changed(project: Project, good: str, bad: str) -> Ran:
    manifest = project.root / "registries/prod.yaml"
    text = manifest.read_text()
    assert good in text
    manifest.write_text(text.replace(good, bad))
    return project.run("plan")


# Manifests


def test_no_such_file(project: Project) -> None:
    refused(project.run("plan", "registrys"), 3, "no such file or folder: registrys", "help: ")
    refused(project.run("apply", "plan.json"), 3, "no such file or folder: plan.json")
    refused(project.run("show", "plan.json"), 64, "no such plan file: plan.json")


def test_a_folder_without_manifests(project: Project) -> None:
    (project.root / "empty").mkdir()
    refused(project.run("plan", "empty"), 3, "empty: the folder holds no YAML file")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00", b"a: [", b"- just\n- a list\n", b"", b"\xff\xfea\x00"]
)
def test_what_is_no_manifest(project: Project, content: bytes) -> None:
    (project.root / "bad.yaml").write_bytes(content)
    refused(project.run("plan", "bad.yaml"), 3, "--> bad.yaml:1:")


BAD_FIELDS = {
    "a key twice": ("  type: layout", "  type: layout\n  type: basic", "RS103", ":7:3", "first written here"),
    "an unknown key": ("  endpoint:", "  endpont:", "RS106", ":7:3", "did you mean `endpoint`?"),
    "a wrong type": ("policy: {}", "policy: {maxDeletes: few}", "RS108", ":9:24", "whole number"),
    "a value not allowed": ("policy: {}", "policy: {prune: manged}", "RS110", ":9:19", "managed"),
    "an unquoted version": ("- packs: ../packs/*", "- absent: 1.10", "RS109", ":11:15", 'quote it: "1.10"'),
    "a glob without a match": ("../packs/*", "../pakcs/*", "RS126", ":11:14", "relative to the manifest"),
    "a folder that is no pack": ("../packs/*", "..", "RS127", ":11:14", "no pack.json"),
    "the archive in the path": (
        "[team]",
        "[team/spectro-packs/archive]",
        "RS122",
        ":8:22",
        "leave `spectro-packs/archive` out",
    ),
    "a variable that is not set": ("[team]", '["{{ var.team }}"]', "RS113", ":8:26", "--var team="),
    "a secret in the open": (
        "type: layout\n  endpoint: ../live",
        "type: basic\n  endpoint: https://r.example.com\n  auth: {method: basic, username: u, password: hunter2}",
        "RS115",
        ":8:",
        "env",
    ),
    "a set that is not there": ("- packs: ../packs/*", "- set: addons", "RS125", ":11:12", "addons"),
    "a Palette that is not there": (
        "type: layout\n  endpoint: ../live",
        "type: basic\n  endpoint: https://r.example.com\n  palette: {ref: hub, auth: {method: none}}",
        "RS125",
        ":8:18",
        "no file of this run has a Palette",
    ),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_field_that_is_wrong(project: Project, name: str) -> None:
    good, bad, *said = BAD_FIELDS[name]
    refused(changed(project, good, bad), 3, *said)


def test_tabs(project: Project) -> None:
    refused(changed(project, "  type", "\ttype"), 3, "prod.yaml:6:1", "indent with spaces")


def test_a_saved_plan_where_manifests_are_asked_for(project: Project) -> None:
    project.run("plan", "--out", "plan.json")
    for command in ("plan", "validate"):
        refused(project.run(command, "plan.json"), 64, "plan.json is a saved plan", "regsync apply plan.json")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{env: NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE is not set"),
        ("{file: no-such-file}", "no-such-file"),
    ],
)
def test_a_secret_that_is_not_there(
    project: Project, server: MemoryServer, reference: str, said: str
) -> None:
    server.login = True
    project.registry(endpoint=server.url, auth=f"{{method: basic, username: robot, password: {reference}}}")
    refused(project.run("plan"), 1, "? prod ", said, "registries/prod.yaml:9:52")
    refused(project.run("registries", "check"), 1, "failed   prod", said, "registries/prod.yaml:9:52")


# Packs


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "nginx"}', '{"name": "Nginx", "version": 1.10}'])
def test_a_broken_pack_json(project: Project, text: str) -> None:
    project.write("packs/nginx-1.25.0/pack.json", text)
    refused(project.run("plan"), 3, "--> packs/nginx-1.25.0/pack.json:1:")


def test_a_tombstone_for_a_pack_that_is_wanted(project: Project) -> None:
    project.registry(content='- packs: ../packs/*\n- absent: "nginx:1.25.0"')
    refused(project.run("plan"), 3, "RS302", "prod.yaml:12:", "prod.yaml:11:")


def when_asked(server: MemoryServer, request: str, action: Callable[[], object]) -> None:
    """Do something on disk the moment that the first such request arrives, and then answer as ever."""
    done: list[object] = []

    def act(method: str) -> None:
        if method == request and not done:
            done.append(action())

    server.store.fault = lambda operation, repository, reference: act(operation)


@pytest.mark.parametrize("what", ["vanishes", "grows", "is replaced by a folder"])
def test_a_file_that_changes_while_its_pack_is_pushed(
    project: Project, server: MemoryServer, what: str
) -> None:
    project.registry(endpoint=server.url)
    project.pack("redis", "7.2.1")
    path = project.root / "packs/nginx-1.25.0/values.yaml"

    def change() -> None:
        if what == "grows":
            path.write_text(path.read_text() + "more: 1\n")
            return
        path.unlink()
        if what != "vanishes":
            path.mkdir()

    # The base repository is pushed first, before any pack is packed.
    when_asked(server, "put_manifest", change)
    ran = project.run("apply", "--auto-approve")
    refused(ran, 1, "x prod/team/spectro-packs/archive/nginx:1.25.0", "values.yaml", "help: ")
    assert "+ prod/team/spectro-packs/archive/redis:7.2.1" in ran.out
    assert NGINX not in server.store.repositories("")


# Registries


def planned(project: Project, url: str) -> Ran:
    project.registry(endpoint=url)
    return project.run("plan")


def at(project: Project, url: str) -> Ran:
    """Plan for a registry that is as good as not there: nothing may be created or deleted."""
    ran = planned(project, url)
    assert "0 to add, 0 to change, 0 to delete" in ran.out
    return ran


def test_a_registry_that_is_down(project: Project) -> None:
    refused(at(project, "http://127.0.0.1:1"), 1, "? prod ", "connection refused", "help: ")


def test_a_registry_with_a_name_that_nobody_has(project: Project) -> None:
    refused(at(project, "https://registry.invalid"), 1, "registry.invalid", "help: ")


def test_a_registry_that_never_answers(project: Project, server: MemoryServer) -> None:
    def wait() -> Answer:
        server.closing.wait(10)
        return PAGE

    server.on("/v2/", wait)
    said = "/v2/: no answer from 127.0.0.1 within 0.2 s (2 attempts)"
    refused(at(project, server.url), 1, "? prod ", said, "help: it took the connection and then kept silent")


def test_a_page_in_a_registrys_stead(project: Project, server: MemoryServer) -> None:
    server.on(".", PAGE)
    refused(at(project, server.url), 1, "not as a registry answers", "prod.yaml:7:")


def test_a_page_for_one_tag(project: Project, server: MemoryServer) -> None:
    server.on("nginx/manifests", PAGE)
    ran = planned(project, server.url)
    refused(ran, 1, f"? prod/{NGINX}:1.25.0", "not an OCI manifest", "2 not compared")


@pytest.mark.parametrize("body", [b"404 page not found", b'{"message":"no Route matched"}', b""])
def test_a_bare_404_is_not_absence(project: Project, server: MemoryServer, body: bytes) -> None:
    server.on("manifests", (404, {"Content-Type": "text/plain"}, body))
    server.on("HEAD", (404, {}, b""))
    refused(at(project, server.url), 1, "404", "2 not compared")


def test_a_registry_that_redirects_to_elsewhere(project: Project, server: MemoryServer) -> None:
    with MemoryServer() as elsewhere:
        server.on("/v2/$", (302, {"Location": f"{elsewhere.url}/v2/"}, b""))
        refused(at(project, server.url), 1, "redirected elsewhere", elsewhere.host, "prod.yaml:7:")
        assert not elsewhere.store.repositories("")


def test_a_registry_that_gives_a_wrong_digest(project: Project, server: MemoryServer) -> None:
    project.registry(endpoint=server.url)
    assert project.run("apply", "--auto-approve").status == 0
    manifest = server.store.get_manifest(NGINX, "1.25.0")
    headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": "sha256:" + "0" * 64}
    server.on("GET .*nginx/manifests", (200, headers, manifest.data))
    ran = project.run("plan")
    refused(ran, 1, f"? prod/{NGINX}:1.25.0", manifest.digest, "was expected")


def test_a_registry_that_wants_another_login(project: Project, server: MemoryServer) -> None:
    challenge = {"WWW-Authenticate": "Negotiate"}
    server.on(".", oci_error(401, "UNAUTHORIZED", "no", **challenge))
    refused(at(project, server.url), 1, "negotiate", "regsync speaks Basic and Bearer")


def test_rights_that_are_missing(project: Project, server: MemoryServer) -> None:
    server.on("nginx", oci_error(403, "DENIED", "requested access to the resource is denied"))
    ran = planned(project, server.url)
    refused(ran, 1, f"? prod/{NGINX} ", "403 DENIED", "spec.auth", "registries/prod.yaml:9:")


# Disks


def test_a_layout_in_the_place_of_a_file(project: Project) -> None:
    project.write("live", "a file\n")
    refused(project.run("plan"), 3, "RS121", "registries/prod.yaml:7:13", "live is not a directory")


def test_a_layout_that_is_damaged(project: Project) -> None:
    assert project.run("apply", "--auto-approve").status == 0
    project.write(f"live/{NGINX}/index.json", "{")
    before = project.files()
    for command in (["plan"], ["apply", "--auto-approve"]):
        refused(project.run(*command), 1, f"? prod/{NGINX}:1.25.0", "is no sound OCI image layout", "help: ")
    assert project.files() == before


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file may become larger: what a full disk looks like to who writes it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_layout_that_cannot_be_written(project: Project) -> None:
    assert project.run("apply", "--auto-approve").status == 0
    before = project.files()
    project.pack("model", "1.0.0", files={"weights.bin": os.urandom(200_000)})
    with at_most(100_000):
        ran = project.run("apply", "--auto-approve")
    refused(ran, 1, "x prod/team/spectro-packs/archive/model:1.0.0", "File too large")
    assert before.items() <= project.files().items()
    refused(project.run("plan"), 0, "+ prod/team/spectro-packs/archive/model:1.0.0")
    assert project.run("apply", "--auto-approve").status == 0


def test_a_disk_that_is_really_full(project: Project) -> None:
    live = project.root / "live"
    live.mkdir()
    project.pack("model", "1.0.0", files={"weights.bin": os.urandom(3_000_000)})
    mount = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=1m none live && exec "$@"', "sh"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*mount, "true"], check=False, cwd=project.root, capture_output=True).returncode
    ):
        pytest.skip(f"{NEEDS}leave to mount a small disk (unshare)")
    script = "regsync apply --auto-approve --parallelism 1; echo exit $?; regsync plan --target '*nginx*'; echo exit $?"
    done = subprocess.run(
        [*mount, "sh", "-c", script],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    first, rest = done.stdout.split("exit 1\n")
    refused(
        Ran(1, first, done.stderr), 1, "No space left on device", "model:1.0.0", "make room, then apply again"
    )
    assert f"+ prod/{NGINX}:1.25.0" in first
    assert rest.endswith("exit 0\n")
    assert "0 to add, 0 to change, 0 to delete. 1 unchanged" in rest


def test_a_plan_that_cannot_be_saved(project: Project) -> None:
    refused(
        project.run("plan", "--out", "no/such/folder/plan.json"),
        64,
        "cannot write the plan to no/such/folder",
    )


def test_a_cache_that_cannot_be_written(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGSYNC_CACHE_DIR", str(project.write("cache", "a file\n")))
    assert project.run("apply", "--auto-approve").status == 0
    assert project.run("plan", "--detailed-exitcode").status == 0


# Secrets


def test_secrets_are_never_in_any_output(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at any verbosity, in no form, and in no file that is left behind."""
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    monkeypatch.setenv("REGSYNC_REGISTRY_PASSWORD", PASSWORD)
    auth = "{method: basic, username: robot, password: {env: REGISTRY_PASSWORD}}"
    with MemoryServer(login=True) as server:
        project.registry(endpoint=server.url, auth=auth)
        echo = oci_error(
            500,
            "UNKNOWN",
            f"cannot log in with {PASSWORD} at https://robot:{PASSWORD}@db.example.com/?token={PASSWORD}",
        )
        runs = [
            project.run("-v", "plan", "--out", "plan.json"),
            project.run("-v", "--log-format", "json", "plan", "--json"),
            project.run("show", "plan.json", "--json"),
            project.run("-v", "apply", "plan.json"),
            project.run("-v", "registries", "check"),
            project.run("config", "show"),
        ]
        server.on("manifests", echo)
        runs += [project.run("-v", "plan"), project.run("-v", "plan", "--json")]
        monkeypatch.setattr("regsync.registries.artifacts.StoreRegistry.reads", _broken)
        monkeypatch.setenv("REGSYNC_DEBUG", "1")
        runs.append(project.run("-v", "plan"))
    assert [ran.status for ran in runs] == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert "GET http://" in runs[0].err
    assert "Traceback" in runs[-1].err
    told = "".join(ran.out + ran.err for ran in runs) + (project.root / "plan.json").read_text()
    assert PASSWORD not in told
    assert "cm9ib3Q6" not in told  # how base64 of "robot:" begins


def _broken(*arguments: object) -> object:
    raise KeyError("reads")


def test_manifests_without_a_registry_are_not_taken_for_nothing_to_do(project: Project) -> None:
    project.write(
        "sets/addons.yaml",
        "apiVersion: regsync/v1\nkind: ContentSet\nmetadata: {name: a}\nspec: {content: []}\n",
    )
    for command in (("plan",), ("apply", "--auto-approve")):
        refused(
            project.run(*command, "sets/addons.yaml"), 64, "no document of kind Registry in sets/addons.yaml"
        )
