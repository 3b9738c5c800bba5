"""A folder of manifests in the making: writes files, loads them, and picks out what was found."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from regsync.manifest.load import Loaded, Variables, load
from regsync.manifest.nodes import Node, SourceFile
from regsync.manifest.source import read
from regsync.model.declaration import Declaration
from regsync.model.diagnostic import Diagnostic
from regsync.model.settings import Json

DATA = Path(__file__).parents[1] / "data" / "manifest"

REGISTRY = """\
apiVersion: regsync/v1
kind: Registry
metadata: {name: prod}
spec:
  provider: pack
  type: basic
  endpoint: harbor.example.com
  baseContentPaths: [team, other]
  content: []
"""


class Desk:
    """Writes below `root`, which is also what messages are relative to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def packs(self, *names: str) -> None:
        for name in names:
            self.write(f"packs/{name}/pack.json", "{}")

    def load(self, *paths: str, variables: Mapping[str, Json] | None = None) -> Loaded:
        return load([Path(each) for each in paths], root=self.root, variables=Variables(variables or {}))

    def check(self, text: str, variables: Mapping[str, Json] | None = None) -> Loaded:
        """Load one manifest of this text, which stands in registries/prod.yaml."""
        self.write("registries/prod.yaml", text)
        return self.load("registries/prod.yaml", variables=variables)

    def declared(self, text: str, variables: Mapping[str, Json] | None = None) -> Declaration:
        """The only declaration of a text without a finding."""
        loaded = self.check(text, variables)
        assert loaded.diagnostics == ()
        (declaration,) = loaded.declarations
        return declaration

    def declarations(self, text: str) -> tuple[Declaration, ...]:
        """The declarations of a text without a finding."""
        loaded = self.check(text)
        assert loaded.diagnostics == ()
        return loaded.declarations

    def found(self, text: str, variables: Mapping[str, Json] | None = None) -> Diagnostic:
        """The only finding about a text."""
        (diagnostic,) = self.check(text, variables).diagnostics
        return diagnostic


def registry(*lines: str) -> str:
    """REGISTRY with lines of spec in the place of its own, each told by its field."""
    wanted = {line.partition(":")[0]: line for line in lines}
    kept = [line for line in REGISTRY.splitlines() if line.strip().partition(":")[0] not in wanted]
    return "\n".join([*kept, *(f"  {line}" for line in lines)]) + "\n"


def marked(diagnostic: Diagnostic) -> str:
    """The characters that a finding marks in its source line."""
    assert diagnostic.origin is not None
    assert diagnostic.snippet is not None
    start = diagnostic.origin.column - 1
    return diagnostic.snippet.text[start : start + diagnostic.snippet.length]


def parse(text: str, problems: list[Diagnostic]) -> list[Node]:
    """The documents of a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return read(SourceFile(path, path.name, path.parent), problems)[1]
