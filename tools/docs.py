"""Hooks of MkDocs: adds to the site of `docs/` the pages that are generated, and an entry for each decision."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tools import manifest_docs, program_docs

CI = Path(__file__).resolve().parent.parent / "examples" / "ci"
LANGUAGES = {".yml": "yaml", ".yaml": "yaml"}


def ci_page() -> str:
    """Return the guide to the examples for CI systems, with the files that it speaks of."""
    guide = (CI / "README.md").read_text(encoding="utf-8")
    lines = []
    for path in re.findall(r"\]\(([^)]+)\)", guide):
        anchor = re.sub(r"\W+", "-", path).strip("-")
        guide = guide.replace(f"]({path})", f"](#{anchor})")
        text = (CI / path).read_text(encoding="utf-8").rstrip()
        lines += [
            "",
            f"## {path} {{ #{anchor} }}",
            "",
            f"```{LANGUAGES.get(Path(path).suffix, '')}",
            text,
            "```",
        ]
    return "\n".join([guide, *lines])


PAGES = {
    "ci.md": ci_page,
    "reference/manifest.md": manifest_docs.page,
    "reference/cli.md": program_docs.commands_page,
    "reference/codes.md": program_docs.codes_page,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the decisions to the navigation."""
    for path, page in PAGES.items():
        files.append(File.generated(config, path, content=page()))
    decisions = sorted(each.src_uri for each in files if each.src_uri.startswith("adr/"))
    config.nav = [*(config.nav or ()), {"Decisions": decisions}]
    return files
