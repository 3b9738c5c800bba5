"""Finds files and parses YAML 1.2 into nodes. Knows syntax and positions; what the documents mean, it does not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.reader import ReaderError

from regsync.manifest.nodes import (
    Mark,
    Node,
    Scalar,
    SourceFile,
    Unknown,
    Unquoted,
    kind_of_path,
    problem,
    shown_path,
)
from regsync.model.diagnostic import Diagnostic

MAX_VALUES = 20_000
"""Values in one file. Aliases multiply, so a small file could otherwise fill the memory."""

MAX_MACHINE_VALUES = 200_000

LOCK_NAME = "regsync.lock.yaml"
"""The file beside manifests that `regsync lock` writes, and that is none itself."""

_QUOTED_TEMPLATE = 'a template is put in quotes: "{{ var.NAME }}"'
_SUFFIXES = (".yaml", ".yml")
_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
_TOKEN = re.compile(r"\(?'<([a-z ]+)>'(?:,\))?|<([a-z ]+)>")
_TUPLE = re.compile(r"\(('.'),\)")
_TOKENS = {
    "document start": "the start of a document",
    "document end": "the end of a document",
    "stream end": "the end of the file",
    "block end": "the end of the block",
    "block mapping start": "a mapping",
    "block sequence start": "a list",
    "scalar": "a value",
}
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def find(paths: Sequence[Path], root: Path, problems: list[Diagnostic]) -> list[SourceFile]:
    """The files behind `paths`, each once: files as they are, of folders every YAML file below that is neither hidden
    nor a lock file."""
    found: dict[str, SourceFile] = {}
    for path in (root / each for each in paths):
        shown = shown_path(path, root)
        kind = kind_of_path(path)
        if kind == "folder":
            files = sorted(_yaml_files(path))
            if not files:
                problems.append(
                    problem("RS101", None, f"no manifest in {shown}: the folder holds no YAML file")
                )
        elif kind == "file":
            files = [path]
        else:
            problems.append(
                problem(
                    "RS101",
                    None,
                    f"no such file or folder: {shown}",
                    advice="paths are relative to the working directory, or to the one that -C names",
                )
            )
            continue
        for file in files:
            found.setdefault(os.path.realpath(file), SourceFile(file, shown_path(file, root), root))
    return list(found.values())


def manifests_in(folder: Path) -> list[Path]:
    """The manifests that lie in a folder itself, as real paths."""
    return [each.resolve() for each in folder.glob("*") if _is_manifest(each.name)]


def _is_manifest(name: str) -> bool:
    return name.endswith(_SUFFIXES) and name[0] != "." and name != LOCK_NAME


def _yaml_files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if _is_manifest(name))


def read(
    file: SourceFile, problems: list[Diagnostic], *, by_machine: bool = False
) -> tuple[SourceFile, list[Node]]:
    """The file with its lines, and its documents that are not empty. What cannot be parsed becomes a finding.

    What was written `by_machine` may be ten times as large, and is read ten times as fast.
    """
    try:
        text = file.path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(problem("RS101", None, f"cannot read {file.shown}: {error.strerror}"))
        return file, []
    except UnicodeDecodeError:
        problems.append(problem("RS102", Mark(file, 1, 1), "not YAML: it is not text in UTF-8"))
        return file, []
    return parse(file, text, problems, by_machine=by_machine)


def parse(
    file: SourceFile, text: str, problems: list[Diagnostic], *, by_machine: bool = False
) -> tuple[SourceFile, list[Node]]:
    """The same of a text that `file` has, or is to have."""
    # What the parser counts as line breaks, which is less than what str.splitlines() does.
    file = SourceFile(file.path, file.shown, file.root, tuple(re.split(r"\r\n|[\r\n\x85\u2028\u2029]", text)))
    builder = _Builder(file, problems, MAX_MACHINE_VALUES if by_machine else MAX_VALUES)
    documents = []
    try:
        # People write `{host: https://…}`, which the parser in C, being of YAML 1.1, does not take.
        for root in YAML(typ="safe", pure=not by_machine).compose_all(text):
            node = builder.node(root)
            if node.value is not None:
                documents.append(node)
    except MarkedYAMLError as error:
        problems.append(_syntax_error(file, error))
    except ReaderError as error:
        before = text[: error.position]
        mark = Mark(file, before.count("\n") + 1, error.position - before.rfind("\n"))
        problems.append(
            problem("RS102", mark, f"the character U+{error.character:04X} is not allowed in YAML")
        )
    except RecursionError:
        problems.append(problem("RS102", Mark(file, 1, 1), "nested too deeply"))
    except _TooManyError:
        problems.append(
            problem("RS102", Mark(file, 1, 1), f"more than {builder.most} values, with aliases spread out")
        )
    return file, documents


def _syntax_error(file: SourceFile, error: MarkedYAMLError) -> Diagnostic:
    at = error.problem_mark or error.context_mark
    mark = Mark(file, at.line + 1, at.column + 1)
    line = file.lines[at.line] if at.line < len(file.lines) else ""
    text = _in_words(error.problem or "it cannot be parsed")
    if "\t" in line[: len(line) - len(line.lstrip())]:
        column = line.index("\t") + 1
        return problem(
            "RS102", Mark(file, mark.line, column), "a tab cannot indent YAML", advice="indent with spaces"
        )
    if undefined := re.fullmatch(r"found undefined alias '(.*)'", text):
        pattern = "*" + undefined[1]
        mark = Mark(file, mark.line, mark.column, len(pattern))
        return problem("RS102", mark, f"`{pattern}` reads as an alias", advice=f'quote it: "{pattern}"')
    begin = error.context_mark.line if error.context_mark else at.line
    if any("{{" in each for each in file.lines[max(begin, at.line - 1) : at.line + 1]):
        advice = _QUOTED_TEMPLATE
    elif "cannot start any token" in text:
        advice = "put the value in quotes"
    elif text.startswith("mapping values are not allowed"):
        advice = "check the indentation; a value that holds `: ` needs quotes"
    else:
        advice = None
    detail = f"{error.context}, from line {error.context_mark.line + 1}" if error.context_mark else None
    return problem("RS102", mark, f"not YAML: {text}", detail=detail, advice=advice)


def _in_words(text: str) -> str:
    """What the parser says, without its names of tokens: `<block end>`, and `('<scalar>',)` for what it found."""
    text = _TOKEN.sub(lambda found: _TOKENS.get(found[1] or found[2], found[1] or found[2]), text)
    text = _TUPLE.sub(r"\1", text)
    return re.sub(r",? but (found|got) ", ", found ", text)


class _TooManyError(Exception):
    pass


class _Builder:
    """Turns the parser's nodes of one file into ours."""

    def __init__(self, file: SourceFile, problems: list[Diagnostic], most: int) -> None:
        self.most = most
        self._file = file
        self._problems = problems
        self._values = 0

    def node(self, node: YamlNode, key: Mark | None = None) -> Node:
        self._values += 1
        if self._values > self.most:
            raise _TooManyError
        mark = self._mark(node)
        tag = str(node.tag)
        if tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            self._problems.append(problem("RS102", mark, f"the tag `{tag}` is not used in manifests"))
            return Node(Unknown(), mark, key)
        if isinstance(node, MappingNode):
            return Node(self._fields(node), mark, key)
        if isinstance(node, SequenceNode):
            return Node([self.node(each) for each in node.value], mark, key)
        if "\0" in node.value:
            self._problems.append(problem("RS102", mark, "a NUL character has no place in a manifest"))
            return Node(Unknown(), mark, key)
        value = _scalar(tag.rpartition(":")[2], node.value)
        return Node(value, mark, key, written=None if isinstance(value, str) else node.value)

    def _fields(self, mapping: MappingNode) -> dict[str, Node] | Unknown:
        fields: dict[str, Node] = {}
        for name, value in mapping.value:
            mark = self._mark(name)
            if not isinstance(name, ScalarNode):
                self._problems.append(problem("RS102", mark, "a key must be text", advice=_QUOTED_TEMPLATE))
                return Unknown()
            node = self.node(value, mark)
            first = fields.setdefault(name.value, node)
            if first is not node:
                fields[name.value] = replace(first, value=Unknown())
                summary = f"`{name.value}` is written twice"
                related = [(first.where, "first written here")]
                self._problems.append(problem("RS103", mark, summary, related=related))
        return fields

    def _mark(self, node: YamlNode) -> Mark:
        start: StringMark = node.start_mark
        end: StringMark = node.end_mark
        one_line = isinstance(node, ScalarNode) and end.line == start.line
        return Mark(
            self._file, start.line + 1, start.column + 1, end.column - start.column if one_line else 1
        )


def _scalar(tag: str, text: str) -> Scalar:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag == "int" and _INTEGER.fullmatch(text):
        return int(text)
    return Unquoted(text) if tag in ("int", "float", "timestamp") else text
