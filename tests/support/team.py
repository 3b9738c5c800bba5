"""A project whose manifest speaks of one live registry, and what a test asks of it again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cli import Ran
from tests.support.project import Project
from tests.support.servers import PASSWORD, USER, DistributionServer

MANIFEST = "registries/team.yaml"
VERSION = "1.25.0"
LOGIN = {"REGISTRY_PASSWORD": PASSWORD}
"""The environment that a manifest with `login_to` needs."""


def login_to(server: DistributionServer) -> dict[str, Any]:
    """The fields of `spec` by which a manifest logs in to a server of the tests over TLS."""
    [variable] = LOGIN
    return {
        "auth": {"method": "basic", "username": USER, "password": {"env": variable}},
        "tls": {"caFile": str(server.ca_file)},
    }


class Team(Project):
    """Syncs its packs to `base` at `endpoint`; `spec` is said in every manifest that it declares."""

    def __init__(self, root: Path, endpoint: str, base: str, *, name: str = "team", **spec: Any) -> None:
        super().__init__(root)
        self.base = base
        self.name = name
        self._spec = {
            "provider": "pack",
            "type": "basic" if "://" in endpoint else "layout",
            "endpoint": endpoint,
            "baseContentPaths": [base],
            **spec,
        }
        self.declare()

    def declare(self, *content: dict[str, Any], **spec: Any) -> None:
        """Write the manifest anew: all packs where no content is given."""
        wanted = {**self._spec, **spec, "content": content or [{"packs": "../packs/*"}]}
        lines = [
            "apiVersion: regsync/v1",
            "kind: Registry",
            f"metadata: {{name: {self.name}}}",
            "spec:",
            *(f"  {field}: {json.dumps(value)}" for field, value in wanted.items()),  # JSON is YAML, too
        ]
        self.write(MANIFEST, "\n".join(lines) + "\n")

    def repository(self, name: str) -> str:
        return f"{self.base}/spectro-packs/archive/{name}"

    def tag(self, name: str, version: str = VERSION) -> str:
        return f"{self.repository(name)}:{version}"

    def address(self, name: str, version: str = VERSION) -> str:
        return f"{self.name}/{self.tag(name, version)}"

    def tags(self, *names: str) -> set[str]:
        return {self.tag(name) for name in names}

    def references(self, packs: Path) -> dict[Path, str]:
        """Repository and tag under which each folder in `packs` is published."""
        say = {folder: json.loads((folder / "pack.json").read_bytes()) for folder in sorted(packs.iterdir())}
        return {folder: self.tag(pack["name"], pack["version"]) for folder, pack in say.items()}

    def plan(self, *options: str | Path) -> Ran:
        return self.run("plan", *options)

    def apply(self, *options: str | Path) -> Ran:
        return self.run("apply", "--auto-approve", *options)

    def is_settled(self) -> bool:
        """Whether the plan has nothing to do, by its text and by its status."""
        ran = self.plan("--detailed-exitcode")
        return ran.status == 0 and "No changes." in ran.out
