"""Every message that must be exactly right, as the program prints it: streams and exit status in one golden text."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from regsync.model.errors import RegistryError
from tests.support.hand import push_by_hand
from tests.support.memory_server import MemoryServer, oci_error
from tests.support.project import Project, told

ARCHIVE = "team/spectro-packs/archive"
VALUES = "pack:\n  namespace: nginx\nmanifests:\n  nginx:\n    replicas: {replicas}\n    timeout: 30\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat failed requests at once, and let the clock of reports stand still."""
    monkeypatch.setattr("regsync.transport.retry.FIRST_PAUSE", 0.0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760000000")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def server() -> Iterator[MemoryServer]:
    with MemoryServer() as running:
        yield running


@pytest.fixture
def printed(project: Project, golden: Callable[[str, str], None]) -> Callable[..., None]:
    """Return a function `printed(name, *command lines)`: runs them one after the other and compares what all say."""

    def run(name: str, *commands: str) -> None:
        runs = [(f"regsync {each}", project.run(*each.split())) for each in commands]
        golden(f"cli/{name}", told(*runs))

    return run


Printed = Callable[..., None]


def applied(project: Project) -> None:
    assert project.run("-q", "apply", "--auto-approve").status == 0


def values(replicas: int) -> str:
    return VALUES.format(replicas=replicas)


def test_no_changes(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    applied(project)
    printed("no-changes", "plan", "plan --detailed-exitcode --detail summary", "apply")


def test_changes(project: Project, printed: Printed) -> None:
    policy = "{overwrite: allow, prune: managed}"
    project.pack(values=values(1), files={"charts/old.tgz": b"\x1f\x8bold", "logo.png": b"\x89PNG\x00old"})
    project.pack("redis", "7.2.1")
    project.pack("memcached", "1.6.0")
    project.registry(policy=policy)
    applied(project)
    for gone in ("redis-7.2.1", "memcached-1.6.0", "nginx-1.25.0"):
        shutil.rmtree(project.root / "packs" / gone)
    project.pack(values=values(3), files={"charts/new.tgz": b"\x1f\x8bnew", "logo.png": b"\x89PNG\x00new"})
    project.pack("cert-manager", "1.14.0")
    project.registry(policy=policy, content='- packs: ../packs/*\n- absent: "redis:7.2.1"')
    project.registry("edge", endpoint="../edge", content="- packs: ../packs/cert-*")
    printed(
        "changes",
        "plan",
        "plan --detail summary --detailed-exitcode",
        "plan --detail full --target prod/*",
        "plan --out plan.json --target edge/*",
        "-q apply --auto-approve",  # two registries end in any order
        "plan --detailed-exitcode",
    )


def test_an_unreachable_registry_beside_a_readable_one(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    project.registry("down", endpoint="http://127.0.0.1:1", content="- packs: ../packs/*")
    printed("unreachable", "plan", "apply --auto-approve", "plan --target prod/*")


def test_a_change_that_was_not_approved(project: Project, printed: Printed) -> None:
    project.pack(values=values(1))
    project.pack("redis", "7.2.1")
    project.registry()
    assert project.run("-q", "plan", "--out", "plan.json").status == 0
    project.pack(values=values(3))
    project.pack("k8s", "1.29.1")
    printed("not-approved", "apply plan.json --parallelism 1")


def test_approved_and_already_so(project: Project, printed: Printed) -> None:
    project.pack()
    project.pack("redis", "7.2.1")
    project.registry()
    assert project.run("-q", "plan", "--out", "plan.json").status == 0
    project.run("-q", "apply", "--auto-approve", "--target", "*nginx*")
    printed("already-so", "apply plan.json --parallelism 1", "apply plan.json")


def test_blocked_by_content(project: Project, printed: Printed) -> None:
    project.pack(values=values(1))
    project.registry()
    applied(project)
    project.pack(values=values(3))
    project.pack("redis", "7.2.1")
    printed("blocked-by-content", "plan", "apply --auto-approve")


def test_blocked_by_owner(project: Project, printed: Printed) -> None:
    project.pack(values=values(1))
    project.pack("redis", "7.2.1")
    project.registry(owner="data-team")
    applied(project)
    project.pack(values=values(3))
    project.registry(policy="{overwrite: allow}")
    printed("blocked-by-owner", "plan")


def test_adoption(project: Project, server: MemoryServer, printed: Printed) -> None:
    for folder in (project.pack(values=values(1)), project.pack("redis", "7.2.1")):
        name, _, version = folder.name.rpartition("-")
        archive = project.root / f"{folder.name}.tar.gz"
        subprocess.run(["tar", "-czf", archive, "-C", folder.parent, folder.name], check=True)
        push_by_hand("1.0.0", server.host, f"{ARCHIVE}/{name}", version, archive)
    project.pack(values=values(3))
    project.registry(endpoint=server.url, policy="{overwrite: allow}")
    printed("adoption", "plan", "apply --auto-approve", "plan")


def test_adoption_from_another_owner(project: Project, printed: Printed) -> None:
    project.pack(values=values(1))
    project.registry(owner="data-team")
    applied(project)
    project.pack(values=values(3))
    project.registry(policy="{overwrite: allow}")
    printed("adoption-by-option", f"plan --adopt prod/{ARCHIVE}/nginx:1.25.0")


@pytest.fixture
def twelve(project: Project) -> Project:
    """A project that is applied, with twelve packs, and then keeps only six of them."""
    for number in range(1, 13):
        project.pack(f"pack-{number:02}", "1.0.0")
    project.registry()
    applied(project)
    return project


def test_a_guard_refuses_deletes(twelve: Project, printed: Printed) -> None:
    twelve.registry(policy="{prune: managed, maxDeletes: 3}", content='- packs: "../packs/pack-0[1-6]*"')
    printed("guard-deletes", "plan --detail summary", "apply --auto-approve --detail summary")


def test_a_protected_artifact(twelve: Project, printed: Printed) -> None:
    twelve.registry(
        policy='{prune: managed, protect: ["pack-07:*"]}',
        content='- packs: "../packs/pack-0[1-68]*"\n- packs: "../packs/pack-1*"\n- packs: ../packs/pack-09*',
    )
    override = f"--unprotect prod/{ARCHIVE}/pack-07:1.0.0"
    printed("guard-protected", "plan", "apply --auto-approve", f"apply --auto-approve {override}")


def test_nothing_desired(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    applied(project)
    project.registry(policy="{prune: managed}", content='- absent: "old:1.0.0"')
    printed("empty-desired", "plan", "apply --auto-approve", "apply --auto-approve --allow-empty prod")


def test_not_a_terminal(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    printed("not-a-terminal", "apply", "apply --json")


def test_one_change_fails(project: Project, server: MemoryServer, printed: Printed) -> None:
    project.pack()
    project.pack("redis", "7.2.1")
    project.pack("old", "1.0.0")
    project.registry(endpoint=server.url)
    applied(project)
    project.registry(
        endpoint=server.url,
        content='- packs: ../packs/k8s-*\n- packs: ../packs/cert-*\n- absent: "old:1.0.0"',
    )
    project.pack("k8s", "1.29.1")
    project.pack("cert-manager", "1.14.0")

    def full(operation: str, repository: str, reference: str) -> None:
        if operation == "put_manifest" and repository.endswith("/k8s"):
            raise RegistryError("the quota of the project is used up", code="DENIED", status=403)

    server.store.fault = full
    printed("partial-apply", "apply --auto-approve --parallelism 1")


def test_a_refused_login(project: Project, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "wrong-pass")
    project.pack()
    with MemoryServer(login=True) as server:
        auth = "{method: basic, username: robot, password: {env: REGISTRY_PASSWORD}}"
        project.registry(endpoint=server.url, auth=auth)
        printed("auth-refused", "plan", "registries check")
        monkeypatch.delenv("REGISTRY_PASSWORD")
        printed("auth-missing", "plan", "registries check")
        project.registry(endpoint=server.url)
        printed("auth-none", "plan", "registries check")


def test_a_throttling_registry(project: Project, server: MemoryServer, printed: Printed) -> None:
    project.pack()
    project.registry(endpoint=server.url)
    server.on("nginx/manifests", oci_error(429, "TOOMANYREQUESTS", "slow down", **{"Retry-After": "3600"}))
    printed("rate-limited", "plan")


def test_a_configuration_of_regclient(project: Project, printed: Printed) -> None:
    project.write(
        "regsync.yml",
        """\
        version: 1
        creds:
          - registry: docker.io
        sync:
          - source: busybox
            target: registry.example.com/busybox
            type: repository
        """,
    )
    printed("regclient", "plan regsync.yml", "validate --format concise regsync.yml")


BAD = {  # a line of a good manifest, and what stands in its place
    "syntax": ("{name: ", "{name: ["),
    "tabs": ("  provider: pack", "\tprovider: pack"),
    "unknown-key": ("  endpoint: ../live", "  endpont: ../live"),
    "wrong-type": ("  policy: {}", '  policy: {maxDeletes: "many", overwrite: sometimes, protect: 7}'),
    "float-version": ("    - packs: ../packs/*", "    - packs: ../packs/*\n    - absent: 1.10"),
    "duplicate-key": ("  type: layout", "  type: layout\n  type: basic"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_manifest(name: str, project: Project, printed: Printed) -> None:
    good, bad = BAD[name]
    project.pack()
    manifest = project.registry()
    manifest.write_text(manifest.read_text().replace(good, bad))
    printed(f"manifest-{name}", "plan")


def test_all_that_is_wrong_is_told_at_once(project: Project, printed: Printed) -> None:
    for name, (good, bad) in BAD.items():
        manifest = project.registry(name)
        manifest.write_text(manifest.read_text().replace(good, bad))
    printed("manifest-all", "validate --format concise", "plan --json")


def test_one_address_with_two_contents(project: Project, printed: Printed) -> None:
    project.pack(values=values(1))
    other = project.root / "other"
    Project(other).pack(values=values(3))
    project.registry("prod", content="- packs: ../packs/*\n- set: addons")
    project.write(
        "registries/sets/addons.yaml",
        """\
        apiVersion: regsync/v1
        kind: ContentSet
        metadata: {name: addons}
        spec:
          content:
            - packs: ../../other/packs/nginx-1.25.0
        """,
    )
    printed("manifest-duplicate-address", "plan", "validate --format concise")


def test_findings_in_every_form(project: Project, printed: Printed) -> None:
    project.pack(values="pack: {namespace: nginx\n")
    project.pack("redis", "7.2.1", files={"README.md": None, ".DS_Store": b"junk"})
    project.registry(endpoint="https://registry.example.com")
    forms = [f"validate --format {form}" for form in ("full", "concise", "json", "github")]
    printed("validate", *forms, "validate --strict --format concise")


def test_nothing_to_report(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    printed("validate-clean", "validate")


def test_registries_that_are_checked(project: Project, server: MemoryServer, printed: Printed) -> None:
    project.pack()
    project.registry("dir")
    project.registry("prod", endpoint=server.url)
    with MemoryServer() as portal:
        portal.on(".", (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>"))
        project.registry("portal", endpoint=portal.url)
        printed("registries-check", "registries check")


def test_codes_are_explained(printed: Printed) -> None:
    printed("explain", "explain RS301", "explain rs233", "explain RS39", "explain")


def test_a_saved_plan_is_shown(project: Project, printed: Printed) -> None:
    project.pack()
    project.registry()
    assert project.run("-q", "plan", "--out", "plan.json").status == 0
    saved = (project.root / "plan.json").read_text()
    project.write("altered.json", saved.replace('"create"', '"delete"'))
    project.write("other.json", "{}")
    project.write("broken.json", saved[:100])
    project.write("later.json", saved.replace('"format_version": "1.0"', '"format_version": "9.0"'))
    shown = [f"show {name}.json" for name in ("plan", "altered", "other", "broken", "later", "missing")]
    printed("show", *shown)
