"""Findings about manifests as a reader of bad ones would meet them, for the tests of all their forms."""

from __future__ import annotations

from regsync.model.diagnostic import Diagnostic, Origin, Related, Severity, Snippet

SYNTAX = Diagnostic(
    "yaml-syntax",
    Severity.ERROR,
    "expected `,` or `]`, found `}`",
    Origin("registries/acr.yaml", 3, 27),
    Snippet("metadata: {name: [acr-dev }"),
    detail="the list was opened at registries/acr.yaml:3:18",
)
FINDINGS = {
    "syntax": SYNTAX,
    "unknown-key": Diagnostic(
        "unknown-key",
        Severity.ERROR,
        "unknown key `endpont` in `spec`",
        Origin("registries/harbor.yaml", 7, 3),
        Snippet("  endpont: https://harbor.example.com", 7),
        help="did you mean `endpoint`?",
    ),
    "wrong-type": Diagnostic(
        "wrong-type",
        Severity.ERROR,
        "`maxDeletes` is a string, expected an integer",
        Origin("registries/harbor.yaml", 22, 15),
        Snippet('  maxDeletes: "many"', 6),
    ),
    "float-version": Diagnostic(
        "unquoted-version",
        Severity.ERROR,
        "version `1.10` is not quoted, and YAML reads it as the number 1.1",
        Origin("registries/harbor.yaml", 31, 18),
        Snippet("      - version: 1.10", 4),
        help='quote it: "1.10"',
    ),
    "duplicate-address": Diagnostic(
        "duplicate-address",
        Severity.ERROR,
        "two packs for `harbor-prod/team/spectro-packs/archive/nginx:1.25.0`",
        Origin("registries/team-b.yaml", 112, 7),
        Snippet("    - packs: ../other/nginx", 27),
        related=(Related(Origin("registries/team-a.yaml", 9, 7), "first declared here"),),
        help="leave one of them out, or give it a version of its own",
    ),
    "warning": Diagnostic(
        "skip-verify",
        Severity.WARNING,
        "the registry's certificate is not checked",
        Origin("registries/zot.yaml", 9, 5),
        Snippet("    tls: {insecureSkipVerify: true}", 3),
        detail="Whoever sits between regsync and the registry can read the login.\nAnd change what is pushed.",
        help="name the registry's CA in `tls.caFile`",
    ),
}
