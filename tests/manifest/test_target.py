"""Endpoints as people write them on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsync.manifest.target import read_target, read_targets
from regsync.model.errors import UsageError
from regsync.model.registry import RegistryType

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "type_", "endpoint", "paths", "slug"),
    [
        ("https://h.example.com/team", None, "https://h.example.com", ("team",), "h-example-com"),
        ("h.example.com", None, "https://h.example.com", (), "h-example-com"),
        ("http://127.0.0.1:5000/a/b/", None, "http://127.0.0.1:5000", ("a/b",), "127-0-0-1-5000"),
        (f"{ECR}/custom", RegistryType.ECR, ECR, ("custom",), "ecr-123456789012"),
        (f"https://{ECR}", RegistryType.ECR, ECR, (), "ecr-123456789012"),
        ("public.ecr.aws/a1b2/x", RegistryType.ECR_PUBLIC, "public.ecr.aws/a1b2", ("x",), "ecr-public-a1b2"),
        ("team.azurecr.io/x", RegistryType.ACR, "https://team.azurecr.io", ("x",), "acr-team"),
        ("./live", RegistryType.LAYOUT, "./live", (), "live"),
        ("there", RegistryType.LAYOUT, "there", (), "there"),
    ],
)
def test_a_host_tells_the_type_and_a_path_where_to_look(
    text: str,
    type_: RegistryType | None,
    endpoint: str,
    paths: tuple[str, ...],
    slug: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "there").mkdir()
    found = read_target(text, None, tmp_path)
    assert (found.type, found.endpoint, found.paths, found.slug) == (type_, endpoint, paths, slug)


def test_a_type_that_is_given_counts(tmp_path: Path) -> None:
    assert read_target("https://h/x", RegistryType.HARBOR, tmp_path).type is RegistryType.HARBOR
    assert read_target("live", RegistryType.LAYOUT, tmp_path).type is RegistryType.LAYOUT


def test_paths_of_one_registry_are_looked_at_together(tmp_path: Path) -> None:
    [one] = read_targets(["https://h/a", "h/b", "https://h/a"], None, tmp_path)
    assert one.paths == ("a", "b")
    assert one.prefixes == ("a/", "b/")
    [whole] = read_targets(["https://h/a", "https://h"], None, tmp_path)
    assert whole.prefixes == ("",)


def test_a_path_that_no_repository_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no repository path"):
        read_target("https://h/A?b", None, tmp_path)
