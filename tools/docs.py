"""Hook of MkDocs: adds an entry for each decision to the navigation of the site."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the decisions."""
    decisions = sorted(each.src_uri for each in files if each.src_uri.startswith("adr/"))
    config.nav = [*(config.nav or ()), {"Decisions": decisions}]
    return files
