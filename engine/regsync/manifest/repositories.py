"""How repositories and projects come into being, and with which settings. Knows no API."""

from __future__ import annotations

from dataclasses import replace

from regsync.manifest.endpoint import in_region
from regsync.manifest.nodes import Node, problem
from regsync.manifest.policies import lifecycle_policy, repository_policy
from regsync.model.diagnostic import Diagnostic
from regsync.model.registry import Project, Repositories
from regsync.model.settings import Json

_WRITTEN_OUT = ("tagMutability", "tagMutabilityExclusions", "scanOnPush", "encryption", "tags")
# The setting, the field that names its file, and what reads that.
_IN_FILES = (
    ("lifecyclePolicy", "lifecyclePolicyFile", lifecycle_policy),
    ("policy", "policyFile", repository_policy),
)
PROJECT_SETTINGS = ("public", "storageLimit")
_KEY_LIMIT = 128  # characters in the key of a tag (AWS, "tag naming limits")


def read_repositories(node: Node | None, problems: list[Diagnostic]) -> Repositories:
    """What is written, and nothing for what is not. A setting that is wrong by itself becomes a finding."""
    if node is None:
        return Repositories()
    settings: dict[str, Json] = {}
    for name in _WRITTEN_OUT:
        if written := node.find(name):
            settings[name] = written.data()
    for name, field, read in _IN_FILES:
        if written := node.find(field):
            settings[name] = read(written, problems)
    if tags := node.find("tags"):
        _check_tags(tags, problems)
    return Repositories(
        create=_flag(node.find("create"), default=True),
        base=_flag(node.find("base"), default=True),
        settings=settings,
        replicated=_flag(node.find("replicated"), default=False),
    )


def read_project(node: Node | None) -> Project:
    """What is written, and nothing for what is not."""
    if node is None:
        return Project()
    settings: dict[str, Json] = {
        name: written.data() for name in PROJECT_SETTINGS if (written := node.find(name))
    }
    return Project(_flag(node.find("create"), default=True), settings)


def in_one_region(repositories: Repositories, region: str) -> Repositories:
    """The same where the region's macro in the key of the encryption stands for this region."""
    encryption = repositories.settings.get("encryption")
    if not isinstance(encryption, dict):
        return repositories
    rendered: Json = {name: in_region(str(value), region) for name, value in encryption.items()}
    return replace(repositories, settings={**repositories.settings, "encryption": rendered})


def _flag(node: Node | None, *, default: bool) -> bool:
    return default if node is None else bool(node.value)


def _check_tags(tags: Node, problems: list[Diagnostic]) -> None:
    for key, value in tags.fields.items():
        advice = None
        if key.lower().startswith("aws:"):
            flaw = f"tags that begin with `{key[:4]}` belong to AWS"
        elif key.startswith("regsync."):
            flaw = f"`{key}` is a tag of regsync's own"
            advice = "what regsync creates carries its owner: see metadata.owner"
        elif not 0 < len(key) <= _KEY_LIMIT:
            flaw = f"the key of a tag has 1 to {_KEY_LIMIT} characters, not {len(key)}"
        else:
            continue
        problems.append(problem("RS111", value.where, flaw, advice=advice))
