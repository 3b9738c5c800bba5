"""A checkout as a team has it (manifests in registries/, packs in packs/), and the program run in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent, indent

from tests.support.cli import Ran, regsync
from tests.support.packs import make_pack

REGISTRY = """\
apiVersion: regsync/v1
kind: Registry
metadata: {{name: {name}, owner: {owner}}}
spec:
  provider: pack
  type: {type}
  endpoint: {endpoint}
  baseContentPaths: [{path}]
  auth: {auth}
  policy: {policy}
  content:
{content}
"""
ALL_PACKS = "- packs: ../packs/*"

# All that differs from run to run: ports, times, and what hangs on how well the compressor of a machine packs.
VARYING = (
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\b\d+\.\d s\b"), "0.0 s"),
    (re.compile(r"\b\d+(\.\d)? [kM]?B(?=,? (in|sent|0))"), "n kB"),
    (re.compile(r"\b\d+ requests?\b"), "n requests"),
    (re.compile(r"plan-id [0-9a-f]{8}"), "plan-id 00000000"),
    (re.compile(r"(live|found|expected|verbatim,)( +)sha256:[0-9a-f]+"), r"\1\2sha256:000000000000"),
)


class Project:
    """A folder with manifests and packs. Its default registry is the directory `live`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text), encoding="utf-8")
        return target

    def pack(
        self,
        name: str = "nginx",
        version: str = "1.25.0",
        *,
        values: str | None = None,
        files: Mapping[str, str | bytes | None] | None = None,
    ) -> Path:
        """Write a valid pack into packs/, with these values and with other files replaced or (None) left out."""
        given = {} if values is None else {"values.yaml": values}
        return make_pack(self.root / "packs", name, version, files={**given, **(files or {})})

    def registry(
        self,
        name: str = "prod",
        *,
        endpoint: str = "../live",
        owner: str | None = None,
        path: str = "team",
        auth: str = "{method: none}",
        policy: str = "{}",
        content: str = ALL_PACKS,
    ) -> Path:
        """Write registries/NAME.yaml; the keyword arguments are the YAML of its fields."""
        text = REGISTRY.format(
            name=name,
            owner=owner or name,
            type="basic" if "://" in endpoint else "layout",
            endpoint=endpoint,
            path=path,
            auth=auth,
            policy=policy,
            content=indent(dedent(content).strip(), "    "),
        )
        if "://" not in endpoint:
            text = text.replace(f"  auth: {auth}\n", "")
        return self.write(f"registries/{name}.yaml", text)

    def run(self, *arguments: str | Path) -> Ran:
        return regsync(*arguments, cwd=self.root)

    def files(self, folder: str = "live") -> dict[str, bytes]:
        """All files beneath a folder, to show that nothing was lost."""
        found = (self.root / folder).rglob("*")
        return {str(each.relative_to(self.root)): each.read_bytes() for each in found if each.is_file()}


def told(*runs: tuple[str, Ran]) -> str:
    """What runs of the program said: each command line, its streams and its exit status; what varies is evened out."""
    text = "\n".join(_told(command, ran) for command, ran in runs)
    for pattern, same in VARYING:
        text = pattern.sub(same, text)
    return text


def _told(command: str, ran: Ran) -> str:
    streams = ((name, text) for name, text in (("stdout", ran.out), ("stderr", ran.err)) if text)
    parts: Iterable[str] = (f"--- {name}\n{text}" for name, text in streams)
    return f"$ {command}\n{''.join(parts)}--- exit {ran.status}\n"
