"""Who caused each change: real git repositories with a branch, a pull request on top, and somebody's hand."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.checkout import Checkout, git
from tests.support.packs import chart_archive, make_pack

ALLOW = "{overwrite: allow}"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return a_checkout(Checkout(tmp_path / "repo", monkeypatch))


def a_checkout(checkout: Checkout) -> Checkout:
    """A checkout whose main has four packs, all of them live, and a pull request that has begun."""
    for name in ("kafka", "nginx", "redis", "vault"):
        checkout.pack(name, "1.0.0")
    checkout.registry(policy="{overwrite: allow, prune: managed}")
    checkout.merge()
    return checkout


def test_each_change_has_its_cause(checkout: Checkout) -> None:
    checkout.pack("nginx", "1.1.0")
    checkout.values("redis", "replicas: 3\n")
    checkout.values("vault", "replicas: 3\n")
    checkout.push_by_hand("vault", "replicas: 7\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {
        "nginx:1.1.0": "create manifest",
        "redis:1.0.0": "update manifest",
        "vault:1.0.0": "update both",
        "kafka:1.0.0": "update drift",
    }


def test_what_somebody_removed_is_drift_and_what_the_pull_request_drops_is_not(checkout: Checkout) -> None:
    checkout.remove_by_hand("kafka")
    shutil.rmtree(checkout.root / "packs/redis-1.0.0")
    checkout.registry(
        policy="{overwrite: allow, prune: managed}", content='- packs: ../packs/*\n- absent: "vault:1.0.0"'
    )
    shutil.rmtree(checkout.root / "packs/vault-1.0.0")
    checkout.commit()
    assert checkout.causes() == {
        "kafka:1.0.0": "create drift",
        "redis:1.0.0": "delete manifest",
        "vault:1.0.0": "delete manifest",
    }


def test_what_nobody_ever_asked_for_is_pruned_as_drift(checkout: Checkout) -> None:
    checkout.push_by_hand("stray", "replicas: 1\n")
    assert checkout.causes() == {"stray:1.0.0": "delete drift"}


def test_blocked_changes_have_causes_too(checkout: Checkout) -> None:
    checkout.registry(policy="{overwrite: never}")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.values("redis", "replicas: 3\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "blocked manifest", "kafka:1.0.0": "blocked drift"}


def test_what_only_the_pull_request_lets_be_written_is_no_mere_drift(checkout: Checkout) -> None:
    checkout.registry(policy="{overwrite: never}")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    assert checkout.causes() == {"kafka:1.0.0": "blocked drift"}
    checkout.registry(policy=ALLOW)
    checkout.commit()
    assert checkout.causes() == {"kafka:1.0.0": "update both"}
    assert "Drift, not caused" not in checkout.plan().out


def test_what_only_the_pull_request_ceases_to_protect_is_no_mere_drift(checkout: Checkout) -> None:
    checkout.registry(policy="{overwrite: allow, protect: [kafka:*]}")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.push_by_hand("redis", "replicas: 7\n")
    checkout.registry(policy=ALLOW)
    checkout.commit()
    assert checkout.causes() == {"kafka:1.0.0": "update both", "redis:1.0.0": "update drift"}


def test_what_is_named_no_more_and_stays_is_told(checkout: Checkout) -> None:
    checkout.registry(policy=ALLOW)
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.remove_by_hand("vault")
    for name in ("redis", "vault"):
        shutil.rmtree(checkout.root / f"packs/{name}-1.0.0")
    told = "no longer named, and stays: prod/team/spectro-packs/archive/redis:1.0.0 (regsync import"
    assert f"note: {told}" in checkout.plan("--report", "markdown=plan.md").out
    assert told in (checkout.root / "plan.md").read_text()
    assert "no longer named" not in checkout.plan("--target", "*kafka*").out
    checkout.registry(policy=ALLOW, content='- packs: ../packs/*\n- absent: "redis:1.0.0"')
    assert "no longer named" not in checkout.plan().out
    checkout.registry(policy="{overwrite: allow, prune: managed}")
    assert "no longer named" not in checkout.plan().out


def test_commits_of_main_that_are_not_merged_yet_are_nobodys(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    checkout.git("switch", "-q", "main")
    checkout.values("kafka", "replicas: 9\n")
    checkout.commit()
    checkout.git("switch", "-q", "pull-request")
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}


def test_the_first_manifests_of_a_repository_cause_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "repo", monkeypatch)
    checkout.pack("nginx")
    checkout.commit()
    checkout.git("switch", "-q", "-c", "pull-request")
    checkout.registry()
    checkout.commit()
    assert checkout.causes() == {"archive": "create manifest", "nginx:1.25.0": "create manifest"}


def test_a_registry_that_moves_holds_nothing_yet_by_the_pull_request(checkout: Checkout) -> None:
    checkout.registry(endpoint="../elsewhere")
    checkout.commit()
    assert set(checkout.causes().values()) == {"create manifest"}


def test_an_absolute_endpoint_is_the_same_at_the_base(checkout: Checkout) -> None:
    checkout.registry(endpoint=os.fspath(checkout.root / "live"), policy=ALLOW)
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    assert checkout.causes() == {"kafka:1.0.0": "update drift"}


def test_edits_count_before_they_are_committed_or_added(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.values("vault", "replicas: 3\n")
    checkout.git("add", "packs/vault-1.0.0")
    assert checkout.causes() == {"redis:1.0.0": "update manifest", "vault:1.0.0": "update manifest"}


def test_untracked_and_ignored_files_are_the_same_at_the_base(checkout: Checkout) -> None:
    """Charts that a build puts into pack folders, a whole pack that is built, and manifests that name it."""
    checkout.write(".gitignore", "built/\n*.tgz\n")
    (checkout.root / "packs/redis-1.0.0/extra.tgz").write_bytes(b"built")
    make_pack(checkout.root / "built", "grafana", "2.0.0")
    checkout.registry(
        policy="{overwrite: allow, prune: managed}", content="- packs: [../packs/*, ../built/*]"
    )
    checkout.commit()
    checkout.git("branch", "-f", "main")
    assert checkout.run("apply", "--auto-approve").status == 0
    assert checkout.causes() == {}
    checkout.values("redis", "replicas: 3\n")
    checkout.push_by_hand("grafana", "replicas: 7\n", "2.0.0")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update manifest", "grafana:2.0.0": "update drift"}


def test_what_is_built_into_a_new_pack_is_new_with_it(checkout: Checkout) -> None:
    checkout.write(".gitignore", "*.tgz\n")
    checkout.pack("nginx", "1.1.0", files={"built.tgz": b"built"})
    checkout.commit()
    assert checkout.causes() == {"nginx:1.1.0": "create manifest"}


def test_line_ends_of_the_work_tree_are_no_change(checkout: Checkout) -> None:
    checkout.git("config", "core.autocrlf", "true")
    folder = checkout.root / "packs"
    checkout.git("rm", "-rq", "--cached", ".")
    checkout.git("reset", "-q", "--hard")
    assert b"\r\n" in (folder / "redis-1.0.0/values.yaml").read_bytes()
    assert checkout.run("apply", "--auto-approve").status == 0  # what is live has these line ends now
    checkout.values("redis", "replicas: 3\r\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update manifest", "kafka:1.0.0": "update drift"}


def pointer(data: bytes) -> bytes:
    """What LFS keeps in git in the stead of a file."""
    digest = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()


def track(checkout: Checkout, path: str, data: bytes) -> None:
    """Add a file as LFS does: a pointer in git, the file itself in the work tree."""
    file = checkout.root / path
    file.write_bytes(pointer(data))
    checkout.git("add", path)
    file.write_bytes(data)


def test_pointers_of_lfs_stand_for_their_objects(checkout: Checkout) -> None:
    old, new = b"old chart" * 99, b"new chart" * 99
    for name in ("kafka", "redis", "vault"):
        track(checkout, f"packs/{name}-1.0.0/chart.tgz", old)
    checkout.git("commit", "-qm", "Add charts")
    checkout.git("branch", "-f", "main")
    assert checkout.run("apply", "--auto-approve").status == 0
    assert checkout.causes() == {}
    track(checkout, "packs/redis-1.0.0/chart.tgz", new)
    checkout.git("commit", "-qm", "Change a chart")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    (checkout.root / "packs/vault-1.0.0/chart.tgz").touch()
    assert checkout.causes() == {"redis:1.0.0": "update manifest", "kafka:1.0.0": "update drift"}


def test_a_chart_in_lfs_is_known_while_it_is_the_same(checkout: Checkout) -> None:
    checkout.write("charts/README.md", "Charts.\n")
    for name in ("api", "web"):
        track(checkout, f"charts/{name}-1.0.0.tgz", chart_archive(name, "1.0.0"))
    manifest = checkout.registry("charts", policy=ALLOW, content="- charts: ../charts/*.tgz")
    manifest.write_text(manifest.read_text().replace("provider: pack", "provider: helm"))
    checkout.git("add", "registries")
    checkout.git("commit", "-qm", "Add charts")
    checkout.git("branch", "-f", "main")
    checkout.remove_by_hand("vault")
    (checkout.root / "charts/web-1.0.0.tgz").touch()
    expected = {"vault:1.0.0": "create drift", "api:1.0.0": "create drift", "web:1.0.0": "create drift"}
    assert checkout.causes() == expected
    track(checkout, "charts/web-1.0.0.tgz", chart_archive("web", "1.0.0") + b"\0")
    checkout.git("commit", "-qm", "Pack it anew")
    assert checkout.causes() == {**expected, "web:1.0.0": "create unknown"}


def test_moving_a_file_into_lfs_is_no_change(checkout: Checkout) -> None:
    data = b"chart" * 99
    (checkout.root / "packs/redis-1.0.0/chart.tgz").write_bytes(data)
    checkout.commit()
    checkout.git("branch", "-f", "main")
    track(checkout, "packs/redis-1.0.0/chart.tgz", data)
    checkout.git("commit", "-qm", "Move it into LFS")
    assert checkout.causes() == {"redis:1.0.0": "update drift"}  # it never went live


def test_pointers_that_were_never_fetched_are_what_they_are(checkout: Checkout) -> None:
    path = checkout.root / "packs/redis-1.0.0/chart.tgz"
    path.write_bytes(pointer(b"old"))
    checkout.commit()
    checkout.git("branch", "-f", "main")
    assert checkout.run("apply", "--auto-approve").status == 0
    path.write_bytes(pointer(b"new"))
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}


def test_no_filter_and_no_hook_runs(checkout: Checkout, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    checkout.write(".gitattributes", "*.yaml filter=theirs\n")
    checkout.commit()
    for key in ("filter.theirs.clean", "filter.theirs.smudge", "core.fsmonitor"):
        checkout.git("config", key, program)
    checkout.git("config", "filter.theirs.required", "true")
    for file in (checkout.root / "packs").rglob("*.yaml"):
        os.utime(file)  # git has to look into them
    checkout.values("redis", "replicas: 3\n")
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}
    assert not ran.exists()


def test_the_checkout_is_left_as_it_is(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    files = [each for each in checkout.top.rglob("*") if each.is_file()]
    before = [each.stat() for each in files]
    checkout.causes()
    after = [each.stat() for each in files]
    assert [(each.st_ctime_ns, each.st_nlink) for each in after] == [
        (each.st_ctime_ns, each.st_nlink) for each in before
    ]


def a_submodule(checkout: Checkout, tmp_path: Path) -> Path:
    """A repository of packs that is a submodule `vendor` of the checkout."""
    packs = tmp_path / "packs"
    make_pack(packs, "minio", "1.0.0")
    git(tmp_path, "init", "-q", "-b", "main", packs)
    git(packs, "add", "-A")
    git(packs, "commit", "-qm", "Packs")
    checkout.git("submodule", "--quiet", "add", packs, "vendor")
    checkout.registry(policy=ALLOW, content="- packs: [../packs/*, ../vendor/*]")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    assert checkout.run("apply", "--auto-approve").status == 0
    return packs


def test_a_submodule_of_the_same_commit_is_as_known_as_all_else(checkout: Checkout, tmp_path: Path) -> None:
    a_submodule(checkout, tmp_path)
    checkout.push_by_hand("minio", "replicas: 7\n")
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    assert checkout.causes() == {"minio:1.0.0": "update drift", "redis:1.0.0": "update manifest"}


def test_what_another_commit_of_a_submodule_held_is_unknown(checkout: Checkout, tmp_path: Path) -> None:
    packs = a_submodule(checkout, tmp_path)
    (packs / "minio-1.0.0/values.yaml").write_text("replicas: 3\n")
    git(packs, "commit", "-qam", "Change it")
    git(checkout.top / "vendor", "pull", "-q", "origin", "main")
    checkout.git("config", "submodule.vendor.ignore", "all")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {"minio:1.0.0": "update unknown", "kafka:1.0.0": "update drift"}
    ran = checkout.plan()
    assert "note: some causes are unknown in prod: submodules or files of Git LFS differ from" in ran.out


def test_a_submodule_that_is_absent_makes_causes_unknown(checkout: Checkout, tmp_path: Path) -> None:
    a_submodule(checkout, tmp_path)
    checkout.git("submodule", "--quiet", "deinit", "--force", "vendor")
    checkout.registry(policy=ALLOW)
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {"kafka:1.0.0": "update unknown"}


def test_invalid_manifests_at_the_base_make_causes_unknown_and_are_no_error(checkout: Checkout) -> None:
    checkout.write("registries/broken.yaml", "kind: Registry\n")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    (checkout.root / "registries/broken.yaml").unlink()
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update unknown"}
    ran = checkout.plan()
    assert "note: causes are unknown, since the manifests are invalid at " in ran.out
    assert "registries/broken.yaml:1:1: this document lacks `apiVersion`" in ran.out


def test_variables_are_those_of_their_time(checkout: Checkout) -> None:
    for version in ("1.0.0", "2.0.0"):
        checkout.pack("nginx", version)
    checkout.registry(policy=ALLOW, content='- packs: "../packs/nginx-{{ var.nginx }}"')
    checkout.write("vars.yaml", 'nginx: "1.0.0"\n')
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.write("vars.yaml", 'nginx: "2.0.0"\n')
    checkout.commit()
    assert checkout.causes("--var-file", "vars.yaml") == {"nginx:2.0.0": "create manifest"}


@pytest.mark.parametrize("folder", ["deploy", "a/b"])
def test_the_project_may_lie_below_the_top_and_its_packs_beside_it(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path / "repo", monkeypatch, folder)
    for name in ("nginx", "redis"):
        make_pack(checkout.top / "shared", name, "1.0.0")
    up = os.path.relpath(checkout.top, checkout.root / "registries")
    checkout.registry(policy=ALLOW, content=f"- packs: {up}/shared/*")
    checkout.merge()
    (checkout.top / "shared/nginx-1.0.0/values.yaml").write_text("replicas: 3\n")
    checkout.push_by_hand("redis", "replicas: 7\n")
    checkout.commit()
    expected = {"nginx:1.0.0": "update manifest", "redis:1.0.0": "update drift"}
    assert checkout.causes() == expected
    monkeypatch.chdir(tmp_path)
    ran = checkout.run("plan", "--base", "main", checkout.root / "registries")
    assert "nginx:1.0.0   update  (manifest)" in ran.out


def test_packs_of_another_checkout_beside_this_one_are_as_they_are(
    checkout: Checkout, tmp_path: Path
) -> None:
    make_pack(tmp_path / "other/packs", "minio", "1.0.0")
    checkout.registry(policy=ALLOW, content="- packs: [../packs/*, ../../other/packs/*]")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    assert checkout.causes() == {"minio:1.0.0": "create drift", "redis:1.0.0": "update manifest"}


def test_links_in_the_repository_lead_to_what_was_there(checkout: Checkout) -> None:
    (checkout.root / "chosen").mkdir()
    (checkout.root / "chosen/redis").symlink_to("../packs/redis-1.0.0")
    checkout.registry(policy=ALLOW, content="- packs: ../chosen/*")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}


def test_an_absolute_path_past_the_base_makes_the_cause_unknown(checkout: Checkout) -> None:
    checkout.registry(policy=ALLOW, content=f"- packs: {checkout.root}/packs/*")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    checkout.values("redis", "replicas: 3\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update unknown", "kafka:1.0.0": "update drift"}


@pytest.mark.parametrize("added", [True, False])
def test_a_file_where_a_folder_was_and_the_other_way_round(checkout: Checkout, added: bool) -> None:
    folder = checkout.root / "packs/redis-1.0.0"
    (folder / "manifests/redis.yaml").unlink()
    (folder / "manifests").rmdir()
    (folder / "manifests").write_text("a file now\n")
    (folder / "README.md").unlink()
    (folder / "README.md").mkdir()
    (folder / "README.md/part").write_text("a folder now\n")
    if added:
        checkout.commit()
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}


def test_charts_are_told_apart_too(checkout: Checkout) -> None:
    chart = checkout.root / "charts/web"
    checkout.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
    checkout.write("charts/web/values.yaml", "replicas: 1\n")
    checkout.write("charts/web/templates/a.yaml", "kind: Namespace\n")
    manifest = checkout.registry("charts", policy=ALLOW, content="- charts: ../charts/*")
    manifest.write_text(manifest.read_text().replace("provider: pack", "provider: helm"))
    checkout.commit()
    checkout.git("branch", "-f", "main")
    assert checkout.run("apply", "--auto-approve").status == 0
    (chart / "values.yaml").write_text("replicas: 3\n")
    checkout.commit()
    assert checkout.causes() == {"web:1.0.0": "update manifest"}


def test_drift_is_folded_apart(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    commit = checkout.git("merge-base", "main", "HEAD")[:12]
    ran = checkout.plan()
    rest, _, drift = ran.out.partition(
        f"Drift, not caused by what has changed since {commit}, the merge base with main:\n"
    )
    assert "redis:1.0.0   update  (manifest)" in rest
    assert "+replicas: 3" in rest
    assert "kafka:1.0.0   update  (drift)" in drift
    assert "replicas: 7" not in drift
    full = checkout.plan("--detail", "full").out
    assert "-replicas: 7" in full.partition("Drift, ")[2]
    shown = checkout.run("show", checkout.top.parent / "plan.json", "--detail", "full").out
    assert shown.partition("\n")[2] == full.partition("\n")[2]


def test_a_saved_plan_is_applied_without_its_base(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.push_by_hand("kafka", "replicas: 7\n")
    checkout.commit()
    assert checkout.plan().status == 0
    assert checkout.saved()["base"] == {"ref": "main", "commit": checkout.git("rev-parse", "main").strip()}
    shutil.rmtree(checkout.top / ".git")
    ran = checkout.run("apply", checkout.top.parent / "plan.json")
    assert ran.status == 0
    assert "0 added, 2 changed, 0 deleted" in ran.out


def test_without_a_base_nothing_is_folded(checkout: Checkout) -> None:
    checkout.push_by_hand("kafka", "replicas: 7\n")
    ran = checkout.run("plan")
    assert "Drift" not in ran.out
    assert "kafka:1.0.0   update  (manifest)" in ran.out  # by its mark, which is that of the last push


def test_a_base_that_is_not_there_advises_a_deeper_fetch(checkout: Checkout) -> None:
    for command in ("plan", "validate"):
        ran = checkout.run(command, "--base", "origin/main")
        assert ran.status == 64
        assert "--base origin/main: there is no commit origin/main in this checkout" in ran.err
        assert "fetch-depth: 0" in ran.err


def test_a_shallow_clone_advises_a_deeper_fetch(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("switch", "-q", "main")
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    checkout.git("switch", "-q", "pull-request")
    checkout.values("kafka", "replicas: 3\n")
    checkout.commit()
    clone = tmp_path / "clone"
    source = f"file://{checkout.top}"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-single-branch", source, clone)
    shallow = Checkout.__new__(Checkout)
    shallow.root = shallow.top = clone
    ran = shallow.plan(base="origin/main")
    assert ran.status == 64
    assert "holds no commit that origin/main and HEAD have in common" in ran.err
    assert "--deepen=N" in ran.err
    git(clone, "fetch", "-q", "--deepen=9")
    assert set(shallow.causes(base="origin/main").values()) == {"create drift", "create both"}


def test_a_partial_clone_fetches_nothing(checkout: Checkout, tmp_path: Path) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    checkout.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    source = f"file://{checkout.top}"
    git(tmp_path, "clone", "-q", "--filter=blob:none", source, clone)
    partial = Checkout.__new__(Checkout)
    partial.root = partial.top = clone
    objects = sorted((clone / ".git/objects").rglob("*"))
    ran = partial.plan(base="origin/main")
    assert ran.status == 64
    assert "this checkout lacks object" in ran.err
    assert "--filter" in ran.err
    assert sorted((clone / ".git/objects").rglob("*")) == objects


def test_outside_of_git_a_base_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Checkout(tmp_path / "repo", monkeypatch)
    checkout.pack()
    checkout.registry()
    shutil.rmtree(checkout.top / ".git")
    ran = checkout.plan()
    assert ran.status == 64
    assert "--base needs a git checkout: not a git repository" in ran.err
    monkeypatch.setenv("PATH", "/nowhere")
    assert "--base needs git: No such file or directory" in checkout.plan().err


def test_the_environment_may_say_where_the_repository_is(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.values("redis", "replicas: 3\n")
    checkout.commit()
    (checkout.top / ".git").rename(tmp_path / "elsewhere.git")
    monkeypatch.setenv("GIT_DIR", os.fspath(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_WORK_TREE", os.fspath(checkout.top))
    assert checkout.causes() == {"redis:1.0.0": "update manifest"}


def test_validate_wants_a_new_version_for_what_has_changed(checkout: Checkout) -> None:
    checkout.registry(policy="{}")
    checkout.values("redis", "replicas: 3\nsize: 1\n")
    checkout.pack("kafka", "1.1.0", values="replicas: 3\n")
    checkout.commit()
    ran = checkout.run("validate", "--base", "main")
    assert ran.status == 3
    assert "error[RS305]: the pack redis 1.0.0 has changed, and its version has not" in ran.out
    line = (checkout.root / "packs/redis-1.0.0/pack.json").read_text().split('"version"')[0].count("\n") + 1
    assert f"--> packs/redis-1.0.0/pack.json:{line}:" in ran.out
    assert "the merge base with main:" in ran.out
    assert "+replicas: 3" in ran.out
    assert "help: bump the version" in ran.out
    assert ran.out.count("RS305") == 1
    assert checkout.run("validate").status == 0


def test_a_raised_version_is_fine(checkout: Checkout) -> None:
    checkout.registry(policy="{}")
    old = checkout.root / "packs/redis-1.0.0"
    old.rename(checkout.root / "packs/redis-1.1.0")
    document = checkout.root / "packs/redis-1.1.0/pack.json"
    document.write_text(json.dumps({**json.loads(document.read_text()), "version": "1.1.0"}))
    checkout.commit()
    assert checkout.run("validate", "--base", "main").status == 0


def test_where_tags_may_be_overwritten_it_is_a_warning(checkout: Checkout) -> None:
    checkout.values("redis", "replicas: 3\n")
    ran = checkout.run("validate", "--base", "main")
    assert ran.status == 0
    assert "warning[RS305]" in ran.out
    assert checkout.run("validate", "--base", "main", "--strict").status == 3


def test_validate_says_when_it_could_not_compare(checkout: Checkout) -> None:
    checkout.write("registries/broken.yaml", "kind: Registry\n")
    checkout.commit()
    checkout.git("branch", "-f", "main")
    (checkout.root / "registries/broken.yaml").unlink()
    checkout.values("redis", "replicas: 3\n")
    ran = checkout.run("validate", "--base", "main")
    assert ran.status == 0
    assert "note: versions were not looked at: invalid at" in ran.err


def test_manifests_may_be_anywhere_in_the_repository(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole repository is searched, and temporary files lie in it."""
    checkout.write("team/prod.yaml", (checkout.root / "registries/prod.yaml").read_text())
    shutil.rmtree(checkout.root / "registries")
    for file in (checkout.root / "packs").rglob("*.yaml"):
        file.rename(file.with_suffix(".txt"))  # every YAML file is taken for a manifest
    checkout.commit()
    checkout.git("branch", "-f", "main")
    (checkout.root / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(checkout.root / "tmp"))
    assert checkout.run("apply", "--auto-approve", ".").status == 0
    (checkout.root / "packs/redis-1.0.0/README.md").write_text("Changed.\n")
    assert checkout.causes(".") == {"redis:1.0.0": "update manifest"}


def test_a_place_that_takes_no_links_is_told(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object, target_is_directory: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted", str(target))

    monkeypatch.setattr(os, "symlink", refuse)
    ran = checkout.plan()
    assert ran.status == 1
    assert "--base: the merge base cannot be laid out: Operation not permitted" in ran.err
    assert "TMPDIR" in ran.err
