"""Manifests of Amazon ECR that are wrong: one error, where it is, and what to write instead; AWS is not asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project

ENDPOINT = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
MACRO = '"123456789012.dkr.ecr.{{ .spectro.system.aws.region }}.amazonaws.com"'
MANIFEST = f"""\
apiVersion: regsync/v1
kind: Registry
metadata: {{name: ecr}}
spec:
  provider: pack
  type: ecr
  endpoint: {ENDPOINT}
  baseContentPaths: [team]
  repositories: {{tagMutability: MUTABLE}}
  policy: {{overwrite: never}}
  content:
    - packs: ../packs/*
"""
LONG = "team/" + "t" * 223

BAD_MANIFESTS = {
    "a scheme": (ENDPOINT, f"https://{ENDPOINT}", "RS121", ":7:13", f"write `{ENDPOINT}`"),
    "a path": (ENDPOINT, f"{ENDPOINT}/team", "RS121", ":7:13", "`team` belongs in baseContentPaths"),
    "eleven digits": (ENDPOINT, ENDPOINT[1:], "RS121", ":7:13", "no AWS account: an account has 12 digits"),
    "no region": (
        ENDPOINT,
        ENDPOINT.replace("east-1", "esat"),
        "RS121",
        ":7:13",
        "regions read like us-east-1",
    ),
    "regions without a template": (
        "  baseContentPaths",
        "  regions: [us-east-1]\n  baseContentPaths",
        "RS129",
        ":8:3",
        "regions need an endpoint with a macro",
        "prod.yaml:7:13",
    ),
    "a template without regions": (ENDPOINT, MACRO, "RS129", ":7:13", "there is no `spec.regions`"),
    "a default region that is none": (
        ENDPOINT,
        f"{MACRO}\n  regions: [us-east-1]\n  defaultRegion: eu-west-1",
        "RS129",
        ":9:18",
        "`eu-west-1` is none of `spec.regions`",
    ),
    "a path that is too long": ("[team]", f"[{LONG}/longer]", "RS122", ":8:22", "230 characters at most"),
    "a name that is too long": (
        "[team]",
        f"[{LONG}]",
        "RS303",
        ":12:14",
        "/spectro-packs/archive/nginx` is no repository name: it has 256 characters, and may have 255",
        "shorten the base content path or the pack's name",
    ),
    "upper case": ("[team]", "[Team]", "RS122", ":8:22", "lower-case letters and digits"),
    "a policy that is not there": (
        "tagMutability: MUTABLE",
        "lifecyclePolicyFile: ../policies/keep.json",
        "RS128",
        ":9:39",
        "no such file: policies/keep.json",
    ),
    "a policy that is no JSON": (
        "tagMutability: MUTABLE",
        "policyFile: ../policies/no.json",
        "RS134",
        ":9:30",
        "policies/no.json is not JSON: ",
        "policies/no.json:2:3",
    ),
    "an alias of a key": (
        "tagMutability: MUTABLE",
        "encryption: {type: KMS, key: alias/packs}",
        "RS111",
        ":9:47",
        "an alias, not the ARN of a key",
    ),
    "overwriting what never moves": (
        "MUTABLE}\n  policy: {overwrite: never}",
        "IMMUTABLE}\n  policy: {overwrite: allow}",
        "RS129",
        ":10:23",
        "contradicts `tagMutability: IMMUTABLE`",
        "prod.yaml:9:33",
    ),
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_manifest_that_is_wrong(tmp_path: Path, name: str) -> None:
    good, bad, *said = BAD_MANIFESTS[name]
    project = Project(tmp_path)
    project.pack()
    project.write("policies/no.json", '{"Statement": [],\n  nothing}')
    assert good in MANIFEST
    project.write("registries/prod.yaml", MANIFEST.replace(good, bad))
    ran = project.run("plan")
    assert ran.status == 3
    for each in said:
        assert each in ran.err
    assert "\n1 error\n" in ran.err
