"""The options of all commands, each with its REGSYNC_ variable; nothing here acts on them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from regsync.model.registry import RegistryType

DEFAULT_PATH = "registries"
"""The folder that manifests are looked for in where none is named."""


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class DetailOption(StrEnum):
    SUMMARY = "summary"
    CHANGES = "changes"
    FULL = "full"


class DiagnosticsFormat(StrEnum):
    FULL = "full"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    JUNIT = "junit"


class ReportFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH", help="Manifests, or folders of them. Default: registries/.", show_default=False
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="GLOB",
        envvar="REGSYNC_TARGET",
        help="Only what this shell glob on addresses matches (*/nginx:*, prod/*), or a live registry (prod). Repeatable.",
        show_default=False,
    ),
]
Update = Annotated[
    list[str] | None,
    typer.Option(
        "--update",
        metavar="NAME",
        envvar="REGSYNC_UPDATE",
        help="Pin this chart anew, to the newest version that its range has by now. Repeatable.",
        show_default=False,
    ),
]
Excludes = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        envvar="REGSYNC_EXCLUDE",
        help="Not what this shell glob on addresses matches (*/nginx:*, prod/*), nor a live registry (prod). Repeatable.",
        show_default=False,
    ),
]
Vars = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="K=V",
        envvar="REGSYNC_VAR",
        help="A template variable, {{ var.K }} in manifests. Repeatable; also REGSYNC_VAR__K.",
        show_default=False,
    ),
]
VarFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--var-file",
        metavar="FILE",
        envvar="REGSYNC_VAR_FILE",
        help="A YAML file of template variables. Repeatable; later files win.",
        show_default=False,
    ),
]
Parallelism = Annotated[
    int,
    typer.Option(
        "--parallelism",
        metavar="N",
        min=1,
        max=64,
        envvar="REGSYNC_PARALLELISM",
        help="Requests at once per live registry.",
    ),
]
MaxDeletes = Annotated[
    int | None,
    typer.Option(
        "--max-deletes",
        metavar="N",
        min=0,
        envvar="REGSYNC_MAX_DELETES",
        help="Lift policy.maxDeletes for this run.",
        show_default=False,
    ),
]
MaxDeleteShare = Annotated[
    int | None,
    typer.Option(
        "--max-delete-share",
        metavar="PERCENT",
        min=0,
        max=100,
        envvar="REGSYNC_MAX_DELETE_SHARE",
        help="Lift policy.maxDeleteShare for this run.",
        show_default=False,
    ),
]
AllowEmpty = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-empty",
        metavar="REGISTRY",
        envvar="REGSYNC_ALLOW_EMPTY",
        help="Let prune empty this live registry (prod, ecr-prod@eu-west-1). Repeatable.",
        show_default=False,
    ),
]
Unprotect = Annotated[
    list[str] | None,
    typer.Option(
        "--unprotect",
        metavar="ADDRESS",
        envvar="REGSYNC_UNPROTECT",
        help="Let this protected artifact be changed. Repeatable.",
        show_default=False,
    ),
]
Adopt = Annotated[
    list[str] | None,
    typer.Option(
        "--adopt",
        metavar="ADDRESS",
        envvar="REGSYNC_ADOPT",
        help="Take this artifact over from its owner. Repeatable.",
        show_default=False,
    ),
]
SendSecrets = Annotated[
    list[str] | None,
    typer.Option(
        "--send-secrets",
        metavar="ADDRESS",
        envvar="REGSYNC_SEND_SECRETS",
        help="Send the secrets of this registration to Palette anew (prod/@palette/prod). Repeatable.",
        show_default=False,
    ),
]
Detail = Annotated[
    DetailOption,
    typer.Option("--detail", envvar="REGSYNC_DETAIL", help="How much the plan shows of each change."),
]
Json = Annotated[
    bool,
    typer.Option("--json", envvar="REGSYNC_JSON", help="Print an event a line as JSON instead of text."),
]
JsonDocument = Annotated[bool, typer.Option("--json", envvar="REGSYNC_JSON", help="Print one JSON document.")]
Compare = Annotated[
    Path | None,
    typer.Option(
        "--compare",
        metavar="OLD",
        envvar="REGSYNC_COMPARE",
        help="Show only what has changed since this earlier plan.",
        show_default=False,
    ),
]
DetailedExitcode = Annotated[
    bool,
    typer.Option(
        "--detailed-exitcode",
        envvar="REGSYNC_DETAILED_EXITCODE",
        help="Exit with 2 where there are changes.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        envvar="REGSYNC_OUT",
        help="Save the plan, for review and for apply.",
        show_default=False,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="REF",
        envvar="REGSYNC_BASE",
        help="Tell what has changed since the merge base of HEAD and this branch or commit (origin/main) from what has not.",
        show_default=False,
    ),
]
AutoApprove = Annotated[
    bool, typer.Option("--auto-approve", envvar="REGSYNC_AUTO_APPROVE", help="Do not ask before writing.")
]
FailFast = Annotated[
    bool,
    typer.Option(
        "--fail-fast", envvar="REGSYNC_FAIL_FAST", help="Start nothing new after the first failure."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", envvar="REGSYNC_STRICT", help="Treat warnings as errors.")]
Format = Annotated[
    DiagnosticsFormat, typer.Option("--format", envvar="REGSYNC_FORMAT", help="Form of the findings.")
]
Report = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="FORMAT=PATH",
        envvar="REGSYNC_REPORT",
        help="Also write a report of this run to a file: github, github-output, github-summary, gitlab-codequality, "
        "gitlab-terraform, html, json, junit, markdown, prometheus, sarif or text. Repeatable.",
        show_default=False,
    ),
]
ReportForm = Annotated[
    ReportFormat, typer.Option("--format", envvar="REGSYNC_FORMAT", help="Form of what is printed.")
]

Endpoints = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENDPOINT|PATH",
        help="A registry and, for a part of it, the path to look beneath: https://harbor.example.com/team, "
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com, a layout directory. With --unmanaged: manifests.",
        show_default=False,
    ),
]
Endpoint = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT",
        help="A registry with the base content path that packs go to (https://harbor.example.com/team), or a directory.",
        show_default=False,
    ),
]
ManifestOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        envvar="REGSYNC_OUT",
        help="The manifest to write, which must not be there. Default: a file named after the registry in registries/.",
        show_default=False,
    ),
]
PullPacks = Annotated[
    Path | None,
    typer.Option(
        "--pull-packs",
        metavar="DIR",
        envvar="REGSYNC_PULL_PACKS",
        help="Put packs, as folders, and charts, as .tgz archives, in this folder. Nothing there is overwritten.",
        show_default=False,
    ),
]
Unmanaged = Annotated[
    bool,
    typer.Option(
        "--unmanaged",
        envvar="REGSYNC_UNMANAGED",
        help="Write nothing: print what no manifest names, beneath the base content paths of manifests, as tombstones.",
    ),
]
Repository = Annotated[
    list[str] | None,
    typer.Option(
        "--repository",
        metavar="NAME",
        envvar="REGSYNC_REPOSITORY",
        help="Look at this repository alone, in full (team/spectro-packs/archive/nginx). For registries that do not list "
        "theirs. Repeatable.",
        show_default=False,
    ),
]
Kind = Annotated[
    RegistryType | None,
    typer.Option(
        "--type",
        envvar="REGSYNC_TYPE",
        help="Default: told from the host, or asked of the registry.",
        show_default=False,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        envvar="REGSYNC_CA_FILE",
        help="The authority of the registry's certificate, as spec.tls.caFile.",
        show_default=False,
    ),
]
ConnectTo = Annotated[
    str | None,
    typer.Option(
        "--connect-to",
        metavar="URL",
        envvar="REGSYNC_CONNECT_TO",
        help="Where to connect in the registry's stead, as spec.connectTo.",
        show_default=False,
    ),
]
Packs = Annotated[
    Path,
    typer.Option("--packs", metavar="DIR", envvar="REGSYNC_PACKS", help="The folder that the packs are in."),
]

PLANNING = (
    "target",
    "exclude",
    "var",
    "var_file",
    "max_deletes",
    "max_delete_share",
    "allow_empty",
    "unprotect",
    "adopt",
    "send_secrets",
)
"""Options that a saved plan has recorded; beside a plan file they are usage errors."""
