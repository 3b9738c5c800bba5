"""Runs for tests of reports: one with everything in it, its apply, and one of thousands of changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from regsync.model.content import FileDiff, FileEntry, FileStatus
from regsync.model.diagnostic import Diagnostic, Origin, Related, Severity, Snippet
from regsync.model.outcome import Outcome, Result, Status
from regsync.model.plan import (
    Action,
    Cause,
    Change,
    Copy,
    Guard,
    Plan,
    Reason,
    RegistryView,
    ResourceType,
    Source,
)
from regsync.model.reference import Address
from regsync.model.state import Unreadable, UnreadableScope
from regsync.report.run import Run, Surrounding
from tests.support.plans import LIVE, make_change, make_plan

STARTED = datetime(2026, 11, 21, 5, 31, 7, tzinfo=UTC)
REGIONS = ("us-east-1", "eu-west-1", "ap-south-1")
VIEWS = (
    RegistryView("acr-dev", "acr", "https://dev.azurecr.io"),
    *(
        RegistryView(
            f"ecr-prod@{each}", "ecr", f"214575254960.dkr.ecr.{each}.amazonaws.com", each, REGIONS[0]
        )
        for each in REGIONS
    ),
    RegistryView("harbor-prod", "harbor", "https://harbor.example.com"),
)
HARBOR = "harbor-prod/team/spectro-packs/archive"
ECR = "ecr-prod@{}/custom/spectro-packs/archive/{}"


def make_run(plan: Plan | None = None, **more: Any) -> Run:
    """Build a run of `plan`, of a pull request."""
    defaults: dict[str, Any] = {
        "command": "plan",
        "started": STARTED,
        "seconds": 3.2,
        "plan": plan,
        "requests": {"acr-dev": 41, "harbor-prod": 186} if plan else {},
        "surrounding": Surrounding(
            "8c1f0a52be94d17763f0cc51", "https://ci.example.com/runs/4711", "pull_request"
        ),
    }
    return Run(**{**defaults, **more})


def changed(path: str, *lines: str) -> FileDiff:
    """Build the diff of one text."""
    return FileDiff(
        path, FileStatus.CHANGED, FileEntry(path, "1" * 64, 2048), FileEntry(path, "2" * 64, 2051), lines
    )


def repository(address: str, action: Action, **more: Any) -> Change:
    """Build a change of a repository or of what else has no tag."""
    return make_change(
        address, action, **{"type": ResourceType.REPOSITORY, "reason": Reason.SETTINGS_DIFFER, **more}
    )


def ecr(region: str, pack: str, action: Action = Action.NO_OP, **more: Any) -> Change:
    return make_change(ECR.format(region, pack), action, **more)


VALUES = changed(
    "values.yaml",
    "@@ -9,7 +9,9 @@ redis:",
    " image:",
    "   repository: redis/redis-stack",
    "-  tag: 7.2.0-v9",
    "+  tag: 7.2.1-v1",
    " replica:",
    "-  count: 1",
    "+  count: 3",
    "+  podDisruptionBudget:",
    "+    minAvailable: 2",
    " persistence:",
    "   enabled: true",
)
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "expire untagged",
            "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 14},
            "action": {"type": "expire"},
        }
    ]
}
CHANGES = (
    make_change(
        f"{HARBOR}/nginx:1.25.0",
        cause=Cause.MANIFEST,
        origin=Origin("registries/harbor.yaml", 14, 7),
        source=Source("packs/nginx-1.25.0", 34, 1_234_567),
    ),
    make_change(
        f"{HARBOR}/cert-manager:1.14.4",
        cause=Cause.MANIFEST,
        source=Source("packs/cert-manager-1.14.4", 12, 402_112),
        origin=Origin("registries/harbor.yaml", 14, 7),
    ),
    repository(
        "harbor-prod/@project/team",
        Action.UPDATE,
        type=ResourceType.PROJECT,
        cause=Cause.DRIFT,
        why="settings differ from the manifest",
        origin=Origin("registries/harbor.yaml", 9, 5),
        before={"storageLimit": "100Gi", "public": True},
        after={"storageLimit": "50Gi", "public": False},
        notes=("the project holds 31 GiB now",),
    ),
    make_change(
        "acr-dev/team/spectro-packs/archive/redis:7.2.1",
        Action.UPDATE,
        cause=Cause.BOTH,
        origin=Origin("registries/acr.yaml", 19, 7),
        source=Source("packs/redis-7.2.1", 12, 96_400),
        diffs=(
            VALUES,
            FileDiff(
                "charts/redis-18.1.0.tgz",
                FileStatus.ADDED,
                None,
                FileEntry("charts/redis-18.1.0.tgz", "3" * 64, 96_000),
            ),
            FileDiff(
                "logo.png",
                FileStatus.CHANGED,
                FileEntry("logo.png", "4" * 64, 4711),
                FileEntry("logo.png", "5" * 64, 9210),
                (),
                "binary",
            ),
        ),
        notes=("the live one was pushed by oras 1.1 or later",),
    ),
    make_change(
        ECR.format("eu-west-1", "old-app:0.9.1"),
        Action.DELETE,
        cause=Cause.MANIFEST,
        why="tombstone at registries/ecr.yaml:31",
        origin=Origin("registries/ecr.yaml", 31, 7),
    ),
    make_change(
        ECR.format("us-east-1", "k8s:1.29.1"),
        Action.BLOCKED,
        cause=Cause.MANIFEST,
        origin=Origin("registries/ecr.yaml", 27, 7),
        source=Source("packs/k8s-1.29.1", 9, 12_000),
        diffs=(changed("values.yaml", "@@ -3 +3 @@", "-image: k8s:1.29.0", "+image: k8s:1.29.1"),),
        help="raise the version at packs/k8s-1.29.1/pack.json:3, or set policy.overwrite: allow at registries/ecr.yaml:22",
    ),
    repository(
        "ecr-prod@us-east-1/custom/spectro-packs/archive/vault",
        Action.CREATE,
        cause=Cause.MANIFEST,
        reason=Reason.NOT_CREATED,
        why="ECR has no repository for the pack",
        origin=Origin("registries/ecr.yaml", 14, 17),
        after={"tagMutability": "IMMUTABLE", "scanOnPush": True, "lifecyclePolicy": LIFECYCLE},
    ),
    *(
        ecr(
            each,
            "vault:0.27.0",
            Action.CREATE,
            cause=Cause.MANIFEST,
            source=Source("packs/vault-0.27.0", 7, 64_000),
        )
        for each in REGIONS
    ),
    ecr(
        "eu-west-1",
        "redis:7.2.1",
        Action.CREATE,
        cause=Cause.MANIFEST,
        why="copied from ecr-prod@us-east-1",
        copy=Copy(Address.parse(ECR.format("us-east-1", "redis:7.2.1")), LIVE),
    ),
    repository(
        "ecr-prod@ap-south-1/custom/spectro-packs/archive/argo",
        Action.UPDATE,
        cause=Cause.DRIFT,
        why="settings differ from the manifest",
        origin=Origin("registries/ecr.yaml", 14, 17),
        before={"tagMutability": "MUTABLE", "lifecyclePolicy": {"rules": []}},
        after={"tagMutability": "IMMUTABLE", "lifecyclePolicy": LIFECYCLE},
    ),
    repository(
        "ecr-prod/@palette/ecr-prod",
        Action.UPDATE,
        type=ResourceType.REGISTRATION,
        cause=Cause.MANIFEST,
        why="settings differ from the manifest",
        origin=Origin("registries/ecr.yaml", 17, 5),
        before={"defaultRegion": "eu-west-1", "isSyncSupported": True},
        after={"defaultRegion": "us-east-1", "isSyncSupported": True},
    ),
    repository(
        "ecr-prod/@palette/ecr-prod/sync",
        Action.CREATE,
        type=ResourceType.SYNC,
        cause=Cause.MANIFEST,
        reason=Reason.CONTENT_CHANGES,
        why="the content of the default region changes",
        before=None,
        after={"confirm": ["k8s:1.29.1", "vault:0.27.0"]},
    ),
)
UNCHANGED = (
    *(ecr(each, "nginx:1.25.0") for each in REGIONS),
    *(ecr(each, f"addon-{number}:1.{number}.0") for each in REGIONS for number in range(24)),
    ecr("us-east-1", "redis:7.2.1"),
    ecr(
        "ap-south-1",
        "redis:7.2.1",
        before={**(ecr("ap-south-1", "redis:7.2.1").before or {}), "digest": "sha256:" + "9" * 64},
    ),
    *(
        make_change(f"{HARBOR}/pack-{number}:{tag}", Action.NO_OP)
        for number in range(20)
        for tag in ("1.0.0", "1.1.0")
    ),
    make_change(f"{HARBOR}/calico:3.27.0", Action.NO_OP, notes=("was pushed by another owner: left alone",)),
)
EVERYTHING = make_plan(
    *CHANGES,
    *UNCHANGED,
    registries=VIEWS,
    guards=(
        Guard(
            "deletes", "acr-dev", True, "deletes 0/5", "--max-deletes 0", Origin("registries/acr.yaml", 12, 3)
        ),
        Guard(
            "deletes",
            "ecr-prod@eu-west-1",
            True,
            "deletes 1/5",
            "--max-deletes 1",
            Origin("registries/ecr.yaml", 22, 3),
        ),
        Guard(
            "share",
            "ecr-prod@eu-west-1",
            True,
            "share 4/30 %",
            "--max-delete-share 4",
            Origin("registries/ecr.yaml", 22, 3),
        ),
        Guard(
            "deletes",
            "harbor-prod",
            True,
            "deletes 0/5",
            "--max-deletes 0",
            Origin("registries/harbor.yaml", 3, 3),
        ),
        Guard("protected", "harbor-prod", True, "protected none touched", "--unprotect ADDRESS"),
    ),
    unreadable=tuple(
        Unreadable(
            "acr-dev",
            UnreadableScope.REPOSITORY,
            "GET https://dev.azurecr.io/v2/team/…/tags/list: 502 Bad Gateway after 5 tries",
            f"team/spectro-packs/archive/pack-{number}",
            hint="the registry or a proxy before it is overloaded; plan again later",
        )
        for number in range(3)
    ),
    notes=("acr-dev: prune cannot see repositories that no manifest names: the catalogue is denied",),
    unmanaged=3,
    not_compared=3,
    manifest_files=4,
)
PLANNED = make_run(EVERYTHING)
DIAGNOSTICS = (
    Diagnostic(
        "M012",
        Severity.ERROR,
        "`tagMutabilty` is no field of `repositories`",
        Origin("registries/ecr.yaml", 14, 18),
        Snippet("  repositories: {tagMutabilty: IMMUTABLE, scanOnPush: true}", 12),
        help="did you mean `tagMutability`?",
    ),
    Diagnostic(
        "P021",
        Severity.WARNING,
        "the chart's image is not listed in `spec.values`",
        Origin("packs/vault-0.27.0/values.yaml", 3, 1),
        detail="Palette shows the images of a pack by this list.",
        related=(Related(Origin("packs/vault-0.27.0/pack.json", 1, 1), "the pack"),),
    ),
)


def applied() -> Run:
    """Build the apply of EVERYTHING in which not all went well."""
    results = []
    for change in EVERYTHING.changes:
        if change.action is Action.NO_OP:
            continue
        name = str(change.address)
        status, detail, hint = Status.APPLIED, None, None
        if change.action is Action.BLOCKED:
            status, detail, hint = Status.REFUSED, change.why, change.help
        elif "ap-south-1" in name and "vault" in name:
            status, detail, hint = (
                Status.FAILED,
                "PUT https://214575254960.dkr.ecr.ap-south-1.amazonaws.com/v2/custom/…: 503 after 5 tries",
                "the registry is overloaded or being upgraded; apply again later",
            )
        elif change.action is Action.DELETE:
            status, detail = Status.SKIPPED, "a create in this live registry failed"
        elif "cert-manager" in name:
            status = Status.ALREADY
        sent = 412_345 if status is Status.APPLIED and change.source else 0
        results.append(Result(change, status, detail, hint, sent, 0.81))
    outcome = Outcome(EVERYTHING, tuple(results), seconds=12.4, requests={"harbor-prod": 212, "acr-dev": 97})
    return make_run(command="apply", outcome=outcome, plan=EVERYTHING, status=1, requests={})


def many(number: int = 5000) -> Run:
    """Build a plan of as many changes over five regions, every second one with a diff of thirty lines."""
    regions = (*REGIONS, "us-west-2", "sa-east-1")
    actions = (Action.CREATE, Action.UPDATE, Action.BLOCKED, Action.UPDATE, Action.DELETE)
    lines = (
        "@@ -10,20 +10,20 @@",
        *(f"{'- +'[index % 3]}  key-{index}: some value of a pack {index}" for index in range(30)),
    )
    changes = [
        make_change(
            ECR.format(regions[index % 5], f"pack-{index // 10:04}:1.{index // 5 % 2}.0"),
            actions[index % 7 % 5],
            cause=(Cause.MANIFEST, Cause.DRIFT, Cause.UNKNOWN)[index % 11 % 3],
            source=Source(f"packs/pack-{index // 10}-1.{index // 5 % 2}.0", 12, 90_000),
            diffs=(changed("values.yaml", *lines),) if index % 2 else (),
        )
        for index in range(number)
    ]
    views = tuple(
        RegistryView(
            f"ecr-prod@{each}", "ecr", f"214575254960.dkr.ecr.{each}.amazonaws.com", each, regions[0]
        )
        for each in regions
    )
    return make_run(make_plan(*changes, registries=views))
