"""Manifests that the program writes are what a person would write, and mean what was meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from regsync.manifest.load import load_text
from regsync.manifest.write import render_drafts, text
from regsync.model.draft import Draft, Seen
from regsync.model.registry import Provider, RegistryType

DRAFT = Draft("prod", Provider.PACK, RegistryType.BASIC, "https://h.example.com", ("team", "1"))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=30))
def test_every_text_is_read_back(value: str) -> None:
    for written in (f"a: {text(value)}", f"a: [{text(value)}]", f"a: {{b: {text(value)}}}"):
        [found] = YAML(typ="safe", pure=True).load(written).values()
        assert found in (value, [value], {"b": value})


@pytest.mark.parametrize("value", ["../packs/nginx-1.25.0", "https://h.example.com:5000", "public.ecr.aws/a"])
def test_what_is_safe_stands_without_quotes(value: str) -> None:
    assert text(value) == value


@pytest.mark.parametrize("value", ["true", "No", "1.10", "1", "", "a b", "a: b", "a #b", "*a", "- a"])
def test_what_yaml_reads_otherwise_is_quoted(value: str) -> None:
    assert text(value) == f'"{value}"'


def test_comments_stay_comments_whatever_a_registry_says() -> None:
    hostile = Seen(
        "team", "nginx", "1", "sha256:" + "0" * 64, reason="its name is\nkind: Palette\x85- a\u2028b"
    )
    rendered = render_drafts([replace(DRAFT, seen=(hostile,))])
    [line] = [each for each in rendered.splitlines() if "kind: Palette" in each]
    assert line.startswith("  #   nginx:1   sha256:000000000000   team   its name is?kind: Palette?- a?b")
    assert len(list(YAML(typ="safe", pure=True).load_all(rendered))) == 1


def test_what_is_written_is_what_is_declared(tmp_path: Path) -> None:
    draft = replace(
        DRAFT,
        type=RegistryType.ECR,
        endpoint="123456789012.dkr.ecr.{{.spectro.system.aws.region}}.amazonaws.com",
        regions=("us-east-1", "eu-west-1"),
        connect_to="http://127.0.0.1:1",
        base=False,
        settings={"tagMutability": "IMMUTABLE_WITH_EXCLUSION", "tagMutabilityExclusions": ["dev-*"]},
    )
    loaded = load_text(render_drafts([draft]), Path("registries/prod.yaml"), root=tmp_path)
    assert loaded.diagnostics == ()
    specs = [each.spec for each in loaded.declarations]
    assert [each.name for each in specs] == ["prod@us-east-1", "prod@eu-west-1"]
    assert specs[0].base_content_paths == draft.base_content_paths
    assert specs[0].repositories.settings == draft.settings
    assert specs[0].repositories.base is False
