"""Writes what stands in docs/ and comes from elsewhere: whole pages from the program and its schemas, and the examples in
all other pages. So they read the same in the repository and on the site."""

from __future__ import annotations

import re
from pathlib import Path

from tools import json_docs, manifest_docs, program_docs
from tools.markdown import anchored

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CI = ROOT / "examples" / "ci"
LANGUAGES = {".yml": "yaml", ".yaml": "yaml"}

_EXAMPLE = re.compile(r'^(```\w+ title="(examples/[^"]+)"\n).*?^```$', re.MULTILINE | re.DOTALL)


def ci_page() -> str:
    """Return the guide to the examples for CI systems, with the files that it speaks of."""
    guide = (CI / "README.md").read_text(encoding="utf-8")
    lines: list[str] = []
    for path in re.findall(r"\]\(([^)]+)\)", guide):
        anchor = re.sub(r"\W+", "-", path).strip("-")
        guide = guide.replace(f"]({path})", f"](#{anchor})")
        text = (CI / path).read_text(encoding="utf-8").rstrip()
        fence = f"```{LANGUAGES.get(Path(path).suffix, '')}"
        lines += ["", *anchored(anchor, f"## {path}"), fence, text, "```"]
    return "\n".join([guide, *lines, ""])


def with_examples(page: str) -> str:
    """Return a page with the examples that it shows as their files are now: those in fences with a title."""
    return _EXAMPLE.sub(
        lambda found: f"{found[1]}{(ROOT / found[2]).read_text(encoding='utf-8').rstrip()}\n```", page
    )


PAGES = {
    "ci.md": ci_page,
    "json.md": json_docs.page,
    "reference/manifest.md": manifest_docs.page,
    "reference/cli.md": program_docs.commands_page,
    "reference/codes.md": program_docs.codes_page,
}


def current() -> dict[Path, str]:
    """Return all pages of docs/ as they should be."""
    made = {DOCS / name: page() for name, page in PAGES.items()}
    written = {each: each.read_text(encoding="utf-8") for each in DOCS.rglob("*.md") if each not in made}
    return made | {path: with_examples(text) for path, text in written.items()}


if __name__ == "__main__":
    for path, text in current().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
